# The metrics that the code writes are those that README lists, and OPERATIONS asks for no others.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(none text without_comments);

my @metrics = without_comments(text('mod_medusa_store/httpd/metrics.c')) =~ /^\s*\{ "(medusa_store_\w+)", "(?:counter|gauge|histogram)",/mg;
cmp_ok(scalar @metrics, '>', 10, 'the metrics are found');
my %known = map { $_ => 1 } @metrics;
my @listed = text('README') =~ /^\| (medusa_store_\w+) \|/mg;
is_deeply(\@listed, \@metrics, 'README lists them, in the same order');
none([grep { !$known{ s/_(?:bucket|sum|count)$//r } && !$known{$_} } text('OPERATIONS') =~ /\b(medusa_store_\w+)/g], 'OPERATIONS names no others');
done_testing;
