# Guarded places beside httpd's other modules: folders and their index, lists, negotiation, .htaccess, sections of all kinds, caches,
# HTTP/2.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer as_cookie rows_are_secret);
use MedusaStore::Echo;
use MedusaStore::Harness;

# A shop with files, by path; the first line of each is its path.
sub shop {
    my ($conf, $files, %option) = @_;
    my $h = MedusaStore::Harness->new(%option, start => 0);
    $h->{conf} = ref $conf ? $conf->($h) : $conf;
    for my $file (sort keys %$files) {
        my $folder = '';
        for my $part (split m{/}, $file =~ s{/?[^/]*$}{}r) {
            $folder .= "/$part";
            mkdir "$h->{root}/htdocs$folder";
        }
        $h->write_file("htdocs/$file", $files->{$file});
    }
    return $h->start;
}

subtest 'folders' => sub {
    my $h = shop(sub { my ($h) = @_; return <<"CONF" }, {
DirectoryIndex index.html
<Directory "$h->{root}/htdocs">
    Options +Indexes +MultiViews
    AddType text/html .html
    AddLanguage en .en
    AddLanguage de .de
</Directory>
<Directory "$h->{root}/htdocs/folder">
    Require medusa-customer
</Directory>
<Directory "$h->{root}/htdocs/half">
    <Files "index.html">
        MedusaStoreSignInPage /login?%u
        Require medusa-customer
    </Files>
</Directory>
<Directory "$h->{root}/htdocs/list">
    <Files "secret*">
        Require medusa-customer
    </Files>
</Directory>
<Directory "$h->{root}/htdocs/page">
    <Files "text*">
        Require medusa-customer
    </Files>
</Directory>
CONF
        'folder/index.html' => 'the index', 'half/index.html' => 'the index', 'half/other.txt' => 'open', 'list/secret.txt' => 'a secret',
        'list/open.txt' => 'open', 'page/text.html.en' => 'text', 'page/text.html.de' => 'Text',
    }, modules => [qw(autoindex negotiation)]);
    my $c = new_customer($h);
    my %cookie = as_cookie($c->{cookie});
    my %browser = (headers => { Accept => 'text/html' });
    is($h->get('/folder/')->{status}, 401, 'a guarded folder');
    my $r = $h->get('/folder/', %cookie);
    is("$r->{status} $r->{body} $r->{headers}{'cache-control'}", '200 the index private', 'is a customer\'s, as its index');
    is($h->get('/folder', %cookie)->{status}, 301, 'and without its slash');
    is($h->get('/folder')->{status}, 401, 'but not a stranger\'s');
    $r = $h->get('/half/');
    is("$r->{status} $r->{body}", '401 Unauthorized', 'a guarded index of a folder');
    is($r->{headers}{'www-authenticate'}, 'Bearer realm="medusa-store"', 'with its challenge');
    $r = $h->get('/half/', %browser);
    is("$r->{status} $r->{headers}{location}", '302 /login?%2Fhalf%2F', 'a browser comes back to what it asked for');
    $r = $h->get('/half/', %cookie);
    is("$r->{status} $r->{body} $r->{headers}{'cache-control'} $r->{headers}{vary}", '200 the index private Cookie,Authorization', 'a customer sees it');
    is($h->get('/half/other.txt')->{status}, 200, 'the rest is open');
    $r = $h->get('/list/');
    like($r->{body}, qr/open\.txt/, 'a list shows');
    unlike($r->{body}, qr/secret\.txt/, 'strangers no guarded files');
    is($r->{status}, 200, 'and is sent');
    $r = $h->get('/list/', %cookie);
    like($r->{body}, qr/secret\.txt/, 'but customers');
    is($r->{headers}{vary}, 'Cookie,Authorization', 'so it depends on who asks');
    is($r->{headers}{'cache-control'}, 'private', 'and is nothing for shared caches');
    is($h->get('/page/text', headers => { 'Accept-Language' => 'de' })->{status}, 401, 'negotiation');
    $r = $h->get('/page/text', headers => { Cookie => $c->{cookie}, 'Accept-Language' => 'de' });
    is("$r->{status} $r->{body}", '200 Text', 'works for customers');
    like($r->{headers}{vary}, qr/Accept-Language/i, 'and says what it depends on');
    rows_are_secret($h)->stop;
};

