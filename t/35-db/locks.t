# Locks that others hold, and connections that are all in use: waits are bounded, races are tried again and then told, and
# nothing is ever half written.
use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;

my $db = MedusaStore::Database->new;
# limits and log lines are a child's, and prefork has many children with one connection each: there is nothing to see in it
my $mpm = ($ENV{TEST_MPM} || 'prefork') eq 'prefork' ? 'event' : $ENV{TEST_MPM};
my $h = MedusaStore::Harness->new(mpm => $mpm, main => "MedusaStorePasswordCost 8192 1\nMedusaStoreDBMax 2\nMedusaStoreDBWait 300ms\nMedusaStoreDBTimeout 6s\nMedusaStoreDeadline 7s\n");
$h->allow_log('MS0107', qr/within [3-9]\d\d ms/);    # as long as it was, on a busy machine
$h->expect_log('MS0113', qr/statement session\.who_with_addresses waited too long/, 1);
my $other = $db->session($h->{database});

sub register {
    my ($name, @more) = @_;
    return $h->post('/store/customers', json => { email => "$name\@example.com", password => 'correct horse', first_name => 'A', last_name => 'B' }, @more);
}

# Rows of the three tables that a registration writes.
sub rows { return [map { $h->sql_value("SELECT count(*) FROM $_") } qw(customer session outbox)] }

sub is_conflict {
    my ($answer, $name) = @_;
    is $answer->{status}, 409, "$name: 409";
    is_deeply [@{ $answer->{json} }{qw(code type)}], [qw(invalid_state_error conflict)], '… with the body of a conflict';
    is_deeply $answer->{cookies}, [], '… and no cookie';
    return;
}

is register('me', jar => 'me')->{status}, 200, 'a customer';
is_deeply rows(), [1, 1, 1], 'its rows';

# ---- a lock wait (1205): the gap that the new rows of outbox go to is held ----
$other->run('BEGIN');
$other->run('SELECT * FROM outbox WHERE seq > 0 FOR UPDATE');
my $from = time;
my $answer = register('a');
is_conflict($answer, 'a lock that is never free');
cmp_ok time - $from, '>', 5, '… after three waits of two seconds';
cmp_ok time - $from, '<', 8, '… and no more';
is scalar(() = $h->log_text =~ /MS0108: .* try \d of 3/g), 2, '… and two further tries';
is_deeply rows(), [1, 1, 1], '… nothing was written';
my $crowd = MedusaStore::Crowd->start(1, sub { return register('b')->{status} });
sleep 1;
$other->run('ROLLBACK');
is_deeply [$crowd->end], [200], 'a lock that becomes free in time';
is_deeply rows(), [2, 2, 2], '… all was written';

# ---- a deadlock (1213): we hold what they want and want what they hold; theirs is the heavier transaction ----
my $races = 0;
for my $round (1 .. 3) {
    my $before = () = $h->log_text =~ /MS0108/g;
    $from = time;
    $other->run('BEGIN');
    $other->run("INSERT INTO customer_group (id, name, created_at, updated_at) SELECT CONCAT('g$round-', seq), CONCAT('g$round-', seq), now(3), now(3) FROM seq_1_to_300");
    $other->run('SELECT * FROM outbox WHERE seq > 0 FOR UPDATE');
    $crowd = MedusaStore::Crowd->start(1, sub { return register("d$round")->{status} });
    # its insert into outbox waits for us: now ask for its customer
    is $other->await_waits(1, 20), 1, "deadlock $round: it waits for us";
    $other->run("SELECT * FROM customer WHERE email = 'd$round\@example.com' FOR UPDATE");
    $other->run('ROLLBACK');
    is_deeply [$crowd->end], [200], "deadlock $round: the registration is tried again, and succeeds";
    cmp_ok time - $from, '<', 1.8, '… by a deadlock, not by a wait';
    $races += (() = $h->log_text =~ /MS0108/g) - $before;
}
cmp_ok $races, '>=', 3, '… each after a lost race';
is_deeply rows(), [5, 5, 5], '… all was written, once';

# ---- all connections in use: a locked table; two wait for it, the others for them ----
my @me = (headers => { Cookie => $h->{client}->cookie_header('me') });
$other->run('LOCK TABLES customer WRITE, session WRITE');
my @seen = MedusaStore::Crowd->start(8, sub {
    my $begin = time;
    my $r = $h->get('/store/customers/me', @me);
    return [$r->{status}, time - $begin, $r->{json}{type}, $r->{headers}{'retry-after'}];
})->end;
is_deeply [grep { $_->[0] != 503 || $_->[2] ne 'database_error' || !$_->[3] } @seen], [], 'all answers are 503, with Retry-After';
my @quick = grep { $_->[1] < 0.8 } @seen;
cmp_ok scalar @quick, '>=', 4, 'who gets no connection is told so within MedusaStoreDBWait';
cmp_ok max(map { $_->[1] } @seen), '<', 4, 'who waits for the table is told so within a third of MedusaStoreDBTimeout';
$other->run('UNLOCK TABLES');
is $h->get('/store/customers/me', @me)->{status}, 200, 'it goes on as soon as the table is free';
is_deeply [grep { $_ != 200 } MedusaStore::Crowd->start(8, sub { return $h->get('/store/customers/me', @me)->{status} })->end], [], '… for all';

# ---- the same by row locks: two registrations hang on them, a third is told to come back ----
$other->run('BEGIN');
$other->run('SELECT * FROM outbox WHERE seq > 0 FOR UPDATE');
$crowd = MedusaStore::Crowd->start(2, sub { my ($n) = @_; return register("r$n")->{status} });
is $other->await_waits(2, 20), 2, 'two wait for a row';
$from = time;
is $h->get('/store/customers/me', @me)->{status}, 503, 'no connection is left';
cmp_ok time - $from, '<', 1, '… which is told in time';
$other->run('ROLLBACK');
is_deeply [$crowd->end], [200, 200], 'the two go on';
is_deeply rows(), [7, 7, 7], '… and have written all';
like $h->log_text, qr/MS0107: no database connection came free within [3-9]\d\d ms/, 'the log says which directive to look at';
$other->end;
$h->stop;
done_testing;
