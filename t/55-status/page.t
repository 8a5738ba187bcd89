# The status page as text: whole, without anything that could run or load, and with what it has to tell. (t/60-client/status.t looks at it.)
use strict;
use warnings;

use Digest::SHA qw(sha256_base64);
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in);
use MedusaStore::Harness;

my $MOUNT = "<Location \"/status\">\nSetHandler medusa-store-metrics\n</Location>\n";
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\n", conf => $MOUNT . <<"CONF");
<Location "/more&<store>">
    MedusaStore On
    Session On
</Location>
<LocationMatch "^/(?:a|b)/shop">
    MedusaStore On
    Session On
    MedusaStoreBase /a/shop
</LocationMatch>
<Location "/not">
    MedusaStore Off
</Location>
CONF

sub page {
    my ($s, $host) = @_;
    my $r = $s->get('/status', headers => { Accept => 'text/html', $host ? (Host => $host) : () });
    is($r->{status}, 200, 'a page');
    return $r;
}

# The text between the tags of a piece of HTML, blanks made one.
sub words {
    my ($html) = @_;
    my $text = $html =~ s/<style>.*?<\/style>//sr =~ s/<wbr>//gr =~ s/<[^>]*>/ /gr;
    my %char = (lt => '<', gt => '>', amp => '&', quot => '"');
    return $text =~ s/&(\w+);/$char{$1}/gr =~ s/\x{a0}/ /gr =~ s/\s+/ /gr;
}

