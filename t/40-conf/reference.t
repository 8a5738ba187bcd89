# conf/medusa_store.conf: as it is, it changes nothing; with its marks taken away, each line is a directive that httpd takes.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Source qw(text top);

my $text = text('conf/medusa_store.conf');
my ($exit, $output) = MedusaStore::Harness->configtest($text);
is($exit, 0, 'as it is: httpd takes it') or diag $output;

my $h = MedusaStore::Harness->new(place => 0, modules => ['authz_host'], conf => "Include \"" . top() . "/conf/medusa_store.conf\"\n");
is($h->get('/store/auth')->{status}, 404, 'as it is: there is no API');

my $all = $text;
my $count = $all =~ s/^(\s*)#(?=[MRS<]|\/)/$1/mg;
cmp_ok($count, '>', 20, 'there are directives');
$all =~ s{file:\S+/(db-params|secret)}{"file:$h->{root}/$1"}g;
($exit, $output) = $h->configtest($all);
is($exit, 0, 'all directives: httpd takes them') or diag $output;
unlike($all =~ s/^\s*#.*\n//mgr, qr/^(?!\s*<|\s*$|\s*Session On|\s*MedusaStore|\s*Require (?:local$|medusa-)|\s*SetHandler medusa-store-\w+$)/m, 'nothing else is in it');

# the defaults written there are the defaults: served with them, the API is as without them
$all =~ s/MedusaStore Off/MedusaStore On/;
my $served = MedusaStore::Harness->new(shop => $h, place => 0, modules => ['authz_host'], conf => $all);
is($served->get('/store/auth')->{status}, 401, 'with MedusaStore On there is the API');
is($served->get($_)->{status}, 200, "and $_") for '/health', '/health/ready', '/metrics';
$served->stop;
$h->stop;
done_testing;
