# Fifty graceful restarts under each MPM while customers shop: no answer is wrong, nobody is signed out, nothing is lost, and
# the parent process holds in the end what it held in the beginning. Then restarts that change something, and a stop.
use strict;
use warnings;

use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use MedusaStore::Accounts qw(new_customer sign_in token_for cookie_of who as_cookie as_bearer rows_are_secret);
use MedusaStore::Client;
use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Process qw(all_semaphore_sets holdings children mapped_files semaphore semaphore_sets shared_segments);
use MedusaStore::Report qw(figure);

use constant { RESTARTS => 50, WARM => 10, SHOPPERS => 3 };
use constant PAUSE => 0.02;    # seconds between two requests of a shopper
use constant NOISE => 128;     # KiB that memory may grow

MedusaStore::Harness::need_database();
plan skip_all => 'needs Linux: /proc tells what a process holds' unless -r "/proc/$$/smaps_rollup" && -r '/proc/sysvipc/sem';

# Children of several generations end their requests at the same time: the scoreboard needs room for them.
my %ROOM = (event => "ServerLimit 16\n", worker => "ServerLimit 16\n", prefork => "ServerLimit 64\n");
my %CHEAP = (main => "MedusaStorePasswordCost 1024 1\n");
my %QUIET = (log_level => 'warn', http_log_level => 'notice');    # the log is read at every restart

# ---- shoppers ----

# With each round, somebody looks in who signed in before the first restart, and somebody new registers, signs in, and out.
# Every second shopper keeps its connection. What it saw: { requests, replaced, customers: { id => e-mail }, wrong: [text, …] }
sub shop {
    my ($h, $regular, $number, $more) = @_;
    my $client = MedusaStore::Client->new(port => $h->{port}, keep => $number % 2);
    my $self = { client => $client, requests => 0, customers => {}, wrong => [] };
    for (my $round = 1; $more->() && !@{ $self->{wrong} }; $round++) {
        shop_round($self, $regular, "shopper-$number-$round-$$\@lab.test");
    }
    return { replaced => $client->{replaced}, map { $_ => $self->{$_} } qw(requests customers wrong) };
}

# Send a request and notice what is wrong with its answer: another status, another customer.
sub expect {
    my ($self, $status, $id, $method, $path, %option) = @_;
    my $r = eval { $self->{client}->request($method, $path, %option) } // { status => 0, body => "$@", cookies => [] };
    my $seen = ref $r->{json} eq 'HASH' && $r->{json}{customer} ? $r->{json}{customer}{id} : '';
    $self->{requests}++;
    sleep PAUSE;
    push @{ $self->{wrong} }, "$method $path: $r->{status} $r->{body}" if $r->{status} != $status || defined $id && $id ne $seen;
    return $r;
}

sub shop_round {
    my ($self, $regular, $email) = @_;
    my %secret = (email => $email, password => 'correct horse');
    expect($self, 200, $regular->{id}, GET => '/store/customers/me', as_cookie($regular->{cookie}));
    expect($self, 200, $regular->{id}, GET => '/store/auth', as_bearer($regular->{token}));
    my $r = expect($self, 200, undef, POST => '/store/customers', json => { %secret, first_name => 'Ann', last_name => 'Lee' });
    return unless $r->{status} == 200;
    my ($id, $cookie) = ($r->{json}{customer}{id}, cookie_of($r));
    $self->{customers}{$id} = $email;
    expect($self, 200, $id, POST => '/store/customers/me', as_cookie($cookie), json => { first_name => 'Bea' });
    $r = expect($self, 200, undef, POST => '/store/auth/token', json => \%secret);
    expect($self, 200, $id, GET => '/store/auth', as_bearer($r->{json} ? $r->{json}{access_token} : ''));
    $r = expect($self, 200, $id, POST => '/store/auth', json => \%secret);
    $cookie = cookie_of($r) // '';
    expect($self, 200, undef, DELETE => '/store/auth', as_cookie($cookie));
    expect($self, 401, undef, GET => '/store/auth', as_cookie($cookie));
    return;
}

