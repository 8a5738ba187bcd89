# Bodies that are broken or extreme JSON: each is refused as such, quickly, and with bounded memory.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(max);
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Hostile qw(broken_values);
use MedusaStore::Json ();
use MedusaStore::Quick qw(cookie);
use MedusaStore::Report qw(figure full);

use constant { LIMIT => 102_400, TIME => 0.05, STRIDE => full() ? 1 : 7 };

my $CONF = "MedusaStorePasswordCost 8 1\n$MedusaStore::Quick::CONF";
my $h = MedusaStore::Harness->new(main => $CONF, log_level => 'notice', http_log_level => 'notice');
my $client = MedusaStore::Quick->new(port => $h->{port});
my $EMAIL = '{"email":"nobody@example.com"}';
my $me = cookie($client->ask('POST', '/store/customers', '{"email":"me@example.com","password":"correct horse","first_name":"A","last_name":"B"}'));
ok defined $me, 'a customer';

my ($bodies, @wrong, %times) = (0);

sub note_wrong { my ($class, $body, $what) = @_; push @wrong, "$class: " . substr($body, 0, 60) . " … (" . length($body) . " bytes): $what"; return }

# Send a body; `status` is what must be answered, a regular expression. 'email': to an operation for anyone; 'me': a change of the customer.
sub try {
    my ($class, $who, $body, $status) = @_;
    my @by = $who eq 'me' ? (Cookie => $me) : ();
    my $r = $client->ask('POST', $who eq 'me' ? '/store/customers/me' : '/store/customers/password-token', $body, @by);
    $bodies++;
    push @{ $times{$class} }, $r->{got} - $r->{sent};
    note_wrong($class, $body, "answered by $r->{status}, not $status") if $r->{status} !~ /^$status\z/;
    note_wrong($class, $body, "the answer is $r->{body}") if $r->{status} == 400 && $r->{body} !~ /\A\{"type":"invalid_data","message":".*"\}\z/s;
    return $r;
}

sub metadata { return '{"metadata":{"a":' . $_[0] . '}}' }

# ---- cut, and added to ----

my %valid = (
    email => ['{"email":"nobody@example.com"}', "{ \"email\" : \"nobody\\u0040example.com\" ,\n\"email\":\"no.body\@example.com\"}"],
    me => [ '{"first_name":"J\\u00f6rg \\ud83d\\ude00 \\"q\\" \\\\ \\n","last_name":"' . "M\xc3\xbcller \xf0\x9f\x98\x80" . '","phone":null,"metadata":{"a":[1,-2.5e-3,true,false,null,"x",{"b":{}}],'
        . '"n":12345678901234567890,"deep":[[[[[[[["end"]]]]]]]],"empty":"","' . "\xe2\x82\xac" . '":[]},"billing_address":{"city":"C","country_code":"US"}}' ],
);
for my $who (sort keys %valid) {
    for my $body (@{ $valid{$who} }) {
        try('whole', $who, $body, '20[04]');
        try('cut', $who, substr($body, 0, $_), 400) for grep { ($_ % STRIDE == 0) || $_ < 5 } 1 .. length($body) - 1;
    }
}
for my $byte (map { chr } grep { $_ % STRIDE == 0 || $_ < 0x30 } 0 .. 255) {
    my $blank = $byte =~ /[ \t\r\n]/;
    try('a byte behind', 'email', $EMAIL . $byte, $blank ? 204 : 400);
    try('a byte before', 'email', $byte . $EMAIL, $blank ? 204 : 400);
}
try('a byte order mark', 'email', "\xef\xbb\xbf$EMAIL", 204) for 1 .. 5;    # one alone would be its own median
try('bytes behind', 'email', $EMAIL . $_, 400) for $EMAIL, '{}', '[]', 'null', ',', '//', '/**/', '#', "\n\n]", "\0" x 1000, "\xef\xbb\xbf";

