# The status page in Chromium: in light and dark, on a desk and on a phone; nothing that the browser complains of.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";
use Test::More;

use Browser;
use MedusaStore::Accounts qw(new_customer sign_in);
use MedusaStore::Harness;
use Storefront qw(need_tools);

need_tools('chromium', 'chromedriver');

my $MOUNT = "<Location \"/status\">\nSetHandler medusa-store-metrics\n</Location>\n";
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\n", conf => $MOUNT, location => "MedusaStoreAllowOrigin http://a.example\n");
my $long = 'a-shop-with-a-very-long-name-that-would-not-fit-into-any-telephone.example';
my $many = MedusaStore::Harness->new(shop => 0, conf => "<VirtualHost *>\nServerName admin.example\n$MOUNT</VirtualHost>\n" . join '',
    map { "<VirtualHost *>\nServerName $_->[0]\nMedusaStoreDBParams $_->[1]\nMedusaStoreSecret \"file:$h->{root}/secret\"\n"
        . "<Location \"/$_->[0]/store\">\nMedusaStore On\nSession On\n</Location>\n</VirtualHost>\n" }
    [$long, "file:$h->{root}/db-params"], ['down.example', "sock=$h->{root}/nothing,user=u,dbname=d"]);
$many->expect_log('MS0101');

# ---- something to show ----

my $c = new_customer($h, jar => 'me');
my %address = (first_name => 'P', last_name => 'Q', address_1 => '1 Main St', city => 'Bergen', country_code => 'NO', postal_code => '5003');
my $id = $h->post('/store/customers/me/addresses', jar => 'me', json => { address => \%address })->{json}{customer}{shipping_addresses}[0]{id};
$h->post("/store/customers/me/addresses/$id", jar => 'me', json => { city => 'Oslo' }) for 1 .. 3;
$h->get('/store/customers/me', jar => 'me') for 1 .. 40;
sign_in($h, $c, password => 'not the one') for 1 .. 2;
$h->get('/store/nothing');
$h->options('/store/auth', headers => { Origin => 'http://a.example' });

my $browser = Browser->new;

# What the page comes to: sizes in pixels, colours, and what of it is seen.
my $LOOK = <<'JS';
const seen = e => { const box = e.getBoundingClientRect(); return box.width > 2 && box.height > 2 };
const wide = [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest('thead'));
const cells = [...document.querySelectorAll('td, th, h1, h2, h3, p, code')].filter(seen);
const channels = colour => colour.match(/[\d.]+/g).slice(0, 3).map(Number);
const light = colour => { const [r, g, b] = channels(colour).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b };
const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c)) return c } return 'rgb(255, 255, 255)' };
const contrast = e => { const a = light(getComputedStyle(e).color), b = light(behind(e)); return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) };
const texts = [...document.querySelectorAll('body *')].filter(e => seen(e) && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
return {
    width: document.documentElement.scrollWidth, window: innerWidth, wide: wide.map(e => e.outerHTML.slice(0, 80)),
    cut: cells.filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline' && !e.closest('thead')).map(e => e.outerHTML.slice(0, 80)),
    faint: texts.filter(e => contrast(e) < 4.5).map(e => contrast(e).toFixed(2) + ' ' + e.outerHTML.slice(0, 80)),
    small: texts.filter(e => parseFloat(getComputedStyle(e).fontSize) < 10.5).map(e => e.outerHTML.slice(0, 80)),
    page: light(getComputedStyle(document.body).backgroundColor), styled: getComputedStyle(document.querySelector('.cards')).display,
    title: document.title, lang: document.documentElement.lang, headings: [...document.querySelectorAll('h1, h2, h3')].map(e => e.innerText),
    routes: document.querySelectorAll('.routes tbody tr').length, lately: document.querySelectorAll('.lately tbody tr').length,
    heads: [...document.querySelectorAll('.routes thead th')].filter(seen).map(e => e.innerText),
    text: document.body.innerText,
};
JS

sub look {
    my ($url, $colours, $width) = @_;
    $browser->console;
    $browser->resize($width, 900, $width < 600)->prefer($colours)->go($url);
    my $page = $browser->run($LOOK);
    is_deeply([$browser->console], [], 'the browser has nothing to complain of');
    is($page->{styled}, 'grid', 'the style is in force');
    ok($colours eq 'dark' ? $page->{page} < 0.1 : $page->{page} > 0.8, "it is $colours");
    cmp_ok($page->{width}, '<=', $width, 'it is not wider than the window');
    is_deeply($page->{$_}, [], "nothing is $_") for qw(wide cut faint small);
    is($page->{lang}, 'en', 'its language is told');
    return $page;
}

for my $colours ('light', 'dark') {
    for my $width (1280, 768, 390) {
        subtest "$colours, $width pixels" => sub {
            my $page = look($h->url('/status'), $colours, $width);
            is($page->{title}, 'Store API', 'title');
            is_deeply($page->{headings}, ['Store API', 'localhost', 'Database', 'Requests', 'Time', 'Events', 'Hashing', 'Routes', 'What came in lately'],
                'headings');
            is($page->{routes}, 7, 'routes');
            is($page->{lately}, 32, 'the latest requests');
            like($page->{text}, qr/All is well\./, 'the state');
            like($page->{text}, qr/401/, 'a status') if $width > 600;
            is_deeply($page->{heads}, $width > 704 ? ['Route', 'Requests', '4xx', '5xx', 'p50', 'p95', 'p95 database', 'Spread']
                : ['Requests', '4xx', '5xx', 'p50', 'p95'], 'columns');
        };
    }
}

subtest 'several shops, one in trouble, on a phone' => sub {
    # by its name the host is no shop; a browser can't be made to say another one
    my $page = look($many->url('/status'), $_, 390) for 'light', 'dark';
    $page = look($many->url('/status'), 'dark', 390);
    like($page->{title}, qr/^Trouble/, 'the title tells');
    like($page->{text}, qr/1 of 2 shops can't serve\./, 'and so does the page');
    like($page->{text}, qr/\Q$long\E/, 'a long name');
};

$browser->quit;
$_->stop for $many, $h;
done_testing;
