# Many clients register one e-mail at the same moment, spelt in several ways: one wins, and nothing of the others is left.
use strict;
use warnings;
use utf8;

use Test::More;

use MedusaStore::Crowd;
use MedusaStore::Harness;

use constant CLIENTS => 64;

my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\nMedusaStoreHashQueue 100\nMedusaStoreHashWait 20s\nMedusaStoreDBWait 10s\n");
$h->allow_log(undef, qr/server reached MaxRequestWorkers setting/);    # half of the clients wait to be let in
my @rounds = (
    ['one spelling'      => 'same@example.com'],
    ['upper and lower'   => 'cAsE@example.com', 'CASE@example.com', 'case@EXAMPLE.com', 'Case@Example.Com'],
    ['beyond ASCII'      => 'Émile.Ωmega@example.com', 'ÉMILE.ΩMEGA@example.com', 'émile.ωmega@EXAMPLE.COM'],
);
for my $round (@rounds) {
    my ($name, @emails) = @$round;
    $h->secret(@emails, map { lc } @emails);
    my $email = lc $emails[0];
    my @seen = MedusaStore::Crowd->start(CLIENTS, sub {
        my ($number) = @_;
        my $answer = $h->post('/store/customers', json => { email => $emails[$number % @emails], password => "secret of $number",
            first_name => "N$number", last_name => 'x' });
        return [$answer->{status}, $answer->{json}{customer}{id}, scalar @{ $answer->{cookies} }, $answer->{json}{type}];
    })->end;
    my @died = grep { ref ne 'ARRAY' } @seen;
    is_deeply \@died, [], "$name: all were answered" or next;
    my @won  = grep { $_->[0] == 200 } @seen;
    my @lost = grep { $_->[0] == 422 && $_->[3] eq 'duplicate_error' && !$_->[2] } @seen;
    is scalar @won, 1, "$name: one wins";
    is scalar @lost, CLIENTS - 1, "$name: all others are told so, without a cookie" or diag join ' ', map { $_->[0] } @seen;
    my $id = @won ? $won[0][1] : '';
    is_deeply [$h->sql("SELECT id FROM customer WHERE email = '$email' AND live = 1")], [[$id]], "$name: one row, the winner's";
    is $h->sql_value("SELECT count(*) FROM session WHERE customer_id = '$id'"), 1, "$name: one session";
    is $h->sql_value("SELECT count(*) FROM outbox WHERE data LIKE '%\"id\":\"$id\"%'"), 1, "$name: one event";
}
is $h->sql_value('SELECT count(*) FROM customer'), scalar @rounds, 'no other customer';
is $h->sql_value('SELECT count(*) FROM session'), scalar @rounds, 'no other session';
is $h->sql_value('SELECT count(*) FROM outbox'), scalar @rounds, 'no other event';
$h->stop;
done_testing;
