# medusa-store-health and medusa-store-ready: wherever they are mounted, whatever the database does, and what they never tell.
use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;

my $MOUNTS = <<'CONF';
<Location "/health">
    SetHandler medusa-store-health
</Location>
<Location "/health/ready">
    SetHandler medusa-store-ready
</Location>
CONF

my $db = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1']);
my $mpm = ($ENV{TEST_MPM} || 'event') eq 'prefork' ? 'event' : $ENV{TEST_MPM} || 'event';    # limits are a child's: one is enough
my $h = MedusaStore::Harness->new(mpm => $mpm, conf => $MOUNTS,
    main => "MedusaStorePasswordCost 8192 1\nMedusaStoreDBWait 500ms\nMedusaStoreDBTimeout 1s\n");

sub answers {
    my ($path, $status, $body, $name, %option) = @_;
    my $r = $h->get($path, %option);
    is("$r->{status} $r->{body}", "$status $body", $name);
    return $r;
}

# Why it is not ready, and what such an answer has besides.
sub not_ready {
    my ($path, $why, $name, %option) = @_;
    my $r = $h->get($path, %option);
    is($r->{status}, 503, "$name: 503");
    like($r->{body}, $why, "$name: it says why");
    like($r->{headers}{'retry-after'}, qr/^\d+$/, "$name: Retry-After");
    is($r->{headers}{'cache-control'}, 'no-store', "$name: nobody keeps it");
    unlike($r->{body}, qr/\Q$h->{database}\E|sock=|\Q$ENV{MS_TEST_WEB_USER}\E|\Q$ENV{MS_TEST_SOCKET}\E/, "$name: no parameters");
    return $r;
}

subtest 'as it should be' => sub {
    for my $path ('/health', '/health/ready') {
        my $r = answers($path, 200, 'OK', $path);
        is($r->{headers}{'content-type'}, 'text/plain; charset=utf-8', 'plain text');
        is($r->{headers}{'cache-control'}, 'no-store', 'nobody keeps it');
        is($r->{headers}{'content-length'}, 2, 'its length');
        my $head = $h->request('HEAD', $path);
        is("$head->{status} $head->{body} $head->{headers}{'content-length'}", '200  2', 'HEAD');
        answers("$path?x=1", 200, 'OK', 'a query means nothing');
        answers($path, 200, 'OK', 'nor does a range', headers => { Range => 'bytes=1-1' });
        for my $method (qw(POST PUT DELETE OPTIONS)) {
            my $refused = $h->request($method, $path, body => 'x');
            is($refused->{status}, 405, "$method: 405");
            is(join(',', sort grep { $_ ne 'TRACE' } split /,/, $refused->{headers}{allow}), 'GET,HEAD', '… and what is allowed');
        }
    }
};

subtest 'no sessions' => sub {
    my $on = MedusaStore::Harness->new(shop => $h, conf => "$MOUNTS<Location />\nSession On\nMedusaStoreSessionProvider On\n</Location>\n");
    my $customer = new_customer($on, jar => 'me');
    my $rows = $on->sql_value('SELECT GROUP_CONCAT(HEX(id), expires_at) FROM session');
    for my $path ('/health', '/health/ready') {
        my $r = $on->get($path, jar => 'me');
        is($r->{status}, 200, "$path with a session's cookie");
        is_deeply($r->{cookies}, [], 'sets none');
    }
    is($on->sql_value('SELECT GROUP_CONCAT(HEX(id), expires_at) FROM session'), $rows, 'and touches no row');
    is($on->get('/store/customers/me', jar => 'me')->{status}, 200, 'the session is still good');
    $on->stop;
};

