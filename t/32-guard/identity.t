# Who was let in, as CGI programs, proxied applications and access logs are told; and nobody is believed who says so himself.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use MedusaStore::Accounts qw(new_customer token_for as_cookie as_bearer rows_are_secret);
use MedusaStore::Echo;
use MedusaStore::Harness;

my $echo = MedusaStore::Echo->new;
my $cgi = <<'CONF';
Options +ExecCGI
AddHandler cgi-script .cgi
CONF
my $h = MedusaStore::Harness->new(modules => [qw(cgi proxy proxy_http include authz_user authn_file auth_basic)], start => 0);
$h->{conf} = <<"CONF";
LogFormat "%U %>s user=%u customer=%{MEDUSA_CUSTOMER_ID}e" who
CustomLog logs/who.log who
<Directory "$h->{root}/htdocs">
    $cgi
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    Options +Includes
</Directory>
<Location "/private">
    Require medusa-customer
</Location>
<Location "/optional">
    Require medusa-customer
    Require all granted
</Location>
<Location "/free">
    Require all granted
    Require medusa-customer
</Location>
<Location "/clerk">
    AuthType Basic
    AuthName staff
    AuthBasicProvider file
    AuthUserFile passwords
    <RequireAll>
        Require medusa-customer
        Require valid-user
    </RequireAll>
</Location>
<Location "/own">
    AuthType Medusa
    Require valid-user
</Location>
<Location "/app">
    ProxyPass "http://127.0.0.1:$echo->{port}/app"
    Require medusa-customer
</Location>
<Location "/public">
    ProxyPass "http://127.0.0.1:$echo->{port}/public"
</Location>
RewriteEngine On
RewriteRule ^/private/rewritten\$ /private/env.cgi [PT]
<Directory "$h->{root}/htdocs/private">
    RewriteEngine On
    RewriteRule ^elsewhere\$ /plain/env.cgi
    RewriteRule ^same\$ /private/env.cgi
</Directory>
CONF
mkdir "$h->{root}/htdocs/$_" for qw(private optional free clerk own plain);
for my $folder (qw(private optional free clerk own plain)) {
    $h->write_file("htdocs/$folder/env.cgi", "#!$^X\nprint qq(Content-Type: text/plain\\n\\n), map { qq(\$_=\$ENV{\$_}\\n) } sort keys %ENV;\n");
    chmod 0755, "$h->{root}/htdocs/$folder/env.cgi";
}
$h->write_file('htdocs/plain/page.shtml', '<!--#include virtual="/private/env.cgi" -->|<!--#include virtual="/plain/env.cgi" -->|<!--#include virtual="/public/x" -->');
$h->write_file('passwords', "clerk:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");    # password
$h->start;

my $c = new_customer($h);
my %cookie = as_cookie($c->{cookie});
my $token = token_for($h, $c);
my @NAMES = qw(MEDUSA_CUSTOMER_ID REMOTE_USER AUTH_TYPE HTTP_MEDUSA_CUSTOMER_ID);

