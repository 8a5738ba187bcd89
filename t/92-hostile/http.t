# HTTP as nobody should write it, byte by byte: what comes is a refusal or the normal answer, never a failure of ours, and whatever
# is done to a path, nobody gets what a route keeps for its customer.
use strict;
use warnings;

use Compress::Zlib ();
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);

use constant { ANSWER_IN => 5 };    # seconds; most of these end with the connection

my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8 1\n", timeout => ANSWER_IN, log_level => 'notice', http_log_level => 'notice');
my $c = new_customer($h, first_name => 'Xyzzy');
my $host = "Host: localhost\r\nConnection: close\r\n";
my $EMAIL = '{"email":"nobody@example.com"}';
my ($POST, $ME, $JSON) = ('POST /store/customers/password-token HTTP/1.1', 'GET /store/customers/me', "Content-Type: application/json\r\n");
my $rows = 'SELECT (SELECT COUNT(*) FROM customer) + (SELECT COUNT(*) FROM session) + (SELECT COUNT(*) FROM outbox)';
my $before = $h->sql_value($rows);
$h->allow_log("AH10244", qr{invalid URI path});
my ($sent, @wrong, %status) = (0);

# Send bytes; each status that comes must match, and nothing of the customer may be told. 'none': the connection may end without an answer.
sub try {
    my ($what, $bytes, $status, %option) = @_;
    my $from = time;
    my $all = $h->raw($bytes, shutdown => 1, timeout => ANSWER_IN, %option);
    my @seen = $all =~ m{^HTTP/1\.[01] (\d{3})}mg;
    @seen = grep { $_ ne '100' } @seen;
    $sent++;
    $status{$_}++ for @seen ? @seen : 'none';
    my $shown = substr $bytes =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger, 0, 120;
    push @wrong, "$what ($shown): answered " . (join(' ', @seen) || 'nothing') . ", not $status" if (join(' ', @seen) || 'none') !~ /^(?:$status)\z/;
    push @wrong, "$what ($shown): it tells of the customer" if $all =~ /Xyzzy|\Q$c->{id}\E|\Q$c->{email}\E/i;
    push @wrong, "$what: it took too long" if time - $from > 2 * ANSWER_IN + 5;
    return $all;
}
sub post { my ($what, $headers, $body, $status, %option) = @_; return try($what, "$POST\r\n$host$headers\r\n$body", $status, %option) }

# ---- lengths and chunks ----