# A shop that is open: { h, regular, crowd, held: what the parent held after each restart }
sub open_shop {
    my ($mpm) = @_;
    my $h = MedusaStore::Harness->new(%CHEAP, %QUIET, mpm => $mpm, conf => $ROOM{$mpm});
    my $c = new_customer($h);
    my $regular = { %$c, token => token_for($h, $c) };
    held($h);    # notes whose the semaphores are, while who used them lives
    return { h => $h, regular => $regular, crowd => MedusaStore::Crowd->start(SHOPPERS, sub { shop($h, $regular, @_) }) };
}

sub no_answer_was_wrong {
    my ($mpm, @seen) = @_;
    my @wrong = map { @{ $_->{wrong} || [$_->{died}] } } @seen;
    figure('F9', "wrong answers over the restarts, $mpm", scalar @wrong, '', !@wrong);
    return is_deeply(\@wrong, [], 'no answer was wrong');
}

# ---- the parent ----

# What it holds after a restart. Semaphores are told to be ours by who used them last: the parent, or a child that lives now; and
# they are younger than this test. (The kernel gives the numbers of those that have ended to others, and what a killed server has
# left behind stays for ever.)
my %older = map { $_ => 1 } all_semaphore_sets();

sub held {
    my ($h) = @_;
    my $seen = $h->{seen} ||= { processes => { $h->{pid} => 1 }, sets => {} };
    my @living = ($h->{pid}, map { $_->{pid} } children($h->{pid}));
    $seen->{processes}{$_} = 1 for @living;
    $seen->{sets}{$_} = 1 for grep { !$older{$_} } semaphore_sets(@living);
    return { %{ holdings($h->{pid}) }, semaphores => sets_left($h), segments => scalar(shared_segments(@living)) };
}

# How many of the sets that were ever ours are still there.
sub sets_left { my ($h) = @_; return scalar grep { semaphore($_, 0)->{there} } keys %{ $h->{seen}{sets} } }

