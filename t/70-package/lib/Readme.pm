package Readme;

# The lines that README tells the reader to type, so that a test can type them.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);

use MedusaStore::Source qw(text);

our @EXPORT_OK = qw(block);

# The blocks of a section: lines that are indented by four or more, less the indentation that they share.
sub blocks {
    my ($section) = @_;
    my ($text) = text('README') =~ /^## \Q$section\E\n(.*?)(?=^## |\z)/ms or croak "README has no section \"$section\"";
    my @blocks;
    while ($text =~ /((?:^ {4,}\S.*\n)+)/mg) {
        my $block = $1;
        my ($indent) = sort { $a <=> $b } map { length } $block =~ /^( +)/mg;
        push @blocks, $block =~ s/^ {$indent}//mgr;
    }
    return @blocks;
}

# The one block of a section that begins with these words; values are put in the place of the words that stand for them.
sub block {
    my ($section, $begin, %value) = @_;
    my @found = grep { index($_, $begin) == 0 } blocks($section);
    croak 'README has ' . @found . " blocks that begin with \"$begin\" in \"$section\"" if @found != 1;
    my $block = $found[0];
    for my $word (sort keys %value) {
        $block =~ s/\b\Q$word\E\b/$value{$word}/g;
    }
    return $block =~ s/^sudo //mgr;
}

1;
