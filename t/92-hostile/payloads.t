# Texts as attackers write them, in every text field of three operations: stored and answered to the byte, and nothing else happens.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Hostile qw(attacks json_of);
use MedusaStore::Quick qw(cookie text);
use MedusaStore::Report qw(figure full);

my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice');
my $client = MedusaStore::Quick->new(port => $h->{port});
my $json = JSON::PP->new->utf8;
my @attacks = attacks();
cmp_ok scalar @attacks, '>=', 3000, @attacks . ' texts';
@attacks = @attacks[grep { $_ % 20 == 0 } 0 .. $#attacks] if !full();
my @FIELDS = qw(first_name last_name company address_1 address_2 city province postal_code phone);

my (@wrong, %sent, $me, $n);

# Send a text in fields of a body; complaints, if the answer does not hold it in all of them.
sub try {
    my ($what, $text, $fields, $wrap, $target, @by) = @_;
    my $value = json_of($text);
    my $r = $client->ask('POST', $target, $wrap->(join ',', map { qq("$_":$value) } @$fields), @by);
    my $utf8 = $text;
    utf8::encode($utf8);
    push @wrong, "$what: answered by $r->{status}: $utf8" if $r->{status} != 200;
    my $decoded = $r->{status} == 200 ? $json->decode($r->{body}) : undef;
    my ($row) = !$decoded ? () : $what eq 'an address' ? $decoded->{customer}{shipping_addresses}[-1] : $decoded->{customer};
    push @wrong, "$what: answered otherwise than sent: $utf8" if $row && grep { ($row->{$_} // '') ne $text } @$fields;
    return $r;
}

for my $text (@attacks) {
    $n++;
    my $r = try('a customer', $text, [qw(first_name last_name phone)], sub { qq({"email":"p$n\@example.com","password":"correct horse",$_[0]}) }, '/store/customers');
    $me = { id => text($r, 'id'), cookie => cookie($r) };
    $sent{customer}{ $me->{id} // '' } = $text;
    try('a change', $text, [qw(first_name last_name phone)], sub { '{"metadata":{' . json_of($text) . ':' . json_of($text) . "},$_[0]}" }, '/store/customers/me', Cookie => $me->{cookie});
    $r = try('an address', $text, \@FIELDS, sub { qq({"address":{"country_code":"us",$_[0]}}) }, '/store/customers/me/addresses', Cookie => $me->{cookie});
    my ($address) = $r->{body} =~ /"(addr_\w+)"/;
    $sent{address}{ $address // '' } = $text;
}
is_deeply [@wrong > 5 ? @wrong[0 .. 4] : @wrong], [], 'answered to the byte: ' . @attacks . ' texts in three operations';

# The rows, as bytes.
sub stored {
    my ($table, @columns) = @_;
    my $same = join ' AND ', map { "$_ = $columns[0]" } @columns[1 .. $#columns];
    return $h->sql("SELECT id, HEX($columns[0]), ($same) FROM $table");
}
for my $set ([customer => qw(first_name last_name phone)], [address => @FIELDS]) {
    my ($table, @columns) = @$set;
    my @rows = stored($table, @columns);
    my @bad = grep { my ($id, $hex, $same) = @$_; my $bytes = pack 'H*', $hex // ''; utf8::decode($bytes); !$same || $bytes ne ($sent{$table}{$id} // "\0") } @rows;
    push @wrong, map { "$table $_->[0]" } @bad;
    is scalar @bad, 0, "$table: stored to the byte, in each of " . @columns . ' columns';
    is scalar @rows, scalar @attacks, 'and no other row is there';
}
my @metadata = $h->sql('SELECT id, HEX(metadata) FROM customer');
my @odd = grep { my $value = $json->decode(pack 'H*', $_->[1]); my $text = $sent{customer}{ $_->[0] }; ($value->{$text} // '') ne $text || keys %$value != 1 } @metadata;
push @wrong, map { "metadata of $_->[0]" } @odd;
is scalar @odd, 0, 'as a key of metadata and its value, too';
is $h->sql_value('SELECT COUNT(*) FROM outbox'), 2 * @attacks, 'each change has its event';
is $h->sql_value('SELECT COUNT(*) FROM customer WHERE has_account = 1 AND live = 1'), scalar @attacks, 'nobody is changed otherwise';
unlike $h->log_text, qr/^(?!\[)/m, 'no line of the log was made by a text';
ok figure('H4', 'attack strings in all text fields of three operations, not stored or answered to the byte', scalar @wrong, 'of ' . @attacks, !@wrong), 'to the byte';
$h->stop;
done_testing;
