package MedusaStore::Cost;

# What an operation costs, in figures that do not depend on how busy a machine is: instructions, allocations, statements, round
# trips. httpd runs as one process under callgrind, with bench/mod_mark.c to divide the counting. Called by t/95-cost/cost.t,
# which bench/instructions runs, too.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use Fcntl qw(:flock);
use POSIX ();

use MedusaStore::Accounts qw(new_customer token_for cookie_of);
use MedusaStore::Callgrind qw(read_dump subtract);
use MedusaStore::Client;
use MedusaStore::Harness;

our @EXPORT_OK = qw(build_tools measure environment table functions);

my ($WARM_UP, $REQUESTS) = (3, 10);
my $ADDRESSES = 3;
my %PLACE = (first_name => 'Ada', last_name => 'Lovelace', company => 'Analytical Engines', address_1 => "1 St James's Square",
    address_2 => 'First floor', city => 'London', country_code => 'gb', province => 'Greater London', postal_code => 'SW1Y 4LB',
    phone => '+44 20 7946 0000', metadata => { floor => 1, door => 'left' });

# The Debian packages whose code is counted.
my @PACKAGES = qw(apache2-bin gcc libapr1 libapr1t64 libaprutil1 libaprutil1t64 libaprutil1-dbd-mysql libc6 libjansson4 libmariadb3 libsodium23
    valgrind);

# What the figures depend on beside our own code.
sub environment {
    my ($exit, $versions) = MedusaStore::Harness::run_command('dpkg-query', '-W', '-f', '${Package} ${Version} ${db:Status-Status}\n', @PACKAGES);
    my @installed = map { /^(\S+ \S+) installed$/ ? $1 : () } split /\n/, $versions;
    open my $in, '<', '/proc/cpuinfo' or croak "/proc/cpuinfo: $!";
    my $wide = grep { /^flags\s*:.*\bavx2\b/ } <$in>;    # the C library chooses its functions by it
    return [(POSIX::uname())[4] . ($wide ? ' avx2' : ''), sort @installed];
}

# ---- the server ----

# Make targets of bench/Makefile.in; their folder. One test after the other: another one may want them at the same time.
sub build_tools {
    my (@targets) = @_;
    my $folder = "$ENV{MS_BUILDDIR}/bench";
    mkdir $folder;
    open my $lock, '>>', "$folder/lock" or croak "$folder/lock: $!";
    flock $lock, LOCK_EX or croak "can't lock: $!";
    for my $command (["./config.status", '--quiet', "--file=bench/Makefile:$ENV{MS_SRCDIR}/bench/Makefile.in"],
        ['make', '-s', '-C', 'bench', @targets]) {
        my ($exit, $output) = MedusaStore::Harness::run_command('sh', '-c', 'cd "$1" && shift && exec "$@"', 'sh', $ENV{MS_BUILDDIR}, @$command);
        croak "@$command: $output" if $exit;
    }
    return $folder;
}

# Prefork and -X: one process, one thread but those that wait. Nothing is logged but what goes wrong, as where it runs.
sub _shop {
    return MedusaStore::Harness->new(
        mpm => 'prefork', single => 1, timeout => 120, log_level => 'warn', http_log_level => 'warn',
        main => "MedusaStorePasswordCost 64 1\nMedusaStoreDeadline 60s\nMedusaStoreDBWait 20s\nMedusaStoreDBTimeout 60s\nMedusaStoreHashWait 20s\n",
    );
}

# The same server again, watched, with the bare handler beside it and its plan made of the customer.
sub _start_watched {
    my ($h, $c, $valgrind, $tools, $dumps) = @_;
    $h->write_file('plan', _plan($h, $c, $tools));
    $h->allow_log('AH00098');    # -X leaves its pid file
    $h->stop_server;
    $h->{under} = [$valgrind, qw(-q --tool=callgrind --vgdb=no --compress-strings=no --compress-pos=no --dump-line=no),
        "--callgrind-out-file=$dumps/out.%p"];
    $h->{conf} = <<"CONF";
KeepAliveTimeout 60
MaxKeepAliveRequests 0
LoadModule mark_module "$tools/mod_mark.so"
LoadModule bench_module "$tools/mod_bench.so"
BenchPlans "$h->{root}"
BenchParams "$h->{root}/db-params"
<Location "/bench/bare">
    SetHandler bench-bare
</Location>
<Location "/bench/constant">
    SetHandler bench-constant
</Location>
CONF
    $h->start_again;
    # all on one connection: the only process serves no other one meanwhile
    return $h->{client} = MedusaStore::Client->new(port => $h->{port}, timeout => 120, keep => 1);
}

# ---- the operations ----

