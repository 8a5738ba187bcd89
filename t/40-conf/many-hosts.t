# Many virtual hosts with settings of their own start as fast as a few: what is dear to make at start is made once for all that are
# alike.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use MedusaStore::Harness;

my $HOSTS = 24;
my $h = MedusaStore::Harness->new(start => 0, main => "MedusaStorePasswordCost 131072 2\n");

# Seconds that a start with so many hosts takes.
sub start_with {
    my ($hosts) = @_;
    $h->{conf} = join '', map { "<VirtualHost *>\nServerName host$_.example\nMedusaStoreSessionLife ${_}00s\n</VirtualHost>\n" } 1 .. $hosts;
    my $begin = time;
    $h->start;
    my $seconds = time - $begin;
    is($h->get('/store/auth', headers => { Host => "host$hosts.example" })->{status}, 401, "$hosts hosts: the last one serves");
    $h->stop_server;
    return $seconds;
}

my ($one, $many) = map { start_with($_) } 1, $HOSTS;
cmp_ok($many, '<', 5 * $one, sprintf 'one host takes %.2f s, %d take %.2f s', $one, $HOSTS, $many);
$h->stop;
done_testing;
