# When XML is spoken: Off by default, by Accept and Content-Type where it is On; and what hostile bodies come to.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;

MedusaStore::Harness::need_database();
my $JSON = 'application/json; charset=utf-8';
my $XML  = 'application/xml; charset=utf-8';

sub type_for {
    my ($h, $accept, $path) = @_;
    return $h->get($path // '/store/auth/x@lab.test', headers => defined $accept ? { Accept => $accept } : {})->{headers}{'content-type'};
}

sub post_xml {
    my ($h, $body, %headers) = @_;
    return $h->post('/store/auth', body => $body, headers => { 'Content-Type' => 'application/xml', %headers });
}

# ---- Off ----

my $off = MedusaStore::Harness->new;
is(type_for($off, 'application/xml'), $JSON, 'Off: JSON is answered');
my $r = $off->get('/store/auth/x@lab.test');
unlike($r->{headers}{vary} // '', qr/Accept/, 'Off: answers don\'t vary');
$r = post_xml($off, '<credentials><email>a@lab.test</email><password>x</password></credentials>');
is($r->{text}, '{"type":"invalid_data","message":"email must be an email, password should not be empty"}', 'Off: an XML body counts as none');
$off->stop;

# ---- On: Accept ----

my $h = MedusaStore::Harness->new(location => "MedusaStoreXML On\n");
my @ACCEPT = (
    [undef, 0], ['', 0], ['*/*', 0], ['application/json', 0], ['text/html', 0], ['application/*', 0],
    ['application/xml', 1], ['text/xml', 1], ['APPLICATION/XML', 1], ['application/xml; charset=utf-8', 1], ['text/html, application/xml', 1],
    ['application/xml, application/json', 0], ['application/xml, */*', 0], ['application/xml, */*;q=0.9', 1],
    ['application/xml;q=0.5, application/json', 0], ['application/xml, application/json;q=0.5', 1], ['application/xml;q=0', 0],
    ['application/xml;q=0.5, application/json;q=0.1, */*', 1], ['application/xml;q=0.5, */*;q=0.6', 0], ['application/xml;q=0.5,application/*;q=0.4,*/*', 1],
    ['application/xml;q=0.501,application/json;q=0.5', 1], ['application/xml ; q=1.000', 1], ['application/xml;q=x', 0], ['application/xml;q=', 0],
    ['application/xml;q=1.5,application/json;q=0.5', 0], ['application/xmlx', 0], ['application/xhtml+xml', 0], [',,,', 0], [';q=1', 0], ['application/xml;', 1],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 1],
);
for my $row (@ACCEPT) {
    my ($accept, $xml) = @$row;
    is(type_for($h, $accept), $xml ? $XML : $JSON, 'Accept: ' . ($accept // '(none)'));
}
$r = $h->get('/store/auth', headers => { Accept => 'application/xml' });
is($r->{status}, 401, 'an error keeps its status');
is($r->{headers}{'content-type'}, $XML, 'what is plain text beside JSON is XML too');
is($h->get('/store/auth')->{headers}{'content-type'}, 'text/plain; charset=utf-8', 'plain text stays beside JSON');
for my $accept ('application/xml', 'application/json') {
    my $vary = $h->get('/store/auth/x@lab.test', headers => { Accept => $accept })->{headers}{vary};
    like(ref $vary ? "@$vary" : $vary, qr/\bAccept\b/, "answers vary ($accept)");
}
$r = $h->request('HEAD', '/store/auth/x@lab.test', headers => { Accept => 'application/xml' });
is("$r->{status} $r->{headers}{'content-type'}", "200 $XML", 'HEAD tells the same');
cmp_ok($r->{headers}{'content-length'}, '>', 100, 'and the length');

# ---- On: bodies ----

my $good = '<credentials><email>a@lab.test</email><password>x</password></credentials>';
is(post_xml($h, $good)->{status}, 401, 'an XML body is read');
is(post_xml($h, $good)->{headers}{'content-type'}, 'text/plain; charset=utf-8', 'what is answered is a matter of Accept');
is(post_xml($h, $good, 'Content-Type' => 'Application/XML; charset="UTF-8"')->{status}, 401, 'the type in any case, with a charset');
is(post_xml($h, $good, 'Content-Type' => 'text/xml')->{status}, 400, 'text/xml is not read');
is(post_xml($h, $good, 'Content-Type' => 'application/xmlx')->{status}, 400, 'nor is what only begins like it');
is(post_xml($h, $good, 'Content-Type' => 'application/xml; charset=latin1')->{status}, 415, 'another charset: 415');
is(post_xml($h, '')->{status}, 400, 'no body is no body');
is($h->post('/store/auth', json => { email => 'a@lab.test', password => 'x' })->{status}, 401, 'JSON is read as ever');

my $secret = $h->write_file('secret.txt', 'not for clients');
my %HOSTILE = (
    'a document type'    => ['<!DOCTYPE c><credentials/>', 'must not have a document type'],
    'an external entity' => ["<!DOCTYPE c [<!ENTITY x SYSTEM \"file://$secret\">]><credentials><email>&x;</email></credentials>", 'must not have a document type'],
    'an external DTD'    => ['<!DOCTYPE c SYSTEM "' . $h->url('/store/auth/dtd@lab.test') . '"><credentials/>', 'must not have a document type'],
    'a bomb'             => ['<!DOCTYPE c [<!ENTITY a "' . 'x' x 1000 . '">' . join('', map { "<!ENTITY a$_ \"" . ($_ > 1 ? '&a' . ($_ - 1) . ';' : '&a;') x 10 . '">' } 1 .. 9)
        . ']><credentials><email>&a9;</email></credentials>', 'must not have a document type'],
    'XInclude'           => ["<credentials xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include href=\"file://$secret\"/></credentials>", 'property {http://www.w3.org/2001/XInclude}include should not exist'],
    'depth'              => ['<a>' x 30000, 'nested deeper than 64 levels'],
    'attributes'         => ['<a' . join('', map { " a$_=''" } 1 .. 8000) . '/>', 'more than 32 attributes'],
    'namespaces'         => ['<a' . join('', map { " xmlns:a$_='u'" } 1 .. 5000) . '/>', 'more than 32 attributes'],
    'an unknown entity'  => ['<credentials><email>&nbsp;</email></credentials>', 'Request body is not valid XML'],
    'UTF-16'             => ["\xFF\xFE<\0c\0/\0>\0", 'Request body is not valid UTF-8'],
    'a NUL'              => ["<c>\0</c>", 'Request body is not valid XML'],
    'a control'          => ['<c>&#1;</c>', 'Request body is not valid XML'],
    'JSON'               => ['{"email":"a"}', 'Request body is not valid XML'],
);
for my $name (sort keys %HOSTILE) {
    my ($body, $message) = @{ $HOSTILE{$name} };
    $r = post_xml($h, $body);
    is($r->{status}, 400, "$name: 400");
    like($r->{text}, qr/\Q$message\E/, "$name: why");
    unlike($r->{text}, qr/not for clients/, "$name: no file is read");
}
is(post_xml($h, '<c>' . ' ' x 102400 . '</c>')->{status}, 413, 'the limit of bytes holds');
is(post_xml($h, '<c>' . '<a/>' x 25000 . '</c>')->{status}, 400, 'below it there may be many elements');
is(post_xml($h, '<?xml version="1.0" encoding="UTF-16"?><c/>')->{status}, 415, 'another encoding is refused');
is($h->put('/store/auth', body => '<c', headers => { 'Content-Type' => 'application/xml' })->{status}, 400, 'bad XML is told before the route');

# ---- forgery ----

is($h->post('/store/customers', jar => 'me', json => { email => 'choice@lab.test', password => 'pass word', first_name => 'A', last_name => 'B' })->{status}, 200, 'somebody registers');
sub change {
    my ($harness, $type) = @_;
    return $harness->post('/store/customers/me', jar => 'me', body => '<c><phone>1</phone></c>', headers => { 'Content-Type' => $type })->{status};
}
is(change($h, 'application/xml'), 200, 'a write by the cookie may be XML');
is(change($h, 'text/xml'), 403, 'but no other type');
my $plain = MedusaStore::Harness->new(shop => $h);
$plain->{client}{jars} = $h->{client}{jars};
is(change($plain, 'application/xml'), 403, 'nor XML where it is Off');
unlike($h->log_text, qr/parser error|Entity|namespace error/i, 'libxml2 wrote nothing to the log');
$h->stop;
$plain->stop;
done_testing;
