# examples/sign-in.html in Chromium: from a guarded page to the sign-in page and back, and to no other host.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);

use Browser;
use MedusaStore::Accounts qw(new_customer rows_are_secret);
use MedusaStore::Harness;
use MedusaStore::Source qw(text);
use Storefront qw(need_tools);

need_tools('chromium', 'chromedriver');
my $h = MedusaStore::Harness->new(conf => <<'CONF');
AddType text/html .html
<Location "/private">
    Require medusa-customer
    MedusaStoreSignInPage /sign-in.html?back=%u
</Location>
CONF
mkdir "$h->{root}/htdocs/private";
$h->write_file('htdocs/sign-in.html', text('examples/sign-in.html'));
$h->write_file('htdocs/private/page.html', '<!DOCTYPE html><title>private</title><p id="here">the page</p>');
$h->write_file('htdocs/index.html', '<!DOCTYPE html><title>home</title>');
my $c = new_customer($h);
my $origin = "http://localhost:$h->{port}";
my $browser = Browser->new;

sub address { return $browser->run('return location.href') }

# Fill in the form and send it; then wait for a condition in JavaScript, 20 seconds at most.
sub send_form {
    my ($password, $condition) = @_;
    $browser->run('email.value = args[0]; password.value = args[1]; form.requestSubmit()', $c->{email}, $password);
    my $end = time + 20;
    while (time < $end) {
        return 1 if eval { $browser->run("return document.readyState === 'complete' && ($condition)") };
        sleep 0.1;
    }
    return 0;
}

my $page = "$origin/private/page.html?a=b&c=d%20e";
$browser->go($page);
is(address(), "$origin/sign-in.html?back=%2Fprivate%2Fpage.html%3Fa%3Db%26c%3Dd%2520e", 'a guarded page leads to the sign-in page');
ok(send_form('wrong horse', 'problem.textContent'), 'a wrong password');
like($browser->run('return problem.textContent'), qr/do not belong together/, 'is refused in words');
ok(send_form($c->{password}, q(location.pathname.startsWith('/private'))), 'the right one');
is(address(), $page, 'leads back');
is($browser->run('return here.textContent'), 'the page', 'to the page');
is($browser->run('return (await fetch("/private/page.html")).status'), 200, 'which its scripts may read, too');
is($browser->run('return (await fetch("/private/page.html", { credentials: "omit" })).status'), 401, 'a script without the cookie is not sent anywhere');

for my $back ('https://evil.example/', '//evil.example/', '/\\evil.example/', "/\t/evil.example/", 'javascript:alert(1)', 'http://[', '') {
    $browser->go("$origin/sign-in.html?back=" . $back =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/egr);
    ok(send_form($c->{password}, q(location.pathname !== '/sign-in.html')), 'signed in');
    like(address(), qr{^\Q$origin\E/}, $back =~ /\S/ ? "$back leads nowhere else" : 'no address leads home');
}
rows_are_secret($h)->stop;
done_testing;
