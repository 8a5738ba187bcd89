package MedusaStore::Cut;

# Stands between two ends of a connection and cuts it after so many bytes, to the byte. Knows nothing of what passes.
#
#     my $cut = MedusaStore::Cut->before_database($h);    # of a shop whose httpd does not run yet; $cut->{socket} is its front
#     my $cut = MedusaStore::Cut->new(to => $h->{port});  # before httpd: $cut->{port}
#     $cut->after(100);           # after 100 more bytes, of all connections and both directions together, all that are open end
#     $cut->after(100, 3);        # … and again each time that 100 more have passed, three times in all
#     $cut->each(10, 20);         # the next connection ends after 10 bytes of its own, the one after it after 20
#     $cut->close;                # all that are open end now, and what was ordered is forgotten
#     my $seen = $cut->seen;      # { bytes, cuts, connections } since the last order or look
#
# The cut comes as soon as one byte more wants to pass; TCP ends by a reset then.

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);

my $count = 0;

sub new {
    my ($class, %option) = @_;
    my $self = bless { %option, owner => $$ }, $class;
    my $listener;
    if ($self->{to} =~ m{/}) {
        $self->{socket} = "$ENV{MS_TEST_SCRATCH}/cut-$$-" . ++$count . '.sock';
        $listener = IO::Socket::UNIX->new(Local => $self->{socket}, Listen => 50) or croak "$self->{socket}: $!";
        chmod 0777, $self->{socket};
    }
    else {
        $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 50) or croak "no port: $@";
        $self->{port} = $listener->sockport;
    }
    pipe my $orders,  $self->{order}  or croak "pipe: $!";
    pipe $self->{answer}, my $answers or croak "pipe: $!";
    $self->{pid} = fork // croak "fork: $!";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';
        close $self->{$_} for qw(order answer);
        _run({ to => $self->{to}, listener => $listener, orders => $orders, answers => $answers, each => [], %{ _nothing() } });
        POSIX::_exit(0);
    }
    return $self;
}

sub before_database {
    my ($class, $h) = @_;
    my $self = $class->new(to => $ENV{MS_TEST_SOCKET});
    my $user = $ENV{MS_TEST_WEB_USER} || $ENV{MS_TEST_USER};
    $h->write_private('db-params', "sock=$self->{socket},user=$user,dbname=$h->{database}\n");
    return $self;
}

sub _tell {
    my ($self, $order) = @_;
    syswrite $self->{order}, JSON::PP->new->encode($order) . "\n";
    defined(my $line = readline $self->{answer}) or croak 'the proxy is gone';
    return JSON::PP->new->decode($line);
}

sub after { my ($self, $n, $times) = @_; return $self->_tell({ after => $n, times => $times // 1 }) }
sub each  { my ($self, @n) = @_; return $self->_tell({ each => \@n }) }
sub close { my ($self) = @_; return $self->_tell({ close => 1 }) }
sub seen  { my ($self) = @_; return $self->_tell({}) }

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ($?, $@, $!);
    CORE::close $self->{order};
    waitpid $self->{pid}, 0;
    unlink $self->{socket} if $self->{socket};
    return;
}

# ---- the process between ----

sub _nothing { return { seen => { bytes => 0, cuts => 0, connections => 0 } } }

sub _run {
    my ($state) = @_;
    my $select = $state->{select} = IO::Select->new(@$state{qw(listener orders)});
    while (1) {
        for my $ready ($select->can_read) {
            if    ($ready == $state->{listener})    { _accept($state) }
            elsif ($ready == $state->{orders})      { _obey($state) or return }
            elsif (my $pair = $state->{pair}{$ready}) { _pass($state, $pair, $ready) }
        }
    }
}

sub _accept {
    my ($state) = @_;
    my $client = $state->{listener}->accept or return;
    my $to = $state->{to};
    my $server = $to =~ m{/} ? IO::Socket::UNIX->new(Peer => $to) : IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $to);
    return CORE::close $client unless $server;
    $state->{seen}{connections}++;
    my $pair = { ends => [$client, $server], left => shift @{ $state->{each} } };
    @{ $state->{pair} }{ $client, $server } = ($pair, $pair);
    $state->{select}->add($client, $server);
    return;
}

sub _obey {
    my ($state) = @_;
    sysread $state->{orders}, my $line, 65536 or return 0;
    my $order = JSON::PP->new->decode($line);
    if (%$order) {
        @$state{qw(after left times)} = @$order{qw(after after times)};
        $state->{each} = $order->{each} || [];
    }
    _end($state, 0, values %{ $state->{pair} }) if $order->{close};
    my $seen = $state->{seen};
    $state->{seen} = _nothing()->{seen};
    syswrite $state->{answers}, JSON::PP->new->encode($seen) . "\n";
    return 1;
}

# Hand on what may still pass of what came.
sub _pass {
    my ($state, $pair, $from) = @_;
    my ($to) = grep { $_ != $from } @{ $pair->{ends} };
    my $most = 65536;
    for my $left (grep { defined } $pair->{left}, $state->{times} ? $state->{left} : undef) {
        $most = $left if $left < $most;
    }
    if ($most == 0) {
        $state->{seen}{cuts}++;
        return _end($state, 1, $pair) if defined $pair->{left} && $pair->{left} == 0;
        $state->{left} = $state->{after};
        $state->{times}--;
        return _end($state, 1, values %{ $state->{pair} });
    }
    my $bytes;
    my $n = sysread $from, $bytes, $most;
    return _end($state, 0, $pair) unless $n && _write($to, $bytes);
    $state->{seen}{bytes} += $n;
    $state->{left} -= $n if $state->{times};
    $pair->{left} -= $n if defined $pair->{left};
    return;
}

sub _write {
    my ($to, $bytes) = @_;
    while (length $bytes) {
        my $n = syswrite $to, $bytes or return 0;
        substr $bytes, 0, $n, '';
    }
    return 1;
}

sub _end {
    my ($state, $reset, @pairs) = @_;
    for my $end (map { @{ $_->{ends} } } @pairs) {
        delete $state->{pair}{$end} or next;
        $state->{select}->remove($end);
        setsockopt $end, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0 if $reset && $end->isa('IO::Socket::INET');
        CORE::close $end;
    }
    return;
}

1;