my $n = length $EMAIL;
sub chunked { return join '', map { sprintf("%x\r\n%s\r\n", length, $_) } @_, '' }
post('a plain request', "${JSON}Content-Length: $n\r\n", $EMAIL, 204);
post('chunked', "${JSON}Transfer-Encoding: chunked\r\n", chunked(split /(?<=.)/, $EMAIL), 204);
post('both lengths', "${JSON}Content-Length: $_\r\nTransfer-Encoding: chunked\r\n", chunked($EMAIL), '204|400') for 0, 1, $n, 1000, 99999999;
post('both lengths, the other way', "${JSON}Transfer-Encoding: chunked\r\nContent-Length: $_\r\n", chunked($EMAIL), '204|400') for 0, $n, 1000;
post('two lengths', "${JSON}Content-Length: $n\r\nContent-Length: $_\r\n", $EMAIL, 400) for 0, $n + 1, 1000;
post('the same length twice', "${JSON}Content-Length: $n\r\nContent-Length: $n\r\n", $EMAIL, '204|400');
post("length '$_'", "${JSON}Content-Length: $_\r\n", $EMAIL, '400|413') for '-1', '+5', '0x1e', '1e1', "$n,$n", "$n, 0", "$n;", 'x', '18446744073709551617', '9' x 40, "$n $n", '1.0';
post("length '$_'", "${JSON}Content-Length: $_\r\n", $EMAIL, '204|400') for '', "0$n", " $n ", "00000000000000000000000$n", "\t$n";
post("coding '$_'", "${JSON}Transfer-Encoding: $_\r\n", chunked($EMAIL), '400|501') for 'identity', 'gzip', 'chunked, gzip', 'xchunked', 'chunked-x', "chunked\x0b", ' x', 'chunked;q=1', '"chunked"';
post("coding '$_'", "${JSON}Transfer-Encoding: $_\r\n", chunked($EMAIL), '204|400|501') for 'Chunked', 'CHUNKED', ' chunked ', "\tchunked", 'chunked, chunked', 'identity, chunked', 'gzip, chunked', '';    # httpd looks at the last alone
post('a header that is nearly one', "${JSON}$_\r\n", chunked($EMAIL), '400|204') for 'Transfer-Encoding : chunked', "Transfer-Encoding\t: chunked", ' Transfer-Encoding: chunked', "X: y\r\n Transfer-Encoding: chunked", 'Transfer_Encoding: chunked', "Transfer-Encoding:\x00chunked";
post("chunk '$_'", "${JSON}Transfer-Encoding: chunked\r\n", "$_\r\n$EMAIL\r\n0\r\n\r\n", '400|413') for 'x', '-1', '', ' ', '0x1e', 'fffffffffffffffff', '80000000', 'ffffffffffffffff', '7fffffffffffffff', '1g', sprintf('%x', $n - 1), sprintf('%x', $n + 5), "1e\x00", ';', '+1e';
post("chunk '$_'", "${JSON}Transfer-Encoding: chunked\r\n", "$_\r\n$EMAIL\r\n0\r\n\r\n", '204|400') for '1E', '01e', '1e;a=b', '1e;a="b\r\nc"', '1e ;a', '1e ', ' 1e', "1e\t", '0000000000000000000000000001e', '1e;' . 'x' x 4000;
post('a chunk without its end', "${JSON}Transfer-Encoding: chunked\r\n", $_, '400|408|none') for "1e\r\n$EMAIL", "1e\r\n$EMAIL\r\n", "1e\r\n" . substr($EMAIL, 0, 5), '1', "1e\n", "1e\r\n$EMAIL" . "0\r\n\r\n", "0\r\n";
post('trailers', "${JSON}Transfer-Encoding: chunked\r\n", "1e\r\n$EMAIL\r\n0\r\n$_\r\n\r\n", '204|400') for 'X: y', 'Content-Length: 5', "Cookie: $c->{cookie}", 'Host: x', 'x' x 9000, "X: y\r\n" x 200, ': x', ' x';
post('no body where one is announced', "${JSON}Content-Length: " . ($n + 10) . "\r\n", $EMAIL, '400|408|none');
post('a request behind a body', "${JSON}Content-Length: $n\r\n", "${EMAIL}GET /store/customers/me HTTP/1.1\r\nHost: x\r\nCookie: $c->{cookie}\r\n\r\n", 204);
try('one behind the other', "$POST\r\nHost: x\r\n${JSON}Content-Length: $n\r\n\r\n$EMAIL" x 5 . "$ME HTTP/1.1\r\n$host\r\n", '204 204 204 204 204 401');
try('a body that is a request', "$POST\r\nHost: x\r\n${JSON}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n$ME HTTP/1.1\r\n$host\r\n", '400|400 401|400 400');

# ---- what the body is said to be ----

my %types = ('application/json' => 204, 'APPLICATION/JSON; Charset="UTF-8"' => 204, 'application/json;charset=utf-16' => 415, 'application/json;charset=' => '400|415|204', 'application/jsonx' => 400,
    'text/json' => 400, 'text/plain' => 400, 'application/x-www-form-urlencoded' => 400, 'multipart/form-data; boundary=x' => 400, '' => 400, 'application/json, text/plain' => '400|204', 'application/json; charset=utf-8; charset=latin1' => '204|415|400',
    "application/json;\tcharset=utf-8" => 204, 'application/json;' x 500 => '400|204|415', '*/*' => 400, 'application/xml' => 400, 'application/json; x="' => '400|204', ' application/json ' => 204);
post("type '$_'", "Content-Type: $_\r\nContent-Length: $n\r\n", $EMAIL, $types{$_}) for sort keys %types;
post('two types', "${JSON}Content-Type: text/plain\r\nContent-Length: $n\r\n", $EMAIL, '204|400');
my ($gzip, $deflate) = (Compress::Zlib::memGzip($EMAIL), Compress::Zlib::compress($EMAIL));
sub packed { my ($what, $coding, $body, $status) = @_; return post($what, "${JSON}Content-Encoding: $coding\r\nContent-Length: " . length($body) . "\r\n", $body, $status) }
packed("$_->[0]", @$_[0 .. 2]) for ['gzip', $gzip, 204], ['x-gzip', $gzip, 204], ['GZIP', $gzip, 204], ['deflate', $deflate, 204], ['identity', $EMAIL, 204], ['br', $gzip, 415], ['gzip, gzip', $gzip, 415], ['zstd', $gzip, 415], ['', $EMAIL, '204|415'],
    ['gzip', $deflate, '400'], ['deflate', $gzip, '400'], ['gzip', $EMAIL, 400], ['gzip', '', 400], ['deflate', '', 400], ['identity', $gzip, 400];
