# conf/example-guard.conf: places of each kind for customers; and README's way to fill a group.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use MedusaStore::Accounts qw(rows_are_secret);
use MedusaStore::Echo;
use MedusaStore::Harness;
use MedusaStore::Source qw(text);

my $echo = MedusaStore::Echo->new;
my $h = MedusaStore::Harness->new(place => 0, start => 0, modules => [qw(proxy proxy_http authz_user authn_file auth_basic)]);
my $conf = text('conf/example-guard.conf');
$conf =~ s/\*:80\b/*/ or die 'no port in the example';
$conf =~ s{file:\S+/(db-params|secret)}{"file:$h->{root}/$1"}g;
$conf =~ s{/etc/medusa-store/clerks}{$h->{root}/clerks} or die 'no file of clerks in the example';
$conf =~ s{DocumentRoot \S+}{DocumentRoot "$h->{root}/htdocs"};
$conf =~ s{127\.0\.0\.1:8080}{127.0.0.1:$echo->{port}}g or die 'no application in the example';
$h->{conf} = $conf;
mkdir "$h->{root}/htdocs/$_" for qw(downloads reports);
$h->write_file('htdocs/downloads/x', 'x');
$h->write_file('htdocs/reports/x', 'x');
$h->write_file('clerks', "clerk:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");    # password
$h->start;
$h->allow_log('AH01630', qr/client denied/);

my %BROWSER = (Accept => 'text/html');
sub ask {
    my ($path, %option) = @_;
    my $headers = delete $option{headers} // {};
    return $h->get($path, headers => { Host => 'shop.example.com', %$headers }, %option);
}

my %ada = (email => 'ada@example.com', password => 'correct horse', first_name => 'A', last_name => 'L');
my $r = $h->post('/store/customers', headers => { Host => 'shop.example.com' }, json => \%ada, jar => 'ada');
is($r->{status}, 200, 'a customer registers');
my $id = $r->{json}{customer}{id};

is(ask('/downloads/x', jar => 'ada')->{status}, 200, 'and downloads');
is(ask('/downloads/x')->{status}, 401, 'strangers do not');
is(ask('/downloads/x', headers => \%BROWSER)->{headers}{location}, '/sign-in.html?back=%2Fdownloads%2Fx', 'their browsers sign in first');

is(ask('/club/x', jar => 'ada')->{status}, 403, 'the club is for its members');
my @lines = text('README') =~ /^    (INSERT INTO customer_group\w* .*;)$/mg;
is(scalar @lines, 2, 'README tells how to make some');
$h->sql($_) for @lines;
$r = ask('/club/x', headers => { Cookie => 'a=b; ' . $h->{client}->cookie_header('ada') . '; c=d', Authorization => 'Bearer nonsense' });
is($r->{status}, 200, 'now she is one');
like($r->{body}, qr/^Medusa-Customer-Id: $id$/m, 'the application learns it');
like($r->{body}, qr/^Cookie: a=b; c=d$/m, 'gets its own cookies');
unlike($r->{body}, qr/connect\.sid|Authorization/i, 'and not ours');

is(ask('/forum/x')->{status}, 200, 'the forum is open');
unlike(ask('/forum/x')->{body}, qr/Medusa-Customer-Id/i, 'to strangers');
like(ask('/forum/x', jar => 'ada')->{body}, qr/^Medusa-Customer-Id: $id$/m, 'and knows customers');
is(ask('/forum/api/x', headers => \%BROWSER)->{status}, 401, 'its API sends nobody elsewhere');
is($h->options('/forum/api/x', headers => { Host => 'shop.example.com', Origin => 'https://other.example', 'Access-Control-Request-Method' => 'POST' })->{status},
    200, 'and answers preflights itself');

is(ask('/reports/x', jar => 'ada')->{status}, 401, 'reports are for suppliers');
is(ask('/reports/x', headers => { Authorization => 'Basic ' . encode_base64('clerk:password', '') })->{status}, 200, 'and clerks');
$h->sql("UPDATE customer_group SET name = 'suppliers'");
is(ask('/reports/x', jar => 'ada')->{status}, 200, 'a supplier sees them');
rows_are_secret($h)->stop;
done_testing;
