# Every operation in XML: requests of the schema are accepted, answers fit the schema and say what JSON says.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Json qw(decode differences);
use MedusaStore::Schema qw(document);
use MedusaStore::Xml qw(have_xmllint schema_complaints xml_value);

MedusaStore::Harness::need_database();
die "xmllint is not installed (libxml2-utils)\n" if $ENV{MS_TEST_REQUIRE} && !have_xmllint();

my $h = MedusaStore::Harness->new(location => "MedusaStoreXML On\nMedusaStoreCSRF Off\n");
my $XSI = 'xmlns="urn:medusa-store:v1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"';
my %XML = (Accept => 'application/xml', 'Content-Type' => 'application/xml');
my %asked;    # operations that were asked for

sub fits {
    my ($bytes, $name) = @_;
    SKIP: {
        skip 'xmllint is not installed', 1 unless have_xmllint();
        is(schema_complaints($bytes), '', "$name fits the schema");
    }
    return;
}

# Send a request whose body, if any, fits the schema; the answer must fit it too.
sub ask {
    my ($name, $operation, $path, $status, $body, %option) = @_;
    my ($method) = split / /, $operation;
    $asked{$operation} = 1;
    fits($body, "$name: the request") if defined $body && !$option{bad};
    my $r = $h->request($method, $path, headers => { %XML, %{ $option{headers} || {} } }, body => $body, jar => $option{jar} // 'me');
    is($r->{status}, $status, "$name: status") or diag($r->{body});
    if ($status != 204) {
        is($r->{headers}{'content-type'}, 'application/xml; charset=utf-8', "$name: content type");
        fits($r->{body}, "$name: the answer");
    }
    return $r;
}

# The root and value of an answer, and the same operation's in JSON, must be equal.
sub same_as_json {
    my ($name, $r, $path) = @_;
    my ($root, $value) = xml_value($r->{text});
    my $json = decode($h->get($path, jar => 'me')->{text});
    my @bad = differences($value, $json->{$root});
    ok(!@bad, "$name: XML says what JSON says") or diag(map { "$_\n" } @bad);
    return $value;
}

my $email = 'xml-' . int(rand 1e9) . '@lab.test';
my $r = ask('register', 'POST /store/customers', '/store/customers', 200, <<"XML");
<?xml version="1.0" encoding="UTF-8"?>
<new_customer $XSI>
  <email>$email</email>
  <password>correct &amp; horse</password>
  <first_name>A&lt;da &#233;</first_name>
  <last_name>Love\x{c3}\x{a9}lace</last_name>
  <phone xsi:nil="true"/>
</new_customer>
XML
like($r->{text}, qr{<first_name>A&lt;da \x{e9}</first_name>}, 'register: the answer holds the name');
same_as_json('register', $r, '/store/customers/me');

ask('again', 'POST /store/customers', '/store/customers', 422,
    "<new_customer $XSI><email>$email</email><password>x</password><first_name>A</first_name><last_name>B</last_name></new_customer>");
$r = ask('sign in', 'POST /store/auth', '/store/auth', 200,
    "<credentials $XSI><email>$email</email><password>correct &amp; horse</password></credentials>");
same_as_json('sign in', $r, '/store/auth');
$r = ask('who', 'GET /store/auth', '/store/auth', 200);
same_as_json('who', $r, '/store/auth');
$r = ask('a wrong password', 'POST /store/auth', '/store/auth', 401,
    "<credentials $XSI><email>$email</email><password>x</password></credentials>", jar => 'nobody');
is_deeply((xml_value($r->{text}))[1], { type => 'unauthorized', message => 'Unauthorized' }, 'a wrong password: an error');

$r = ask('token', 'POST /store/auth/token', '/store/auth/token', 200,
    "<credentials $XSI><email>$email</email><password>correct &amp; horse</password></credentials>", jar => 'token');
my ($root, $token) = xml_value($r->{text});
is($root, 'access_token', 'token: the root');
$r = ask('with the token', 'GET /store/customers/me', '/store/customers/me', 200, undef, jar => 'token', headers => { Authorization => "Bearer $token" });

for my $known (0, 1) {
    my $mail = $known ? $email : "no-$email";
    $r = ask("exists: $known", 'GET /store/auth/{email}', "/store/auth/$mail", 200);
    is_deeply([(xml_value($r->{text}))[0, 1]], ['exists', $known ? JSON::PP::true() : JSON::PP::false()], "exists: $known");
}

$r = ask('change', 'POST /store/customers/me', '/store/customers/me', 200, <<"XML");
<customer_changes $XSI>
  <last_name xsi:nil="true"/>
  <billing_address><city>Bern</city><country_code>CH</country_code><metadata><entry key="door">2</entry></metadata></billing_address>
  <metadata>
    <entry key="s">text</entry>
    <entry key="n" type="number">1.25</entry>
    <entry key="b" type="boolean">true</entry>
    <entry key="z" type="null"/>
    <entry key="o" type="object"><entry key="inner" type="array"><entry type="number">1</entry><entry>2</entry></entry></entry>
  </metadata>
</customer_changes>
XML
my $me = same_as_json('change', $r, '/store/customers/me');
is_deeply([differences($me->{metadata}, decode('{"s":"text","n":1.25,"b":true,"z":null,"o":{"inner":[1,"2"]}}'))], [], 'change: metadata are typed');
is($me->{last_name}, undef, 'change: nil clears');
is($me->{billing_address}{country_code}, 'ch', 'change: the billing address is made');

$r = ask('change: a key goes', 'POST /store/customers/me', '/store/customers/me', 200,
    "<customer_changes $XSI><billing_address xsi:nil=\"true\"/><metadata><entry key=\"s\"/></metadata></customer_changes>");
$me = same_as_json('change: a key goes', $r, '/store/customers/me');
ok(!exists $me->{metadata}{s} && !defined $me->{billing_address}, 'change: "" removes a key, nil the address');

my $address = '<first_name>A</first_name><last_name>B</last_name><address_1>1</address_1><city>C</city><country_code>de</country_code>'
    . '<postal_code>0</postal_code>';
ask('a second address', 'POST /store/customers/me/addresses', '/store/customers/me/addresses', 200,
    "<new_address $XSI><address>$address<company>X</company></address></new_address>");
$r = ask('a third', 'POST /store/customers/me/addresses', '/store/customers/me/addresses', 200,
    "<new_address $XSI><address>$address<phone>1</phone></address></new_address>");
$me = same_as_json('a third', $r, '/store/customers/me');
is(scalar @{ $me->{shipping_addresses} }, 2, 'there are two addresses');
my $id = $me->{shipping_addresses}[0]{id};
$r = ask('bill to it', 'POST /store/customers/me', '/store/customers/me', 200,
    "<customer_changes $XSI><billing_address>$id</billing_address></customer_changes>");
$me = same_as_json('bill to it', $r, '/store/customers/me');
is($me->{billing_address}{id}, $id, 'an id stands in place of the address');
$r = ask('change it', 'POST /store/customers/me/addresses/{address_id}', "/store/customers/me/addresses/$id", 200,
    "<address_changes $XSI><city>D</city><company xsi:nil=\"true\"/></address_changes>");
is(same_as_json('change it', $r, '/store/customers/me')->{shipping_addresses}[0]{city}, 'D', 'it is changed');
ask('change none', 'POST /store/customers/me/addresses/{address_id}', '/store/customers/me/addresses/addr_x', 400, "<address_changes $XSI/>");
$r = ask('delete it', 'DELETE /store/customers/me/addresses/{address_id}', "/store/customers/me/addresses/$id", 200);
same_as_json('delete it', $r, '/store/customers/me');

$r = ask('show me', 'GET /store/customers/me', '/store/customers/me', 200);
same_as_json('show me', $r, '/store/customers/me');
$r = ask('orders', 'GET /store/customers/me/orders', '/store/customers/me/orders?limit=5&offset=2', 200);
my (undef, $orders, $attributes) = xml_value($r->{text});
is_deeply($orders, [], 'orders: none');
is_deeply([@{$attributes}{qw(count offset limit)}], [0, 2, 5], 'orders: the page');
ask('bad orders', 'GET /store/customers/me/orders', '/store/customers/me/orders?limit=x', 400);
$r = ask('payment methods', 'GET /store/customers/me/payment-methods', '/store/customers/me/payment-methods', 200);
same_as_json('payment methods', $r, '/store/customers/me/payment-methods');

ask('ask for a token', 'POST /store/customers/password-token', '/store/customers/password-token', 204,
    "<password_token $XSI><email>$email</email></password_token>");
ask('a bad token', 'POST /store/customers/password-reset', '/store/customers/password-reset', 401,
    "<password_reset $XSI><email>$email</email><token>x</token><password>new pass word</password></password_reset>");
my $event = decode($h->sql_value("SELECT data FROM outbox WHERE event_name = 'customer.password_reset'"));
$h->secret($event->{token});
$r = ask('a good token', 'POST /store/customers/password-reset', '/store/customers/password-reset', 200,
    "<password_reset $XSI><email>$email</email><token>$event->{token}</token><password>new pass word</password></password_reset>");
is((xml_value($r->{text}))[1]{email}, $email, 'a good token: the customer');

$r = ask('sign out', 'DELETE /store/auth', '/store/auth', 200);
is_deeply([(xml_value($r->{text}))[0, 1]], ['result', 'OK'], 'sign out: OK');
ask('signed out', 'GET /store/customers/me', '/store/customers/me', 401);
$r = ask('nothing', 'GET /store/nothing', '/store/%01%EF%BF%BF<&', 404);
like($r->{text}, qr{Cannot GET /store/\x{FFFD}\x{FFFD}&lt;&amp;}, 'nothing: what XML can\'t carry is replaced');
ask('bad XML', 'POST /store/auth', '/store/auth', 400, '<credentials>', bad => 1);
ask('unknown fields', 'POST /store/auth', '/store/auth', 400, '<credentials><x/><email>a</email></credentials>', bad => 1);

my $paths = document()->{paths};
my @operations = map { my $path = $_; map { uc($_) . " $path" } keys %{ $paths->{$path} } } sort keys %$paths;
is_deeply([grep { !$asked{$_} } @operations], [], 'every operation was asked');
$h->stop;
done_testing;
