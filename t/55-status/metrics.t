# medusa-store-metrics: what is counted, under which names, for which shop; and that it is what Prometheus reads.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer sign_in token_for as_bearer);
use MedusaStore::Exposition;
use MedusaStore::Harness;
use MedusaStore::Source qw(text);

my $MOUNT = "<Location \"/metrics\">\nSetHandler medusa-store-metrics\n</Location>\n";
my ($SCHEMA)  = text('mod_medusa_store/db/schema.h') =~ /MS_SCHEMA = (\d+)/;
my ($VERSION) = text('configure.ac') =~ /^AC_INIT\(\[\w+\], \[([\d.]+)\]/m;

my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\n", conf => $MOUNT,
    location => "MedusaStoreAllowOrigin http://a.example\nMedusaStoreBodyLimit 4096\nLimitRequestBody 2048\n");

sub scrape {
    my ($s, @option) = @_;
    my $r = $s->get('/metrics', @option);
    is($r->{status}, 200, 'a scrape') if $r->{status} != 200;
    return MedusaStore::Exposition->parse($r->{body});
}

subtest 'before the first request' => sub {
    my $r = $h->get('/metrics');
    is($r->{headers}{'content-type'}, 'text/plain; version=0.0.4; charset=utf-8', 'the type of the format');
    is($r->{headers}{'cache-control'}, 'no-store', 'nobody keeps it');
    is($r->{headers}{vary}, 'Accept', 'a browser would get something else');
    is_deeply($r->{cookies}, [], 'no cookie');
    my $head = $h->request('HEAD', '/metrics');
    is("$head->{status} $head->{headers}{'content-type'} $head->{body}", "200 $r->{headers}{'content-type'} ", 'HEAD');
    is($h->post('/metrics', body => 'x')->{status}, 405, 'nothing is to be posted');
    my $m = MedusaStore::Exposition->parse($r->{body});
    is($m->value('medusa_store_build_info', version => $VERSION, schema => $SCHEMA), 1, 'version and schema');
    is($m->value('medusa_store_schema_known'), $SCHEMA, 'the latter as a number');
    is_deeply($m->samples('medusa_store_requests_total'), [], 'no requests');
    is($m->value('medusa_store_refused_sign_ins_total', shop => 'localhost'), 0, 'no sign-in was refused');
    is($m->value('medusa_store_problems_total', problem => 'DB_DOWN'), 0, 'each problem is there from the beginning');
    is($m->value('medusa_store_database_up'), 1, 'the database is up');
    is($m->value('medusa_store_database_schema'), $SCHEMA, 'its schema');
    cmp_ok($m->value('medusa_store_database_round_trip_seconds'), '<', 5, 'its answer has a time');
    my @scrapers = ('*/*', 'text/plain;version=0.0.4;q=0.3,*/*;q=0.1',
        'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2', 'text/html;q=0.5,text/plain', 'text/html;q=0', '');
    like($h->get('/metrics', headers => { Accept => $_ })->{headers}{'content-type'}, qr/^text\/plain/, "Accept: $_") for @scrapers;
    my $browser = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';
    like($h->get('/metrics', headers => { Accept => $_ })->{headers}{'content-type'}, qr/^text\/html/, "Accept: $_") for $browser, 'text/html';
};

# ---- requests ----

