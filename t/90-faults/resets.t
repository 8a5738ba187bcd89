# Clients that reset their connection in the middle of a body, before the answer, and in the middle of it, while sixteen others shop: what
# each request held goes back, and what it was told or might have been told is there.
use strict;
use warnings;

use List::Util qw(max sum0);
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF);
use Test::More;
use Time::HiRes qw(sleep);

use MedusaStore::Accounts qw(new_customer as_cookie);
use MedusaStore::Crowd;
use MedusaStore::Harness;
use MedusaStore::Process qw(children holdings);
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

use constant RESETS => full() ? 1000 : 100;   # of each kind
use constant CLIENTS => 4;
use constant { CONNECTIONS => 3, CHILDREN => 2 };
use constant NOISE => 1024;                   # KiB that a child's memory may grow: a reset that leaves a page behind would take more

MedusaStore::Harness::need_database();
$ENV{MALLOC_ARENA_MAX} = 1;    # else each thread has one that grows for as long as it meets larger requests
my $h = MedusaStore::Harness->new(mpm => 'event', log_level => 'info', http_log_level => 'notice', conf => <<'CONF',
ServerLimit 2
StartServers 2
ThreadsPerChild 4
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
SendBufferSize 8192
CONF
    main => "${STEADY}MedusaStoreDBMax @{[CONNECTIONS]}\nMedusaStoreDBKeep @{[CONNECTIONS]}\nMedusaStoreDBWait 2s\n");
my $c = new_customer($h);
my $regular = new_customer($h);
# an answer that is larger than the buffers of a connection
for my $n (1 .. 3) {
    my $r = $h->post('/store/customers/me/addresses', as_cookie($c->{cookie}), json => { address => { first_name => 'A', last_name => 'B',
        address_1 => "C $n", city => 'D', country_code => 'dk', postal_code => '1' } });
    die "no address: $r->{status} $r->{body}" if $r->{status} != 200;
}
$h->sql(q(UPDATE address SET metadata = CONCAT('{"key":"', REPEAT('x', 60000), '"}')));

sub head { my ($method, $path, @lines) = @_; return join "\r\n", "$method $path HTTP/1.1", 'Host: localhost', @lines, '', '' }

sub registration {
    my ($name) = @_;
    my $body = qq({"email":"$name\@example.com","password":"correct horse","first_name":"A","last_name":"B"});
    return (head('POST', '/store/customers', 'Content-Type: application/json', 'Content-Length: ' . length $body), $body);
}

# What is sent and how much of the answer is read, in bytes (0: none), before the connection is reset.
my %kinds = (
    body   => sub { my ($head, $body) = registration($_[0]); return ($head . substr($body, 0, 20 + int rand 40), 0, rand 0.02) },
    before => sub { my ($head, $body) = registration($_[0]); return ($head . $body, 0, rand 0.01) },
    amid   => sub { return (head('GET', '/store/customers/me', "Cookie: $c->{cookie}"), 1 + int rand 20_000, 0) },
);

sub reset_one {
    my ($kind, $name) = @_;
    my ($bytes, $read, $pause) = $kinds{$kind}->($name);
    my $socket = $h->{client}->connect;
    setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;    # close() sends RST
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, pack 'i', 4096;
    syswrite $socket, $bytes;
    while ($read > 0) {
        my $n = sysread $socket, my $part, $read or return 0;
        $read -= $n;
    }
    sleep $pause;
    close $socket;
    return 1;
}

# Resets of each kind, by several clients at once: how many came through.
sub reset_many {
    my ($each, $name) = @_;
    my @done = MedusaStore::Crowd->start(CLIENTS, sub {
        my ($client) = @_;
        return sum0 map { my $n = $_; map { reset_one($_, "$name-$_-$client-$n") } sort keys %kinds } 1 .. $each / CLIENTS;
    })->end;
    return sum0 grep { !ref } @done;
}

# { pid => what it holds }, once no request is under way.
sub held {
    sleep 3;    # httpd lets connections linger for two seconds
    return { map { $_->{pid} => holdings($_->{pid}) } grep { $_->{state} ne 'Z' } children($h->{pid}) };
}

sub connections { return $h->sql_value("SELECT COUNT(*) FROM information_schema.processlist WHERE db = '$h->{database}' AND id <> CONNECTION_ID()") }

# As many at once as there are connections to be had, several times: all are served only if none is missing.
sub refused_at_once {
    my @seen = map { MedusaStore::Crowd->start(16, sub { return $h->get('/store/auth', as_cookie($regular->{cookie}))->{status} })->end } 1 .. 5;
    return scalar grep { $_ != 200 } @seen;
}

# Customers shop, and others go away: the traffic, how many resets came through, and what children hold afterwards.
sub phase {
    my ($each, $name) = @_;
    my $steady = MedusaStore::Steady->start('F13', $h);
    my $done = reset_many($each, $name);
    sleep 1;
    $steady->end;
    refused_at_once();
    return ($steady, $done, held());
}

my $warm = (phase(full() ? RESETS / 3 : RESETS, 'warm'))[2];
my ($steady, $done, $end) = phase(RESETS, 'cut');

is $done, 3 * RESETS, 'all are connected, sent and reset';
ok figure('F13', 'connections reset amid a body, before and amid the answer, each', RESETS, '', $done == 3 * RESETS), RESETS . ' of each kind';
is_deeply [sort keys %$end], [sort keys %$warm], 'the same children serve in the end';
my @common = grep { $end->{$_} && $warm->{$_} } keys %$warm;
my $more = max map { $end->{$_}{descriptors} - $warm->{$_}{descriptors} } @common;
ok figure('F13', 'descriptors of a child above what it had when warm, at most', $more, '', $more <= CONNECTIONS), "$more descriptors more"
    or diag explain [$warm, $end];
my $grown = max map { $end->{$_}{memory} - $warm->{$_}{memory} } @common;
ok figure('F13', 'memory of a child above what it had when warm, at most', $grown, 'KiB', $grown <= NOISE), "$grown KiB more";
is_deeply [map { $end->{$_}{threads} } @common], [map { $warm->{$_}{threads} } @common], 'as many threads';
my $connections = connections();
ok figure('F13', 'database connections in the end', $connections, '', $connections <= CHILDREN * CONNECTIONS), "$connections connections";
my $refused = refused_at_once();
ok figure('F13', 'requests of 80 that found no free connection in the end', $refused, '', !$refused), 'and all can be used';
is $h->sql_value("SELECT COUNT(*) FROM information_schema.innodb_trx"), 0, 'no transaction is open';
$steady->holds;

# a body that ended too early never registers; a whole one may, and then wholly (that is looked at for all customers)
is $h->sql_value("SELECT COUNT(*) FROM customer WHERE email LIKE 'cut-body-%'"), 0, 'a part of a body registers nobody';
my $registered = $h->sql_value("SELECT COUNT(*) FROM customer WHERE email LIKE 'cut-before-%'");
note "$registered of ", RESETS, ' who went away before the answer are registered';
cmp_ok $registered, '>', RESETS / 10, 'a whole one does, also for a client that is gone';
my $told = () = $h->log_text =~ /MS0005/g;
cmp_ok $told, '>', RESETS / 10, "the log tells of those within a body: $told";
$h->allow_log('MS0108');
$h->allow_log(undef, qr/server reached MaxRequestWorkers setting/);    # few threads are warm sooner
$h->stop;
done_testing;
