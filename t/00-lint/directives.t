# The table of directives, the annotated configuration, the README and the tests tell of the same directives.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(files none text without_comments);

my $code = without_comments(text('mod_medusa_store/httpd/directives.c'));
my @table = $code =~ /AP_INIT_\w+\(\s*"(\w+)"/g;
my %known = map { $_ => 1 } @table;
cmp_ok(scalar @table, '>', 20, 'the directives are found');
none([grep { !/^MedusaStore/ } @table], 'each begins with MedusaStore');

my $reference = text('conf/medusa_store.conf');
none([grep { $reference !~ /^\s*#?\Q$_\E\s+\S/m } @table], 'each stands in conf/medusa_store.conf');
my $readme = text('README');
none([grep { $readme !~ /\b\Q$_\E\b/ } @table], 'each stands in README');
my $tests = join "\n", map { text($_) } grep { !m{^t/(?:lib|00-lint)/} } files('t', qr/\.(?:t|json|conf|pm)$/);
none([grep { $tests !~ /\b\Q$_\E\b/ } @table], 'each stands in a test');

# and the other way round: no document tells of a directive that is not there
my @told;
for my $file (files('conf'), 'README', 'HACKING', 'run', files('scripts')) {
    my %named = map { $_ => 1 } text($file) =~ /\b(MedusaStore(?:[A-Z][A-Za-z]*)?)\b(?!::|-|\x{2026})/g;
    push @told, map { "$file: $_" } grep { !$known{$_} } sort keys %named;
}
none(\@told, 'no document names a directive that does not exist');

# defaults are told twice, for `httpd -L` and in the reference: they must agree
my %help = $code =~ /AP_INIT_\w+\(\s*"(\w+)",[^"\n]*"(?:[^"]*?)\(([^()"]+)\)"/g;
my @differ = grep { $help{$_} =~ /^[\w.]+(?: \d+)?$/ && $reference !~ /^\s*#?\Q$_ $help{$_}\E\s*$/m } sort keys %help;
none(\@differ, 'defaults are the same in the reference and in the help') or diag map { "$_: $help{$_}\n" } @differ;
done_testing;
