# Require medusa-customer: who is let in, by cookie and by token, and what the others are told.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for cookie_of sessions as_cookie as_bearer rows_are_secret jwt_make jwt_claims);
use MedusaStore::Harness;

my $h = MedusaStore::Harness->new(conf => <<'CONF');
<Location "/private">
    Require medusa-customer
</Location>
<Location "/documented">
    AuthName "The \"back\" room"
    Require medusa-customer
    ErrorDocument 401 "words of the administrator"
</Location>
<Location "/page">
    Require medusa-customer
    ErrorDocument 401 /sign-in.txt
</Location>
CONF
mkdir "$h->{root}/htdocs/$_" for qw(private documented page);
$h->write_file("htdocs/$_/file.txt", "the file\n") for qw(private documented page);
$h->write_file('htdocs/sign-in.txt', "the sign-in page\n");

my $c = new_customer($h);
my $token = token_for($h, $c);

# The status of a guarded file.
sub ask { my (%option) = @_; return $h->get('/private/file.txt', %option)->{status} }

subtest 'a customer' => sub {
    my $r = $h->get('/private/file.txt', as_cookie($c->{cookie}));
    is("$r->{status} $r->{body}", "200 the file\n", 'is let in by the cookie');
    is(scalar @{ $r->{cookies} }, 0, 'which is not set again each time');
    is($r->{headers}{'cache-control'}, 'private', 'no shared cache may keep it');
    is($r->{headers}{vary}, 'Cookie,Authorization', 'and it depends on who asks');
    is(ask(as_bearer($token)), 200, 'is let in by a bearer token');
    is(ask(headers => { Authorization => "bearer  $token" }), 200, 'written in any way');
    is(ask(headers => { Cookie => 'connect.sid=nonsense', Authorization => "Bearer $token" }), 200, 'also beside a bad cookie');
    is(ask(headers => { Cookie => $c->{cookie}, Authorization => 'Bearer nonsense' }), 200, 'or a bad token beside a good cookie');
    is($h->put('/private/file.txt', as_cookie($c->{cookie}), body => 'x')->{status}, 405, 'other methods are let in as well, to what is there');
    my $etag = $r->{headers}{etag};
    $r = $h->get('/private/file.txt', headers => { Cookie => $c->{cookie}, 'If-None-Match' => $etag });
    is($r->{status}, 304, 'what they have need not be sent again');
    is("$r->{headers}{'cache-control'} $r->{headers}{vary}", 'private Cookie,Authorization', 'and is theirs as before');
};

subtest 'nobody' => sub {
    my $r = $h->get('/private/file.txt');
    is("$r->{status} $r->{body}", '401 Unauthorized', 'gets what the API says');
    is($r->{headers}{'content-type'}, 'text/plain; charset=utf-8', 'as text');
    is($r->{headers}{'content-length'}, 12, 'with its length');
    is($r->{headers}{'www-authenticate'}, 'Bearer realm="medusa-store"', 'and a challenge');
    is($r->{headers}{'cache-control'}, 'no-store', 'which nobody may keep');
    is($r->{headers}{vary}, 'Cookie,Authorization', 'as it depends on who asks');
    is($r->{headers}{'x-content-type-options'}, 'nosniff', 'nor take for something else');
    my $head = $h->request('HEAD', '/private/file.txt');
    is($head->{status}, 401, 'HEAD');
    is_deeply([map { $head->{headers}{$_} } qw(content-type content-length www-authenticate cache-control)],
        [map { $r->{headers}{$_} } qw(content-type content-length www-authenticate cache-control)], 'has the same headers');
    is($h->request($_, '/private/file.txt', body => '{}')->{status}, 401, "$_ as well") for qw(POST PUT DELETE OPTIONS);
    is($h->get('/private/nothing')->{status}, 401, 'what is not there, they are not told');
    is($h->get('/private/file.txt', headers => { Accept => 'text/html' })->{status}, 401, 'a browser neither, where no page is set');
    $r = $h->get('/documented/file.txt');
    is("$r->{status} $r->{body}", '401 words of the administrator', 'a text of ErrorDocument is sent instead');
    is($r->{headers}{'www-authenticate'}, 'Bearer realm="The \"back\" room"', 'AuthName is the realm');
    $r = $h->get('/page/file.txt');
    is("$r->{status} $r->{body}", "401 the sign-in page\n", 'and a page of it, too');
    is($r->{headers}{'www-authenticate'}, 'Bearer realm="medusa-store"', 'with the challenge');
    is($r->{headers}{'cache-control'}, 'no-store', 'kept by nobody');
};

subtest 'what is no sign-in' => sub {
    my ($value) = $c->{cookie} =~ /=(.*)/;
    my $tampered = substr($value, 0, 30) . (substr($value, 30, 1) eq 'A' ? 'B' : 'A') . substr $value, 31;
    $h->secret($tampered);
    is(ask(as_cookie("connect.sid=$tampered")), 401, 'a tampered cookie');
    is(ask(as_cookie("other.sid=$value")), 401, 'a cookie of another name');
    is(ask(as_cookie("medusa-session=$value")), 401, 'nor of that one');
    my $claims = jwt_claims($token);
    my %bad = (
        tampered => substr($token, 0, -2) . (substr($token, -2) eq 'AA' ? 'BB' : 'AA'),
        'of another secret' => jwt_make('x' x 64, $claims),
        expired => jwt_make($h->{secret}, { %$claims, exp => time - 60 }),
        'of no session' => jwt_make($h->{secret}, { %$claims, jti => 'A' x 43 }),
        'of another customer' => jwt_make($h->{secret}, { %$claims, customer_id => 'cus_1' }),
    );
    for my $what (sort keys %bad) {
        my $r = $h->get('/private/file.txt', as_bearer($bad{$what}));
        is($r->{status}, 401, "a token $what");
        is($r->{headers}{'www-authenticate'}, 'Bearer realm="medusa-store", error="invalid_token"', 'is told so');
    }
    is(ask(headers => { Authorization => 'Basic YTpi' }), 401, 'a password');
};

subtest 'the row decides' => sub {
    my $one = new_customer($h);
    my ($cookie, $bearer) = ($one->{cookie}, token_for($h, $one));
    is(ask(as_cookie($cookie)), 200, 'signed in');
    $h->delete('/store/auth', as_cookie($cookie));
    is(ask(as_cookie($cookie)), 401, 'and out: a copy of the cookie opens nothing');
    is(ask(as_bearer($bearer)), 200, 'a token lives on');
    $h->delete('/store/auth', as_bearer($bearer));
    is(ask(as_bearer($bearer)), 401, 'until it is signed out itself');

    my $two = new_customer($h);
    $h->sql("UPDATE session SET expires_at = now(3) - INTERVAL 1 DAY WHERE customer_id = '$two->{id}'");
    is(ask(as_cookie($two->{cookie})), 401, 'an expired session');

    my $three = new_customer($h);
    $bearer = token_for($h, $three);
    $h->sql("UPDATE customer SET deleted_at = now(3) WHERE id = '$three->{id}'");
    is(ask(as_cookie($three->{cookie})), 401, 'a deleted customer is nobody, by cookie');
    is(ask(as_bearer($bearer)), 401, 'and by token');
};

rows_are_secret($h)->stop;
done_testing;