subtest '.htaccess' => sub {
    my $h = shop('', {
        'a/.htaccess' => "MedusaStoreSignInPage /login?%u\nRequire medusa-customer\n", 'a/x' => 'x',
        'b/.htaccess' => "<Files x>\nRequire medusa-group vip\n</Files>\n", 'b/x' => 'x', 'b/y' => 'y',
        'c/.htaccess' => "<If \"%{QUERY_STRING} == 'full'\">\nRequire medusa-customer\n</If>\n", 'c/x' => 'x',
        'd/.htaccess' => "Require medusa-group\n", 'd/x' => 'x',
        'e/.htaccess' => "AuthType Medusa\nRequire valid-user\n", 'e/x' => 'x',
        'a/f/.htaccess' => "Require all granted\n", 'a/f/x' => 'x',
    }, modules => [qw(authz_user)]);
    my $c = new_customer($h);
    my %cookie = as_cookie($c->{cookie});
    my $seen = sub { return join ' ', map { $h->get($_[0], %$_)->{status} } {}, \%cookie };
    is($seen->('/a/x'), '401 200', 'guards a folder');
    is($h->get('/a/x', headers => { Accept => 'text/html' })->{headers}{location}, '/login?%2Fa%2Fx', 'with a page to sign in');
    is($seen->('/a/f/x'), '200 200', 'one inside may open it again');
    $h->allow_log('AH01630');
    is($seen->('/b/x'), '401 403', 'guards a file for a group');
    is($seen->('/b/y'), '200 200', 'and no other');
    is($seen->('/c/x'), '200 200', 'guards nothing');
    is($seen->('/c/x?full'), '401 200', 'or something, by a condition');
    is($seen->('/e/x'), '401 200', 'takes AuthType Medusa');
    $h->expect_log(undef, qr/Require medusa-group takes one name or several/);
    is($seen->('/d/x'), '500 500', 'a mistake in it is one of the server');
    rows_are_secret($h)->stop;

    # secret and database are those of the virtual host
    my $bare = MedusaStore::Harness->new(shop => 0, start => 0);
    mkdir "$bare->{root}/htdocs/a";
    $bare->write_file('htdocs/a/.htaccess', "Require medusa-customer\n");
    $bare->write_file('htdocs/a/x', 'x');
    $bare->start;
    $bare->expect_log('MS0304', qr/has no MedusaStoreDBParams/);
    is($bare->get('/a/x')->{status}, 500, 'a host without a shop can let nobody in');
    $bare->stop;
};

subtest 'sections' => sub {
    my $echo = MedusaStore::Echo->new;
    my $h = shop(<<"CONF", { x => 'x', 'ifs/x' => 'x', 'apis/x' => 'x' }, location => "Require medusa-customer\n", modules => [qw(proxy proxy_http)]);
<LocationMatch "^/if">
    <If "%{HTTP:X-Guard} == 'yes'">
        Require medusa-customer
    </If>
</LocationMatch>
<Location "/apis">
    MedusaStore On
    Session On
    MedusaStoreUnserved Pass
    <RequireAny>
        Require expr "%{REQUEST_URI} =~ m#^/apis/(customers|auth)#"
        Require medusa-customer
    </RequireAny>
</Location>
<Location "/engine">
    MedusaStore On
    Session On
    MedusaStoreUnserved Pass
    ProxyPass http://127.0.0.1:$echo->{port}/engine
    Require medusa-customer
    Require all granted
</Location>
CONF
    my $api = '/apis';
    my $r = $h->post("$api/customers", json => { email => 'a@lab.test', password => 'correct horse', first_name => 'A', last_name => 'B' });
    is($r->{status}, 200, 'an API with a guard around it, for what it does not serve');
    my ($cookie) = $r->{cookies}[0] =~ /^([^;]+)/;
    is($h->get("$api/x")->{status}, 401, 'that is a customer\'s');
    is($h->get("$api/x", as_cookie($cookie))->{status}, 200, 'only');
    is($h->get('/store/customers/me')->{status}, 401, 'an API that is guarded itself');
    is($h->get('/store/customers/me', as_cookie($cookie))->{status}, 200, 'is that of customers');
    like($h->get('/engine/carts', as_cookie($cookie))->{body}, qr/^Medusa-Customer-Id: cus_/m, 'a second engine under the path of the API can be told the customer');
    unlike($h->get('/engine/carts')->{body}, qr/Medusa-Customer-Id/, 'and serves strangers');
    is($h->get('/engine/customers/me', as_cookie($cookie))->{status}, 200, 'beside the API');
    is($h->get('/ifs/x')->{status}, 200, 'a condition that does not hold');
    is($h->get('/ifs/x', headers => { 'X-Guard' => 'yes' })->{status}, 401, 'and one that does');
    is($h->get('/ifs/x', headers => { 'X-Guard' => 'yes', Cookie => $cookie })->{status}, 200, 'a customer passes');
    rows_are_secret($h)->stop;
};

