# What JSON case files can't say: bodies that are made, bytes on the wire, connections that go on or break off.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;

my $h = MedusaStore::Harness->new(timeout => 10);
my @valid = ('"email":"a@lab.test"', '"password":"x"');

sub post_fields {
    my (@fields) = @_;
    return $h->post('/store/auth', headers => { 'Content-Type' => 'application/json' }, body => '{' . join(',', @fields) . '}');
}

sub messages_of { my (@keys) = @_; return join ', ', map { "property $_ should not exist" } @keys }

subtest 'many unknown fields are all told, in order' => sub {
    my @keys = map { "k$_" } reverse 1 .. 5000;
    my $r = post_fields(@valid, map { qq("$_":1) } @keys);
    is($r->{status}, 400, 'refused');
    ok($r->{json}{message} eq messages_of(@keys), 'in the order of the body');
    is($r->{headers}{'content-length'}, length $r->{body}, 'with its length');

    $r = post_fields(map({ qq("$_":1) } reverse 1 .. 5000), @valid);
    ok($r->{json}{message} eq messages_of(1 .. 5000), 'numbers ascending');
};

subtest 'many copies of one key' => sub {
    my $r = post_fields(@valid, map { '"email":"no"' } 1 .. 5000);
    is($r->{json}{message}, 'email must be an email', 'the last one counts');
};

# The head and the rest of what comes back for some bytes.
sub talk {
    my ($bytes, %option) = @_;
    return split /\r\n\r\n/, $h->raw($bytes, %option), 2;
}

my $host = "Host: localhost\r\n";

subtest 'no byte behind the head where none may be' => sub {
    my ($head, $rest) = talk("HEAD /store/auth/a\@b.co HTTP/1.1\r\n${host}Connection: close\r\n\r\n");
    like($head, qr{^HTTP/1\.1 200 }, 'HEAD');
    is($rest, '', 'has no body');
    ($head, $rest) = talk("HEAD /store/auth HTTP/1.1\r\n${host}Connection: close\r\n\r\n");
    like($head, qr{^HTTP/1\.1 401 }, 'HEAD of a stranger');
    is($rest, '', 'has none either');
    ($head, $rest) = talk("OPTIONS /store/auth HTTP/1.1\r\n${host}Connection: close\r\n\r\n");
    like($head, qr{^HTTP/1\.1 204 }, 'OPTIONS');
    unlike($head, qr/^(?:Transfer-Encoding|Content-Length: [1-9])/mi, 'announces no body');
    is($rest, '', 'and has none');
};

subtest 'bytes that are no text' => sub {
    for my $request ("GET /store/auth/a\xff\@b.co HTTP/1.1\r\n${host}",
                     "POST /store/auth HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Encoding: \xfe\r\nContent-Length: 2\r\n",
                     "POST /store/auth HTTP/1.1\r\n${host}Content-Type: application/json; charset=\xfe\r\nContent-Length: 2\r\n") {
        my ($head, $rest) = talk("${request}Connection: close\r\n\r\n{}");
        like($head, qr{^HTTP/1\.1 4(?:00|15) }, 'are refused');
        like($rest, qr/"message":"[ -~]*\?/, 'and told of in words');
    }
};

subtest 'a part of an answer is not to be had' => sub {
    my ($head, $rest) = talk("POST /store/auth HTTP/1.1\r\n${host}Content-Type: application/json\r\nRange: bytes=0-3\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    like($head, qr{^HTTP/1\.1 400 }, 'of a write');
    ($head, $rest) = talk("GET /store/auth/a\@b.co HTTP/1.1\r\n${host}Range: bytes=0-3\r\nConnection: close\r\n\r\n");
    like($head, qr{^HTTP/1\.1 200 }, 'of a look-up');
    is($rest, '{"exists":false}', 'all of it comes');
};

subtest 'a connection goes on after an answer' => sub {
    my $json = "Content-Type: application/json\r\n";
    my @asked = (
        "DELETE /store/auth HTTP/1.1\r\n$host${json}Content-Length: 2\r\n\r\n{}",
        "GET /store/auth HTTP/1.1\r\n$host${json}Content-Length: 2\r\n\r\n{}",
        "POST /store/nothing HTTP/1.1\r\n${host}Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET /store/auth/a\@b.co HTTP/1.1\r\n${host}\r\n",
        "POST /store/auth HTTP/1.1\r\n$host${json}Content-Length: 4\r\n\r\n{bad",    # httpd closes after every 400
    );
    my $all = $h->raw(join '', @asked);
    is(join(' ', $all =~ m{HTTP/1\.1 (\d+)}g), '200 401 404 200 400', 'five questions, five answers');
};

subtest 'a body that is too large is not waited for' => sub {
    my ($head) = talk("POST /store/auth HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n{");
    like($head, qr{^HTTP/1\.1 413 }, 'answered at once');
    like($head, qr/^Connection: close\r?$/mi, 'and closed');
    ($head) = talk("POST /store/auth HTTP/1.1\r\n${host}Expect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n");
    like($head, qr{^HTTP/1\.1 413 }, 'without an invitation to send it');
};

subtest 'a body that breaks off' => sub {
    my $before = $h->sql_value('SELECT COUNT(*) FROM customer');
    my $body = '{"first_name":"A","last_name":"B","email":"cut@lab.test","password":"pass word"}';
    my ($head) = talk("POST /store/customers HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: 200\r\n\r\n$body", shutdown => 1);
    ok(!defined $head || $head =~ m{^HTTP/1\.1 4\d\d }, 'is no success');
    ($head) = talk("POST /store/customers HTTP/1.1\r\n${host}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        . sprintf("%x\r\n%s\r\n", length $body, $body) . "zz\r\n", shutdown => 1);
    ok(!defined $head || $head =~ m{^HTTP/1\.1 4\d\d }, 'nor is a bad chunk');
    is($h->sql_value('SELECT COUNT(*) FROM customer'), $before, 'and registers nobody');
};

$h->stop;
done_testing;
