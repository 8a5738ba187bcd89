# MedusaStoreCSRF: which writes by the session cookie alone are refused as what another site's page could have sent. One httpd,
# with a place for each mode; the same cookie is good in all of them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for cookie_of who as_cookie as_bearer rows_are_secret);
use MedusaStore::Harness;

my %PLACE = ('Strict by default' => '/store', Strict => '/strict', Origin => '/origin', Off => '/off');
my $ORIGINS = 'MedusaStoreAllowOrigin http://shop.example "/^https:\/\/[a-z]+\.shop\.example$/"';
my ($ORIGIN, $SITE, $TYPE) = ('the request comes from an origin that is not allowed', 'the request comes from another site',
    'a request by the session cookie must have Content-Type: application/json');

my $h = MedusaStore::Harness->new(
    main => "MedusaStorePasswordCost 8192 1\n", location => $ORIGINS,
    conf => join '', map { "<Location \"/\L$_\E\">\nMedusaStore On\nSession On\n$ORIGINS\nMedusaStoreCSRF $_\n</Location>\n" } qw(Strict Origin Off),
);
my $own = "127.0.0.1:$h->{port}";
my $refused = 0;

# [name, value, is it allowed]
my @origins = (
    ['no origin', undef, undef], ['allowed', 'http://shop.example', 1], ['allowed by a pattern', 'https://my.shop.example', 1],
    ['its own', "http://$own", 1], ['its own, by TLS', "https://$own", 1], ['foreign', 'http://evil.test', 0],
    ['null', 'null', 0], ['a name that goes on', 'http://shop.example.evil.test', 0], ['another port', 'http://shop.example:8080', 0],
    ['its own at another port', 'http://127.0.0.1:1', 0], ['its own in another', "http://evil.test/?http://$own", 0], ['empty', '', 0],
);
my %is_site = ('none' => 1, 'same-origin' => 1, 'Same-Origin' => 1, 'same-site' => 0, 'cross-site' => 0, 'anything' => 0);
# [name, content type, body, is it data]
my @types = (
    ['no body', undef, undef, 1], ['no body, a type', 'text/plain', undef, 1], ['JSON', 'application/json', '{"phone":"%s"}', 1],
    ['JSON with a charset', 'Application/JSON; charset=utf-8', '{"phone":"%s"}', 1], ['text', 'text/plain', '{"phone":"%s"}', 0],
    ['a form', 'application/x-www-form-urlencoded', 'phone=%s', 0], ['parts', 'multipart/form-data; boundary=x', '--x--%s', 0],
    ['no type', undef, '{"phone":"%s"}', 0], ['JSON as a parameter', 'text/plain; application/json', '{"phone":"%s"}', 0],
);

# Why a request by the cookie is refused in a mode; undef: it is not.
sub reason {
    my ($mode, $origin, $site, $type) = @_;
    return undef if $mode eq 'Off';
    return $ORIGIN if defined $origin->[1] && !$origin->[2];
    return $SITE if !defined $origin->[1] && defined $site && !$is_site{$site};
    return $TYPE if $mode ne 'Origin' && !$type->[3];
    return undef;
}

sub headers_of {
    my ($who, $origin, $site, $type) = @_;
    my %headers = (%$who, Origin => $origin->[1], 'Sec-Fetch-Site' => $site, 'Content-Type' => $type->[1]);
    return { map { $_ => $headers{$_} } grep { defined $headers{$_} } keys %headers };
}

# What is wrong with an answer; nothing, if it is as it should be.
sub judge {
    my ($r, $why, $good) = @_;
    return "status is $r->{status}, expected $good" if !defined $why && $r->{status} != $good;
    return () unless defined $why;
    $refused++;
    return "it is answered by $r->{status} $r->{body}" if "$r->{status} $r->{body}" ne qq(403 {"type":"not_allowed","message":"$why"});
    return 'it sets a cookie' if @{ $r->{cookies} };
    return ();
}

