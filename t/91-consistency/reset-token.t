# One reset token in the hands of many clients at once: it is good for one of them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in rows_are_secret);
use MedusaStore::Crew;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);

use constant CLIENTS => 32;

my $ROUNDS = full() ? 500 : 10;
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 2048 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice');
my @customers = map { new_customer($h) } 1 .. $ROUNDS;
$h->post('/store/customers/password-token', json => { email => $_->{email} }) for @customers;
my %token = map { @$_ } $h->sql(q(SELECT JSON_VALUE(data, '$.id'), JSON_VALUE(data, '$.token') FROM outbox WHERE event_name = 'customer.password_reset'));
is scalar(keys %token), $ROUNDS, 'each has a token';
$h->secret(values %token);

my $crew = MedusaStore::Crew->new(CLIENTS, $h, sub {
    my ($number, $order, $client) = @_;
    my $r = $client->ask('POST', '/store/customers/password-reset', qq({"email":"$order->{email}","token":"$order->{token}","password":"words of $number"}));
    return [$r->{status}, $r->{body} eq '{"type":"unauthorized","message":"Invalid or expired password reset token"}' ? 1 : 0];
});
my (@wrong, %winner);
for my $c (@customers) {
    my @seen = $crew->round({ email => $c->{email}, token => $token{ $c->{id} } });
    my @won = grep { $seen[$_][0] == 200 } 0 .. $#seen;
    my @refused = grep { $_->[0] == 401 && $_->[1] } @seen;
    $winner{ $c->{id} } = $won[0] if @won == 1;
    push @wrong, "$c->{id}: " . join ' ', map { $_->[0] } @seen if @won != 1 || @refused != CLIENTS - 1;
}
$crew->end;
is_deeply [splice @wrong, 0, 5], [], 'one of many wins, all others are refused';

my @bad;
for my $c (grep { defined $winner{ $_->{id} } } @customers) {
    my $other = ($winner{ $c->{id} } + 1) % CLIENTS;
    push @bad, "$c->{id}: the winner's password is not it" if sign_in($h, $c, password => "words of $winner{ $c->{id} }")->{status} != 200;
    push @bad, "$c->{id}: the old password still is" if sign_in($h, $c)->{status} != 401;
    push @bad, "$c->{id}: another's is" if sign_in($h, $c, password => "words of $other")->{status} != 401;
}
is_deeply [splice @bad, 0, 5], [], "the winner's password is good, and no other";
is $h->sql_value(q(SELECT COUNT(*) FROM outbox WHERE event_name = 'customer.updated')), $ROUNDS, 'one event each';
is $h->sql_value(q(SELECT COUNT(DISTINCT JSON_VALUE(data, '$.id')) FROM outbox WHERE event_name = 'customer.updated')), $ROUNDS, '… of each';
is $h->sql_value(q(SELECT COUNT(*) FROM session)), $ROUNDS, 'what was signed in before is ended';
ok figure('J4', 'reset tokens used by 32 clients at once, each good for exactly one', scalar(keys %winner), '', keys %winner == $ROUNDS && !@bad), "$ROUNDS rounds";
rows_are_secret($h)->stop;
done_testing;
