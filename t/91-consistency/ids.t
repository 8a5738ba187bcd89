# Ids of rows, made by many threads of several processes while the clock is set back and forth: none comes twice.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);

my $program = ($ENV{MS_BUILDDIR} // '.') . '/t/91-consistency/ids';
plan skip_all => "no $program: run it by ./check or make check" if !-x $program && !$ENV{MS_TEST_REQUIRE};
my $COUNT = full() ? 10_000_000 : 200_000;
my ($exit, $output) = MedusaStore::Harness::run_command($program, $COUNT);
my ($made, $times, $twice) = $output =~ /\A(\d+) ids, (\d+) different times, (\d+) came twice\n\z/ or diag $output;
cmp_ok $made // 0, '>', 0.99 * $COUNT, 'ids were made';
cmp_ok $times // 1e9, '<', 100, 'all in a few milliseconds of the clock';
is $exit, 0, 'all processes ended well';
ok figure('J9', 'ids that came twice', $twice, 'of ' . ($made // 0), defined $twice && !$twice), 'none came twice';
done_testing;
