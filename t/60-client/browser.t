# Pages of a storefront in Chromium: CORS, the session cookie and forged requests, as a browser sees to them.
#
# Pages come from servers of their own. To a browser http://localhost:1 and http://localhost:2 are one site and two origins;
# localhost and 127.0.0.1 are two sites; cookies know hosts and no ports.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";
use File::Copy qw(copy);
use Test::More;
use Time::HiRes qw(sleep time);

use Browser;
use MedusaStore::Harness;
use Storefront qw(folder_of_tests install_client need_tools);

need_tools('node', 'npm', 'chromium', 'chromedriver');
my $PASSWORD = "a shopper's secret";
my $tag = join '', map { ('a' .. 'z')[rand 26] } 1 .. 12;

# ---- servers ----

sub slurp {
    my ($file) = @_;
    open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";
    local $/;
    return <$in>;
}

# A server of pages, and of nothing else.
sub page_server {
    my $h = MedusaStore::Harness->new(shop => 0, conf => "AddType text/html;charset=utf-8 .html\nAddType text/javascript .js");
    $h->write_file("htdocs/$_", slurp(folder_of_tests() . "/pages/$_")) for 'page.html', 'client.html';
    return $h;
}

sub url_of { my ($host, $h, $path) = @_; return "http://$host:$h->{port}" . ($path // '') }

sub shop {
    my (%option) = @_;
    my $h = MedusaStore::Harness->new(%option, conf => "LogFormat \"%q %m %>s\" asked\nCustomLog logs/asked.log asked\n");
    $h->secret($PASSWORD);
    return $h;
}

my $storefront = page_server();
my $stranger   = page_server();
my $allow = 'MedusaStoreAllowOrigin ' . url_of('localhost', $storefront) . "\n";
my $shop  = shop(location => $allow);
# the same shop, with a cookie for pages of other sites
my $open  = shop(shop => $shop, location => "$allow\nMedusaStoreCookieSameSite None\nMedusaStoreCookieSecure On\n");
my $api   = url_of('localhost', $shop, '/store');

my $browser = Browser->new;
diag("Chromium $browser->{version}") if $ENV{TEST_VERBOSE};

# ---- words ----

sub visit { my ($host, $server, $page) = @_; return $browser->go(url_of($host, $server, '/' . ($page // 'page.html'))) }

# A request by the page that is shown (page.html tells of the options); what the page may read of the answer.
my $number = 0;

sub ask {
    my ($method, $url, %option) = @_;
    $number++;
    return $browser->run('return await ask(args[0])', { method => $method, url => "$url?n=$number", %option });
}

# What reached the server of the last `ask`, as "METHOD STATUS", sorted; waits for so many lines: httpd logs after it has answered.
sub asked {
    my ($h, $count) = @_;
    my $end = time + 5;
    while (1) {
        my @lines = sort(slurp("$h->{root}/logs/asked.log") =~ /^\?n=$number (.*)$/mg);
        return \@lines if @lines >= $count || time > $end;
        sleep 0.02;
    }
}

# A form sent by the page that is shown; the page that comes of it.
sub send_form { my (@form) = @_; return $browser->run_and_leave('sendForm(...args)', @form) }

sub email { my ($name) = @_; return "$name-$tag\@shop.example" }

sub register {
    my ($url, $name) = @_;
    $_->secret(email($name)) for $shop, $open;
    return ask(POST => "$url/customers", body => { email => email($name), password => $PASSWORD, first_name => $name, last_name => 'L' });
}

sub sign_in { my ($url, $name) = @_; return ask(POST => "$url/auth", body => { email => email($name), password => $PASSWORD }) }

# All that an attack might change of a customer.
sub state_of {
    my ($name) = @_;
    my $email = email($name);
    return join ' ', map { join ',', map { $_ // 'NULL' } @$_ } $shop->sql(<<"SQL");
SELECT c.first_name, c.phone, c.updated_at, COUNT(DISTINCT s.id), (SELECT COUNT(*) FROM outbox)
FROM customer c LEFT JOIN session s ON s.customer_id = c.id WHERE c.email = '$email' GROUP BY c.id
SQL
}

my @FORGED = ('text/plain', '{"first_name":"Forged","phone":"="}');

# ---- the storefront as it should be: another origin of the same site ----

subtest 'a page of an allowed origin, same site' => sub {
    visit(localhost => $storefront);
    my $answer = register($api, 'ada');
    is($answer->{status}, 200, 'registers');
    is($answer->{json}{customer}{email}, email('ada'), 'and reads the answer');
    is($answer->{kind}, 'cors', 'across origins');
    is_deeply(asked($shop, 2), ['OPTIONS 204', 'POST 200'], 'after a preflight');

    my $cookies = $browser->cookies;
    is_deeply([sort keys %$cookies], ['connect.sid'], 'the browser keeps one cookie');
    my $cookie = $cookies->{'connect.sid'};
    ok($cookie->{httpOnly}, 'HttpOnly');
    is($cookie->{sameSite}, 'Lax', 'SameSite=Lax');
    ok(!$cookie->{secure}, 'not Secure, without TLS');
    is($cookie->{path}, '/', 'for all paths');
    cmp_ok(abs($cookie->{expiry} - time - 36000), '<', 60, 'for ten hours');
    is($browser->run('return document.cookie'), '', 'scripts do not see it');
    is($browser->run('document.cookie = "probe=1"; return document.cookie'), 'probe=1', 'though they see others');

    is(ask(GET => "$api/customers/me")->{json}{customer}{first_name}, 'ada', 'it is sent with credentials');
    my $without = ask(GET => "$api/customers/me", credentials => 'omit');
    is("$without->{status} $without->{text}", '401 Unauthorized', 'and not without: 401, which the page can read');
    is(ask(POST => "$api/customers/me", body => { phone => '1' })->{json}{customer}{phone}, '1', 'writes');
    my $bad = ask(POST => "$api/customers/me", body => { email => 'no' });
    is("$bad->{status} $bad->{json}{message}", '400 email must be an email', 'reads errors');
};

subtest 'plain text is no JSON, even from there' => sub {
    my $before = state_of('ada');
    my $answer = ask(POST => "$api/customers/me", raw => $FORGED[1], type => $FORGED[0]);
    is($answer->{status}, 403, 'refused');
    like($answer->{json}{message}, qr/Content-Type: application\/json/, 'and told why');
    is_deeply(asked($shop, 1), ['POST 403'], 'as no preflight has told of it');
    is(state_of('ada'), $before, 'nothing has changed');
    is(ask(POST => "$api/customers", raw => '{"email":"x@y.zz"}', type => 'text/plain', credentials => 'omit')->{json}{message},
        'first_name must be a string, last_name must be a string, email must be an email, password must be a string',
        'what needs no cookie counts it as nothing');
    $shop->expect_log('MS0006', qr/Content-Type: application\/json/);
};

subtest 'a bearer token' => sub {
    my $token = ask(POST => "$api/auth/token", body => { email => email('ada'), password => $PASSWORD })->{json}{access_token};
    $shop->secret($token);
    my %bearer = (token => $token, credentials => 'omit');
    is(ask(GET => "$api/customers/me", %bearer)->{json}{customer}{email}, email('ada'), 'opens the account without cookies');
    is(ask(DELETE => "$api/auth", %bearer)->{text}, 'OK', 'signs itself out');
    is(ask(GET => "$api/customers/me", %bearer)->{status}, 401, 'and is void then');
    is(ask(GET => "$api/customers/me")->{status}, 200, 'the cookie goes on');
};

# ---- pages that are not allowed, with the customer signed in ----

subtest 'a page of another origin, same site, with the cookie' => sub {
    $shop->expect_log('MS0002', qr/origin \Q${\url_of('localhost', $stranger)}\E is not one of MedusaStoreAllowOrigin/);
    $shop->expect_log('MS0006', qr/origin that is not allowed/);
    my $before = state_of('ada');
    my $cookie = $browser->cookies->{'connect.sid'}{value};
    visit(localhost => $stranger);
    is($browser->cookies->{'connect.sid'}{value}, $cookie, 'its host has the cookie');

    is_deeply(ask(GET => "$api/customers/me"), { failed => 'TypeError' }, 'it can read nothing');
    is_deeply(asked($shop, 1), ['GET 200'], 'though the server has answered');
    my $blind = ask(GET => "$api/customers/me", mode => 'no-cors');
    is_deeply([@$blind{qw(kind text)}], ['opaque', ''], 'nor blindly');
    is_deeply(asked($shop, 1), ['GET 200'], 'though answered too');

    is_deeply(ask(POST => "$api/customers/me", body => { first_name => 'Forged' }), { failed => 'TypeError' }, 'JSON is not sent');
    is_deeply(asked($shop, 1), ['OPTIONS 204'], 'after a preflight that permits nothing');
    is_deeply(ask(DELETE => "$api/auth"), { failed => 'TypeError' }, 'nor is DELETE');
    is_deeply(asked($shop, 1), ['OPTIONS 204'], 'the same');
    ask(POST => "$api/customers/me", raw => $FORGED[1], type => $FORGED[0], mode => 'no-cors');
    is_deeply(asked($shop, 1), ['POST 403'], 'plain text is sent, and refused');

    my $page = send_form("$api/customers/me", @FORGED);
    is($page->{status}, 403, 'a form is sent, and refused');
    like($page->{text}, qr/origin that is not allowed/, 'told why');
    visit(localhost => $stranger);
    is(send_form("$api/customers/me", 'application/x-www-form-urlencoded', 'first_name=Forged')->{status}, 403, 'of any type');
    visit(localhost => $stranger);
    my $login = sprintf '{"email":"%s","password":"%s","x":"="}', email('ada'), $PASSWORD;
    like(send_form("$api/auth", 'text/plain', $login)->{status}, qr/^40[03]$/, 'a form can sign nobody in');
    is($browser->cookies->{'connect.sid'}{value}, $cookie, 'the cookie is the same');
    is(state_of('ada'), $before, 'nothing has changed');
};

subtest 'a page of another site' => sub {
    my $before = state_of('ada');
    visit('127.0.0.1' => $stranger);
    is_deeply($browser->cookies, {}, 'its host has no cookie');
    is_deeply(ask(GET => "$api/customers/me"), { failed => 'TypeError' }, 'it can read nothing');
    is_deeply(asked($shop, 1), ['GET 401'], 'the Lax cookie was not sent');
    is(send_form("$api/customers/me", @FORGED)->{status}, 401, 'nor with a form');
    is(state_of('ada'), $before, 'nothing has changed');
};

subtest 'signing out' => sub {
    visit(localhost => $storefront);
    is(ask(GET => "$api/customers/me")->{status}, 200, 'still signed in');
    my $out = ask(DELETE => "$api/auth");
    is("$out->{status} $out->{text}", '200 OK', 'signs out');
    ok(!$browser->cookies->{'connect.sid'}, 'the browser has dropped the cookie');
    is(ask(GET => "$api/customers/me")->{status}, 401, 'signed out');
    is($shop->sql_value('SELECT COUNT(*) FROM session'), 0, 'no session is left');
};

# ---- a storefront of another site than the API ----

subtest 'the Lax cookie is of no use across sites' => sub {
    my $far = url_of('127.0.0.1', $shop, '/store');
    is(sign_in($far, 'ada')->{status}, 200, 'an allowed page of another site signs in');
    is(ask(GET => "$far/customers/me")->{status}, 401, 'but the browser keeps no cookie of it');
    visit('127.0.0.1' => $storefront);
    is_deeply($browser->cookies, {}, 'none at all');
};

subtest 'SameSite=None and Secure are' => sub {
    my $far = url_of('127.0.0.1', $open, '/store');
    visit(localhost => $storefront);
    is(register($far, 'bob')->{status}, 200, 'an allowed page of another site registers');
    is(ask(GET => "$far/customers/me")->{json}{customer}{email}, email('bob'), 'and is signed in');
    visit('127.0.0.1' => $storefront);
    my $cookie = $browser->cookies->{'connect.sid'};
    is_deeply([@$cookie{qw(sameSite secure httpOnly)}], ['None', JSON::PP::true, JSON::PP::true], 'by such a cookie');

    my $before = state_of('bob');
    visit(localhost => $stranger);
    is_deeply(ask(GET => "$far/customers/me"), { failed => 'TypeError' }, 'a page that is not allowed can read nothing');
    is_deeply(asked($open, 1), ['GET 200'], 'though its request has the cookie');
    is(send_form("$far/customers/me", @FORGED)->{status}, 403, 'its form is refused');
    is(state_of('bob'), $before, 'nothing has changed');
    $open->expect_log('MS0002', qr/\Q${\url_of('localhost', $stranger)}\E/);
    $open->expect_log('MS0006', qr/origin that is not allowed/);
    visit(localhost => $storefront);
    is(ask(DELETE => "$far/auth")->{status}, 200, 'the allowed page signs out');
    visit('127.0.0.1' => $storefront);
    is_deeply($browser->cookies, {}, 'and the cookie is gone');
};

# ---- the client from npm, in a page ----

# Where npm has put what client.html loads.
my %LOADED = (
    'medusa-js.js' => '@medusajs/medusa-js/dist/index.mjs', 'axios.js' => 'axios/dist/axios.min.js', 'qs.js' => 'qs/dist/qs.js',
    'retry-axios.js' => 'retry-axios/dist/index.module.js',
);

sub install_into_pages {
    my ($folder) = install_client();
    my $pages = "$storefront->{root}/htdocs";
    mkdir "$pages/uuid";
    my %from = (%LOADED, map { m{(uuid/)dist/esm-browser/(.*)} ? ("$1$2" => "uuid/dist/esm-browser/$2") : () }
        glob "$folder/node_modules/uuid/dist/esm-browser/*.js");
    copy("$folder/node_modules/$from{$_}", "$pages/$_") or die "$from{$_}: $!\n" for keys %from;
    return;
}

# The body of an async function that knows a `medusa` of the shop, and `credentials`.
sub shopper {
    my ($code) = @_;
    return $browser->run(<<"JS", url_of('localhost', $shop), email('eve'), $PASSWORD);
const [baseUrl, email, password] = args, credentials = { email, password };
window.medusa ||= newClient({ baseUrl, maxRetries: 3, publishableApiKey: "pk_test" });
$code
JS
}

subtest 'the client from npm' => sub {
    install_into_pages();
    $shop->secret(email('eve'));
    visit(localhost => $storefront, 'client.html');
    my $customer = shopper('return (await medusa.customers.create({ ...credentials, first_name: "Eve", last_name: "L" })).customer');
    is($customer->{email}, email('eve'), 'registers, with an Idempotency-Key and a publishable key');
    is(shopper('return (await medusa.customers.retrieve()).customer')->{id}, $customer->{id}, 'retrieves by cookie');
    is(shopper('return (await medusa.customers.update({ metadata: { a: 1 } })).customer')->{metadata}{a}, 1, 'updates');
    is(shopper('return await refusal(medusa.customers.create({ ...credentials, first_name: "E", last_name: "L" }))')->{data}{type},
        'duplicate_error', 'reads errors');
    is(shopper('return (await medusa.auth.deleteSession()).response.status'), 200, 'signs out');
    my $refused = { status => 401, data => 'Unauthorized', message => 'Request failed with status code 401' };
    is_deeply(shopper('return await refusal(medusa.customers.retrieve())'), $refused, 'and is refused then');
    $shop->secret(shopper('return (await medusa.auth.getToken(credentials)).access_token'));
    ok(!$browser->cookies->{'connect.sid'}, 'gets a token, and no cookie');
    is(shopper('return (await medusa.customers.retrieve()).customer')->{id}, $customer->{id}, 'which it sends from then on');
    is(shopper('return (await medusa.auth.deleteSession()).response.status'), 200, 'signs out');
    is_deeply(shopper('return await refusal(medusa.customers.retrieve())'), $refused, 'and is refused then');
};

$browser->quit; 
$_->stop for $open, $shop, $storefront, $stranger;
done_testing;
