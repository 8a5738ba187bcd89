# The API as a folder of a site: what .htaccess can say, and what else lies in the folder or is said above it.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Harness;

my $on = "MedusaStore On\nSession On\n";

# A site whose folder store/ has this .htaccess. above: that of the site itself; allow: AllowOverride, if not All; more options: of
# the harness.
sub site {
    my ($htaccess, %option) = @_;
    my ($above, $allow) = delete @option{qw(above allow)};
    my $h = MedusaStore::Harness->new(place => 0, start => 0, %option);
    $h->{conf} .= "<Directory \"$h->{root}/htdocs\">\nAllowOverride $allow\n</Directory>\n" if $allow;
    $h->start;
    mkdir "$h->{root}/htdocs/store";
    $h->write_file('htdocs/store/.htaccess', $htaccess);
    $h->write_file('htdocs/.htaccess', $above) if defined $above;
    return $h;
}

subtest 'settings of a folder' => sub {
    my $h = site($on . <<'HTACCESS', allow => 'AuthConfig');
MedusaStoreAllowOrigin https://shop.example
MedusaStoreCookie folder.sid
MedusaStoreCookieSameSite Strict
MedusaStoreBodyLimit 1024
MedusaStoreXML On
MedusaStoreEmailExists Off
HTACCESS
    my $c = new_customer($h, email => 'folder@lab.test');
    like($c->{cookie}, qr/^folder\.sid=/, 'the name of the cookie');
    my $r = $h->get('/store/auth', headers => { Cookie => $c->{cookie}, Origin => 'https://shop.example', Accept => 'application/xml' });
    is($r->{headers}{'access-control-allow-origin'}, 'https://shop.example', 'the origin of a storefront');
    like($r->{headers}{'content-type'}, qr{^application/xml}, 'XML');
    is($h->post('/store/auth', json => { email => 'x' x 2000, password => 'y' })->{status}, 413, 'the limit of bodies');
    is($h->get('/store/auth/folder@lab.test')->{body}, '{"exists":false}', 'nobody is told who has an account');
    is($h->get('/store/auth/nobody@lab.test')->{body}, '{"exists":false}', 'nor who has none');
    $h->stop;
};

subtest 'what may not be said there' => sub {
    for my $line ('MedusaStoreSecret file:/x', 'MedusaStoreDBParams sock=/x,dbname=d', 'MedusaStoreSessionLife 1h', 'MedusaStoreHashSlots 1') {
        my ($name) = $line =~ /^(\w+)/;
        my $h = site("$on$line\n");
        $h->expect_log(undef, qr/$name not allowed here/);
        is($h->get('/store/auth')->{status}, 500, "$name is an error");
        $h->stop;
    }
    my $h = site($on, allow => 'FileInfo');
    $h->expect_log(undef, qr/MedusaStore not allowed here/);
    is($h->get('/store/auth')->{status}, 500, 'nor any of it without AllowOverride AuthConfig');
    $h->stop;
    $h = site($on, allow => 'None');
    is($h->get('/store/auth')->{status}, 404, 'with AllowOverride None the file is not read');
    $h->stop;
};

subtest 'what lies in the folder' => sub {
    my $h = site("Options +MultiViews +Indexes\nDirectoryIndex index.html\nFallbackResource /store/index.html\n$on",
        modules => [qw(negotiation autoindex)]);
    mkdir "$h->{root}/htdocs/store/$_" for qw(customers auth);
    $h->write_file("htdocs/store/$_", 'a file') for qw(index.html auth.html customers.html customers.json customers/me.html customers/me);
    my $c = new_customer($h);
    for my $path (qw(/store/customers/me /store/customers/me/ /store/auth /store/auth/ /store/auth.html)) {
        my $r = $h->get($path, headers => { Cookie => $c->{cookie}, Accept => 'text/html' });
        is($r->{status}, $path =~ /html/ ? 404 : 200, "$path is no file");
        like($r->{headers}{'content-type'}, qr{^application/json}, 'but the API');
    }
    like($h->get($_)->{body}, qr/Cannot GET/, "$_ is no folder, and no index") for '/store', '/store/';
    $h->stop;
};

subtest 'a site that sends all its paths to one program' => sub {
    my $front = "RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteCond %{REQUEST_FILENAME} !-d\nRewriteRule . /front.html [L]\n";
    my $h = site("RewriteEngine Off\n$on", above => $front);
    $h->write_file('htdocs/front.html', 'the front');
    is($h->get('/elsewhere')->{body}, 'the front', 'the rules of the site are in force');
    ok(new_customer($h)->{id}, 'RewriteEngine Off keeps them out of the folder');
    $h->write_file('htdocs/store/.htaccess', $on);
    is($h->get('/store/auth')->{body}, 'the front', 'without it they reach into it, as into any folder');
    $h->stop;
};

subtest 'rules that lead to the API' => sub {
    my $h = site($on, above => "RewriteEngine On\nRewriteRule ^api/(.*)\$ /store/\$1 [L]\nRewriteRule ^old/(.*)\$ /store/\$1 [R=308,L]\n");
    $h->write_file('htdocs/store/.htaccess', "RewriteEngine Off\n$on");
    my $r = $h->post('/api/auth', json => { email => 'nobody@lab.test', password => 'wrong horse' });
    is($r->{status}, 401, 'another address of the API');
    is($h->get('/api/nothing')->{json}{message}, 'Cannot GET /store/nothing', 'is the API itself');
    like($h->post('/old/auth', json => {})->{headers}{location}, qr{/store/auth$}, 'a redirection to it');
    $h->stop;
};

subtest 'a rule in the folder' => sub {
    my $h = site("RewriteEngine On\nRewriteCond %{HTTP_USER_AGENT} ^bad\nRewriteRule . - [F]\nRewriteRule ^login\$ auth [L]\n$on");
    is($h->get('/store/auth', headers => { 'User-Agent' => 'bad robot' })->{status}, 403, 'refuses');
    is($h->post('/store/login', json => { email => 'nobody@lab.test', password => 'wrong horse' })->{status}, 401, 'gives another name');
    is($h->get('/store/auth')->{status}, 401, 'leaves others alone');
    $h->stop;
};

done_testing;
