# A request with an Idempotency-Key whose connections are cut, between client and httpd or between httpd and its database, after each
# number of bytes: sent again until it is answered, it has had one effect. A few dozens of cuts; a thousand with ./check --full.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep);

use MedusaStore::Client;
use MedusaStore::Cut;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);

# Rounds of each kind, spread over all bytes; and a few at the very end, where all is done and nobody knows it: a thousand in all.
my %ROUNDS = full() ? (client => 300, warm => 250, cold => 250, address_client => 100, address_database => 100)
                    : (client => 14,  warm => 8,   cold => 8,   address_client => 6,   address_database => 6);
my @BEFORE_THE_END = (1, 4, 9);    # bytes; the answer to COMMIT has 11

my $h = MedusaStore::Harness->new(start => 0, single => 1, main => "MedusaStorePasswordCost 8 1\nMedusaStoreDBMax 1\nMedusaStoreDBKeep 1\n");
my $database = MedusaStore::Cut->before_database($h);
$h->start;
$h->allow_log($_) for qw(MS0101 MS0102 MS0111);
my $wire = MedusaStore::Cut->new(to => $h->{port});
my $client = MedusaStore::Client->new(port => $wire->{port});

my ($number, $replays, %bad, %seen, %sent) = (0, 0);
my %place = (first_name => 'P', last_name => 'Q', address_1 => '1 Main St', country_code => 'no', postal_code => '5003');

sub email { my ($n) = @_; return "n$n\@lab.test" }

# Send it until it is answered by 200: that answer. All others have to be such as a client may try again after.
sub persist {
    my ($try) = @_;
    for my $n (1 .. 400) {
        my $answer = eval { $try->() };
        my $status = $answer ? $answer->{status} : 'none';
        $seen{$status}++;
        $replays++ if $status eq '200' && $answer->{headers}{'idempotent-replayed'};
        return $answer if $status eq '200';
        if ($status !~ /^(?:none|409|503)$/) {
            $bad{"$status $answer->{body}"}++;
            return $answer;
        }
        sleep 0.05 if $answer;
    }
    $bad{'no end of it'}++;
    return { status => 0, headers => {} };
}

sub create {
    my ($n) = @_;
    $sent{ email($n) } = 1;
    return $client->request(POST => '/store/customers', jar => "n$n", headers => { 'Idempotency-Key' => "registration-$n" },
        json => { email => email($n), password => 'correct horse', first_name => 'N', last_name => "L$n" });
}

sub add {
    my ($n) = @_;
    $sent{"City $n"} = 1;
    return $client->request(POST => '/store/customers/me/addresses', jar => "n$n", headers => { 'Idempotency-Key' => "an-address-$n" },
        json => { address => { %place, city => "City $n" } });
}

sub be_created { my ($n) = @_; return persist(sub { create($n) }) }
sub be_warm    { be_created(++$number); persist(sub { add($number) }); return }    # all statements are prepared

# One round: what comes before, where the cut is, what is sent. A round without a cut tells how many bytes there are.
my %KIND = (
    client           => [sub { },                                      $wire,     \&create],
    warm             => [\&be_warm,                                    $database, \&create],
    cold             => [sub { $database->close },                     $database, \&create],
    address_client   => [sub { be_created($_[0]) },                    $wire,     \&add],
    address_database => [sub { be_warm(); be_created($_[0]) },         $database, \&add],
);

sub round {
    my ($kind, $bytes) = @_;
    my ($before, $cut, $try) = @{ $KIND{$kind} };
    my $n = ++$number;
    $before->($n);
    defined $bytes ? $cut->after($bytes) : $cut->seen;
    my $answer = persist(sub { $try->($n) });
    my $seen = $cut->seen;
    is $client->request(GET => '/store/auth', jar => "n$n")->{status}, 200, "$kind, $bytes: signed in" if !full() && defined $bytes;
    return { %$seen, answer => $answer };
}

my ($rounds, $cuts) = (0, 0);
for my $kind (sort keys %ROUNDS) {
    round($kind);
    my $total = round($kind)->{bytes};
    cmp_ok $total, '>', 300, "$kind: $total bytes";
    my $before = $replays;
    for my $bytes ((map { int($_ * $total / $ROUNDS{$kind}) } 0 .. $ROUNDS{$kind} - 1), map { $total - $_ } @BEFORE_THE_END) {
        my $round = round($kind, $bytes);
        $rounds++;
        $cuts++ if $round->{cuts};
    }
    cmp_ok $replays - $before, '>', 0, "$kind: some were done, and the client did not learn of it";
}
is $cuts, $rounds, 'each round had its cut';
is_deeply \%bad, {}, 'a client that tries again is never told anything but success in the end';
note join ', ', map { "$_: $seen{$_}" } sort keys %seen;

# ---- what came of it ----

sub numbers { my ($sql) = @_; return map { $_->[0] => $_->[1] } $h->sql($sql) }

my %customers = numbers('SELECT email, COUNT(*) FROM customer GROUP BY email');
my %events    = numbers(q(SELECT JSON_VALUE(data, '$.email'), COUNT(*) FROM outbox WHERE event_name = 'customer.created' GROUP BY 1));
my %addresses = numbers('SELECT city, COUNT(*) FROM address GROUP BY city');
my @wrong = grep { my $rows = /^City/ ? $addresses{$_} : $customers{$_}; ($rows // 0) != 1 || (!/^City/ && ($events{$_} // 0) != 1) }
    sort keys %{ { %sent, %customers, %events, %addresses } };
is_deeply \@wrong, [], 'each customer that was sent is there once, with one event; and each address';
is $h->sql_value('SELECT COUNT(*) FROM idempotency_key'), scalar keys %sent, '… with one key each';
my $good = !@wrong && !%bad;
ok figure('J8', 'requests that were cut and sent again', $rounds, '', $good && $cuts == $rounds), "$rounds requests were cut";
figure('J8', 'of these done before they were cut, and answered by the replay', $replays, '', $replays > 0);
figure('J8', 'effects that are there twice, or missing', scalar @wrong, '', $good);
$h->stop;
done_testing;
