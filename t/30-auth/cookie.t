# The session cookie: sealed, bound to its name and the server's secret; its attributes; a change of secrets.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for cookie_of who as_cookie as_bearer rows_are_secret);
use MedusaStore::Harness;

my $h = MedusaStore::Harness->new(
    location => "MedusaStoreTrustForwardedProto On\n",
    conf => <<'CONF',
<Location "/named">
Require all granted
Session On
MedusaStore On
MedusaStoreCookie shop.session
MedusaStoreCookieSecure On
MedusaStoreCookieSameSite None
</Location>
<Location "/untrusting">
Require all granted
Session On
MedusaStore On
MedusaStoreCookieSameSite Strict
</Location>
<Location "/insecure">
Require all granted
Session On
MedusaStore On
MedusaStoreTrustForwardedProto On
MedusaStoreCookieSecure Off
</Location>
CONF
);
my $c = new_customer($h);
my ($value) = $c->{cookie} =~ /=(.*)/;

sub bad_cookie_lines { my $log = $h->log_text; return () = $log =~ /MS0303/g }

subtest 'a cookie that was not made here is none' => sub {
    my %bad = (
        'cut' => substr($value, 0, -1), 'cut in the middle' => substr($value, 0, length($value) / 2), 'longer' => "${value}AA",
        'nothing' => '', 'one letter' => 'x', 'of Medusa' => 's%3AWgZ0h9.7hY%2Bzz', 'no base64' => "${value}%", 'quoted' => qq("$value"),
        'long' => 'A' x 6000, 'plain entries' => "medusa-session=$c->{id}",
    );
    for my $at (0, 23, 24, 40, length($value) - 10) {    # nonce, its end, text, mark of authenticity
        my $copy = $value;
        substr($copy, $at, 1) = substr($copy, $at, 1) eq 'A' ? 'B' : 'A';
        $bad{"letter $at changed"} = $copy;
    }
    is(who($h, as_cookie("connect.sid=$value")), $c->{id}, 'the good one');
    my $lines = bad_cookie_lines();
    for my $what (sort keys %bad) {
        $h->secret($bad{$what});
        my $r = $h->get('/store/auth', as_cookie("connect.sid=$bad{$what}"));
        is("$r->{status} $r->{body} @{ $r->{cookies} }", '401 Unauthorized ', $what);
    }
    is(bad_cookie_lines() - $lines, scalar keys %bad, 'each is worth one line in the log');
    is(scalar(grep { /MS0303/ && !/medusa_store:debug/ } split /\n/, $h->log_text), 0, 'of level debug');
};

subtest 'a name of a cookie' => sub {
    is(who($h, as_cookie("other.sid=$value")), 401, 'another one is not looked at');
    is(who($h, as_cookie("Connect.Sid=$value")), 401, 'letters have their case');
    is(who($h, as_cookie("a=1; connect.sid=$value; b=2")), $c->{id}, 'it may stand among others');
    is(who($h, as_cookie("xconnect.sid=no; connect.sid=$value")), $c->{id}, 'and behind one that ends like it');
    is(who($h, as_cookie("connect.sid=$value; connect.sid=no")), $c->{id}, 'the first of two counts');
    is($h->get('/named/auth', as_cookie("shop.session=$value"))->{status}, 401, 'the value is good under its own name only');
    my $r = $h->post('/named/auth', json => { email => $c->{email}, password => $c->{password} });
    like($r->{cookies}[0], qr/^shop\.session=[\w-]{60,}; Path=\/; Max-Age=36000; HttpOnly; SameSite=None; Secure$/, 'a name by directive');
    is($h->get('/named/auth', as_cookie(cookie_of($r)))->{status}, 200, 'is good in its place');
};

subtest 'good for one sign-in, of any length' => sub {
    ok(length($value) < 300, 'short');
    is(scalar(grep { $value =~ /\Q$_\E/ } $c->{id}, 'medusa'), 0, 'and closed');
    isnt(cookie_of(sign_in($h, $c)), cookie_of(sign_in($h, $c)), 'never the same');
};

# Is Secure set at a sign-in in a place, with some X-Forwarded-Proto?
sub is_secure {
    my ($place, $proto) = @_;
    my $r = $h->post("$place/auth", json => { email => $c->{email}, password => $c->{password} }, headers => { 'X-Forwarded-Proto' => $proto });
    return "@{ $r->{cookies} }" =~ /; Secure$/ ? 1 : 0;
}

subtest 'Secure' => sub {
    is(is_secure('/store', undef), 0, 'auto: not over plain HTTP');
    is(is_secure('/store', 'https'), 1, 'but behind a trusted proxy that speaks TLS');
    is(is_secure('/store', 'HTTPS'), 1, 'in any case');
    is(is_secure('/store', 'https, http'), 1, 'the first of several counts');
    is(is_secure('/store', 'http, https'), 0, 'and only the first');
    is(is_secure('/store', 'httpsx'), 0, 'it is a whole word');
    is(is_secure('/untrusting', 'https'), 0, 'not if nobody trusts the header');
    is(is_secure('/named', undef), 1, 'On: always');
    is(is_secure('/insecure', 'https'), 0, 'Off: never');
    my $r = $h->post('/untrusting/auth', json => { email => $c->{email}, password => $c->{password} });
    like($r->{cookies}[0], qr/; HttpOnly; SameSite=Strict$/, 'SameSite by directive');
    $r = $h->delete('/named/auth', as_cookie('shop.session=x'));
    is($r->{cookies}[0], 'shop.session=; Path=/; Max-Age=0; HttpOnly; SameSite=None; Secure', 'taken back with the same attributes');
};

# Another server on the same database, with these secrets.
sub server_with {
    my (@secrets) = @_;
    my $other = MedusaStore::Harness->new(shop => $h, start => 0);
    my $n = 0;
    $other->{main} = join ' ', 'MedusaStoreSecret', map { 'file:' . $other->write_private('secret' . ++$n, "$_\n") } @secrets;
    return $other->start;
}

subtest 'a change of secrets' => sub {
    my ($old, $new) = ($h->{secret}, 'f' x 64);
    my $token = token_for($h, $c);

    my $stranger = server_with($new);
    is(who($stranger, as_cookie($c->{cookie})), 401, 'the cookie of one secret is nothing under another');
    is(who($stranger, as_bearer($token)), 401, 'nor is the token');
    my $cookie = cookie_of(sign_in($stranger, $c));
    my $fresh  = token_for($stranger, $c);
    $stranger->stop;

    my $heir = server_with($new, $old);
    is(who($heir, as_cookie($c->{cookie})), $c->{id}, 'with the old one behind the new: the old cookie');
    is(who($heir, as_bearer($token)), $c->{id}, 'and the old token');
    is(who($heir, as_cookie($cookie)), $c->{id}, 'the new cookie');
    is(who($heir, as_bearer($fresh)), $c->{id}, 'and the new token');
    my ($mine, $issued) = (cookie_of(sign_in($heir, $c, as_cookie($c->{cookie}))), token_for($heir, $c));
    is(who($heir, as_cookie($c->{cookie})), 401, 'a sign-in on the old cookie ends its session');
    $heir->stop;

    my $later = server_with($new);
    is(who($later, as_cookie($mine)), $c->{id}, 'what was made meanwhile is of the new secret: the cookie');
    is(who($later, as_bearer($issued)), $c->{id}, 'and the token');
    $later->stop;
    is(who($h, as_cookie($mine)), 401, 'and nothing under the old one');
};

rows_are_secret($h)->stop;
done_testing;
