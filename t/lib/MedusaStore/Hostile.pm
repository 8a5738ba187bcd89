package MedusaStore::Hostile;

# Values that want to break something: texts that are legal and odd, JSON that is none, and texts as attackers write them, put together
# from parts. For the tests of t/92-hostile.

use strict;
use warnings;
use utf8;

use Exporter qw(import);

our @EXPORT_OK = qw(texts values_of_types broken_values attacks json_of json_escaped);

# A text as JSON, with no more escapes than must be.
sub json_of {
    my ($text) = @_;
    my $json = $text =~ s/(["\\])/\\$1/gr =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ger;
    utf8::encode($json);
    return qq("$json");
}

# The same, all but letters and digits as \uXXXX.
sub json_escaped {
    my ($text) = @_;
    my $json = join '', map {
        my $c = ord;
        /[A-Za-z0-9]/ ? $_ : $c > 0xffff ? sprintf('\\u%04x\\u%04X', 0xd800 + ($c - 0x10000 >> 10), 0xdc00 + ($c - 0x10000 & 0x3ff)) : sprintf '\\u%04X', $c
    } split //, $text;
    return qq("$json");
}

# Legal texts: (name => characters, …), names unique. max: the longest that fits.
sub texts {
    my ($max) = @_;
    my @all = (
        'empty' => '', 'a blank' => ' ', 'blanks around' => '  a b  ', 'a tab' => "\t", 'line ends' => "a\r\nb\nc\r", 'a quote' => q(it's), 'double quotes' => '"a"',
        'backslashes' => '\\\\a\\', 'a backslash at the end' => 'a\\', 'percent and underscore' => '100%_', 'a null word' => 'NULL', 'null' => 'null', 'NaN' => 'NaN',
        'a proto' => '__proto__', 'a format' => '%s%n%x', 'a number' => '1e400', 'a comment' => '-- x', 'a large number' => '9' x 400,
        'one less than the most' => 'a' x ($max - 1), 'the most' => 'b' x $max, 'one more' => 'c' x ($max + 1), 'twice the most' => 'd' x (2 * $max),
        'the most of two bytes' => 'é' x $max, 'the most of three bytes' => '€' x $max, 'the most of four bytes' => '😀' x $max, 'one more of four bytes' => '😀' x ($max + 1),
        'NUL' => "a\0b", 'NUL first' => "\0a", 'NUL last' => "a\0", 'NUL alone' => "\0",
        'combining' => "e\x{301}", 'many combining' => 'a' . "\x{300}\x{301}\x{323}" x 100, 'a combining first' => "\x{301}a", 'composed' => "\x{e9}",
        'Hebrew' => 'שלום עולם', 'Arabic' => 'مرحبا', 'mixed directions' => "abc \x{202e}cba\x{202c} שלום", 'Chinese' => '北京市朝阳区', 'Thai' => 'สวัสดี', 'Hangul parts' => "\x{1112}\x{1161}\x{11ab}",
        'a family' => "\x{1F468}\x{200D}\x{1F469}\x{200D}\x{1F467}", 'a flag' => "\x{1F1E9}\x{1F1EA}", 'skin tone' => "\x{1F44D}\x{1F3FD}", 'a keycap' => "1\x{fe0f}\x{20e3}",
        'dotted I' => "\x{130}stanbul", 'sharp s' => 'Straße ẞ', 'final sigma' => 'ΟΔΟΣ', 'title case' => "\x{1c5}", 'ligature' => "\x{fb03}", 'full width' => "\x{ff21}\x{ff07}",
    );
    push @all, sprintf('U+%04X', $_) => 'a' . chr($_) . 'b' for 1 .. 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0xa0, 0xad, 0x34f, 0x61c, 0x115f, 0x180e, 0x200b .. 0x200f,
        0x2028 .. 0x202e, 0x2060, 0x2066 .. 0x2069, 0x3000, 0xd7ff, 0xe000, 0xf8ff, 0xfdd0, 0xfe0f, 0xfeff, 0xfff9, 0xfffc, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x1f600,
        0x1fffe, 0x2f800, 0xe0001, 0xe0020, 0xf0000, 0x10fffd, 0x10ffff;
    return @all;
}

# JSON values that are no texts: (name => JSON, …).
sub values_of_types {
    return map { ("JSON $_" => $_) } 'null', 'true', 'false', '0', '-0', '-1', '1.5', '1e10', '1e999', '1e-400', '9007199254740993', '12345678901234567890', '[]', '[""]', '["a"]', '[[]]', '[null]',
        '{}', '{"a":1}', '{"":""}', '{"length":5}', '{"$ne":null}', '{"__proto__":{"a":1}}', '{"toString":"x"}', '{"a":{"b":{"c":[1,2,{"d":null}]}}}', '{"a":"x\\u0000y"}', '{"a":["\\u0000"]}';
}

# What is no JSON value: (name => bytes, …).
sub broken_values {
    my %bytes = (
        'overlong in two' => "\xc0\xaf", 'overlong in three' => "\xe0\x80\xaf", 'overlong in four' => "\xf0\x80\x80\xaf", 'overlong NUL' => "\xc0\x80", 'a surrogate in bytes' => "\xed\xa0\x80",
        'a pair in bytes' => "\xed\xa0\xbd\xed\xb8\x80", 'FF' => "\xff", 'FE FF' => "\xfe\xff", 'a rest alone' => "\x80", 'two bytes cut' => "\xc3", 'three bytes cut' => "\xe2\x82",
        'four bytes cut' => "\xf0\x9f\x98", 'beyond Unicode' => "\xf4\x90\x80\x80", 'five bytes' => "\xf8\x88\x80\x80\x80", 'Latin 1' => "M\xfcller",
    );
    my @texts = ('\\ud800', '\\udc00', '\\ud800x', '\\ud800\\u0041', '\\udc00\\ud800', '\\ud83d\\ud83d', '\\x41', '\\u12', '\\u{41}', '\\uZZZZ', '\\', '\\a', '\\\'');
    my @bare = ("'a'", 'undefined', 'NaN', '-Infinity', '01', '+1', '.5', '1.', '1e', '0x10', '1_000', 'True', 'nul', 'tru', '"', '"a', 'a"', '[', '[1,', '[1,]', '{', '{"a"', '{"a":', '{"a":1,}', '{a:1}', '1 2', '/* */ 1',
        '"a" "b"', '""a', '-', '--1', '{"\\u0000":1}');    # the last is JSON, but no key of ours can hold it
    return ((map { ($_ => qq("a$bytes{$_}b")) } sort keys %bytes), (map { ("text $_" => qq("$_")) } @texts), (map { ("bare $_" => $_) } @bare),
        (map { (sprintf('a raw %02X', $_) => '"a' . chr($_) . 'b"') } 0 .. 0x1f));
}

# ---- texts as attackers write them ----

my %PART = (
    SQL => [["1", "x'", 'x"', "x')", 'x\\\'', "1))", "x`", "%bf'"],
        [' OR 1=1', " OR 'a'='a", ' UNION SELECT null,null', " UNION ALL SELECT password_hash FROM customer", '; DROP TABLE customer', '; UPDATE customer SET has_account=0', ' AND SLEEP(5)',
         ' AND 1=(SELECT COUNT(*) FROM session)', ' || (SELECT 1)', ' RLIKE 0x61', ' PROCEDURE ANALYSE()', ' INTO OUTFILE \'/tmp/x\'', ' HAVING 1=1', ' ORDER BY 99', '/**/OR/**/1=1', ' LIMIT 1 OFFSET 1'],
        ['', '-- ', '#', '/*', ';%00', ' -- -']],
    HTML => [['<script>', '<img src=x onerror=', '<svg/onload=', '"><b onmouseover=', "'><iframe src=javascript:", '<body onload=', '<a href="javascript:', '<math><mi xlink:href="data:x,', '</textarea><script>', '<!--<img title="-->', '<ScRiPt >', '&lt;script&gt;'],
        ['alert(1)', 'alert`1`', 'document.cookie', 'eval(atob(\'YQ==\'))', 'top[\'al\'+\'ert\'](1)', '\\u0061lert(1)', '&#97;lert(1)'],
        ['', '</script>', '>', '">', '//', '\'-\'']],
    shell => [['', 'x', '"', "'", '$(', '`', '|', '&&', ';', "\n", '|| '],
        ['id', 'cat /etc/passwd', 'sleep 5', 'curl http://127.0.0.1/', 'wget -O- x', 'ping -c 1 127.0.0.1', 'rm -rf /tmp/x', 'echo $IFS$9', '{cat,/etc/hosts}', '/bin/sh -c id', 'powershell -enc AAAA'],
        ['', ')', '`', '#', '&', '"', "'"]],
    template => [['{{', '${', '#{', '<%=', '{%', '*{', '@(', '[[', '#set($x=', '%{'],
        ['7*7', 'config', "''.__class__.__mro__", 'T(java.lang.Runtime).getRuntime().exec("id")', 'request.application', 'jndi:ldap://127.0.0.1/a', 'env:PATH', 'self', 'constructor.constructor("return 1")()'],
        ['}}', '}', '%>', '%}', ')', ']]', '}#']],
    path => [['../', '..\\', '/', '....//', '%2e%2e/', '%252e%252e%252f', '..%c0%af', '..;/', 'file://', 'php://filter/resource=', '\\\\127.0.0.1\\', 'C:\\'],
        ['etc/passwd', 'windows/win.ini', 'proc/self/environ', '.git/config', 'WEB-INF/web.xml', 'boot.ini', '.htaccess', 'dev/null'],
        ['', '%00', "\t", '?.png', '#x', '.', '/.', '::$DATA']],
    header => [["\r\n", "\n", "\r", '%0d%0a', '\\r\\n', "\x{2028}", "\x{85}", "\x{560d}\x{560a}"],
        ['Set-Cookie: a=b', 'Bcc: x@example.com', 'Location: http://127.0.0.1/', 'HTTP/1.1 200 OK', 'Content-Length: 0', 'X-Forwarded-For: ::1', "Subject: x", '[error] forged line'],
        ['', "\r\n\r\n<b>", "\n.", ' ', '%0d%0a%0d%0a']],
    directory => [['*', ')', 'x)(', '*)(', '(|', '(&', '\\2a', 'admin)'],
        ['uid=*', 'objectClass=*', '|(uid=*', 'userPassword=*', 'cn=*)(sn=*', '&'],
        ['', ')', '))', ')(', '\\00', ')%00']],
    markup => [['<?xml version="1.0"?>', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>', '<![CDATA[', ']]>', '&b;', '<a xmlns:x="x">', "' or ''='", '<!ENTITY % c SYSTEM "http://127.0.0.1/">'],
        ['<a>&b;</a>', '&#0;', '&#x1F600;', 'count(//*)', "string(//user[1])", '<xi:include href="x"/>', '%c;'],
        ['', ']]>', '</a>', '-->', '"/>']],
    data => [['=', '+', '-', '@', "\t=", '"=', 'O:8:"stdClass"', 'rO0AB', '!!python/object:', '{"$gt":', '[$ne]', 'a:1:{', '__proto__.'],
        ['cmd|\' /C calc\'!A0', 'HYPERLINK("http://127.0.0.1/","x")', '1+1', '1', '""', 'os.system ["id"]', 'toString', 'length'],
        ['', '}', ']', '"', ';}', '\\0']],
);

# All of them, in a fixed order.
sub attacks {
    my (@all, %seen);
    for my $kind (sort keys %PART) {
        my ($heads, $middles, $tails) = @{ $PART{$kind} };
        for my $head (@$heads) {
            for my $middle (@$middles) {
                push @all, map { "$head$middle$_" } @$tails;
            }
        }
    }
    return grep { !$seen{$_}++ } @all;
}

1;
