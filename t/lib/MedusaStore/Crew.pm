package MedusaStore::Crew;

# Many clients that stay for many rounds: processes that all begin a round at the same moment, each with a connection of its own
# that stays open, and bring home what they saw.
#
#     my $crew = MedusaStore::Crew->new(64, $h, sub { my ($number, $order, $client, $more) = @_; …; return $anything });
#     my @seen = $crew->round($order);    # of each, in the order of their numbers, from 0; $order and $anything: any data
#     $crew->begin($order); …; @seen = $crew->finish;    # the same in two halves; $more->() is true until `finish`
#     $crew->end;
#
# $client is a MedusaStore::Quick. For one round with a client that tells more, see MedusaStore::Crowd.

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use POSIX ();
use Storable qw(freeze thaw);

use MedusaStore::Quick;

sub new {
    my ($class, $n, $h, $code) = @_;
    my $self = bless { members => [], owner => $$ }, $class;
    pipe my $go_out,   $self->{go}   or croak "pipe: $!";
    pipe my $stop_out, $self->{stop} or croak "pipe: $!";
    for my $number (0 .. $n - 1) {
        pipe my $orders, my $order  or croak "pipe: $!";
        pipe my $answer, my $answers or croak "pipe: $!";
        my $pid = fork // croak "fork: $!";
        if (!$pid) {
            $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
            close $_ for @$self{qw(go stop)}, $order, $answer, map { @$_[1, 2] } @{ $self->{members} };
            _serve($number, MedusaStore::Quick->new(port => $h->{port}), $code, $orders, $answers, $go_out, $stop_out);
            POSIX::_exit(0);
        }
        close $_ for $orders, $answers;
        push @{ $self->{members} }, [$pid, $order, $answer];
    }
    $self->{stop_out} = $stop_out;
    return $self;
}

sub _put {
    my ($to, $data) = @_;
    my $bytes = freeze([$data]);
    $bytes = pack('N', length $bytes) . $bytes;
    my $done = 0;
    while ($done < length $bytes) {
        $done += syswrite($to, $bytes, length($bytes) - $done, $done) // return 0;
    }
    return 1;
}

sub _take {
    my ($from) = @_;
    my $bytes = '';
    until (length $bytes >= 4 && length $bytes >= 4 + unpack 'N', $bytes) {
        sysread $from, $bytes, length $bytes < 4 ? 4 - length $bytes : 4 + unpack('N', $bytes) - length $bytes, length $bytes or return;
    }
    return thaw(substr $bytes, 4);
}

# A member's life: an order, the sign to begin, the answer; until orders end.
sub _serve {
    my ($number, $client, $code, $orders, $answers, $go, $stop) = @_;
    my $stopped = IO::Select->new($stop);
    while (my $order = _take($orders)) {
        sysread $go, my $sign, 1 or return;
        my $seen = eval { $code->($number, $order->[0], $client, sub { !$stopped->can_read(0) }) } // { died => "$@" };
        _put($answers, $seen) or return;
    }
    return;
}

sub begin {
    my ($self, $order) = @_;
    _put($_->[1], $order) for @{ $self->{members} };
    syswrite $self->{go}, 'x' x @{ $self->{members} };    # at most a pipe's atomic size
    return $self;
}

# One round whose members end by themselves.
sub round { my ($self, $order) = @_; return $self->begin($order)->_gather }

sub finish {
    my ($self) = @_;
    syswrite $self->{stop}, 'x';
    my @seen = $self->_gather;
    sysread $self->{stop_out}, my $sign, 1;
    return @seen;
}

sub _gather {
    my ($self) = @_;
    my @seen = map { (_take($_->[2]) || [{ died => 'without a word' }])->[0] } @{ $self->{members} };
    my ($dead) = grep { ref eq 'HASH' && defined $_->{died} } @seen;
    croak "a client died: $dead->{died}" if $dead;
    return @seen;
}

sub end {
    my ($self) = @_;
    local ($?, $@, $!);
    kill 'KILL', map { $_->[0] } @{ $self->{members} };    # not by their pipes: a later crew holds those too
    waitpid $_->[0], 0 for splice @{ $self->{members} };
    return;
}

sub DESTROY { my ($self) = @_; return $$ == $self->{owner} ? $self->end : undef }

1;