# A byte replaced: what is still an object is judged by its fields, all else is no JSON.
for my $i (grep { $_ % STRIDE == 0 } 0 .. length($EMAIL) - 1) {
    for my $byte (split(//, '{}[],:"\\/0-+.eEntu# '), map { chr } 0, 1, 9, 10, 13, 0x1f, 0x7f, 0x80, 0xc0, 0xff) {
        my $body = $EMAIL;
        substr $body, $i, 1, $byte;
        my $text = $body;
        my $value = utf8::decode($text) ? eval { MedusaStore::Json::decode($text) } : undef;
        try('a byte replaced', 'email', $body, ref $value eq 'HASH' && keys %$value == 1 && exists $value->{email} ? '(?:204|400)' : 400);
    }
}

# ---- values that are none; numbers; keys ----

my @broken = broken_values();
while (my ($name, $value) = splice @broken, 0, 2) { try('no value', 'me', metadata($value), 400) }
try('no object', 'email', $_, 400) for 'null', '"x"', '12', 'true', ' ', "\t\r\n", '[]', '[{}]', '[null,1]', '""', '-', "\xef\xbb\xbf", '{}}', '{{}}', '[', ']', ',', ':';
for my $number ('9' x 400, '-' . '9' x 400, '0.' . '0' x 400 . '1', '1' . '0' x 400 . 'e-400', '1e400', '-1e400', '1e99999999999999999999', '1e-99999999999999999999', '0e99999999999999999999', '9' x 20_000) {
    try('a long number', 'me', metadata($number), 200);
    try('a long number', 'email', qq({"email":$number}), 400);
}
for my $n (2, 10, 1000, 5000) {
    try('one key many times', 'email', '{' . '"email":"no",' x $n . '"email":"nobody@example.com"}', 204);
    try('one key many times', 'email', '{"email":"nobody@example.com"' . ',"email":1' x $n . '}', 400);
    try('many keys', 'email', '{' . join('', map { qq("k$_":1,) } 1 .. $n) . '"email":"nobody@example.com"}', 400);
    try('many keys in an object', 'me', metadata('{' . join(',', map { qq("k$_":1) } 1 .. $n) . '}'), 200);
}

# ---- depth: 64 and no more, the body itself included ----

for my $depth (1 .. 70, 100, 1000, 10_000, 50_000) {
    for my $pair (['[', ']'], ['{"a":', '}']) {
        my ($open, $close) = @$pair;
        my $inner = $open eq '[' ? '' : '1';
        my $body = metadata($open x $depth . $inner . $close x $depth);
        try('depth', 'me', $body, length $body > LIMIT ? 413 : $depth + 2 <= 64 ? 200 : 400);
        try('depth, left open', 'me', substr('{"metadata":' . $open x (2 * $depth), 0, LIMIT), 400);
    }
}
try('depth', 'email', '[' x 100_000, 400) for 1 .. 3;

# ---- as large as a body may be, and larger ----

my $fill = sub { my ($unit, $head, $tail) = @_; my $n = int((LIMIT - length("$head$tail")) / length $unit); return $head . substr($unit x $n, 0, -1) . $tail };
my %large = (
    'a string'         => '{"email":"' . 'x' x (LIMIT - 12) . '"}',
    'escapes'          => '{"email":"' . '\\u0041' x int((LIMIT - 12) / 6) . '"}',
    'blanks'           => $EMAIL . ' ' x (LIMIT - length $EMAIL),
    'numbers'          => $fill->('1,', '{"email":[', ']}'),
    'empty arrays'     => $fill->('[],', '{"email":[', ']}'),
    'empty objects'    => $fill->('{},', '{"email":[', ']}'),
    'empty strings'    => $fill->('"",', '{"email":[', ']}'),
    'small objects'    => $fill->('{"a":1},', '{"email":[', ']}'),
    'keys'             => '{' . join(',', map { sprintf '"%x":1', $_ } 1 .. 11_500) . '}',
    'equal keys'       => $fill->('"a":1,', '{"email":{', '}}'),
    'nested by 60'     => $fill->('[' x 60 . ']' x 60 . ',', '{"email":[', ']}'),
);
for my $what (sort keys %large) {
    cmp_ok length $large{$what}, '<=', LIMIT, "$what: within the limit";
    try($what, 'email', $large{$what}, $what eq 'blanks' ? 204 : 400) for 1 .. (full() ? 15 : 5);
    try('too large', 'email', $large{$what} . ' ' x (LIMIT + 1 - length $large{$what}), 413);
}
try('too large', 'email', '{' . join(',', map { qq("k$_":1) } 1 .. 100_000) . '}', 413) for 1 .. 3;

# ---- memory: what a body takes beyond what the process has, at its highest, in a server of one process that has served small ones ----

my $one = MedusaStore::Harness->new(shop => $h, single => 1, main => $CONF, log_level => 'notice', http_log_level => 'notice', start => 0);
$one->allow_log('AH00098');    # -X leaves its pid file

sub memory { my ($pid, $name) = @_; open my $in, '<', "/proc/$pid/status" or return 0; return (map { /^$name:\s+(\d+) kB/ ? 1024 * $1 : () } <$in>)[0] }

sub taken {
    my ($body) = @_;
    $one->{port} ? $one->start_again : $one->start;
    my $quick = MedusaStore::Quick->new(port => $one->{port});
    $quick->ask('POST', '/store/customers/password-token', $EMAIL) for 1 .. 40;
    my $pid = $one->{pid};
    my $file;
    return undef unless open($file, '>', "/proc/$pid/clear_refs") && syswrite($file, '5') && close $file;    # forget the highest
    my $before = memory($pid, 'VmRSS');
    $quick->ask('POST', '/store/customers/password-token', $body);
    my $taken = memory($pid, 'VmHWM') - $before;
    $one->stop_server;
    return $taken;
}
my %taken = map { $_ => taken($large{$_}) } full() ? sort keys %large : ('a string', 'keys', 'small objects');
my ($largest) = sort { $taken{$b} <=> $taken{$a} } keys %taken;
note map { sprintf "%-24s %5.1f times the limit\n", $_, $taken{$_} / LIMIT } sort keys %taken;
$one->stop;

is_deeply [@wrong > 8 ? @wrong[0 .. 7] : @wrong], [], "$bodies bodies are answered as they must be";
sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ $#sorted / 2 ] }
my %median = map { $_ => median(@{ $times{$_} }) } keys %times;
my ($slowest) = sort { $median{$b} <=> $median{$a} } keys %median;
note map { sprintf "%-24s %5d bodies, median %.2f ms, most %.2f ms\n", $_, scalar @{ $times{$_} }, 1000 * $median{$_}, 1000 * max(@{ $times{$_} }) } sort keys %times;
ok figure('H2', 'bodies of broken or extreme JSON that were answered otherwise than they must be', scalar @wrong, "of $bodies", !@wrong), 'all as they must be';
ok figure('H2', "median time of the slowest kind of body ($slowest)", sprintf('%.1f', 1000 * $median{$slowest}), 'ms', $median{$slowest} <= TIME), 'each within its time';
cmp_ok $taken{$largest}, '<=', ($ENV{SAN_PRELOAD} ? 64 : 32) * LIMIT, 'memory is bounded';    # the sanitizers put a red zone around each piece
figure('H2', "memory of the greediest body ($largest)", sprintf('%.1f', $taken{$largest} / LIMIT), 'times the limit of a body', $taken{$largest} <= 4 * LIMIT);    # the row has a note on it
is $client->ask('GET', '/store/customers/me', undef, Cookie => $me)->{status}, 200, 'the shop is alive';
$h->stop;
done_testing;
