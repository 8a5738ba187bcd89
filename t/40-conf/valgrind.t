# valgrind watches httpd with the module through conversations, graceful restarts and a stop: nothing is read or written that is
# not there, no decision rests on what was never set, nothing is lost. What the libraries do is in valgrind.supp, with reasons.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use Test::More;

use MedusaStore::Accounts qw(new_customer token_for who cookie_of as_cookie as_bearer rows_are_secret);
use MedusaStore::Cases;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure);

# One process or few threads: valgrind runs one thread at a time.
my %SMALL = (
    event   => "ThreadsPerChild 4\nMaxRequestWorkers 16\nMaxSpareThreads 16\nServerLimit 8\n",
    prefork => "StartServers 1\nMinSpareServers 1\nMaxSpareServers 1\n",
);
my $SUPPRESSIONS = "$FindBin::Bin/valgrind.supp";

MedusaStore::Harness::need_database();
my ($valgrind) = grep { -x } map { "$_/valgrind" } split /:/, $ENV{PATH};
if (!$valgrind) {
    die "valgrind is not installed\n" if $ENV{MS_TEST_REQUIRE};
    plan skip_all => 'valgrind is not installed';
}
plan skip_all => 'the sanitizers and valgrind exclude each other' if $ENV{SAN_PRELOAD};

# A second place for what would change the answers that conversations expect.
my $MORE = <<'CONF';
<Location /xml>
    Require all granted
    MedusaStore On
    MedusaStoreXML On
    Session On
    SetOutputFilter DEFLATE
</Location>
<Directory />
    Options +Includes
    AddOutputFilter INCLUDES .shtml
</Directory>
CONF

# keep-debuginfo: a restart unloads the module, and a report of after that would have no names. Each process has its own report.
sub watched {
    my ($mpm, $reports) = @_;
    return MedusaStore::Harness->new(
        mpm => $mpm, timeout => 120, conf => "$SMALL{$mpm}$MORE", modules => [qw(filter deflate include)],
        under => [$valgrind, qw(--quiet --vgdb=no --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite
            --keep-debuginfo=yes --num-callers=40), "--suppressions=$SUPPRESSIONS", "--log-file=$reports/%p"],
        main => "MedusaStorePasswordCost 64 1\nMedusaStoreDeadline 60s\nMedusaStoreDBWait 20s\nMedusaStoreDBTimeout 60s\nMedusaStoreHashWait 20s\n",
        location => $MedusaStore::Cases::LOCATION,
    );
}

sub reports_of {
    my ($folder) = @_;
    return map { do { open my $in, '<', $_ or die "$_: $!"; local $/; <$in> // '' } } glob "$folder/*";
}

# One conversation of each folder.
sub conversations {
    my ($h) = @_;
    for my $file (map { (sort glob "$_/*.json")[0] } sort glob "$FindBin::Bin/../20-api/*/") {
        my $case = MedusaStore::Cases::load_case($file);
        next if defined $case->{location};
        $h->expect_log($_->[0], qr/$_->[1]/) for @{ $case->{log} || [] };
        subtest $case->{name} => sub { MedusaStore::Cases::run_case($h, $case) };
    }
    return;
}

# What they don't say: XML, compressed answers, a page made of parts, a body that is too large, a good and a bad token,
# a connection that the database has dropped.
sub more_requests {
    my ($h) = @_;
    my %xml = (Accept => 'application/xml', 'Content-Type' => 'application/xml');
    my $c = new_customer($h);
    my $token = token_for($h, $c);
    is(who($h, as_bearer($token)), $c->{id}, 'a token');
    is(who($h, as_bearer("x$token")), 401, 'no token');
    my $r = $h->post('/xml/auth', headers => \%xml,
        body => "<credentials><email>$c->{email}</email><password>$c->{password}</password></credentials>");
    is($r->{status}, 200, 'XML');
    is($h->post('/xml/auth', headers => \%xml, body => '<a><b></a>')->{status}, 400, 'no XML');
    my %cookie = (Cookie => cookie_of($r));
    is($h->get('/xml/customers/me', headers => { %cookie, 'Accept-Encoding' => 'gzip' })->{headers}{'content-encoding'}, 'gzip', 'compressed');
    like($h->get('/page.shtml', headers => \%cookie)->{body}, qr/$c->{id}.*$c->{id}/s, 'a page of two parts');
    is($h->post('/store/auth', json => { password => 'x' x 200_000 })->{status}, 413, 'too large');
    is($h->delete('/store/auth', headers => \%cookie)->{status}, 200, 'sign-out');
    is(who($h, headers => \%cookie), 401, 'a stranger');
    $h->sql("KILL $_->[0]") for $h->sql("SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()");
    is(who($h, as_bearer($token)), $c->{id}, 'a lost connection');
    return;
}

for my $mpm (qw(event prefork)) {
    subtest $mpm => sub {
        my $reports = tempdir('valgrind-XXXXXX', DIR => $ENV{MS_TEST_SCRATCH}, CLEANUP => 1);
        chmod 0777, $reports;
        my $h = watched($mpm, $reports);
        $h->write_file('htdocs/page.shtml', '<!--#include virtual="/store/auth" --><!--#include virtual="/xml/customers/me" -->');
        my $regular = new_customer($h);
        conversations($h) if $mpm eq 'event';
        for my $generation (1 .. 3) {
            more_requests($h);
            $h->reload;
            is(who($h, as_cookie($regular->{cookie})), $regular->{id}, "restart $generation");
        }
        rows_are_secret($h)->stop;
        my @reports = reports_of($reports);
        cmp_ok(scalar @reports, '>=', 5, 'parent and children of all generations were watched: ' . @reports);
        is(join('', @reports), '', 'and valgrind has nothing to say');
        my $said = grep { length } @reports;
        figure('F9', "processes under valgrind that it had to complain of, $mpm (" . @reports . ' processes, 3 graceful restarts)', $said, '', !$said);
    };
}

done_testing;
