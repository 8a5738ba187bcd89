# Every directive: values that are taken, values that are refused at `httpd -t` with its name, places where it may stand.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use POSIX ();
use Test::More;

use MedusaStore::Harness;

MedusaStore::Harness::need_database();
my $h = MedusaStore::Harness->new(start => 0, place => 0);
my $root = $h->{root};
$h->write_private('short', "0123456789\n");
$h->write_private('other', 'f' x 64 . "\n");
chmod 0644, $h->write_file('open', 'e' x 64 . "\n");
$h->write_file('words', "correct horse\r\n\n123456\n");
POSIX::mkfifo("$root/pipe", 0644) or die "mkfifo: $!";
$h->write_file('empty', "\n\r\n");
$h->write_file('script', "#!/bin/sh\necho dddddddddddddddddddddddddddddddddddd\n");
chmod 0755, "$root/script";

# directive => [values taken], [values refused]
my @SERVER = (
    MedusaStoreDeadline    => ['500ms', '3s', '5mi'], ['x', '0', '499ms', '301s'],
    MedusaStoreDBParams    => ["sock=/x,user=u,dbname=d", "sock=/x,user=u,dbname=d,reconnect=0", "file:$root/db-params"],
                              ["sock=/x,dbname=d,reconnect=1", "file:$root/nothing", "file:$root/open", "sock=/x,user=u", '""'],
    MedusaStoreDBMax       => [1, 16, 100], [0, -1, 'x', '""', '3x'],
    MedusaStoreDBKeep      => [1, 8], [0, -1, 'x'],
    MedusaStoreDBExptime   => ['300s', '10mi', '1h'], ['x', '-1s', '0s'],
    MedusaStoreDBWait      => ['500ms', '2', '2S', '1min'], ['x', '-1s', '10h', '2sx', '"2 s"', 's', '10m', '""', '9223372036854775807h'],
    MedusaStoreDBTimeout   => ['500ms', '3s'], ['x', '0', '10h'],
    MedusaStoreSecret      => ["file:$root/secret", "file:$root/secret file:$root/other", "exec:$root/script"],
                              ["file:$root/short", "file:$root/nothing", "file:$root/open", 'f' x 64, "exec:$root/nothing"],
    MedusaStoreSessionLife => ['10h', '30mi'], ['x', '0'],
    MedusaStoreTokenLife   => ['720h'], ['x', '0'],
    MedusaStoreIdempotencyLife => ['24h', '1s', '720h'], ['x', '0', '721h'],
    MedusaStoreThrottle => ['On', 'off', 'DryRun'], ['x', 1],
    MedusaStoreThrottleLimit => ['SignIn Address 100/10mi', 'signin account 1/1s', 'SignIn Both Off', 'Registration Address 100/1s', 'Reset Both 5/30',
                                 'ResetMail Account 3/24h', 'Existence Address off', 'Registration Both 1000000/24h'],
                                ['SignIn', 'SignIn Address', 'x Address 1/1s', 'SignIn x 1/1s', 'SignIn Address 0/1s', 'SignIn Address -1/1s',
                                 'SignIn Address 10', 'SignIn Address 10/', 'SignIn Address /10s', 'SignIn Address 10/x', 'SignIn Address 10/0s',
                                 'SignIn Address 10/999ms', 'SignIn Address 101/1s', 'SignIn Address 10/721h', 'SignIn Address 1000001/720h',
                                 'SignIn Address x/1s', 'SignIn Address On', 'Existence Account 1/1s', 'Existence Both Off', 'SignIn Address 1/1s 1'],
    MedusaStoreThrottleExempt => ['None', '192.0.2.1', '10.0.0.0/8 2001:db8::/32', '10.0.0.0/8 None ::1'],
                                 ['x', '10.0.0.1/8', '10.0.0.0/33', '300.0.0.1', '::/x', '10.0.0.0/8 x'],
    MedusaStoreSessionMaxLife => ['720h', '1s', 'Off', 'off'], ['x', '0', 'On'],
    MedusaStorePasswordLength => [1, 8, 128], [0, 129, 'x', -1],
    MedusaStoreConfirmPassword => ['On', 'Off', 'off'], ['x', '1', ''],
    MedusaStorePasswordList => ['None', "file:$root/words"], ['x', "$root/words", "file:$root/nothing", "file:$root", "file:$root/empty", "file:$root/pipe", 'file:'],
    MedusaStorePasswordCost => ['19456 2', '8 1', '8 1000', '4194304 6'], ['4194304 7', '1048576 25', '7 1', '19456', '19456 0', 'x y', '1 2 3'],
);
my @MAIN = (
    MedusaStoreHashSlots => [1, 2, 64], [0, -1, 'x'],
    MedusaStoreHashQueue => [1, 64], [0, 'x'],
    MedusaStoreHashWait  => ['500ms', '3s'], ['x', '10h'],
);
my @PLACE = (
    MedusaStore                    => ['On', 'Off'], ['x'],
    MedusaStoreBase                => ['/store', '/a/b', '/'], ['store', '""', '/x/../y', '//x'],
    MedusaStoreAllowOrigin         => ['None', 'https://a.example', 'https://a.example http://localhost:8000', '"/^https://.*\.example$/"'],
                                      ['*', 'a.example', 'https://a.example/path', '"a b://x"', '"https://a\tb"', 'https://ä.example', '://x'],
    MedusaStoreAllowCredentials    => ['Allowed', 'Always'], ['On', 'x'],
    MedusaStoreBodyLimit           => [1024, 102400], [0, -1, 'x', '99999999999999999999'],
    MedusaStoreXML                 => ['On', 'Off'], ['x'],
    MedusaStoreEmailExists         => ['On', 'Off'], ['x'],
    MedusaStoreUnserved            => ['Refuse', 'Pass'], ['On', 'x'],
    MedusaStoreCookie              => ['connect.sid', '__Host-sid'], ['"a b"', 'a=b', '""', 'a;b'],
    MedusaStoreCookieSecure        => ['Auto', 'On', 'Off'], ['x'],
    MedusaStoreCookieSameSite      => ['Lax', 'Strict', 'None'], ['x', 'Off'],
    MedusaStoreTrustForwardedProto => ['On', 'Off'], ['x'],
    MedusaStoreSessionProvider     => ['On', 'Off'], ['x'],
    MedusaStoreSignInPage          => ['None', '/login', '/login?back=%u', 'https://shop.example/login?%u', 'http://localhost:8000/'],
                                      ['login', '//evil.example/', '"/a b"', '"/\\evil.example"', '"/x\"y"', 'https://', 'javascript:x', 'ftp://x/', '""'],
);

