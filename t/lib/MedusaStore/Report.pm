package MedusaStore::Report;

# What a test measured, for doc/RELIABILITY. Its rows stand in t/reliability.tsv; `./check --full` sets MS_FULL=1 and MS_REPORT, the file
# that takes the figures. Without them a test runs its quick form, and its figures go nowhere.
#
#     my $rounds = full() ? 1000 : 20;
#     ok figure('F13', 'connections cut by the client', $rounds, '', $lost == 0), 'nothing was lost';

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use Fcntl qw(:flock);

our @EXPORT_OK = qw(figure full);

# Is this the long form?
sub full { return ($ENV{MS_FULL} // '') eq '1' ? 1 : 0 }

# Write a figure down: row of the table, what was measured (`what` names it within the row), number, unit ('' for a count), does it hold
# what the row demands. Gives the latter, as 1 or 0. Tests that run at the same time may write to one file.
sub figure {
    my ($row, $what, $number, $unit, $ok) = @_;
    my $verdict = $ok ? 'pass' : 'fail';
    my $line = join "\t", map { s/\s+/ /gr } $row, $what, $number // '', $unit // '', $verdict;
    if (my $path = $ENV{MS_REPORT}) {
        open my $file, '>>', $path or croak "$path: $!";
        flock $file, LOCK_EX or croak "$path: $!";
        utf8::encode($line) if utf8::is_utf8($line);
        syswrite($file, "$line\n") // croak "$path: $!";
        close $file or croak "$path: $!";
    }
    return $ok ? 1 : 0;
}

1;
