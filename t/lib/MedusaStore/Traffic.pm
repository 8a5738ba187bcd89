package MedusaStore::Traffic;

# Customers of a shop that several httpd serve: each is a process that goes to another httpd when its own does not answer, and
# writes down every request with its answer. And what they wrote down, held against the tables.
#
#     my $traffic = MedusaStore::Traffic->start([$h1, $h2], register => 2, tag => 2, sign => 2);
#     …                                                # kill what should be survived
#     $traffic->end;
#     is_deeply [$traffic->wrong], [];                 # answers that nobody should get
#     is_deeply [$traffic->lost(\@emails, \@keys)], [];  # what was acknowledged, and is not there
#     my $gap = $traffic->gap($from, $to);             # the longest time without an acknowledged write, in seconds
#
# register: new customers, one after the other. tag: one key of metadata after the other, all on one customer. sign: in at one
# httpd, looked at by another, out at the first, and looked at again.

use strict;
use warnings;

use Carp qw(croak);
use List::Util qw(max);
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;

my $ME = '/store/customers/me';
my %doing = (register => \&_register, tag => \&_tag, sign => \&_sign);
my $begun = 0;

# start([harnesses], KIND => NUMBER OF CLIENTS, …): the first harness makes the customer whose metadata all write to.
# pause: of each client between two rounds, in seconds (0.02).
sub start {
    my ($class, $servers, %clients) = @_;
    my $pause = delete $clients{pause} // 0.02;
    my $self = bless { servers => [map { $_->{client} } @$servers], name => "m$$-" . ++$begun }, $class;
    my $answer = $servers->[0]->post('/store/customers', json => person("$self->{name}-tagged"), jar => $self->{name});
    croak "no customer: $answer->{status}" if $answer->{status} != 200;
    $self->{tagged} = $answer->{json}{customer}{id};
    $self->{cookie} = $servers->[0]{client}->cookie_header($self->{name});
    my @kinds = map { ($_) x $clients{$_} } sort keys %clients;
    $self->{crowd} = MedusaStore::Crowd->start(scalar @kinds, sub {
        my ($number, $more) = @_;
        my $client = bless { %$self, number => $number, at => $number % @$servers, seen => [], contradictions => [] }, $class;
        for (my $n = 1; $more->(); $n++) {
            $doing{ $kinds[$number] }->($client, $n);
            sleep $pause;
        }
        return [@$client{qw(seen contradictions)}];
    });
    return $self;
}

sub person { return { email => "$_[0]\@example.com", password => 'correct horse', first_name => 'P', last_name => 'Q' } }

# The id of the customer whose metadata all write to.
sub tagged { my ($self) = @_; return $self->{tagged} }

# ---- what a client does ----

