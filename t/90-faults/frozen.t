# F2: the database is frozen while sixteen customers shop, and forty-eight others look at their account, at an httpd with sixteen threads. Nobody
# waits longer than the deadline of a request, and what needs no database is answered all the time. 30 seconds with ./check --full.
use strict;
use warnings;

use List::Util qw(max min);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer as_cookie);
use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

use constant { DEADLINE => 3, THREADS => 16, OTHERS => 48 };
my $FROZEN = full() ? 30 : 5;
my $mpm = ($ENV{TEST_MPM} || 'event') eq 'prefork' ? 'event' : $ENV{TEST_MPM} || 'event';    # prefork has a process for each
my $db = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1']);
my $h = MedusaStore::Harness->new(mpm => $mpm, log_level => 'notice', http_log_level => 'notice',
    main => "${STEADY}ServerLimit 1\nMaxRequestWorkers @{[THREADS]}\nMaxSpareThreads @{[THREADS]}\n",
    conf => "<Location \"/health\">\nSetHandler medusa-store-health\n</Location>\n");
my $c = new_customer($h);
$h->allow_log($_) for qw(MS0101 MS0107 MS0109 MS0111 MS0117 MS0118 MS0201);
$h->expect_log('MS0102', qr/answers again/, 1);
$h->allow_log('AH00484');    # there are more clients than threads

# Ask for one thing again and again: [from, to, status] of each.
sub ask {
    my ($clients, $pause, $code) = @_;
    return MedusaStore::Crowd->start($clients, sub {
        my (undef, $more) = @_;
        my @seen;
        while ($more->()) {
            my $from = time;
            my $status = $code->()->{status};
            push @seen, [$from, time, $status];
            sleep $pause;
        }
        return \@seen;
    });
}

my $steady = MedusaStore::Steady->start('F2', $h);
my $others = ask(OTHERS, 0.2, sub { $h->get('/store/customers/me', as_cookie($c->{cookie})) });
my $looking = ask(1, 0.02, sub { $h->get('/health') });
my $aside = MedusaStore::Harness->new(shop => 0, conf => "<Location \"/health\">\nSetHandler medusa-store-health\n</Location>\n");
my $comparing = ask(1, 0.02, sub { $aside->get('/health') });    # what the machine itself makes of it
sleep 2;
my $frozen = time;
$db->signal('STOP');
sleep $FROZEN;
my $thawed = time;
$db->signal('CONT');
sleep 3;
$steady->end;
my @others = map { @$_ } $others->end;
my @health = map { @$_ } $looking->end;
my @compared = map { @$_ } $comparing->end;
$aside->stop;
my @seen = ((map { [@$_{qw(from to status)}] } $steady->traffic->seen), @others);

my @frozen = grep { $_->[1] > $frozen && $_->[0] < $thawed } @seen;
my @odd = grep { $_->[2] !~ /^(?:200|503)$/ } @others;
ok figure('F2', 'answers of 64 clients while it was frozen', scalar @frozen, '', @frozen > 100), 'requests came while it was frozen: ' . @frozen;
ok figure('F2', 'answers other than 200 and 503', scalar @odd, '', !@odd), 'each is 200 or 503' or diag explain \@odd;
# from the clients' side: with what it takes until a thread is there, and until a busy machine lets the client look
my $longest = max(map { $_->[1] - $_->[0] } @seen);
figure('F2', 'longest wait for an answer', sprintf('%.2f', $longest), 's', $longest <= DEADLINE + 0.2);
cmp_ok $longest, '<', DEADLINE + 2, "nobody waits longer than the deadline: $longest";
my @known = sort { $a <=> $b } map { $_->[1] - $_->[0] } grep { $_->[0] > $frozen + DEADLINE + 0.5 && $_->[1] < $thawed } @seen;
figure('F2', 'median time of an answer, once it is known to be frozen', sprintf('%.1f', 1000 * $known[@known / 2]), 'ms', $known[@known / 2] <= 0.1);
cmp_ok $known[@known / 2], '<', 0.5, 'once it is known to be frozen, all are told at once';
my @unhealthy = grep { $_->[2] != 200 } @health;
ok figure('F2', 'answers of /health other than 200', scalar @unhealthy, '', !@unhealthy), '/health is always 200';
my @health_times = sort { $a <=> $b } map { $_->[1] - $_->[0] } grep { $_->[1] > $frozen && $_->[0] < $thawed } @health;
my @times_aside = sort { $a <=> $b } map { $_->[1] - $_->[0] } grep { $_->[1] > $frozen && $_->[0] < $thawed } @compared;
for my $share (0.99, 1) {
    my ($here, $aside) = map { $_->[ $share * $#$_ ] } \@health_times, \@times_aside;
    my $what = 'time of /health while it was frozen, ' . ($share < 1 ? '99 of 100' : 'the longest');
    figure('F2', $what, sprintf('%.1f', 1000 * $here), 'ms', $here <= 0.1 + $aside);
    figure('F2', "$what, at an idle httpd beside it", sprintf('%.1f', 1000 * $aside), 'ms', 1);
}
cmp_ok scalar @health_times, '>', 2 * $FROZEN, '… ' . @health_times . ' times while it was frozen';
cmp_ok $health_times[-1], '<', DEADLINE - 1, '… and never waits for the database';
my $first = min(map { $_->[1] } grep { $_->[2] == 200 && $_->[0] > $thawed } @seen);
ok figure('F2', 'time from its return to the first success', sprintf('%.2f', $first - $thawed), 's', $first - $thawed <= 2), 'thawed: it goes on soon';
my @stale = grep { $_->[0] > $first + 0.5 && $_->[2] == 503 } @seen;
ok figure('F2', 'failures half a second after that', scalar @stale, '', !@stale), '… for all' or diag explain \@stale;
$steady->holds;
$h->stop;
done_testing;
