# Changing one's account: what a new password ends and what it leaves, all or nothing, and what the events tell.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for cookie_of who sessions as_cookie as_bearer rows_are_secret);
use MedusaStore::Harness;

my $ME = '/store/customers/me';
my $h = MedusaStore::Harness->new;

# Change somebody's account; `by`: a header of as_cookie or as_bearer.
sub change {
    my ($by, $body) = @_;
    return $h->post($ME, @$by, json => $body);
}

sub hash_of { my ($c) = @_; return $h->sql_value("SELECT password_hash FROM customer WHERE id = '$c->{id}'") }

# All rows that are somebody's, as one text.
sub rows_of {
    my ($c) = @_;
    my @rows = map { $h->sql($_) } "SELECT * FROM customer WHERE id = '$c->{id}'",
        "SELECT * FROM address WHERE customer_id = '$c->{id}' OR id IN (SELECT billing_address_id FROM customer WHERE id = '$c->{id}') ORDER BY id",
        "SELECT seq, event_name, data FROM outbox WHERE data LIKE '%$c->{id}%' ORDER BY seq",
        "SELECT HEX(id) FROM session WHERE customer_id = '$c->{id}' ORDER BY id";
    return join "\n", map { join "\t", map { $_ // 'NULL' } @$_ } @rows;
}

# The events customer.updated of somebody, decoded, oldest first.
sub updates_of {
    my ($c) = @_;
    my @rows = $h->sql("SELECT data FROM outbox WHERE event_name = 'customer.updated' AND data LIKE '%\"$c->{id}\"%' ORDER BY seq");
    return map { JSON::PP->new->decode($_->[0]) } @rows;
}

# Somebody with two more sessions and two tokens: their options of a request.
sub with_sign_ins {
    my ($c) = @_;
    my @cookies = ($c->{cookie}, map { cookie_of(sign_in($h, $c)) } 1 .. 2);
    return ([map { [as_cookie($_)] } @cookies], [map { [as_bearer(token_for($h, $c))] } 1 .. 2]);
}

for my $kind (qw(cookie bearer)) {
    subtest "a new password, by $kind" => sub {
        my ($c, $other) = (new_customer($h), new_customer($h));
        my ($cookies, $tokens) = with_sign_ins($c);
        my ($other_cookies, $other_tokens) = with_sign_ins($other);
        my $mine = splice @{ $kind eq 'cookie' ? $cookies : $tokens }, 1, 1;
        my $before = hash_of($c);
        my $r = change($mine, { password => 'new words' });
        is($r->{status}, 200, 'is taken');
        is(scalar @{ $r->{cookies} }, 0, 'sets no cookie');
        unlike($r->{body}, qr/password|argon|hash|new words/, 'is not told');
        is(who($h, @$mine), $c->{id}, 'who changed it stays signed in');
        is(who($h, @$_), 401, 'another session is ended') for @$cookies;
        is(who($h, @$_), 401, 'another token is ended') for @$tokens;
        is(sessions($h, $c), 1, 'one row is left');
        is(who($h, @$_), $other->{id}, "another customer's stay") for @$other_cookies, @$other_tokens;
        isnt(hash_of($c), $before, 'another hash');
        like(hash_of($c), qr/^\$argon2id\$/, 'of the same kind');
        is(sign_in($h, $c)->{status}, 401, 'the old password is refused');
        is($h->post('/store/auth/token', json => { email => $c->{email}, password => $c->{password} })->{status}, 401, 'for a token, too');
        is(sign_in($h, $c, password => 'new words')->{status}, 200, 'the new one is good');
        is(sign_in($h, $other)->{status}, 200, "another customer's is what it was");
    };
}

subtest 'the same password again' => sub {
    my $c = new_customer($h);
    my $second = [as_cookie(cookie_of(sign_in($h, $c)))];
    my $before = hash_of($c);
    is(change([as_cookie($c->{cookie})], { password => $c->{password} })->{status}, 200, 'is taken');
    isnt(hash_of($c), $before, 'and hashed with new salt');
    is(who($h, @$second), 401, 'and ends what else was signed in');
    is(sign_in($h, $c)->{status}, 200, 'and is good');
};

subtest 'no password' => sub {
    my $c = new_customer($h);
    my $second = [as_cookie(cookie_of(sign_in($h, $c)))];
    my $before = hash_of($c);
    is(change([as_cookie($c->{cookie})], { password => undef, phone => '1' })->{status}, 200, 'null is none');
    is(change([as_cookie($c->{cookie})], { password => '', phone => '2' })->{status}, 400, 'an empty one is refused');
    is(change([as_cookie($c->{cookie})], { email => "x$c->{email}" })->{status}, 200, 'another e-mail');
    is(hash_of($c), $before, 'the hash is as it was');
    is(who($h, @$second), $c->{id}, 'nobody is signed out');
    is($h->sql_value("SELECT phone FROM customer WHERE id = '$c->{id}'"), '1', 'the rest of the refused one was not done');
};

subtest 'a password changes updated_at, even alone' => sub {
    my $c = new_customer($h);
    $h->sql("UPDATE customer SET updated_at = '2020-01-01' WHERE id = '$c->{id}'");
    my $r = change([as_cookie($c->{cookie})], { password => 'new words' });
    my ($row) = $h->sql("SELECT REPLACE(updated_at, ' ', 'T') FROM customer WHERE id = '$c->{id}'");
    is("$row->[0]Z", $r->{json}{customer}{updated_at}, 'as it is answered');
    unlike($row->[0], qr/^2020/, 'is now');
};

subtest 'all or nothing' => sub {
    my ($c, $other) = (new_customer($h), new_customer($h));
    my $by = [as_cookie($c->{cookie})];
    sign_in($h, $c);
    is(change($by, { billing_address => { city => 'Before' }, metadata => { a => 1 } })->{status}, 200, 'somebody with a billing address');
    my %all = (first_name => 'New', last_name => 'New', phone => '5', password => 'new words', metadata => { b => 2 },
        billing_address => { city => 'After' }, email => "new-$c->{email}");
    my %refused = (
        'the e-mail is taken'               => [422, email => $other->{email}],
        'no such country'                   => [404, billing_address => { city => 'After', country_code => 'zz' }],
        'no such address'                   => [404, billing_address => 'addr_none'],
        'a field of a wrong type'           => [400, phone => 5],
        'an unknown field'                  => [400, has_account => JSON::PP::false()],
        'metadata too long, once merged'    => [400, metadata => { b => 'x' x 65_522 }],
    );
    my $before = rows_of($c);
    for my $why (sort keys %refused) {
        my ($status, %bad) = @{ $refused{$why} };
        is(change($by, { %all, %bad })->{status}, $status, "$why: $status");
        is(rows_of($c), $before, 'and nothing is changed');
    }
    is(change($by, \%all)->{status}, 200, 'without that it is taken');
    isnt(rows_of($c), $before, 'and all is changed');
    is(sessions($h, $c), 1, 'the other session included');
};

subtest 'events' => sub {
    my $c = new_customer($h, phone => '1');
    my $by = [as_cookie($c->{cookie})];
    my @columns = qw(id created_at updated_at deleted_at email first_name last_name billing_address_id phone has_account metadata);
    is(change($by, {})->{status}, 200, 'nothing is changed');
    my ($first, @rest) = updates_of($c);
    is(scalar @rest, 0, 'one event');
    is_deeply([sort keys %$first], [sort @columns], 'the columns');
    is("$first->{email} $first->{phone} $first->{created_at}", "$c->{email} 1 $first->{updated_at}", 'with their values');

    my $r = change($by, { password => 'new words', phone => '2', billing_address => { city => 'X', metadata => { k => 'v' } } });
    my (undef, $second) = updates_of($c);
    is_deeply($second->{billing_address}, $r->{json}{customer}{billing_address}, 'a billing address that was made, as it is answered');
    is($second->{billing_address}{city}, 'X', 'with its values');
    is($second->{$_}, $r->{json}{customer}{$_}, "$_ as it is answered") for qw(id phone updated_at billing_address_id);
    is_deeply([sort keys %$second], [sort @columns, 'billing_address'], 'nothing else');

    change($by, { billing_address => { city => 'Y' } });
    ok(!exists +(updates_of($c))[2]{billing_address}, 'none for an address that is changed');
    change($by, { phone => 5 });
    is(scalar(updates_of($c)), 3, 'none for what is refused');
    is($h->sql_value("SELECT COUNT(*) FROM outbox WHERE data LIKE '%password%' OR data LIKE '%argon%' OR data LIKE '%new words%'"), 0, 'never a hash');
    is($h->sql_value("SELECT COUNT(*) FROM outbox WHERE id NOT REGEXP '^job_[0-9A-HJKMNP-TV-Z]{26}\$' OR state <> 'waiting'"), 0, 'each waits, by its own id');
};

subtest 'a bearer token is as good as a cookie' => sub {
    my $c = new_customer($h);
    my $by = [as_bearer(token_for($h, $c))];
    is(change($by, { phone => '7' })->{json}{customer}{phone}, '7', 'a change');
    my $r = $h->post($ME, headers => { %{ $by->[1] }, 'Content-Type' => 'text/plain' }, body => '{"phone":"8"}');
    is("$r->{status} $r->{json}{customer}{phone}", '200 7', 'a body of another type is none');
    is($h->post($ME, @$by, body => '{"phone":"8"}')->{json}{customer}{phone}, '7', 'nor is one without a type');
};

subtest 'who is gone' => sub {
    my $c = new_customer($h);
    $h->sql("UPDATE customer SET deleted_at = UTC_TIMESTAMP(3) WHERE id = '$c->{id}'");
    my $before = rows_of($c);
    my $r = change([as_cookie($c->{cookie})], { phone => '9', password => 'new words' });
    is("$r->{status} $r->{body}", qq(404 {"type":"not_found","message":"Customer with id: $c->{id} was not found"}), 'is not found');
    is(rows_of($c), $before, 'and nothing is changed');
};

rows_are_secret($h)->stop;
done_testing;
