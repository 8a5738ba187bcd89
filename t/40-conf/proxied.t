# conf/example-second-engine.conf: what the module does not serve is left to another server, under the same path.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Harness;
use MedusaStore::Source qw(text);

# The other engine: an httpd whose every answer tells what it was asked.
sub engine {
    my $h = MedusaStore::Harness->new(shop => 0, modules => [], conf => <<'CONF');
Header always set X-Engine "other"
Header always set X-Asked "expr=%{THE_REQUEST}"
RewriteEngine On
RewriteRule ^ /answer.txt [PT]
CONF
    $h->write_file('htdocs/answer.txt', "the other\n");
    return $h;
}

my $other = engine();
my $conf = text('conf/example-second-engine.conf');
like($conf, qr{ProxyPass\s+"?http://127\.0\.0\.1:9001/store}, 'the example names the other server');
$conf =~ s{127\.0\.0\.1:9001}{127.0.0.1:$other->{port}}g;
$conf =~ s/^.*<VirtualHost.*\n|^<\/VirtualHost.*\n|^\s*(?:ServerName|DocumentRoot|MedusaStoreDBParams|MedusaStoreSecret)\b.*\n//mg;
my $h = MedusaStore::Harness->new(place => 0, modules => [qw(proxy proxy_http)], conf => $conf);

sub served_by { my ($r) = @_; return $r->{headers}{'x-engine'} // 'us' }

my $c = new_customer($h);
my %signed_in = (headers => { Cookie => $c->{cookie} });
is(served_by($h->get('/store/customers/me', %signed_in)), 'us', 'what the module serves, it serves');
is($h->get('/store/customers/me')->{status}, 401, 'and refuses what it refuses');
my $r = $h->get('/store/products?limit=2');
is($r->{status}, 200, 'a path that the module does not know');
is(served_by($r), 'other', 'is answered by the other server');
like($r->{headers}{'x-asked'}, qr{^GET /store/products\?limit=2 }, 'who sees the address as it was sent');
is(served_by($h->get('/store')), 'other', 'the mount point itself, too');
is(served_by($h->get('/store/customers/me/wishlist', %signed_in)), 'other', 'a path among those of the customer');
is(served_by($h->put('/store/customers/me', %signed_in, json => {})), 'other', 'a method that the module does not know');
$r = $h->post('/store/carts', json => { region_id => 'reg_1' });
like($r->{headers}{'x-asked'}, qr{^POST /store/carts }, 'a body passes as well');

sub preflight {
    my ($path, $method) = @_;
    return $h->options($path, headers => { Origin => 'https://www.example.com', 'Access-Control-Request-Method' => $method });
}
is(preflight('/store/customers/me', 'POST')->{status}, 204, 'the preflight of a request that is served');
is(served_by(preflight('/store/carts', 'POST')), 'other', 'that of another is the other server’s');
is(served_by($h->get('/elsewhere')), 'us', 'other paths have nothing to do with it');

$other->stop('the other server ended well');
$h->expect_log(undef, qr/proxy\w*:error/);
is($h->get('/store/products')->{status}, 503, 'while the other server is away, its paths are');
is($h->get('/store/customers/me', %signed_in)->{status}, 200, 'ours go on');
$h->stop;

subtest 'MedusaStoreUnserved Pass without another server' => sub {
    my $alone = MedusaStore::Harness->new(location => "MedusaStoreUnserved Pass\nRequire all granted\n");
    mkdir "$alone->{root}/htdocs/store";
    $alone->write_file('htdocs/store/terms.txt', 'the terms');
    is($alone->get('/store/terms.txt')->{body}, 'the terms', 'a file of the site');
    is($alone->get('/store/auth')->{status}, 401, 'beside the API');
    is($alone->get('/store/nothing')->{status}, 404, 'and nothing is nothing');
    $alone->stop;
};

subtest 'MedusaStoreUnserved Refuse before a ProxyPass' => sub {
    my $refusing = MedusaStore::Harness->new(modules => [qw(proxy proxy_http)], location => "ProxyPass http://127.0.0.1:1/store\n");
    is($refusing->get('/store/products')->{json}{message}, 'Cannot GET /store/products', 'the API is all there is');
    $refusing->stop;
};

done_testing;
