# A database that says nothing: frozen in the middle of its work, or a port that accepts and never speaks. Requests end in
# time, httpd serves what needs no database, and it stops and restarts at once.
use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use List::Util qw(max);
use Socket qw(SOMAXCONN);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;

my $db = MedusaStore::Database->new;
# limits and log lines are a child's, and prefork has many children with one connection each: there is nothing to see in it
my $mpm = ($ENV{TEST_MPM} || 'prefork') eq 'prefork' ? 'event' : $ENV{TEST_MPM};
our $h = MedusaStore::Harness->new(mpm => $mpm, start => 0, main => "MedusaStorePasswordCost 8192 1\nMedusaStoreDBTimeout 1s\nMedusaStoreDBWait 500ms\n",
    location => "MedusaStoreAllowOrigin http://a.example\n");

sub timed {
    my ($code) = @_;
    my $from = time;
    my $answer = $code->();
    return ($answer, time - $from);
}

sub me { return $h->get('/store/customers/me', jar => 'me') }

# Many requests at once; each as [status, seconds].
sub ask_many {
    my ($n) = @_;
    return MedusaStore::Crowd->start($n, sub { my ($answer, $seconds) = timed(\&me); return [$answer->{status}, $seconds] });
}

sub responsive {
    my ($name) = @_;
    my ($answer, $seconds) = timed(sub {
        $h->options('/store/auth', headers => { Origin => 'http://a.example', 'Access-Control-Request-Method' => 'GET' }) });
    is $answer->{status}, 204, "$name: a preflight is answered";
    cmp_ok $seconds, '<', 0.3, '… at once';
    return;
}

# ---- frozen ----
$h->start;
$h->allow_log('MS0117', qr/3 statements in a row were cut/);
$h->allow_log('MS0101', qr/it does not answer in time/);
$h->expect_log('MS0102', qr/answers again/, 1);
$h->expect_log('MS0109', qr/longer than 1000 ms/, 1);
is $h->post('/store/customers', json => { email => 'me@example.com', password => 'correct horse', first_name => 'A', last_name => 'B' },
    jar => 'me')->{status}, 200, 'a customer';
ask_many(8)->end;
$db->signal('STOP');
my $crowd = ask_many(8);
sleep 0.3;
responsive('frozen');
my @seen = $crowd->end;
is_deeply [grep { $_->[0] != 503 } @seen], [], 'frozen: 503';
cmp_ok max(map { $_->[1] } @seen), '<', 2, '… within MedusaStoreDBTimeout and a second';
my ($answer, $seconds) = timed(\&me);
is $answer->{status}, 503, 'frozen for longer: 503';
cmp_ok $seconds, '<', 0.3, '… at once';
$db->signal('CONT');
my $good = 0;
for (1 .. 100) {
    last if $good = me()->{status} == 200;
    sleep 0.05;
}
is scalar(() = $h->log_text =~ /\bMS01(?:01|17):/g), 1, '… and the log told so once';
ok $good, 'thawed: it goes on';
is_deeply [grep { $_->[0] != 200 } ask_many(16)->end], [], '… for all';
is $h->sql_value('SELECT count(*) FROM outbox'), 1, '… with what was there';
$h->stop_server;

# ---- listeners that never speak ----
my $path = "$ENV{MS_TEST_SCRATCH}/silent-$$.sock";
my $unix = IO::Socket::UNIX->new(Local => $path, Listen => SOMAXCONN) or die "$path: $!";
chmod 0777, $path;
my $tcp = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => SOMAXCONN) or die $@;
my %params = (
    'a silent socket' => "sock=$path,user=x,dbname=$h->{database}",
    'a silent port'   => 'host=127.0.0.1,port=' . $tcp->sockport . ",user=x,dbname=$h->{database}",
);
for my $name (sort keys %params) {
    my $s = MedusaStore::Harness->new(shop => $h, mpm => $mpm, start => 0, main => $h->{main}, location => $h->{location});
    $s->write_private('db-params', $params{$name});
    local $h = $s;
    $s->expect_log('MS0101', qr/it does not answer in time/);
    $s->start;
    my @all = ask_many(12)->end;
    is_deeply [grep { $_->[0] != 401 } @all], [], "$name: who has no session is not kept waiting";
    $crowd = MedusaStore::Crowd->start(12, sub {
        my ($r, $t) = timed(sub { $s->get('/store/auth/a@example.com') });
        return [$r->{status}, $t];
    });
    sleep 0.2;
    responsive($name);
    @seen = $crowd->end;
    is_deeply [grep { $_->[0] != 503 } @seen], [], "$name: 503";
    cmp_ok max(map { $_->[1] } @seen), '<', 1.2, '… within MedusaStoreDBWait';
    $s->signal('USR1');
    ok $s->await_log(qr/resuming normal operations.*resuming normal operations/s), "$name: a graceful restart";
    # once more, so that a connect hangs in the new child, too
    is $s->get('/store/auth/a@example.com')->{status}, 503, "$name: 503 from the new children";
    my (undef, $stopping) = timed(sub { $s->stop_server });
    cmp_ok $stopping, '<', 2, "$name: httpd stops at once";
    $s->stop;
}

# ---- a process that has no other thread to end it ----
my $p = MedusaStore::Harness->new(shop => $h, mpm => 'prefork', start => 0, main => $h->{main});
$p->write_private('db-params', $params{'a silent socket'});
$p->expect_log('MS0101', qr/it does not answer in time/);
$p->start;
is_deeply [grep { $_ != 503 } MedusaStore::Crowd->start(4, sub { return $p->get('/store/auth/a@example.com')->{status} })->end], [], 'prefork: 503';
$crowd = MedusaStore::Crowd->start(2, sub { return eval { $p->get('/store/auth/a@example.com')->{status} } || 'closed' });
sleep 0.2;
(undef, my $ending) = timed(sub { $p->stop_server });
cmp_ok $ending, '<', 2, 'prefork: httpd stops at once, while requests wait for a connection';
$crowd->end;
$p->stop;

# ---- a connect that nobody will ever answer: after ten seconds it is left to itself, and another one is tried ----
my $s = MedusaStore::Harness->new(shop => $h, start => 0, single => 1, main => $h->{main});
$s->write_private('db-params', "sock=$path,user=$ENV{MS_TEST_WEB_USER},dbname=$h->{database}");
$s->expect_log('MS0101', qr/it does not answer in time/, 1);
$s->expect_log('MS0102', qr/answers again/, 1);
$s->start;
is $s->get('/store/auth/a@example.com')->{status}, 503, 'a server that is gone without a word: 503';
unlink $path;
symlink $db->{socket}, $path or die "$path: $!";
my $end = time + 20;
until (($answer = $s->get('/store/auth/a@example.com'))->{status} == 200 || time > $end) {
    sleep 0.2;
}
is $answer->{status}, 200, '… until another answers in its place';
(undef, my $stopping) = timed(sub { $s->stop_server });
cmp_ok $stopping, '<', 2, '… and httpd stops at once, while the first connect still hangs';
$s->stop;
unlink $path;
$h->stop;
done_testing;
