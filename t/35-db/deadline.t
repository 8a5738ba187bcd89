# One deadline a request: its waits for a hashing slot, a connection, a lock and a statement do not add up; what can't be done in time is
# not begun; a slow body does not count.
use strict;
use warnings;

use List::Util qw(max min);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Process qw(all_semaphore_sets children semaphore semaphore_sets);

# Own limits are as long as the deadline: two of them are longer. A hash takes a noticeable part of it.
use constant DEADLINE => 3;
my $COSTLY = '19456 25';
my $db = MedusaStore::Database->new;
my %older = map { $_ => 1 } all_semaphore_sets();
my $h = MedusaStore::Harness->new(timeout => 120, main => <<"CONF", conf => <<'PLACES');
MedusaStoreDeadline @{[DEADLINE]}s
MedusaStoreDBTimeout @{[DEADLINE]}s
MedusaStoreDBWait @{[DEADLINE]}s
MedusaStoreHashWait @{[DEADLINE]}s
MedusaStoreHashSlots 1
MedusaStorePasswordCost $COSTLY
CONF
<Location /private>
Require medusa-customer
</Location>
<Location /members>
Require medusa-group one two three
</Location>
<Location /ready>
SetHandler medusa-store-ready
</Location>
<Location /metrics>
SetHandler medusa-store-metrics
</Location>
PLACES
for my $folder (qw(private members)) {
    mkdir "$h->{root}/htdocs/$folder";
    $h->write_file("htdocs/$folder/x", "x\n");
}

sub person { return { email => "$_[0]\@example.com", password => 'correct horse', first_name => 'A', last_name => 'B' } }