# What a text of NAME=VALUE lines says of the customer.
sub told {
    my ($text) = @_;
    my %env = $text =~ /^(\w+)=(.*)$/mg;
    return join ' ', map { $env{$_} // '-' } @NAMES;
}

sub env {
    my ($path, %option) = @_;
    my $r = $h->get($path, %option);
    return $r->{status} == 200 ? told($r->{body}) : $r->{status};
}

my $everything = "$c->{id} $c->{id} Medusa $c->{id}";

subtest 'CGI' => sub {
    is(env('/private/env.cgi', %cookie), $everything, 'is told the customer, by cookie');
    is(env('/private/env.cgi', as_bearer($token)), $everything, 'and by token');
    is(env('/plain/env.cgi', %cookie), '- - - -', 'elsewhere nobody is asked');
    is(env('/optional/env.cgi', %cookie), $everything, 'where anybody may come, a customer is known');
    is(env('/optional/env.cgi'), '- - - -', 'and others are not');
    is(env('/free/env.cgi', %cookie), '- - - -', 'in the other order, nobody is asked');
    is(env('/own/env.cgi', %cookie), $everything, 'AuthType Medusa');
    is(env('/own/env.cgi'), 401, 'asks for it');
    is(env('/clerk/env.cgi', headers => { Cookie => $c->{cookie}, Authorization => 'Basic ' . encode_base64('clerk:password', '') }),
        "$c->{id} clerk Basic $c->{id}", 'the user of another sign-in stays, the customer is told beside');
};

subtest 'internal redirects' => sub {
    is(env('/private/rewritten', %cookie), $everything, 'to a place of the same rules');
    is(env('/private/same', %cookie), $everything, 'by a folder\'s rewriting');
    is(env('/private/elsewhere', %cookie), $everything, 'to one that is not guarded');
    is(env('/private/elsewhere'), 401, 'where nobody else gets by that way');
};

subtest 'parts of a page' => sub {
    my @part = split /\|/, $h->get('/plain/page.shtml', %cookie)->{body};
    is(told($part[0]), $everything, 'a guarded one is told');
    is(told($part[1]), '- - - -', 'the next is not');
    like($part[2], qr{^GET /public/x }, 'an application behind a proxy is asked');
    unlike($part[2], qr/Medusa-Customer/i, 'and not told either');
    $h->expect_log(undef, qr/unable to include "\/private\/env\.cgi"/);
    my $r = $h->get('/plain/page.shtml');
    is($r->{status}, 200, 'without a customer, the page comes');
    unlike($r->{body}, qr/REMOTE_USER/, 'without that part');
    like($r->{body}, qr/SCRIPT_NAME=\/plain\/env\.cgi/, 'with the others');
};

subtest 'a proxied application' => sub {
    my $r = $h->get('/app/x?y=1', %cookie);
    is($r->{status}, 200, 'is reached');
    like($r->{body}, qr{^GET /app/x\?y=1 }, 'as it was asked');
    is_deeply([$r->{body} =~ /^Medusa-Customer-Id: (.*)$/mig], [$c->{id}], 'is told the customer, once');
    is($r->{headers}{'cache-control'}, 'private', 'its answer is theirs');
    is($h->get('/app/x?Cache-Control=public,+max-age=60', %cookie)->{headers}{'cache-control'}, 'public, max-age=60', 'unless it says otherwise');
    is($h->get('/app/x?Cache-Control=no-store', %cookie)->{headers}{'cache-control'}, 'no-store', 'itself');
    is($h->get('/app/x?Cache-Control=max-age=60', %cookie)->{headers}{'cache-control'}, 'max-age=60, private', 'which an age alone does not');
    is($h->get('/app/x?Vary=Accept,Cookie', %cookie)->{headers}{vary}, 'Accept,Cookie,Authorization', 'what it depends on stays');
    is($h->get('/app/x')->{status}, 401, 'nobody else gets there');
    is($h->post('/app/x', %cookie, body => 'a body')->{status}, 200, 'bodies pass');
};

subtest 'lies' => sub {
    my @names = qw(Medusa-Customer-Id medusa-customer-id MEDUSA_CUSTOMER_ID Medusa_Customer-Id Medusa.Customer.Id medusa-customer_ID);
    my @lies = map { ($_ => 'cus_liar') } @names;
    unlike($h->get('/public/x', headers => [@lies])->{body}, qr/liar/, 'an application hears none');
    my $r = $h->get('/app/x', headers => [@lies, Cookie => $c->{cookie}]);
    is_deeply([$r->{body} =~ /^(medusa\W?customer\W?id:.*)$/mig], ["Medusa-Customer-Id: $c->{id}"], 'nor beside the truth');
    is(env('/plain/env.cgi', headers => [@lies]), '- - - -', 'nor does CGI');
    is(env('/optional/env.cgi', headers => [@lies]), '- - - -', 'in no place');
    is(env('/private/env.cgi', headers => [@lies]), 401, 'they open none');
    is(env('/private/env.cgi', headers => [@lies, Cookie => $c->{cookie}]), $everything, 'and change nothing');
    like($h->get('/public/x', headers => { 'Medusa-Customer-Ids' => 'x', 'Medusa-Customer' => 'y', 'X-Medusa-Customer-Id' => 'z' })->{body},
        qr/^(?=.*Medusa-Customer-Ids: x)(?=.*Medusa-Customer: y)(?=.*X-Medusa-Customer-Id: z)/s, 'other names are nobody\'s business');
};

subtest 'access logs' => sub {
    $h->get('/store/auth', %cookie);
    $h->get('/store/customers/me', as_bearer($token));
    $h->get('/store/customers/me');
    $h->post('/store/auth', json => { email => $c->{email}, password => $c->{password} });
    $h->get('/private/nothing', %cookie);
    $h->stop_server;
    my $log = MedusaStore::Harness::_file_text("$h->{root}/logs/who.log");
    like($log, qr{^/store/auth 200 user=$c->{id} customer=$c->{id}$}m, 'tell who used the API');
    like($log, qr{^/store/customers/me 200 user=$c->{id} customer=$c->{id}$}m, 'by token as well');
    like($log, qr{^/store/customers/me 401 user=- customer=-$}m, 'or that nobody did');
    like($log, qr{^/private/nothing 404 user=$c->{id} customer=$c->{id}$}m, 'and who asked for what is guarded');
    like($log, qr{^/plain/env\.cgi 200 user=- customer=-$}m, 'elsewhere nothing');
};

rows_are_secret($h)->stop;
done_testing;
