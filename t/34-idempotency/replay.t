# What is kept of a request with an Idempotency-Key, for how long, and who can make use of it. What a client sees of it in a plain
# conversation stands in t/20-api/post-customers/idempotency.json, and beside.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Xml qw(xml_value);

my $COST = "MedusaStorePasswordCost 64 1\n";
my $h = MedusaStore::Harness->new(main => $COST, location => "MedusaStoreXML On\nMedusaStoreBodyLimit 1048576\n");
my $PASSWORD = 'correct horse';

sub person { my ($name, %more) = @_; return { email => "$name\@lab.test", password => $PASSWORD, first_name => "First $name", last_name => 'Last', %more } }
sub keyed  { my ($key) = @_; return (headers => { 'Idempotency-Key' => $key }) }
sub create { my ($name, $key, %more) = @_; return $h->post('/store/customers', json => person($name, %more), keyed($key)) }
sub count  { my ($table) = @_; return $h->sql_value("SELECT COUNT(*) FROM $table") }

# It is the first answer to the same request: a replay.
sub is_again {
    my ($answer, $first, $name) = @_;
    is $answer->{status}, 200, "$name: 200" or diag $answer->{body};
    is $answer->{headers}{'idempotent-replayed'}, 'true', '… of a replay';
    return is $answer->{body}, $first->{body}, '… with the first answer';
}

sub is_refused {
    my ($answer, $name) = @_;
    is $answer->{status}, 422, "$name: 422" or diag $answer->{body};
    is $answer->{json}{type}, 'idempotency_error', '… as another request';
    return is_deeply $answer->{cookies}, [], '… and nobody is signed in';
}

sub is_done {
    my ($answer, $name) = @_;
    is $answer->{status}, 200, "$name: 200" or diag $answer->{body};
    return is $answer->{headers}{'idempotent-replayed'}, undef, '… and it was done';
}

# ---- no header, no row ----

is_done($h->post('/store/customers', json => person('plain')), 'no key');
is count('idempotency_key'), 0, '… leaves no row';
is $h->post('/store/customers', json => person('plain'))->{json}{type}, 'duplicate_error', '… and sent again, it is a duplicate';

# ---- what the row holds ----

my $KEY = 'b0a4c9a2-57d2-4d28-9d3d-6b6a2f7d3a10';
my $first = create('ada', $KEY);
is_done($first, 'a registration');
my ($row) = $h->sql('SELECT LOWER(HEX(id)), customer_id, answer, TIMESTAMPDIFF(SECOND, created_at, expires_at) FROM idempotency_key');
my ($id, $customer, $sealed, $life) = @$row;
is $customer, $first->{json}{customer}{id}, 'the row names the customer';
is $life, 86400, '… and lives for a day';
isnt $id, sha256_hex($KEY), 'its id is no plain digest of the key';
my $whole = join "\t", $h->sql_value("SELECT CONCAT_WS('|', HEX(id), answer) FROM idempotency_key");
my $hash = $h->sql_value("SELECT password_hash FROM customer WHERE id = '$customer'");
is_deeply [grep { index($whole, $_) >= 0 } $KEY, $PASSWORD, 'ada@lab.test', 'First ada', $hash, $customer], [],
    'neither key nor request nor answer nor hash can be read';
is_again(create('ada', $KEY), $first, 'sent again');
$h->sql('UPDATE idempotency_key SET answer = REVERSE(answer)');
is_refused(create('ada', $KEY), 'what somebody wrote there is no answer');
$h->sql("UPDATE idempotency_key SET answer = 'x'");
is_refused(create('ada', $KEY), 'nor is what is too short for one');
$h->sql("UPDATE idempotency_key SET answer = '$sealed'");
is_again(create('ada', $KEY), $first, 'put back');

# a row that is moved to another customer's key: the seal belongs to the request
is_done(create('eve', 'eve-has-a-key'), 'another registration');
my $eve = $h->sql_value("SELECT id FROM customer WHERE email = 'eve\@lab.test'");
$h->sql("UPDATE idempotency_key SET answer = '$sealed' WHERE customer_id = '$eve'");
is_refused(create('eve', 'eve-has-a-key'), 'the answer of another row');

# ---- XML and JSON are two forms of one request ----

sub xml_of {
    my ($name) = @_;
    my $person = person($name);
    return '<new_customer>' . join('', map { "<$_>$person->{$_}</$_>" } sort keys %$person) . '</new_customer>';
}

my @xml = (body => xml_of('ada'), headers => { 'Idempotency-Key' => $KEY, 'Content-Type' => 'application/xml', Accept => 'application/xml' });
my $in_xml = $h->post('/store/customers', @xml);
is "$in_xml->{status} $in_xml->{headers}{'content-type'}", '200 application/xml; charset=utf-8', 'sent again as XML, it is answered in XML';
is $in_xml->{headers}{'idempotent-replayed'}, 'true', '… as a replay';
my (undef, $value) = xml_value($in_xml->{text});
is_deeply $value->{id}, $customer, '… of the first answer';
my @other = (body => xml_of('xenia'), headers => { 'Idempotency-Key' => $KEY, 'Content-Type' => 'application/xml', Accept => 'application/xml' });
my $refused = $h->post('/store/customers', @other);
is $refused->{status}, 422, 'another request in XML';
like $refused->{text}, qr{<type>idempotency_error</type>}, '… is refused in XML';

