package MedusaStore::Wire;

# Stands between httpd and the database and can answer in the server's place: it reads as much of the protocol as it takes to
# tell one statement from another.
#
#     my $wire = MedusaStore::Wire->new;                      # before the shop's first request; $wire->{socket}: its front
#     $wire->refuse(qr/^COMMIT/, 1213, times => 2, instead => 'ROLLBACK');
#     …
#     my $seen = $wire->seen;     # { accepted, connections, refused }: how many since the last order or look; accepted: without a server behind, too
#
# refuse(PATTERN, ERROR, times => N (1), instead => SQL): the next N statements that match are answered by ERROR. They do not get
# to the server; what does in their place is `instead` (the statement itself with 'itself'), whose answer nobody sees. pause => PATH:
# the refusal is kept back then; a file of that name is made, and it goes on when that is gone.

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX ();

use constant { QUERY => 0x03, PREPARE => 0x16, EXECUTE => 0x17 };

my $count = 0;

sub new {
    my ($class) = @_;
    my $self = bless { socket => "$ENV{MS_TEST_SCRATCH}/wire-$$-" . ++$count . '.sock', owner => $$ }, $class;
    pipe my $orders,  $self->{order}  or croak "pipe: $!";
    pipe $self->{answer}, my $answers or croak "pipe: $!";
    my $listener = IO::Socket::UNIX->new(Local => $self->{socket}, Listen => 50) or croak "$self->{socket}: $!";
    chmod 0777, $self->{socket};
    $self->{pid} = fork // croak "fork: $!";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';
        close $self->{$_} for qw(order answer);
        _run($listener, $orders, $answers);
        POSIX::_exit(0);
    }
    return $self;
}

sub _tell {
    my ($self, $order) = @_;
    syswrite $self->{order}, JSON::PP->new->encode($order) . "\n";
    defined(my $line = readline $self->{answer}) or croak 'the wire is gone';
    return JSON::PP->new->decode($line);
}

sub refuse {
    my ($self, $pattern, $error, %option) = @_;
    $self->_tell({ times => 1, %option, pattern => "$pattern", error => $error });
    return;
}

sub seen { my ($self) = @_; return $self->_tell({}) }

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner};
    local ($?, $@, $!);
    close $self->{order};
    waitpid $self->{pid}, 0;
    unlink $self->{socket};
    return;
}

# ---- the process between ----

sub _new_seen { return { accepted => 0, connections => 0, refused => 0 } }

sub _run {
    my ($listener, $orders, $answers) = @_;
    my $select = IO::Select->new($listener, $orders);
    my %end;    # of a connection, by each of its sockets
    my $state = { seen => _new_seen() };
    while (1) {
        for my $ready ($select->can_read) {
            if ($ready == $listener) {
                my $client = $listener->accept or next;
                $state->{seen}{accepted}++;
                my $server = IO::Socket::UNIX->new(Peer => $ENV{MS_TEST_SOCKET}) or do { close $client; next };
                $state->{seen}{connections}++;
                @end{ $client, $server } = ({ client => $client, server => $server, from_client => '', from_server => '',
                    awaited => [], prepared => {} }) x 2;
                $select->add($client, $server);
            }
            elsif ($ready == $orders) {
                sysread $orders, my $line, 65536 or return;
                my $order = JSON::PP->new->decode($line);
                syswrite $answers, JSON::PP->new->encode($state->{seen}) . "\n";
                $state->{seen} = _new_seen();
                $state->{order} = $order->{pattern} ? $order : undef if %$order;
            }
            elsif (my $wire = $end{$ready}) {
                my $side = $ready == $wire->{client} ? 'client' : 'server';
                next if sysread($ready, $wire->{"from_$side"}, 65536, length $wire->{"from_$side"})
                    && ($side eq 'client' ? _from_client($wire, $state) : _from_server($wire));
                delete @end{ @$wire{qw(client server)} };
                $select->remove(@$wire{qw(client server)});
                close $wire->{$_} for qw(client server);
            }
        }
    }
}

# The next whole packet of a buffer: (header and payload, number, payload).
sub _packet {
    my ($buffer) = @_;
    return if length $$buffer < 4;
    my ($low, $high, $number) = unpack 'vCC', $$buffer;
    my $length = $low + ($high << 16);
    return if length $$buffer < 4 + $length;
    my $packet = substr $$buffer, 0, 4 + $length, '';
    return ($packet, $number, substr $packet, 4);
}

sub _query { my ($sql) = @_; return substr(pack('V', 1 + length $sql), 0, 3) . "\0" . chr(QUERY) . $sql }

sub _refusal {
    my ($error) = @_;
    my $payload = pack('Cv', 0xff, $error) . '#HY000refused on the wire';
    return substr(pack('V', length $payload), 0, 3) . "\1$payload";
}

# The SQL of a command, or nothing.
sub _statement {
    my ($wire, $payload) = @_;
    my ($command, $id) = unpack 'CV', "$payload\0\0\0\0";
    return substr $payload, 1 if $command == QUERY || $command == PREPARE;
    return $wire->{prepared}{$id} if $command == EXECUTE;
    return;
}

sub _from_client {
    my ($wire, $state) = @_;
    while (my ($packet, $number, $payload) = _packet(\$wire->{from_client})) {
        my $sql = $number == 0 ? _statement($wire, $payload) : undef;
        my $is_prepare = defined $sql && ord $payload == PREPARE;
        my $order = defined $sql && !$is_prepare && $state->{order} && $sql =~ /$state->{order}{pattern}/ ? $state->{order} : undef;
        if ($order) {
            $state->{seen}{refused}++;
            undef $state->{order} if --$order->{times} == 0;
            my $instead = $order->{instead};
            syswrite $wire->{client}, _refusal($order->{error}) if !defined $instead;
            next if !defined $instead;
            push @{ $wire->{awaited} }, { refuse => $order->{error}, pause => $order->{pause} };
            $packet = _query($instead) if $instead ne 'itself';
        }
        elsif ($is_prepare) {
            push @{ $wire->{awaited} }, { sql => $sql };
        }
        syswrite $wire->{server}, $packet or return 0;
    }
    return 1;
}

sub _pause {
    my ($path) = @_;
    open my $file, '>', $path or croak "$path: $!";
    select undef, undef, undef, 0.02 while -e $path;
    return;
}

# Only the first packet of an awaited answer is looked at; all others pass.
sub _from_server {
    my ($wire) = @_;
    while (my ($packet, $number, $payload) = _packet(\$wire->{from_server})) {
        my $awaited = $number == 1 ? shift @{ $wire->{awaited} } : undef;
        my ($status, $id) = unpack 'CV', "$payload\0\0\0\0\0";
        $wire->{prepared}{$id} = $awaited->{sql} if $awaited && $awaited->{sql} && $status == 0;
        _pause($awaited->{pause}) if $awaited && $awaited->{pause};
        $packet = _refusal($awaited->{refuse}) if $awaited && $awaited->{refuse};
        syswrite $wire->{client}, $packet or return 0;
    }
    return 1;
}

1;