# Send a request to a server and write it down; undef if nobody listens there.
sub _send {
    my ($self, $at, $kind, $name, $method, $target, %option) = @_;
    my $from = time;
    my $answer = eval { $self->{servers}[$at]->request($method, $target, %option) };
    return if !$answer && $@ =~ /^can't connect/;
    $answer ||= { status => 0, headers => {}, cookies => [] };
    push @{ $self->{contradictions} }, sprintf '%.3f: %s %s was told of another customer', time, $kind, $name
        if !$self->_is_about($answer, $kind eq 'tag' ? "$self->{name}-tagged" : $kind eq 'look' ? "$self->{name}-s$self->{number}" : $name);
    my $down = $answer->{status} == 503 && ($answer->{headers}{'retry-after'} // '') =~ /^\d+$/ && $answer->{json}{type} eq 'database_error';
    push @{ $self->{seen} }, { from => $from, to => time, kind => $kind, name => $name, status => $answer->{status},
        good => $down || $answer->{status} =~ ($kind eq 'look' ? qr/^(?:0|200|401)$/ : qr/^(?:0|200)$/) ? 1 : 0 };
    return $answer;
}

# Does an answer tell of this customer, or of none?
sub _is_about {
    my ($self, $answer, $name) = @_;
    my $told = ref $answer->{json} eq 'HASH' ? $answer->{json}{customer} : undef;
    return !$told || $told->{email} eq person($name)->{email};
}

# Ask the client's server, or, if nobody listens there, the next one. What may have arrived is never sent again.
sub _ask {
    my ($self, @request) = @_;
    for (1 .. @{ $self->{servers} }) {
        my $answer = $self->_send($self->{at}, @request);
        $self->{at} = ($self->{at} + 1) % @{ $self->{servers} } if !$answer || !$answer->{status};
        return $answer if $answer;
    }
    return { status => 0, cookies => [] };
}

sub _register {
    my ($self, $n) = @_;
    my $name = "$self->{name}-c$self->{number}-$n";
    return $self->_ask('register', $name, 'POST', '/store/customers', json => person($name));
}

sub _tag {
    my ($self, $n) = @_;
    my $name = "k$self->{number}-$n";
    return $self->_ask('tag', $name, 'POST', $ME, json => { metadata => { $name => $n } }, headers => { Cookie => $self->{cookie} });
}

# What the other server says must follow from what was acknowledged here.
sub _sign {
    my ($self, $n) = @_;
    my $name = "$self->{name}-s$self->{number}";
    $self->{known} ||= $self->_ask('own', $name, 'POST', '/store/customers', json => person($name))->{status} =~ /^(?:200|422)$/;
    return if !$self->{known};    # its answer was lost: once more
    my $answer = $self->_ask('sign', $name, 'POST', '/store/auth', json => { email => "$name\@example.com", password => 'correct horse' });
    return if $answer->{status} != 200;
    my ($cookie) = map { s/;.*//r } @{ $answer->{cookies} };
    $self->_look($cookie, qr/^(?:0|200|503)$/, 'signed in');
    $answer = $self->_ask('sign', $name, 'DELETE', '/store/auth', headers => { Cookie => $cookie });
    $self->_look($cookie, qr/^(?:0|401|503)$/, 'signed out') if $answer->{status} == 200;
    return;
}

sub _look {
    my ($self, $cookie, $expected, $state) = @_;
    my $other = ($self->{at} + 1) % @{ $self->{servers} };
    my $answer = $self->_send($other, 'look', $state, 'GET', $ME, headers => { Cookie => $cookie }) or return;
    push @{ $self->{contradictions} }, sprintf '%.3f: %s at one server, and %d at the other', time, $state, $answer->{status}
        if $answer->{status} !~ $expected;
    return;
}

# ---- what they wrote down ----

sub end {
    my ($self) = @_;
    for my $client ($self->{crowd}->end) {
        croak "a client died: $client->{died}" if ref $client ne 'ARRAY';
        push @{ $self->{seen} }, @{ $client->[0] };
        push @{ $self->{contradictions} }, @{ $client->[1] };
    }
    return $self;
}

# All requests that were written down, or those of a kind: { from, to, kind, name, status (0: no answer), good }.
sub seen { my ($self, $kind) = @_; return grep { !$kind || $_->{kind} eq $kind } @{ $self->{seen} } }

# Answers but 200, and 503 that tells when to come back; and what does not follow from what was acknowledged. `also`: other
# statuses that may be.
sub wrong {
    my ($self, @also) = @_;
    my %also = map { $_ => 1 } @also;
    return (map({ sprintf '%.3f: %s %s was answered %d', @$_{qw(to kind name status)} } grep { !$_->{good} && !$also{ $_->{status} } } $self->seen),
        @{ $self->{contradictions} || [] });
}

# How often each status was seen.
sub statuses { my ($self) = @_; my %count; $count{ $_->{status} }++ for $self->seen; return \%count }

sub acknowledged { my ($self, $kind) = @_; return grep { $_->{status} == 200 } $self->seen($kind) }

# What was acknowledged and is not among the e-mails and the keys of metadata that are stored; and what was refused, and is.
sub lost {
    my ($self, $emails, $keys) = @_;
    my %stored = (register => { map { s/\@.*//r => 1 } @$emails }, tag => { map { $_ => 1 } @$keys });
    my @bad;
    for my $entry (map { $self->seen($_) } qw(register tag)) {
        my $there = $stored{ $entry->{kind} }{ $entry->{name} };
        push @bad, "$entry->{name} was acknowledged, and is not there" if $entry->{status} == 200 && !$there;
        push @bad, "$entry->{name} was refused, and is there" if $entry->{status} =~ /^4/ && $there;
    }
    return @bad;
}

# The longest time within [from, to] without an acknowledged write, in seconds.
sub gap {
    my ($self, $from, $to) = @_;
    my @times = sort { $a <=> $b } $from, $to, grep { $_ > $from && $_ < $to } map { $_->{to} } map { $self->acknowledged($_) } qw(register tag);
    return max(map { $times[$_] - $times[ $_ - 1 ] } 1 .. $#times);
}

1;
