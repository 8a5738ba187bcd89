package MedusaStore::Crowd;

# Many clients at once: processes that all begin at the same moment and bring home what they saw.
#
#     my $crowd = MedusaStore::Crowd->start(64, sub { my ($number, $more) = @_; …; return $anything });
#     …                                  # $more->() is true until `end` is called
#     my @seen = $crowd->end;            # in the order of their numbers, from 0

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use JSON::PP ();
use POSIX ();

my $json = JSON::PP->new->ascii->allow_nonref;
my %going;    # the ends of pipes by which crowds are told to stop: their members must not hold those of another one

sub start {
    my ($class, $n, $code) = @_;
    my $self = bless { members => [], owner => $$ }, $class;
    pipe my $go_out,   $self->{go}   or croak "pipe: $!";
    pipe my $stop_out, $self->{stop} or croak "pipe: $!";
    for my $number (0 .. $n - 1) {
        pipe my $out, my $in or croak "pipe: $!";
        my $pid = fork // croak "fork: $!";
        if (!$pid) {
            close $_ for $self->{go}, $self->{stop}, values %going;
            $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
            sysread $go_out, my $nothing, 1;    # until all are there
            my $stop = IO::Select->new($stop_out);
            my $seen = eval { $code->($number, sub { !$stop->can_read(0) }) } // { died => "$@" };
            print {$in} $json->encode($seen);
            close $in;
            POSIX::_exit(0);
        }
        close $in;
        push @{ $self->{members} }, [$pid, $out];
    }
    close delete $self->{go};
    $going{$self} = $self->{stop};
    return $self;
}

sub end {
    my ($self) = @_;
    delete $going{$self};
    close delete $self->{stop};
    my @seen;
    for my $member (splice @{ $self->{members} }) {
        my ($pid, $out) = @$member;
        my $text = do { local $/; <$out> };
        waitpid $pid, 0;
        push @seen, length($text // '') ? $json->decode($text) : { died => 'without a word' };
    }
    return @seen;
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    delete $going{$self};
    local ($?, $@, $!);
    for my $member (@{ $self->{members} }) {
        kill 'KILL', $member->[0];
        waitpid $member->[0], 0;
    }
    return;
}

1;
