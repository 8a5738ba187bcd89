# A request with a key that lost its race as late as at COMMIT, as in a cluster, while its twin was done elsewhere: it answers what the
# twin did, and nothing of what was undone.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Harness;
use MedusaStore::Json qw(decode);
use MedusaStore::Wire;

MedusaStore::Harness::need_database();
my $COST = "MedusaStorePasswordCost 64 1\nMedusaStoreDeadline 30s\nMedusaStoreDBTimeout 20s\n";
my $there = MedusaStore::Harness->new(main => $COST);
my $wire = MedusaStore::Wire->new;
my $here = MedusaStore::Harness->new(shop => $there, start => 0, main => $COST);
$here->write_private('db-params', "sock=$wire->{socket},user=$ENV{MS_TEST_WEB_USER},dbname=$here->{database}");
$here->start;

# Send a request here, where its COMMIT is undone, and the same one there before this is known: both answers.
sub twins {
    my ($path, @request) = @_;
    my $undone = "$ENV{MS_TEST_SCRATCH}/undone-$$";
    $wire->refuse('^COMMIT', 1213, instead => 'ROLLBACK', pause => $undone);
    my $crowd = MedusaStore::Crowd->start(1, sub { my $r = $here->post($path, @request); return [@$r{qw(status body)}, $r->{headers}{'idempotent-replayed'}] });
    my $end = time + 30;
    sleep 0.02 until -e $undone || time > $end;
    my $twin = $there->post($path, @request);
    unlink $undone;
    my ($lost) = $crowd->end;
    is "$lost->[0] $lost->[2], twin $twin->{status}", '200 true, twin 200', "$path: both succeed, one of them by the other's answer";
    is $lost->[1], $twin->{body}, '… which is the same to the byte';
    return decode($lost->[1])->{customer};
}

my %who = (email => 'twin@lab.test', password => 'correct horse', first_name => 'A', last_name => 'B');
my $customer = twins('/store/customers', json => \%who, headers => { 'Idempotency-Key' => 'registered-twice' });
is $there->sql_value('SELECT GROUP_CONCAT(id) FROM customer'), $customer->{id}, '… and tells who is there';

$there->post('/store/auth', json => { %who{qw(email password)} }, jar => 'me');
my $token = decode($there->post('/store/auth/token', json => { %who{qw(email password)} })->{body})->{access_token};
$customer = twins('/store/customers/me/addresses', headers => { 'Idempotency-Key' => 'added-once-only', Authorization => "Bearer $token" },
    json => { address => { first_name => 'P', last_name => 'Q', address_1 => '1 Main St', city => 'Bergen', country_code => 'no', postal_code => '5003' } });
is_deeply [map { $_->{id} } @{ $customer->{shipping_addresses} }], [$there->sql_value('SELECT GROUP_CONCAT(id) FROM address')], '… and tells which address is there';
done_testing;
