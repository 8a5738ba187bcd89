# Demands of ASVS that no other test sees to (asvs.tsv has them all): passwords as they are sent, columns that nobody may set, SQL that
# holds nothing of a client, headers on each answer.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for as_bearer rows_are_secret);
use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Schema qw(document);
use MedusaStore::Source qw(files none table_rows text);

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);
my $db = MedusaStore::Database->new(options => ['--log-output=TABLE']);
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8 1\n");

subtest 'passwords' => sub {
    my %password = ('lower case' => 'abcdefgh', 'digits' => '90817263', 'blanks alone' => '        ', 'a blank at the end' => 'abc ', 'a blank at the beginning' => ' abc', 'emoji' => '🐴🔋📎', 'Chinese' => '正确的马',
        'quotes' => q('"`\\), 'control characters' => "a\tb\nc\x01", '64 characters' => 'x' x 64, '128 characters' => 'y' x 128, '10000 characters' => 'z' x 10_000, '72 bytes and one' => 'a' x 72 . 'b', 'upper and lower' => 'CorrecT HorsE');
    for my $kind (sort keys %password) {
        my $password = $password{$kind};
        my $c = new_customer($h, password => $password);
        is(sign_in($h, $c)->{status}, 200, "$kind: any composition is taken");
        my %near = map { $_ => 1 } grep { $_ ne $password && length } uc $password, lc $password, "$password ", " $password", substr($password, 0, -1), "${password}x", $password =~ s/\s+\z//r, $password =~ s/\A\s+//r,
            substr($password, 0, 72), substr($password, 0, 64), substr $password, 0, 8;
        is(join(' ', map { sign_in($h, $c, password => $_)->{status} } sort keys %near), join(' ', (401) x keys %near), '… and nothing near it');
    }
};

# Each column of each resource, in each body that has no such field.
subtest 'columns' => sub {
    my $c = new_customer($h);
    my @by = as_bearer(token_for($h, $c));
    my $address = $h->post('/store/customers/me/addresses', @by, json => { address => { first_name => 'A', last_name => 'B', address_1 => '1', city => 'C', country_code => 'us', postal_code => '9' } })
        ->{json}{customer}{shipping_addresses}[0]{id};
    my %columns = map { ($_->[0] =~ s/"//gr => 1) } map { table_rows(text($_), 'ms_field_t') } files('mod_medusa_store/resource', qr/(?:customer|address|session)\.c$/);
    cmp_ok(scalar keys %columns, '>', 20, 'the columns are found');
    my $before = join ' ', map { $_ // '' } map { @$_ } $h->sql("SELECT * FROM customer WHERE id = '$c->{id}'");
    my @bad;
    for my $path (sort grep { document()->{paths}{$_}{post}{requestBody} } keys %{ document()->{paths} }) {
        my ($name) = document()->{paths}{$path}{post}{requestBody}{content}{'application/json'}{schema}{'$ref'} =~ m{(\w+)$};
        my $fields = document()->{components}{schemas}{$name}{properties};
        for my $column (grep { !$fields->{$_} } sort keys %columns) {
            my $r = $h->post($path =~ s/\{\w+\}/$address/r, @by, json => { $column => 'cus_x' });
            push @bad, "$path takes $column: $r->{status} $r->{body}" if $r->{status} != 400 || $r->{body} !~ /property $column should not exist/;
        }
    }
    none(\@bad, 'a column that is no field: no body takes it');
    is(join(' ', map { $_ // '' } map { @$_ } $h->sql("SELECT * FROM customer WHERE id = '$c->{id}'")), $before, 'and the customer is who they were');
};

subtest 'SQL' => sub {
    my $mark = "zq'x\"%\\";    # in each text that is sent
    $db->sql('SET GLOBAL general_log = ON');
    my $c = new_customer($h, first_name => "1$mark", last_name => "2$mark", phone => "3$mark", password => "4$mark");
    my @by = as_bearer(token_for($h, $c));
    my %address = map { ($_ => "5$mark") } qw(first_name last_name address_1 address_2 city province postal_code phone company);
    my $id = $h->post('/store/customers/me/addresses', @by, json => { address => { %address, country_code => 'us' } })->{json}{customer}{shipping_addresses}[0]{id};
    is($h->post("/store/customers/me/addresses/$id", @by, json => { city => "6$mark", metadata => { "7$mark" => "8$mark" } })->{status}, 200, 'an address is changed');
    is($h->post('/store/customers/me', @by, json => { phone => "9$mark", metadata => { "a$mark" => "b$mark" }, billing_address => {%address} })->{status}, 200, 'a customer is changed');
    is($h->post('/store/customers/me', @by, json => { billing_address => "c$mark" })->{status}, 404, 'an id that is none');
    is($h->get('/store/customers/me/orders?q=zq%27x&email=zq%27x', @by)->{status}, 200, 'a query');
    $db->sql('SET GLOBAL general_log = OFF');
    my $ours = "FROM mysql.general_log WHERE user_host LIKE '%$ENV{MS_TEST_WEB_USER}%'";
    cmp_ok($h->sql_value("SELECT COUNT(*) $ours AND command_type = 'Execute' AND argument LIKE 'INSERT%'"), '>=', 5, 'prepared statements were run');
    is_deeply([$h->sql("SELECT command_type, argument $ours AND command_type <> 'Execute' AND argument LIKE '%zq%'")], [], 'no text of a client stands in a statement');
};

subtest 'headers' => sub {
    my $c = new_customer($h);
    my @by = as_bearer(token_for($h, $c));
    my (@bad, @public);
    for my $path (sort keys %{ document()->{paths} }) {
        for my $method (grep { /^(?:get|post|delete)$/ } sort keys %{ document()->{paths}{$path} }) {
            my $target = $path =~ s/\{email\}/a\@b.co/r =~ s/\{\w+\}/addr_none/r;
            for my $r ($h->request(uc $method, $target), $h->request(uc $method, $target, @by, $method eq 'post' ? (json => {}) : ()), $h->request(uc $method, $target, headers => { 'Content-Type' => 'application/json' }, body => '{')) {
                my $what = uc($method) . " $path, $r->{status}";
                push @bad, "$what: no nosniff" if ($r->{headers}{'x-content-type-options'} // '') ne 'nosniff';
                push @bad, "$what: type and charset" if length $r->{body} && ($r->{headers}{'content-type'} // '') !~ m{^(?:application/json|text/plain); charset=utf-8$};
                push @bad, "$what: no-store is missing" if $path ne '/store/auth/{email}' && ($r->{headers}{'cache-control'} // '') !~ /\bno-store\b/;
            }
        }
    }
    none(\@bad, 'nosniff, type and charset, and no-store: on each answer of each operation');
};

rows_are_secret($h)->stop;
done_testing;
