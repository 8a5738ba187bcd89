# Each row of t/reliability.tsv is measured by something and stands in doc/RELIABILITY, which is what scripts/reliability writes.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(files none text top);

my @lines = map { [split /\t/] } grep { /\S/ && !/^#/ } split /\n/, text('t/reliability.tsv');
my @parts = grep { $_->[0] eq 'part' } @lines;
my @rows  = grep { $_->[0] ne 'part' } @lines;
cmp_ok(scalar @rows, '>=', 40, 'the rows are found');
none([map { $_->[0] } grep { @$_ < 3 || @$_ > 4 } @rows], 'each says what happens and what must hold');
my %seen;
none([grep { $seen{$_}++ } map { $_->[0] } @rows], 'no row is there twice');

# A figure names its row in quotes, or at the head of a line of tabs; or a family of rows, such as FUZZ-%s.
my $measuring = join "\n", map { text($_) } grep { !m{^t/(?:lib/|00-lint/reliability\.t|reliability\.tsv)} } files('t', qr/\.(?:t|pm|c|sh|pl)$/),
    files('bench'), files('scripts');
sub is_measured { my ($row) = @_; return $measuring =~ /["']\Q$row\E(?:["']|\\t)/ || $row =~ /^(\w+-)/ && $measuring =~ /["']$1%s\\t/ }
none([grep { !is_measured($_) } map { $_->[0] } @rows], 'each row is measured by something');
none([grep { /^FUZZ-(\w+)/ && !-f top() . "/t/80-fuzz/target_$1.c" } map { $_->[0] } @rows], 'scripts/fuzz has a target for each of its own');
my %known = map { $_->[0] => 1 } @rows;
none([grep { !$known{$_} } $measuring =~ /\bfigure\(\s*["']([\w-]+)["']/g], 'no test measures for a row that is not there');

my @folders = map { split / /, $_->[4] // '' } @parts;
none([grep { !-e top() . "/$_" && !/^t\/(?:9|34)/ } @folders], 'the tests of each part are there');

my $document = text('doc/RELIABILITY');
none([grep { $document !~ /^### \Q$_\E: /m } map { $_->[0] } @rows], 'each row stands in doc/RELIABILITY');
my $script = top() . '/scripts/reliability';
is(system($^X, $script, '--check'), 0, 'doc/RELIABILITY is what scripts/reliability writes (run it after a change of the rows)');

# ---- the script: new figures take the place of a row's old ones, and those of other rows stay ----
my $top = tempdir(CLEANUP => 1);
mkdir "$top/$_" for qw(scripts t doc);
copy($script, "$top/scripts/reliability");
copy(top() . '/t/reliability.tsv', "$top/t/reliability.tsv");

# Measure these figures: what the document says of a row then.
sub told {
    my ($row, @figures) = @_;
    open my $out, '>', "$top/figures" or die $!;
    print {$out} map { join("\t", @$_) . "\n" } @figures;
    close $out;
    system "$^X '$top/scripts/reliability' '$top/figures' > '$top/said'";
    open my $in, '<', "$top/doc/RELIABILITY" or die $!;
    my $text = do { local $/; <$in> };
    return $text =~ /^(### \Q$row\E: .*?)(?=^##|\z)/ms ? $1 : '';
}
like(told('F5', ['F5', 'races', 1234, '', 'pass'], ['F5', 'wait', '2.5', 's', 'pass']), qr/^### F5: pass\n.*^\| races \| 1,234 \| pass \|\n\| wait \| 2\.5 s \| pass \|$/ms, 'figures of a row');
like(told('F5', ['F7', 'children', 8, '', 'fail'], ['F7', 'children', 9, '', 'pass']), qr/^\| races \| 1,234 \| pass \|$/m, 'stay when another one is measured');
like(told('F7'), qr/^### F7: fail\n.*^\| children \| 8 \| fail \|$/ms, 'a failure stays one');
unlike(told('F5', ['F5', 'wait', 3, 's', 'fail']), qr/races|pass/, 'and go when it is measured anew');
is(system($^X, "$top/scripts/reliability", '--check'), 0, 'what it wrote is what it would write');
done_testing;
