# What one address may try, whatever the account: the answer, what it costs, what counts and what does not, and for how long.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Tries qw(shop fail_as pass_as forget_mail reset_as statuses metric);

my $h = shop(['SignIn Address 3/1h', 'SignIn Both Off', 'Registration Address 4/1h', 'Reset Address 2/1h', 'ResetMail Address 2/1h',
    'Existence Address 3/1h', 'Change Address 2/1h'], location => "MedusaStoreAllowOrigin https://shop.example\nMedusaStoreXML On\n");
my $c = new_customer($h);
my $n = 0;
my $lab = sub { return 'nobody-' . ++$n . '@lab.test' };

subtest 'sign-ins that fail' => sub {
    $h->expect_log('MS0009', qr/too many failed sign-ins by one address: refused/, 1);
    is(statuses(map { fail_as($h, '192.0.2.1', $lab->()) } 1 .. 5), '401*3 429*2', 'three are free');
    is(statuses(fail_as($h, '192.0.2.1', $c->{email}), pass_as($h, '192.0.2.1', $c)), '429*2', 'for any account, also with the right password');
    is(statuses(fail_as($h, '192.0.2.1', $c->{email}, path => 'auth/token')), '429', 'and for a token');
    is(statuses(pass_as($h, '192.0.2.2', $c), fail_as($h, '192.0.2.2', $c->{email})), '200 401', 'another address goes on');
    is(statuses(map { fail_as($h, '192.0.2.3', $lab->(), path => $_ % 2 ? 'auth' : 'auth/token') } 1 .. 4), '401*3 429', 'both ways are counted together');
};

subtest 'the answer' => sub {
    my $r = fail_as($h, '192.0.2.1', $c->{email});
    my $wait = $r->{headers}{'retry-after'};
    like($wait, qr/\A\d+\z/, 'tells when to come back');
    ok($wait > 1100 && $wait <= 1200, 'in a third of the time') or diag $wait;
    is($r->{body}, qq({"type":"too_many_requests","message":"Too many tries. Please try again in $wait seconds."}), 'in words, too');
    is($r->{headers}{'content-type'}, 'application/json; charset=utf-8', 'as JSON');
    is($r->{headers}{'cache-control'}, 'no-store',                         'for nobody else');
    is_deeply($r->{cookies}, [], 'without a cookie');
    ok(!exists $r->{headers}{'access-control-expose-headers'}, 'no page was told of Retry-After');
    my $page = fail_as($h, '192.0.2.1', $c->{email}, headers => { Origin => 'https://shop.example' });
    is($page->{headers}{'access-control-allow-origin'}, 'https://shop.example', 'a page that may call');
    is($page->{headers}{'access-control-expose-headers'}, 'Retry-After',          'may read when to come back');
    my $xml = fail_as($h, '192.0.2.1', $c->{email}, headers => { Accept => 'application/xml' });
    like($xml->{body}, qr{<type>too_many_requests</type><message>Too many tries\.}, 'XML, where that is asked for');
};

subtest 'what a refused try costs' => sub {
    my ($hashes, $asked) = (metric($h, 'hashes_total'), metric($h, 'database_duration_seconds_count', method => 'POST'));
    is(statuses(map { fail_as($h, '192.0.2.1', $c->{email}) } 1 .. 50), '429*50', 'many are refused');
    is(metric($h, 'hashes_total') - $hashes, 0, 'no hash');
    is(metric($h, 'database_duration_seconds_count', method => 'POST') - $asked, 0, 'the database was not asked');
    is(statuses(fail_as($h, '192.0.2.2', $c->{email})), '401', 'one that is not refused');
    is(metric($h, 'hashes_total') - $hashes, 1, 'costs a hash');
    my $r = $h->post('/store/auth', body => '{"no json', headers => { 'Content-Type' => 'application/json', 'X-Forwarded-For' => '192.0.2.1' });
    is($r->{status}, 429, 'nobody has read the body');
    $r = $h->post('/store/auth', body => 'x' x 300_000, headers => { 'Content-Type' => 'application/json', 'X-Forwarded-For' => '192.0.2.1' });
    is($r->{status}, 429, 'nor a large one');
    is(metric($h, 'throttled_total', kind => 'sign-in', mode => 'refused'), 50 + 6 + 1 + 2 + 3 - 1, 'all are counted');
    is(metric($h, 'throttled_total', mode => 'dry_run'), 0, 'none as a dry run');
    is(metric($h, 'problems_total', problem => 'TOO_MANY'), metric($h, 'throttled_total'), 'as a problem, too');
    my ($told) = $h->get('/metrics', headers => { Accept => 'text/html' })->{text} =~ /throttled:\x{a0}(\d+)/;
    is($told, metric($h, 'throttled_total'), 'and on the page');
};

