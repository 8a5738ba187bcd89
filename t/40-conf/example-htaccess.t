# conf/example.htaccess: the API in a folder of a site.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Source qw(text);

my $h = MedusaStore::Harness->new(place => 0);
mkdir "$h->{root}/htdocs/$_" for qw(store empty);
$h->write_file('htdocs/store/.htaccess', text('conf/example.htaccess'));

my $answer = $h->post('/store/customers', jar => 'a', headers => { Origin => 'https://www.example.com' },
    json => { email => 'htaccess@example.com', password => 'a long secret', first_name => 'H', last_name => 'T' });
is($answer->{status}, 200, 'a customer registers');
is($answer->{headers}{'access-control-allow-origin'}, 'https://www.example.com', 'the storefront may call');
like($answer->{cookies}[0] // '', qr/SameSite=Lax/, 'the cookie is as the file says');
is($h->get('/store/customers/me', jar => 'a')->{status}, 200, 'and is signed in');
is($h->get('/store/auth/htaccess%40example.com')->{json}{exists}, JSON::PP::true(), 'a route with a parameter works');
is($h->get('/empty/auth')->{status}, 404, 'another folder has no API');
$h->stop;
done_testing;
