# A database that is frozen, under more clients than httpd has threads: each is answered within the deadline, some threads are free all
# the time for what needs no database, and what was in the middle of a transaction is there as a whole or not at all.
use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;

use constant { CLIENTS => 64, THREADS => 16, DEADLINE => 3, FROZEN => 6 };

my $db = MedusaStore::Database->new;
# one child, so that nobody else has a thread free; prefork has a process for each request, and nothing to see
my $mpm = ($ENV{TEST_MPM} || 'prefork') eq 'prefork' ? 'event' : $ENV{TEST_MPM};
my $h = MedusaStore::Harness->new(mpm => $mpm,
    main => "ServerLimit 1\nMaxRequestWorkers @{[THREADS]}\nMaxSpareThreads @{[THREADS]}\nMedusaStorePasswordCost 64 1\nMedusaStoreDeadline @{[DEADLINE]}s\n",
    conf => "<Location /health>\nSetHandler medusa-store-health\n</Location>\n<Location /ready>\nSetHandler medusa-store-ready\n</Location>\n"
        . "<Location /private>\nRequire medusa-customer\n</Location>\n");
mkdir "$h->{root}/htdocs/private";
$h->write_file('htdocs/private/x', "x\n");

sub person { return { email => "$_[0]\@example.com", password => 'correct horse', first_name => 'A', last_name => 'B' } }

sub timed {
    my ($code) = @_;
    my $from = time;
    my $answer = $code->();
    return { from => $from, took => time - $from, status => $answer->{status}, retry => $answer->{headers}{'retry-after'} };
}

is $h->post('/store/customers', json => person('me'), jar => 'me')->{status}, 200, 'a customer';
my %what = (
    me       => sub { $h->get('/store/customers/me', jar => 'me') },
    private  => sub { $h->get('/private/x', jar => 'me') },
    ready    => sub { $h->get('/ready') },
    register => sub { $h->post('/store/customers', json => person("c$_[0]")) },
);
my @kinds = (('me') x 7, 'private', 'register', 'ready');

# ---- under load ----
$h->allow_log('AH00484');    # there are more clients than threads
$h->allow_log('MS0117', qr/3 statements in a row were cut/);
$h->allow_log('MS0101', qr/it does not answer in time/);    # where somebody was just connecting
$h->expect_log('MS0102', qr/answers again/, 1);
$h->allow_log('MS0109', qr/a statement ran longer than \d+ ms/);
$h->allow_log('MS0107', qr/no database connection came free/);    # the last threads do not wait
$h->allow_log('MS0111', qr/the outcome is unknown/);
my $crowd = MedusaStore::Crowd->start(CLIENTS, sub {
    my ($number, $more) = @_;
    my ($kind, $n, @seen) = ($kinds[$number % @kinds], 0);
    while ($more->()) {
        push @seen, { kind => $kind, name => "c$number-" . ++$n, %{ timed(sub { $what{$kind}->("$number-$n") }) } };
        sleep 0.1;    # refusals at once would keep all processors busy
    }
    return \@seen;
});
my $health = MedusaStore::Crowd->start(1, sub {
    my (undef, $more) = @_;
    my @seen;
    while ($more->()) {
        push @seen, timed(sub { $h->get('/health') });
        sleep 0.02;
    }
    return \@seen;
});
sleep 1;
my $frozen = time;
$db->signal('STOP');
sleep FROZEN;
my $thawed = time;
$db->signal('CONT');
sleep 2.5;
my @seen = map { ref eq 'ARRAY' ? @$_ : die "a client died: $_->{died}" } $crowd->end;
my @health = map { @$_ } $health->end;

sub between { my ($from, $to, @all) = @_; return grep { $_->{from} > $from && $_->{from} + $_->{took} < $to } @all }

is_deeply [grep { $_->{status} !~ /^(?:200|503)$/ } @seen], [], 'each answer is 200 or 503';
is_deeply [grep { $_->{status} == 503 && ($_->{retry} // '') !~ /^\d+$/ } @seen], [], '… with Retry-After';
is_deeply [grep { $_->{status} != 200 } between(0, $frozen, @seen)], [], 'before, with more clients than threads: nobody is turned away';
cmp_ok max(map { $_->{took} } @seen), '<', DEADLINE + 1, 'nobody waits longer than the deadline';
my @known = between($frozen + DEADLINE + 1, $thawed, @seen);
cmp_ok scalar @known, '>', CLIENTS, 'once the database is known to be frozen, requests are answered';
is_deeply [grep { $_->{status} != 503 } @known], [], '… all with 503';
cmp_ok((sort { $a <=> $b } map { $_->{took} } @known)[@known / 2], '<', 0.3, '… and at once');
is_deeply [grep { $_->{status} != 200 } @health], [], 'all the time, /health says 200';
cmp_ok scalar(between($frozen, $thawed, @health)), '>', 20, '… while it is frozen, too';
cmp_ok max(map { $_->{took} } @health), '<', DEADLINE - 1, '… without waiting for the database';
is scalar(() = $h->log_text =~ /\bMS01(?:01|17):/g), 1, 'the log told so once';
my ($first) = sort { $a <=> $b } map { $_->{from} + $_->{took} } grep { $_->{status} == 200 && $_->{from} > $thawed } @seen;
cmp_ok $first, '<', $thawed + 2, 'thawed: it goes on soon';
my %stored = map { $_->[0] => 1 } $h->sql('SELECT email FROM customer');
is_deeply [grep { $_->{kind} eq 'register' && $_->{status} == 200 && !$stored{ person($_->{name} =~ s/^c//r)->{email} =~ s/^/c/r } } @seen], [],
    'what was acknowledged is there';
is $h->sql_value('SELECT count(*) FROM customer') - $h->sql_value('SELECT count(*) FROM outbox'), 0, '… with its event, and no event without its customer';

# ---- amid a transaction: it waits for a lock when the database freezes ----
my $other = $db->session($h->{database});
my @before = map { $h->sql_value("SELECT count(*) FROM $_") } qw(customer outbox session);
$other->run('BEGIN');
$other->run('SELECT * FROM outbox WHERE seq > 0 FOR UPDATE');
$crowd = MedusaStore::Crowd->start(1, sub { return timed(sub { $what{register}->('amid') }) });
sleep 0.4;
$db->signal('STOP');
my ($amid) = $crowd->end;
is $amid->{status}, 503, 'frozen amid a transaction: 503';
cmp_ok $amid->{took}, '<', DEADLINE + 1, '… within the deadline';
$db->signal('CONT');
$other->run('ROLLBACK');
my $end = time + 10;
sleep 0.1 until $what{me}->()->{status} == 200 || time > $end;
is_deeply [map { $h->sql_value("SELECT count(*) FROM $_") } qw(customer outbox session)], \@before, '… and nothing of it is written';
is $what{register}->('amid')->{status}, 200, '… so that it can be done now';
$other->end;
$h->stop;
done_testing;
