# The schema of the databases while httpd starts and restarts: newer, older, unknown; and that nothing waits for an answer for long.
use strict;
use warnings;

use IO::Socket::INET;
use Socket qw(SOMAXCONN);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Harness;
use MedusaStore::Report qw(figure);
use MedusaStore::Source qw(text);

my ($KNOWN) = text('mod_medusa_store/db/schema.h') =~ /MS_SCHEMA = (\d+)/;
my $NEWER   = $KNOWN + 3;
my $READY   = "<Location \"/ready\">\nSetHandler medusa-store-ready\n</Location>\n";

# One database for all: its schema is what the table of migrations says.
my $h = MedusaStore::Harness->new(start => 0);
my $real = $h->sql_value('SELECT checksum FROM migration WHERE version = 1');

sub set_schema {
    my ($version) = @_;
    $h->sql("DELETE FROM migration; INSERT INTO migration SELECT seq, 'x', '$real', now(3) FROM seq_1_to_$version");
    return;
}

sub shop { my (%option) = @_; return MedusaStore::Harness->new(shop => $h, start => 0, conf => $READY, %option) }

# A virtual host that is a shop of its own, with these parameters.
sub host {
    my ($name, $params, $more) = @_;
    $more //= '';
    return <<"CONF";
<VirtualHost *>
    ServerName $name
    MedusaStoreDBParams $params
    MedusaStoreSecret "file:$h->{root}/secret"
    $more
    $READY
    <Location "/store">
        MedusaStore On
        Session On
    </Location>
</VirtualHost>
CONF
}

sub status { my ($s, $path, $host) = @_; return $s->get($path, headers => { Host => $host })->{status} }

