# The columns that the resources name are those that the migrations make.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(files none table_rows text without_comments);

# table => { column => 1 }, from CREATE TABLE and ALTER TABLE … ADD/DROP COLUMN
sub schema_of {
    my ($sql) = @_;
    my %schema;
    $sql =~ s/^\s*--.*$//mg;
    while ($sql =~ /CREATE TABLE (\w+) \((.*?)\n\)/gs) {
        my ($table, $body) = ($1, $2);
        $schema{$table}{$_} = 1 for $body =~ /^\s+([a-z]\w*)\s/mg;
    }
    while ($sql =~ /ALTER TABLE (\w+)([^;]*);/g) {
        my ($table, $body) = ($1, $2);
        $schema{$table}{$_} = 1 for $body =~ /\bADD COLUMN (\w+)/g;
        delete $schema{$table}{$_} for $body =~ /\bDROP COLUMN (\w+)/g;
    }
    return %schema;
}

my @migrations = files('sql', qr/\.sql$/);
cmp_ok(scalar @migrations, '>', 0, 'there are migrations');
none([grep { !m{^sql/\d{4}_[a-z]+_[a-z_]+\.sql$} } @migrations], 'each is named NNNN_verb_noun.sql');
is_deeply([map { m{/(\d{4})} } @migrations], [map { sprintf '%04d', $_ } 1 .. @migrations], 'they are numbered without a gap');
my ($known) = text('mod_medusa_store/db/schema.h') =~ /MS_SCHEMA = (\d+)/;
is($known, scalar @migrations, 'the module knows the last of them (MS_SCHEMA of db/schema.h)');
my %schema = schema_of(join "\n", map { text($_) } @migrations);

my $resources = 0;
my @missing;
for my $file (files('mod_medusa_store/resource', qr/\.c$/)) {
    my $code = without_comments(text($file));
    my ($table) = $code =~ /\bms_resource_t\s+\w+\s*=\s*\{\s*"(\w+)"/ or next;
    $resources++;
    my @columns = map { $_->[0] =~ /^"(\w+)"$/ } table_rows($code, 'ms_field_t');
    cmp_ok(scalar @columns, '>', 2, "$file: its fields are found");
    push @missing, map { "$file: $table.$_" } grep { !$schema{$table}{$_} } @columns;
}
cmp_ok($resources, '>', 2, 'the resources are found');
none(\@missing, 'each field has its column');
my %toy = schema_of("CREATE TABLE a (\n  b INT,\n  KEY a_b (b)\n) X;\nALTER TABLE a ADD COLUMN c INT, DROP COLUMN b;");
is_deeply(\%toy, { a => { c => 1 } }, 'migrations are read');
done_testing;