subtest 'what does not count' => sub {
    my $from = '198.51.100.1';
    is(statuses(map { pass_as($h, $from, $c), pass_as($h, $from, $c, path => 'auth/token') } 1 .. 5), '200*10', 'sign-ins that succeed');
    my %headers = ('Content-Type' => 'application/json', 'X-Forwarded-For' => $from);
    is(statuses(map { $h->post('/store/auth', body => $_, headers => \%headers) } ('{', '{}', '[]', '{"email":"x","password":"y"}') x 2), '400*8', 'what is no try');
    is(statuses(map { $h->get('/store/auth', headers => \%headers) } 1 .. 6), '401*6', 'being signed out');
    is(statuses(map { $h->request('OPTIONS', '/store/auth', headers => \%headers) } 1 .. 6), '204*6', 'preflights');
    is(statuses(map { fail_as($h, $from, $lab->()), pass_as($h, $from, $c) } 1 .. 2), '401 200 401 200', 'three are left');
    is(statuses(fail_as($h, $from, $lab->()), pass_as($h, $from, $c)), '401 429', 'sign-ins between them take none away');
    is(statuses(map { $h->get('/metrics', headers => \%headers) } 1 .. 3), '200*3', 'who looks at numbers');
    is(statuses($h->get('/store/customers/me', headers => { %headers, Cookie => $c->{cookie} })), '200', 'who is signed in');
};

subtest 'registrations' => sub {
    my ($from, $i) = ('198.51.100.2', 0);
    my $register = sub {
        my ($email) = @_;
        return $h->post('/store/customers', json => { email => $email, password => 'a good horse', first_name => 'A', last_name => 'B' },
            headers => { 'X-Forwarded-For' => $from });
    };
    $h->expect_log('MS0009', qr/too many registrations by one address/, 1);
    is(statuses($register->('no e-mail'), map { $register->($_) } 'r1@lab.test', 'r1@lab.test', 'r2@lab.test', $c->{email}, 'r3@lab.test'),
        '400 200 422 200 422 429', 'count when they succeed, and when they tell that an e-mail is taken');
    is($h->sql_value("SELECT COUNT(*) FROM customer WHERE email = 'r3\@lab.test'"), 0, 'nobody was registered beyond');
};

subtest 'existence' => sub {
    my $ask = sub { my ($from, $email) = @_; return $h->get("/store/auth/$email", headers => { 'X-Forwarded-For' => $from }) };
    $h->expect_log('MS0009', qr/too many questions for an account by one address/, 1);
    is(statuses(map { $ask->('198.51.100.3', $_) } $c->{email}, 'x@lab.test', $c->{email}, $c->{email}, 'y@lab.test'), '200*3 429*2', 'three questions');
    is(statuses($h->request('HEAD', '/store/auth/z@lab.test', headers => { 'X-Forwarded-For' => '198.51.100.3' })), '429', 'HEAD is one, too');
    is(statuses(fail_as($h, '198.51.100.3', $c->{email})), '401', 'each kind is counted by itself');
};

subtest 'changes of e-mail' => sub {
    my $other = new_customer($h);
    my $change = sub {
        my ($from, $body) = @_;
        return $h->post('/store/customers/me', json => $body, headers => { 'X-Forwarded-For' => $from, Cookie => $c->{cookie} });
    };
    $h->expect_log('MS0009', qr/too many failed changes of e-mail or password by one address/, 1);
    is(statuses(map { $change->('198.51.100.5', { first_name => "N$_" }) } 1 .. 5), '200*5', 'others are free');
    is(statuses(map { $change->('198.51.100.5', { email => $other->{email} }) } 1 .. 3), '422*2 429', 'two may ask for one that is taken');
    is(statuses($change->('198.51.100.5', { first_name => 'N' }), $change->('198.51.100.6', { first_name => 'N' })), '429 200', 'then nothing is changed from there');
};

