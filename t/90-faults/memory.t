# Memory fails at the n-th allocation of each operation, for each n: of core/ and account/ by themselves (t/10-unit/test_memory.c), and of
# the whole way from a body to its answer, on a database.
use strict;
use warnings;

use Test::More;

use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);

use constant POINTS => full() ? 0 : 25;    # of each operation; 0: all

MedusaStore::Harness::need_database();
plan skip_all => 'the sanitizers have malloc for themselves' if $ENV{SAN_PRELOAD};
my ($unit, $program) = map { "$ENV{MS_BUILDDIR}/$_" } 't/10-unit/test_memory', 't/90-faults/memory';

SKIP: {
    skip 'no cmocka', 1 unless -x $unit;
    my ($exit, $output) = MedusaStore::Harness::run_command($unit);
    my ($points, $told, $ended) = $output =~ /^# (\d+) points: (\d+) told as a problem, (\d+) ended the process/m;
    ok figure('F11', 'points in core and account, each told or without effect', $points, '', !$exit && $points), 'core and account' or diag $output;
}

my $h = MedusaStore::Harness->new(start => 0);
my ($exit, $output) = MedusaStore::Harness::run_command($program, "sock=$ENV{MS_TEST_SOCKET},user=$ENV{MS_TEST_USER},dbname=$h->{database}",
    $ENV{MS_TEST_SOCKET}, $ENV{MS_TEST_USER}, $h->{database}, POINTS);
note $output;
my ($operations, $points, $told, $ended, $crashed, $done, $late, $wrong) =
    $output =~ /^(\d+) operations, (\d+) points: (\d+) told, (\d+) ended, (\d+) crashed, (\d+) done, (\d+) done and not told, (\d+) wrong$/m;
is $exit, 0, 'whatever fails, what is answered is so' or diag $output;
cmp_ok $points // 0, '>', 200, 'many points';
ok figure('F11', "points of $operations operations on a database", $points, '', !$exit), 'all operations';
ok figure('F11', 'of these, told as a problem of the server', $told, '', $told > 0), 'most are told';
ok figure('F11', 'of these, in which the process ends, as httpd ends a child without memory', $ended, '', 1), 'some end the process';
ok figure('F11', 'of these, in which a database library ends it by a crash', $crashed, '', 1), 'so do libraries';
ok figure('F11', 'answers that were not so, or changes that were made by half', $wrong, '', defined $wrong && !$wrong), 'nothing is done by half';
done_testing;