# A customer with an address book, and all that the operations of the table below need.
sub _people {
    my ($h) = @_;
    my $ada = new_customer($h, first_name => 'Ada', last_name => 'Lovelace', phone => '+44 20 7946 0000');
    my @mine = (headers => { Cookie => $ada->{cookie} });
    for (1 .. $ADDRESSES) {
        my $r = $h->post('/store/customers/me/addresses', json => { address => \%PLACE }, @mine);
        croak "no address: $r->{status}" if $r->{status} != 200;
    }
    my @addresses = map { $_->[0] } $h->sql("SELECT id FROM address WHERE customer_id = '$ada->{id}'");
    my %sign_in = (email => $ada->{email}, password => $ada->{password});
    return { %$ada, addresses => \@addresses, token => token_for($h, $ada), sign_in => \%sign_in, as => { Cookie => $ada->{cookie} } };
}

# NAME => function of (harness, customer) that gives a function of n, which gives what to send: METHOD, PATH, options. What
# it needs, it makes before.
sub _operations {
    my ($all) = ($WARM_UP + $REQUESTS);
    return (
        'GET /customers/me, cookie' => sub { my ($h, $c) = @_; return sub { (GET => '/store/customers/me', headers => $c->{as}) } },
        'GET /customers/me, bearer' => sub {
            my ($h, $c) = @_;
            return sub { (GET => '/store/customers/me', headers => { Authorization => "Bearer $c->{token}" }) };
        },
        'GET /customers/me, nobody' => sub { return sub { (GET => '/store/customers/me', status => 401) } },
        'POST /customers' => sub {
            return sub { (POST => '/store/customers', json => { email => "n$_[0]\@lab.test", password => 'correct horse', first_name => 'N', last_name => 'N' }) };
        },
        'POST /customers/me' => sub {
            my ($h, $c) = @_;
            return sub { (POST => '/store/customers/me', headers => $c->{as}, json => { first_name => "Ada $_[0]" }) };
        },
        'POST /auth'       => sub { my ($h, $c) = @_; return sub { (POST => '/store/auth',       json => $c->{sign_in}) } },
        'POST /auth/token' => sub { my ($h, $c) = @_; return sub { (POST => '/store/auth/token', json => $c->{sign_in}) } },
        'GET /auth' => sub { my ($h, $c) = @_; return sub { (GET => '/store/auth', headers => $c->{as}) } },
        'GET /auth/{email}' => sub { my ($h, $c) = @_; return sub { (GET => "/store/auth/$c->{email}") } },
        'DELETE /auth' => sub {
            my ($h, $c) = @_;
            my @cookies = map { cookie_of($h->post('/store/auth', json => $c->{sign_in})) } 1 .. $all;
            return sub { (DELETE => '/store/auth', headers => { Cookie => pop @cookies }) };
        },
        'POST /customers/me/addresses/{id}' => sub {
            my ($h, $c) = @_;
            return sub { (POST => "/store/customers/me/addresses/$c->{addresses}[0]", headers => $c->{as}, json => { address_2 => "Floor $_[0]" }) };
        },
        'GET /customers/me/orders' => sub { my ($h, $c) = @_; return sub { (GET => '/store/customers/me/orders', headers => $c->{as}) } },
        'GET /customers/me/payment-methods' => sub { my ($h, $c) = @_; return sub { (GET => '/store/customers/me/payment-methods', headers => $c->{as}) } },
        'POST /customers/password-token' => sub { my ($h, $c) = @_; return sub { (POST => '/store/customers/password-token', json => { email => $c->{email} }, status => 204) } },
        'POST /customers/password-reset' => sub {
            my ($h) = @_;
            my @resets = map { _reset($h) } 1 .. $all;
            return sub { (POST => '/store/customers/password-reset', json => pop @resets) };
        },
        'POST /customers/me/addresses' => sub {
            my ($h, $c) = @_;
            my @others = map { new_customer($h)->{cookie} } 1 .. $all;
            return sub { (POST => '/store/customers/me/addresses', headers => { Cookie => shift @others }, json => { address => \%PLACE }) };
        },
        'DELETE /customers/me/addresses/{id}' => sub {
            my ($h, $c) = @_;
            my @others = map { _with_address($h) } 1 .. $all;
            return sub { my $o = shift @others; (DELETE => "/store/customers/me/addresses/$o->{address}", headers => { Cookie => $o->{cookie} }) };
        },
    );
}

# Somebody with one address.
sub _with_address {
    my ($h) = @_;
    my $c = new_customer($h);
    my $r = $h->post('/store/customers/me/addresses', json => { address => \%PLACE }, headers => { Cookie => $c->{cookie} });
    return { %$c, address => $r->{json}{customer}{shipping_addresses}[0]{id} };
}

# Somebody who has forgotten their password: what they send.
sub _reset {
    my ($h) = @_;
    my $c = new_customer($h);
    $h->post('/store/customers/password-token', json => { email => $c->{email} });
    my $token = $h->sql_value("SELECT JSON_VALUE(data, '\$.token') FROM outbox WHERE event_name = 'customer.password_reset' ORDER BY seq DESC LIMIT 1");
    return { email => $c->{email}, token => $token, password => 'another horse' };
}

