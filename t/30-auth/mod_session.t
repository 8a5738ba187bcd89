# mod_session around us: our provider beside other users of it, and other providers in place of ours.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Digest::SHA qw(sha256_hex);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer sign_in cookie_of who sessions as_cookie rows_are_secret);
use MedusaStore::Harness;

# HTTP_SESSION, as SessionEnv makes it, comes back as a header: the entries of the session that was sent.
my $seen = "SessionEnv On\nHeader always set X-Seen \"expr=%{env:HTTP_SESSION}\"\n";

sub has_module { my ($name) = @_; return -e "$ENV{MS_LIBEXECDIR}/mod_$name.so" }

# What every provider has to do.
sub check_life {
    my ($h, $name) = @_;
    my $c = new_customer($h);
    like($c->{cookie} // '', qr/^\Q$name\E=./, 'registering sets a cookie');
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'which is good');
    my $cookie = cookie_value(sign_in($h, $c, as_cookie($c->{cookie})), $name);
    is(who($h, as_cookie($cookie)), $c->{id}, 'signing in again works');
    is(sessions($h, $c), 1, 'and ends the session before');
    is(sign_in($h, $c, password => 'wrong horse')->{status}, 401, 'a wrong password');
    is(sessions($h, $c), 1, 'makes none');
    is($h->delete('/store/auth', as_cookie($cookie))->{body}, 'OK', 'signing out works');
    is(sessions($h, $c), 0, 'and leaves no row');
    is(who($h, as_cookie($cookie)), 401, 'nor anything to a copy');
    return $c;
}

# The last "NAME=VALUE" of the cookies of that name.
sub cookie_value {
    my ($answer, $name) = @_;
    my ($last) = reverse grep { /^\Q$name\E=/ } @{ $answer->{cookies} };
    return defined $last ? $last =~ s/;.*//r : '';
}