my $ann = new_customer($h);
my $bob = new_customer($h);
my ($ann_token, $bob_token) = (token_for($h, $ann), token_for($h, $bob));
my %cookie = (Cookie => $ann->{cookie});
my %bearer = (Authorization => "Bearer $ann_token");
my ($number, $phone) = (0, undef);

sub me { return $h->get('/store/customers/me', headers => {%bearer})->{json}{customer} }

# Change ann's phone in some way; what is wrong with what came of it.
sub try_change {
    my ($place, $who, $why, @how) = @_;
    my ($body, $wanted) = ($how[2][2], '5' . ++$number);
    $body = sprintf $body, $wanted if defined $body;
    my $r = $h->post("$place/customers/me", headers => headers_of($who, @how), defined $body ? (body => $body) : ());
    my @bad = judge($r, $why, 200);
    $phone = $wanted if !defined $why && ($how[2][1] // '') =~ m{^application/json}i;
    my $now = me()->{phone};
    push @bad, 'the phone is ' . ($now // 'null') . ', expected ' . ($phone // 'null') if ($now // '') ne ($phone // '');
    return @bad;
}

# Each way of sending: [origin, site, type].
sub ways {
    my @ways;
    for my $origin (@origins) {
        for my $site (defined $origin->[1] ? (undef, 'cross-site') : (undef, sort keys %is_site)) {
            push @ways, map { [$origin, $site, $_] } @types;
        }
    }
    return @ways;
}

sub name_of { my ($origin, $site, $type) = @_; return join ', ', $origin->[0], 'site ' . ($site // 'not told'), $type->[0] }

for my $mode ('Strict', 'Origin', 'Off') {
    subtest "$mode: changes by the cookie" => sub {
        for my $way (ways()) {
            my @bad = try_change($PLACE{$mode}, \%cookie, reason($mode, @$way), @$way);
            ok(!@bad, name_of(@$way)) or diag(@bad);
        }
    };
}

my @some = grep { $_->[0][0] =~ /^(?:no origin|allowed|foreign|null)$/ && $_->[2][0] =~ /^(?:no body|JSON|text|no type)$/ } ways();

subtest 'Strict is the default' => sub {
    for my $way (@some) {
        my @bad = try_change('/store', \%cookie, reason('Strict', @$way), @$way);
        ok(!@bad, name_of(@$way)) or diag(@bad);
    }
};

subtest 'by a bearer token nothing is refused' => sub {
    for my $way (@some) {
        my @bad = try_change('/strict', \%bearer, undef, @$way);
        ok(!@bad, name_of(@$way)) or diag(@bad);
    }
};

subtest 'by both, the cookie is what counts; by a bad one, the token' => sub {
    for my $way (@some) {
        my @bad = try_change('/strict', { %cookie, Authorization => "Bearer $bob_token" }, reason('Strict', @$way), @$way);
        ok(!@bad, 'both: ' . name_of(@$way)) or diag(@bad);
        @bad = try_change('/strict', { %bearer, Cookie => 'connect.sid=bad' }, undef, @$way);
        ok(!@bad, 'a bad cookie: ' . name_of(@$way)) or diag(@bad);
    }
    is($h->get('/store/customers/me', as_bearer($bob_token))->{json}{customer}{phone}, undef, 'nothing was done to who the token is of');
};

subtest 'its own name, whatever it is' => sub {
    my $json = $types[2];
    for my $case (['Shop.Lab', 'http://shop.lab', 1], ['shop.lab', 'http://SHOP.lab', 1], ['shop.lab', 'http://shop.lab:80', 0], ['shop.lab:8080', 'https://shop.lab:8080', 1],
        ['shop.lab', 'http://xshop.lab', 0], ['shop.lab', 'http://shop.lab.evil.test', 0], ['shop.lab', 'http://lab', 0]) {
        my ($host, $origin, $good) = @$case;
        my @how = (['', $origin, $good], undef, $json);
        my @bad = try_change('/strict', { %cookie, Host => $host }, reason('Strict', @how), @how);
        ok(!@bad, "$origin at $host") or diag(@bad);
    }
};

# ---- deleting ----

# Delete an address of ann's in some way.
sub try_delete {
    my ($mode, $who, $why, @how) = @_;
    my $city = 'City ' . ++$number;
    my $made = $h->post('/store/customers/me/addresses', as_bearer($ann_token), json => { address => {
        map({ $_ => 'x' } qw(first_name last_name address_1 postal_code)), city => $city, country_code => 'us' } });
    my ($id) = map { $_->{id} } grep { $_->{city} eq $city } @{ $made->{json}{customer}{shipping_addresses} };
    my @body = defined $how[2][2] ? (body => '{}') : ();
    my @bad = judge($h->delete("$PLACE{$mode}/customers/me/addresses/$id", headers => headers_of($who, @how), @body), $why, 200);
    my $there = grep { $_->{id} eq $id } @{ me()->{shipping_addresses} };
    push @bad, 'the address is ' . ($there ? 'there' : 'gone') if !!$there != defined $why;
    $h->delete("/store/customers/me/addresses/$id", as_bearer($ann_token)) if $there;
    return @bad;
}

# Sign carol out in some way.
my $carol = new_customer($h);
sub try_sign_out {
    my ($mode, $why, @how) = @_;
    my $cookie = cookie_of(sign_in($h, $carol));
    my @body = defined $how[2][2] ? (body => '{}') : ();
    my $r = $h->delete("$PLACE{$mode}/auth", headers => headers_of({ Cookie => $cookie }, @how), @body);
    my @bad = judge($r, $why, 200);
    push @bad, 'the cookie is not taken back' if !defined $why && !@{ $r->{cookies} };
    my $is = who($h, as_cookie($cookie));
    push @bad, "asked who it is, it says $is" if $is ne (defined $why ? $carol->{id} : 401);
    return @bad;
}

for my $mode ('Strict by default', 'Strict', 'Origin', 'Off') {
    subtest "$mode: deleting and signing out" => sub {
        for my $way (@some) {
            my @bad = try_delete($mode, \%cookie, reason($mode, @$way), @$way);
            ok(!@bad, 'an address: ' . name_of(@$way)) or diag(@bad);
            @bad = try_sign_out($mode, reason($mode, @$way), @$way);
            ok(!@bad, 'signing out: ' . name_of(@$way)) or diag(@bad);
        }
        my @foreign = ($origins[5], 'cross-site', $types[4]);
        my @bad = try_delete($mode, \%bearer, undef, @foreign);
        ok(!@bad, 'an address, by a bearer token, from elsewhere') or diag(@bad);
    };
}

subtest 'other writes by the cookie from elsewhere' => sub {
    my $json = { address => { map({ $_ => 'x' } qw(first_name last_name address_1 postal_code city)), country_code => 'us' } };
    my %foreign = (%cookie, Origin => 'http://evil.test');
    my $before = $h->get('/store/customers/me', headers => {%bearer})->{body};
    for my $case (['POST', 'customers/me/addresses', $json], ['POST', 'customers/me/addresses/addr_x', {}], ['POST', 'customers/me', { password => 'evil words' }],
        ['PUT', 'customers/me', {}], ['DELETE', 'customers/me', {}], ['POST', 'customers/me', { phone => 5 }]) {
        my ($method, $path, $body) = @$case;
        my @bad = judge($h->request($method, "/store/$path", headers => {%foreign}, json => $body), $ORIGIN);
        ok(!@bad, "$method $path") or diag(@bad);
    }
    is($h->get('/store/customers/me', headers => {%bearer})->{body}, $before, 'nothing was changed');
    is(sign_in($h, $ann)->{status}, 200, 'nor the password');
    is($h->post('/store/customers/me', headers => { %foreign, 'Content-Type' => 'application/json' }, body => '{')->{status}, 400, 'no JSON is told before');
};

# ---- what is never refused ----

subtest 'reads' => sub {
    for my $mode (sort keys %PLACE) {
        for my $way (grep { !defined $_->[2][2] || $_->[2][0] eq 'text' } @some) {
            my $headers = headers_of(\%cookie, @$way);
            my @body = defined $way->[2][2] ? (body => 'x') : ();
            for my $path (qw(customers/me auth customers/me/orders customers/me/payment-methods)) {
                my $r = $h->get("$PLACE{$mode}/$path", headers => $headers, @body);
                is($r->{status}, 200, "$mode: GET $path, " . name_of(@$way));
            }
            is($h->request('HEAD', "$PLACE{$mode}/customers/me", headers => $headers)->{status}, 200, 'HEAD');
        }
    }
    my $r = $h->get('/store/customers/me', headers => { %cookie, Origin => 'http://evil.test' });
    ok(!exists $r->{headers}{'access-control-allow-origin'}, 'though the page elsewhere may not see it');
};

subtest 'what no session signs' => sub {
    my %foreign = (Origin => 'http://evil.test', 'Sec-Fetch-Site' => 'cross-site');
    my $new = { first_name => 'A', last_name => 'B', password => 'pass words' };
    my $n = 0;
    for my $mode (sort keys %PLACE) {
        my $place = $PLACE{$mode};
        for my $who ([], [%cookie]) {
            my %headers = (%foreign, @$who);
            my $name = "$mode, " . (@$who ? 'signed in' : 'signed out');
            my $email = 'csrf-' . ++$n . '@lab.test';
            is($h->post("$place/customers", headers => {%headers, Cookie => undef}, json => { %$new, email => $email })->{status}, 200, "$name: registering");
            is($h->post("$place/auth/token", headers => {%headers}, json => { email => $email, password => $new->{password} })->{status}, 200, 'a token');
            is($h->post("$place/customers/password-token", headers => {%headers}, json => { email => $email })->{status}, 204, 'a reset token');
            is($h->post("$place/customers/password-reset", headers => {%headers}, json => { email => $email, token => 'x', password => 'y' })->{status}, 401, 'a reset');
            is($h->get("$place/auth/$email", headers => {%headers})->{json}{exists}, 1, 'asking for an account');
        }
        is($h->post("$place/auth", headers => {%foreign}, json => { email => $carol->{email}, password => $carol->{password} })->{status}, 200, "$mode: signing in");
        is($h->post("$place/auth", headers => { %foreign, 'Content-Type' => 'text/plain' }, body => '{}')->{status}, 400, 'by text: an empty object');
        my $r = $h->post("$place/customers", headers => { %foreign, Cookie => cookie_of(sign_in($h, $carol)) }, json => { %$new, email => 'csrf-' . ++$n . '@lab.test' });
        is($r->{status}, 200, 'registering while signed in');
        is($h->post("$place/customers/me", headers => {%foreign}, json => { phone => '1' })->{status}, 401, 'a write of nobody is nobody\'s');
        is($h->delete("$place/customers/me/addresses/addr_x", headers => {%foreign})->{status}, 401, 'so is deleting');
        is($h->delete("$place/auth", headers => {%foreign})->{body}, 'OK', 'signing out who is not signed in');
        is($h->delete("$place/auth", headers => { %foreign, Cookie => 'connect.sid=bad' })->{body}, 'OK', 'nor by a bad cookie');
        is($h->delete("$place/auth", headers => { %foreign, Authorization => 'Bearer ' . token_for($h, $carol) })->{body}, 'OK', 'by a bearer token');
        is($h->options("$place/customers/me", headers => { %foreign, %cookie, 'Access-Control-Request-Method' => 'POST' })->{status}, 204, 'a preflight');
    }
};

is(scalar(() = $h->log_text =~ /MS0006: a write by the session cookie alone was refused: (?:the|a) request/g),
    $refused, "the log tells each of $refused");
cmp_ok($refused, '>', 100, 'which are many');
unlike($h->log_text =~ s/\[medusa_store:info\].*MS0006//gr, qr/MS0006/, 'at level info');
rows_are_secret($h)->stop;
done_testing;
