# Many clients register one e-mail at the same moment, spelt in several ways: one wins, and nothing of the others is left.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Crew;
use MedusaStore::Harness;
use MedusaStore::Quick qw(cookie text);
use MedusaStore::Report qw(figure full);

use constant CLIENTS => 64;

my $ROUNDS = full() ? 1000 : 12;
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 2048 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice');

# Spellings of round N that are one address; the first in lower case is what is stored.
sub spellings {
    my ($n) = @_;
    return (["same$n\@example.com"], ["cAsE$n\@example.com", "CASE$n\@example.com", "case$n\@EXAMPLE.com", "Case$n\@Example.Com"],
        ["Émile.Ωmega$n\@example.com", "ÉMILE.ΩMEGA$n\@example.com", "émile.ωmega$n\@EXAMPLE.COM"])[$n % 3];
}

my $crew = MedusaStore::Crew->new(CLIENTS, $h, sub {
    my ($number, $emails, $client) = @_;
    my $r = $client->ask('POST', '/store/customers', JSON::PP->new->utf8->encode({ email => $emails->[$number % @$emails],
        password => "secret of $number", first_name => "N$number", last_name => 'x' }));
    return [$r->{status}, text($r, 'id'), defined cookie($r) ? 1 : 0, text($r, 'type') // ''];
});
my (@wrong, %winner);
for my $round (1 .. $ROUNDS) {
    my $emails = spellings($round);
    $h->secret(@$emails);
    my @seen = $crew->round($emails);
    my @won  = grep { $_->[0] == 200 && $_->[2] } @seen;
    my @lost = grep { $_->[0] == 422 && $_->[3] eq 'duplicate_error' && !$_->[2] } @seen;
    $winner{ lc $emails->[0] } = $won[0][1] if @won == 1;
    push @wrong, "round $round: " . join ' ', map { $_->[0] } @seen if @won != 1 || @lost != CLIENTS - 1;
}
$crew->end;
is_deeply [splice @wrong, 0, 5], [], 'one wins, all others are told so, without a cookie';

# the winner's row, one session and one event, and nothing else
my %stored = map { $_->[0] => $_->[1] } $h->sql('SELECT email, id FROM customer WHERE live = 1');
is_deeply \%stored, \%winner, 'the rows are the winners';
my %counts = map { my $what = $_; $what => $h->sql_value($what) } 'SELECT COUNT(*) FROM customer', 'SELECT COUNT(*) FROM session',
    'SELECT COUNT(*) FROM outbox', 'SELECT COUNT(DISTINCT customer_id) FROM session',
    q(SELECT COUNT(*) FROM customer c JOIN outbox o ON JSON_VALUE(o.data, '$.id') = c.id AND o.event_name = 'customer.created');
is_deeply \%counts, { map { $_ => $ROUNDS } keys %counts }, 'one row, one session and one event each, and no other';
ok figure('J2', 'rounds of 64 registrations of one e-mail, each with exactly one winner', scalar(keys %winner), '',
    keys %winner == $ROUNDS && !grep({ $_ != $ROUNDS } values %counts)), "$ROUNDS rounds";
$h->stop;
done_testing;
