package MedusaStore::Process;

# What a running process holds, as Linux tells by /proc: memory, descriptors, threads, children, semaphores.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(all_semaphore_sets holdings children mapped_files semaphore_sets semaphore shared_segments thread_states);

use constant { GETPID => 11, GETVAL => 12, GETNCNT => 14 };    # semctl

sub _lines {
    my ($path) = @_;
    open my $in, '<', $path or return ();
    return <$in>;
}

# { memory, descriptors, threads } of a process. memory: anonymous pages in KiB, those included that it still shares
# with its children; what is mapped from files is everybody's.
sub holdings {
    my ($pid) = @_;
    my ($memory) = map { /^Anonymous:\s+(\d+) kB/ ? $1 : () } _lines("/proc/$pid/smaps_rollup");
    return {
        memory  => $memory,
        descriptors => scalar(() = glob "/proc/$pid/fd/*"),
        threads => scalar(() = glob "/proc/$pid/task/*"),
    };
}

# { state, parent } of a process; nothing if it is gone.
sub _stat {
    my ($pid) = @_;
    my ($text) = _lines("/proc/$pid/stat") or return;
    my ($state, $parent) = split / /, $text =~ s/^.*\) //sr;
    return { pid => $pid, state => $state, parent => $parent };
}

# { pid, state } of each child.
sub children {
    my ($pid) = @_;
    return grep { $_ && $_->{parent} == $pid } map { _stat(m{(\d+)}) } glob '/proc/[0-9]*';
}

# The state of each of its threads: R, S, D, T …
sub thread_states {
    my ($pid) = @_;
    return map { /^.*\) (\S)/s ? $1 : () } map { _lines($_) } glob "/proc/$pid/task/*/stat";
}

# Inodes of the files of this name that a process has mapped, also of those that were replaced on the disk since.
sub mapped_files {
    my ($pid, $name) = @_;
    my %inodes = map { m{^\S+ \S+ \S+ \S+ (\d+) .*/\Q$name\E} ? ($1 => 1) : () } _lines("/proc/$pid/maps");
    return sort keys %inodes;
}

# Ids of the System V semaphore sets that one of these processes, dead or alive, used last: a server sets them up, and from
# then on its children use them.
sub semaphore_sets {
    my %process = map { $_ => 1 } @_;
    return grep { $process{ semaphore($_, 0)->{user} } } all_semaphore_sets();
}

# Ids of all of the machine.
sub all_semaphore_sets { return map { /^\s*-?\d+\s+(\d+)/ ? $1 : () } _lines('/proc/sysvipc/sem') }

# { there, value, waiting, user } of one semaphore of a set: how many wait for it, and the process that used it last.
sub semaphore {
    my ($set, $number) = @_;
    my ($value, $waiting, $user) = map { semctl($set, $number, $_, 0) } GETVAL, GETNCNT, GETPID;
    return { there => defined $value, map { $_->[0] => ($_->[1] // 0) + 0 } [value => $value], [waiting => $waiting], [user => $user] };
}

# Ids of the System V shared memory segments that one of these processes made.
sub shared_segments {
    my %process = map { $_ => 1 } @_;
    return map { $_->[1] } grep { $process{ $_->[4] } } map { [split] } grep { /^\s*-?\d/ } _lines('/proc/sysvipc/shm');
}

1;
