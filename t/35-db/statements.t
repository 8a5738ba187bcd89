# How many statements and round trips each operation costs, counted by the server itself; and that each statement finds its
# rows by an index. What is measured is a warm connection: the first use prepares.
use strict;
use warnings;

use JSON::PP ();
use Test::More;

use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Source qw(files text);

my $db = MedusaStore::Database->new(options => ['--log-output=TABLE']);
my $h = MedusaStore::Harness->new(single => 1, modules => ['include'], main => <<'MAIN', conf => <<'CONF');
MedusaStorePasswordCost 8192 1
MedusaStoreThrottle On
MedusaStoreThrottleLimit SignIn Both 4/1h
MAIN
<Location "/private">
    Require medusa-customer
</Location>
<Location "/group">
    Require medusa-group staff vip
    Require medusa-group vip
</Location>
<Location "/page">
    Options +Includes
    SetOutputFilter INCLUDES
</Location>
<Location "/health">
    SetHandler medusa-store-health
</Location>
<Location "/ready">
    SetHandler medusa-store-ready
</Location>
<Location "/metrics">
    SetHandler medusa-store-metrics
</Location>
CONF
my $meter = $db->session($h->{database});
my $number = 0;

# By the session that measures: the end of another one counts as a question, and comes when it likes.
sub sql { my ($text) = @_; return $meter->run($text) }

sub status { return map { (split /\t/, $_, 2)[0, 1] } @{ $meter->run('SHOW GLOBAL STATUS') } }

