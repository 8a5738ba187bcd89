# conf/example-vhost.conf: a shop on its own virtual host.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Source qw(text);

my $h = MedusaStore::Harness->new(place => 0, start => 0, modules => ['authz_host']);
my $text = text('conf/example-vhost.conf');
$text =~ s/\*:80\b/*/ or die 'no port in the example';
$text =~ s{file:\S+/(db-params|secret)}{"file:$h->{root}/$1"}g;
$text =~ s{DocumentRoot \S+}{DocumentRoot "$h->{root}/htdocs"};
# the shop stands in the virtual host alone
$h->{conf} = "<VirtualHost *>\nServerName other.example.com\n</VirtualHost>\n$text";
$h->start;

my %shop = (headers => { Host => 'shop.example.com', Origin => 'https://www.example.com' });
my $answer = $h->post('/store/customers', %shop, jar => 'a',
    json => { email => 'vhost@example.com', password => 'a long secret', first_name => 'V', last_name => 'H' });
is($answer->{status}, 200, 'a customer registers');
is($answer->{headers}{'access-control-allow-origin'}, 'https://www.example.com', 'the storefront may call');
is($h->get('/store/customers/me', %shop, jar => 'a')->{status}, 200, 'and is signed in');
is($h->get('/health', %shop)->{body}, 'OK', 'it is alive');
is($h->get('/health/ready', %shop)->{body}, 'OK', 'and ready');
like($h->get('/metrics', %shop)->{body}, qr/^medusa_store_requests_total\{shop="shop\.example\.com",.*"2xx"\} 1$/m, 'and counts');
is($h->get('/store/auth', headers => { Host => 'other.example.com' })->{status}, 404, 'another virtual host has no API');
$h->stop;
done_testing;
