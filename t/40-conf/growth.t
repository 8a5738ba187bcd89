# One child answers some thousand requests of all kinds, refused ones among them, and holds in the end what it held when warm.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer token_for as_cookie as_bearer rows_are_secret);
use MedusaStore::Client;
use MedusaStore::Harness;
use MedusaStore::Process qw(holdings children);

use constant { WARM => 50, ROUNDS => 200 };
use constant NOISE => 64;    # KiB

MedusaStore::Harness::need_database();
plan skip_all => 'needs Linux: /proc tells what a process holds' unless -r "/proc/$$/smaps_rollup";

# MaxMemFree: what the pools of httpd keep for later may be of a size that nobody asks for again, up to 2 MiB of it; so it fills up sooner.
my $h = MedusaStore::Harness->new(mpm => 'prefork', log_level => 'warn', main => "MedusaStorePasswordCost 64 1\n", conf => <<'CONF');
StartServers 1
MinSpareServers 1
MaxSpareServers 1
ServerLimit 1
MaxRequestWorkers 1
MaxKeepAliveRequests 0
MaxMemFree 256
<Location /xml>
    Require all granted
    MedusaStore On
    MedusaStoreXML On
    Session On
</Location>
CONF
$h->allow_log(undef, qr/server reached MaxRequestWorkers setting/);
my $c = new_customer($h);
my $token = token_for($h, $c);
my $client = MedusaStore::Client->new(port => $h->{port}, keep => 1);

my @cookie = as_cookie($c->{cookie});
my %secret = (email => $c->{email}, password => $c->{password});
my @xml = (headers => { 'Content-Type' => 'application/xml', Accept => 'application/xml' });
my %address = (first_name => 'A', last_name => 'B', address_1 => 'C 1', city => 'D', country_code => 'dk', postal_code => '1');

# [status, method, path, options], or code that gives it for a round
my @KINDS = (
    [200, GET    => '/store/customers/me', @cookie],
    [200, GET    => '/store/auth', as_bearer($token)],
    [401, GET    => '/store/auth', as_cookie("$c->{cookie}x")],
    [404, GET    => '/store/nothing'],
    [200, POST   => '/store/customers/me', @cookie, json => { metadata => { map { ("key$_" => [1 .. 20]) } 1 .. 20 } }],
    [400, POST   => '/store/customers/me', @cookie, json => { first_name => 1, nothing => 2 }],
    [422, POST   => '/store/customers', json => { %secret, first_name => 'A', last_name => 'B' }],
    [400, POST   => '/store/customers', headers => { 'Content-Type' => 'application/json' }, body => '{"a":['],
    [200, POST   => '/store/customers/me/addresses', @cookie, json => { address => \%address }],
    [401, POST   => '/store/auth', json => { %secret, password => 'wrong' }],
    [200, POST   => '/store/auth/token', json => \%secret],
    [200, POST   => '/xml/auth', @xml, body => "<a><email>$secret{email}</email><password>$secret{password}</password></a>"],
    [400, POST   => '/xml/auth', @xml, body => '<a><b></a>'],
    sub { my ($n) = @_; return [200, POST => '/xml/customers', @xml,
        body => "<a><email>bea-$n-$$\@lab.test</email><password>p</password><first_name>A</first_name><last_name>B</last_name></a>"] },
);

sub held { my ($child) = children($h->{pid}); return { %{ holdings($child->{pid}) }, pid => $child->{pid} } }

my (%wrong, $warm);
for my $round (1 .. ROUNDS) {
    for my $kind (@KINDS) {
        my ($status, @request) = @{ ref $kind eq 'CODE' ? $kind->($round) : $kind };
        my $r = $client->request(@request);
        $wrong{"$request[0] $request[1]: $r->{status}"}++ if $r->{status} != $status;
    }
    $warm = held() if $round == WARM;
}
my $end = held();
is_deeply(\%wrong, {}, 'all are answered as they should be');
is($end->{pid}, $warm->{pid}, 'by one child');
is($end->{$_}, $warm->{$_}, "which has as many $_ as before") for qw(descriptors threads);
note "$warm->{memory} KiB, then $end->{memory}";
cmp_ok($end->{memory} - $warm->{memory}, '<=', NOISE, 'and no more memory');
rows_are_secret($h)->stop;
done_testing;
