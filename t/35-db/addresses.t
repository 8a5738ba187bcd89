# The address book comes with who is signed in, in one statement: whatever there is in it, and however the database orders it, the answer
# is the one that a change of nothing gives, which reads customer and addresses apart.
use strict;
use warnings;

use Test::More;

use MedusaStore::Accounts qw(new_customer token_for);
use MedusaStore::Harness;

my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\n");
my $c = new_customer($h, phone => '+44 20 7946 0000');
my $other = new_customer($h);
my %as = (cookie => { Cookie => $c->{cookie} }, bearer => { Authorization => 'Bearer ' . token_for($h, $c) });

sub bill { my ($id) = @_; return $h->sql('UPDATE customer SET billing_address_id = ' . (defined $id ? "'$id'" : 'NULL') . " WHERE id = '$c->{id}'") }

# Both operations, by both ways to sign in, while $name.
sub same {
    my ($name, @ids) = @_;
    my $apart = $h->post('/store/customers/me', json => {}, headers => $as{cookie});
    is $apart->{status}, 200, "$name: read apart";
    is_deeply [map { $_->{id} } @{ $apart->{json}{customer}{shipping_addresses} }], \@ids, "$name: the addresses, oldest first";
    for my $by (sort keys %as) {
        my $me = $h->get('/store/customers/me', headers => $as{$by});
        is $me->{body}, $apart->{body}, "$name, by $by: the same to the byte";
        my $who = $h->get('/store/auth', headers => $as{$by})->{json}{customer};
        is_deeply $who->{shipping_addresses}, $apart->{json}{customer}{shipping_addresses}, "$name, by $by: who is signed in";
        is $who->{id}, $c->{id}, "$name, by $by: it is they";
    }
    return $apart->{json}{customer};
}

# Addresses of a customer, or of nobody.
sub add {
    my ($customer, @addresses) = @_;
    my $whose = defined $customer ? "'$customer'" : 'NULL';
    my @rows = map { "('$_->{id}', $whose, 'x', '{\"a\":1}', '$_->{at}', '$_->{at}', " . ($_->{gone} ? 'now(3))' : 'NULL)') } @addresses;
    return $h->sql('INSERT INTO address (id, customer_id, city, metadata, created_at, updated_at, deleted_at) VALUES ' . join ', ', @rows);
}

same('none');
add($other->{id}, { id => 'addr_other', at => '2026-01-01 00:00:00.000' });
add(undef, { id => 'addr_elsewhere', at => '2026-01-01 00:00:00.000' });
same("another's");
add($c->{id}, { id => 'addr_gone', at => '2026-01-01 00:00:00.000', gone => 1 });
same('a deleted one');
add($c->{id}, { id => 'addr_z', at => '2026-01-01 00:00:00.001' });
same('one', 'addr_z');
add($c->{id}, map { { id => "addr_$_", at => '2026-01-01 00:00:00.' . ($_ eq 'y' ? '001' : '002') } } qw(m k y l));
my @order = map { "addr_$_" } qw(y z k l m);
same('many, some of one time', @order);
for my $billing (qw(addr_l addr_elsewhere addr_other addr_gone)) {
    bill($billing);
    my $shown = same("$billing is billed", @order)->{billing_address};
    is $shown && $shown->{id}, $billing eq 'addr_gone' ? undef : $billing, "$billing: what is shown of it";
}

for my $length (1000, 1024, 1025, 60_000) {
    $h->sql("UPDATE customer SET metadata = CONCAT('{\"a\":\"', REPEAT('ü', $length / 2), '\"}') WHERE id = '$c->{id}'");
    same("metadata of $length bytes", @order);
}

# without the index that has them in order, they come in that of their ids
$h->sql('ALTER TABLE address ADD KEY address_any_order (customer_id), DROP KEY address_customer');
same('another index', @order);
bill(undef);
same('another index, not billed', @order);

my @many = map { { id => sprintf('addr_n%03d', $_), at => sprintf('2025-01-01 00:00:00.%03d', 400 - $_) } } 1 .. 300;
add($c->{id}, @many);
same('three hundred', (map { $_->{id} } reverse @many), @order);

# whose row is gone, and whose session is over
$h->sql("UPDATE session SET expires_at = now(3) - INTERVAL 1 DAY WHERE customer_id = '$c->{id}' AND kind = 'bearer'");
is $h->get('/store/customers/me', headers => $as{bearer})->{status}, 401, 'a session that is over';
is $h->get('/store/customers/me', headers => { %{ $as{cookie} }, Authorization => $as{bearer}{Authorization} })->{json}{customer}{id}, $c->{id}, '… beside one that is not';
$h->sql("UPDATE customer SET deleted_at = now(3) WHERE id = '$c->{id}'");
is $h->get($_, headers => $as{cookie})->{json}{message}, "Customer with id: $c->{id} was not found", "$_: a customer who is gone"
    for '/store/customers/me', '/store/auth';
$h->stop;
done_testing;
