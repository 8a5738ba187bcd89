# What fuzzing has found: the inputs that reach something, and those that broke something once, are given to the targets again, each of
# which asserts what must be true of any input. make fuzz looks for more (HACKING: Fuzzing).
use strict;
use warnings;

use FindBin;
use File::Temp qw(tempdir);
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(none);

my $REPLAY = "$ENV{MS_BUILDDIR}/t/80-fuzz/replay";
my $HERE   = $FindBin::Bin;

# (exit status, what it said) of the program.
sub replay {
    my (@arguments) = @_;
    open my $out, '-|', 'sh', '-c', 'exec "$0" "$@" 2>&1', $REPLAY, @arguments or die "$REPLAY: $!";
    my $said = do { local $/; <$out> } // '';
    close $out;
    return ($?, $said);
}

# Why, without the names of those that passed.
sub reason {
    my ($said) = @_;
    my @lines = split /\n/, $said;
    my ($last) = grep { /^- / } reverse @lines;
    return join "\n", $last // '', grep { !/^- / } @lines;
}

sub unpacked {
    my ($archive) = @_;
    my $folder = tempdir('fuzz-XXXXXX', DIR => $ENV{MS_TEST_SCRATCH}, CLEANUP => 1);
    system('tar', '-xzf', $archive, '-C', $folder) == 0 or die "can't unpack $archive\n";
    return $folder;
}

my @targets = map { m{target_(\w+)\.c$} } sort glob "$HERE/target_*.c";
cmp_ok(scalar @targets, '>=', 8, "targets: @targets");
none([grep { !-f "$HERE/dict/$_.dict" } @targets], 'each has a dictionary');
for my $target (@targets) {
    my @folders = (unpacked("$HERE/corpus/$target.tar.gz"), grep { -d } "$HERE/found/$target");
    my ($status, $said) = replay($target, @folders);
    is($status, 0, "$target: nothing is found") or diag(reason($said));
    my ($count) = $said =~ /(\d+)\n\z/;
    my $files = () = map { glob "$_/*" } @folders;
    is($count, $files, "$target: all $files inputs");
    cmp_ok($files, '>=', 30, "$target: which are many");
}

my $empty = tempdir('fuzz-XXXXXX', DIR => $ENV{MS_TEST_SCRATCH}, CLEANUP => 1);
isnt((replay('nothing', $empty))[0], 0, 'an unknown target is an error');
isnt((replay('json', "$empty/nothing"))[0], 0, 'a missing input, too');
done_testing;
