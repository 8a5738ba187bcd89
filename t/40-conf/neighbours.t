# The API beside other modules of the same httpd: filters, server-side includes, sessions of other places, addresses of clients.
use strict;
use warnings;

use Compress::Zlib qw(memGunzip memGzip);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer token_for);
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

subtest 'answers that mod_deflate compresses' => sub {
    my $h = MedusaStore::Harness->new(modules => [qw(filter deflate)], location => "SetOutputFilter DEFLATE\n");
    my $c = new_customer($h);
    my %ask = (Cookie => $c->{cookie}, 'Accept-Encoding' => 'gzip');
    my $r = $h->get('/store/auth', headers => {%ask});
    is($r->{headers}{'content-encoding'}, 'gzip', 'are compressed');
    like(memGunzip($r->{body}), qr/^\{"customer":\{"id":"$c->{id}"/, 'and whole');
    is($r->{headers}{'cache-control'}, 'no-store', 'and nobody keeps them');
    $r = $h->get('/store/auth', headers => { %ask, 'x-no-compression' => '1' });
    is($r->{headers}{'content-encoding'}, undef, 'but not for a client that asks for plain ones');
    is($r->{json}{customer}{id}, $c->{id}, 'who gets it so');
    $h->stop;
};

subtest 'mod_ratelimit' => sub {
    my $h = MedusaStore::Harness->new(modules => [qw(filter ratelimit)], location => "SetOutputFilter RATE_LIMIT\nSetEnv rate-limit 400\n");
    my $c = new_customer($h);
    my $r = $h->post('/store/customers/me', headers => { Cookie => $c->{cookie} }, json => { metadata => { text => 'x' x 30_000 } });
    is($r->{status}, 200, 'a slow answer');
    is(length $r->{json}{customer}{metadata}{text}, 30_000, 'comes whole');
    $h->stop;
};

subtest 'mod_remoteip' => sub {
    my $h = MedusaStore::Harness->new(modules => [qw(remoteip)], conf => "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n");
    my $r = $h->post('/store/auth', headers => { 'X-Forwarded-For' => '192.0.2.7' }, json => { email => 'nobody@lab.test', password => 'wrong' });
    is($r->{status}, 401, 'a refused sign-in');
    ok($h->await_log(qr/\[client 192\.0\.2\.7[^]]*\] MS0001:/), 'is logged with the address behind the proxy');
    $h->stop;
};

subtest 'names of requests' => sub {
    my $h = MedusaStore::Harness->new(modules => [qw(unique_id)], start => 0);
    $h->{conf} = "LogFormat \"%>s id=%{medusa-request-id}n unique=%{UNIQUE_ID}e\" named\nCustomLog \"$h->{root}/logs/named.log\" named\n";
    $h->start;
    my $token = token_for($h, new_customer($h));
    $h->sql('RENAME TABLE session TO hidden');
    $h->expect_log('MS0105', qr/\(request [^)]+\)$/, 4);
    my $ask = sub { return $h->get('/store/customers/me', headers => { Authorization => "Bearer $token", @_ }) };
    my $r = $ask->();
    is($r->{status}, 503, 'a failure of the server');
    my $id = $r->{headers}{'x-request-id'};
    is($r->{json}{request_id}, $id, 'tells its name in header and body');
    like($h->log_text, qr/MS0105: .*\(request \Q$id\E\)$/m, 'the error log tells it, too');
    ok($ask->()->{headers}{'x-request-id'} ne $id, 'each has its own');
    is($ask->('X-Request-Id' => 'order-4711-a')->{headers}{'x-request-id'}, 'order-4711-a', 'one that the client gives is kept');
    isnt($ask->('X-Request-Id' => $_->[0])->{headers}{'x-request-id'}, $_->[0], "but not $_->[1]") for ['a) forged', 'one with other characters'];
    is($h->get('/store/auth', headers => { 'X-Request-Id' => 'order-4711-b' })->{headers}{'x-request-id'}, undef, 'a refusal needs none');
    $h->stop_server;
    open my $log, '<', "$h->{root}/logs/named.log" or die $!;
    my ($first) = grep { /^503/ } <$log>;
    is($first, "503 id=$id unique=$id\n", 'the access log can tell it as well, and mod_unique_id agrees');
    $h->stop;
};

done_testing;
