# A database that is known to be dead: requests do not knock any more; one process of all does, soon at first and then once a second. What
# has connections goes on when no more can be had.
use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Exposition;
use MedusaStore::Harness;
use MedusaStore::Process qw(children);
use MedusaStore::Wire;

use constant { AWAY => 4, CHILDREN => 2 };

my $db = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1']);    # it is killed soon after it was filled
my $behind = MedusaStore::Harness->new(start => 0);    # made before the wire: migrations go straight
my $wire = MedusaStore::Wire->new;
my $h = MedusaStore::Harness->new(shop => $behind, start => 0,
    main => "MedusaStorePasswordCost 64 1\n", conf => "<Location /metrics>\nSetHandler medusa-store-metrics\n</Location>\n");
$h->{main} .= $h->{mpm} eq 'prefork' ? '' : "StartServers 2\n";
$h->write_private('db-params', "sock=$wire->{socket},user=$ENV{MS_TEST_WEB_USER},dbname=$h->{database}\n");
$h->start;

sub numbers { return { map { $_ => MedusaStore::Exposition->parse($h->get('/metrics')->{body})->value("medusa_store_database_$_") } qw(open opened_total refused_total up) } }

# Many clients for some seconds: [status, seconds] of each request.
sub ask_for {
    my ($seconds, $code) = @_;
    my $crowd = MedusaStore::Crowd->start(8, sub {
        my (undef, $more) = @_;
        my @seen;
        while ($more->()) {
            my $from = time;
            my $answer = $h->get('/store/auth/a@example.com');
            push @seen, [$answer->{status}, time - $from];
            sleep 0.01;
        }
        return \@seen;
    });
    $code->() if $code;
    sleep $seconds;
    return map { @$_ } $crowd->end;
}

# ---- dead ----
is_deeply [map { $_->[0] } grep { $_->[0] != 200 } ask_for(0.5)], [], "the database is there";
cmp_ok scalar(children($h->{pid})), '>=', CHILDREN, 'several children ask it';
is_deeply [@{ numbers() }{qw(open opened_total refused_total up)}], [0, 0, 0, 1], 'what the metrics say';
$h->expect_log('MS0101', qr/can't connect to the database/, 1);
$h->expect_log('MS0102', qr/answers again/, 1);
$db->kill;
$wire->seen;
my @seen = ask_for(AWAY);
my $knocks = $wire->seen->{accepted};
is_deeply [grep { $_->[0] != 503 } @seen], [], scalar(@seen) . ' requests while it is dead: 503';
cmp_ok((sort { $a <=> $b } map { $_->[1] } @seen)[@seen / 2], '<', 0.1, '… at once');
# each child may find out by itself at the first moment; then 0.1, 0.3, 0.7, 1.5, 2.5, … seconds later, by whomever
cmp_ok $knocks, '<=', scalar(children($h->{pid})) + 5 + AWAY, "… and $knocks connects";
cmp_ok $knocks, '>=', 5, '… so that somebody is looking';
my $said = numbers();
is_deeply [@$said{qw(open opened_total up)}], [1, 1, 0], 'the metrics say that it is open';
cmp_ok $said->{refused_total}, '>', @seen / 2, '… and count who was refused';
$wire->seen;
my ($looks, $end) = (0, time + 10);
while ($looks < 2 && time < $end) {
    sleep 0.2;
    $looks += $wire->seen->{accepted};
}
cmp_ok $looks, '>=', 2, 'it is looked at without any request, too';

# ---- back ----
$db->start;
$end = time + 10;
sleep 0.05 until numbers()->{open} == 0 || time > $end;
is numbers()->{open}, 0, 'it is back: the breaker is closed, without any request';
is_deeply [grep { $_->[0] != 200 } ask_for(0.5)], [], '… and no request fails';

$h->stop;

# ---- full: no connection more is to be had, but the one that is there is used ----
my $mpm = $h->{mpm} eq 'prefork' ? 'event' : $h->{mpm};    # whose processes have a connection each
my $full = MedusaStore::Harness->new(shop => $behind, mpm => $mpm, main => "ServerLimit 1\nMaxRequestWorkers 16\nMaxSpareThreads 16\nMedusaStorePasswordCost 64 1\nMedusaStoreDBTimeout 9s\nMedusaStoreDeadline 9s\n");
$db->sql("ALTER USER $ENV{MS_TEST_WEB_USER}\@localhost WITH MAX_USER_CONNECTIONS 1");
is $full->get('/store/auth/a@example.com')->{status}, 200, 'one connection';
my $other = $db->session($full->{database});
$other->run('BEGIN');
$other->run('SELECT * FROM outbox WHERE seq > 0 FOR UPDATE');
$full->expect_log('MS0101', qr/max_user_connections/, 1);
$full->expect_log('MS0102', qr/answers again/, 1);
my $register = MedusaStore::Crowd->start(1, sub {
    return $full->post('/store/customers', json => { email => 'x@example.com', password => 'correct horse', first_name => 'A', last_name => 'B' })->{status};
});
$other->await_waits(1, 20);    # until that one has the connection
is $full->get('/store/auth/a@example.com')->{status}, 503, 'a second one: 503';
$other->run('ROLLBACK');
is_deeply [$register->end], [200], 'who has it gets to the end';
is $full->get('/store/auth/a@example.com')->{status}, 200, 'the next one uses it, though no other can be had';
$db->sql("ALTER USER $ENV{MS_TEST_WEB_USER}\@localhost WITH MAX_USER_CONNECTIONS 0");
ok $full->await_log(qr/MS0102/), 'that there is room again is noticed without a request';
$other->end;
$full->stop;
done_testing;
