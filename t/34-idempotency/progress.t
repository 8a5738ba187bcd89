# Requests of one Idempotency-Key at the same time: one of them does what is asked, the others wait for it and answer the same, or are
# told to come back. And what dies midway leaves nothing behind that would stop the next try.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;

my $db = MedusaStore::Database->new;
my $COST = "MedusaStorePasswordCost 64 1\nMedusaStoreDeadline 30s\nMedusaStoreHashWait 30s\n";
my $h = MedusaStore::Harness->new(main => "${COST}MedusaStoreDBMax 16\nMedusaStoreDBWait 20s\nMedusaStoreDBTimeout 20s\n");
my $other = $db->session($h->{database});
my %place = (first_name => 'P', last_name => 'Q', address_1 => '1 Main St', city => 'Bergen', country_code => 'no', postal_code => '5003');

sub keyed { my ($key) = @_; return (headers => { 'Idempotency-Key' => $key }) }

sub create {
    my ($name, $key, %option) = @_;
    return $h->post('/store/customers', json => { email => "$name\@lab.test", password => 'correct horse', first_name => 'A', last_name => 'B' }, keyed($key), %option);
}

sub add {
    my ($jar, $key) = @_;
    return $h->post('/store/customers/me/addresses', json => { address => \%place }, jar => $jar, keyed($key));
}

# Rows of all that belongs to a registration.
sub rows {
    my ($name) = @_;
    return join ' ', map { $h->sql_value($_) } "SELECT COUNT(*) FROM customer WHERE email = '$name\@lab.test'",
        "SELECT COUNT(*) FROM outbox WHERE data LIKE '%$name\@lab.test%'",
        "SELECT COUNT(*) FROM idempotency_key k JOIN customer c ON c.id = k.customer_id WHERE c.email = '$name\@lab.test'";
}

# What the answers of a crowd were: { "200 done" => 1, "200 again" => 31 }, and their different bodies.
sub sum_up {
    my (@answers) = @_;
    my (%kind, %body);
    for my $answer (@answers) {
        $kind{"$answer->{status} " . ($answer->{headers}{'idempotent-replayed'} ? 'again' : 'done')}++;
        $body{ $answer->{body} }++;
    }
    return (\%kind, scalar keys %body);
}

# ---- 32 at once ----

my $N = 32;
my @answers = MedusaStore::Crowd->start($N, sub { return create('crowd', 'of-32-at-once', jar => 'own') })->end;
my ($kinds, $bodies) = sum_up(@answers);
is_deeply $kinds, { '200 done' => 1, '200 again' => $N - 1 }, '32 equal registrations: one is done, the others answer the same'
    or diag map { "$_->{status} $_->{body}\n" } @answers;