packed('gzip, cut', 'gzip', substr($gzip, 0, $_), 400) for map { $_ * 5 } 1 .. length($gzip) / 5 - 1;
packed('gzip, a byte changed', 'gzip', do { my $copy = $gzip; substr $copy, $_, 1, chr(ord(substr $copy, $_, 1) ^ 0x55); $copy }, '204|400') for map { $_ * 3 } 0 .. (length($gzip) - 1) / 3;
packed('a bomb', $_->[0], $_->[1], 413) for ['gzip', Compress::Zlib::memGzip('{"email":"' . 'x' x 50_000_000)], ['deflate', Compress::Zlib::compress(' ' x 50_000_000)], ['gzip', Compress::Zlib::memGzip("\0" x 10_000_000)];
packed('gzip and more behind it', 'gzip', $gzip . 'more', '204|400');
packed('gzip twice', 'gzip', $gzip . $gzip, '204|400');
for my $expect ('100-continue', '100-Continue', '100-continue, x', 'x', '', '200-ok') {
    post("Expect: $expect", "${JSON}Expect: $expect\r\nContent-Length: $n\r\n", $EMAIL, $expect =~ /^100-continue\z/i ? 204 : '204|417');
}
post('Expect, and too large', "${JSON}Expect: 100-continue\r\nContent-Length: 99999999\r\n", '', 413);

# ---- the line of the request, and the head ----

try("method $_", "$_ /store/customers/me HTTP/1.1\r\n$host\r\n", '40[0134]|501') for qw(get Get gET GETX GE G POSTS PUT PATCH TRACK CONNECT PROPFIND MKCOL LOCK BREW M-SEARCH G\xc3\x8bT GET/ \x00GET), 'x' x 100, "GET\x0b", "GET\x01";
try('OPTIONS', "OPTIONS /store/customers/me HTTP/1.1\r\n$host\r\n", '204');
try('OPTIONS of all', "OPTIONS * HTTP/1.1\r\n$host\r\n", '200|204|400');
try('TRACE', "TRACE /store/customers/me HTTP/1.1\r\n$host\r\n", '200|40[145]');
try("version '$_'", "$ME $_\r\n$host\r\n", '40[01]|505') for 'HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/3', 'HTTP/11', 'HTTP/1.', 'HTTP/1', 'HTTP/', 'http/1.1', 'HTTP/1.1x', 'HTTP/01.1', 'HTTP/1.1 x', 'HTTPS/1.1', "HTTP/1.1\t", 'HTTP/-1.1', 'X/1.1', 'HTTP/1.10000000';
try('HTTP/0.9', "$ME\r\n", '400|none');
try('HTTP/2 by its preface', "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", '400|405|505|none');
try('an upgrade', "$ME HTTP/1.1\r\n${host}Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", '401|101 .*');
try('HTTP/1.0 with a cookie', "GET /store/auth HTTP/1.0\r\nCookie: connect.sid=x\r\n\r\n", '401');
try('HTTP/1.0 with a body', "POST /store/customers/password-token HTTP/1.0\r\n${JSON}Content-Length: $n\r\n\r\n$EMAIL", 204);
try('HTTP/1.0, chunked', "POST /store/customers/password-token HTTP/1.0\r\n${JSON}Transfer-Encoding: chunked\r\n\r\n" . chunked($EMAIL), '204|400');
try("host '$_'", "$ME HTTP/1.1\r\nConnection: close\r\n$_\r\n", '40[01]') for '', "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: \r\n", "Host: a/b\r\n", "Host: [::1\r\n", "Host: a:99999\r\n", "Host: a\@b\r\n", "Host: " . 'a' x 8000 . "\r\n", "Host: a\\b\r\n", "Host: \xff\r\n", "Host: a,b\r\n";
for my $length (8000, 8180, 8190, 8191, 8192, 9000, 100_000) {
    try("a line of $length", substr("GET /store/customers/me?" . 'x' x $length, 0, $length - 11) . " HTTP/1.1\r\n$host\r\n", '401|414|400');
    try("a header of $length", "$ME HTTP/1.1\r\n${host}X: " . 'y' x ($length - 3) . "\r\n\r\n", '401|400|431');
    try("a cookie of $length", "$ME HTTP/1.1\r\n${host}Cookie: connect.sid=" . 'y' x ($length - 20) . "\r\n\r\n", '401|400|431');
    try("a token of $length", "$ME HTTP/1.1\r\n${host}Authorization: Bearer " . 'y' x ($length - 22) . "\r\n\r\n", '401|400|431');
}
try("$_ headers", "$ME HTTP/1.1\r\n$host" . join('', map { "X$_: y\r\n" } 1 .. $_) . "\r\n", '401|400|431') for 50, 98, 99, 100, 101, 1000;
try("$_ cookies", "$ME HTTP/1.1\r\n${host}Cookie: " . join('; ', map { 'connect.sid=x' } 1 .. $_) . "\r\n\r\n", '401|400|431') for 2, 100, 500;
try('line ends', $_, '40[01]|none') for "$ME HTTP/1.1\nHost: x\nConnection: close\n\n", "$ME HTTP/1.1\rHost: x\r\r", "\r\n\r\n$ME HTTP/1.1\r\n$host\r\n", "$ME HTTP/1.1\r\n$host" . "X: y\n Z: a\r\n\r\n", "$ME HTTP/1.1\r\nX\r\n$host\r\n", "$ME HTTP/1.1\r\n: x\r\n$host\r\n", "$ME HTTP/1.1\r\nX y: z\r\n$host\r\n",
    "$ME HTTP/1.1\r\n X: y\r\n$host\r\n", "$ME HTTP/1.1\r\nX: \x00\r\n$host\r\n", "$ME HTTP/1.1\r\nX\xff: y\r\n$host\r\n", "$ME  HTTP/1.1\r\n$host\r\n", "GET  /store/customers/me HTTP/1.1\r\n$host\r\n", "GET\t/store/customers/me\tHTTP/1.1\r\n$host\r\n", " $ME HTTP/1.1\r\n$host\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "\0" x 100;

