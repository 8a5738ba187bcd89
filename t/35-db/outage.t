# The database is killed and comes back under traffic, and its connections are killed one by one: httpd answers 503 as long
# as it must and no longer, nothing that was acknowledged is lost, and a dropped connection is nobody's business but ours.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;

my $db = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1']);
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\n");

sub person {
    my ($name) = @_;
    return { email => "$name\@example.com", password => 'correct horse', first_name => 'P', last_name => 'Q' };
}

sub register { my ($name, @more) = @_; return $h->post('/store/customers', json => person($name), @more) }

is register('me', jar => 'me')->{status}, 200, 'a customer';

# ---- killed and started again, under traffic ----
$h->expect_log('MS0101', qr/can't connect/);
$h->expect_log('MS0102', qr/answers again/);
$h->allow_log('MS0111', qr/COMMIT failed with error \d+; the outcome is unknown/);
my $crowd = MedusaStore::Crowd->start(8, sub {
    my ($number, $more) = @_;
    my (@seen, $n);
    while ($more->()) {
        my $name = "c$number-" . ++$n;
        my $from = time;
        my $answer = $number % 2 ? register($name) : $h->get('/store/customers/me', jar => 'me');
        my $to = time;
        my $good = $answer->{status} == 200
            || $answer->{status} == 503 && ($answer->{headers}{'retry-after'} // '') =~ /^\d+$/ && $answer->{json}{type} eq 'database_error';
        push @seen, [$from, $to, $answer->{status}, $number % 2 ? $name : undef, $good];
        sleep 0.01;
    }
    return \@seen;
});
sleep 1;
my $killed = time;
$db->kill;
sleep 1.5;
my $started = time;
$db->start;
my $up = time;
sleep 3;    # up to a second of it passes before somebody looks
my @seen = map { ref eq 'ARRAY' ? @$_ : die "a client died: $_->{died}" } $crowd->end;
my @bad = grep { !$_->[4] } @seen;
is_deeply \@bad, [], 'each answer is 200, or 503 with Retry-After and a JSON body';
my @down = grep { $_->[0] > $killed + 0.1 && $_->[1] < $started } @seen;
cmp_ok scalar @down, '>', 50, 'requests were answered while the database was away';
is_deeply [grep { $_->[2] != 503 } @down], [], '… all with 503';
my @took = sort { $a <=> $b } map { $_->[1] - $_->[0] } @down;
cmp_ok $took[@took / 2], '<', 0.3, '… and at once';
cmp_ok $took[-1], '<', 1.5, '… nobody waits for a connection, which would take MedusaStoreDBWait, two seconds';
cmp_ok scalar(grep { $_->[2] == 200 && $_->[0] > $up } @seen), '>', 50, 'it goes on by itself';
my ($first) = sort { $a <=> $b } map { $_->[1] } grep { $_->[2] == 200 && $_->[0] > $started } @seen;
cmp_ok $first, '<', $up + 2, '… soon: it is looked at once a second';
is_deeply [grep { $_->[2] != 200 && $_->[0] > $first } @seen], [], '… and no request fails after that: all children know';
my %stored = map { $_->[0] => 1 } $h->sql('SELECT email FROM customer');
my @acknowledged = grep { $_->[3] && $_->[2] == 200 } @seen;
is_deeply [grep { !$stored{"$_->[3]\@example.com"} } @acknowledged], [], scalar(@acknowledged) . ' registrations were acknowledged, all are stored';
is $h->sql_value('SELECT count(*) FROM customer c WHERE (SELECT count(*) FROM outbox o WHERE o.data LIKE CONCAT(\'%"\', c.id, \'"%\')) <> 1'),
    0, 'each customer has one event';
is $h->sql_value('SELECT count(*) FROM customer') - $h->sql_value('SELECT count(*) FROM outbox'), 0, 'and no event is without its customer';

# ---- connections killed by the server while they idle ----
my $admin = $db->session;
sub kill_idle {
    my @ids = map { (split /\t/)[0] } grep { /\t\Q$ENV{MS_TEST_WEB_USER}\E\t/ } @{ $admin->run('SHOW PROCESSLIST') };
    $admin->run("KILL $_") for @ids;
    for (1 .. 100) {
        last unless grep { /\t\Q$ENV{MS_TEST_WEB_USER}\E\t/ } @{ $admin->run('SHOW PROCESSLIST') };
        sleep 0.01;
    }
    return scalar @ids;
}
my ($killed_ids, %status) = (0);
for my $round (1 .. 20) {
    # two at once, so that several connections idle
    MedusaStore::Crowd->start(4, sub { $h->get('/store/customers/me', jar => 'me')->{status} })->end if $round % 5 == 1;
    $killed_ids += kill_idle();
    my $answer = $round % 2 ? register("k$round") : $h->get('/store/customers/me', jar => 'me');
    $status{ $answer->{status} }++;
    is $answer->{status}, 200, "round $round" or last;
}
cmp_ok $killed_ids, '>=', 20, 'connections were killed';
kill_idle();
is $h->post('/store/auth', json => { email => 'me@example.com', password => 'correct horse' }, jar => 'me')->{status}, 200, 'signing in on a dead connection';
kill_idle();
is $h->delete('/store/auth', jar => 'me')->{status}, 200, 'signing out on a dead connection';
is $h->sql_value(q(SELECT count(*) FROM customer WHERE email LIKE 'k%')), 10, 'each registration happened once';
unlike $h->log_text, qr/exit signal|AH00051|resuming normal operations.*resuming normal operations/s, 'httpd was never restarted';
$admin->end;
$h->stop;
done_testing;
