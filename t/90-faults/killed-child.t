# Children of httpd crash and are killed while sixteen customers shop: the others go on, what hung in the dead one is not half written, and
# neither the gate of the hashes nor the counters keep what it held.
use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Exposition;
use MedusaStore::Harness;
use MedusaStore::Process qw(children semaphore semaphore_sets);
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

use constant KILLS => full() ? 100 : 8;

MedusaStore::Harness::need_database();
# slots that are always taken, so that each child that dies may hold one; and four processes from the start to the end, so that each kill leaves three
my $mpm = ($ENV{TEST_MPM} || 'event') eq 'prefork' ? 'event' : $ENV{TEST_MPM} || 'event';
my $h = MedusaStore::Harness->new(mpm => $mpm, log_level => 'warn', http_log_level => 'notice', main => "${STEADY}MedusaStorePasswordCost 8192 2\nMedusaStoreHashSlots 2\n", conf => <<'CONF');
ServerLimit 8
StartServers 4
ThreadLimit 8
ThreadsPerChild 8
MaxRequestWorkers 64
MinSpareThreads 16
MaxSpareThreads 64
<Location "/metrics">
    SetHandler medusa-store-metrics
</Location>
CONF
my ($gate) = semaphore_sets($h->{pid}, map { $_->{pid} } children($h->{pid}));
my @free = map { semaphore($gate, $_)->{value} } 0, 1;

# Those that serve: no zombies.
sub living { return map { $_->{pid} } grep { $_->{state} ne 'Z' } children($h->{pid}) }

# Wait until there are `n` again; the seconds that it took.
sub await_children {
    my ($n) = @_;
    my $from = time;
    sleep 0.02 until living() >= $n || time > $from + 30;
    return time - $from;
}

await_children(4);
my $steady = MedusaStore::Steady->start('F7', $h);
my (@kills, @back);
for my $n (1 .. KILLS) {
    sleep 0.1 + rand 0.3;
    my @children = living();
    my ($pid, $signal) = ($children[rand @children], $n % 2 ? 'SEGV' : 'KILL');
    my $from = time;
    kill $signal, $pid;
    sleep 0.002 while grep { $_ == $pid } living();
    push @kills, [$from, time];
    push @back, await_children(4) + time - $from;
}
my $ended = time;
sleep 0.5;
$steady->end;
ok figure('F7', 'children killed, by SEGV and by KILL in turns', scalar @kills, '', @kills == KILLS), KILLS . ' children are dead';
$steady->holds;

# a request may lose its connection only with the child that had taken it
my @unanswered = $steady->unanswered;
my @elsewhere = grep { my $request = $_; !grep { $request->{from} <= $_->[1] && $request->{to} >= $_->[0] } @kills } @unanswered;
ok figure('F7', 'requests without an answer while no child died', scalar @elsewhere, '', !@elsewhere), 'the other children are not disturbed'
    or diag explain \@elsewhere;
my $most = max 0, map { my $kill = $_; scalar grep { $_->{from} <= $kill->[1] && $_->{to} >= $kill->[0] } @unanswered } @kills;
ok figure('F7', 'requests lost with one child, at most (8 threads, and as many that wait for one)', $most, '', $most <= 16), "$most went down with one child";
my $gap = $steady->traffic->gap($kills[0][0], $ended);
ok figure('F7', 'longest time without an acknowledged write', sprintf('%.2f', $gap), 's', $gap < 5), sprintf 'the shop stood still for %.2f s at most', $gap;
note sprintf 'a new child is there after %.2f s at most', max(@back);

# what the dead had borrowed has been given back
is_deeply [map { semaphore($gate, $_)->{value} } 0, 1], \@free, 'the gate has all its slots';
my $metrics = MedusaStore::Exposition->parse($h->get('/metrics')->{body});
my $answered = grep { $_->{status} } $steady->traffic->seen;
my $counted = $metrics->sum('medusa_store_requests_total');
cmp_ok $counted, '>=', $answered, "the counters have survived: $counted requests, $answered of them answered";
$h->expect_log(undef, qr/AH0005[12]: child pid \d+ exit signal Segmentation fault/, KILLS / 2);    # of KILL httpd says nothing
$h->allow_log('MS0108');
$h->stop;
done_testing;
