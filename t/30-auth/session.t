# The life of a session: a new token at every sign-in, an end at sign-out and at its time, an extension by use.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in cookie_of who sessions as_cookie rows_are_secret);
use MedusaStore::Harness;

my $h = MedusaStore::Harness->new;

sub all_sessions { return $h->sql_value('SELECT COUNT(*) FROM session') }

subtest 'strangers leave nothing behind' => sub {
    my $before = all_sessions();
    my @answers = (
        $h->get('/store/auth'), $h->get('/store/customers/me'), $h->get('/store/auth/a@b.co'), $h->get('/store/nothing'),
        $h->delete('/store/auth'), $h->options('/store/auth'), $h->post('/store/customers', json => {}),
        sign_in($h, { email => 'nobody@lab.test', password => 'wrong horse' }),
    );
    is(scalar(grep { @{ $_->{cookies} } } @answers), 0, 'no cookie');
    is(all_sessions(), $before, 'no row');
};

subtest 'a new token at every sign-in' => sub {
    my $c = new_customer($h);
    my $r = sign_in($h, $c, as_cookie($c->{cookie}));
    my $new = cookie_of($r);
    isnt($new, $c->{cookie}, 'another cookie');
    is(who($h, as_cookie($new)), $c->{id}, 'is good');
    is(who($h, as_cookie($c->{cookie})), 401, 'and the one that was sent along is dead');
    is(sessions($h, $c), 1, 'its row is gone');

    my $elsewhere = cookie_of(sign_in($h, $c));
    is(sessions($h, $c), 2, 'a sign-in elsewhere is a session of its own');
    is(sign_in($h, $c, as_cookie($new), password => 'wrong horse')->{status}, 401, 'a sign-in that fails');
    is(who($h, as_cookie($new)), $c->{id}, 'ends nothing');
    is($h->sql_value("SELECT COUNT(*) FROM session WHERE LENGTH(id) = 32 AND customer_id = '$c->{id}'"), 2, 'ids are 32 bytes');
};

subtest 'nobody can hand a session to somebody' => sub {
    my ($mallory, $victim) = (new_customer($h), new_customer($h));
    my $cookie = cookie_of(sign_in($h, $victim, as_cookie($mallory->{cookie})));
    is(who($h, as_cookie($cookie)), $victim->{id}, 'signing in on the cookie of another gives an own one');
    is(who($h, as_cookie($mallory->{cookie})), 401, 'and the planted one opens nothing');
    is(sessions($h, $mallory), 0, 'as its row is gone');
};

subtest 'registering while signed in replaces who was there' => sub {
    my $old = new_customer($h, jar => 'shared');
    my $new = new_customer($h, jar => 'shared');
    is(who($h, jar => 'shared'), $new->{id}, 'the new one is signed in');
    is(who($h, as_cookie($old->{cookie})), 401, 'the old one no more');
    is(sessions($h, $old), 0, 'and has no row');
};

subtest 'sign-out' => sub {
    my $c = new_customer($h);
    my $other = cookie_of(sign_in($h, $c));
    my $r = $h->delete('/store/auth', as_cookie($c->{cookie}));
    is($r->{body}, 'OK', 'is answered');
    like($r->{cookies}[0], qr/^connect\.sid=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/, 'takes the cookie back');
    is(scalar @{ $r->{cookies} }, 1, 'once');
    is(who($h, as_cookie($c->{cookie})), 401, 'a copy is dead');
    is(who($h, as_cookie($other)), $c->{id}, 'another session lives on');
    is(sessions($h, $c), 1, 'one row is left');
};

# Send the same request on several connections before any answer is read: the statuses.
sub at_once {
    my ($times, $request) = @_;
    my @sockets = map { $h->{client}->connect } 1 .. $times;
    syswrite $_, $request for @sockets;
    return map { my $all = do { local $/; readline $_ } // ''; $all =~ m{^HTTP/1\.1 (\d+)} ? $1 : 'none' } @sockets;
}

subtest 'many at once' => sub {
    my $c = new_customer($h);
    my $head = "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: $c->{cookie}\r\n";
    is_deeply([at_once(8, "GET /store/auth $head\r\n")], [(200) x 8], 'questions');
    is_deeply([at_once(8, "DELETE /store/auth $head\r\n")], [(200) x 8], 'sign-outs are all fine');
    is(sessions($h, $c), 0, 'and leave no row');
    my $body = qq({"email":"$c->{email}","password":"$c->{password}"});
    my $post = "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    is_deeply([at_once(6, "POST /store/auth $head$post")], [(200) x 6], 'sign-ins are all fine');
    is(sessions($h, $c), 6, 'and each has its row');
    my $new = $body =~ s/ann-/new-/r =~ s/\}/,"first_name":"A","last_name":"B"}/r;
    $post = "Content-Type: application/json\r\nContent-Length: " . length($new) . "\r\n\r\n$new";
    is(join(' ', sort(at_once(6, "POST /store/customers $head$post"))), '200 422 422 422 422 422', 'one of many can register');
};

subtest 'an end at its time' => sub {
    my $c = new_customer($h);
    $h->sql("UPDATE session SET expires_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR WHERE customer_id = '$c->{id}'");
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'before');
    $h->sql("UPDATE session SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE customer_id = '$c->{id}'");
    is(who($h, as_cookie($c->{cookie})), 401, 'after');
    my $cookie = cookie_of(sign_in($h, $c, as_cookie($c->{cookie})));
    is(who($h, as_cookie($cookie)), $c->{id}, 'signing in on the dead cookie works');
};

