# The API over TLS and HTTP/2.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;

MedusaStore::Harness::need_database();
sub program {
    my ($name) = @_;
    my ($path) = grep { -x } map { "$_/$name" } split /:/, $ENV{PATH};
    return $path if $path;
    die "$name is not installed\n" if $ENV{MS_TEST_REQUIRE};
    plan skip_all => "$name is not installed";
}
my ($curl, $openssl) = (program('curl'), program('openssl'));

my $h = MedusaStore::Harness->new(start => 0, modules => [qw(socache_shmcb ssl http2)]);
my $port = MedusaStore::Harness::free_port();
my ($exit, $words) = MedusaStore::Harness::run_command($openssl, qw(req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost
    -addext), 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', "$h->{root}/key.pem", '-out', "$h->{root}/cert.pem");
is($exit, 0, 'a certificate') or diag $words;
$h->{conf} = <<"CONF";
SSLSessionCache "shmcb:$h->{root}/ssl(512000)"
Protocols h2 h2c http/1.1
Listen 127.0.0.1:$port
<VirtualHost 127.0.0.1:$port>
    ServerName localhost
    SSLEngine On
    SSLCertificateFile "$h->{root}/cert.pem"
    SSLCertificateKeyFile "$h->{root}/key.pem"
</VirtualHost>
CONF
$h->allow_log('AH01882', qr/compiled against a newer library/);    # an OpenSSL that was updated after httpd
$h->start;

# Status, version, header and body of an answer. Options: those of curl, before the path.
sub ask {
    my ($path, @option) = @_;
    my ($status, $text) = MedusaStore::Harness::run_command($curl, qw(-sS -i --max-time 30 --cacert), "$h->{root}/cert.pem",
        '-b', "$h->{root}/jar", '-c', "$h->{root}/jar", @option, $path =~ m{^http} ? $path : "https://localhost:$port$path");
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    ($head, $body) = split /\r\n\r\n/, $body, 2 while $head =~ m{^HTTP/1\.1 101};
    my ($version, $code) = $head =~ m{^HTTP/([\d.]+) (\d+)} or diag $text;
    return { version => $version, status => $code, head => $head, body => $body // '' };
}

sub json { my ($text) = @_; return ('-H', 'Content-Type: application/json', '-d', $text) }

for my $kind (['1.1', '--http1.1'], ['2', '--http2']) {
    my ($version, $option) = @$kind;
    my $email = "tls-$version\@lab.test";
    my $r = ask('/store/customers', $option, json(qq({"email":"$email","password":"correct horse","first_name":"T","last_name":"L"})));
    is("$r->{version} $r->{status}", "$version 200", "HTTP/$version over TLS: a customer registers");
    like($r->{head}, qr/^set-cookie: connect\.sid=[^;]+;.*; Secure/mi, 'the cookie is Secure by itself');
    $r = ask('/store/customers/me', $option);
    like($r->{body}, qr/"email":"\Q$email\E"/, 'and signs in');
    is(ask('/store/customers/me', $option, json('{"metadata":{"text":"' . 'x' x 60_000 . '"}}'))->{status}, 200, 'a large body');
    is(length(ask('/store/customers/me', $option)->{body}) > 60_000, 1, 'a large answer');
    is(ask('/store/customers/me', $option, json('{"metadata":{"text":"' . 'x' x 120_000 . '"}}'))->{status}, 413, 'a body that is too large');
    like(ask('/store/customers/me', $option, '-I')->{head}, qr/^content-length: \d{5}/mi, 'HEAD');
    is(ask('/store/auth', $option, '-X', 'DELETE')->{status}, 200, 'signing out');
    is(ask('/store/auth', $option)->{status}, 401, 'counts');
}

my @many = map { "https://localhost:$port/store/auth/$_\@lab.test" } 1 .. 40;
my ($status, $text) = MedusaStore::Harness::run_command($curl, qw(-sS --http2 --parallel --parallel-max 20 --max-time 60 --cacert),
    "$h->{root}/cert.pem", @many);
is(() = $text =~ /\{"exists":false\}/g, 40, 'forty requests at once on one connection');
is(ask($h->url('/store/auth/x@lab.test'), '--http2')->{version}, '2', 'HTTP/2 without TLS, too');
$h->stop;
done_testing;
