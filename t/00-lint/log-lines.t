# The lines of the error log are listed once, in core/log.h, and so are the problems of core/problem.h.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(c_files none text without_comments);

my @lines = text('mod_medusa_store/core/log.h') =~ /^\s*X\((\w+),\s*"(\w+)",\s*\w+,/mg;
my (@names, @ids);
while (my ($name, $id) = splice @lines, 0, 2) {
    push @names, $name;
    push @ids, $id;
}
cmp_ok(scalar @ids, '>', 10, 'the lines are found');
none([grep { !/^MS\d{4}$/ } @ids], 'each id is MS and four digits');
is_deeply(\@ids, [sort @ids], 'the ids ascend');
my %seen;
none([grep { $seen{$_}++ } @ids, @names], 'no id and no name is there twice');

my %text = map { $_ => without_comments(text($_)) } c_files();
my @literal = grep { $_ ne 'mod_medusa_store/core/log.h' && $text{$_} =~ /"[^"\n]*\bMS\d{4}\b/ } sort keys %text;
none(\@literal, 'no id is written anywhere else');
my $all = join "\n", @text{ grep { !m{core/(?:log|problem)\.[ch]$} } keys %text };
none([grep { $all !~ /\bMS_LINE_$_\b/ && $all !~ /\bLINE\($_\b/ } @names], 'each line is written by something');

my $readme = text('README');
none([grep { $readme !~ /^\| $_ \| /m } @ids], 'each id stands in README');

my @problems = text('mod_medusa_store/core/problem.h') =~ /^\s*X\((\w+),\s*\d+,/mg;
cmp_ok(scalar @problems, '>', 5, 'the problems are found');
none([grep { $all !~ /\bMS_$_\b/ } @problems], 'each problem is met by something');
done_testing;