sub row_times {
    my ($c) = @_;
    my ($row) = $h->sql("SELECT last_seen, expires_at, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), expires_at) FROM session WHERE customer_id = '$c->{id}'");
    return @$row;
}

subtest 'an extension by use' => sub {
    my $c = new_customer($h);
    my (undef, undef, $left) = row_times($c);
    ok($left > 35_900 && $left <= 36_000, 'ten hours') or diag($left);
    my @before = row_times($c);
    my $r = $h->get('/store/auth', as_cookie($c->{cookie}));
    is(scalar @{ $r->{cookies} }, 0, 'a use right after sets no cookie');
    is_deeply([(row_times($c))[0, 1]], [@before[0, 1]], 'and writes nothing');

    $h->sql("UPDATE session SET last_seen = last_seen - INTERVAL 5 HOUR, expires_at = expires_at - INTERVAL 5 HOUR WHERE customer_id = '$c->{id}'");
    $r = $h->get('/store/auth', as_cookie($c->{cookie}));
    is($r->{status}, 200, 'five hours later');
    like($r->{cookies}[0] // '', qr/; Max-Age=36000;/, 'the cookie is sent again');
    is(who($h, as_cookie(cookie_of($r))), $c->{id}, 'and good');
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'as is the old one: the token is the same');
    (undef, undef, $left) = row_times($c);
    ok($left > 35_900, 'the row has ten hours again') or diag($left);
    is(sessions($h, $c), 1, 'and is still the only one');

    $h->sql("UPDATE session SET last_seen = last_seen - INTERVAL 5 HOUR, expires_at = expires_at - INTERVAL 5 HOUR WHERE customer_id = '$c->{id}'");
    $r = $h->get('/store/auth/a@b.co', as_cookie($c->{cookie}));
    is(scalar @{ $r->{cookies} }, 0, 'an operation that asks for nobody extends nothing');
};

subtest 'an end at last' => sub {
    my $short = MedusaStore::Harness->new(shop => $h, main => "MedusaStoreSessionMaxLife 12h\n");
    my $c = new_customer($short);
    my $later = sub {
        my ($hours) = @_;
        return $h->sql("UPDATE session SET " . join(', ', map { "$_ = $_ - INTERVAL $hours HOUR" } qw(created_at last_seen expires_at)) . " WHERE customer_id = '$c->{id}'");
    };
    my (undef, undef, $left) = row_times($c);
    ok($left > 35_900 && $left <= 36_000, 'ten hours, as long as it is not used');
    for my $hours (5, 5) {
        $later->($hours);
        is(who($short, as_cookie($c->{cookie})), $c->{id}, 'five hours later it is used');
    }
    (undef, undef, $left) = row_times($c);
    ok($left > 7_100 && $left <= 7_200, 'two of twelve are left, and no more') or diag($left);
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'a server without such a limit knows it');
    $later->(2);
    is(who($short, as_cookie($c->{cookie})), 401, 'after twelve hours it is over');
    my $old = new_customer($short);
    $h->sql("UPDATE session SET created_at = created_at - INTERVAL 13 HOUR WHERE customer_id = '$old->{id}'");
    is(who($h, as_cookie($old->{cookie})), $old->{id}, 'one that began before there was a limit, and was used just now');
    is(who($short, as_cookie($old->{cookie})), 401, 'is over all the same');
    is($short->post('/store/auth/token', json => { email => $c->{email}, password => $c->{password} })->{status}, 200, 'tokens have a life of their own');
    $short->stop;

    my $shorter = MedusaStore::Harness->new(shop => $h, main => "MedusaStoreSessionMaxLife 1h\n");
    $c = new_customer($shorter);
    (undef, undef, $left) = row_times($c);
    ok($left > 3_500 && $left <= 3_600, 'a limit below the life is the life') or diag($left);
    $shorter->stop;
};

subtest 'a customer who is gone' => sub {
    my $c = new_customer($h);
    $h->sql("UPDATE customer SET deleted_at = UTC_TIMESTAMP(3) WHERE id = '$c->{id}'");
    for my $path ('/store/auth', '/store/customers/me') {
        my $r = $h->get($path, as_cookie($c->{cookie}));
        is($r->{status}, 404, $path);
        is($r->{body}, qq({"type":"not_found","message":"Customer with id: $c->{id} was not found"}), 'says who');
    }
    is($h->delete('/store/auth', as_cookie($c->{cookie}))->{status}, 200, 'can sign out');
    is(who($h, as_cookie($c->{cookie})), 401, 'and is a stranger then');
};

subtest 'life by directive' => sub {
    my $short = MedusaStore::Harness->new(shop => $h, main => "MedusaStoreSessionLife 600s\n");
    my $c = new_customer($short);
    my (undef, undef, $left) = row_times($c);
    ok($left > 400 && $left <= 600, 'of the row') or diag($left);
    like(sign_in($short, $c)->{cookies}[0], qr/; Max-Age=600;/, 'and of the cookie');
    $short->stop;
};

rows_are_secret($h)->stop;
done_testing;