sub is_of { my ($h, $pid) = @_; open my $in, '<', "/proc/$pid/cmdline" or return 0; return (<$in> // '') =~ /\Q$h->{root}\E/ }

sub processes_left { my ($h) = @_; return scalar grep { is_of($h, $_) } keys %{ $h->{seen}{processes} } }

sub restart_all {
    my (@servers) = @_;
    $_->reload_begin for @servers;
    $_->reload_end for @servers;
    return;
}

sub bare_httpd {
    my $h = MedusaStore::Harness->new(%QUIET, shop => 0, load => '', conf => $ROOM{event}, mpm => 'event');
    my @held = map { restart_all($h); held($h) } 1 .. RESTARTS;
    $h->stop('httpd without the module');
    return @held;
}

# All of the last generation, and none of those before: their ends are noticed by the parent in its own time.
sub is_one_generation {
    my ($h) = @_;
    my $most = $h->{mpm} eq 'prefork' ? 16 : 2;    # MaxRequestWorkers, in processes
    my @children;
    for (1 .. 400) {
        @children = children($h->{pid});
        last if @children && @children <= $most && !grep { $_->{state} eq 'Z' } @children;
        sleep 0.05;
    }
    cmp_ok(scalar @children, '<=', $most, 'no children of earlier generations are left: ' . @children);
    return is(scalar(grep { $_->{state} eq 'Z' } @children), 0, 'nor dead ones');
}

sub grown { my ($held) = @_; return $held->[-1]{memory} - $held->[WARM - 1]{memory} }

subtest 'fifty restarts' => sub {
    my @bare = bare_httpd();
    note sprintf 'httpd alone: %d KiB once warm, %+d in the end', $bare[WARM - 1]{memory}, grown(\@bare);
    my @shops = map { open_shop($_) } qw(event worker prefork);
    for (1 .. RESTARTS) {
        restart_all(map { $_->{h} } @shops);
        for my $shop (@shops) {
            my ($h, $regular) = @$shop{qw(h regular)};
            $shop->{signed_out} += grep { $_ ne $regular->{id} } who($h, as_cookie($regular->{cookie})), who($h, as_bearer($regular->{token}));
            push @{ $shop->{held} }, held($h);
        }
    }
    for my $shop (@shops) {
        subtest $shop->{h}{mpm} => sub { judge($shop, grown(\@bare)) };
    }
};

sub judge {
    my ($shop, $bare) = @_;
    my ($h, $regular, $held) = @$shop{qw(h regular held)};
    my @seen = $shop->{crowd}->end;
    my %sum = (requests => 0, replaced => 0);
    for my $name (keys %sum) {
        $sum{$name} += $_->{$name} // 0 for @seen;
    }
    note "$sum{requests} requests; $sum{replaced} connections that httpd had closed when the next request came";
    no_answer_was_wrong($h->{mpm}, @seen);
    figure('F9', "requests answered over " . RESTARTS . " graceful restarts, $h->{mpm}", $sum{requests}, '', 1);
    is($shop->{signed_out}, 0, 'nobody was signed out');
    cmp_ok($sum{requests}, '>', 4 * RESTARTS, 'customers were there all the time');

    my %customers = map { %{ $_->{customers} || {} } } @seen;
    my %rows = map { $_->[0] => $_->[1] } grep { $_->[0] ne $regular->{id} } $h->sql('SELECT id, email FROM customer');
    is_deeply(\%rows, \%customers, 'who was told to be registered is, and nobody else: ' . keys %rows);
    is($h->sql_value("SELECT COUNT(*) FROM outbox WHERE event_name = 'customer.created'"), 1 + keys %customers, 'and each has an event');

    is_one_generation($h);
    my ($warm, $end) = @$held[WARM - 1, -1];
    is($end->{$_}, $warm->{$_}, "the parent holds as many $_ as before") for qw(descriptors threads segments);
    is_deeply([grep { $_ != 1 } map { $_->{semaphores} } @$held], [], 'and always one set of semaphores');
    note sprintf 'the parent: %d KiB once warm, %+d in the end', $warm->{memory}, grown($held);
    cmp_ok(grown($held), '<=', $bare + NOISE, 'and no more memory than httpd alone would');
    figure('F9', "memory that the parent grew by in the last " . (RESTARTS - WARM) . " restarts, $h->{mpm}", grown($held), 'KiB', grown($held) <= 1024);
    rows_are_secret($h)->stop;
    return;
}

# ---- restarts that change something ----

subtest 'a new secret' => sub {
    my ($h, $wrong) = (MedusaStore::Harness->new(%CHEAP), 0);
    my $c = new_customer($h);
    my $token = token_for($h, $c);
    my %file = map { $_ => $h->write_private("secret-$_", $_ x 64 . "\n") } qw(a b);
    $h->reload(main => "$CHEAP{main}MedusaStoreSecret \"file:$file{a}\" \"file:$h->{root}/secret\"\n");
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'before the older one: cookies live on') or $wrong++;
    is(who($h, as_bearer($token)), $c->{id}, 'and tokens') or $wrong++;
    my ($cookie, $new) = (cookie_of(sign_in($h, $c)), token_for($h, $c));
    $h->reload(main => "$CHEAP{main}MedusaStoreSecret \"file:$file{a}\"\n");
    is(who($h, as_cookie($c->{cookie})), 401, 'without it: they are strangers') or $wrong++;
    is(who($h, as_bearer($token)), 401, 'all of them') or $wrong++;
    is(who($h, as_cookie($cookie)), $c->{id}, 'but not those of after the change') or $wrong++;
    is(who($h, as_bearer($new)), $c->{id}, 'by token, too') or $wrong++;
    figure('F9', 'sign-ins that did not live or end with their secret over reloads', $wrong, '', !$wrong);
    rows_are_secret($h)->secret(values %file)->stop;
};

subtest 'the module goes, and comes back' => sub {
    my ($h, $wrong) = (MedusaStore::Harness->new(%CHEAP), 0);
    my $c = new_customer($h);
    my $before = held($h);
    $h->reload(load => '', shop => 0, main => '');
    is($h->get('/store/auth', as_cookie($c->{cookie}))->{status}, 404, 'without it there is no shop') or $wrong++;
    held($h);
    $h->reload(load => undef, shop => 1, %CHEAP);
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'and then as if nothing had been') or $wrong++;
    is(sign_in($h, $c)->{status}, 200, 'with a gate for passwords') or $wrong++;
    is(held($h)->{semaphores}, 1, 'the same') or $wrong++;
    $h->reload(load => '', shop => 0, main => '');
    rows_are_secret($h)->stop;
    is(sets_left($h), 0, 'a server that dropped the module before it ended leaves none behind') or $wrong++;
    is($before->{semaphores}, 1, 'though it had one') or $wrong++;
    figure('F9', 'what went wrong when the module went and came back', $wrong, '', !$wrong);
};