# ---- paths: nobody gets past a guard, by whatever spelling ----

my @paths = ('/store/customers/me', '/STORE/customers/me', '/store/Customers/ME', '/store/customers/me/', '/store/customers/me//', '/store//customers/me', '//store/customers/me', '/store/./customers/me', '/store/x/../customers/me',
    '/store/customers/me/.', '/store/customers/me/..', '/store/customers/me/x/..', '/store/customers/password-token/../me', '/store/auth/../customers/me', '/store/customers/%6de', '/store/customers/m%65', '/store/%63ustomers/me', '/store/customers%2Fme', '/store/customers%2fme',
    '/store/customers/me%2F', '/store%2Fcustomers/me', '/store/customers/me%00', '/store/customers/me%00.html', '/store/customers/%00me', '/store/customers/me;x', '/store/customers/me;jsessionid=1', '/store;x/customers/me', '/store/customers;/me', '/store/customers/..;/customers/me',
    '/store/customers/me%3b', '/store/customers/me%20', '/store/customers/me%09', '/store/customers/me%0a', '/store/customers/me%0d%0aSet-Cookie:x', '/store/customers/me?', '/store/customers/me?x', '/store/customers/me??', '/store/customers/me?/../../auth/a@b.co', '/store/customers/me#x',
    '/store/customers/me%23', '/store/customers/me%3f', '/store/customers/me\\', '/store\\customers\\me', '/store/customers/me%5c', '/store/%2e/customers/me', '/store/%2e%2e/store/customers/me', '/store/x/%2e%2e/customers/me', '/store/customers/%2e%2e/customers/me', '/store/..%2fstore/customers/me',
    '/store/customers/me%252f', '/store/customers/%256de', '/store/customers/me%c0%ae', '/store/customers/m%c3%a9', '/store/customers/me%ff', '/store/customers/me%', '/store/customers/me%2', '/store/customers/me%zz', '/store/customers/%u006de', '/store/customers/me.json', '/store/customers/me.php', '/store/customers/me~',
    '/store/customers/me*', '/store/customers/*', '/store/customers/{id}', '/store/customers', '/store/customers/', "/store/customers/$c->{id}", '/store/customers/me/orders', '/store/customers/me/addresses/x', '/store/customers/me/payment-methods', '/store/auth', '/store/auth/', '/store/AUTH', '/store/auth//', '/store/./auth', '/store/auth?x=1',
    '/store/auth%00', '/store/auth;', '/store/auth%2f', 'http://localhost/store/customers/me', 'http://other.example/store/customers/me', 'HTTP://LOCALHOST/store/customers/me', 'https://localhost/store/customers/me', 'ftp://x/store/customers/me', 'http:///store/customers/me', 'http://localhost:99999/store/customers/me', 'store/customers/me', '../store/customers/me', '*', '/', '',
    '/store/customers/' . 'x/' x 500 . 'me', '/store/' . '../' x 100 . 'store/customers/me', '/store/customers/me' . '/' x 1000, '/store/customers/' . '%6d' x 500, "/store/customers/me\x7f", "/store/customers/me\xff", "/store/customers/m\xc3\xa9", "/store/customers/me\x01");