subtest 'headers of mod_headers and mod_expires' => sub {
    my $h = shop(<<'CONF', { 'a/x.txt' => 'x', 'b/x.txt' => 'x' }, modules => [qw(expires)]);
Header always set X-Always "yes"
<Location "/a">
    Require medusa-customer
    ExpiresActive On
    ExpiresDefault "access plus 1 hour"
</Location>
<Location "/b">
    Require medusa-customer
    Header set Cache-Control "public, max-age=5"
</Location>
CONF
    my $c = new_customer($h);
    is($h->get('/a/x.txt')->{headers}{'x-always'}, 'yes', 'are on refusals');
    my $r = $h->get('/a/x.txt', as_cookie($c->{cookie}));
    like($r->{headers}{'cache-control'}, qr/^private, ?max-age=3600$/, 'an age is put beside');
    is($h->get('/b/x.txt', as_cookie($c->{cookie}))->{headers}{'cache-control'}, 'public, max-age=5', 'what the administrator says holds');
    rows_are_secret($h)->stop;
};

subtest 'a cache in the same server' => sub {
    plan skip_all => 'no mod_cache_socache' unless -e "$ENV{MS_LIBEXECDIR}/mod_cache_socache.so";
    my $echo = MedusaStore::Echo->new;
    my $h = shop(<<"CONF", {}, modules => [qw(cache socache_shmcb cache_socache proxy proxy_http)]);
CacheSocache shmcb
CacheEnable socache /
CacheQuickHandler Off
CacheHeader On
<Location "/app">
    Require medusa-customer
    ProxyPass http://127.0.0.1:$echo->{port}/app
</Location>
CONF
    my ($c, $d) = (new_customer($h), new_customer($h));
    my $ask = sub {
        my ($path, $cookie) = @_;
        my $r = $h->get($path, defined $cookie ? as_cookie($cookie) : ());
        my ($who) = $r->{body} =~ /^Medusa-Customer-Id: (\S+)/mi;
        return $who // $r->{status};
    };
    for my $path ('/app/plain', '/app/dated?Last-Modified=Sun,+01+Nov+2026+00:00:00+GMT', '/app/aged?Cache-Control=max-age=600') {
        is($ask->($path, $c->{cookie}), $c->{id}, "$path: one customer");
        is($ask->($path, $d->{cookie}), $d->{id}, 'another has an own answer');
        is($ask->($path), 401, 'a stranger none');
    }
    is($ask->('/app/all?Cache-Control=public,+max-age=600', $c->{cookie}), $c->{id}, 'what is said to be for all');
    is($ask->('/app/all?Cache-Control=public,+max-age=600'), 401, 'is for all customers');
    rows_are_secret($h)->stop;
};

subtest 'HTTP/2' => sub {
    my ($curl) = grep { -x } map { "$_/curl" } split /:/, $ENV{PATH};
    plan skip_all => 'mod_http2 does not work with prefork' if ($ENV{TEST_MPM} // '') eq 'prefork';
    plan skip_all => 'no curl, or no mod_http2' unless $curl && -e "$ENV{MS_LIBEXECDIR}/mod_http2.so";
    my $echo = MedusaStore::Echo->new;
    my $h = shop(<<"CONF", { 'private/x' => 'x' }, modules => [qw(http2 proxy proxy_http)]);
Protocols h2c http/1.1
MedusaStoreSignInPage /login?%u
<Location "/private">
    Require medusa-customer
</Location>
<Location "/app">
    Require medusa-customer
    ProxyPass http://127.0.0.1:$echo->{port}/app
</Location>
CONF
    my $c = new_customer($h);
    my $ask = sub {
        my ($path, @option) = @_;
        return (MedusaStore::Harness::run_command($curl, qw(-sS -i --http2-prior-knowledge --max-time 30), @option, $h->url($path)))[1];
    };
    my @cookie = ('-H', "Cookie: $c->{cookie}");
    like($ask->('/private/x', @cookie), qr{^HTTP/2 200.*^vary: Cookie,\s?Authorization.*\r\n\r\nx\z}ms, 'a customer');
    my $r = $ask->('/private/x');
    like($r, qr{^HTTP/2 401.*^www-authenticate: Bearer realm="medusa-store".*\r\n\r\nUnauthorized\z}ms, 'nobody');
    like($ask->('/private/x?y', '-H', 'Accept: text/html'), qr{^HTTP/2 302.*^location: /login\?%2Fprivate%2Fx%3Fy\r$}ms, 'a browser');
    like($ask->('/app/x', @cookie, '-H', 'medusa-customer-id: cus_liar'), qr{^HTTP/2 200.*^Medusa-Customer-Id: \Q$c->{id}\E$}msi, 'an application');
    unlike($ask->('/app/x', @cookie, '-H', 'medusa_customer_id: cus_liar'), qr/liar/, 'hears no lies');
    rows_are_secret($h)->stop;
};
done_testing;
