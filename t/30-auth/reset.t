# Choosing a new password without the old one: who gets a token, what is in it, which tokens are good, and what a reset ends.
# (t/91-consistency/reset-token.t has one token in many hands.)
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for cookie_of who sessions as_cookie as_bearer jwt_make jwt_claims jwt_header
    rows_are_secret);
use MedusaStore::Harness;

my ($ASK, $USE) = ('/store/customers/password-token', '/store/customers/password-reset');
my $COSTS = "MedusaStorePasswordCost 8192 1\nMedusaStoreDeadline 20s\nMedusaStoreHashQueue 100\nMedusaStoreHashWait 20s\nMedusaStoreDBWait 20s\nMedusaStoreDBTimeout 20s\n";
my $h = MedusaStore::Harness->new(main => $COSTS);

sub ask { my ($email, $shop) = @_; return ($shop // $h)->post($ASK, json => { email => $email }) }

sub use_token {
    my ($c, $token, %option) = @_;
    my $shop = delete $option{shop} // $h;
    $shop->secret($token);
    return $shop->post($USE, json => { email => $c->{email}, token => $token, password => 'new words', %option });
}

sub hash_of { my ($c) = @_; return $h->sql_value("SELECT password_hash FROM customer WHERE id = '$c->{id}'") }

# Data of the events customer.password_reset of an e-mail, oldest first.
sub events_of {
    my ($email) = @_;
    my @rows = $h->sql("SELECT data FROM outbox WHERE event_name = 'customer.password_reset' AND data LIKE '%\"$email\"%' ORDER BY seq");
    return map { JSON::PP->new->decode($_->[0]) } @rows;
}

# A fresh token of somebody.
sub fresh_token {
    my ($c, $shop) = @_;
    is(ask($c->{email}, $shop)->{status}, 204, 'asks for a token');
    my $token = (events_of($c->{email}))[-1]{token};
    $h->secret($token);
    return $token;
}

# The key of somebody's tokens.
sub key_of {
    my ($c, $secret) = @_;
    return hmac_sha256_hex('medusa-store password reset ' . hash_of($c), $secret // $h->{secret});
}

sub is_refused {
    my ($r, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is("$r->{status} $r->{body}", '401 {"type":"unauthorized","message":"Invalid or expired password reset token"}', $name);
}

# Head of an answer, less what differs by the clock.
sub head_of { my ($r) = @_; my %all = %{ $r->{headers} }; delete $all{date}; return { status => $r->{status}, body => $r->{body}, %all } }

subtest 'who asks learns nothing' => sub {
    my ($known, $guest, $gone, $bare) = map { new_customer($h) } 1 .. 4;
    $h->sql("UPDATE customer SET has_account = 0 WHERE id = '$guest->{id}'");
    $h->sql("UPDATE customer SET deleted_at = UTC_TIMESTAMP(3) WHERE id = '$gone->{id}'");
    $h->sql("UPDATE customer SET password_hash = NULL WHERE id = '$bare->{id}'");
    my $head = head_of(ask($known->{email}));
    is("$head->{status} $head->{body}", '204 ', '204, without a body');
    is($head->{'cache-control'}, 'no-store', 'not to be kept');
    ok(!exists $head->{'set-cookie'}, 'no cookie');
    my %others = ('nobody' => 'nobody@lab.test', 'a guest' => $guest->{email}, 'who is deleted' => $gone->{email},
        'an account without a hash' => $bare->{email}, 'known, in other letters' => uc $known->{email});
    for my $who (sort keys %others) {
        is_deeply(head_of(ask($others{$who})), $head, "the same for $who");
    }
    is(scalar events_of($known->{email}), 2, 'an event each time for who is known');
    is($h->sql_value("SELECT COUNT(*) FROM outbox WHERE event_name = 'customer.password_reset'"), 2, 'and for nobody else');
    is(who($h, as_cookie($known->{cookie})), $known->{id}, 'who stays signed in');
    is(sign_in($h, $known)->{status}, 200, 'by the old password');
};

subtest 'what a token says' => sub {
    my $c = new_customer($h);
    $h->sql("UPDATE customer SET first_name = NULL WHERE id = '$c->{id}'");
    my $token = fresh_token($c);
    my ($event) = events_of($c->{email});
    is_deeply([sort keys %$event], [qw(email first_name id last_name token)], 'the event');
    is_deeply([@$event{qw(id email first_name last_name)}], [$c->{id}, $c->{email}, undef, 'Lee'], 'its values');
    is(jwt_header($token), '{"alg":"HS256","typ":"JWT"}', 'header');
    my $claims = jwt_claims($token);
    is_deeply([sort keys %$claims], [qw(customer_id exp iat)], 'claims');
    is($claims->{customer_id}, $c->{id}, 'whose it is');
    is($claims->{exp} - $claims->{iat}, 900, 'fifteen minutes');
    ok(abs($claims->{iat} - time) < 60, 'from now on');
    is(jwt_make(key_of($c), $claims), $token, 'signed by a key made of the secret and the stored hash');
    is(who($h, as_bearer($token)), 401, 'signs nobody in');
    is($h->sql_value("SELECT COUNT(*) FROM session WHERE customer_id = '$c->{id}'"), 1, 'and is no session');
};

subtest 'a reset' => sub {
    my ($c, $other) = (new_customer($h), new_customer($h));
    my @by = ([as_cookie($c->{cookie})], [as_cookie(cookie_of(sign_in($h, $c)))], [as_bearer(token_for($h, $c))]);
    my $token = fresh_token($c);
    my $second = fresh_token($c);
    $h->sql("UPDATE customer SET updated_at = '2020-01-01', billing_address_id = NULL WHERE id = '$c->{id}'");
    my $before = hash_of($c);
    my $r = use_token($c, $token, email => uc $c->{email});
    is($r->{status}, 200, 'by the token, and the e-mail in any letters');
    is_deeply([sort keys %{ $r->{json}{customer} }], [sort qw(id created_at updated_at deleted_at email first_name last_name billing_address_id phone
        has_account metadata)], 'answers without relations');
    is($r->{json}{customer}{id}, $c->{id}, 'with the customer');
    unlike($r->{json}{customer}{updated_at}, qr/^2020/, 'who was updated');
    is(scalar @{ $r->{cookies} }, 0, 'signs nobody in');
    is($r->{headers}{'cache-control'}, 'no-store', 'not to be kept');
    is(who($h, @$_), 401, 'ends a sign-in') for @by;
    is(sessions($h, $c), 0, 'all of them');
    is(who($h, as_cookie($other->{cookie})), $other->{id}, "another customer's stays");
    isnt(hash_of($c), $before, 'another hash');
    is_refused(use_token($c, $token), 'once');
    is_refused(use_token($c, $second, password => 'newer words'), 'and voids other tokens');
    is(sign_in($h, $c)->{status}, 401, 'the old password is refused');
    is(sign_in($h, $c, password => 'new words')->{status}, 200, 'the new one is good');
    my @told = $h->sql("SELECT data FROM outbox WHERE event_name = 'customer.updated' AND data LIKE '%\"$c->{id}\"%'");
    is(scalar @told, 1, 'one event customer.updated');
    is_deeply(JSON::PP->new->decode($told[0][0]), $r->{json}{customer}, 'of what was answered');
};

subtest 'what voids a token' => sub {
    my $c = new_customer($h);
    my $token = fresh_token($c);
    is($h->post('/store/customers/me', as_cookie($c->{cookie}), json => { password => 'other words' })->{status}, 200, 'a change of password');
    is_refused(use_token($c, $token), 'voids it');
    $c->{password} = 'other words';
    is(sign_in($h, $c)->{status}, 200, 'the password stays');

    $token = fresh_token($c);
    is($h->post('/store/customers/me', as_cookie(cookie_of(sign_in($h, $c))), json => { phone => '1', email => "new-$c->{email}" })->{status}, 200, 'another e-mail');
    is_refused(use_token($c, $token), 'is no longer to be named by the old one');
    $c->{email} = "new-$c->{email}";
    is(use_token($c, $token)->{status}, 200, 'but the new one can be');

    for my $what ("has_account = 0", "deleted_at = UTC_TIMESTAMP(3)", "password_hash = NULL") {
        my $gone = new_customer($h);
        my $mine = fresh_token($gone);
        $h->sql("UPDATE customer SET $what WHERE id = '$gone->{id}'");
        my $before = hash_of($gone);
        is_refused(use_token($gone, $mine), $what);
        is(hash_of($gone), $before, 'the hash is as it was');
    }
};

subtest 'bad tokens' => sub {
    my ($c, $other) = (new_customer($h), new_customer($h));
    my $token = fresh_token($c);
    my $claims = jwt_claims($token);
    my $now = time;
    my $with = sub { my %all = (%$claims, @_); return { map { $_ => $all{$_} } grep { defined $all{$_} } keys %all } };
    my $key = key_of($c);
    my %bad = (
        "another's"                 => fresh_token($other),
        "another's id, our key"     => jwt_make($key, $with->(customer_id => $other->{id})),
        "our id, another's key"     => jwt_make(key_of($other), $claims),
        'no id'                     => jwt_make($key, $with->(customer_id => undef)),
        'an id in a list'           => jwt_make($key, $with->(customer_id => [$c->{id}])),
        'an id in other letters'    => jwt_make($key, $with->(customer_id => lc $c->{id})),
        'expired'                   => jwt_make($key, $with->(exp => $now - 1)),
        'expired now'               => jwt_make($key, $with->(exp => $now)),
        'exp: a string'             => jwt_make($key, $with->(exp => '' . ($now + 900))),
        'exp: null'                 => jwt_make($key, qq({"customer_id":"$c->{id}","exp":null})),
        'exp: true'                 => jwt_make($key, qq({"customer_id":"$c->{id}","exp":true})),
        'no exp'                    => jwt_make($key, $with->(exp => undef)),
        'not yet'                   => jwt_make($key, $with->(nbf => $now + 1000)),
        'alg none, no signature'    => jwt_make('', $claims, alg => 'none'),
        'alg none, signed'          => jwt_make($key, $claims, header => { alg => 'none' }),
        'no alg'                    => jwt_make($key, $claims, header => {}),
        'HS384'                     => jwt_make($key, $claims, alg => 'HS384'),
        'HS512'                     => jwt_make($key, $claims, alg => 'HS512'),
        "the secret as the key"     => jwt_make($h->{secret}, $claims),
        'the hash as the key'       => jwt_make(hash_of($c), $claims),
        'both, one after the other' => jwt_make($h->{secret} . hash_of($c), $claims),
        'the key in bytes'          => jwt_make(pack('H*', $key), $claims),
        'an empty key'              => jwt_make('', $claims),
        'another secret'            => jwt_make(key_of($c, 'e' x 64), $claims),
        'no signature'              => jwt_make($key, $claims, signature => ''),
        'a signature cut'           => substr($token, 0, -2),
        'a letter changed'          => substr($token, 0, -5) . (substr($token, -5, 1) eq 'A' ? 'B' : 'A') . substr($token, -4),
        'a claim changed'           => $token =~ s/\.(.)(.)/".$1" . ($2 eq 'y' ? 'z' : 'y')/er,
        'a part more'               => "$token.",
        'a bearer token'            => token_for($h, $c),
        'blanks around'             => " $token ",
    );
    my $before = hash_of($c);
    for my $what (sort keys %bad) {
        is_refused(use_token($c, $bad{$what}), $what);
    }
    is_refused(use_token($other, $token), "ours, for another's e-mail");
    is_refused(use_token({ email => 'nobody@lab.test' }, $token), "ours, for nobody's e-mail");
    is(hash_of($c), $before, 'the hash is as it was');
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'nobody is signed out');
    is(use_token($c, $token, password => '')->{status}, 400, 'an empty password is refused');
    is(use_token($c, jwt_make($key, $with->(exp => $now + 1000.5, more => [1])))->{status}, 200, 'one made by hand is good');
    is_refused(use_token($c, $token), 'and voids the first');
};

subtest 'another secret, and the one before it' => sub {
    my ($c, $d) = (new_customer($h), new_customer($h));
    my ($old, $other) = (fresh_token($c), fresh_token($d));
    my $new = 'f' x 64;
    my $next = MedusaStore::Harness->new(shop => $h, start => 0);
    $next->write_private('secret.new', $new);
    $next->{main} = "$COSTS\nMedusaStoreSecret file:$next->{root}/secret.new file:$next->{root}/secret\n";
    $next->start;
    is(use_token($c, $old, shop => $next)->{status}, 200, 'a token by the secret before is good');
    is_refused(use_token($d, jwt_make(key_of($d, 'e' x 64), jwt_claims($other)), shop => $next), 'by any other it is not');
    my $token = fresh_token($d, $next);
    is(jwt_make(key_of($d, $new), jwt_claims($token)), $token, 'new ones are signed by the new one');
    is_refused(use_token($d, $token), 'which the old shop does not know');
    is(use_token($d, $token, shop => $next)->{status}, 200, 'and the new one does');
    $next->stop;
};

rows_are_secret($h)->stop;
done_testing;