# What GET /customers/me asks, for the bare handler.
sub _plan {
    my ($h, $c, $tools) = @_;
    my ($exit, $list) = MedusaStore::Harness::run_command("$tools/statements");
    my %sql = map { split /\t/, $_, 2 } split /\n/, $list;
    my $session = $h->sql_value("SELECT LOWER(HEX(id)) FROM session WHERE customer_id = '$c->{id}' AND kind = 'cookie' ORDER BY created_at LIMIT 1");
    my $now = $h->sql_value('SELECT UTC_TIMESTAMP(3)');
    return join '', map { join("\t", @$_) . "\n" } ['begin', 'SET NAMES utf8mb4 COLLATE utf8mb4_bin'],
        ['begin', 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED'],
        ['query', $sql{'session.who_with_addresses'}, $session, 'cookie', $now, '1970-01-01 00:00:00.000'];
}

# ---- measuring ----

sub _send {
    my ($client, $method, $path, %option) = @_;
    my $status = delete $option{status} // 200;
    my $answer = $client->request($method, $path, %option);
    croak "$method $path: $answer->{status} $answer->{body}" if $answer->{status} != $status;
    return $answer;
}

# One operation, between two marks; the second is its place in @$names.
sub _run {
    my ($client, $name, $request, $names) = @_;
    _send($client, $request->($_)) for 1 .. $WARM_UP;
    _send($client, GET => '/mark/between');
    _send($client, $request->($WARM_UP + $_)) for 1 .. $REQUESTS;
    push @$names, $name;
    _send($client, GET => '/mark/' . $#$names);
    return;
}

# Two marks, and nothing between.
sub _run_empty {
    my ($client, $names) = @_;
    _send($client, GET => '/mark/between') for 1 .. 2;
    push @$names, 'empty';
    _send($client, GET => '/mark/' . $#$names);
    return;
}

# The figures of each operation, for one request, in an array. $dumps: a folder for callgrind's files.
sub measure {
    my ($valgrind, $dumps) = @_;
    my $tools = build_tools(qw(mod_mark.so mod_bench.so statements));
    my $h = _shop();
    my $c = _people($h);
    my $length = length $h->get('/store/customers/me', headers => $c->{as})->{body};
    my $client = _start_watched($h, $c, $valgrind, $tools, $dumps);
    my @names;
    _run_empty($client, \@names);
    my @operations = (_operations(), 'bare handler' => sub { return sub { (GET => "/bench/bare/plan/$length/0") } },
        'constant answer' => sub { return sub { (GET => "/bench/constant/$length") } });
    while (my ($name, $make) = splice @operations, 0, 2) {
        _run($client, $name, $make->($h, $c), \@names);
    }
    unlink "$dumps/out.$h->{pid}"; # root's; what is left at the end is written by another user, or httpd fails
    delete $client->{kept};        # httpd would wait for its next request, deaf to all else
    $h->stop;
    return _figures($dumps, \@names);
}

sub _figures {
    my ($dumps, $names) = @_;
    my %dump = map { my $d = read_dump($_); $d->{name} =~ /^\d+$/ ? ($d->{name} => $d) : () } glob "$dumps/out.*";
    croak 'callgrind wrote less than it was told to' if grep { !$dump{$_} } 0 .. $#$names;
    return [map { { %{ subtract($dump{$_}, $dump{0}, $REQUESTS) }, name => $names->[$_] } } 1 .. $#$names];
}

# ---- telling ----

my @COUNTS = qw(statements trips allocations);
my @SHARES = qw(module jansson sodium malloc libc database apr httpd);

# Lines of a table; with a second set of figures, how many instructions there were in that.
sub table {
    my ($figures, $before) = @_;
    my %old = map { $_->{name} => $_ } @{ $before || [] };
    my $head = sprintf '%-36s %12s' . ' %9s' x @SHARES . ' %6s' x @COUNTS, 'instructions a request', 'all', @SHARES, map { substr $_, 0, 6 } @COUNTS;
    my @lines = ($head . ($before ? '   before' : ''));
    for my $f (@$figures) {
        my $line = sprintf '%-36s %12.0f' . ' %9.0f' x @SHARES . ' %6.4g' x @COUNTS, $f->{name}, $f->{instructions},
            (map { $f->{layers}{$_} // 0 } @SHARES), @$f{@COUNTS};
        my $o = $old{ $f->{name} };
        push @lines, $line . ($o ? sprintf '  %9.0f (%+.1f %%)', $o->{instructions}, 100 * ($f->{instructions} / $o->{instructions} - 1) : '');
    }
    return @lines;
}

# The functions of an operation that cost most, each without what it calls.
sub functions {
    my ($figures, $name) = @_;
    my ($f) = grep { $_->{name} eq $name } @$figures or croak "no operation $name";
    my $of = $f->{functions};
    return map { sprintf "%9.0f  %s", $of->{$_}, $_ } (sort { $of->{$b} <=> $of->{$a} } keys %$of)[0 .. 59];
}

1;
