# The database's password in an option file of the client library: MedusaStoreDBParams names only its group.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Harness;

my $h = MedusaStore::Harness->new(start => 0);
my $account = "own_$$";
my $word = 'a password with , ; | and blanks';
MedusaStore::Harness::run_sql("CREATE USER $account\@localhost IDENTIFIED BY '$word'");
MedusaStore::Harness::run_sql("GRANT SELECT, INSERT, UPDATE, DELETE ON $h->{database}.* TO $account\@localhost");
my $file = $h->write_private('.my.cnf', "[medusa-store]\nsocket=$ENV{MS_TEST_SOCKET}\nuser=$account\npassword=\"$word\"\n");
$h->write_private('db-params', "group=medusa-store,dbname=$h->{database}\n");

{
    local $ENV{HOME} = $h->{root};    # the library looks there, and in /etc
    $h->start;
}
my ($users) = map { $_->[0] } $h->sql("SELECT GROUP_CONCAT(DISTINCT user) FROM information_schema.processlist WHERE user = '$account'");
is($users, undef, 'nobody is connected yet');
ok(new_customer($h)->{id}, 'a customer registers');
($users) = map { $_->[0] } $h->sql("SELECT GROUP_CONCAT(DISTINCT user) FROM information_schema.processlist WHERE user = '$account'");
is($users, $account, 'by the account of the file, with a password that no parameter could hold');

$h->stop_server;
unlink $file;
$h->expect_log('MS0101', qr/can't connect/);
{
    local $ENV{HOME} = $h->{root};
    $h->start_again;
}
is($h->get('/store/auth/x@lab.test')->{status}, 503, 'without the file there is no way in');
$h->secret($word)->stop;
MedusaStore::Harness::run_sql("DROP USER $account\@localhost");
done_testing;