# Rows of a table, each an array of the words of its cells.
sub rows {
    my ($html, $class) = @_;
    my ($table) = $html =~ /<table class="$class">(.*?)<\/table>/s or return;
    return map { [map { words($_) =~ s/^ | $//gr } /<t[hd][^>]*>(.*?)<\/t[hd]>/gs] } $table =~ /<tr>(.*?)<\/tr>/gs;
}

my %VOID = map { $_ => 1 } qw(meta link wbr path);

# What is wrong with the tags: each that is opened is closed, attributes are quoted, nothing is there that runs or loads.
sub faults {
    my ($html) = @_;
    my (@open, @bad);
    my $rest = $html =~ s/\A<!DOCTYPE html>\n//r;
    push @bad, 'no doctype' if $rest eq $html;
    $rest =~ s/<style>[^<]*<\/style>//;
    while ($rest =~ /\G(?:([^<>]+)|<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+="[^"<>]*")*)(\/?)>)/gc) {
        my ($text, $end, $name, $attributes) = ($1, $2, $3, $4 // '');
        if (defined $text) {
            push @bad, "bare &: $text" if $text =~ /&(?!(?:lt|gt|amp|quot|#\d+);)/;
            next;
        }
        push @bad, "forbidden: <$name$attributes>" if $name =~ /^(?:script|style|iframe|object|form|img|base)$/ || $attributes =~ /\s(?:style|on\w+)=/;
        push @bad, "loads: <$name$attributes>" if $attributes =~ /\s(?:src|href|action)="(?!data:,")/;
        next if $VOID{$name};
        if (!$end) { push @open, $name }
        elsif ((pop @open // '') ne $name) { push @bad, "</$name> closes something else" }
    }
    push @bad, 'no HTML from: ' . substr($rest, pos($rest) // 0, 60) if (pos($rest) // 0) < length $rest;
    return (@bad, map { "<$_> is not closed" } @open);
}

subtest 'before the first request' => sub {
    my $r = page($h);
    is_deeply([faults($r->{text})], [], 'the tags');
    my ($style) = $r->{body} =~ /<style>(.*?)<\/style>/s;
    my $hash = sha256_base64($style);
    $hash .= '=' while length($hash) % 4;
    is($r->{headers}{'content-security-policy'},
        "default-src 'none'; style-src 'sha256-$hash'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", 'nothing but this style');
    is($r->{headers}{'content-type'}, 'text/html; charset=utf-8', 'type');
    is($r->{headers}{'cache-control'}, 'no-store', 'nobody keeps it');
    is($r->{headers}{'referrer-policy'}, 'no-referrer', 'nobody is told of it');
    is($r->{headers}{vary}, 'Accept', 'others get something else');
    like($r->{text}, qr/<html lang="en">.*<meta name="viewport".*<title>Store API<\/title>.*<h1>/s, 'language, title, heading');
    my $words = words($r->{text});
    like($words, qr/All is well\./, 'the state');
    like($words, qr/Database up schema \d+, answers in /, 'the database');
    like($words, qr/Nobody has called yet/, 'no requests');
    like($words, qr{Served at /store , /more&<store> , /a/shop }, 'where the API is');
    like($r->{text}, qr{<code>/more&amp;&lt;store&gt;</code>}, 'escaped');
    unlike($words, qr{/not}, 'and not where it is Off');
};

subtest 'requests' => sub {
    my $c = new_customer($h, jar => 'me');
    $h->get('/store/customers/me', jar => 'me') for 1 .. 1200;
    $h->get('/store/auth/somebody@lab.test');
    sign_in($h, $c, password => 'not the one');
    my $html = page($h)->{text};
    is_deeply([faults($html)], [], 'the tags');
    my @routes = rows($html, 'routes');
    is_deeply([@{ $routes[0] }[0 .. 5]], ['Route', 'Requests', '4xx', '5xx', 'p50', 'p95'], 'the head of the routes');
    my %route = map { ($_->[0] => $_) } @routes[1 .. $#routes];
    is_deeply([sort keys %route], ['GET /auth/{email}', 'GET /customers/me', 'POST /auth', 'POST /customers'], 'those that were called');
    is_deeply([@{ $route{'GET /customers/me'} }[1 .. 3]], ['1,200', 0, 0], 'counts');
    is_deeply([@{ $route{'POST /auth'} }[1 .. 3]], [1, 1, 0], 'refused ones');
    like($_, qr/^(?:<0\.1|\d+(?:\.\d)?|over 10\.0) m?s$/, "a time: $_") for @{ $route{'GET /customers/me'} }[4 .. 6];
    my @lately = rows($html, 'lately');
    is(scalar @lately, 1 + 32, 'the latest 32');
    is_deeply([@{ $lately[1] }[1, 2]], ['POST /auth', '401 UNAUTHORIZED'], 'the newest first');
    is_deeply([@{ $lately[2] }[1, 2]], ['GET /auth/{email}', '200'], 'never as it was sent');
    is_deeply([@{ $lately[-1] }[1, 2]], ['GET /customers/me', '200'], 'the oldest last');
    like($lately[1][0], qr/^\d\d:\d\d:\d\d$/, 'its time');
    like(words($html), qr/Requests 1,203 5xx: 0; refused sign-ins: 1/, 'all together');
    like(words($html), qr/Events 1 waiting, the oldest for \d+ \w+; given up: 0/, 'events');
    like(words($html), qr/Hashing 0 of \d+ slots in use; waiting: 0 of 64/, 'hashing');
    unlike($html, qr/somebody|lab\.test|\Q$c->{id}\E|\Q$h->{database}\E|sock=/, 'nothing of a customer, no parameters');
};

subtest 'trouble' => sub {
    my ($newest) = $h->sql_value('SELECT MAX(version) FROM migration');
    $h->sql("UPDATE migration SET version = 0 WHERE version = $newest");
    my $html = page($h)->{text};
    like($html, qr/<title>Trouble \x{2013} Store API<\/title>/, 'the title tells');
    like(words($html), qr/The shop can't serve\. .*older than this module \($newest\): run medusa-store-admin migrate/, 'an older schema');
    $h->sql("UPDATE migration SET version = $newest WHERE version = 0");
};

subtest 'several shops, and none' => sub {
    my $host = sub {
        my ($name, $params) = @_;
        return "<VirtualHost *>\nServerName $name\nMedusaStoreDBParams $params\nMedusaStoreSecret \"file:$h->{root}/secret\"\n"
            . "<Location \"/$name\">\nMedusaStore On\nSession On\n</Location>\n</VirtualHost>\n";
    };
    my $s = MedusaStore::Harness->new(shop => 0, conf => "<VirtualHost *>\nServerName admin.example\n$MOUNT</VirtualHost>\n"
        . $host->('one.example', "file:$h->{root}/db-params") . $host->('two.example', "sock=$h->{root}/nothing,user=u,dbname=d"));
    $s->expect_log('MS0101');
    my $html = page($s)->{text};
    is_deeply([faults($html)], [], 'the tags');
    my $words = words($html);
    like($words, qr/1 of 2 shops can't serve\./, 'the state');
    like($words, qr{one\.example Served at /one\.example Database up .* two\.example Served at /two\.example Database down the database does not answer, for \d+ s now; requests that need it are refused at once, and it is asked once a second .*Events \x{2013} unknown},
        'each in its place');
    is(scalar(() = $words =~ /Hashing/g), 1, 'hashing is that of the server');
    $s->stop;
    my $none = MedusaStore::Harness->new(shop => 0, conf => $MOUNT);
    $html = page($none)->{text};
    is_deeply([faults($html)], [], 'the tags');
    like(words($html), qr/No shop is configured/, 'without any shop');
    $none->stop;
};

is_deeply([faults("<!DOCTYPE html>\n<p><b>x</p></b>")], ['</p> closes something else', '</b> closes something else'], 'faults are seen');
is_deeply([faults("<!DOCTYPE html>\n<p onclick=\"x\">a & b</p>")], ['forbidden: <p onclick="x">', 'bare &: a & b'], 'of all kinds');
$h->stop;
done_testing;
