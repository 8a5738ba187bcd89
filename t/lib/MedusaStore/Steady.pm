package MedusaStore::Steady;

# Sixteen customers who go on shopping while something breaks (MedusaStore::Traffic), and what must hold whatever it is: each answer is the
# right one, or one that may be sent again; nobody is told of somebody else; what was acknowledged is there, and nothing is half there.
#
#     my $steady = MedusaStore::Steady->start('F7', $h);
#     …                                   # break something
#     $steady->end;
#     $steady->holds;                     # assertions, and figures of the row; statuses that may be as well: ->holds(409)
#     $steady->unanswered                 # requests without an answer: { from, to, kind, … }
#
# The shop of the first harness is looked into. $STEADY are directives that such a shop should have.

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();

use MedusaStore::Accounts qw(rows_are_secret);
use MedusaStore::Json qw(decode);
use MedusaStore::Report qw(figure);
use MedusaStore::Traffic;

our @EXPORT_OK = qw($STEADY);
our $STEADY = "MedusaStorePasswordCost 1024 1\nMedusaStoreHashQueue 200\n";

my %CLIENTS = (register => 6, tag => 4, sign => 6);

sub start {
    my ($class, $row, @servers) = @_;
    $servers[0]->allow_log('MS0107');    # on a slow machine, a process that has just begun makes its first connections one by one
    return bless { row => $row, name => '', h => $servers[0], traffic => MedusaStore::Traffic->start(\@servers, %CLIENTS) }, $class;
}

sub end { my ($self) = @_; $self->{traffic}->end; return $self }

# Which of several of a row it is. Gives the object.
sub named { my ($self, $name) = @_; $self->{name} = ": $name"; return $self }

sub traffic { my ($self) = @_; return $self->{traffic} }

# Requests that nobody answered, other than where nobody listened.
sub unanswered { my ($self) = @_; return grep { !$_->{status} } $self->{traffic}->seen }

# One assertion that a number is 0, told as a figure.
sub _none {
    my ($self, $what, @found) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 2;
    Test::More::is(scalar @found, 0, "$what: none") or Test::More::diag(map { "$_\n" } splice @found, 0, 10);
    return figure($self->{row}, "$what$self->{name}", scalar @found, '', !@found);
}

# Customers without exactly one event, as long as nobody takes these away.
my $EVENTS = <<'SQL';
SELECT CONCAT('customer ', c.id, ' has ', COALESCE(e.n, 0), ' events') FROM customer c
    LEFT JOIN (SELECT JSON_VALUE(data, '$.id') AS id, COUNT(*) AS n FROM outbox WHERE event_name = 'customer.created' GROUP BY 1) e ON e.id = c.id
    WHERE e.n IS NULL OR e.n <> 1
SQL

# Customers who registered without exactly one session; sessions without a customer.
my $SESSIONS = <<'SQL';
SELECT CONCAT('customer ', c.id, ' who registered has ', COUNT(s.id), ' sessions') FROM customer c LEFT JOIN session s ON s.customer_id = c.id
    WHERE c.email REGEXP '-c[0-9]+-[0-9]+@' GROUP BY c.id HAVING COUNT(s.id) <> 1
UNION ALL SELECT CONCAT('a session of no customer: ', s.customer_id) FROM session s LEFT JOIN customer c ON c.id = s.customer_id WHERE c.id IS NULL
SQL

sub holds {
    my ($self, @also) = @_;
    my ($traffic, $h) = @$self{qw(traffic h)};
    my @seen = $traffic->seen;
    my @written = map { $traffic->acknowledged($_) } qw(register tag);
    my @emails = map { $_->[0] } $h->sql('SELECT email FROM customer');
    my @keys = keys %{ decode($h->sql_value("SELECT metadata FROM customer WHERE id = '" . $traffic->tagged . "'")) };
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::cmp_ok(scalar @written, '>', 30, 'customers were there all the time: ' . @seen . ' requests, ' . @written . ' acknowledged writes');
    figure($self->{row}, "requests of 16 clients$self->{name}", scalar @seen, '', 1);
    figure($self->{row}, "acknowledged writes$self->{name}", scalar @written, '', 1);
    figure($self->{row}, "answers of 503, with Retry-After$self->{name}", scalar(grep { $_->{status} == 503 } @seen), '', 1);
    $self->_none('wrong answers, or of another customer', $traffic->wrong(@also));
    $self->_none('acknowledged writes that are lost, refused ones that are there', $traffic->lost(\@emails, \@keys));
    $self->_none('half transactions', map { map { $_->[0] } $h->sql($_) } $SESSIONS, $self->{delivered} ? () : $EVENTS);
    rows_are_secret($h);
    return $self;
}

# Events are being delivered: whether each customer has one is for the test to tell. Gives the object.
sub delivered { my ($self) = @_; $self->{delivered} = 1; return $self }

1;
