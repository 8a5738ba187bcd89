package MedusaStore::Echo;

# A backend for proxies: it answers every request with the head of that very request, as text. Query parameters whose names begin
# with a capital letter become headers of the answer: /x?Cache-Control=public. Ends with the object.
#
#     my $echo = MedusaStore::Echo->new;    # $echo->{port}

use strict;
use warnings;

use IO::Socket::INET;
use POSIX ();

sub new {
    my ($class) = @_;
    my $socket = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', LocalPort => 0) or die "no port: $@";
    my $self = bless { port => $socket->sockport, owner => $$ }, $class;
    $self->{pid} = fork // die "fork: $!";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = 'IGNORE';
        while (my $client = $socket->accept) {
            _answer($client);
        }
        POSIX::_exit(0);
    }
    return $self;
}

sub _answer {
    my ($client) = @_;
    my $head = '';
    while ($head !~ /\r\n\r\n/) {
        sysread $client, $head, 65536, length $head or return;
    }
    $head =~ s/\r\n\r\n.*//s;
    my ($query) = $head =~ m{^\S+ [^ ?]*\?(\S*)};
    my @headers = map { s/\+/ /gr =~ s/%([0-9A-Fa-f]{2})/chr hex $1/egr =~ s/=/: /r } grep { /^[A-Z]/ } split /&/, $query // '';
    my $body = $head =~ s/\r//gr . "\n";
    syswrite $client, join "\r\n", 'HTTP/1.1 200 OK', 'Content-Type: text/plain', 'Connection: close', 'Content-Length: ' . length $body,
        @headers, '', $body;
    close $client;
    return;
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner} || !$self->{pid};
    local ($?, $!);
    kill 'TERM', $self->{pid};
    waitpid delete $self->{pid}, 0;
    return;
}

1;
