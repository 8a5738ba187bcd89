# The session behind a guarded place: whoever carries it, and how it lives on by being used there.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for cookie_of who as_cookie as_bearer rows_are_secret);
use MedusaStore::Echo;
use MedusaStore::Harness;

my $old = q(UPDATE session SET last_seen = last_seen - INTERVAL 1 HOUR, expires_at = expires_at - INTERVAL 1 HOUR);

# When the session of a customer ends, in seconds from now.
sub life { my ($h, $c) = @_; return $h->sql_value("SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), expires_at) FROM session WHERE customer_id = '$c->{id}' AND kind = 'cookie'") }

sub place { my ($name, $more) = @_; return qq(<Location "/$name">\nRequire medusa-customer\n@{[ $more // '' ]}</Location>\n) }

sub shop {
    my ($places, %option) = @_;
    my $h = MedusaStore::Harness->new(%option, start => 0);
    $h->{conf} .= join '', map { place($_, $places->{$_}) } sort keys %$places;
    for my $name (keys %$places) {
        mkdir "$h->{root}/htdocs/$name";
        $h->write_file("htdocs/$name/x", "$name\n");
    }
    return $h->start;
}

subtest 'without mod_session' => sub {
    my $echo = MedusaStore::Echo->new;
    my $h = shop({ private => '', app => "ProxyPass http://127.0.0.1:$echo->{port}/app\n" },
        modules => [qw(proxy proxy_http include)], main => "MedusaStoreCookieSameSite Strict\n", conf => <<'CONF');
<Directory />
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    Options +Includes
</Directory>
CONF
    $h->write_file('htdocs/page.shtml', 'a <!--#include virtual="/private/x" -->');
    my $c = new_customer($h);
    my $get = sub { return $h->get($_[0], as_cookie($c->{cookie})) };
    is(scalar @{ $get->('/private/x')->{cookies} }, 0, 'a fresh session is not extended');
    for my $path ('/private/x', '/app/x', '/private/nothing') {
        $h->sql($old);
        cmp_ok(life($h, $c), '<', 33000, 'an hour later');
        my $r = $get->($path);
        like($r->{cookies}[0] // '', qr/^connect\.sid=[\w-]{60,}; Path=\/; Max-Age=36000; HttpOnly; SameSite=Strict$/, "$path: the cookie lives on");
        is(scalar @{ $r->{cookies} }, 1, 'it is set once');
        cmp_ok(life($h, $c), '>', 35000, 'and so does the row');
        is(who($h, as_cookie(cookie_of($r))), $c->{id}, 'the API knows it');
        is(scalar @{ $get->($path)->{cookies} }, 0, 'the next request has nothing to add');
    }
    $h->sql($old);
    like($get->('/page.shtml')->{body}, qr/^a private$/, 'a part of a page');
    cmp_ok(life($h, $c), '<', 33000, 'extends nothing: it could not set the cookie');
    like($get->('/private/x')->{cookies}[0] // '', qr/Max-Age=36000/, 'the next whole one does');
    $h->sql(q(UPDATE session SET last_seen = last_seen - INTERVAL 1 HOUR));
    my $token = token_for($h, $c);
    is(scalar @{ $h->get('/private/x', as_bearer($token))->{cookies} }, 0, 'a token has its own life');
    is($h->get('/private/x', headers => { Cookie => $c->{cookie}, Authorization => "Bearer $token" })->{status}, 200, 'with both');
    rows_are_secret($h)->stop;
};

subtest 'in a shop whose API is elsewhere' => sub {
    my $api = MedusaStore::Harness->new;
    my $h = shop({ private => '' }, shop => $api, place => 0, without => ['session']);
    my $c = new_customer($api);
    is($h->get('/private/x', as_cookie($c->{cookie}))->{status}, 200, 'a server without API and mod_session knows the customer');
    is($h->get('/private/x')->{status}, 401, 'and nobody else');
    $api->sql($old);
    my $cookie = cookie_of($h->get('/private/x', as_cookie($c->{cookie})));
    is(who($api, as_cookie($cookie)), $c->{id}, 'the cookie that it sets is good there');
    rows_are_secret($h)->stop;
    rows_are_secret($api)->stop;
};

subtest 'another name' => sub {
    my $h = shop({ private => "MedusaStoreCookie shop.session\n", other => '' }, location => "MedusaStoreCookie shop.session\n");
    my $c = new_customer($h);
    is($h->get('/private/x', as_cookie($c->{cookie}))->{status}, 200, 'of the cookie is a matter of the place');
    is($h->get('/other/x', as_cookie($c->{cookie}))->{status}, 401, 'where it is not said, it is not looked for');
    rows_are_secret($h)->stop;
};

# with `Session On`, mod_session hands out the session, and saves it
for my $carrier (
    ['our provider', '', "Session On\nMedusaStoreSessionProvider On\n", 'connect.sid', qr/Max-Age=36000/],
    ['no provider here', '', "Session On\nSessionCookieName else path=/\n", 'connect.sid', qr/Max-Age=36000/],
    ['mod_session_cookie', "MedusaStoreSessionProvider Off\nSessionCookieName shop path=/;HttpOnly\nSessionMaxAge 36000\n",
        "Session On\nSessionCookieName shop path=/;HttpOnly\nSessionMaxAge 36000\n", 'shop', qr/Max-Age=\d+/],
    ['mod_session_crypto', "MedusaStoreSessionProvider Off\nSessionCookieName shop path=/;HttpOnly\nSessionCryptoPassphrase nobody-knows-this\nSessionMaxAge 36000\n",
        "Session On\nSessionCookieName shop path=/;HttpOnly\nSessionCryptoPassphrase nobody-knows-this\nSessionMaxAge 36000\n", 'shop', qr/Max-Age=\d+/],
) {
    my ($name, $location, $here, $cookie, $life) = @$carrier;
    subtest "Session On, $name" => sub {
        my @modules = ('session_cookie', $name =~ /crypto/ ? 'session_crypto' : ());
        plan skip_all => "no mod_$modules[-1]" unless -e "$ENV{MS_LIBEXECDIR}/mod_$modules[-1].so";
        my $h = shop({ private => $here }, modules => \@modules, location => $location);
        my $c = new_customer($h);
        like($c->{cookie}, qr/^\Q$cookie\E=/, 'a customer with a cookie');
        my $r = $h->get('/private/x', as_cookie($c->{cookie}));
        is($r->{status}, 200, 'is let in');
        is($h->get('/private/x')->{status}, 401, 'nobody else is');
        is($h->get('/private/x', as_cookie("$cookie=nonsense"))->{status}, 401, 'nor is nonsense');
        $h->allow_log(undef, qr/\[session_crypto:|AH0181[57]/);
        $h->sql($old);
        $r = $h->get('/private/x', as_cookie($c->{cookie}));
        my ($set) = grep { /^\Q$cookie\E=/ } @{ $r->{cookies} };
        like($set // '', $life, 'the session is extended');
        cmp_ok(life($h, $c), '>', 35000, 'and its row');
        is(who($h, as_cookie($set =~ s/;.*//r)), $c->{id}, 'the API knows it');
        $h->delete('/store/auth', as_cookie($set =~ s/;.*//r));
        is($h->get('/private/x', as_cookie($set =~ s/;.*//r))->{status}, 401, 'signed out, it opens nothing');
        $h->secret($set =~ /medusa-session=([\w-]{43})/);
        rows_are_secret($h)->stop;
    };
}

subtest 'an end by SessionMaxAge' => sub {
    my $h = shop({ private => '' }, location => "SessionMaxAge 6\n");
    my $c = new_customer($h);
    my $r = $h->get('/private/x', as_cookie($c->{cookie}));
    is($r->{status}, 200, 'not yet') or diag $r->{body};
    $h->sql($old);
    is(scalar @{ $h->get('/private/x', as_cookie($c->{cookie}))->{cookies} }, 0, 'a place that does not know it does not put it off');
    my $status = 0;
    for (1 .. 200) {
        $status = $h->get('/private/x', as_cookie($c->{cookie}))->{status};
        last if $status == 401;
        select undef, undef, undef, 0.1;
    }
    is($status, 401, 'then it is over here as well');
    rows_are_secret($h)->stop;
};

subtest 'two shops' => sub {
    my $one = MedusaStore::Harness->new;
    my $h = shop({ private => '' });
    my $c = new_customer($one);
    is($h->get('/private/x', as_cookie($c->{cookie}))->{status}, 401, 'the cookie of another shop is nothing here');
    is($h->get('/private/x', as_bearer(token_for($one, $c)))->{status}, 401, 'nor is its token');
    my $twin = MedusaStore::Harness->new(start => 0);    # the same secret, another database
    $twin->{main} = "MedusaStoreSecret file:" . $twin->write_private('secret', $one->{secret}) . "\n";
    $twin->{conf} = place('private');
    $twin->start;
    is($twin->get('/private/x', as_cookie($c->{cookie}))->{status}, 401, 'nor where only the secret is the same');
    rows_are_secret($_)->stop for $one, $h, $twin;
};
done_testing;
