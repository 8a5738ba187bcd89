# While the database is away, a guarded place says 503: it neither lets in nor sends away whom it can't ask for.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(sleep);

use MedusaStore::Accounts qw(new_customer token_for as_cookie as_bearer rows_are_secret);
use MedusaStore::Database;
use MedusaStore::Harness;

my $db = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1']);
my %rules = (
    customer => "MedusaStoreSignInPage /login\nRequire medusa-customer",
    group    => 'Require medusa-group vip',
    blocked  => "<RequireAll>\nRequire all granted\nRequire not medusa-group blocked\n</RequireAll>",
    strangers => "<RequireAll>\nRequire all granted\n<RequireNone>\nRequire medusa-customer\n</RequireNone>\n</RequireAll>",
    optional => "Require medusa-customer\nRequire all granted",
    free     => "Require all granted\nRequire medusa-customer",
    either   => "AuthType Basic\nAuthName staff\nAuthBasicProvider file\nAuthUserFile passwords\nRequire valid-user\nRequire medusa-customer",
    own      => "AuthType Medusa\nRequire valid-user",
    document => "Require medusa-customer\nErrorDocument 503 /away.txt",
);
my $h = MedusaStore::Harness->new(modules => [qw(authz_user authn_file auth_basic include)], start => 0, main => "MedusaStorePasswordCost 8192 1\n");
$h->{conf} = join '', map { qq(<Location "/$_">\n$rules{$_}\n</Location>\n) } sort keys %rules;
$h->{conf} .= "<Directory \"$h->{root}/htdocs\">\nAddType text/html .shtml\nAddOutputFilter INCLUDES .shtml\nOptions +Includes\n</Directory>\n";
mkdir "$h->{root}/htdocs/$_" for keys %rules;
$h->write_file("htdocs/$_/x", "$_\n") for keys %rules;
$h->write_file('htdocs/away.txt', "come back later\n");
$h->write_file('htdocs/page.shtml', 'before <!--#include virtual="/customer/x" --> after');
$h->write_file('passwords', "clerk:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");    # password
$h->start;

my $c = new_customer($h);
my %cookie = as_cookie($c->{cookie});
my %bearer = as_bearer(token_for($h, $c));
is($h->get('/customer/x', %cookie)->{status}, 200, 'a customer is let in');

$h->expect_log('MS0101', qr/can't connect/)->allow_log('MS0102')->allow_log('MS0104');
$db->kill;

my $r = $h->get('/customer/x', %cookie);
is($r->{status}, 503, 'without the database, nobody can tell');
like($r->{headers}{'retry-after'}, qr/^\d+$/, 'when to come back is told');
is($r->{json}{type}, 'database_error', 'in the words of the API');
is($r->{headers}{'cache-control'}, 'no-store', 'which nobody may keep');
is($r->{json}{request_id}, $r->{headers}{'x-request-id'}, 'with the name of the request') if exists $r->{json}{request_id};
is($r->{headers}{'www-authenticate'}, undef, 'and signing in is not asked for');
is($h->get('/customer/x', headers => { Cookie => $c->{cookie}, Accept => 'text/html' })->{status}, 503, 'of a browser neither');
is($h->get('/customer/x', %bearer)->{status}, 503, 'by token');
is($h->request('HEAD', '/customer/x', %cookie)->{status}, 503, 'HEAD');
for my $place (qw(group blocked strangers optional either own)) {
    is($h->get("/$place/x", %cookie)->{status}, 503, "$place: no rule makes a yes or a no of it");
}
is($h->get('/free/x', %cookie)->{status}, 200, 'a rule that needs no answer has none');
$r = $h->get('/document/x', %cookie);
is("$r->{status} $r->{body}", "503 come back later\n", 'ErrorDocument 503');
is($h->get('/either/x', headers => { Authorization => 'Basic ' . encode_base64('clerk:password', '') })->{status}, 200, 'a password does not need the database');
is($h->get("/$_/x")->{status}, 401, "$_: strangers don't need it") for qw(customer group own);
is($h->get("/$_/x")->{status}, 200, "$_: they neither") for qw(blocked strangers optional);
$h->expect_log(undef, qr/unable to include "\/customer\/x"/);
$r = $h->get('/page.shtml', %cookie);
like("$r->{status} $r->{body}", qr/^200 before .* after$/, 'a page with a guarded part comes without it');

$db->start;
my $status;
for (1 .. 100) {
    $status = $h->get('/customer/x', %cookie)->{status};
    last if $status == 200;
    sleep 0.1;
}
is($status, 200, 'it is back, and so are they');

# the look-up of the customer succeeds, that of the group does not
$h->expect_log('MS0105', qr/customer\.group/);
$h->sql('RENAME TABLE customer_group TO gone');
is($h->get("/$_/x", %cookie)->{status}, 503, "$_: groups can't be read") for qw(group blocked);
is($h->get('/customer/x', %cookie)->{status}, 200, 'customers can');
rows_are_secret($h)->stop;
done_testing;
