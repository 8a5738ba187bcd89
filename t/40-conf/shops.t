# Several shops on one httpd, by name: what one hands out is nothing in another, whether they differ in database, secret or both;
# and what a virtual host does not say it has from the main server.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(cookie_of jwt_claims);
use MedusaStore::Harness;

my $PASSWORD = 'correct horse';
my $EMAIL = 'ann@lab.test';

my $h = MedusaStore::Harness->new(start => 0, modules => [qw(include)]);
my $second = MedusaStore::Harness->new(start => 0, place => 0);
my ($db_b, $secret_b) = map { "file:$second->{root}/$_" } qw(db-params secret);

# Name => database and secret. "plain" says nothing for itself.
my %SHOPS = (
    'plain.example'  => ['a', 'a'],
    'apart.example'  => ['b', 'b'],
    'data.example'   => ['b', 'a'],
    'secret.example' => ['a', 'b'],
);
my @SHOPS = sort keys %SHOPS;
my %database = (a => $h, b => $second);

$h->{main} = "MedusaStoreSessionLife 600s\nMedusaStoreTokenLife 100h\nMedusaStorePasswordCost 2048 1\n";
$h->{location} = "MedusaStoreAllowOrigin https://main.example\n";
$h->{conf} = <<"CONF";
<Directory />
    Options +Includes
    AddOutputFilter INCLUDES .shtml
</Directory>
<VirtualHost *>
    ServerName plain.example
</VirtualHost>
<VirtualHost *>
    ServerName apart.example
    MedusaStoreDBParams "$db_b"
    MedusaStoreSecret "$secret_b"
    MedusaStoreSessionLife 1200s
    MedusaStorePasswordCost 1024 1
    <Location /store>
        MedusaStoreAllowOrigin https://apart.example
    </Location>
</VirtualHost>
<VirtualHost *>
    ServerName data.example
    MedusaStoreDBParams "$db_b"
    MedusaStoreTokenLife 50h
</VirtualHost>
<VirtualHost *>
    ServerName secret.example
    MedusaStoreSecret "$secret_b"
    <Location /store>
        MedusaStoreAllowOrigin None
    </Location>
</VirtualHost>
CONF
$h->start;
$h->write_file('htdocs/page.shtml', 'you are <!--#include virtual="/store/auth" -->');

# A request to a shop by its name.
sub ask {
    my ($shop, $method, $path, %option) = @_;
    my $headers = delete $option{headers} || {};
    return $h->request($method, $path, headers => { Host => $shop, %$headers }, %option);
}

sub rows { my ($shop) = @_; return $database{ $SHOPS{$shop}[0] } }

# How a shop's cookie and token are shown to any shop.
sub cookie { my ($own) = @_; return (headers => { Cookie => $own->{cookie} }) }
sub bearer { my ($own) = @_; return (headers => { Authorization => "Bearer $own->{token}" }) }
sub who { my ($shop, @shown) = @_; my $r = ask($shop, GET => '/store/auth', @shown); return $r->{json} ? $r->{json}{customer}{id} : $r->{status} }

# Register where nobody has, sign in everywhere: { id, cookie, token } of each shop. The e-mail address is the same in all.
sub sign_in_everywhere {
    my %secret = (email => $EMAIL, password => $PASSWORD);
    my %own;
    for my $shop ('plain.example', 'apart.example') {
        my $r = ask($shop, POST => '/store/customers', json => { %secret, first_name => 'Ann', last_name => 'Lee' });
        is($r->{status}, 200, "$shop: registers");
    }
    for my $shop (@SHOPS) {
        my $r = ask($shop, POST => '/store/auth', json => \%secret);
        is($r->{status}, 200, "$shop: signs in");
        $own{$shop} = { id => $r->{json}{customer}{id}, cookie => cookie_of($r),
            token => ask($shop, POST => '/store/auth/token', json => \%secret)->{json}{access_token} };
        is(who($shop, cookie($own{$shop})), $own{$shop}{id}, "$shop: the cookie is good");
        is(who($shop, bearer($own{$shop})), $own{$shop}{id}, "$shop: the token is good");
    }
    return \%own;
}

# The token of a password reset, as the mail would carry it; it is taken out of the queue.
sub reset_token {
    my ($shop) = @_;
    my $r = ask($shop, POST => '/store/customers/password-token', json => { email => $EMAIL });
    is($r->{status}, 204, "$shop: asks for a reset");
    my $data = rows($shop)->sql_value("SELECT data FROM outbox WHERE event_name = 'customer.password_reset'");
    rows($shop)->sql("DELETE FROM outbox WHERE event_name = 'customer.password_reset'");
    my ($token) = $data =~ /"token":"([^"]+)"/;
    $h->secret($token);
    return $token;
}

