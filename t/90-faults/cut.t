# F3: the connection to the database is cut after n bytes of a registration, n from the first to the last: amid a statement, amid the
# transaction, before and after COMMIT. A registration is told as done and is there as a whole, or is told as 5xx; it is there all the
# same only where the cut came when COMMIT had been sent. A few dozens of cuts; each single byte with ./check --full (where all
# connections are cut, each eighth: after these a new one is not tried at once).
use strict;
use warnings;

use List::Util qw(sum0);
use Test::More;
use Time::HiRes qw(sleep);

use MedusaStore::Client;
use MedusaStore::Cut;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);

my $h = MedusaStore::Harness->new(start => 0, single => 1, main => "MedusaStorePasswordCost 8 1\nMedusaStoreDBMax 1\nMedusaStoreDBKeep 1\n");
my $database = MedusaStore::Cut->before_database($h);
$h->start;
$h->allow_log($_) for qw(MS0101 MS0102 MS0111);
$h->secret('correct horse', '@lab.test');    # not each of thousands of e-mails: the log is looked through for all
my $client = MedusaStore::Client->new(port => $h->{port});
my $number = 0;

sub create {
    my ($name) = @_;
    return $client->request(POST => '/store/customers', json => { email => "$name\@lab.test", password => 'correct horse', first_name => 'N', last_name => 'M' });
}

# Until the database is to be had, whatever the last cut left.
sub be_well {
    for (1 .. 1000) {
        return if $client->request(GET => '/store/auth/nobody@lab.test')->{status} == 200;
        sleep 0.02;
    }
    die "the database does not come back\n";
}

# How a connection is when the registration comes, and how often it is cut: once, or each one that takes its place, too.
my %SWEEP = (
    warm     => { before => sub { create('w' . ++$number) }, times => 1 },
    cold     => { before => sub { $database->close },        times => 1 },
    again    => { before => sub { create('w' . ++$number) }, times => 100 },
);

# One registration: { email, status, cuts } and the number of bytes.
sub attempt {
    my ($kind, $bytes) = @_;
    my $sweep = $SWEEP{$kind};
    be_well();
    $sweep->{before}->();
    my $email = sprintf '%s-%05d', $kind, ++$number;
    defined $bytes ? $database->after($bytes, $sweep->{times}) : $database->seen;
    my $answer = create($email);
    my $seen = $database->seen;
    $database->after(0, 0);
    return { email => "$email\@lab.test", status => $answer->{status}, %$seen };
}

# The numbers of bytes to cut after: all, or some, and in any case some about COMMIT.
sub spread {
    my ($kind, $total) = @_;
    return 0 .. $total - 1 if full() && $kind ne 'again';
    my $n = full() ? int($total / 8) : 16;
    return ((map { int($_ * $total / $n) } 0 .. $n - 1), map { $total - $_ } 22, 15, 11, 6, 1);
}

my %attempts;
for my $kind (sort keys %SWEEP) {
    attempt($kind);
    my $total = attempt($kind)->{bytes};
    cmp_ok $total, '>', 600, "$kind: $total bytes";
    $attempts{$kind} = [map { attempt($kind, $_) } spread($kind, $total)];
}
be_well();
is create('last')->{status}, 200, 'after all that, it goes on as before';

# ---- what came of it ----

sub counted { my ($sql) = @_; return map { $_->[0] => $_->[1] } $h->sql($sql) }

my %row     = counted('SELECT email, COUNT(*) FROM customer GROUP BY email');
my %session = counted('SELECT c.email, COUNT(*) FROM session s JOIN customer c ON c.id = s.customer_id GROUP BY c.email');
my %event   = counted(q(SELECT JSON_VALUE(data, '$.email'), COUNT(*) FROM outbox GROUP BY 1));
my ($cuts, $unknown, $served, $refused, @wrong, @half) = (0, 0, 0, 0);
for my $kind (sort keys %attempts) {
    my ($open, $done) = (0, 0);
    for my $try (@{ $attempts{$kind} }) {
        my $there = $row{ $try->{email} } // 0;
        push @half, $try->{email} if grep { ($_->{ $try->{email} } // 0) != $there } \%session, \%event;
        push @wrong, "$try->{email}: $try->{status}, rows: $there" if $try->{status} == 200 ? $there != 1 : $try->{status} < 500 || $there > 1;
        push @wrong, "$try->{email} was not cut" if !$try->{cuts};
        $done++ if $try->{status} == 200;
        $open++ if $try->{status} != 200 && $there;
        $cuts += $try->{cuts};
    }
    my $n = @{ $attempts{$kind} };
    note "$kind: $n registrations, $done done, $open unknown";
    cmp_ok $open, '>', 0, "$kind: COMMIT was met";
    cmp_ok $done, '>', 0, "$kind: some outlive their cut" if $kind ne 'again';
    $unknown += $open;
    $served += $done;
    $refused += $n - $done;
}
is_deeply \@wrong, [], 'each answer is a success whose row is there, or 5xx';
is_deeply \@half, [], 'customer, session and event are there together or not at all';
cmp_ok $unknown, '<=', scalar(() = $h->log_text =~ /MS0111: /g), 'each unknown outcome has its line in the log';
my $tries = $served + $refused;
my $most = sum0(map { 11 } keys %SWEEP);    # the bytes of the answer to COMMIT
cmp_ok $unknown, '<=', $most, "$unknown of $tries are there although they were told as failed: only those that were cut at COMMIT";
my $good = !@wrong && !@half && $unknown <= $most;
ok figure('F3', 'registrations that were cut', $tries, '', $good), "$tries registrations, $cuts cuts";
figure('F3', 'cuts', $cuts, '', $cuts >= $tries);
figure('F3', 'answered by success, with the rows', $served, '', $good);
figure('F3', 'answered by 503', $refused, '', $good);
figure('F3', 'unknown outcomes, all of them at COMMIT', $unknown, '', $unknown <= $most);
figure('F3', 'rows that are half there', scalar @half, '', !@half);
$h->stop;
done_testing;