subtest 'wherever they are' => sub {
    my $other = MedusaStore::Harness->new(shop => $h, place => 0, conf => <<"CONF");
$MOUNTS
<Location "/">
    MedusaStore On
    Session On
</Location>
<Location "/customers/health">
    SetHandler medusa-store-health
</Location>
<Directory "$h->{root}">
    Require all granted
    AllowOverride All
</Directory>
Alias /else "$h->{root}/htdocs"
<Location "/else">
    MedusaStore Off
    Session Off
</Location>
CONF
    local $h->{client} = $other->{client};
    answers('/health', 200, 'OK', 'within the API itself');
    answers('/customers/health', 200, 'OK', 'below one of its routes');
    is($other->get('/customers/me')->{status}, 401, 'and the API is all around');
    $h->write_file('htdocs/health', "a file\n");
    $h->write_file('htdocs/status.txt', "a file\n");
    $h->write_file('htdocs/.htaccess', "<Files status.txt>\nSetHandler medusa-store-ready\n</Files>\n");
    answers('/else/status.txt', 200, 'OK', 'by an .htaccess');
    answers('/else/health', 200, "a file\n", 'and nothing else there');
    $other->stop;
};

subtest 'files and folders of the same name' => sub {
    answers('/health', 200, 'OK', 'a file');
    unlink "$h->{root}/htdocs/health";
    unlink "$h->{root}/htdocs/.htaccess";
    mkdir "$h->{root}/htdocs/health";
    answers('/health', 200, 'OK', 'a folder');
    $h->write_file('htdocs/health/index.html', "a page\n");
    $h->write_file('htdocs/health/ready', "another file\n");
    answers('/health', 200, 'OK', 'a folder with a page');
    answers('/health/ready', 200, 'OK', 'a file within it');
    my $pages = MedusaStore::Harness->new(shop => $h, modules => ['negotiation'],
        conf => "AddType text/html .html\n<Directory />\nOptions +MultiViews\n</Directory>\n$MOUNTS");
    $pages->write_file("htdocs/$_.html", "a page\n") for 'health', 'other';
    local $h->{client} = $pages->{client};
    answers('/health', 200, 'OK', 'a page that MultiViews would find');
    answers('/health' . '/x' x 3000, 200, 'OK', 'a path that is too long for a file');
    answers($_, 200, "a page\n", "it finds $_") for '/health.html', '/other';
    $pages->write_file('htdocs/index.html', "WordPress\n");
    $pages->write_file('htdocs/.htaccess', "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule . /index.html [L]\n");
    answers($_, 200, 'OK', "$_ beside one program for all paths") for '/health', '/health/ready';
    answers('/else', 200, "WordPress\n", 'which gets the others');
    $pages->stop;
};

subtest 'a proxy for all paths' => sub {
    my $proxied = MedusaStore::Harness->new(shop => $h, place => 0, modules => [qw(proxy proxy_http)],
        conf => "ProxyPass / http://127.0.0.1:$h->{port}/other/\n$MOUNTS");
    $h->write_file('htdocs/other', "another server\n");
    local $h->{client} = $proxied->{client};
    answers($_, 200, 'OK', $_) for '/health', '/health/ready';
    is($proxied->get('/')->{status}, 404, 'the proxy is asked for the others');
    $proxied->stop;
};

# ---- the schema ----

subtest 'an older schema' => sub {
    my ($newest) = $h->sql_value('SELECT MAX(version) FROM migration');
    $h->sql("DELETE FROM migration WHERE version = $newest");
    my $r = not_ready('/health/ready', qr/older than this module \($newest\): run medusa-store-admin migrate/, 'older');
    answers('/health', 200, 'OK', 'the process is well all the same');
    $h->sql('DELETE FROM migration');
    not_ready('/health/ready', qr/the schema of the database \(0\) is older/, 'no migration');
    $h->sql('RENAME TABLE migration TO kept');
    not_ready('/health/ready', qr/does not tell its schema: run medusa-store-admin migrate/, 'no table of migrations');
    $h->sql('RENAME TABLE kept TO migration');
    $h->sql("INSERT INTO migration SELECT $newest, 'x', REPEAT('0', 64), now(3)");
    answers('/health/ready', 200, 'OK', 'as it was');
    $h->sql('INSERT INTO migration SELECT ' . ($newest + 1) . ", 'x', REPEAT('0', 64), now(3)");
    answers('/health/ready', 200, 'OK', 'a newer one is no reason while it runs');
    $h->sql("DELETE FROM migration WHERE version > $newest");
    unlike($h->log_text, qr/MS0105/, 'the error log is not filled by who asks');
};

