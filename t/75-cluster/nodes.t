# Two httpd, as on two machines, on one database and with one secret: they are one shop. Who is signed in at one is so at the other,
# and out at both at once; one of them can be killed in the middle of its work, and nothing that it acknowledged is lost.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer sign_in token_for cookie_of who as_cookie as_bearer);
use MedusaStore::Crowd;
use MedusaStore::Harness;
use MedusaStore::Json qw(decode);
use MedusaStore::Report qw(figure);
use MedusaStore::Traffic;

use constant RACES => 10;

my %conf = (main => "MedusaStorePasswordCost 8192 1\nMedusaStoreDeadline 20s\nMedusaStoreHashQueue 200\nMedusaStoreHashWait 20s\nMedusaStoreDBWait 10s\n");
my $one = MedusaStore::Harness->new(%conf);
my $two = MedusaStore::Harness->new(%conf, shop => $one);

# ---- one shop ----
my $c = new_customer($one);
my $token = token_for($one, $c);
is who($two, as_cookie($c->{cookie})), $c->{id}, 'who registered at one is known to the other by the cookie';
is who($two, as_bearer($token)), $c->{id}, '… and by the token';
my $other = cookie_of(sign_in($two, $c));
is who($one, as_cookie($other)), $c->{id}, 'who signed in at the other is known to the first';
is $two->post('/store/customers/me', as_cookie($c->{cookie}), json => { phone => '555' })->{status}, 200, 'a change at the other';
is $one->get('/store/customers/me', as_cookie($c->{cookie}))->{json}{customer}{phone}, '555', '… is seen at the first';
is $two->delete('/store/auth', as_cookie($c->{cookie}))->{status}, 200, 'signing out at the other';
is who($one, as_cookie($c->{cookie})), 401, '… counts at the first at once';
is $one->post('/store/customers/me', as_cookie($other), json => { password => 'battery staple' })->{status}, 200, 'a new password';
is who($two, as_bearer($token)), 401, '… ends the token at the other, too';
is $two->post('/store/auth', json => { email => $c->{email}, password => 'correct horse' })->{status}, 401, '… where the old one is none';

# ---- one e-mail, many at once, at both ----
for my $race (1 .. RACES) {
    my @seen = MedusaStore::Crowd->start(16, sub {
        my ($n) = @_;
        return ($n % 2 ? $one : $two)->post('/store/customers', json => MedusaStore::Traffic::person("race-$race"))->{status};
    })->end;
    is_deeply [sort @seen], [200, (422) x 15], "race $race: one gets the e-mail";
}
is $one->sql_value("SELECT count(*) FROM customer WHERE email LIKE 'race-%'"), RACES, 'one row each';

# ---- one is killed under traffic, and comes back ----
my $traffic = MedusaStore::Traffic->start([$one, $two], register => 4, tag => 4, sign => 2);
sleep 1.5;
my $killed = time;
$two->crash;
sleep 1.5;
$two->start_again;
$two->expect_log('AH00098', qr/Unclean shutdown/);
sleep 1;
my $ended = time;
$traffic->end;
is_deeply [$traffic->wrong], [], 'each answer is 200, or none at all';
my @late = grep { $_->{from} > $killed + 0.5 } $traffic->seen;
is_deeply [grep { !$_->{status} } @late], [], 'who goes on to the other one is answered';
cmp_ok scalar(grep { $_->{status} == 200 } @late), '>', 50, '… many times';
my @emails = map { $_->[0] } $one->sql('SELECT email FROM customer');
my @keys = keys %{ decode($one->sql_value("SELECT metadata FROM customer WHERE id = '" . $traffic->tagged . "'")) };
is_deeply [$traffic->lost(\@emails, \@keys)], [], scalar($traffic->acknowledged('register')) . ' registrations and '
    . scalar($traffic->acknowledged('tag')) . ' keys were acknowledged, all are there';
is $one->sql_value('SELECT count(*) FROM customer c WHERE (SELECT count(*) FROM outbox o WHERE o.event_name = \'customer.created\''
    . ' AND o.data LIKE CONCAT(\'%"\', c.id, \'"%\')) <> 1'), 0, 'each customer has one event, acknowledged or not';
my $gap = $traffic->gap($killed, $ended);
my %count = %{ $traffic->statuses };
note sprintf '%d requests answered, %d unanswered; the longest time without an acknowledged write: %.2f s', $count{200}, $count{0} // 0, $gap;
cmp_ok $gap, '<', 3, 'the shop never stands still';
figure('F15', 'longest time without an acknowledged write: one of two httpd is killed, and comes back', sprintf('%.1f', $gap), 's', $gap <= 10);
$two->stop;
$one->stop;
done_testing;
