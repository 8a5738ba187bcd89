# MedusaStoreSignInPage: browsers that go to a guarded page are sent to sign in, and can come back; nobody else is, and to nowhere else.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer as_cookie as_bearer rows_are_secret);
use MedusaStore::Harness;

my $h = MedusaStore::Harness->new(modules => [qw(authn_file authz_user auth_basic)], start => 0);
$h->{conf} = <<"CONF";
MedusaStoreSignInPage /login?from=site&back=%u
<Location "/private">
    Require medusa-customer
</Location>
<Location "/private/api">
    MedusaStoreSignInPage None
</Location>
<Location "/elsewhere">
    MedusaStoreSignInPage https://accounts.example/%u/in?again=%u
    Require medusa-customer
</Location>
<Location "/whole">
    MedusaStoreSignInPage http://127.0.0.1/whole/login?back=%u
    Require medusa-group vip
</Location>
<Location "/clerk">
    AuthType Basic
    AuthName staff
    AuthBasicProvider file
    AuthUserFile passwords
    Require valid-user
    Require medusa-customer
</Location>
<Location "/own">
    AuthType Medusa
    Require valid-user
</Location>
<Location "/login">
    Require medusa-customer
</Location>
CONF
mkdir "$h->{root}/htdocs/$_" for qw(private private/api);
$h->write_file("htdocs/private/x", "x\n");
$h->write_file('passwords', '');
$h->start;
my $c = new_customer($h);

my %CHROME = (Accept => 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
    'Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', 'Sec-Fetch-Site' => 'none');
my %FIREFOX = (Accept => 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8');

# Where a request is sent, or its status.
sub sent {
    my ($path, %headers) = @_;
    my $r = $h->get($path, headers => { %CHROME, %headers });
    return $r->{status} == 302 ? $r->{headers}{location} : $r->{status};
}

subtest 'a browser' => sub {
    my $r = $h->get('/private/x?a=b&c=d%20e', headers => \%CHROME);
    is($r->{status}, 302, 'is sent');
    is($r->{headers}{location}, '/login?from=site&back=%2Fprivate%2Fx%3Fa%3Db%26c%3Dd%2520e', 'to the page, which is told where it came from');
    is($r->{headers}{'cache-control'}, 'no-store', 'nobody may keep that');
    is($r->{headers}{vary}, 'Cookie,Authorization', 'as it depends on who asks');
    is($r->{headers}{'www-authenticate'}, undef, 'and is not asked for a token');
    is($h->get('/private/x', headers => \%FIREFOX)->{status}, 302, 'also one that tells less');
    is($h->request('HEAD', '/private/x', headers => \%CHROME)->{status}, 302, 'HEAD too');
    is($h->get('/private/x', headers => { %CHROME, Cookie => $c->{cookie} })->{status}, 200, 'unless somebody is signed in');
    is(sent('/private/x', Cookie => 'connect.sid=old'), '/login?from=site&back=%2Fprivate%2Fx', 'with a cookie that is worth nothing');
    is(sent('/elsewhere/x'), 'https://accounts.example/%2Felsewhere%2Fx/in?again=%2Felsewhere%2Fx', 'to another host, if the administrator says so');
    is(sent('/own/x'), '/login?from=site&back=%2Fown%2Fx', 'with AuthType Medusa');
    is(sent('/whole/x'), 'http://127.0.0.1/whole/login?back=%2Fwhole%2Fx', 'for a group');
    $h->expect_log('AH01630', qr/client denied by server configuration/, 1);
    is(sent('/whole/x', Cookie => $c->{cookie}), 403, 'not where they are signed in already');
};

subtest 'everybody else' => sub {
    my %api = (Accept => 'application/json');
    is($h->get('/private/x', headers => $_)->{status}, 401, 'Accept: ' . ($_->{Accept} // 'none'))
        for {}, \%api, { Accept => '*/*' }, { Accept => 'application/json, text/html;q=0.9' }, { Accept => 'text/html, application/json' }, { Accept => 'text/html;q=0' };
    is(sent('/private/x', 'Sec-Fetch-Mode' => $_), 401, "a browser's request of mode $_") for qw(cors no-cors same-origin websocket);
    is(sent('/private/x', Authorization => 'Bearer nonsense'), 401, 'who shows a token');
    is($h->request($_, '/private/x', headers => \%CHROME, body => '')->{status}, 401, $_) for qw(POST PUT DELETE OPTIONS);
    is(sent('/private/api/x'), 401, 'where no page is set inside');
    is(sent('/clerk/x'), 401, 'where there is a password, too');
    is(sent('/login?back=%2Fprivate%2Fx'), 401, 'a sign-in page that is guarded itself leads to no ring');
    is(sent('/whole/login?back=1'), 401, 'nor does one with a host');
    is(sent('/login/more'), '/login?from=site&back=%2Flogin%2Fmore', 'pages below it are others');
};

subtest 'back to this host and no other' => sub {
    my $login = '/login?from=site&back=';
    is(sent("http://evil.example/private/x?y"), "$login%2Fprivate%2Fx%3Fy", 'a whole address keeps its path alone');
    is(sent("//private/x"), "$login%2Fprivate%2Fx", 'two slashes become one');
    is(sent("///private//x"), "$login%2Fprivate%2F%2Fx", 'at the beginning');
    is(sent("/private/x?//evil.example"), "$login%2Fprivate%2Fx%3F%2F%2Fevil.example", 'behind it they are harmless');
    is(sent("/private/%0d%0aSet-Cookie:x"), "$login%2Fprivate%2F%250d%250aSet-Cookie%3Ax", 'what is encoded stays so');
    is(sent("/private/\xc3\xa9\"<>'"), "$login%2Fprivate%2F%C3%A9%22%3C%3E%27", 'and what is not, is');
    is(sent('/private/x?' . 'y' x 1900), $login . '%2Fprivate%2Fx%3F' . 'y' x 1900, 'a long address');
    is(sent('/private/x?' . 'y' x 2000), "$login%2F", 'one that is too long is left out');
};

rows_are_secret($h)->stop;
done_testing;