# ---- the database ----

sub timed {
    my ($path) = @_;
    my $from = time;
    my $r = $h->get($path);
    return [$r->{status}, time - $from];
}

sub await_ready {
    my $end = time + 20;
    my $r;
    until (($r = $h->get('/health/ready'))->{status} == 200 || time > $end) { sleep 0.05 }
    return $r->{status};
}

subtest 'a database that is gone' => sub {
    $h->expect_log('MS0101', qr/can't connect/);
    $h->expect_log('MS0102', qr/answers again/);
    $db->kill;
    not_ready('/health/ready', qr/^the database does not answer$/, 'gone');
    answers('/health', 200, 'OK', 'the process is well all the same');
    $db->start;
    is(await_ready(), 200, 'it is back');
};

subtest 'a database that is frozen' => sub {
    $h->allow_log('MS0101', qr/does not answer in time/);
    $h->expect_log('MS0109', qr/longer than 1000 ms/);
    $db->signal('STOP');
    # all threads of the child ask at once
    my @seen = MedusaStore::Crowd->start(12, sub { return timed('/health/ready') })->end;
    is_deeply([grep { $_->[0] != 503 } @seen], [], 'frozen: 503');
    cmp_ok(max(map { $_->[1] } @seen), '<', 3, '… within MedusaStoreDBTimeout and MedusaStoreDBWait, or a little more');
    @seen = map { timed('/health') } 1 .. 5;
    is_deeply([grep { $_->[0] != 200 } @seen], [], 'the process is well all the same');
    cmp_ok(max(map { $_->[1] } @seen), '<', 1, '… and says so at once');
    $db->signal('CONT');
    is(await_ready(), 200, 'it goes on');
};

# ---- several shops, and none ----

subtest 'a host that is no shop' => sub {
    my $away = MedusaStore::Harness->new(shop => $h, start => 0);
    $away->write_private('db-params', "sock=$away->{root}/nothing,user=x,pass=password1234,dbname=y\n");
    my $shop = sub {
        my ($name, $root) = @_;
        return <<"CONF";
<VirtualHost *>
    ServerName $name
    MedusaStoreDBParams "file:$root/db-params"
    MedusaStoreSecret "file:$root/secret"
    $MOUNTS
    <Location "/store">
        MedusaStore On
        Session On
    </Location>
</VirtualHost>
CONF
    };
    my $none = MedusaStore::Harness->new(shop => 0, conf => $MOUNTS);
    {
        local $h->{client} = $none->{client};
        answers('/health', 200, 'OK', 'without any shop: the process is well');
        not_ready('/health/ready', qr/^no shop is configured$/, 'without any shop');
    }
    $none->stop;
    my $all = MedusaStore::Harness->new(shop => 0, conf => "<VirtualHost *>\nServerName admin.example\n$MOUNTS</VirtualHost>\n"
        . $shop->('one.example', $h->{root}) . $shop->('two.example', $h->{root}));
    {
        local $h->{client} = $all->{client};
        answers('/health/ready', 200, 'OK', 'all shops can serve', headers => { Host => 'admin.example' });
        answers('/health/ready', 200, 'OK', 'one shop can serve', headers => { Host => 'one.example' });
    }
    $all->{conf} .= $shop->('three.example', $away->{root});
    $all->stop_server;
    $all->start_again;
    $all->expect_log('MS0101');
    {
        local $h->{client} = $all->{client};
        my $r = not_ready('/health/ready', qr/^three\.example: the database does not answer$/, 'one shop of three', headers => { Host => 'admin.example' });
        unlike($r->{body}, qr/password1234|\Q$away->{root}\E/, 'without its parameters');
        answers('/health/ready', 200, 'OK', 'the others are ready', headers => { Host => 'two.example' });
        not_ready('/health/ready', qr/^the database does not answer$/, 'the very shop', headers => { Host => 'three.example' });
        answers('/health', 200, 'OK', 'each process is well', headers => { Host => 'three.example' });
    }
    $all->stop;
};

$h->stop;
done_testing;