# [name, how to ask, method and route of the labels, status, problem (or none), 1 if it is a refused sign-in]
my $c = new_customer($h, jar => 'me');
my %json = (headers => { 'Content-Type' => 'application/json' });
my $bearer = token_for($h, $c);
my @ROWS = (
    ['a read', sub { $h->get('/store/customers/me', jar => 'me') }, 'GET /customers/me', 200],
    ['HEAD is a read', sub { $h->request('HEAD', '/store/customers/me', jar => 'me') }, 'GET /customers/me', 200],
    ['in other letters', sub { $h->get('/STORE/../store/Customers/ME/', jar => 'me') }, 'GET /customers/me', 200],
    ['signed out', sub { $h->get('/store/customers/me') }, 'GET /customers/me', 401, 'UNAUTHORIZED'],
    ['a bad field', sub { $h->post('/store/customers/me', jar => 'me', json => { nothing => 1 }) }, 'POST /customers/me', 400, 'INVALID_DATA'],
    ['a forged write', sub { $h->post('/store/customers/me', jar => 'me', json => {}, headers => { Origin => 'http://b.example' }) },
        'POST /customers/me', 403, 'FORBIDDEN'],
    ['a duplicate', sub { $h->post('/store/customers', json => { email => $c->{email}, password => 'x' x 9, first_name => 'A', last_name => 'B' }) },
        'POST /customers', 422, 'DUPLICATE'],
    ['a sign-in', sub { sign_in($h, $c) }, 'POST /auth', 200],
    ['a wrong password', sub { sign_in($h, $c, password => 'not the one') }, 'POST /auth', 401, 'UNAUTHORIZED', 1],
    ['an unknown e-mail', sub { $h->post('/store/auth/token', json => { email => 'nobody@lab.test', password => 'x' }) },
        'POST /auth/token', 401, 'UNAUTHORIZED', 1],
    ['a bad reset token is no sign-in', sub { $h->post('/store/customers/password-reset', json => { email => $c->{email}, token => 'a.b.c', password => 'x' x 9 }) },
        'POST /customers/password-reset', 401, 'BAD_TOKEN'],
    ['a parameter', sub { $h->get('/store/auth/somebody@lab.test') }, 'GET /auth/{email}', 200],
    ['no address of that id', sub { $h->post('/store/customers/me/addresses/addr_0', json => { city => 'X' }, as_bearer($bearer)) },
        'POST /customers/me/addresses/{address_id}', 400, 'INVALID_DATA'],
    ['no route', sub { $h->get('/store/secrets/somebody@lab.test') }, '* (no route)', 404, 'NOT_FOUND'],
    ['no method', sub { $h->request('FROB', '/store/auth') }, '* (no route)', 404, 'NOT_FOUND'],
    ['no route below customers', sub { $h->get('/store/customers/nothing') }, '* /customers/**', 401, 'UNAUTHORIZED'],
    ['a path that is no text', sub { $h->get('/store/auth/%ff') }, '* (no route)', 400, 'INVALID_DATA'],
    ['a preflight', sub { $h->options('/store/auth', headers => { Origin => 'http://a.example' }) }, 'OPTIONS (preflight)', 204],
    ['a broken body', sub { $h->post('/store/auth', %json, body => '{') }, 'POST /auth', 400, 'INVALID_DATA'],
    ['a long body', sub { $h->post('/store/customers', %json, body => '{"a":"' . 'x' x 5000 . '"}') }, 'POST /customers', 413, 'TOO_LARGE'],
    ['a body that httpd refuses', sub { $h->post('/store/auth', %json, body => '{"a":"' . 'x' x 3000 . '"}') }, 'POST /auth', 413],
    ['a body in pieces that httpd refuses', sub { $h->post('/store/auth', headers => { %{ $json{headers} }, 'Transfer-Encoding' => 'chunked' },
        body => sprintf("%x\r\n%s\r\n0\r\n\r\n", 3000, 'x' x 3000)) }, 'POST /auth', 413],
);

sub total { my ($m, $name, %label) = @_; return $m->sum("medusa_store_$name", %label) }

for my $row (@ROWS) {
    my ($name, $ask, $label, $status, $problem, $refused) = @$row;
    subtest $name => sub {
        my ($method, $route) = split / /, $label, 2;
        my %label = (shop => 'localhost', method => $method, route => $route);
        my $before = scrape($h);
        my $r = $ask->();
        is($r->{status}, $status, "the answer is $status") or diag $r->{body};
        my $after = scrape($h);
        my $more = sub { my ($metric, %l) = @_; return total($after, $metric, %l) - total($before, $metric, %l) };
        is($more->('requests_total'), 1, 'one request more');
        is($more->('requests_total', %label, status => int($status / 100) . 'xx'), 1, "as $label")
            or diag explain($after->samples('medusa_store_requests_total'));
        is($more->('request_duration_seconds_count', %label), 1, 'its time is there');
        cmp_ok($more->('request_duration_seconds_sum', %label), '<', 5, '… in seconds');
        cmp_ok($more->('database_duration_seconds_count', %label), '<=', 1, 'and that with the database');
        cmp_ok($more->('database_duration_seconds_sum', %label), '<=', $more->('request_duration_seconds_sum', %label) + 0.001, '… which is part of it');
        is($more->('problems_total'), $problem ? 1 : 0, 'problems');
        is($more->('problems_total', problem => $problem), 1, $problem) if $problem;
        is($more->('refused_sign_ins_total'), $refused ? 1 : 0, 'refused sign-ins');
    };
}

