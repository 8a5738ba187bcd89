# Many clients of one customer each add a key of metadata at the same moment: none is lost.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Crew;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);

use constant { CLIENTS => 32, ROUNDS_EACH => 10 };    # rounds before it is another customer's turn: metadata has an end

my $ROUNDS = full() ? 500 : 20;
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 1024 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice');
my $crew = MedusaStore::Crew->new(CLIENTS, $h, sub {
    my ($number, $order, $client) = @_;
    my $r = $client->ask('POST', '/store/customers/me', qq({"metadata":{"r$order->{round} n$number":$number}}), Cookie => $order->{cookie});
    return [$r->{status}, index($r->{body}, qq("r$order->{round} n$number":$number)) >= 0 ? 1 : 0];
});
my (@wrong, %want, $c);
for my $round (1 .. $ROUNDS) {
    $c = new_customer($h) if $round % ROUNDS_EACH == 1;
    my @seen = $crew->round({ round => $round, cookie => $c->{cookie} });
    my @bad = grep { $seen[$_][0] != 200 || !$seen[$_][1] } 0 .. $#seen;
    push @wrong, map { "round $round, client $_: $seen[$_][0]" } @bad;
    $want{ $c->{id} }{"r$round n$_"} = $_ for grep { $seen[$_][0] == 200 } 0 .. $#seen;
}
$crew->end;
is_deeply [splice @wrong, 0, 5], [], 'all are answered with 200, and each sees its own key';
my %stored = map { $_->[0] => JSON::PP->new->utf8->decode($_->[1]) } $h->sql('SELECT id, metadata FROM customer');
is_deeply \%stored, \%want, 'all keys are there, and no others';
my ($lost, $events) = (0, $h->sql_value(q(SELECT COUNT(*) FROM outbox WHERE event_name = 'customer.updated')));
for my $id (keys %want) {
    $lost += grep { !exists $stored{$id}{$_} } keys %{ $want{$id} };
}
is $events, CLIENTS * $ROUNDS, 'an event each';
ok figure('J3', 'changes of one customer by 32 clients at once that were lost', $lost, 'of ' . CLIENTS * $ROUNDS, !$lost && $events == CLIENTS * $ROUNDS), "$ROUNDS rounds";
$h->stop;
done_testing;
