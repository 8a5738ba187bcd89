# Another client of the database takes the rows that customers need: in the other order, so that there are deadlocks, and then without
# letting go of them, so that waits end. A lost race is run again, at most three times in all, and then told; nothing is half written.
use strict;
use warnings;

use List::Util qw(max min);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

use constant { ROUNDS => full() ? 300 : 20, HOLDS => full() ? 5 : 1 };
use constant { TRIES_MAX => 3, DEADLINE => 3 };

MedusaStore::Harness::need_database();
my $h = MedusaStore::Harness->new(log_level => 'info', http_log_level => 'notice', main => "${STEADY}MedusaStoreDBTimeout 3s\n");
my $rival = MedusaStore::Database::Session->new($ENV{MS_TEST_SOCKET}, $h->{database});
my $steady = MedusaStore::Steady->start('F5', $h);
my $tagged = $steady->traffic->tagged;

# ---- crossed order: they write the customer first and the event last. The rival has written more, so that it is they who lose ----
my $lost_by_rival = 0;
for my $round (1 .. ROUNDS) {
    $rival->run('BEGIN');
    $rival->run("INSERT INTO customer_group (id, name, created_at, updated_at) SELECT CONCAT('g$round-', seq), CONCAT('g$round-', seq), now(3), now(3) FROM seq_1_to_200");
    $rival->run('SELECT COUNT(*) FROM outbox WHERE seq > 0 FOR UPDATE');
    sleep 0.05;    # let them come as far as to their events
    my $answer = $rival->run("SELECT COUNT(*) FROM customer WHERE id = '$tagged' OR created_at > now(3) - INTERVAL 2 SECOND FOR UPDATE");
    $lost_by_rival++ if "@$answer" =~ /Deadlock/;
    $rival->run('ROLLBACK');
    sleep 0.02;
}
my $crossed = time;

# ---- rows that nobody lets go of: longer than all tries together ----
my @held;
for (1 .. HOLDS) {
    $rival->run('BEGIN');
    $rival->run('SELECT COUNT(*) FROM outbox WHERE seq > 0 FOR UPDATE');
    my $from = time;
    sleep 5;
    $rival->run('ROLLBACK');
    push @held, [$from, time];
    sleep 0.5;
}
$rival->end;
$steady->end;
$steady->holds(409);

# ---- how often a request was run again: its lines of the log have its id ----
my $log = $h->log_text;
my %races;
$races{$_}++ for $log =~ /MS0108: .*\(request ([^)]+)\)/g;
my $races = () = $log =~ /MS0108: /g;
my @told = grep { $_->{status} == 409 } $steady->traffic->seen;
ok figure('F5', 'races that were lost, and run again', $races, '', $races > ROUNDS / 4), "$races races were lost";
is scalar(keys %races) > 0 ? 1 : 0, 1, '… and each line of the log names its request';
my $tries = 1 + max 0, values %races;
ok figure('F5', 'tries of one request, at most', $tries, '', $tries <= TRIES_MAX), "none was tried more than $tries times";
my @within = grep { my $seen = $_; grep { $seen->{to} > $_->[0] && $seen->{from} < $_->[1] } @held } $steady->traffic->seen('register');
my @refused = grep { $_->{status} =~ /^(?:409|503)$/ } @within;
ok figure('F5', 'registrations that were told to come back (409, 503) while rows were held for 5 s', scalar @refused, '', @refused > 0), 'waits end';
my $longest = max map { $_->{to} - $_->{from} } @within;
ok figure('F5', 'longest wait of a registration', sprintf('%.2f', $longest), 's', $longest < DEADLINE + 1), sprintf 'after %.2f s at most', $longest;
my $after = min map { my $over = $_->[1]; min map { $_->{to} - $over } grep { $_->{from} > $over } $steady->traffic->acknowledged('register') } @held;
cmp_ok $after, '<', 2, sprintf 'and all is well %.2f s after they are free', $after;
note "$lost_by_rival deadlocks were lost by the rival, ", scalar @told, ' requests were told of theirs (409)';
$h->allow_log($_) for qw(MS0113 MS0109 MS0118);    # locked for longer than the database allows, or than the request's deadline does
$h->stop;
done_testing;
