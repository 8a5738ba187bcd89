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
for my $file (files('conf'), 'README', 'HACKING', 'OPERATIONS', 'run', files('scripts')) {
    my %named = map { $_ => 1 } text($file) =~ /\b(MedusaStore(?:[A-Z][A-Za-z]*)?)\b(?!::|-|\x{2026})/g;
    push @told, map { "$file: $_" } grep { !$known{$_} } sort keys %named;
}
none(\@told, 'no document names a directive that does not exist');

# defaults are told twice, for `httpd -L` and in the reference: they must agree
my %help = $code =~ /AP_INIT_\w+\(\s*"(\w+)",[^"\n]*"(?:[^"]*?)\(([^()"]+)\)"/g;
my @differ = grep { $help{$_} =~ /^[\w.]+(?: \d+)?$/ && $reference !~ /^\s*#?\Q$_ $help{$_}\E\s*$/m } sort keys %help;
none(\@differ, 'defaults are the same in the reference and in the help') or diag map { "$_: $help{$_}\n" } @differ;

# and so must README's table: context, override and default of each
my %row = $code =~ /AP_INIT_\w+\(\s*"(\w+)",\s*((?:[^"]|"[^"]*")*?)\)\s*,\n/g;
is(scalar keys %row, scalar @table, 'the rows of the code are found');
my %told = map { my ($name, @cells) = @$_; ($name => [@cells]) }
    map { [split / \| /, $_] } $readme =~ /^\| (MedusaStore\w* \| \w+ \| \S+ \| [^|]+ \| )/mg;
none([grep { !$told{$_} } sort keys %row], 'each has a row in the table of README');
none([sort { $a cmp $b } grep { join('|', @{ $told{$_} }[0, 1]) ne context_of($row{$_}) } grep { $told{$_} } keys %row],
    'context and override are those of the code');
none([grep { $told{$_}[2] ne ($help{$_} // '') && !is_other_default($_, $told{$_}[2]) } sort grep { $told{$_} } keys %row],
    'the default is that of the help');

sub context_of {
    my ($row) = @_;
    return 'place|AuthConfig' if $row =~ /\bHERE\b/;
    return $row =~ /\bset_gate_/ ? 'main|-' : 'shop|-';
}

# Flags, which `httpd -L` shows without one, and defaults that are words: those of the reference.
sub is_other_default {
    my ($name, $default) = @_;
    return 1 if $default =~ /^\(|^(?:processors|as MedusaStore)$/;
    return $reference =~ /^\s*#\Q$name $default\E\s*$/m;
}
done_testing;
