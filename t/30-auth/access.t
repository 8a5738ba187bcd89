# Nobody reads or changes what is another customer's. Made from the route tables of api/*.c: each operation for signed-in
# customers is tried by a stranger, another customer, a guest, a deleted customer, one whose session has expired, and customers of
# other shops, with each id of somebody else in each place that takes one. %EXAMPLE has a good request for each of these operations; a new operation without one fails this test.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Accounts qw(new_customer token_for as_bearer jwt_make rows_are_secret);
use MedusaStore::Harness;
use MedusaStore::Report qw(figure);
use MedusaStore::Source qw(files none table_rows text without_comments);

my @ADDRESS = (first_name => 'F', last_name => 'L', address_1 => '1 St', city => 'C', country_code => 'us', postal_code => '9');

# "METHOD path" => { body, its example; ids: fields of it that take an id; query: parameters that take one; status: the answer to
# another's id (the caller is another customer); paths: what stands for "**" }
my %EXAMPLE = (
    'GET /customers/me'                   => { status => 200 },
    'POST /customers/me'                  => { body => { phone => '5' }, ids => ['billing_address'], status => 404 },
    'GET /customers/me/payment-methods'   => { status => 200 },
    'POST /customers/me/addresses'        => { body => { address => {@ADDRESS} }, status => 200 },
    'POST /customers/me/addresses/{address_id}'   => { body => { city => 'Hacked' }, status => 400 },
    'DELETE /customers/me/addresses/{address_id}' => { status => 200 },
    'GET /customers/me/orders'            => { query => [qw(id cart_id region_id email q)], status => 200 },
    'GET /auth'                           => { status => 200 },
    '* /customers/**'                     => { methods => [qw(GET PUT DELETE POST)], status => 404,
        paths => ['{id}', '{id}/addresses', '{id}/addresses/{id}', 'me/{id}', 'me/orders/{id}', 'me/addresses/{id}/x'] },
);
# Fields that no body takes, but an attacker would try.
my @FORBIDDEN = qw(id customer_id billing_address_id has_account password_hash);

my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\n");
my $MARK = 'Qzx' . join '', map { ('a' .. 'z')[rand 26] } 1 .. 12;    # in all words of the victim but the e-mail
my $EMAIL = 'pat-victim@lab.test';                                    # which the guest has, too

# ---- the routes ----