subtest 'reset' => sub {
    $h->expect_log('MS0009', qr/too many requests for a reset token by one address/, 1);
    $h->expect_log('MS0009', qr/too many failed password resets by one address/, 1);
    is(statuses(map { forget_mail($h, '198.51.100.4', $lab->()) } 1 .. 3), '204*2 429', 'two mails');
    is(statuses(map { reset_as($h, '198.51.100.4', $lab->()) } 1 .. 3), '401*2 429', 'two wrong tokens');
};

subtest 'IPv6' => sub {
    is(statuses(map { fail_as($h, "2001:db8:1:2:$_\::1", $lab->()) } 1 .. 4), '401*3 429', 'the first 64 bits are one address');
    is(statuses(fail_as($h, '2001:db8:1:3::1', $lab->())), '401', 'the next 64 are another one');
};

$h->stop;

subtest 'who is told nothing' => sub {
    my $quiet = shop(['Existence Address 1/1h'], location => 'MedusaStoreEmailExists Off');
    is(statuses(map { $quiet->get('/store/auth/x@lab.test') } 1 .. 4), '200*4', 'may ask');
    $quiet->stop;
};

subtest 'for how long' => sub {
    my $short = shop(['SignIn Address 2/4s', 'SignIn Both Off']);
    my $customer = new_customer($short);
    $short->expect_log('MS0009', qr/failed sign-ins/, 1);
    my @answers;
    for (1 .. 12) {    # a slow machine forgets some meanwhile
        push @answers, fail_as($short, '192.0.2.1', $customer->{email});
        last if $answers[-1]{status} == 429;
    }
    my $last = $answers[-1];
    is($last->{status}, 429, 'somebody is refused: ' . statuses(@answers));
    my $wait = $last->{headers}{'retry-after'};
    ok($wait >= 1 && $wait <= 2, "for $wait s");
    like($last->{body}, qr/again in 1 second\.|again in 2 seconds\./, 'in words');
    sleep $wait + 0.1;
    is(statuses(pass_as($short, '192.0.2.1', $customer)), '200', 'and no longer');
    $short->stop;
};

subtest 'exempt addresses' => sub {
    my $own = shop(['SignIn Address 1/1h', 'SignIn Both 2/1h'], main => "MedusaStoreThrottleExempt 192.0.2.0/24 2001:db8::/32\n");
    $own->expect_log('MS0009', qr/too many failed sign-ins (?:by one address|with one account by one address)/, 1);
    is(statuses(map { fail_as($own, '192.0.2.77', $lab->()), fail_as($own, '2001:db8::9', $lab->()) } 1 .. 4), '401*8', 'any number of accounts');
    is(statuses(map { fail_as($own, '192.0.2.77', 'one@lab.test') } 1 .. 3), '401*2 429', 'but not of tries with one');
    is(statuses(map { fail_as($own, '198.51.100.1', $lab->()) } 1 .. 2), '401 429', 'others are no exception');
    $own->stop;
};

subtest 'DryRun and Off' => sub {
    my $dry = shop(['SignIn Address 2/1h', 'SignIn Both 1/1h', 'Existence Address 1/1h'], main => "MedusaStoreThrottle DryRun\n");
    my $customer = new_customer($dry);
    $dry->expect_log('MS0010', qr/too many failed sign-ins .*would be refused/, 1);
    $dry->expect_log('MS0010', qr/too many questions for an account by one address: would be refused/, 1);
    is(statuses(map { fail_as($dry, '192.0.2.1', $customer->{email}) } 1 .. 5), '401*5', 'nobody is refused');
    is(statuses(pass_as($dry, '192.0.2.1', $customer)), '200', 'nor kept from signing in');
    is(metric($dry, 'throttled_total', kind => 'sign-in', mode => 'dry_run'), 5, 'but counted');
    is(statuses(map { $dry->get('/store/auth/x@lab.test') } 1 .. 3), '200*3', 'nobody here either');
    is(metric($dry, 'throttled_total', kind => 'existence', mode => 'dry_run'), 2, 'two of them too many');
    is(metric($dry, 'throttled_total', mode => 'refused'), 0, 'none was refused');
    $dry->stop;

    my $off = shop(['SignIn Address 1/1h'], main => "MedusaStoreThrottle Off\n");
    is(statuses(map { fail_as($off, '192.0.2.1', $lab->()) } 1 .. 3), '401*3', 'Off');
    is(metric($off, 'throttled_total'), 0, 'counts nothing');
    $off->stop;
};

done_testing;