sub timed {
    my ($code) = @_;
    my $from = time;
    my $answer = $code->();
    return { took => time - $from, status => $answer->{status}, retry => $answer->{headers}{'retry-after'} // '' };
}

sub in_time {
    my ($name, $seen) = @_;
    is $seen->{status}, 503, "$name: 503";
    like $seen->{retry}, qr/^\d+$/, '… with Retry-After';
    return cmp_ok $seen->{took}, '<', DEADLINE + 2, '… at the deadline';
}

sub rows { return [map { $h->sql_value("SELECT count(*) FROM $_") } qw(customer session outbox)] }

# Until the only hashing slot is taken.
sub await_hash {
    my ($gate) = @_;
    return sleep 0.3 unless defined $gate;    # no /proc/sysvipc
    for (1 .. 1000) {
        last unless semaphore($gate, 0)->{value};
        sleep 0.01;
    }
    return;
}

my $hash = timed(sub { $h->post('/store/customers', json => person('me'), jar => 'me') });
is $hash->{status}, 200, 'a customer';
my ($gate) = grep { !$older{$_} } semaphore_sets($h->{pid}, map { $_->{pid} } children($h->{pid}));
my $costs = min(map { timed(sub { $h->post('/store/auth', json => { email => 'me@example.com', password => 'wrong horse' }) })->{took} } 1 .. 3);
note sprintf 'a hash takes about %.2f s', $costs;

# ---- the gate, the hash and the statement together ----
$h->allow_log('MS0109', qr/a statement ran longer than/);
$h->allow_log('MS0118', qr/too little was left of a request's 3000 ms/);
$h->allow_log('MS0201', qr/no hashing slot came free within \d+ ms/);
my $other = $db->session($h->{database});
$other->run('BEGIN');
$other->run('SELECT * FROM outbox WHERE seq > 0 FOR UPDATE');
my $before = rows();
my $crowd = MedusaStore::Crowd->start(2, sub { my ($n) = @_; return timed(sub { $h->post('/store/customers', json => person("c$n")) }) });
my @seen = $crowd->end;
is_deeply [grep { $_->{status} !~ /^(?:409|503)$/ } @seen], [], 'behind one another at the gate, and then behind a lock: 503, or 409';
cmp_ok max(map { $_->{took} } @seen), '<', DEADLINE + 2, '… at the deadline';
$other->run('ROLLBACK');
sleep 0.2;
is_deeply rows(), $before, '… and nothing is written';

# ---- frozen while it hashes: the statement behind the hash has what is left, and not its own limit ----
my $passes = int(25 * DEADLINE / 4 / $costs);    # so that the hash takes about a quarter of the deadline, if the machine stays as busy as it is
$passes = $passes < 1 ? 1 : $passes;
$h->reload(main => join '', map { "$_\n" } map({ "MedusaStore$_ @{[DEADLINE]}s" } qw(Deadline DBTimeout DBWait HashWait)),
    "MedusaStoreHashSlots 1", "MedusaStorePasswordCost 19456 $passes");
$h->get('/private/x', jar => 'me');    # the connection is there
$crowd = MedusaStore::Crowd->start(1, sub { return timed(sub { $h->post('/store/customers', json => person('amid')) }) });
await_hash($gate);
$db->signal('STOP');
my ($amid) = $crowd->end;
$db->signal('CONT');
is $amid->{status}, 503, 'a hash, and then a frozen database: 503';
# nobody can cut a hash, and a busy machine makes a long one of it: what the statement was given tells more than a clock does
my ($given) = $h->log_text =~ /.*MS0109: a statement ran longer than (\d+) ms/s;
my $too_late = $h->log_text =~ /MS0118/;
ok $too_late || $given && $given < 950 * DEADLINE, '… whose statement had what the hash had left: ' . ($given // 'nothing') . ' ms';
is_deeply rows(), $before, '… and nothing is written';

# ---- too late for the write: a hash that takes longer than the deadline ----
$h->reload(main => "MedusaStoreDeadline 500ms\nMedusaStorePasswordCost 19456 500\nMedusaStoreHashSlots 1\n");
my $late = timed(sub { $h->post('/store/customers', json => person('late')) });
is $late->{status}, 503, 'the hash has taken all the time: 503';
like $late->{retry}, qr/^\d+$/, '… with Retry-After';
is_deeply rows(), $before, '… and nothing is written';
ok $h->await_log(qr/MS0118: too little was left of a request's 500 ms/), '… as the log says';
$h->allow_log('MS0118', qr/too little was left of a request's 500 ms/);

# ---- a body that takes longer is not ours to count ----
my $body = JSON::PP->new->encode(person('slow'));
$h->reload(main => "MedusaStoreDeadline 500ms\nMedusaStorePasswordCost 64 1\n");
my $socket = $h->{client}->connect;
syswrite $socket, "POST /store/customers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: "
    . length($body) . "\r\n\r\n";
for my $part (unpack '(a30)*', $body) {
    sleep 0.25;
    syswrite $socket, $part;
}
like do { local $/; readline $socket }, qr{^HTTP/1\.1 200 }, 'a body that comes slower than the deadline: 200';

# ---- guarded places, readiness and numbers: a database that is frozen ----
$h->reload(main => "MedusaStoreDeadline @{[DEADLINE]}s\nMedusaStorePasswordCost 64 1\n");
$h->expect_log('MS0102', qr/answers again/);
$h->allow_log($_) for qw(MS0101 MS0117);
my %ask = (
    private => sub { $h->get('/private/x', jar => 'me') }, members => sub { $h->get('/members/x', jar => 'me') }, ready => sub { $h->get('/ready') },
    me => sub { $h->get('/store/customers/me', jar => 'me') },
);
is $ask{private}->()->{status}, 200, 'a guarded place';
$h->get('/private/x', jar => 'me') for 1 .. 4;
$db->signal('STOP');
my @kinds = sort keys %ask;
$crowd = MedusaStore::Crowd->start(scalar @kinds, sub { return timed($ask{ $kinds[$_[0]] }) });
@seen = $crowd->end;
in_time("frozen, $kinds[$_]", $seen[$_]) for 0 .. $#kinds;
my $numbers = timed(sub { $h->get('/metrics') });
is $numbers->{status}, 200, 'the numbers are told all the same';
cmp_ok $numbers->{took}, '<', DEADLINE + 2, '… by then';
$db->signal('CONT');
my $end = time + 10;
sleep 0.05 until $ask{private}->()->{status} == 200 || time > $end;
is $ask{private}->()->{status}, 200, 'thawed';
$other->end;
$h->stop;
done_testing;
