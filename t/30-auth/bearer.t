# Bearer tokens: what is in them, which are good, and what ends them.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for who sessions as_cookie as_bearer jwt_make jwt_claims jwt_header rows_are_secret);
use MedusaStore::Harness;

my $h = MedusaStore::Harness->new;
my $secret = $h->{secret};
my ($ann, $bob) = (new_customer($h), new_customer($h));
my $token = token_for($h, $ann);
my $claims = jwt_claims($token);

# Ann's claims with some changed; a value of undef leaves one out.
sub claims_with {
    my (%change) = @_;
    my %all = (%$claims, %change);
    return { map { $_ => $all{$_} } grep { defined $all{$_} } keys %all };
}

# Who is it that sends a token? It is kept out of the log.
sub bearer {
    my ($text) = @_;
    $h->secret($text);
    return who($h, as_bearer($text));
}

subtest 'what a token says' => sub {
    is(jwt_header($token), '{"alg":"HS256","typ":"JWT"}', 'header');
    is_deeply([sort keys %$claims], [qw(customer_id domain exp iat jti)], 'claims');
    is($claims->{customer_id}, $ann->{id}, 'whose it is');
    is($claims->{domain}, 'store', 'domain');
    is($claims->{exp} - $claims->{iat}, 2_592_000, 'thirty days');
    ok(abs($claims->{iat} - time) < 60, 'from now on');
    like($claims->{jti}, qr/^[\w-]{43}$/, 'jti: 256 bits');
    is(jwt_make($secret, $claims, header => '{"alg":"HS256","typ":"JWT"}') =~ s/.*\.//r,
        jwt_make($secret, $claims) =~ s/.*\.//r, 'the maker of tokens makes the same twice');
    my ($row) = $h->sql("SELECT LOWER(HEX(id)), kind, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), expires_at) FROM session WHERE customer_id = '$ann->{id}' AND kind = 'bearer'");
    is($row->[0], sha256_hex($claims->{jti}), 'the row is named by the digest of jti');
    ok($row->[2] > 2_591_900 && $row->[2] <= 2_592_000, 'and ends with the token') or diag($row->[2]);
    is($h->sql_value("SELECT COUNT(*) FROM session WHERE CONVERT(id USING latin1) LIKE '%$claims->{jti}%'"), 0, 'jti itself is kept nowhere');
};

subtest 'good ones' => sub {
    my $r = $h->get('/store/auth', as_bearer($token));
    is($r->{status}, 200, 'the token itself');
    is(scalar @{ $r->{cookies} }, 0, 'sets no cookie');
    is(bearer(jwt_make($secret, $claims)), $ann->{id}, 'made by hand');
    is(bearer(jwt_make($secret, claims_with(exp => undef))), $ann->{id}, 'without exp');
    is(bearer(jwt_make($secret, claims_with(iat => undef))), $ann->{id}, 'without iat');
    is(bearer(jwt_make($secret, claims_with(iat => time + 10_000))), $ann->{id}, 'iat in the future');
    is(bearer(jwt_make($secret, claims_with(nbf => time - 1))), $ann->{id}, 'nbf in the past');
    is(bearer(jwt_make($secret, claims_with(exp => time + 1000.5))), $ann->{id}, 'exp with a fraction');
    is(bearer(jwt_make($secret, claims_with(more => { a => 1 }))), $ann->{id}, 'more claims');
    is(bearer(jwt_make($secret, $claims, header => { alg => 'HS256', kid => 'x', foo => 1 })), $ann->{id}, 'more of a header');
};

subtest 'bad ones count as none' => sub {
    my $now = time;
    my %bad = (
        'another secret'          => jwt_make('e' x 64, $claims),
        'an empty secret'         => jwt_make('', $claims),
        'alg none, no signature'  => jwt_make('', $claims, alg => 'none'),
        'alg none, HS256 signed'  => jwt_make($secret, $claims, header => { alg => 'none', typ => 'JWT' }),
        'alg None'                => jwt_make($secret, $claims, header => { alg => 'None' }),
        'alg in small letters'    => jwt_make($secret, $claims, header => { alg => 'hs256' }),
        'no alg'                  => jwt_make($secret, $claims, header => { typ => 'JWT' }),
        'HS384'                   => jwt_make($secret, $claims, alg => 'HS384'),
        'HS512'                   => jwt_make($secret, $claims, alg => 'HS512'),
        'HS384, HS256 signed'     => jwt_make($secret, $claims, header => { alg => 'HS384' }),
        'RS256, HS256 signed'     => jwt_make($secret, $claims, header => { alg => 'RS256' }),
        'no signature'            => jwt_make($secret, $claims, signature => ''),
        'a short signature'       => substr($token, 0, -3),
        'a long signature'        => "${token}AAAA",
        'exp: now'                => jwt_make($secret, claims_with(exp => $now)),
        'exp: past'               => jwt_make($secret, claims_with(exp => $now - 3600)),
        'exp: a string'           => jwt_make($secret, claims_with(exp => '' . ($now + 3600))),
        'exp: null'               => jwt_make($secret, qq({"customer_id":"$ann->{id}","domain":"store","exp":null,"jti":"$claims->{jti}"})),
        'nbf: future'             => jwt_make($secret, claims_with(nbf => $now + 1000)),
        'nbf: a string'           => jwt_make($secret, claims_with(nbf => '1')),
        'domain: admin'           => jwt_make($secret, claims_with(domain => 'admin')),
        'domain: none'            => jwt_make($secret, claims_with(domain => undef)),
        'domain: no string'       => jwt_make($secret, claims_with(domain => ['store'])),
        'customer_id: a number'   => jwt_make($secret, claims_with(customer_id => 5)),
        'customer_id: empty'      => jwt_make($secret, claims_with(customer_id => '')),
        'customer_id: none'       => jwt_make($secret, claims_with(customer_id => undef)),
        'customer_id: another'    => jwt_make($secret, claims_with(customer_id => $bob->{id})),
        'customer_id: in a list'  => jwt_make($secret, claims_with(customer_id => [$ann->{id}])),
        'jti: none'               => jwt_make($secret, claims_with(jti => undef)),
        'jti: a number'           => jwt_make($secret, claims_with(jti => 1)),
        'jti: of nobody'          => jwt_make($secret, claims_with(jti => 'x' x 43)),
        'jti: the digest'         => jwt_make($secret, claims_with(jti => sha256_hex($claims->{jti}))),
        'jti: of another'         => jwt_make($secret, claims_with(jti => jwt_claims(token_for($h, $bob))->{jti})),
        'claims: a list'          => jwt_make($secret, '[]'),
        'claims: no JSON'         => jwt_make($secret, '{"customer_id"'),
        'claims: empty'           => jwt_make($secret, ''),
        'header: no JSON'         => jwt_make($secret, $claims, header => 'HS256'),
        'header: empty'           => jwt_make($secret, $claims, header => ''),
        'a part more'             => "$token.",
        'a part less'             => join('.', (split /\./, $token)[0, 1]),
        'dots'                    => '..',
        'very long'               => $token . 'A' x 5000,
        'a letter changed'        => $token =~ s/\.ey(.)/'.ey' . ($1 eq 'J' ? 'K' : 'J')/er,
    );
    for my $what (sort keys %bad) {
        is(bearer($bad{$what}), 401, $what);
    }
    is(bearer($token), $ann->{id}, 'and the good one is still good');
};

subtest 'a jti that names a session by cookie' => sub {
    # the token inside of a sealed cookie is not to be had: the row of a bearer token becomes one of a cookie
    my $c = new_customer($h);
    my $mine = token_for($h, $c);
    is(bearer($mine), $c->{id}, 'good');
    $h->sql("UPDATE session SET kind = 'cookie' WHERE customer_id = '$c->{id}' AND kind = 'bearer'");
    is(bearer($mine), 401, 'names no bearer any more');
};

subtest 'the way it is sent' => sub {
    my %form = (
        'bearer'                => "bearer $token",
        'BEARER'                => "BEARER $token",
        'several blanks'        => "Bearer    $token",
        'a tab'                 => "Bearer\t$token",
        'blanks behind'         => "Bearer $token  ",
    );
    is(who($h, headers => { Authorization => $form{$_} }), $ann->{id}, $_) for sort keys %form;
    my %bad = (
        'Basic'          => "Basic $token",
        'no scheme'      => $token,
        'no blank'       => "Bearer$token",
        'nothing else'   => 'Bearer',
        'only blanks'    => 'Bearer   ',
        'another scheme' => "Bearerx $token",
    );
    is(who($h, headers => { Authorization => $bad{$_} }), 401, "not good: $_") for sort keys %bad;
    is($h->get("/store/auth?access_token=$token")->{status}, 401, 'not good: in the query');
};

subtest 'cookie first, then bearer' => sub {
    my $cookie = $bob->{cookie};
    my %both = (Cookie => $cookie, Authorization => "Bearer $token");
    is(who($h, headers => {%both}), $bob->{id}, 'the session wins over a token of another');
    is(who($h, headers => { %both, Authorization => 'Bearer x.y.z' }), $bob->{id}, 'a bad token is no error beside it');
    is(who($h, headers => { %both, Cookie => 'connect.sid=bad' }), $ann->{id}, 'beside a bad cookie the token counts');
    my $c = new_customer($h);
    $h->sql("DELETE FROM session WHERE customer_id = '$c->{id}'");
    is(who($h, headers => { %both, Cookie => $c->{cookie} }), $ann->{id}, 'as beside one whose row is gone');
};

subtest 'its end' => sub {
    my $c = new_customer($h);
    my ($one, $two, $three) = map { token_for($h, $c) } 1 .. 3;
    my $r = $h->delete('/store/auth', as_bearer($one));
    is("$r->{status} $r->{body} @{ $r->{cookies} }", '200 OK ', 'sign-out by it');
    is(bearer($one), 401, 'ends it');
    is(bearer($two), $c->{id}, 'and no other');
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'nor the session by cookie');
    is($h->delete('/store/auth', as_bearer($one))->{status}, 200, 'once more is fine');

    $h->delete('/store/auth', headers => { Cookie => $c->{cookie}, Authorization => "Bearer $two" });
    is(who($h, as_cookie($c->{cookie})), 401, 'with both, both end: the cookie');
    is(bearer($two), 401, 'and the token');

    $h->delete('/store/auth', as_bearer(jwt_make('e' x 64, jwt_claims($three))));
    is(bearer($three), $c->{id}, 'a forged token ends nothing');
    $h->sql("UPDATE session SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE customer_id = '$c->{id}'");
    is(bearer($three), 401, 'an expired row ends it, whatever exp says');
};

