# The gate before the hash: what it can't take at once it refuses at once, and its semaphores end with the server.
use strict;
use warnings;

use FindBin;
use IO::Select;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in who cookie_of as_cookie rows_are_secret);
use MedusaStore::Harness;

my $busy = '{"code":"api_error","type":"database_error","message":"The server is busy at the moment. Please try again."';

my $h = MedusaStore::Harness->new(main => <<'CONF');
MedusaStoreHashSlots 1
MedusaStoreHashQueue 1
MedusaStoreHashWait 200ms
MedusaStorePasswordCost 19456 30
CONF

# Ids of System V semaphore sets of this machine, and who used a set last.
sub semaphore_sets {
    open my $in, '<', '/proc/sysvipc/sem' or return ();
    return map { (split)[1] } grep { !/key/ } <$in>;
}

use constant GETPID => 11;
sub last_user { my ($id) = @_; return semctl($id, 0, GETPID, 0) // 0 }

sub parent_of {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/stat" or return 0;
    return (split / /, (<$in> // '') =~ s/^.*\) //r)[1] // 0;
}

# The sets that children of our server have used.
sub our_sets { return grep { parent_of(last_user($_)) == $h->{pid} } semaphore_sets() }

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
my @sets = our_sets();

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
MedusaStorePasswordCost 19456 12
CONF
    my @sockets = send_sign_ins($other, $c, 8);
    is(who($other, as_cookie($c->{cookie})), $c->{id}, 'what needs no hash is answered');
    my @ready = IO::Select->new(@sockets)->can_read(0);
    ok(@ready < @sockets, 'while passwords are hashed');
    ok($other->signal('USR1'), 'a graceful restart');
    is_deeply([map { m{^HTTP/1\.1 (\d+)} ? $1 : $_ } read_all(@sockets)], [(200) x 8], 'refuses nobody who waits');
    ok($other->await_log(qr/graceful restart/i), 'it was a graceful restart');
    is(sign_in($other, $c)->{status}, 200, 'and after it there is a gate again');
    $other->stop;
};

is_deeply([our_sets()], \@sets, 'the server keeps its semaphores');
rows_are_secret($h)->stop;

subtest 'the semaphores' => sub {
    plan skip_all => 'no /proc/sysvipc' unless -r '/proc/sysvipc/sem';
    is(scalar @sets, 1, 'the server had one set');
    is(scalar(grep { $_ == $sets[0] } semaphore_sets()), 0, 'it is gone after the server stopped');
};

done_testing;
