# The gate before the hash: what it can't take at once it refuses at once, and its semaphores end with the server.
use strict;
use warnings;

use FindBin;
use IO::Select;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use MedusaStore::Accounts qw(new_customer sign_in who cookie_of as_cookie rows_are_secret);
use MedusaStore::Harness;
use MedusaStore::Process qw(all_semaphore_sets children semaphore semaphore_sets);

use constant SLOTS => 0;    # the semaphore of the free slots

my $busy = '{"code":"api_error","type":"database_error","message":"The server is busy at the moment. Please try again."';

my %older = map { $_ => 1 } all_semaphore_sets();    # what a killed server left behind may have numbers of our processes
my $h = MedusaStore::Harness->new(main => <<'CONF');
MedusaStoreHashSlots 1
MedusaStoreHashQueue 1
MedusaStoreHashWait 200ms
MedusaStorePasswordCost 19456 30
CONF

# The sets that a server and its present children use.
sub sets_of {
    my ($server) = @_;
    return grep { !$older{$_} } semaphore_sets($server->{pid}, map { $_->{pid} } children($server->{pid}));
}

# Wait until something is so; 0 if it never comes.
sub await {
    my ($code) = @_;
    for (1 .. 1000) {
        return 1 if $code->();
        sleep 0.01;
    }
    return 0;
}

# Ask to sign in on several connections, and read no answer yet: the connections.
sub send_sign_ins {
    my ($to, $c, $times) = @_;
    my $body = qq({"email":"$c->{email}","password":"$c->{password}"});
    my $request = "POST /store/auth HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\n\r\n$body";
    my @sockets = map { $to->{client}->connect } 1 .. $times;
    syswrite $_, $request for @sockets;
    return @sockets;
}

sub read_all { my (@sockets) = @_; return map { do { local $/; readline $_ } // '' } @sockets }

my $c = new_customer($h);
my @sets = sets_of($h);

subtest 'more than it can take' => sub {
    $h->expect_log('MS0201', qr/no hashing slot came free within 200 ms/);
    my @answers = read_all(send_sign_ins($h, $c, 8));
    my @good = grep { m{^HTTP/1\.1 200 } } @answers;
    my @refused = grep { m{^HTTP/1\.1 503 } } @answers;
    ok(@good >= 1, 'some are signed in: ' . @good);
    ok(@refused >= 1, 'some are refused: ' . @refused);
    is(@good + @refused, 8, 'and nothing else happens');
    is(scalar(grep { /\r\nRetry-After: \d+\r\n/ } @refused), scalar @refused, 'with a time to come back');
    is(scalar(grep { /\r\n\r\n\Q$busy\E,"request_id":"[\w@+\/-]+"\}$/ } @refused), scalar @refused, 'and the reason');
    is(scalar(grep { /\r\nCache-Control: no-store\r\n/ } @refused), scalar @refused, 'for nobody else');
    is(scalar(grep { /\r\nSet-Cookie/ } @refused), 0, 'and no cookie');
    is($h->sql_value("SELECT COUNT(*) FROM session WHERE customer_id = '$c->{id}'"), 1 + @good, 'a row for each that is signed in');
};

subtest 'an unknown e-mail stands in line like a wrong password' => sub {
    for my $who ($c, { email => 'nobody@lab.test' }) {
        my %answers;
        $answers{$_}++ for map { m{^HTTP/1\.1 (\d+)} ? $1 : $_ } read_all(send_sign_ins($h, { %$who, password => 'wrong horse' }, 6));
        is_deeply([sort keys %answers], [401, 503], 'some are hashed and refused, some not even hashed') or diag(explain(\%answers));
    }
};

subtest 'all slots come back' => sub {
    for my $round (1 .. 3) {
        my $r = sign_in($h, $c);
        is($r->{status}, 200, "sign-in $round");
        is(who($h, as_cookie(cookie_of($r))), $c->{id}, 'and good');
    }
    is(sign_in($h, $c, password => 'wrong horse')->{status}, 401, 'a wrong password takes its turn');
    is(sign_in($h, { email => 'nobody@lab.test', password => 'wrong horse' })->{status}, 401, 'so does an unknown e-mail');
    is(sign_in($h, $c)->{status}, 200, 'then another');
};

subtest 'who waits' => sub {
    my $other = MedusaStore::Harness->new(shop => $h, main => <<'CONF');
MedusaStoreHashSlots 1
MedusaStoreHashQueue 8
MedusaStoreHashWait 20s
MedusaStoreDeadline 20s
MedusaStorePasswordCost 19456 30
CONF
    my @sockets = send_sign_ins($other, $c, 8);
    is(who($other, as_cookie($c->{cookie})), $c->{id}, 'what needs no hash is answered');
    my @ready = IO::Select->new(@sockets)->can_read(0);
    ok(@ready < @sockets, 'while passwords are hashed');
    my ($set) = sets_of($other);
    $other->reload;
    SKIP: {
        skip 'no /proc/sysvipc', 2 unless defined $set;
        is_deeply([sets_of($other)], [$set], 'a graceful restart leaves the slots alone');
        skip 'prefork restarts once its children are done', 1 if $other->{mpm} eq 'prefork';
        cmp_ok(semaphore($set, SLOTS)->{waiting}, '>', 0, 'so that who waits still takes turns');
    }
    is_deeply([map { m{^HTTP/1\.1 (\d+)} ? $1 : $_ } read_all(@sockets)], [(200) x 8], 'and nobody is refused');
    is(sign_in($other, $c)->{status}, 200, 'the new children have the gate, too');

    @sockets = send_sign_ins($other, $c, 4);
    $other->reload(main => "MedusaStoreHashSlots 2\nMedusaStoreHashWait 20s\nMedusaStoreDeadline 20s\n");
    is_deeply([map { m{^HTTP/1\.1 (\d+)} ? $1 : $_ } read_all(@sockets)], [(200) x 4], 'another number of slots refuses nobody either');
    is(sign_in($other, $c)->{status}, 200, 'and is a gate');
    $other->stop;
};

subtest 'a child that dies while it hashes' => sub {
    plan skip_all => 'no /proc/sysvipc' unless @sets;
    my @sockets = send_sign_ins($h, $c, 1);
    ok(await(sub { !semaphore($sets[0], SLOTS)->{value} }), 'takes the only slot');
    ok(kill('KILL', semaphore($sets[0], SLOTS)->{user}), 'is killed');
    is_deeply([read_all(@sockets)], [''], 'and answers nothing');
    is(sign_in($h, $c)->{status}, 200, 'its slot is free again');
};

is_deeply([sets_of($h)], \@sets, 'the server keeps its semaphores');
rows_are_secret($h)->stop;

subtest 'the semaphores' => sub {
    plan skip_all => 'no /proc/sysvipc' unless @sets;
    is(scalar @sets, 1, 'the server had one set');
    ok(!semaphore($sets[0], SLOTS)->{there}, 'it is gone after the server stopped');
};

done_testing;