subtest 'another file of the module' => sub {
    my $h = MedusaStore::Harness->new(%CHEAP, start => 0);
    my $path = "$h->{root}/mod_medusa_store.so";
    $h->{load} = "LoadModule medusa_store_module \"$path\"\n";
    my @inodes = map { copy($ENV{MS_MODULE}, "$path.$_") or die "$path: $!"; (stat "$path.$_")[1] } 1, 2;
    rename "$path.1", $path;
    $h->start;
    my $c = new_customer($h);
    rename "$path.2", $path;
    $h->reload;
    is(who($h, as_cookie($c->{cookie})), $c->{id}, 'serves after a graceful restart');
    my $stale;
    for (1 .. 400) {    # children of before may still be at their end
        $stale = grep { join(' ', mapped_files($_, 'mod_medusa_store.so')) ne $inodes[1] } $h->{pid}, map { $_->{pid} } children($h->{pid});
        last unless $stale;
        sleep 0.05;
    }
    is($stale, 0, 'and the parent and all children have the new one, and not the old one');
    rows_are_secret($h)->stop;
};

# ---- the end ----

for my $mpm (qw(event worker prefork)) {
    subtest "a stop among customers: $mpm" => sub {
        my $shop = open_shop($mpm);
        my $h = $shop->{h};
        sleep 0.5;
        is(held($h)->{semaphores}, 1, 'there are semaphores');
        $h->stop_server;
        my @seen = $shop->{crowd}->end;
        cmp_ok(scalar(grep { ($_->{requests} // 0) > 3 } @seen), '>', 0, 'and customers');
        is_deeply([grep { !/: 0 / } map { @{ $_->{wrong} } } @seen], [], 'who get right answers, or none');
        is(sets_left($h), 0, 'no semaphores are left');
        is(processes_left($h), 0, 'and no children');
        rows_are_secret($h)->stop;
    };
}

subtest 'a stop amid a statement' => sub {
    my $h = MedusaStore::Harness->new(mpm => 'prefork', main => "MedusaStoreDeadline 30s\nMedusaStoreDBTimeout 30s\n");
    my $c = new_customer($h);
    my $other = MedusaStore::Database::Session->new($ENV{MS_TEST_SOCKET}, $h->{database});
    $other->run('LOCK TABLES session WRITE');
    my $socket = $h->{client}->connect;
    syswrite $socket, "GET /store/auth HTTP/1.1\r\nHost: localhost\r\nCookie: $c->{cookie}\r\n\r\n";
    my $waits = "SELECT COUNT(*) FROM information_schema.processlist WHERE db = '$h->{database}' AND state LIKE 'Waiting for table%'";
    for (1 .. 400) {
        last if $h->sql_value($waits);
        sleep 0.05;
    }
    is($h->sql_value($waits), 1, 'a child waits for its database');
    held($h);
    $h->stop_server;
    $other->end;
    is(processes_left($h), 0, 'it ends all the same');
    rows_are_secret($h)->stop;
};

done_testing;
