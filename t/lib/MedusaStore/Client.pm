package MedusaStore::Client;

# A small HTTP/1.1 client that hides nothing: one connection a request (or one for many), exact bytes out, all headers in.
# And cookie jars.

use strict;
use warnings;

use Carp qw(croak);
use Encode qw(decode);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();

use MedusaStore::Secrets qw(note_secrets secrets_of);

# new(port => N, timeout => SECONDS, keep => 1)
# keep: use a connection again for as long as the server leaves it open. One that it has closed meanwhile is replaced, and
# counted in {replaced}; a new one that is closed without an answer is an error.
sub new {
    my ($class, %option) = @_;
    return bless { host => '127.0.0.1', timeout => 30, %option, jars => {}, replaced => 0 }, $class;
}

# Send bytes as they are and read until the server closes (or `timeout` seconds pass without a byte): all that came.
sub raw {
    my ($self, $bytes, %option) = @_;
    my $socket = $self->connect;
    _write($socket, $bytes);
    shutdown $socket, 1 if $option{shutdown};
    my ($all, $part) = ('', '');
    while (IO::Select->new($socket)->can_read($option{timeout} // $self->{timeout})) {
        sysread($socket, $part, 65536) or last;
        $all .= $part;
    }
    return $all;
}

sub connect {
    my ($self) = @_;
    return IO::Socket::INET->new(PeerAddr => $self->{host}, PeerPort => $self->{port}, Timeout => $self->{timeout})
        || croak "can't connect to port $self->{port}: $@";
}

sub _write {
    my ($socket, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $done = 0;
    while ($done < length $bytes) {
        my $n = syswrite $socket, $bytes, length($bytes) - $done, $done;
        last unless defined $n;    # the server may answer and close before it has read all
        $done += $n;
    }
    return;
}

# request(METHOD, TARGET, headers => {…} or [name, value, …], body => BYTES, json => VALUE, jar => NAME)
# A header of undef is not sent. Gives { status, reason, headers, cookies, body, text, json }: header names in lower case,
# several values of one name as an array; cookies: all Set-Cookie values; json: decoded if it is JSON.
sub request {
    my ($self, $method, $target, %option) = @_;
    my $body = $option{body};
    my @lines = _header_lines($option{headers});
    my %given = map { lc((split /:/)[0]) => 1 } @lines;
    if (exists $option{json}) {
        $body = JSON::PP->new->utf8->canonical->allow_nonref->encode($option{json});
        push @lines, 'Content-Type: application/json' unless $given{'content-type'};
    }
    my $cookie = defined $option{jar} ? $self->cookie_header($option{jar}) : '';
    push @lines, "Cookie: $cookie" if length $cookie && !$given{cookie};
    push @lines, 'Content-Length: ' . length $body if defined $body && !$given{'content-length'} && !$given{'transfer-encoding'};
    unshift @lines, "Host: $self->{host}:$self->{port}" unless $given{host};
    push @lines, 'Connection: close' unless $given{connection} || $self->{keep};
    my $head = join "\r\n", "$method $target HTTP/1.1", @lines, '', '';
    utf8::encode($head) if utf8::is_utf8($head);
    my $answer = $self->_exchange($method, $head . ($body // ''));
    note_secrets(secrets_of($head . ($body // ''), join("\n", map { "Set-Cookie: $_" } @{ $answer->{cookies} }), $answer->{body}));
    $self->_keep_cookies($option{jar}, $answer) if defined $option{jar};
    return $answer;
}

sub _header_lines {
    my ($headers) = @_;
    my @pairs = ref $headers eq 'ARRAY' ? @$headers : map { ($_ => $headers->{$_}) } sort keys %{ $headers || {} };
    my @lines;
    while (my ($name, $value) = splice @pairs, 0, 2) {
        push @lines, "$name: $value" if defined $value;
    }
    return @lines;
}

sub _exchange {
    my ($self, $method, $bytes) = @_;
    my $reader = $self->_send_on_kept($bytes) || $self->_send($self->connect, $bytes);
    my $answer;
    do { $answer = _read_head($reader) } while $answer->{status} =~ /^1/;
    $answer->{body} = $method eq 'HEAD' || $answer->{status} =~ /^(?:204|304)$/ ? '' : _read_body($reader, $answer->{headers});
    $answer->{text} = eval { decode('UTF-8', $answer->{body}, Encode::FB_CROAK | Encode::LEAVE_SRC) };
    my $type = $answer->{headers}{'content-type'} // '';
    $answer->{json} = eval { JSON::PP->new->utf8->allow_nonref->decode($answer->{body}) } if $type =~ m{^application/json};
    $self->{kept} = $reader->{socket} if $self->{keep} && ($answer->{headers}{connection} // '') !~ /close/i;
    return $answer;
}

sub _send {
    my ($self, $socket, $bytes) = @_;
    _write($socket, $bytes);
    return { socket => $socket, buffer => '', timeout => $self->{timeout} };
}

# Nothing if there is no connection to use again, or if the server has closed it before it could see the request.
sub _send_on_kept {
    my ($self, $bytes) = @_;
    my $socket = delete $self->{kept} or return;
    my $reader = $self->_send($socket, $bytes);
    return $reader if _fill($reader);
    $self->{replaced}++;
    return;
}

# More bytes into the buffer; 0 at the end.
sub _fill {
    my ($reader) = @_;
    IO::Select->new($reader->{socket})->can_read($reader->{timeout}) or croak 'no answer in time';
    return sysread $reader->{socket}, $reader->{buffer}, 65536, length $reader->{buffer};
}

sub _read_line {
    my ($reader) = @_;
    until ($reader->{buffer} =~ /\n/) {
        _fill($reader) or croak 'the connection was closed in the middle of an answer';
    }
    $reader->{buffer} =~ s/\A([^\n]*?)\r?\n//;
    return $1;
}

sub _read_head {
    my ($reader) = @_;
    my $first = _read_line($reader);
    my ($status, $reason) = $first =~ m{^HTTP/1\.[01] (\d{3}) ?(.*)} or croak "no HTTP answer: $first";
    my %answer = (status => $status, reason => $reason, headers => {}, cookies => []);
    while (length(my $line = _read_line($reader))) {
        my ($name, $value) = $line =~ /^([^:]+):\s*(.*?)\s*$/ or croak "bad header: $line";
        _add_header($answer{headers}, lc $name, $value);
        push @{ $answer{cookies} }, $value if lc $name eq 'set-cookie';
    }
    return \%answer;
}

sub _add_header {
    my ($headers, $name, $value) = @_;
    my $old = $headers->{$name};
    $headers->{$name} = !defined $old ? $value : ref $old ? [@$old, $value] : [$old, $value];
    return;
}

sub _read_bytes {
    my ($reader, $length) = @_;
    while (length $reader->{buffer} < $length) {
        _fill($reader) or croak 'the connection was closed in the middle of a body';
    }
    return substr $reader->{buffer}, 0, $length, '';
}

sub _read_body {
    my ($reader, $headers) = @_;
    return _read_bytes($reader, $headers->{'content-length'}) if defined $headers->{'content-length'};
    if (lc($headers->{'transfer-encoding'} // '') eq 'chunked') {
        my $body = '';
        while (my $length = hex _read_line($reader)) {
            $body .= _read_bytes($reader, $length);
            _read_line($reader);
        }
        return $body;
    }
    1 while _fill($reader);
    return $reader->{buffer};
}

# ---- cookie jars: by name; a jar is made at its first use ----

sub jar { my ($self, $name) = @_; return $self->{jars}{$name} ||= {} }

sub cookie_header {
    my ($self, $name) = @_;
    my $jar = $self->jar($name);
    return join '; ', map { "$_=$jar->{$_}" } sort keys %$jar;
}

# { name, value, attributes: { lower-case name => value } } of a Set-Cookie value; `gone`: it removes the cookie.
sub parse_cookie {
    my ($text) = @_;
    my ($pair, @rest) = split /\s*;\s*/, $text;
    my ($name, $value) = split /=/, $pair, 2;
    my %attributes = map { my ($k, $v) = split /=/, $_, 2; (lc $k => $v // '') } @rest;
    my $gone = (defined $attributes{'max-age'} && $attributes{'max-age'} <= 0)
        || ($attributes{expires} // '') =~ /\b1970\b/;
    return { name => $name, value => $value // '', attributes => \%attributes, gone => $gone ? 1 : 0 };
}

sub _keep_cookies {
    my ($self, $name, $answer) = @_;
    my $jar = $self->jar($name);
    for my $cookie (map { parse_cookie($_) } @{ $answer->{cookies} }) {
        if ($cookie->{gone}) { delete $jar->{ $cookie->{name} } }
        else                 { $jar->{ $cookie->{name} } = $cookie->{value} }
    }
    return;
}

1;
