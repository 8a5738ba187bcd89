# The API beside other modules of the same httpd: input filters, server-side includes, sessions of other places.
use strict;
use warnings;

use Compress::Zlib qw(memGzip);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer cookie_of sign_in);
use MedusaStore::Harness;

my $body = '{"email":"nobody@lab.test","password":"wrong horse"}';

subtest 'bodies that mod_deflate inflates' => sub {
    my $h = MedusaStore::Harness->new(modules => [qw(filter deflate)], location => "SetInputFilter DEFLATE\n");
    my %json = (headers => { 'Content-Type' => 'application/json', 'Content-Encoding' => 'gzip' });
    is($h->post('/store/auth', %json, body => memGzip($body))->{status}, 401, 'are not inflated again');
    is($h->post('/store/auth', headers => { 'Content-Type' => 'application/json' }, body => $body)->{status}, 401, 'plain ones pass');
    $h->stop;
};

subtest 'two places on one page' => sub {
    my $h = MedusaStore::Harness->new(modules => [qw(include)], conf => <<'CONF');
<Location /store2>
    Require all granted
    MedusaStore On
    MedusaStoreCookie other.sid
    Session On
</Location>
<Directory />
    Options +Includes
    SetOutputFilter INCLUDES
</Directory>
CONF
    my $c = new_customer($h);
    for my $order (['/store', '/store2'], ['/store2', '/store']) {
        $h->write_file('htdocs/page.shtml', join '|', map { qq(<!--#include virtual="$_/auth" -->) } @$order);
        my $r = $h->get('/page.shtml', headers => { Cookie => $c->{cookie} });
        is($r->{status}, 200, "a page with @$order");
        my %part;
        @part{@$order} = split /\|/, $r->{body};
        like($part{'/store'}, qr/"id":"$c->{id}"/, 'the place of the cookie knows the customer');
        unlike($part{'/store2'}, qr/$c->{id}/, 'the other one does not');
    }
    $h->stop;
};

done_testing;