is $bodies, 1, '… the very same';
is rows('crowd'), '1 1 1', '… one customer, one event, one key';
my %cookie = map { ($_->{cookies}[0] // '') =~ /=([^;]*)/ ? ($1 => 1) : () } @answers;
is scalar keys %cookie, $N, '… and a session for each';

is create('ann', 'who-is-ann', jar => 'ann')->{status}, 200, 'a customer';
@answers = MedusaStore::Crowd->start($N, sub { return add('ann', 'an-address-of-32') })->end;
($kinds, $bodies) = sum_up(@answers);
is_deeply $kinds, { '200 done' => 1, '200 again' => $N - 1 }, '32 equal addresses: one is done';
is $bodies, 1, '… with one answer';
is $h->sql_value('SELECT COUNT(*) FROM address'), 1, '… and one row';

# different requests of one key: one of them wins
@answers = MedusaStore::Crowd->start(8, sub { return create("different$_[0]", 'one-key-for-eight') })->end;
is_deeply [sort map { $_->{status} == 200 ? 200 : "$_->{status} $_->{json}{type}" } @answers], [200, ('422 idempotency_error') x 7],
    'eight different registrations of one key: one is done';
is $h->sql_value("SELECT COUNT(*) FROM customer WHERE email LIKE 'different%'"), 1, '… and the others are not';

# ---- one that takes its time: the other waits, and then answers the same ----

$other->run('BEGIN');
$other->run('SELECT * FROM outbox WHERE seq > 0 FOR UPDATE');
my $crowd = MedusaStore::Crowd->start(2, sub { return create('slow', 'it-takes-its-time') });
ok $other->await_waits(2, 100), 'one waits for a lock of ours, the other for the first one';
$other->run('ROLLBACK');
($kinds) = sum_up($crowd->end);
is_deeply $kinds, { '200 done' => 1, '200 again' => 1 }, 'then both have the answer';
is rows('slow'), '1 1 1', '… of one registration';

# ---- one whose child dies midway ----

$h->allow_log('AH00052', qr/child pid \d+ exit signal Killed/);
$other->run('BEGIN');
$other->run('SELECT * FROM outbox WHERE seq > 0 FOR UPDATE');
$crowd = MedusaStore::Crowd->start(1, sub { return eval { create('dies', 'its-child-dies') } });
ok $other->await_waits(1, 100), 'a registration amid its transaction';
open my $children, '<', "/proc/$h->{pid}/task/$h->{pid}/children" or die "no children: $!\n";
my @pids = split ' ', <$children> // '';
ok @pids > 0 && kill('KILL', @pids) == @pids, '… and its process is killed';
my ($died) = $crowd->end;
ok !ref $died || $died->{died} || !$died->{status}, '… without an answer';
$other->run('ROLLBACK');
my $answer;
for (1 .. 100) {
    $answer = eval { create('dies', 'its-child-dies') } and last;
    sleep 0.1;
}
is $answer->{status}, 200, 'the next try finds nothing in its way';
is $answer->{headers}{'idempotent-replayed'}, undef, '… and is the first';
is rows('dies'), '1 1 1', '… and the only one';
ok !$h->sql_value("SELECT COUNT(*) FROM session s LEFT JOIN customer c ON c.id = s.customer_id WHERE c.id IS NULL"), '… with nothing left over';

# ---- one that takes too long ----

$h->reload(main => "${COST}MedusaStoreDBTimeout 3s\n");
is create('bob', 'who-is-bob', jar => 'bob')->{status}, 200, 'a customer';
my $bob = $h->sql_value("SELECT id FROM customer WHERE email = 'bob\@lab.test'");
for my $case (['a registration', sub { create('late', 'a-late-registration') }, "INSERT INTO customer (id, email, has_account, created_at, updated_at) VALUES ('cus_x', 'late\@lab.test', 1, NOW(3), NOW(3))"],
              ['an address', sub { add('bob', 'a-late-address') }, "SELECT * FROM customer WHERE id = '$bob' FOR UPDATE"]) {
    my ($name, $try, $lock) = @$case;
    $other->run('BEGIN');
    $other->run($lock);
    my $tries = () = $h->log_text =~ /MS0108/g;
    my $first = $try->();
    is $first->{status}, 409, "$name whose twin is still at it: 409" or diag $first->{body};
    like $first->{headers}{'retry-after'}, qr/\A[1-9]\d*\z/, '… with Retry-After';
    is_deeply [@{ $first->{json} }{qw(type message)}],
        ['conflict', 'The request conflicted with another request. You may retry the request with the provided Idempotency-Key.'], '… in Medusa\'s words';
    is_deeply $first->{cookies}, [], '… and no cookie';
    is scalar(() = $h->log_text =~ /MS0108/g), $tries, '… after one wait, not three';
    $other->run('ROLLBACK');
    is $try->()->{status}, 200, '… then it goes on';
    is $try->()->{headers}{'idempotent-replayed'}, 'true', '… once';
}
is rows('late'), '1 1 1', 'one registration';
$other->end;
$h->stop;
done_testing;