sub taken {
    my ($text, $name) = @_;
    my ($exit, $output) = $h->configtest($text);
    return is($exit, 0, $name) || diag $output;
}

sub refused {
    my ($text, $regex, $name) = @_;
    my ($exit, $output) = $h->configtest($text);
    isnt($exit, 0, $name);
    return like($output, $regex, "$name: the message says so");
}

# $frame: how a directive is put into a place
sub try_values {
    my ($frame, @table) = @_;
    while (my ($name, $good, $bad) = splice @table, 0, 3) {
        taken(sprintf($frame, join '', map { "$name $_\n" } @$good), "$name takes @$good");
        refused(sprintf($frame, "$name $_\n"), qr/\b$name\b/, "$name refuses $_") for @$bad;
    }
    return;
}

sub names { my @table = @_; return map { $table[$_ * 3] } 0 .. $#table / 3 }

subtest 'main server'  => sub { try_values("%s", @SERVER, @MAIN) };
subtest 'virtual host' => sub { try_values("<VirtualHost *>\n%s</VirtualHost>\n", @SERVER, @PLACE) };
subtest 'section'      => sub { try_values("<Location /store>\n%s</Location>\n", @PLACE) };

subtest 'places that are not allowed' => sub {
    my %value = (MedusaStorePasswordCost => '19456 2', map { $_ => '1' } names(@SERVER, @MAIN));
    refused("<Location /store>\n$_ $value{$_}\n</Location>\n", qr/\b$_\b.*not allowed/s, "$_ in a section") for names(@SERVER, @MAIN);
    my %main = (MedusaStoreHashSlots => 2, MedusaStoreHashQueue => 64, MedusaStoreHashWait => '3s');
    refused("<VirtualHost *>\n$_ $main{$_}\n</VirtualHost>\n", qr/\b$_\b/, "$_ in a virtual host") for names(@MAIN);
};

subtest 'what belongs together' => sub {
    my $bare = MedusaStore::Harness->new(shop => 0, start => 0);
    my $on = "<Location /store>\nMedusaStore On\nSession On\n</Location>\n";
    my ($exit, $output) = $bare->configtest($on);
    isnt($exit, 0, 'On without a database');
    like($output, qr/MedusaStoreDBParams/, 'the message names what is missing');
    ($exit, $output) = $bare->configtest("MedusaStoreDBParams sock=/x,dbname=d\n$on");
    isnt($exit, 0, 'On without a secret');
    like($output, qr/MedusaStoreSecret/, 'the message names what is missing');
    refused("MedusaStoreDBMax 4\nMedusaStoreDBKeep 5\n$on", qr/MedusaStoreDBKeep/, 'more kept than allowed');
    taken("MedusaStoreDBMax 4\n$on", 'a lower limit lowers what is kept by default');
    for my $name (qw(MedusaStoreDBWait MedusaStoreDBTimeout MedusaStoreHashWait)) {
        refused("$name 3001ms\n$on", qr/$name 3001ms is longer than .*MedusaStoreDeadline 3000ms/, "$name above the deadline by default");
        taken("MedusaStoreDeadline 4s\n$name 4s\n$on", "$name as long as the deadline");
    }
    taken("MedusaStoreDeadline 500ms\n$on", 'a shorter deadline shortens the limits that are not set');
    refused("MedusaStoreDBTimeout 3s\n$on<VirtualHost *>\nMedusaStoreDeadline 2s\n</VirtualHost>\n", qr/MedusaStoreDBTimeout 3000ms.*MedusaStoreDeadline 2000ms/,
        'of a host, with what it inherits');
    refused("<LocationMatch ^/(a|b)>\nMedusaStore On\nSession On\n</LocationMatch>\n", qr/MedusaStoreBase/, 'a pattern without a base');
    taken("<LocationMatch ^/(a|b)>\nMedusaStore On\nSession On\nMedusaStoreBase /a\n</LocationMatch>\n", 'a pattern with a base');
    taken("<Location \"/~shop\">\nMedusaStore On\nSession On\n</Location>\n", 'a tilde is no pattern');
    refused("<Location ~ \"^/shop\">\nMedusaStore On\nSession On\n</Location>\n", qr/MedusaStoreBase/, 'but before it, it makes one');
    refused("$on<VirtualHost *>\nMedusaStoreDBKeep 20\n</VirtualHost>\n", qr/MedusaStoreDBKeep 20/, 'a host that inherits the API is judged too');
    refused("<Location /x>\nMedusaStoreCookieSecure Off\n$_\n</Location>\n", qr/Secure/, "not Secure, and $_")
        for 'MedusaStoreCookieSameSite None', 'MedusaStoreCookie __Host-sid', 'MedusaStoreCookie __Secure-sid';
    refused("<Location /x>\nMedusaStoreCookieSameSite None\nMedusaStoreCookieSecure Off\n</Location>\n", qr/Secure/, 'in any order');
    ($exit, $output) = $bare->configtest("<Location /x>\nSession On\nMedusaStoreSessionProvider On\n</Location>\n");
    isnt($exit, 0, 'a session provider without a secret');
    like($output, qr/MedusaStoreSecret/, 'the message names what is missing');
    my $place = "<Location /store>\nMedusaStore On\n%s\n</Location>\n";
    my $needs_session = qr/test\.conf:\d+: MedusaStore On needs `Session On`/;
    refused(sprintf($place, ''), $needs_session, 'no session');
    refused("Session On\n" . sprintf($place, 'Session Off'), $needs_session, 'Session Off');
    refused("<Location />\nSession On\n</Location>\n" . sprintf($place, '') . "<Location /store/>\nSession Off\n</Location>\n",
        $needs_session, 'Session Off in a later section of the place');
    refused(sprintf($place, '') . "<Location /other>\nSession On\n</Location>\n", $needs_session, 'a session elsewhere');
    refused("<VirtualHost *>\nMedusaStore On\n</VirtualHost>\n", $needs_session, 'a virtual host without a session');
    refused("<Directory \"$root/htdocs\">\nMedusaStore On\nSession Off\n</Directory>\n", $needs_session, 'a folder without a session');
    taken("Session On\n" . sprintf($place, ''), 'a session of the whole server');
    taken("<Location />\nSession On\n</Location>\n" . sprintf($place, ''), 'a session of a section around');
    taken(sprintf($place, 'Session On') . "<LocationMatch \"[.]png\$\">\nSession Off\n</LocationMatch>\n", 'no session for some pattern');
    taken(sprintf($place, "<If \"true\">\nSession On\n</If>"), 'a session under a condition');
    refused("MedusaStoreDBMax 4\nMedusaStoreDBKeep 5\n", qr/line \d+ of .*MedusaStoreDBKeep 5 is more/s, 'the line of what is too much');
    my $late = MedusaStore::Harness->new(start => 0, shop => $h, place => 0, without => ['session']);
    ($exit, $output) = $late->configtest($on =~ s/Session On\n//r);
    isnt($exit, 0, 'On without mod_session');
    like($output, qr/mod_session is not loaded/, 'the message names it');
};

subtest 'guarded places' => sub {
    my $place = "<Location /private>\n%s\n</Location>\n";
    taken(sprintf($place, $_), $_) for 'Require medusa-customer', 'Require medusa-group vip', 'Require medusa-group "Gold members" vip', "Require medusa-group \x{e9}t\x{e9}";
    taken("<VirtualHost *>\n" . sprintf($place, 'Require medusa-customer') . "$_</VirtualHost>\n", "in a virtual host$_")
        for '', "MedusaStoreDBMax 4\n";
    refused(sprintf($place, 'Require medusa-customer ada'), qr/Require medusa-customer takes no "ada"/, 'a customer has no name');
    refused(sprintf($place, "Require medusa-group$_"), qr/Require medusa-group takes one name or several/, "no group:$_") for '', ' ';
    refused(sprintf($place, 'Require medusa-group ' . $_), qr/is no name of a group/, "no name of one: $_") for '""', 'vip ""', 'x' x 256;
    refused(sprintf($place, 'Require medusa-customers'), qr/medusa-customers/, 'a mistake in writing');
    my $bare = MedusaStore::Harness->new(shop => 0, start => 0);
    my $any = sprintf($place, "<RequireAny>\nRequire ip 127.0.0.1\nRequire medusa-group vip\n</RequireAny>");
    for my $conf (sprintf($place, 'Require medusa-customer'), $any, "<VirtualHost *>\n$any</VirtualHost>\n") {
        my ($exit, $output) = $bare->configtest("LoadModule authz_host_module $ENV{MS_LIBEXECDIR}/mod_authz_host.so\n$conf");
        isnt($exit, 0, 'a host without a shop');
        like($output, qr/test\.conf:\d+: Require medusa-customer and medusa-group need a shop: MedusaStoreDBParams is missing/, 'the message tells the line');
    }
    my ($exit, $output) = $bare->configtest("MedusaStoreDBParams sock=/x,dbname=d\n" . sprintf($place, 'Require medusa-customer'));
    isnt($exit, 0, 'a host without a secret');
    like($output, qr/MedusaStoreSecret is missing/, 'the message tells what is missing');
    my $shop = "MedusaStoreDBParams file:$root/db-params\nMedusaStoreSecret file:$root/secret\n";
    my $alias = "<AuthzProviderAlias medusa-group members vip>\n</AuthzProviderAlias>\n";
    ($exit, $output) = $bare->configtest("$alias<VirtualHost *>\n$shop" . sprintf($place, 'Require members') . "</VirtualHost>\n");
    is($exit, 0, 'an alias is no use yet') or diag $output;
    my $late = MedusaStore::Harness->new(start => 0, shop => $h, place => 0, without => ['session']);
    ($exit, $output) = $late->configtest(sprintf($place, 'Require medusa-customer'));
    is($exit, 0, 'a guard needs no mod_session') or diag $output;
};

$h->stop('nothing ran');
done_testing;
