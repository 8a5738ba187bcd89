package MedusaStore::Quick;

# A client for thousands of requests: one connection that stays open, no parsing but of status, head and length. A request is sent
# once: what may have arrived is never sent again.
#
#     my $client = MedusaStore::Quick->new(port => $h->{port});
#     my $r = $client->ask('POST', '/store/auth', '{"email":…}', Cookie => $cookie);    # { status (0: no answer), head, body, sent, got }
#     my $cookie = MedusaStore::Quick::cookie($r);
#
# sent and got: when, in seconds of a clock that all processes share and nobody sets.

use strict;
use warnings;

use Exporter qw(import);
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

use MedusaStore::Secrets qw(note_secrets secrets_of);

our @EXPORT_OK = qw(cookie text);

# Directives for a server that up to 64 such clients keep busy: one that runs short of threads closes connections.
our $CONF = <<'END';
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 100
<IfModule mpm_prefork_module>
    ServerLimit 80
    MaxRequestWorkers 80
</IfModule>
<IfModule !mpm_prefork_module>
    ThreadLimit 100
    ThreadsPerChild 100
    MaxRequestWorkers 200
    StartServers 2
    MaxSpareThreads 200
</IfModule>
MedusaStoreDBMax 20
MedusaStoreDeadline 60s
MedusaStoreDBWait 30s
MedusaStoreDBTimeout 60s
MedusaStoreHashQueue 200
MedusaStoreHashWait 30s
END

sub new {
    my ($class, %option) = @_;
    return bless { timeout => 60, %option, in => '' }, $class;
}

sub _connect {
    my ($self) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => $self->{timeout}) or return;
    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;
    $self->{in} = '';
    return $self->{socket} = $socket;
}

# Has the server closed the connection while nothing was asked?
sub _is_stale {
    my ($self) = @_;
    my $bits = '';
    vec($bits, fileno $self->{socket}, 1) = 1;
    return scalar select $bits, undef, undef, 0;
}

sub ask {
    my ($self, $method, $target, $body, @headers) = @_;
    undef $self->{socket} if $self->{socket} && $self->_is_stale;
    my $socket = $self->{socket} || $self->_connect or return { status => 0, head => '', body => '', sent => _now(), got => _now() };
    my $head = "$method $target HTTP/1.1\r\nHost: localhost\r\n";
    while (my ($name, $value) = splice @headers, 0, 2) {
        $head .= "$name: $value\r\n" if defined $value;
    }
    $head .= "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n" if defined $body;
    return $self->send("$head\r\n" . ($body // ''), $method);
}

# The same for bytes that are a whole request. Its answer, like that of `ask`.
sub send {
    my ($self, $bytes, $method) = @_;
    my %r = (status => 0, head => '', body => '', sent => _now());
    local $SIG{PIPE} = 'IGNORE';
    my $socket = $self->{socket} || $self->_connect;
    undef $self->{socket} unless $socket && _write($socket, $bytes) && $self->_read(\%r, $method // '');
    $r{got} = _now();
    note_secrets(secrets_of($bytes, @r{qw(head body)})) if $ENV{MS_SECRETS};
    return \%r;
}

# The next answer on the connection, where several requests were sent in one go.
sub more {
    my ($self, $method) = @_;
    my %r = (status => 0, head => '', body => '');
    undef $self->{socket} unless $self->{socket} && $self->_read(\%r, $method // '');
    return \%r;
}

sub _now { return clock_gettime(CLOCK_MONOTONIC) }

sub _write {
    my ($socket, $bytes) = @_;
    my $done = 0;
    while ($done < length $bytes) {
        $done += syswrite($socket, $bytes, length($bytes) - $done, $done) // return 0;
    }
    return 1;
}

# More bytes; 0 at the end, or when none come in time.
sub _fill {
    my ($self) = @_;
    my $bits = '';
    vec($bits, fileno $self->{socket}, 1) = 1;
    return 0 unless select $bits, undef, undef, $self->{timeout};
    return sysread($self->{socket}, $self->{in}, 65536, length $self->{in}) || 0;
}

sub _read {
    my ($self, $r, $method) = @_;
    my $end;
    do {
        until (($end = index $self->{in}, "\r\n\r\n") >= 0) {
            $self->_fill or return 0;
        }
        $r->{head} = substr $self->{in}, 0, $end + 2;
        substr $self->{in}, 0, $end + 4, '';
    } while $r->{head} =~ m{^HTTP/1\.1 1};
    my ($status) = $r->{head} =~ m{^HTTP/1\.1 (\d{3})} or return 0;
    my ($length) = $r->{head} =~ /^Content-Length: (\d+)/mi;
    $length = 0 if $method eq 'HEAD' || $status =~ /^(?:204|304)$/;
    while (defined $length ? length $self->{in} < $length : 1) {
        next if $self->_fill;
        return 0 if defined $length;
        $length = length $self->{in};
    }
    @$r{qw(status body)} = ($status + 0, substr $self->{in}, 0, $length, '');
    return $r->{head} !~ /^Connection: close/mi;
}

# "NAME=VALUE" of the cookie that an answer sets, or nothing.
sub cookie { my ($r) = @_; return $r->{head} =~ /^Set-Cookie: ([^;=]+=[^;\r]+)/mi ? $1 : undef }

# A text of the answer's JSON: the first value of a key. For what has no escapes.
sub text { my ($r, $key) = @_; return $r->{body} =~ /"\Q$key\E":"([^"\\]*)"/ ? $1 : undef }

1;