subtest 'what asks the database' => sub {
    my $m = scrape($h);
    my $asked = sub { my ($label) = @_; my ($method, $route) = split / /, $label, 2;
        return $m->value('medusa_store_database_duration_seconds_count', method => $method, route => $route) };
    is($asked->('GET /customers/me'), 3, 'requests that did not are left out');
    is($asked->('OPTIONS (preflight)'), undef, 'and so are routes that never do');
};

subtest 'nobody is told of' => sub {
    my $text = $h->get('/metrics')->{body} . $h->get('/metrics', headers => { Accept => 'text/html' })->{body};
    unlike($text, qr/lab\.test|somebody|secrets|FROB|\Q$c->{id}\E|addr_0|\Q$h->{database}\E|sock=/, 'no customer, no address as it was sent, no parameters');
};

# ---- gauges ----

subtest 'hashing' => sub {
    my $slow = MedusaStore::Harness->new(shop => $h, conf => $MOUNT, main => "MedusaStoreHashSlots 1\nMedusaStoreHashQueue 7\nMedusaStoreDeadline 60s\nMedusaStoreHashWait 60s\nMedusaStorePasswordCost 65536 8\n");
    my $m = scrape($slow);
    is($m->value("medusa_store_$_->[0]"), $_->[1], $_->[0]) for ['hash_slots', 1], ['hash_queue_limit', 7], ['hashes_running', 0], ['hashes_waiting', 0];
    my @sockets = map {
        my $socket = $slow->{client}->connect;
        my $body = '{"email":"nobody@lab.test","password":"x"}';
        syswrite $socket, "POST /store/auth HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: "
            . length($body) . "\r\n\r\n$body";
        $socket;
    } 1 .. 3;
    my ($most, $end) = ('', time + 20);
    until ($most eq '1 2' || time > $end) {
        $m = scrape($slow);
        $most = join ' ', map { $m->value("medusa_store_hashes_$_") } qw(running waiting);
    }
    is($most, '1 2', 'one hashes, two wait');
    { local $/; like(readline($_) // '', qr{^HTTP/1\.1 401 }, 'answered') for @sockets }
    $m = scrape($slow);
    is($m->value("medusa_store_hashes_$_"), 0, "none is $_") for qw(running waiting);
    $slow->stop;
};

subtest 'outbox' => sub {
    my $events = sub { my ($m) = @_; return join ' ', map { $m->value('medusa_store_outbox_events', state => $_) } qw(waiting dead) };
    $h->sql('DELETE FROM outbox');
    my $m = scrape($h);
    is($events->($m), '0 0', 'empty');
    is($m->value('medusa_store_outbox_oldest_seconds'), 0, 'nothing waits');
    $h->sql("INSERT INTO outbox (id, event_name, data, created_at, due_at, state) SELECT CONCAT('job_', seq), 'x', '{}',"
        . " UTC_TIMESTAMP(3) - INTERVAL IF(seq = 1, 9000, IF(seq = 2, 3600, 10)) SECOND, UTC_TIMESTAMP(3), IF(seq % 2, 'dead', 'waiting') FROM seq_1_to_7");
    $m = scrape($h);
    is($events->($m), '3 4', 'waiting and dead');
    my $age = $m->value('medusa_store_outbox_oldest_seconds');
    ok($age >= 3599 && $age < 3660, 'the age of the oldest that waits, in seconds') or diag $age;
    $h->sql("DELETE FROM outbox WHERE state = 'waiting'");
    is(scrape($h)->value('medusa_store_outbox_oldest_seconds'), 0, 'dead events do not wait');
};

# ---- shops ----

# A virtual host; with parameters it is a shop of its own.
sub host {
    my ($name, $params, $listen) = @_;
    my $shop = $params ? "MedusaStoreDBParams $params\nMedusaStoreSecret \"file:$h->{root}/secret\"\n<Location \"/store\">\nMedusaStore On\nSession On\n</Location>\n" : '';
    $listen //= '*';
    return "<VirtualHost $listen>\nServerName $name\n$shop$MOUNT</VirtualHost>\n";
}

my $good = "file:$h->{root}/db-params";

subtest 'several shops, one of them without its database' => sub {
    my $other = MedusaStore::Harness->new;
    my $s = MedusaStore::Harness->new(shop => 0, conf => host('admin.example') . host('one.example', $good) . host('same.example', $good)
        . host('two.example', "file:$other->{root}/db-params") . host('down.example', "sock=$h->{root}/nothing,user=u,dbname=d"));
    $s->expect_log('MS0101');
    $h->sql('DELETE FROM outbox');
    my %ask = ('one.example' => 3, 'two.example' => 2, 'down.example' => 1);
    for my $name (sort keys %ask) {
        $s->get('/store/auth/a@lab.test', headers => { Host => $name }) for 1 .. $ask{$name};
    }
    my $all = scrape($s, headers => { Host => 'admin.example' });
    my $count = sub { my ($m) = @_; return { map { ($_->{labels}{shop} => $_->{value}) } grep { $_->{labels}{method} eq 'GET' } @{ $m->samples('medusa_store_request_duration_seconds_count') } } };
    is_deeply($count->($all), \%ask, 'a host that is no shop tells of all');
    my $of = sub { my ($name) = @_; return { map { ($_->{labels}{shop} => $_->{value}) } @{ $all->samples("medusa_store_$name") } } };
    is_deeply($of->('database_up'), { 'one.example' => 1, 'same.example' => 1, 'two.example' => 1, 'down.example' => 0 }, 'which databases are up');
    is_deeply([sort keys %{ $of->($_) }], ['one.example', 'same.example', 'two.example'], "$_ is known of those only")
        for qw(database_schema database_round_trip_seconds outbox_events outbox_oldest_seconds);
    is_deeply($of->('database_open'), { 'one.example' => 0, 'same.example' => 0, 'two.example' => 0, 'down.example' => 1 }, 'which are known to be down');
    is_deeply($of->('database_opened_total'), { 'one.example' => 0, 'same.example' => 0, 'two.example' => 0, 'down.example' => 1 }, 'that they were found to be down');
    cmp_ok($of->('database_refused_total')->{'down.example'}, '>=', 1, 'and that it was not asked any more'); # by the scrape
    is($all->value('medusa_store_requests_total', shop => 'down.example', status => '5xx'), 1, 'a failure');
    is($all->value('medusa_store_problems_total', shop => 'down.example', problem => 'DB_DOWN'), 1, 'and its problem');
    is($all->value('medusa_store_hash_slots') // 0, $all->sum('medusa_store_hash_slots'), 'one gate for all');
    my $one = scrape($s, headers => { Host => 'one.example' });
    is_deeply($count->($one), { 'one.example' => 3 }, 'a shop tells of itself');
    unlike($s->get('/metrics', headers => { Host => $_ })->{body}, qr/two\.example|down\.example/, 'and of nobody else') for 'one.example';
    $s->stop;
    $other->stop;
};

subtest 'names' => sub {
    my $port = MedusaStore::Harness::free_port();
    open my $raw, '>:raw', "$h->{root}/raw.conf" or die $!;
    print {$raw} host("b\xfcse.example", $good);
    close $raw;
    my $s = MedusaStore::Harness->new(shop => 0, conf => "Listen 127.0.0.1:$port\n" . host('admin.example')
        . host('shop.example', $good, "127.0.0.1:$port") . host('shop.example', $good) . host('shop.example', $good)
        . host('"a\\\\b\\"<i>\'&"', $good) . "Include \"$h->{root}/raw.conf\"\n");
    my $m = scrape($s, headers => { Host => 'admin.example' });
    my @names = map { $_->{labels}{shop} } @{ $m->samples('medusa_store_database_up') };
    is(scalar @names, 5, 'five shops');
    my %seen;
    is_deeply([grep { $seen{$_}++ } @names], [], 'no name is there twice');
    ok($seen{"shop.example:$port"}, 'equal names: the port tells them apart');
    ok((grep { /^shop\.example \(2\)$|^shop\.example:\d+ \(2\)$/ } @names), 'or a number');
    ok($seen{'a\\b"<i>\'&'}, 'any characters') or diag explain(\@names);
    ok($seen{'b?se.example'}, 'but those that are no UTF-8') or diag explain(\@names);
    my $page = $s->get('/metrics', headers => { Host => 'admin.example', Accept => 'text/html' })->{body};
    unlike($page, qr/<i>/, 'the page escapes them');
    like($page, qr/<h2>a\\b&quot;&lt;i&gt;'&amp;</, '… all');
    $s->stop;
};

$h->stop;
done_testing;