subtest 'our provider keeps what others put into the session' => sub {
    plan skip_all => 'no mod_asis' unless has_module('asis');
    my $h = MedusaStore::Harness->new(modules => ['asis'], location => $seen, conf => <<"CONF");
<Location "/colour">
SetHandler send-as-is
Session On
MedusaStoreSessionProvider On
SessionHeader X-Put
$seen</Location>
CONF
    $h->write_file('htdocs/colour', "X-Put: colour=blue\nContent-Type: text/plain\n\na page");
    my $r = $h->get('/colour', jar => 'j');
    is($r->{body}, 'a page', 'a page of another');
    like($r->{cookies}[0] // '', qr/^connect\.sid=[\w-]+; Path=\/; /, 'sets our cookie');
    $r = $h->get('/store/auth', jar => 'j');
    is($r->{status}, 401, 'which signs nobody in');
    is($r->{headers}{'x-seen'}, 'colour=blue', 'but is read');

    my $c = new_customer($h, jar => 'j');
    $r = $h->get('/store/auth', jar => 'j');
    is($r->{json}{customer}{id}, $c->{id}, 'registering on it');
    my ($token) = $r->{headers}{'x-seen'} =~ /medusa-session=([\w-]{43})(?:&|$)/;
    like($r->{headers}{'x-seen'}, qr/(?:^|&)colour=blue(?:&|$)/, 'keeps the entry');
    $h->secret($token);
    is($h->sql_value("SELECT LOWER(HEX(id)) FROM session WHERE customer_id = '$c->{id}'"), sha256_hex($token), 'the row is named by the digest of the token');

    $r = $h->get('/colour', jar => 'j');
    like($r->{headers}{'x-seen'} // '', qr/medusa-session=\Q$token\E/, 'the other sees ours');
    is(who($h, jar => 'j'), $c->{id}, 'and its cookie still signs in');
    $r = $h->delete('/store/auth', jar => 'j');
    unlike($r->{cookies}[0] // '', qr/Max-Age=0/, 'signing out leaves the cookie');
    is(who($h, jar => 'j'), 401, 'that signs nobody in any more');
    is($h->get('/store/auth', jar => 'j')->{headers}{'x-seen'}, 'colour=blue', 'but holds the entry of the other');
    rows_are_secret($h)->stop;
};

subtest 'Session Off, where only a request can tell' => sub {
    my $h = MedusaStore::Harness->new(location => "<If \"true\">\nSession Off\n</If>\n");
    $h->expect_log('MS0302', qr/no session can be had here/);
    for my $r ($h->get('/store/auth'), $h->post('/store/auth', json => { email => 'a@lab.test', password => 'correct horse' }), $h->delete('/store/auth')) {
        is($r->{status}, 500, 'is an error of the server');
        my $id = $r->{headers}{'x-request-id'} // '';
        like($id, qr{^[\w@+/-]{8,}$}, 'with a name for the logs');
        is($r->{body}, qq({"code":"unknown_error","type":"unknown_error","message":"An unknown error occurred.","request_id":"$id"}),
            'that says no more');
    }
    rows_are_secret($h)->stop;
};

subtest 'mod_session_cookie' => sub {
    plan skip_all => 'no mod_session_cookie' unless has_module('session_cookie');
    my $h = MedusaStore::Harness->new(modules => ['session_cookie'],
        location => "MedusaStoreSessionProvider Off\nSessionCookieName shop path=/;HttpOnly\n$seen");
    check_life($h, 'shop');

    my $c = new_customer($h);
    my ($token) = $c->{cookie} =~ /medusa-session=([\w-]{43})/;
    ok($token, 'the cookie holds the token, as that provider seals nothing');
    $h->secret($token);
    is($h->sql_value("SELECT COUNT(*) FROM session WHERE id = UNHEX('" . sha256_hex($token) . "')"), 1, 'whose digest is the row');

    my $expired = "shop=medusa-session=$token&expiry=1000000";
    is(who($h, as_cookie($expired)), 401, 'an expired session is none');
    my $cookie = cookie_value(sign_in($h, $c, as_cookie($expired)), 'shop');
    is(who($h, as_cookie($cookie)), $c->{id}, 'but signing in on it works');
    for my $odd ('shop=', 'shop=%%%', 'shop=medusa-session', 'shop=medusa-session=x', 'shop=customer_id=' . $c->{id}) {
        is(who($h, as_cookie($odd)), 401, "$odd is none");
        $cookie = cookie_value(sign_in($h, $c, as_cookie($odd)), 'shop');
        is(who($h, as_cookie($cookie)), $c->{id}, 'signing in on it works');
    }
    $cookie = cookie_value(sign_in($h, $c, as_cookie('shop=colour=blue')), 'shop');
    is(who($h, as_cookie($cookie)), $c->{id}, 'signing in on the session of another');
    like($h->get('/store/auth', as_cookie($cookie))->{headers}{'x-seen'}, qr/colour=blue/, 'keeps its entry');
    rows_are_secret($h)->stop;
};

subtest 'mod_session_cookie, taking the cookie out of the request' => sub {
    plan skip_all => 'no mod_session_cookie' unless has_module('session_cookie');
    my $h = MedusaStore::Harness->new(modules => ['session_cookie'],
        location => "MedusaStoreSessionProvider Off\nSessionCookieName shop path=/;HttpOnly\nSessionCookieRemove On\n");
    my $c = new_customer($h);
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'signed in');
    my $cookie = cookie_value(sign_in($h, $c, as_cookie($c->{cookie})), 'shop');
    is(who($h, as_cookie($cookie)), $c->{id}, 'and again');
    is(who($h, as_cookie($c->{cookie})), 401, 'the session before is over');
    rows_are_secret($h)->stop;
};

# Ask until the answer is a status, a few seconds at most.
sub await_status {
    my ($h, $status, %option) = @_;
    my $end = time + 10;
    while (time < $end) {
        return 1 if who($h, %option) eq $status;
        sleep 0.1;
    }
    return 0;
}

subtest 'mod_session_crypto, with SessionMaxAge' => sub {
    plan skip_all => 'no mod_session_crypto' unless has_module('session_cookie') && has_module('session_crypto');
    my $h = MedusaStore::Harness->new(modules => ['session_cookie', 'session_crypto'],
        location => "MedusaStoreSessionProvider Off\nSessionCookieName shop path=/;HttpOnly\nSessionCryptoPassphrase nobody-knows-this\nSessionMaxAge 600\n",
        conf => <<'CONF');
<Location "/brief">
Require all granted
MedusaStore On
Session On
MedusaStoreSessionProvider Off
SessionCookieName shop path=/;HttpOnly
SessionCryptoPassphrase nobody-knows-this
SessionMaxAge 1
</Location>
CONF
    my $c = new_customer($h);
    my ($value) = $c->{cookie} =~ /^shop=(.*)/;
    is($value =~ /medusa/ ? 1 : 0, 0, 'the cookie is closed');
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'and good');

    my $tampered = $value;
    substr($tampered, 20, 1) = substr($tampered, 20, 1) eq 'A' ? 'B' : 'A';
    $h->secret($tampered)->expect_log('AH01817', qr/error while decoding the session/)->allow_log(undef, qr/\[session_crypto:/);
    is(who($h, as_cookie("shop=$tampered")), 401, 'a tampered one is none');
    my $cookie = cookie_value(sign_in($h, $c, as_cookie("shop=$tampered")), 'shop');
    is(who($h, as_cookie($cookie)), $c->{id}, 'but signing in on it works');

    my $brief = cookie_value($h->post('/brief/auth', json => { email => $c->{email}, password => $c->{password} }), 'shop');
    ok(await_status($h, 401, as_cookie($brief)), 'a session expires by SessionMaxAge');
    $cookie = cookie_value(sign_in($h, $c, as_cookie($brief)), 'shop');
    is(who($h, as_cookie($cookie)), $c->{id}, 'signing in on the expired one works');

    $h->delete('/store/auth', as_cookie($cookie));
    is(who($h, as_cookie($cookie)), 401, 'signing out works');
    rows_are_secret($h)->stop;
};

subtest 'mod_session_dbd' => sub {
    plan skip_all => 'no mod_session_dbd' unless has_module('dbd') && has_module('session_dbd');
    my $h = MedusaStore::Harness->new(modules => ['dbd', 'session_dbd'], start => 0,
        location => "MedusaStoreSessionProvider Off\nSessionDBDCookieName shop path=/;HttpOnly\n");
    $h->sql('CREATE TABLE apache_session (name VARCHAR(64) PRIMARY KEY, value TEXT, expiry BIGINT)');
    $h->{main} = <<"CONF";
DBDriver mysql
DBDParams "sock=$ENV{MS_TEST_SOCKET},user=$ENV{MS_TEST_WEB_USER},dbname=$h->{database}"
DBDPrepareSQL "SELECT value FROM apache_session WHERE name = %s AND (expiry = 0 OR expiry > %lld)" selectsession
DBDPrepareSQL "DELETE FROM apache_session WHERE name = %s" deletesession
DBDPrepareSQL "INSERT INTO apache_session (value, expiry, name) VALUES (%s, %lld, %s)" insertsession
DBDPrepareSQL "UPDATE apache_session SET value = %s, expiry = %lld, name = %s WHERE name = %s" updatesession
DBDPrepareSQL "DELETE FROM apache_session WHERE expiry != 0 AND expiry < %lld" cleansession
CONF
    $h->start;
    check_life($h, 'shop');
    is(who($h, as_cookie('shop=3f0c2f9e-0000-0000-0000-000000000000')), 401, 'a name of nobody is none');
    rows_are_secret($h)->stop;
};

done_testing;