# What the server counts while a piece of code runs, in short: our own question is taken off.
sub cost {
    my ($code) = @_;
    my %before = status();
    $code->();
    my %after = status();
    my %cost;
    for my $name (grep { /^(?:Com_|Connections$|Questions$|Aborted_clients$|Handler_read_rnd_next$)/ } keys %after) {
        my $n = $after{$name} - $before{$name};
        $cost{ $name =~ s/^Com_//r } = $n if $n;
    }
    delete $cost{show_status};
    delete $cost{Handler_read_rnd_next};
    $cost{Questions} -= 2;    # ours, and Session's end mark
    $cost{select}--;
    delete @cost{ grep { !$cost{$_} } keys %cost };
    return \%cost;
}

sub person { return { email => "p$_[0]\@example.com", password => 'correct horse', first_name => 'P', last_name => 'Q' } }

sub register {
    my ($jar) = @_;
    return $h->post('/store/customers', json => person(++$number), defined $jar ? (jar => $jar) : ());
}

# Each operation, its expected status, and its cost.
sub costs {
    my ($name, $code, $status, $cost) = @_;
    my $answer;
    $code->() for 1 .. 2;    # warm
    is_deeply(cost(sub { $answer = $code->() }), $cost, "$name: the cost");
    is $answer->{status}, $status, "$name: the answer" or diag $answer->{body};
    return;
}

is register('me')->{status}, 200, 'a customer';
my $me = { email => 'p1@example.com', password => 'correct horse' };
my $token = $h->post('/store/auth/token', json => $me)->{json}{access_token};
my @bearer = (headers => { Authorization => "Bearer $token" });

sub reads { my ($n) = @_; return { stmt_execute => $n, select => $n, Questions => $n } }

costs('me by cookie', sub { $h->get('/store/customers/me', jar => 'me') }, 200, reads(1));
costs('me by bearer', sub { $h->get('/store/customers/me', @bearer) }, 200, reads(1));
costs('auth by cookie', sub { $h->get('/store/auth', jar => 'me') }, 200, reads(1));
costs('nobody', sub { $h->get('/store/customers/me') }, 401, {});
costs('a forged token', sub { $h->get('/store/customers/me', headers => { Authorization => 'Bearer a.b.c' }) }, 401, {});
costs('does an e-mail exist', sub { $h->get('/store/auth/p1@example.com') }, 200, reads(1));
costs('a duplicate', sub { $h->post('/store/customers', json => person(1)) }, 422, reads(1));
costs('a bad body', sub { $h->post('/store/customers', json => { email => 'x' }) }, 400, {});
costs('a wrong password', sub { $h->post('/store/auth', json => { %$me, password => 'wrong' }) }, 401, reads(1));
my $stranger = { email => 'stranger@example.com', password => 'wrong' };
$h->post('/store/auth', json => $stranger) for 1 .. 4;
$h->expect_log('MS0009', qr/too many failed sign-ins with one account by one address/, 1);
costs('a try too many', sub { $h->post('/store/auth', json => $stranger) }, 429, {});
costs('registering', \&register, 200, { stmt_execute => 4, select => 1, insert => 3, begin => 1, commit => 1, Questions => 6 });
costs('signing in', sub { $h->post('/store/auth', json => $me) }, 200, { stmt_execute => 3, select => 2, insert_select => 1, Questions => 3 });
costs('a bearer token', sub { $h->post('/store/auth/token', json => $me) }, 200, { stmt_execute => 2, select => 1, insert_select => 1, Questions => 2 });
$h->post('/store/auth', json => $me, jar => "out$_") for 1 .. 3;
my $out = 0;
costs('signing out', sub { $h->delete('/store/auth', jar => 'out' . ++$out) }, 200, { stmt_execute => 1, delete => 1, Questions => 1 });
costs('signing out, signed out', sub { $h->delete('/store/auth') }, 200, {});

# who asks, the lock, what was changed, the event, the addresses of the answer
my $round = 0;
my $in = sub { my ($begin, %more) = @_; return { begin => 1, commit => 1, %more } };
costs('a change of name', sub { $h->post('/store/customers/me', json => { first_name => 'N' . ++$round }, jar => 'me') }, 200,
    $in->(1, stmt_execute => 5, select => 3, update => 1, insert => 1, Questions => 7));
costs('a change of nothing', sub { $h->post('/store/customers/me', json => {}, jar => 'me') }, 200,
    $in->(1, stmt_execute => 4, select => 3, insert => 1, Questions => 6));
my %place = (first_name => 'P', last_name => 'Q', address_1 => '1 Main St', city => 'Bergen', country_code => 'NO', postal_code => '5003');
costs('a new address', sub { $h->post('/store/customers/me/addresses', json => { address => { %place, city => 'C' . ++$round } }, jar => 'me') }, 200,
    $in->(1, stmt_execute => 6, select => 5, insert => 1, Questions => 8));

# with an Idempotency-Key: a look before, a row after; sent again, the look alone, and the session of a registration
my $key = 0;
my $keyed = sub { my ($n) = @_; return (headers => { 'Idempotency-Key' => "a key, number $n" =~ s/ /-/gr }) };
my $city = sub { my ($n) = @_; return $h->post('/store/customers/me/addresses', json => { address => { %place, city => "K$n" } }, jar => 'me', $keyed->($n)) };
my $again = sub { my ($n) = @_; return $h->post('/store/customers', json => { %{ person(1) }, email => "k$n\@example.com" }, $keyed->($n)) };
costs('a registration with a key', sub { $again->(++$key) }, 200,
    $in->(1, stmt_execute => 6, select => 2, insert => 4, Questions => 8));
costs('the same again', sub { $again->($key) }, 200, { stmt_execute => 2, select => 1, insert_select => 1, Questions => 2 });
costs('a new address with a key', sub { $city->(++$key) }, 200,
    $in->(1, stmt_execute => 8, select => 6, insert => 2, Questions => 10));
costs('the same again, in the transaction that waits for its twin', sub { $city->($key) }, 200,
    $in->(1, stmt_execute => 4, select => 4, Questions => 6));
my $listed = $h->get('/store/customers/me', jar => 'me')->{json}{customer}{shipping_addresses};
costs('a changed address', sub { $h->post("/store/customers/me/addresses/$listed->[0]{id}", json => { city => 'D' . ++$round }, jar => 'me') }, 200,
    $in->(1, stmt_execute => 4, select => 3, update => 1, Questions => 6));
costs('no orders', sub { $h->get('/store/customers/me/orders', jar => 'me') }, 200, reads(1));
my $asked = $in->(1, stmt_execute => 3, select => 1, insert => 1, delete => 1, Questions => 5);    # the same for nobody
costs('a reset token', sub { $h->post('/store/customers/password-token', json => { email => $me->{email} }) }, 204, $asked);
costs('a reset token for nobody', sub { $h->post('/store/customers/password-token', json => { email => 'no@example.com' }) }, 204, $asked);

# guarded places: one for who asks, and one for each group that has to be asked
mkdir "$h->{root}/htdocs/$_" for qw(private group);
$h->write_file("htdocs/$_/x", "x\n") for qw(private group);
costs('a guarded place by cookie', sub { $h->get('/private/x', jar => 'me') }, 200, reads(1));
costs('a guarded place by bearer', sub { $h->get('/private/x', @bearer) }, 200, reads(1));
costs('a guarded place, nobody', sub { $h->get('/private/x') }, 401, {});
costs('a guarded place, a forged token', sub { $h->get('/private/x', headers => { Authorization => 'Bearer a.b.c' }) }, 401, {});
$h->allow_log('AH01630', qr/client denied/);
costs('a place of groups, and not in them', sub { $h->get('/group/x', jar => 'me') }, 403, reads(3));
sql("INSERT INTO customer_group (id, name, created_at, updated_at) VALUES ('cgrp_1', 'staff', now(3), now(3)), ('cgrp_2', 'vip', now(3), now(3))");
sql("INSERT INTO customer_group_customers SELECT 'cgrp_1', id FROM customer WHERE email = 'p1\@example.com'");
costs('a place of groups, and in the first', sub { $h->get('/group/x', jar => 'me') }, 200, reads(2));

$h->write_file('htdocs/page', join ' ', map { qq(<!--#include virtual="/$_/x" -->) } qw(private private group));
costs('a page with three guarded parts', sub { $h->get('/page', jar => 'me') }, 200, reads(2));

# who watches: nothing, the schema, and how the outbox stands
costs('alive', sub { $h->get('/health') }, 200, {});
costs('ready', sub { $h->get('/ready') }, 200, reads(1));
costs('the numbers', sub { $h->get('/metrics') }, 200, reads(4));

# an address book costs no statement more, nor does a billing address, unless it is elsewhere and shown
$h->post('/store/auth', json => $me, jar => 'me');
cmp_ok scalar @{ $h->get('/store/customers/me', jar => 'me')->{json}{customer}{shipping_addresses} }, '>', 3, 'an address book';
costs('me with an address book', sub { $h->get('/store/customers/me', jar => 'me') }, 200, reads(1));
sql("UPDATE customer SET billing_address_id = '$listed->[0]{id}' WHERE email = 'p1\@example.com'");
costs('me with a billing address in it', sub { $h->get('/store/customers/me', jar => 'me') }, 200, reads(1));
is $h->get('/store/customers/me', jar => 'me')->{json}{customer}{billing_address}{id}, $listed->[0]{id}, 'the billing address in it';
my $long = sub { return sql("UPDATE customer SET metadata = CONCAT('{\"a\":\"', REPEAT('x', $_[0]), '\"}') WHERE email = 'p1\@example.com'") };
$long->(1000);
costs('me with some metadata', sub { $h->get('/store/customers/me', jar => 'me') }, 200, reads(1));
$long->(1100);
costs('me with so much metadata that it is not repeated with each address', sub { $h->get('/store/customers/me', jar => 'me') }, 200, reads(2));
$long->(0);
sql(q(INSERT INTO address (id, city, created_at, updated_at) VALUES ('addr_b', 'Åkirkeby', now(3), now(3))));
sql(q(UPDATE customer SET billing_address_id = 'addr_b' WHERE email = 'p1@example.com'));
costs('me with a billing address', sub { $h->get('/store/customers/me', jar => 'me') }, 200, reads(2));
costs('who is signed in, with a billing address', sub { $h->get('/store/auth', jar => 'me') }, 200, reads(1));
is $h->get('/store/customers/me', jar => 'me')->{json}{customer}{billing_address}{city}, "\x{c5}kirkeby", 'the billing address';

# a session in need of more life costs one write, once
my $old = q(UPDATE session SET last_seen = last_seen - INTERVAL 1 HOUR, expires_at = expires_at - INTERVAL 1 HOUR);
sql($old);
$h->get('/store/customers/me', jar => 'me');
sql($old);
is_deeply cost(sub { $h->get('/store/customers/me', jar => 'me') }),
    { stmt_execute => 3, select => 2, update => 1, Questions => 3 }, 'a session is extended by one statement';
is_deeply cost(sub { $h->get('/store/customers/me', jar => 'me') }), reads(2), '… and then no more';

# an old password hash is replaced once
$h->allow_log('AH00098');    # -X leaves its pid file
$h->stop_server;
$h->{main} = "MedusaStorePasswordCost 9216 1\n";
$h->start_again;
$db->sql('SET GLOBAL general_log = ON');
$h->sql($old);
$h->post('/store/auth', json => $me, jar => 'me');
$h->get('/store/customers/me', jar => 'me');
$h->sql($old);
$h->get('/store/customers/me', jar => 'me');
$h->get('/store/customers/me', @bearer);
$h->get('/store/auth/p1@example.com');
$h->get('/group/x', jar => 'me');
register();
is register('two')->{status}, 200, 'another customer';
$h->get('/store/customers/me', jar => 'two');
my $customer = sub { return $h->post('/store/customers/me', json => $_[0], jar => 'two')->{json}{customer} };
my $mine = $h->post('/store/customers/me/addresses', json => { address => { %place } }, jar => 'two')->{json}{customer}{shipping_addresses}[0]{id};
$h->post("/store/customers/me/addresses/$mine", json => { city => 'Oslo' }, jar => 'two');
$customer->({ first_name => 'Changed', billing_address => $mine });
is $customer->({ billing_address => { city => 'Moss' } })->{billing_address}{city}, 'Moss', 'an address to bill';
is $h->delete("/store/customers/me/addresses/$mine", jar => 'two')->{json}{customer}{billing_address_id}, undef, 'deleted';
$customer->({ password => 'another horse' });
$city->(++$key);
$h->sql('UPDATE idempotency_key SET expires_at = created_at');
$city->($key);
my $known = { email => "p$number\@example.com" };
$h->post('/store/customers/password-token', json => $known);
my $reset = JSON::PP->new->utf8->decode($h->sql_value("SELECT data FROM outbox WHERE event_name = 'customer.password_reset' ORDER BY seq DESC LIMIT 1"))->{token};
is $h->post('/store/customers/password-reset', json => { %$known, token => $reset, password => 'third horse' })->{status}, 200, 'a reset';
$h->delete('/store/auth', jar => 'me');
$h->get('/metrics');
$db->sql('SET GLOBAL general_log = OFF');

# ---- each statement by an index, in tables that are worth one ----
$h->sql("INSERT INTO customer (id, email, has_account, created_at, updated_at, deleted_at) SELECT CONCAT('cus_', seq),"
    . " CONCAT('x', seq, '\@example.com'), seq % 2, now(3), now(3), IF(seq % 7 = 0, now(3), NULL) FROM seq_1_to_4000");
$h->sql("INSERT INTO address (id, customer_id, created_at, updated_at) SELECT CONCAT('addr_', seq), CONCAT('cus_', seq % 2000 + 1),"
    . ' now(3), now(3) FROM seq_1_to_6000');
$h->sql("INSERT INTO session SELECT UNHEX(SHA2(seq, 256)), CONCAT('cus_', seq % 4000 + 1), 'cookie', now(3), now(3),"
    . ' now(3) + INTERVAL 1 HOUR FROM seq_1_to_6000');
$h->sql("INSERT INTO idempotency_key SELECT UNHEX(SHA2(seq, 256)), CONCAT('cus_', seq % 4000 + 1), 'x', now(3), now(3) + INTERVAL 1 DAY FROM seq_1_to_6000");
$h->sql("INSERT INTO outbox (id, event_name, data, created_at, due_at, state) SELECT CONCAT('job_', seq), 'x', '{}', now(3), now(3),"
    . " IF(seq % 3, 'waiting', 'dead') FROM seq_1_to_3000");
$h->sql("INSERT INTO customer_group (id, name, created_at, updated_at, deleted_at) SELECT CONCAT('cgrp_x', seq), CONCAT('group ', seq), now(3), now(3),"
    . ' IF(seq % 7 = 0, now(3), NULL) FROM seq_1_to_500');
$h->sql("INSERT INTO customer_group_customers SELECT CONCAT('cgrp_x', seq % 500 + 1), CONCAT('cus_', seq) FROM seq_1_to_4000");
$h->sql("ANALYZE TABLE customer, address, session, outbox, idempotency_key, customer_group, customer_group_customers");

# texts as they were prepared, and one execution of each with its values
my (%prepared, %executed);
for my $row ($h->sql("SELECT command_type, argument FROM mysql.general_log WHERE command_type IN ('Prepare', 'Execute') ORDER BY event_time")) {
    my ($kind, $sql) = @$row;
    next if $sql =~ /^\s*INSERT INTO `/i;    # made of a table's columns: nothing is looked for
    my $text = $sql =~ s/'(?:[^'\\]|\\.|'')*'/?/gr =~ s/= NULL/= ?/gr;    # values as they stand in the log
    $kind eq 'Prepare' ? $prepared{$text}++ : push @{ $executed{$text} }, $sql;
}
my $expected = () = join("\n", map { text($_) } files('mod_medusa_store/resource', qr/\.c$/)) =~ /\{ "[\w.]+", MS_(?:SELECT|UPDATE|CHANGE),/g;
cmp_ok $expected, '>=', 8, 'the catalogue was found in the sources';
is scalar(keys %prepared), $expected, 'all of its statements were run (a new one? let this test run it, above)'
    or diag join "\n", sort keys %prepared;
for my $text (sort keys %prepared) {
    my $sql = $executed{$text}[-1];
    ok defined $sql, "run: $text" or next;
    my @plan = @{ $meter->run("EXPLAIN $sql") };
    # id select_type table type possible_keys key …
    my @scans = grep { my (undef, undef, $table, $type) = split /\t/; $type =~ /^(?:ALL|index)$/ && $table !~ /^<derived/ } @plan;
    @scans = () if $text =~ /^\s*INSERT INTO \w+ \([^()]+\) VALUES/;    # nothing is looked for
    ok @plan && !@scans, 'by an index: ' . substr($text, -70) or diag join "\n", @plan;
    ok !grep({ /Using (?:temporary|filesort)/ } @plan), '… and nothing is sorted' or diag join "\n", @plan;    # rows with TEXT would be on disk
}
$meter->end;
$h->stop;
done_testing;
