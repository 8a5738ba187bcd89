# The logs can't be written: their disk is full, from the start or from a moment on, their file is gone. The shop goes on as if nothing were;
# and so does the worker that delivers events.
use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer sign_in who cookie_of as_cookie);
use MedusaStore::Daemon;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

use constant WHILE => full() ? 10 : 2;    # seconds

MedusaStore::Harness::need_database();
my $FORMAT = qq(LogFormat "%t %>s %{medusa-route}n %{medusa-problem}n" shop\n);

# Can this machine give us a small disk? In a namespace that ends with httpd.
sub small_disk {
    my $folder = "$ENV{MS_TEST_SCRATCH}/disk-$$";
    mkdir $folder;
    my ($exit, $why) = MedusaStore::Harness::run_command('unshare', '--mount', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', $folder);
    rmdir $folder;
    note $why if $exit;
    return !$exit;
}

# Everything is logged, and nothing of it can be.
sub shop {
    my ($error_log, $access_log, %more) = @_;
    return MedusaStore::Harness->new(main => $STEADY, log_level => 'debug', %more,
        conf => qq(ErrorLog "$error_log"\n${FORMAT}CustomLog "$access_log" shop\n<Location "/health">\nSetHandler medusa-store-health\n</Location>\n));
}

# Customers of before are known, new ones come, errors are told.
sub serves {
    my ($h, $c, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $new = eval { new_customer($h) };
    return is_deeply([who($h, as_cookie($c->{cookie})), sign_in($h, $c)->{status}, sign_in($h, $c, password => 'wrong horse')->{status},
        $new ? who($h, as_cookie($new->{cookie})) : "$@", $h->post('/store/customers', json => {})->{status}, $h->get('/health')->{status}],
        [$c->{id}, 200, 401, $new ? $new->{id} : 'a customer', 400, 200], $name);
}

# Sixteen customers; `break` is done among them.
sub survives {
    my ($h, $name, $break) = @_;
    my $c = new_customer($h);
    my $steady = MedusaStore::Steady->start('F14', $h)->named($name);
    sleep 0.5;
    $break->();
    my $from = time;
    sleep WHILE;
    serves($h, $c, "$name: served as ever");
    my $to = time;
    $steady->end;
    $steady->holds;
    is scalar $steady->unanswered, 0, "$name: no connection was lost";
    my $gap = $steady->traffic->gap($from, $to);
    ok figure('F14', "longest time without an acknowledged write: $name", sprintf('%.2f', $gap), 's', $gap < 3), sprintf '%s: %.2f s without a write at most', $name, $gap;
    return;
}

subtest 'a disk that has always been full' => sub {
    my $h = shop('/dev/full', '/dev/full');
    survives($h, 'a disk that was full from the start', sub { });
    $h->stop;
};

subtest 'a disk that becomes full' => sub {
    plan skip_all => 'a small disk takes root, and mounts' if $> || !small_disk();
    my $h = shop('disk/error.log', 'disk/access.log', start => 0);
    mkdir "$h->{root}/disk";
    $h->{under} = ['unshare', '--mount', 'sh', '-c', qq(mount -t tmpfs -o size=256k,mode=0755 tmpfs "$h->{root}/disk" && exec "\$\@"), 'sh'];
    $h->start;
    my $disk = "/proc/$h->{pid}/root$h->{root}/disk";
    my $free = sub { my ($free) = `stat -f -c %a '$disk'` =~ /(\d+)/; return $free };    # df would look at our own namespace
    cmp_ok $free->(), '>', 0, 'there is room at first';
    survives($h, 'a disk that becomes full', sub {
        my $end = time + 30;
        sleep 0.1 while $free->() && time < $end;
    });
    is $free->(), 0, 'and then none';
    cmp_ok -s "$disk/error.log", '>', 1000, 'the log was begun';
    unlink "$disk/access.log";    # still open: room comes with a restart
    $h->stop;
};

subtest 'a file that is gone' => sub {
    my $h = shop('logs/gone.log', 'logs/access.log');
    survives($h, 'a file that was removed', sub { unlink "$h->{root}/logs/gone.log", "$h->{root}/logs/access.log" });
    ok !-e "$h->{root}/logs/gone.log", 'it is not made anew';
    my $c = new_customer($h);
    $h->signal('USR1');
    my $end = time + 30;
    sleep 0.05 until -s "$h->{root}/logs/gone.log" || time > $end;
    ok -s "$h->{root}/logs/gone.log", 'until a graceful restart';
    serves($h, $c, 'after which it goes on, too');
    $h->stop;
};

subtest 'the worker' => sub {
    my $h = MedusaStore::Harness->new(main => $STEADY);
    my $events = "$ENV{MS_TEST_SCRATCH}/no-log-events-$$";
    my $sink = $h->write_file('sink', "#!/bin/sh\ncat >> '$events'\nexit \$(grep -c . '$events' | sed 's/^1\$/1/; s/^[^1].*/0/')\n");
    chmod 0755, $sink;
    my $worker = MedusaStore::Daemon->new('worker');
    $worker->launch('sh', '-c', 'exec "$@" > /dev/full 2>&1', 'sh', $ENV{MS_ADMIN}, '--params-file', "$h->{root}/db-admin-params",
        'outbox', '--follow', '--exec', $sink);
    my $first = new_customer($h);    # is refused once, which the worker can't tell anybody
    my $end = time + 60;
    sleep 0.1 until $h->sql_value("SELECT COUNT(*) FROM outbox WHERE attempts = 1") || time > $end;
    new_customer($h) for 1 .. 3;
    $h->sql('UPDATE outbox SET due_at = created_at');
    sleep 0.1 while $h->sql_value('SELECT COUNT(*) FROM outbox') && time < $end;
    my $left = $h->sql_value('SELECT COUNT(*) FROM outbox');
    ok figure('F14', 'events that a worker without a log did not deliver', $left, '', !$left), 'all events are delivered';
    is $worker->has_ended, 0, 'and it goes on';
    $worker->stop;
    unlink $events;
    $h->stop;
};

done_testing;