sub reset_password {
    my ($shop, $token) = @_;
    return ask($shop, POST => '/store/customers/password-reset', json => { email => $EMAIL, token => $token, password => $PASSWORD })->{status};
}

my $own = sign_in_everywhere();

subtest 'customers' => sub {
    is($own->{'plain.example'}{id}, $own->{'secret.example'}{id}, 'are those of the database');
    is($own->{'apart.example'}{id}, $own->{'data.example'}{id}, 'in the second one, too');
    isnt($own->{'plain.example'}{id}, $own->{'apart.example'}{id}, 'so that one e-mail is two customers');
    is(ask('data.example', POST => '/store/customers', json => { email => $EMAIL, password => 'x', first_name => 'A', last_name => 'B' })->{status},
        422, 'but in one database has one account');
};

for my $from (@SHOPS) {
    for my $to (grep { $_ ne $from } @SHOPS) {
        subtest "from $from to $to" => sub {
            is(who($to, cookie($own->{$from})), 401, 'a cookie is nothing');
            is(who($to, bearer($own->{$from})), 401, 'a token is nothing');
            is(ask($to, DELETE => '/store/auth', cookie($own->{$from}))->{status}, 200, 'signing out with the cookie');
            is(ask($to, DELETE => '/store/auth', bearer($own->{$from}))->{status}, 200, 'and with the token');
            is(who($from, cookie($own->{$from})), $own->{$from}{id}, 'ends no session there');
            is(who($from, bearer($own->{$from})), $own->{$from}{id}, 'and no token');
            unlike(ask($to, GET => '/page.shtml', cookie($own->{$from}))->{body}, qr/cus_/, 'a page with a part of the API knows nobody');
            is(who($to, headers => { Cookie => $own->{$from}{cookie}, Authorization => "Bearer $own->{$to}{token}" }), $own->{$to}{id},
                'beside a good token the cookie does no harm');
        };
    }
    like(ask($from, GET => '/page.shtml', cookie($own->{$from}))->{body}, qr/"id":"$own->{$from}{id}"/, "$from: its page knows its customer");
}

subtest 'sign-out' => sub {
    is(ask('plain.example', DELETE => '/store/auth', cookie($own->{'plain.example'}))->{status}, 200, 'in one');
    is(who('plain.example', cookie($own->{'plain.example'})), 401, 'counts there');
    is(who($_, cookie($own->{$_})), $own->{$_}{id}, "and not in $_") for grep { $_ ne 'plain.example' } @SHOPS;
};

# Last, as a reset ends all sessions of the customer.
subtest 'password resets' => sub {
    for my $from (@SHOPS) {
        my $token = reset_token($from);
        is(reset_password($_, $token), 401, "a token of $from is nothing in $_") for grep { $_ ne $from } @SHOPS;
        is(reset_password($from, $token), 200, "and good in $from");
    }
};

# ---- inheritance ----

subtest 'settings' => sub {
    my %secret = (email => $EMAIL, password => $PASSWORD);
    my %life = map { $_ => ask($_, POST => '/store/auth', json => \%secret)->{cookies}[0] =~ /Max-Age=(\d+)/ ? $1 : undef } @SHOPS;
    is_deeply(\%life, { map { $_ => $_ eq 'apart.example' ? 1200 : 600 } @SHOPS }, 'life of sessions');
    my %token = map { $_ => jwt_claims(ask($_, POST => '/store/auth/token', json => \%secret)->{json}{access_token}) } @SHOPS;
    is_deeply({ map { $_ => ($token{$_}{exp} - $token{$_}{iat}) / 3600 } @SHOPS }, { map { $_ => $_ eq 'data.example' ? 50 : 100 } @SHOPS }, 'life of tokens');
    for my $shop ('plain.example', 'apart.example') {
        my $r = ask($shop, POST => '/store/customers', json => { email => 'cost@lab.test', password => 'x', first_name => 'A', last_name => 'B' });
        my $hash = rows($shop)->sql_value("SELECT password_hash FROM customer WHERE id = '$r->{json}{customer}{id}'");
        my $memory = $shop eq 'plain.example' ? 2048 : 1024;
        like($hash, qr/m=$memory,t=1,/, "$shop: cost of passwords");
    }
};

subtest 'origins' => sub {
    my %allowed = ('plain.example' => 'main', 'data.example' => 'main', 'apart.example' => 'apart', 'secret.example' => 'nobody');
    for my $shop (@SHOPS) {
        for my $name (qw(main apart)) {
            my $r = ask($shop, GET => '/store/auth', headers => { Origin => "https://$name.example" });
            my $expected = $allowed{$shop} eq $name ? 'true' : undef;
            is($r->{headers}{'access-control-allow-credentials'}, $expected, "$shop and https://$name.example");
        }
    }
};

$h->secret($EMAIL, $PASSWORD)->stop;
$second->stop('the second database');
done_testing;
