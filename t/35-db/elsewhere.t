# What a cluster, or a server that was replaced by another, says to those who still ask it: that a transaction lost against one of
# another node, that it is no part of the majority, that it only reads. What surely was not done is done again within the request,
# elsewhere if need be; what may have been done is not; and no connection to such a server is kept.
use strict;
use warnings;

use Test::More;

use MedusaStore::Harness;
use MedusaStore::Wire;

MedusaStore::Harness::need_database();
my $wire = MedusaStore::Wire->new;
my $h = MedusaStore::Harness->new(start => 0, single => 1, main => "MedusaStorePasswordCost 8192 1\nMedusaStoreDBMax 1\nMedusaStoreDBKeep 1\n");
$h->write_private('db-params', "sock=$wire->{socket},user=$ENV{MS_TEST_WEB_USER},dbname=$h->{database}");
$h->start;

my $number = 0;
sub register {
    my (@more) = @_;
    return $h->post('/store/customers', @more, json => { email => 'p' . ++$number . '@example.com', password => 'correct horse',
        first_name => 'A', last_name => 'B' });
}

sub rows { return join ' ', map { $h->sql_value("SELECT count(*) FROM $_") } qw(customer session outbox) }

# A registration while statements are refused: its answer, what it wrote, how often it was refused, on how many new connections.
sub case {
    my ($name, $pattern, $error, $option, $expected, @log) = @_;
    is register()->{status}, 200, "$name: from a warm connection";
    $h->sql('DELETE FROM session; DELETE FROM outbox; DELETE FROM customer');
    $wire->seen;
    $wire->refuse($pattern, $error, %$option);
    my $answer = register();
    my $seen = $wire->seen;
    $wire->refuse('', 0);
    is "$answer->{status}: " . rows() . ", refused $seen->{refused}, connections $seen->{connections}", $expected, $name;
    is $answer->{headers}{'retry-after'}, 1, '… with Retry-After' if $answer->{status} == 503;
    is_deeply $answer->{cookies}, [], '… and without a cookie' if $answer->{status} != 200;
    $h->expect_log(@$_) for @log;
    return;
}

my %undone = (instead => 'ROLLBACK');
my $ever = 100;

# ---- a race that is lost as late as at COMMIT ----
case 'a deadlock at COMMIT', qr/^COMMIT/, 1213, {%undone}, '200: 1 1 1, refused 1, connections 0';
case 'a deadlock at each COMMIT', qr/^COMMIT/, 1213, { %undone, times => $ever }, '409: 0 0 0, refused 3, connections 0';
case 'a lock wait at COMMIT that leaves the transaction open', qr/^COMMIT/, 1205, {}, '200: 1 1 1, refused 1, connections 0';
case 'a deadlock within', qr/^INSERT INTO `outbox/, 1213, { times => 2 }, '200: 1 1 1, refused 2, connections 0';

# ---- a server that should not be asked any more ----
for my $error (1047, 1290, 1836) {
    case "$error at START TRANSACTION", qr/^START/, $error, {}, '200: 1 1 1, refused 1, connections 1';
    case "$error within", qr/^INSERT INTO session/, $error, {}, '200: 1 1 1, refused 1, connections 1';
    case "$error at COMMIT", qr/^COMMIT/, $error, {}, '200: 1 1 1, refused 1, connections 1';
}
unlike $h->log_text, qr/MS01(?!0[48])\d\d/, 'nothing of that is worth more than a line of level info';
case '1047 at COMMIT, for ever', qr/^COMMIT/, 1047, { times => $ever }, '503: 0 0 0, refused 2, connections 1',
    ['MS0105', qr/statement COMMIT failed with error 1047/, 1];
unlike $h->log_text, qr/MS0111/, 'refused is not unknown';
# one line a minute and cause is enough
case '1047 at START TRANSACTION, for ever', qr/^START/, 1047, { times => $ever }, '503: 0 0 0, refused 2, connections 1';
case '1290 within, for ever', qr/^INSERT INTO `outbox/, 1290, { times => $ever }, '503: 0 0 0, refused 2, connections 1',
    ['MS0105', qr/statement outbox\.create failed with error 1290/, 1];
# a disk that is full says so in many ways: a row, a file, the storage
for my $error (1114, 3, 14, 20, 1026, 1030) {
    case "$error within", qr/^INSERT INTO `outbox/, $error, {}, '503: 0 0 0, refused 1, connections 0',
        ['MS0105', qr/statement outbox\.create failed with error $error:/, 1];
}
$wire->seen;
is $h->get('/store/auth/nobody@example.com')->{status}, 200, 'the next request';
is $wire->seen->{connections}, 1, '… finds no connection to such a server';

# ---- a COMMIT of which nobody knows what became ----
for my $done ('ROLLBACK', 'itself') {
    case "the cluster breaks at COMMIT ($done)", qr/^COMMIT/, 1180, { instead => $done },
        '503: ' . ($done eq 'itself' ? '1 1 1' : '0 0 0') . ', refused 1, connections 0';
}
$h->expect_log('MS0111', qr/COMMIT failed with error 1180; the outcome is unknown/, 2);
$h->expect_log('MS0105', qr/statement COMMIT failed with error 1180/, 1);
is $h->get('/store/auth/nobody@example.com')->{status}, 200, 'and on';
is $wire->seen->{connections}, 1, '… by another connection';

# ---- statements that are transactions of their own ----
sub signed_in {
    is register(jar => 'me')->{status}, 200, 'a customer';
    $wire->seen;
    return;
}
signed_in();
$wire->refuse(qr/^DELETE FROM session/, 1213, times => 2);
is $h->delete('/store/auth', jar => 'me')->{status}, 200, 'signing out loses two races, and succeeds';
is $wire->seen->{refused}, 2, '… at the third try';
is $h->sql_value('SELECT count(*) FROM session'), 1, '… its session is gone, and no other';
signed_in();
$wire->refuse(qr/^DELETE FROM session/, 1213, times => $ever);
is $h->delete('/store/auth', jar => 'me')->{status}, 409, 'signing out loses all races: 409';
is $wire->seen->{refused}, 3, '… after three tries';
$wire->refuse(qr/^DELETE FROM session/, 1047);
is $h->delete('/store/auth', jar => 'me')->{status}, 200, 'signing out at a node that left its cluster';
is_deeply [@{ $wire->seen }{qw(refused connections)}], [1, 1], '… goes to another';
signed_in();
$wire->refuse(qr/^SELECT/, 1047);
is $h->get('/store/customers/me', jar => 'me')->{status}, 200, 'reading at a node that left its cluster';
is_deeply [@{ $wire->seen }{qw(refused connections)}], [1, 1], '… goes to another';
$wire->refuse(qr/^SELECT/, 1047, times => $ever);
is $h->get('/store/customers/me', jar => 'me')->{status}, 503, 'reading where no node is left: 503';
is_deeply [@{ $wire->seen }{qw(refused connections)}], [2, 1], '… after one new connection';

$h->stop;
done_testing;