for my $path (@paths) {
    for my $method (qw(GET POST DELETE HEAD)) {
        next if $method eq 'DELETE' && $path =~ m{^/store/(?:\./)?auth|^/STORE}i && $path !~ /customers/;    # a sign-out by nobody is fine
        my $status = $method eq 'POST' || $path =~ m{^\*?\z|^/\z} ? '40[0-5]|200|301|308|501' : $path =~ m{/password-token/\.\.|/auth/\.\./} ? '40[0134]' : $path =~ m{^/store(?:/|\z)} ? '40[0134]|301|308' : '40[01345]|301|308';    # no place of ours
        my $all = try("$method $path", "$method $path HTTP/1.1\r\n$host\r\n", $status);
        push @wrong, "$method $path: it is a customer" if $all =~ /"customer":/;
    }
}
# and with the cookie the plain spellings do reach it
like $h->raw("GET $_ HTTP/1.1\r\n${host}Cookie: $c->{cookie}\r\n\r\n"), qr{^HTTP/1\.1 200 .*Xyzzy}s, "$_ by its customer" for '/store/customers/me', '/store/Customers/ME/', '/store/customers/%6de', '/store/./customers/me';

# ---- the same spellings over HTTP/2: the same answers ----

SKIP: {
    my ($curl) = grep { -x } map { "$_/curl" } split /:/, $ENV{PATH};
    skip 'curl is not installed', 2 if !$curl;
    my $two = MedusaStore::Harness->new(shop => $h, modules => ['http2'], conf => "Protocols h2c http/1.1\n", main => "MedusaStorePasswordCost 8 1\n", log_level => 'notice', http_log_level => 'notice');
    $two->allow_log('AH10244', qr{invalid URI path});
    my @plain = grep { m{^/[!-~]*\z} && length() < 200 && !/[#{}*\[\]\\]/ } @paths;
    @plain = @plain[grep { $_ % 3 == 0 } 0 .. $#plain] if !full();
    my @bad;
    for my $path (@plain) {
        my ($status) = $h->raw("GET $path HTTP/1.1\r\n$host\r\n") =~ m{^HTTP/1\.1 (\d+)};
        my (undef, $text) = MedusaStore::Harness::run_command($curl, qw(-s --path-as-is --http2-prior-knowledge -o /dev/null --max-time 30 -w), '%{http_version} %{http_code}', $two->url($path));
        $sent++;
        push @bad, "$path: $text, and $status over HTTP/1.1" if $text ne "2 $status";
    }
    push @wrong, @bad;
    is_deeply \@bad, [], @plain . ' paths over HTTP/2: as over HTTP/1.1';
    $two->stop;
}

is_deeply [@wrong > 8 ? @wrong[0 .. 7] : @wrong], [], "$sent requests: a refusal, or the normal answer";
note join ', ', map { "$_: $status{$_}" } sort keys %status;
is $h->sql_value($rows), $before, 'nothing was written';
is scalar(grep { /^5/ && $_ !~ /^50[15]\z/ } keys %status), 0, 'no failure of ours';
ok figure('H3', 'odd HTTP requests that were answered otherwise than by a refusal or as usual', scalar @wrong, "of $sent", !@wrong && $sent >= 300), 'all of them';
$h->stop;
done_testing;
