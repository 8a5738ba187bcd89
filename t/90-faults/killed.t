# F1: the database is killed, and is back some seconds later, again and again, while sixteen customers shop. While it is away they are told so
# at once; when it is back, all goes on, and no connection of before is to be noticed. Twenty times ten seconds with ./check --full.
use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

my ($ROUNDS, $AWAY) = full() ? (20, 10) : (2, 1.5);
my $db = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1', '--innodb-log-file-size=96M']);
my $h = MedusaStore::Harness->new(log_level => 'notice', http_log_level => 'notice', main => $STEADY, conf => <<'CONF');
<Location "/health">
    SetHandler medusa-store-health
</Location>
<Location "/ready">
    SetHandler medusa-store-ready
</Location>
CONF
$h->expect_log('MS0101', qr/can't connect to the database/);
$h->expect_log('MS0102', qr/answers again/);
$h->allow_log('MS0111', qr/the outcome is unknown/);

my $steady = MedusaStore::Steady->start('F1', $h);
my $aside = MedusaStore::Harness->new(shop => 0, conf => "<Location \"/health\">\nSetHandler medusa-store-health\n</Location>\n");
my $looking = MedusaStore::Crowd->start(3, sub {
    my ($number, $more) = @_;
    my ($server, $path) = ([$h, '/health'], [$h, '/ready'], [$aside, '/health'])[$number]->@*;    # the last: what the machine itself makes of it
    my @seen;
    while ($more->()) {
        my $from = time;
        push @seen, [$from, $server->get($path)->{status}, time];
        sleep 0.05;
    }
    return \@seen;
});
my @rounds;
for (1 .. $ROUNDS) {
    sleep 1.5;
    my $round = { killed => time };
    $db->kill;
    sleep $AWAY;
    $round->{starting} = time;
    $db->start;
    $round->{up} = time;
    push @rounds, $round;
}
sleep 2.2;
$steady->end;
my ($health, $ready, $compared) = $looking->end;
$aside->stop;
my @seen = sort { $a->{from} <=> $b->{from} } $steady->traffic->seen;

sub percentile { my ($share, @all) = @_; return (sort { $a <=> $b } @all)[$share * $#all] }

# ---- while it is away ----
my (@away, @unready, @compared, @late, @stale);
for my $n (0 .. $#rounds) {
    my ($round, $end) = ($rounds[$n], $n < $#rounds ? $rounds[ $n + 1 ]{killed} : time);
    push @away, grep { $_->{from} > $round->{killed} + 0.2 && $_->{to} < $round->{starting} } @seen;
    push @unready, grep { $_->[0] > $round->{killed} + 0.2 && $_->[2] < $round->{starting} } @$ready;
    push @compared, grep { $_->[0] > $round->{killed} + 0.2 && $_->[2] < $round->{starting} } @$compared;
    my ($first) = sort { $a <=> $b } map { $_->{to} } grep { $_->{status} == 200 && $_->{from} > $round->{starting} && $_->{from} < $end } @seen;
    push @late, max(0, ($first // $end) - $round->{up});
    push @stale, grep { defined $first && $_->{from} > $first && $_->{to} < $end && $_->{status} !~ /^(?:200|401)$/ } @seen;
}
cmp_ok scalar @away, '>', 20 * $ROUNDS, 'requests came while it was away';
my @wrong = grep { $_->{status} != 503 || !$_->{good} } @away;
ok figure('F1', 'answers while it was away', scalar @away, '', 1), 'so many: ' . @away;
ok figure('F1', 'of them other than 503 with Retry-After', scalar @wrong, '', !@wrong), '… all are told 503 with Retry-After' or diag explain \@wrong;
my ($median, $most) = map { 1000 * percentile($_, map { $_->{to} - $_->{from} } @away) } 0.5, 0.99;
figure('F1', 'time of these answers, half of them', sprintf('%.1f', $median), 'ms', $median <= 100);
cmp_ok $median, '<', 300, 'half of them are told at once';
my $idle = 1000 * percentile(0.99, map { $_->[2] - $_->[0] } @compared);
figure('F1', 'time of these answers, 99 of 100', sprintf('%.1f', $most), 'ms', $most <= 100 + $idle);
figure('F1', 'time of /health of an idle httpd beside it meanwhile, 99 of 100', sprintf('%.1f', $idle), 'ms', 1);
cmp_ok $most, '<', 1000, 'and the others soon';    # sixteen clients, the database and httpd on one machine
my @unhealthy = grep { $_->[1] != 200 } @$health;
ok figure('F1', 'answers of /health other than 200, of ' . (full() ? 'all' : scalar @$health), scalar @unhealthy, '', !@unhealthy), '/health is always 200';
my @wrongly = grep { $_->[1] != 503 } @unready;
ok figure('F1', 'answers of readiness other than 503 while it was away', scalar @wrongly, '', @unready && !@wrongly), 'readiness is 503: ' . @unready;

# ---- once it is back ----
my $late = max(@late);
ok figure('F1', 'longest time from its return to the first success', sprintf('%.2f', $late), 's', $late <= 2), "the first success comes soon: $late";
ok figure('F1', 'failures after the first success', scalar @stale, '', !@stale), 'no failure by a connection of before' or diag explain \@stale;
my $lines = () = $h->log_text =~ /\bMS0101:/g;
ok figure('F1', 'lines of the log on ' . $ROUNDS . ' outages', $lines, '', $lines <= $ROUNDS), "no more lines of the log than outages: $lines";
$steady->holds;
$h->stop;
done_testing;