# Rows of all tables for signed-in customers: { name, method, path, body, query }.
sub guarded_routes {
    my @rows = grep { $_->[2] eq 'MS_CUSTOMER' } map { table_rows(text($_), 'ms_route_t') } files('mod_medusa_store/api', qr/\.c$/);
    return map { my ($method, $path) = map { s/"//gr } @$_[0, 1]; { name => "$method $path", method => $method, path => $path, body => $_->[4], query => $_->[5] } } @rows;
}

my $RESOURCES = join "\n", map { without_comments(text($_)) } files('mod_medusa_store/resource', qr/\.c$/);

# Fields of a table of rules that take an id.
sub id_fields {
    my ($table) = @_;
    my ($rows) = $RESOURCES =~ /\bms_rule_t\s+\Q$table\E\[\]\s*=\s*\{(.*?)\n\};/s or return "no table $table";
    my @fields = $rows =~ /MS_RULE\w*\(\s*"(\w+)",\s*MS_CHECK_NESTED_OR_ID/g;
    push @fields, grep { /(?:^|_)id$/ && $_ ne 'display_id' } $rows =~ /MS_RULE\w*\(\s*"(\w+)"/g;
    return @fields;
}

sub rules_of {
    my ($body) = @_;
    return $RESOURCES =~ /\bms_body_t\s+\Q$body\E\s*=\s*\{[^;]*?(\w+)\s*\};/ ? $1 : "none of $body";
}

my @routes = guarded_routes();
cmp_ok(scalar @routes, '>=', 9, 'the routes are found');
none([grep { !$EXAMPLE{$_} } map { $_->{name} } @routes], 'each operation has an example here');
my %known = map { $_->{name} => 1 } @routes;
none([grep { !$known{$_} } sort keys %EXAMPLE], 'each example is of an operation');
for my $route (grep { $EXAMPLE{ $_->{name} } } @routes) {
    my $example = $EXAMPLE{ $route->{name} };
    my %listed = map { $_ => 1 } @{ $example->{ids} || [] }, @{ $example->{query} || [] };
    my @ids = (($route->{body} eq 'NULL' ? () : id_fields(rules_of($route->{body} =~ s/^&//r))), ($route->{query} eq 'NULL' ? () : id_fields($route->{query})));
    none([grep { !$listed{$_} } @ids], "$route->{name}: each field that takes an id is listed");
    is(!!$example->{body}, $route->{body} ne 'NULL', 'it has a body, if the operation reads one');
}
is_deeply([id_fields('update_rules')], ['billing_address'], 'fields that take an id are found');

# ---- the people ----

# Somebody whose every word has the mark: with an address, a billed one, and a deleted one.
sub make_victim {
    my $c = new_customer($h, email => $EMAIL, first_name => "${MARK}First", last_name => "${MARK}Last", phone => "${MARK}Phone");
    my $by = {as_bearer(token_for($h, $c))};
    my %address = (@ADDRESS, map { $_ => "$MARK$_" } qw(first_name last_name address_1 city postal_code company));
    my $r;
    for my $city ("${MARK}One", "${MARK}Two") {
        $r = $h->post('/store/customers/me/addresses', %$by, json => { address => { %address, city => $city } });
    }
    my ($kept, $gone) = map { $_->{id} } @{ $r->{json}{customer}{shipping_addresses} };
    $h->delete("/store/customers/me/addresses/$gone", %$by);
    $r = $h->post('/store/customers/me', %$by, json => { billing_address => {%address}, metadata => { secret => "${MARK}Meta" } });
    $h->post('/store/customers/password-token', json => { email => $c->{email} });
    return { %$c, ids => [$c->{id}, $kept, $gone, $r->{json}{customer}{billing_address_id}] };
}

# A guest with a session, which no operation gives: made by hand.
sub make_guest {
    my ($number) = @_;
    my ($id, $jti) = (sprintf('cus_GUEST%021d', $number), sprintf 'guest%038d', $number);
    $h->sql("INSERT INTO customer (id, email, has_account, created_at, updated_at) VALUES ('$id', '$EMAIL', 0, NOW(3), NOW(3));"
        . "INSERT INTO session (id, customer_id, kind, created_at, last_seen, expires_at) VALUES (UNHEX('" . sha256_hex($jti)
        . "'), '$id', 'bearer', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 DAY)");
    return jwt_make($h->{secret}, { customer_id => $id, domain => 'store', jti => $jti, exp => time + 86_400 });
}

sub make_deleted {
    my $c = new_customer($h);
    my $token = token_for($h, $c);
    $h->sql("UPDATE customer SET deleted_at = UTC_TIMESTAMP(3) WHERE id = '$c->{id}'");
    return $token;
}

sub make_expired {
    my $c = new_customer($h);
    my $token = token_for($h, $c);
    $h->sql("UPDATE session SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE customer_id = '$c->{id}'");
    return $token;
}

my $victim = make_victim();
is(scalar(grep { defined && /_/ } @{ $victim->{ids} }), 4, 'the victim has ids');
my $other = new_customer($h, first_name => 'Mallory');
my @shops = map { MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\n", start => 0) } 1 .. 2;
$shops[1]->write_private('secret', $shops[1]{secret} = $h->{secret});    # who knows one database must not get into another
$_->start for @shops;
my @strangers = map { token_for($_, new_customer($_)) } @shops;
my %caller = (nobody => undef, another => token_for($h, $other), guest => make_guest(1), deleted => make_deleted(), expired => make_expired(),
    'of another shop' => $strangers[0], 'of a shop of the same secret' => $strangers[1]);
$h->secret(grep { defined } values %caller);

# All rows that are the victim's.
sub dump_victim {
    my $ids = join ', ', map { "'$_'" } @{ $victim->{ids} };
    my @rows = map { $h->sql($_) } "SELECT * FROM customer WHERE id = '$victim->{id}'", "SELECT * FROM address WHERE id IN ($ids) OR customer_id = '$victim->{id}' ORDER BY id",
        "SELECT HEX(id), kind, expires_at FROM session WHERE customer_id = '$victim->{id}' ORDER BY id",
        "SELECT seq, data FROM outbox WHERE data LIKE '%$victim->{id}%' ORDER BY seq";
    return join "\n", map { join "\t", map { $_ // 'NULL' } @$_ } @rows;
}

# ---- the attempts ----

# Each request of an operation with an id: [method, target, body, what].
sub attempts {
    my ($route, $id) = @_;
    my $example = $EXAMPLE{ $route->{name} };
    my @paths = $example->{paths} ? map { "/customers/$_" } @{ $example->{paths} } : $route->{path};
    my @all;
    for my $method (@{ $example->{methods} || [$route->{method}] }) {
        for my $path (map { "/store$_" } @paths) {
            my $target = $path =~ s/\{\w+\}/$id/gr;
            my $body = $example->{body};
            push @all, [$method, $target, $body, 'as it is'];
            push @all, map { [$method, $target, { %{ $body || {} }, $_ => $id }, "$_ in the body"] } @{ $example->{ids} || [] };
            push @all, map { [$method, "$target?$_=$id", $body, "$_ in the query"] } @{ $example->{query} || [] }, @FORBIDDEN;
            push @all, map { [$method, $target, { %{ $body || {} }, $_ => $id }, "$_, which is no field"] } @FORBIDDEN;
        }
    }
    return @all;
}

# What an answer tells of the victim, beside what the request said itself.
sub leaks {
    my ($who, $answer, $asked) = @_;
    my $told = join "\n", $answer->{body}, map { "$_: " . (ref $answer->{headers}{$_} ? "@{ $answer->{headers}{$_} }" : $answer->{headers}{$_}) } keys %{ $answer->{headers} };
    my @words = grep { index($asked, $_) < 0 } @{ $victim->{ids} }, $who eq 'guest' ? () : $EMAIL;
    return grep { index(lc $told, lc $_) >= 0 } @words, $MARK;
}

# What is wrong with an attempt.
sub try_attempt {
    my ($who, $attempt, $status) = @_;
    my ($method, $target, $body) = @$attempt;
    my @by = defined $caller{$who} ? as_bearer($caller{$who}) : ();
    my $r = $h->request($method, $target, @by, $body ? (json => $body) : ());
    my @bad = map { "it tells $_" } leaks($who, $r, $target . JSON::PP->new->encode($body || {}));
    push @bad, "status is $r->{status}, expected $status" if defined $status && $r->{status} != $status;
    push @bad, "status is $r->{status}" if $r->{status} >= 500;
    return map { "$method $target ($attempt->[3]): $_: $r->{body}" } @bad;
}

# The status that somebody is answered with; undef: it depends on more.
sub status_for {
    my ($who, $route, $attempt) = @_;
    my $example = $EXAMPLE{ $route->{name} };
    return 401 if $who =~ /^(?:nobody|expired|of a.*)$/;
    return undef if $who ne 'another';
    return 400 if $example->{body} && $attempt->[3] =~ /, which is no field$/;
    return $example->{status} if grep { $attempt->[3] eq "$_ in the body" } @{ $example->{ids} || [] };
    return undef;
}

my $before = dump_victim();
like($before, qr/$MARK/, 'the victim has rows');
my ($attempts, $failed) = (0, 0);
for my $route (grep { $EXAMPLE{ $_->{name} } } @routes) {
    for my $who (sort keys %caller) {
        my @bad;
        for my $id (@{ $victim->{ids} }, 'addr_none') {
            for my $attempt (attempts($route, $id)) {
                $attempts++;
                push @bad, try_attempt($who, $attempt, status_for($who, $route, $attempt));
            }
        }
        my $changed = dump_victim() ne $before;
        $failed += @bad + $changed;
        none([splice @bad, 0, 5], "$route->{name}, by $who: nothing is told");
        ok(!$changed, 'and nothing of the victim is changed');
    }
}
cmp_ok($attempts, '>', 500, "$attempts attempts");
ok(figure('H7', 'attempts with ids of somebody else that told or changed anything', $failed, "of $attempts", !$failed), 'none of them told or changed anything');

# The examples are good ones: with one's own id, or none, they are answered as said.
for my $route (grep { $EXAMPLE{ $_->{name} } && $_->{method} ne '*' } @routes) {
    my $example = $EXAMPLE{ $route->{name} };
    my @by = as_bearer($caller{another});
    my $mine = $h->post('/store/customers/me/addresses', @by, json => { address => { @ADDRESS, city => "for $route->{name}" } })
        ->{json}{customer}{shipping_addresses}[-1]{id};
    my @body = $example->{body} ? (json => $example->{body}) : ();
    is($h->request($route->{method}, "/store$route->{path}" =~ s/\{\w+\}/$mine/gr, @by, @body)->{status}, 200, "$route->{name}: the example is good");
    next unless $route->{path} =~ /\{/;
    is($h->request($route->{method}, "/store$route->{path}" =~ s/\{\w+\}/$victim->{ids}[1]/gr, @by, @body)->{status}, $example->{status}, "another's id");
}
is(dump_victim(), $before, 'the victim is as at the beginning');
is($h->get('/store/customers/me', as_bearer(token_for($h, $victim)))->{json}{customer}{phone}, "${MARK}Phone", 'and reads what is theirs');

$_->stop for @shops;
rows_are_secret($h)->stop;
done_testing;
