# One count for all processes, with each MPM: exactly so many, whoever counts; over restarts, and when one is killed in between.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Crowd;
use MedusaStore::Process qw(children);
use MedusaStore::Report qw(figure);
use MedusaStore::Tries qw(shop fail_as pass_as statuses metric);

my $LOG = "LogFormat \"%P %>s\" pid\nCustomLog logs/pid.log pid\n";
my %CHILDREN = (    # several, whatever comes
    prefork => "StartServers 6\nMinSpareServers 6\n",
    worker  => "StartServers 2\n",
    event   => "StartServers 2\n",
);

sub pids {
    my ($h) = @_;
    open my $in, '<', "$h->{root}/logs/pid.log" or return ();
    my %pid = map { /^(\d+) 4(?:01|29)/ ? ($1 => 1) : () } <$in>;
    return keys %pid;
}

# How many of many tries at once end how.
sub crowd {
    my ($h, $from, $email, $times) = @_;
    my %count;
    my @seen = MedusaStore::Crowd->start(16, sub { return [map { fail_as($h, $from, $email)->{status} } 1 .. $times] })->end;
    $count{$_}++ for map { @$_ } @seen;
    return \%count;
}

for my $mpm (sort keys %CHILDREN) {
    subtest $mpm => sub {
        my $h = shop(['SignIn Address 40/1h', 'SignIn Both 10/1h'], mpm => $mpm, conf => $CHILDREN{$mpm} . $LOG);
        my $c = new_customer($h);
        $h->expect_log('MS0009', qr/too many failed sign-ins/, 1);
        my $count = crowd($h, '192.0.2.1', $c->{email}, 4);
        is_deeply($count, { 401 => 10, 429 => 54 }, 'ten tries with one account, of many at once');
        my $hashes = metric($h, 'hashes_total') - 1;    # that of the registration
        ok(figure('H10', "$mpm: hashes for 64 tries at once, of which 10 are free", $hashes, '', $hashes == 10), 'ten hashes');
        cmp_ok(scalar(() = pids($h)), '>', 1, 'more than one process has counted');
        my $owner = pass_as($h, '192.0.2.2', $c)->{status};
        ok(figure('H10', "$mpm: the owner signs in from another address", $owner, 'status', $owner == 200), 'from elsewhere');

        $h->reload;
        is(statuses(map { fail_as($h, '192.0.2.1', $c->{email}) } 1 .. 6), '429*6', 'a graceful restart keeps the counts');
        is(statuses(pass_as($h, '192.0.2.2', $c)), '200', 'all of them');
        $h->reload(main => $h->{main} . "MedusaStoreThrottleLimit SignIn Both 10/2h\n");
        is(statuses(map { fail_as($h, '192.0.2.1', $c->{email}) } 1 .. 6), '401*5 429', 'another limit holds at once, for what was counted before');

        $h->restart;
        is(statuses(fail_as($h, '192.0.2.1', $c->{email})), '429', 'a hard restart keeps them, too');

        my ($victim) = map { $_->{pid} } children($h->{pid});
        ok($victim && kill('KILL', $victim), 'a process is killed') or return;
        my $end = time + 30;
        sleep 0.05 while -e "/proc/$victim" && time < $end;
        is(statuses(fail_as($h, '192.0.2.1', $c->{email}), pass_as($h, '192.0.2.2', $c)), '429 200', 'and takes nothing along');

        $h->stop_server;
        $h->start_again;
        is(statuses(fail_as($h, '192.0.2.1', $c->{email})), '401', 'a stop forgets all');
        $h->stop;
    };
}

subtest 'two shops' => sub {
    my $h = shop(['SignIn Both 2/1h'], conf => join '', map { "<VirtualHost *>\nServerName $_->[0].example\nMedusaStoreDBMax $_->[1]\n"
        . "$_->[2]\n</VirtualHost>\n" } ['one', 3, ''], ['two', 4, 'MedusaStoreThrottleLimit SignIn Both 3/1h']);
    $h->expect_log('MS0009', qr/too many failed sign-ins/, 1);
    my $try = sub { my ($shop) = @_; return fail_as($h, '192.0.2.1', 'a@lab.test', headers => { Host => "$shop.example" }) };
    is(statuses(map { $try->('one') } 1 .. 3), '401*2 429', 'one');
    is(statuses(map { $try->('two') } 1 .. 4), '401*3 429', 'the other one counts for itself, and has a limit of its own');
    is(metric($h, 'throttled_total', shop => 'one.example'), 1, 'and so are those that were refused');
    $h->stop;
};

done_testing;
