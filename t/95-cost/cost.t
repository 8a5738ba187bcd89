# No operation costs more than it did: instructions, allocations, statements and round trips of each, held against
# baseline.json. bench/instructions measures by this test, and renews the baseline (HACKING, "Measuring").
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::More;

use MedusaStore::Cost qw(measure environment table);
use MedusaStore::Harness;

my $BASELINE = "$FindBin::Bin/baseline.json";

# How much more is too much. Other compilers and libraries have other figures: there, only what is far off is found.
my %MARGIN = (same => 0.03, other => 0.30);

MedusaStore::Harness::need_database();
my ($valgrind) = grep { -x } map { "$_/valgrind" } split /:/, $ENV{PATH};
if (!$valgrind) {
    die "valgrind is not installed\n" if $ENV{MS_TEST_REQUIRE};
    plan skip_all => 'valgrind is not installed';
}
plan skip_all => 'the sanitizers and valgrind exclude each other' if $ENV{SAN_PRELOAD};

my $json = JSON::PP->new->utf8->canonical->pretty;
my $dumps = tempdir('cost-XXXXXX', DIR => $ENV{MS_TEST_SCRATCH}, CLEANUP => 1);
chmod 0777, $dumps;
my $figures = measure($valgrind, $dumps);

# bench/instructions wants to know, not to judge
if ($ENV{MS_COST_FILE}) {
    write_json($ENV{MS_COST_FILE}, { environment => environment(), figures => $figures });
    done_testing;
    exit;
}

my $baseline = $json->decode(read_file($BASELINE));
my $same = $json->encode(environment()) eq $json->encode($baseline->{environment});
my $margin = $MARGIN{ $same ? 'same' : 'other' };
note $_ for table($figures, $baseline->{figures});
diag 'measured with other libraries than the baseline: differences below 30 % go unnoticed; bench/instructions --renew renews it' if !$same;

my %kept = map { $_->{name} => $_ } @{ $baseline->{figures} };
is_deeply([sort map { $_->{name} } @$figures], [sort keys %kept], 'the baseline knows the operations (if not: bench/instructions --renew)');
for my $now (@$figures) {
    my ($name, $before) = ($now->{name}, $kept{ $now->{name} }) or next;
    is(sprintf('%.1f', $now->{$_}), sprintf('%.1f', $before->{$_}), "$name: $_") for qw(statements trips);
    for my $what (qw(instructions allocations)) {
        cmp_ok($now->{$what}, '<=', $before->{$what} * (1 + $margin) + 1, sprintf '%s: %s, %.0f before', $name, $what, $before->{$what});
    }
    diag sprintf '%s: %.0f instructions instead of %.0f: better; bench/instructions --renew keeps it so', $name, $now->{instructions},
        $before->{instructions} if $same && $now->{instructions} < $before->{instructions} * (1 - $margin);
}
done_testing;

sub read_file {
    my ($path) = @_;
    open my $in, '<:raw', $path or die "$path: $!\n";
    local $/;
    return <$in>;
}

sub write_json {
    my ($path, $value) = @_;
    open my $out, '>:raw', $path or die "$path: $!\n";
    print {$out} $json->encode($value);
    close $out or die "$path: $!\n";
    return;
}
