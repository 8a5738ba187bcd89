# Tables that are not those of the module while sixteen customers shop: a table and a column go away, as with a migration that was not run, and
# come back. Who needs them is told to come again, and the log says what is missing; nothing is half written. (t/55-status/schema.t: the
# schema at start.)
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

use constant WHILE => full() ? 10 : 1.5;    # seconds

MedusaStore::Harness::need_database();
my $h = MedusaStore::Harness->new(log_level => 'warn', http_log_level => 'notice', main => $STEADY);
my %missing = (
    'a table'  => ['RENAME TABLE outbox TO outbox_later', 'RENAME TABLE outbox_later TO outbox', qr/error 1146: /],
    'a column' => ['ALTER TABLE customer RENAME COLUMN phone TO phone_later', 'ALTER TABLE customer RENAME COLUMN phone_later TO phone', qr/error 1054: /],
);
for my $what (sort keys %missing) {
    my ($take, $give, $error) = @{ $missing{$what} };
    my $steady = MedusaStore::Steady->start('F6', $h)->named("$what is missing for a time");
    sleep 1;
    $h->sql($take);
    my $from = time;
    sleep WHILE;
    my $to = time;
    $h->sql($give);
    sleep 1;
    $steady->end;
    $steady->holds;
    my @seen = $steady->traffic->seen('register');
    my @refused = grep { $_->{status} == 503 } @seen;
    ok figure('F6', "registrations that were answered 503: $what", scalar @refused, '', @refused > 10), "$what: " . @refused . ' were told to come again';
    is scalar(grep { $_->{from} > $from + 0.5 && $_->{to} < $to && $_->{status} == 200 } @seen), 0, '… and none was told that all is well';
    my ($back) = sort { $a <=> $b } map { $_->{to} - $to } grep { $_->{from} > $to } $steady->traffic->acknowledged('register');
    ok figure('F6', "first success after it is back: $what", sprintf('%.2f', $back // 99), 's', defined $back && $back < 2), sprintf '%s: all is well again', $what;
    $h->expect_log('MS0105', qr/$error.*are all migrations applied/);
}
$h->allow_log('MS0105');
$h->stop;
done_testing;