subtest 'use does not prolong it' => sub {
    my $c = new_customer($h);
    my $mine = token_for($h, $c);
    my $where = "customer_id = '$c->{id}' AND kind = 'bearer'";
    $h->sql("UPDATE session SET last_seen = last_seen - INTERVAL 20 DAY, expires_at = expires_at - INTERVAL 20 DAY WHERE $where");
    my $before = $h->sql_value("SELECT expires_at FROM session WHERE $where");
    is(bearer($mine), $c->{id}, 'it is used');
    is($h->sql_value("SELECT expires_at FROM session WHERE $where"), $before, 'and ends when it said it would');
};

subtest 'a customer who is gone' => sub {
    my $c = new_customer($h);
    my $mine = token_for($h, $c);
    $h->sql("UPDATE customer SET deleted_at = UTC_TIMESTAMP(3) WHERE id = '$c->{id}'");
    for my $path ('/store/auth', '/store/customers/me') {
        is($h->get($path, as_bearer($mine))->{body}, qq({"type":"not_found","message":"Customer with id: $c->{id} was not found"}), $path);
    }
    is(sign_in($h, $c)->{status}, 401, 'and can sign in no more');
    is($h->post('/store/auth/token', json => { email => $c->{email}, password => $c->{password} })->{status}, 401, 'nor get a token');
};

subtest 'life by directive' => sub {
    my $short = MedusaStore::Harness->new(shop => $h, main => "MedusaStoreTokenLife 900s\n");
    my $mine = jwt_claims(token_for($short, $bob));
    is($mine->{exp} - $mine->{iat}, 900, 'of the token');
    my $left = $h->sql_value("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), expires_at) FROM session WHERE id = UNHEX('" . sha256_hex($mine->{jti}) . "')");
    ok($left > 700 && $left <= 900, 'and of its row') or diag($left);
    $short->stop;
};

rows_are_secret($h)->stop;
done_testing;