# ---- its time ----

sub age { my ($interval) = @_; return $h->sql("UPDATE idempotency_key SET created_at = created_at - INTERVAL $interval, expires_at = expires_at - INTERVAL $interval") }

age('86300 SECOND');
is_again(create('ada', $KEY), $first, 'just before its time is over');
my $sessions = count('session');
age('110 SECOND');
my $late = create('ada', $KEY);
is $late->{json}{type}, 'duplicate_error', 'after it, the e-mail is taken';
is count('session'), $sessions, '… and nobody was signed in';
my $next = create('next', $KEY);
is_done($next, '… and the key is as good as new');
is_again(create('next', $KEY), $next, '… for its new request');
is $h->sql_value("SELECT COUNT(*) FROM idempotency_key WHERE id = UNHEX('$id')"), 1, '… in the place of the old one';

age('1 DAY') for 1 .. 2;
is_done(create('kept', 'kept-for-a-while'), 'a young one');
my ($exit, $output) = $h->admin('keys', 'purge');
is "$exit $output", "0 deleted 2 expired idempotency keys\n", 'the old ones are purged';
is count('idempotency_key'), 1, '… and the young one stays';

# ---- an address, and an answer that is more than is kept ----

my %place = (first_name => 'P', last_name => 'Q', address_1 => '1 Main St', city => 'Bergen', country_code => 'no', postal_code => '5003');
is $h->post('/store/customers', json => person('rich'), jar => 'rich')->{status}, 200, 'a customer with a large address book';
my $add = sub { my ($n, $key) = @_; return $h->post('/store/customers/me/addresses', jar => 'rich', keyed($key),
    json => { address => { %place, city => "City $n", metadata => { text => 'x' x 40_000 } } }) };
my $small = $add->(1, 'the-first-address');
is_done($small, 'an address');
my $large = $add->(2, 'the-second-address');
is_done($large, 'an address that makes the answer larger than is kept');
is_again($add->(1, 'the-first-address'), $small, 'the first one again, as it was answered');
my $shown = $add->(2, 'the-second-address');
is "$shown->{status} $shown->{headers}{'idempotent-replayed'}", '200 true', 'the large one again';
is_deeply $shown->{json}, $large->{json}, '… how things stand, which is the same';
is $h->sql_value("SELECT MAX(LENGTH(answer)) < 90000 AND MIN(LENGTH(answer)) < 60 FROM idempotency_key"), 1, '… of which nothing was kept';
is $h->sql_value('SELECT COUNT(*) FROM address'), 2, 'each address is there once';
is_refused($add->(3, 'the-second-address'), 'another address for that key');

# an answer is deeper than the body that it shows; and holds what others wrote into the tables
is $h->post('/store/customers', json => person('deep'), jar => 'deep')->{status}, 200, 'a customer with deep metadata';
my $deep = 0;
$deep = { a => $deep } for 1 .. 62;
my $dig = sub { return $h->post('/store/customers/me/addresses', jar => 'deep', keyed('as-deep-as-can-be'), json => { address => { %place, metadata => $deep } }) };
$h->sql(q(UPDATE customer SET metadata = '{"text":"a\\\\u0000b","number":1e400,"real":0.1}' WHERE email = 'deep@lab.test'));
my $dug = $dig->();
is_done($dug, 'an address with metadata as deep as a body may be');
is_again($dig->(), $dug, 'sent again');

# ---- over restarts, and changes of the secret ----

$h->reload;
is_again($add->(1, 'the-first-address'), $small, 'after a restart');
my $old = "file:$h->{root}/secret";
$h->write_private('new-secret', 'n' x 40);
my $new = "file:$h->{root}/new-secret";
$h->reload(main => "${COST}MedusaStoreSecret $new $old\n");
is_again($add->(1, 'the-first-address'), $small, 'the old secret is the second one');
my $under_new = $add->(4, 'the-fourth-address');
is_done($under_new, 'a new key is made with the new one');
$h->reload(main => "${COST}MedusaStoreSecret $old $new\n");
is_again($add->(4, 'the-fourth-address'), $under_new, 'the two change places');
age('2 DAY');
is_done($add->(5, 'the-fourth-address'), 'a key of the other secret that is over');
is $h->sql_value("SELECT COUNT(*) FROM idempotency_key WHERE expires_at > UTC_TIMESTAMP(3)"), 1, '… is replaced by one of this secret';
$h->reload(main => "${COST}MedusaStoreSecret $new\n");
$h->post('/store/auth', json => { email => 'rich@lab.test', password => $PASSWORD }, jar => 'rich');
is $add->(5, 'the-fourth-address')->{headers}{'idempotent-replayed'}, undef, 'another secret is another shop, whose keys are its own';

# ---- the directive ----

$h->reload(main => "${COST}MedusaStoreIdempotencyLife 90s\n");
is_done(create('short', 'a-short-life'), 'with another life');
is $h->sql_value("SELECT TIMESTAMPDIFF(SECOND, created_at, expires_at) FROM idempotency_key ORDER BY created_at DESC LIMIT 1"), 90, '… it is that';
$h->secret($KEY, 'the-first-address', 'a-short-life', 'eve-has-a-key');
like $h->log_text, qr/MS0008: POST .customers was done before/, 'the log tells of replays';
$h->stop;
done_testing;
