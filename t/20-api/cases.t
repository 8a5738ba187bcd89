# The conversations of t/20-api/*/*.json, each against a fresh shop (see MedusaStore::Cases for their form). MS_CASES, a list
# of files separated by line ends, chooses some: ./check t/20-api/FOLDER sets it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Cases qw(run_case_files);
use MedusaStore::Harness;

MedusaStore::Harness::need_database();
my @files = length($ENV{MS_CASES} // '') ? split /\n/, $ENV{MS_CASES} : sort glob "$FindBin::Bin/*/*.json";
ok(scalar @files, 'there are cases');
run_case_files(@files);
done_testing;
