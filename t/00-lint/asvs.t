# Each demand in t/92-hostile/asvs.tsv is seen to by a test that says what the table says of it, or the table says why it is open.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(none text);

my @rows = map { [split /\t/] } grep { /\S/ && !/^#/ } split /\n/, text('t/92-hostile/asvs.tsv');
cmp_ok(scalar @rows, '>=', 68, 'the demands are found');
none([map { $_->[0] } grep { @$_ != 4 || $_->[0] !~ /^\d+\.\d+\.\d+$/ } @rows], 'each has a number, words, a test and what stands in it');
my %seen;
none([grep { $seen{$_}++ } map { $_->[0] } @rows], 'none is there twice');
my @sorted = map { $_->[0] } sort { my @a = split /\./, $a->[0]; my @b = split /\./, $b->[0]; $a[0] <=> $b[0] || $a[1] <=> $b[1] || $a[2] <=> $b[2] } @rows;
is_deeply([map { $_->[0] } @rows], \@sorted, 'they are in order');

sub is_seen_to { my ($test, $words) = @_; return index(text($test), $words) >= 0 }

my @closed = grep { $_->[2] ne 'open' } @rows;
none([map { "$_->[0]: $_->[2] does not say '$_->[3]'" } grep { !is_seen_to(@$_[2, 3]) } @closed], 'each test says what it is said to');
cmp_ok(@rows - @closed, '<=', 9, 'no more are open than were');
ok(!is_seen_to('t/92-hostile/asvs.t', 'words that ' . 'stand nowhere'), 'a test that does not say it is found');
done_testing;
