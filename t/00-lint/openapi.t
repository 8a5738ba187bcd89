# The documents of doc/ are what the tables say, and what the tables say is consistent in itself.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Json qw(decode keys_of);
use MedusaStore::Schema qw(document operation_at answer_problems schema_problems);
use MedusaStore::Source qw(files none table_rows text top without_comments);

plan skip_all => 'MS_BUILDDIR is not set: run it by ./check' unless $ENV{MS_BUILDDIR};
$ENV{MS_SRCDIR} ||= top();

sub output_of {
    my ($what) = @_;
    my $bytes = `'$ENV{MS_BUILDDIR}/medusa-store-openapi' $what`;
    is($?, 0, "the generator writes $what");
    utf8::decode($bytes);
    return $bytes;
}

ok(output_of('openapi') eq text('doc/openapi.json'), 'doc/openapi.json is up to date (make doc)');
ok(output_of('xsd') eq text('doc/store.xsd'),        'doc/store.xsd is up to date (make doc)');

# ---- the document in itself ----

my $document = document();
is($document->{openapi}, '3.0.3', 'it is OpenAPI 3.0.3');

# All values under a key, anywhere.
sub all_of {
    my ($value, $key) = @_;
    return map { all_of($_, $key) } @$value if ref $value eq 'ARRAY';
    return () unless ref $value eq 'HASH';
    return ((exists $value->{$key} && !ref $value->{$key} ? $value->{$key} : ()), map { all_of($value->{$_}, $key) } keys_of($value));
}

my %used = map { s{.*/}{}r => 1 } all_of($document, '$ref');
none([grep { !$document->{components}{schemas}{$_} } sort keys %used], 'each reference has its schema');
none([grep { !$used{$_} } sort keys %{ $document->{components}{schemas} }], 'each schema is referred to');

my (%id, @bad);
for my $path (keys_of($document->{paths})) {
    for my $method (keys_of($document->{paths}{$path})) {
        my $operation = $document->{paths}{$path}{$method};
        my $name = uc($method) . " $path";
        push @bad, "$name has the operationId of another one" if $id{ $operation->{operationId} }++;
        push @bad, "$name has no summary" unless length($operation->{summary} // '');
        my @statuses = keys_of($operation->{responses});
        push @bad, "$name has its statuses out of order: @statuses" if "@statuses" ne join ' ', sort @statuses;
        push @bad, "$name has no good status" unless $statuses[0] =~ /\A20[04]\z/;
        my @parameters = map { $_->{name} } grep { $_->{in} eq 'path' } @{ $operation->{parameters} || [] };
        push @bad, "$name: its parameters are @parameters" if "@parameters" ne join ' ', $path =~ /\{(\w+)\}/g;
    }
}
none(\@bad, 'each operation is complete');
is(scalar keys %id, scalar(() = all_of($document->{paths}, 'operationId')), 'the operations are counted');

# ---- what may be null is what may be NULL ----

# "table.column" => may it be NULL?
my %nullable;
my $sql = join "\n", map { text($_) } files('sql', qr/\.sql$/);

sub note_column {
    my ($column, $type) = @_;
    $nullable{$column} = $type !~ /\bNOT NULL\b/;
    return;
}

while ($sql =~ /CREATE TABLE (\w+) \((.*?)\n\)/gs) {
    my ($table, $body) = ($1, $2);
    note_column("$table.$1", $2) while $body =~ /^\s+([a-z]\w*)\s+([^\n]*)/mg;
}
note_column("$1.$2", $3) while $sql =~ /ALTER TABLE (\w+)\s+ADD COLUMN (\w+)([^,;]*)/g;
my @differ;
for my $file (files('mod_medusa_store/resource', qr/\.c$/)) {
    my $code = without_comments(text($file));
    my ($table) = $code =~ /\bms_resource_t\s+\w+\s*=\s*\{\s*"(\w+)"/ or next;
    for my $row (table_rows($code, 'ms_field_t')) {
        my ($column) = $row->[0] =~ /"(\w+)"/;
        push @differ, "$table.$column" if !$nullable{"$table.$column"} != ($row->[2] !~ /\bMS_NULL\b/);
    }
}
cmp_ok(scalar keys %nullable, '>', 30, 'the columns are found');
none(\@differ, 'MS_NULL stands at each column that may be NULL, and at no other');

# ---- the checker of t/lib sees what is wrong ----

my ($error) = $document->{components}{schemas}{Error};
my $answer = { status => 200, headers => { 'content-type' => 'application/json' } };
my @wrong = (
    ['a missing key',      sub { schema_problems(decode('{"message":"y"}'), $error) }],
    ['another key',        sub { schema_problems(decode('{"type":"x","message":"y","more":1}'), $error) }],
    ['another type',       sub { schema_problems(decode('{"type":1,"message":"y"}'), $error) }],
    ['null',               sub { schema_problems(decode('{"type":null,"message":"y"}'), $error) }],
    ['what is no time',    sub { schema_problems(decode('"x"'), { type => 'string', format => 'date-time' }) }],
    ['a wrong answer',     sub { answer_problems('GET', '/store/auth/x', $answer, decode('{"exists":"yes"}')) }],
    ['an unknown status',  sub { answer_problems('GET', '/store/auth/x', { %$answer, status => 418 }, undef) }],
);
is_deeply([schema_problems(decode('{"type":"x","message":"y"}'), $error)], [], 'an error fits its schema');
for my $wrong (@wrong) {
    my @problems = $wrong->[1]->();
    is(scalar @problems, 1, "$wrong->[0] is seen");
}
is((operation_at('GET', '/store/AUTH/a@b.cd/?x'))[0], 'GET /store/auth/{email}',    'an operation is found');
is((operation_at('HEAD', '/store/customers/me'))[0], 'GET /store/customers/me',     'HEAD is GET');
ok(!operation_at('PUT', '/store/auth'),                                             'what is no operation is none');

done_testing;