# Processes whose parent is httpd, less its own children: those have its name, and are no zombies.
sub leftovers {
    my ($s) = @_;
    my @found;
    for my $file (glob '/proc/[0-9]*/stat') {
        open my $in, '<', $file or next;
        my ($name, $state, $parent) = (<$in> // '') =~ /\((.*)\) (\w) (\d+)/ or next;
        push @found, "$name $state" if $parent == $s->{pid} && $state eq 'Z';
    }
    return @found;
}

subtest 'as it should be' => sub {
    my $s = shop();
    $s->start;
    is($s->get('/ready')->{status}, 200, 'ready');
    unlike($s->log_text, qr/MS011[456]/, 'and no word about it');
    $s->stop;
};

subtest 'newer' => sub {
    set_schema($NEWER);
    my $s = shop();
    my ($exit, $log) = $s->run_server;
    ok(figure('F6', 'exit status of httpd that is started on newer tables', $exit, '', $exit == 1), 'httpd refuses to start');
    like($log, qr/^MS0902: .*can't start: the schema of localhost's database is at migration $NEWER, .*knows $KNOWN.*: update the module$/m,
        'and tells both numbers, and what to do');
    $s->expect_log('MS0902', qr/update the module/, 1);
    $s->expect_log('AH00020', qr/exiting/, 1);
    my ($configtest, $output) = $s->configtest('');
    is($configtest, 0, 'httpd -t does not ask the database') or diag $output;
    $s->stop('nothing else was logged');

    my $two = MedusaStore::Harness->new(shop => 0, start => 0,
        conf => host('one.example', "sock=$ENV{MS_TEST_SOCKET},user=nobody,dbname=none") . host('two.example', "file:$h->{root}/db-params"));
    ($exit, $log) = $two->run_server;
    is($exit, 1, 'one of several shops is enough');
    like($log, qr/MS0902: .*the schema of two\.example's database is at migration $NEWER/, 'and is named');
    like($log, qr/medusa_store:info.*MS0116: .*can't connect/, 'the other one could not be asked');
    unlike($log, qr/\Q$ENV{MS_TEST_SOCKET}\E.*user=|dbname=/, 'no parameters are told');
    $two->expect_log('MS0902', qr/two\.example/, 1);
    $two->expect_log('AH00020', qr/exiting/, 1);
    $two->stop('nothing else was logged');
};

subtest 'older' => sub {
    my $older = $KNOWN - 1;
    set_schema($older);
    my $s = shop();
    $s->expect_log('MS0115', qr/medusa_store:warn.*is at migration $older, this module needs $KNOWN: run medusa-store-admin migrate/, 1);
    $s->start;
    my $ready = $s->get('/ready')->{status};
    ok(figure('F6', 'readiness on older tables', $ready, '', $ready == 503), 'httpd starts, and is not ready');
    set_schema($KNOWN);
    is($s->get('/ready')->{status}, 200, 'until the migration has been run');
    $s->stop;
    $h->sql('RENAME TABLE migration TO kept');
    my $none = shop();
    $none->expect_log('MS0115', qr/is at migration 0/, 1);
    $none->start;
    is($none->get('/ready')->{status}, 503, 'a database that was never migrated');
    $none->stop;
    $h->sql('RENAME TABLE kept TO migration');
};

subtest 'unknown' => sub {
    my $s = shop();
    $s->write_private('db-params', "sock=$s->{root}/nothing,user=x,pass=password1234,dbname=y\n");
    $s->expect_log('MS0116', qr/medusa_store:info.*the server starts without it/, 1);
    $s->expect_log('MS0101');
    $s->secret('password1234');
    $s->start;
    is($s->get('/ready')->{status}, 503, 'a database that is down: httpd starts, and is not ready');
    is($s->get('/store/auth/a@example.com')->{status}, 503, 'requests are answered with 503');
    is($s->get('/store/auth')->{status}, 401, 'or without the database');
    $s->stop;
};

subtest 'silent' => sub {
    my $tcp = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => SOMAXCONN) or die $@;
    my $silent = 'host=127.0.0.1,port=' . $tcp->sockport . ',user=x,dbname=';
    # many of them, and a good one behind
    my $s = MedusaStore::Harness->new(shop => 0, start => 0, conf => join "", "MedusaStoreDBWait 1s\nMedusaStorePasswordCost 8 1\n",
        map({ host("s$_.example", "$silent$_") } 1 .. 30), host('good.example', "file:$h->{root}/db-params"));
    my $from = time;
    $s->start;
    cmp_ok(time - $from, '<', 8, 'httpd starts within the time of one, and a little');
    cmp_ok(time - $from, '>', 0.9, 'having waited for it');
    $s->expect_log('MS0116', qr/does not answer in time \(MedusaStoreDBWait\)/, 30);
    is_deeply([leftovers($s)], [], 'nobody is left behind');
    is(status($s, '/ready', 'good.example'), 200, 'a shop with another database serves');
    set_schema($NEWER);
    $from = time;
    $s->expect_log('MS0116', qr/does not answer in time/, 60);
    $s->{expected}[0]{max} = 60;
    $s->expect_log('MS0114');
    $s->signal('USR1');
    ok($s->await_log(qr/resuming normal operations.*resuming normal operations/s, 20), 'a restart');
    cmp_ok(time - $from, '<', 8, 'takes no longer');
    is_deeply([leftovers($s)], [], 'nobody is left behind');
    like($s->log_text, qr/MS0114: .*at migration $NEWER/, 'and sees that another database is newer');
    set_schema($KNOWN);
    $s->stop;
};

# Restart with the configuration as it is now, and wait until a host answers /ready with this status.
sub again {
    my ($s, $way, $host, $status) = @_;
    $s->$way;
    my $end = time + 10;    # the last children of the generation before may still answer
    sleep 0.05 while status($s, '/ready', $host) != $status && time < $end;
    return is(status($s, '/ready', $host), $status, "$host is answered with $status");
}

subtest 'newer, while it runs' => sub {
    my $other = MedusaStore::Harness->new(start => 0);
    my $two = host('two.example', "file:$other->{root}/db-params");
    my $s = MedusaStore::Harness->new(shop => 0, conf => host('one.example', "file:$h->{root}/db-params") . host('one.too.example', "file:$h->{root}/db-params"));
    set_schema($NEWER);
    is(status($s, '/ready', 'one.example'), 200, 'a server that runs goes on');
    for my $way (qw(reload restart)) {
        again($s, $way, 'one.example', 200);
        is(status($s, '/store/auth/a@example.com', $_), 200, "$_ goes on, too") for 'one.example', 'one.too.example';
    }
    $s->expect_log('MS0114', qr/medusa_store:error.*at migration $NEWER, this module knows $KNOWN.*update the module; it goes on as before$/, 2);
    $s->stop;

    $s = MedusaStore::Harness->new(shop => 0, conf => $two);
    $s->{conf} .= host('one.example', "file:$h->{root}/db-params") . host('one.too.example', "file:$h->{root}/db-params");
    for my $way (qw(reload restart)) {
        again($s, $way, 'one.example', 503);
        for my $name ('one.example', 'one.too.example') {
            my $r = $s->get('/ready', headers => { Host => $name });
            is($r->{status}, 503, "$name: a shop that comes with a restart can't serve");
            like($r->{body}, qr/\($NEWER\) is newer than this module \($KNOWN\): update the module/, 'and says why');
            is(status($s, '/store/auth/a@example.com', $name), 503, 'nor does it try');
        }
        is(status($s, '/ready', 'two.example'), 200, 'the other database is as good as before');
        is(status($s, '/store/auth/a@example.com', 'two.example'), 200, 'and its shop goes on');
    }
    $s->expect_log('MS0114', qr/medusa_store:error.*at migration $NEWER, this module knows $KNOWN.*update the module; until then it answers 503$/, 2);
    set_schema($KNOWN);
    again($s, 'reload', 'one.example', 200);
    is(status($s, '/store/auth/a@example.com', 'one.example'), 200, 'with a schema that fits it serves');
    $s->stop;
    $other->stop('nothing ran');
};

SKIP: {
    skip 'who asks is who runs, unless that is root', 1 unless MedusaStore::Harness::is_root();
    subtest 'as the user of the children' => sub {
        my $user = 'www-data';
        MedusaStore::Harness::run_sql("CREATE OR REPLACE USER `$user`\@localhost IDENTIFIED VIA unix_socket;"
            . " GRANT SELECT, INSERT, UPDATE, DELETE ON $h->{database}.* TO `$user`\@localhost");
        my $s = shop();
        $s->write_private('db-params', "sock=$ENV{MS_TEST_SOCKET},user=$user,dbname=$h->{database}\n");
        $s->start;
        unlike($s->log_text, qr/MS0116/, 'a database that knows its clients by the socket is asked');
        is($s->get('/ready')->{status}, 200, 'and serves');
        $s->stop;
        set_schema($NEWER);
        my ($exit, $log) = $s->run_server;
        is($exit, 1, 'newer: httpd refuses to start');
        like($log, qr/MS0902: .*newer one: update the module/, 'and tells why');
        set_schema($KNOWN);
        MedusaStore::Harness::run_sql("DROP USER `$user`\@localhost");
    };
}

$h->stop('nothing ran');
done_testing;
