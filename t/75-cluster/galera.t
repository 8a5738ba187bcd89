# The set-up of conf/cluster/: two httpd, each with its haproxy, before three nodes of Galera of which one is written to. Under the
# traffic of several clients, that node is killed, the next one is stopped, both come back, and the first is cut off from the others.
# Nothing that was acknowledged is lost, no key of metadata is overwritten, nobody is told what is not so, and no answer is a 500.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(sum);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Cluster;
use MedusaStore::Crowd;
use MedusaStore::Daemon;
use MedusaStore::Json qw(decode);
use MedusaStore::Report qw(figure);
use MedusaStore::Traffic;

use constant { SWITCH_MAX => 30, SETTLE_MAX => 60 };    # seconds; on an idle machine a switch takes a few
use constant FLOOR => 10;                                 # what doc/RELIABILITY asks of one

my $begun = time;
my $cluster = MedusaStore::Cluster->new;
my @proxies = map { $cluster->proxy($_) } 1, 2;
my %conf = (main => "MedusaStorePasswordCost 8192 1\nMedusaStoreHashQueue 200\n");
my @h = map { $cluster->httpd($_, %conf) } @proxies;
$_->allow_log('MS0115', qr/at migration 0/) for @h;    # they start before the tables are there

# ---- migrations: the lock that keeps two of them apart is one node's, and there is one to write to ----
my @runs = MedusaStore::Crowd->start(2, sub { my ($n) = @_; return [$h[$n]->admin('migrate', '--sql', "$ENV{MS_SRCDIR}/sql")] })->end;
is_deeply [map { $_->[0] } @runs], [0, 0], 'two migrations at once, by two proxies' or diag explain \@runs;
is_deeply [grep { $_->[0] } $cluster->node(1)->rows('SELECT t.table_name FROM information_schema.tables t WHERE t.table_schema = \'medusa\' AND NOT EXISTS '
    . '(SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.index_name = \'PRIMARY\')')],
    [], 'each table has a primary key';
is_deeply [map { join '.', @$_ } $cluster->node(1)->rows("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'medusa' AND extra LIKE 'VIRTUAL%'")],
    [], 'no column is virtual: over those, mariadbd --wsrep-recover hangs now and then';

# ---- two workers hand on the events ----
my $events = "$ENV{MS_TEST_SCRATCH}/galera-events-$$";
my $sink = $h[0]->write_file('sink', "#!/bin/sh\nexec cat >> '$events'\n");
chmod 0755, $sink;
my @workers = map { my $d = MedusaStore::Daemon->new('worker'); $d->launch($ENV{MS_ADMIN}, '--params-file', "$_->{root}/db-admin-params",
    'outbox', '--follow', '--exec', $sink) } @h;

# Wait until both proxies lead to a node, and nobody has a connection to another one.
sub settled {
    my ($name) = @_;
    my $end = time + SETTLE_MAX;
    my $how = '';
    while (time < $end) {
        my @others = grep { $_->{pid} && $_->{name} ne $name && $_->guests } $cluster->nodes;
        $how = join ', ', map({ $_->writer || 'nobody' } @proxies), map { "$_->{name} has guests" } @others;
        return 1 if $how eq "$name, $name";
        sleep 0.25;
    }
    diag $how;
    return 0;
}

# Wait until a node knows how many there are: to lose another one before that is to lose the majority.
sub counted {
    my ($node, $n) = @_;
    my $end = time + SETTLE_MAX;
    sleep 0.25 until ($node->status('wsrep_cluster_size') // 0) == $n && $node->status('wsrep_cluster_status') eq 'Primary' || time > $end;
    return time <= $end;
}

# MiB of a process; what it shares with others is shared out among them.
sub memory_of {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/smaps_rollup" or return 0;
    return sum(map { /^Pss:\s+(\d+) kB/ ? $1 / 1024 : 0 } <$file>);
}

my @switches;
sub switch {
    my ($what, $to, $n, $code) = @_;
    my $from = time;
    $code->();
    ok settled($to), "$what: both httpd go to $to, and nobody stays elsewhere";
    ok counted((grep { $_->{name} eq $to } $cluster->nodes), $n), "… which knows of $n nodes";
    my $settled = time;
    sleep 0.7;
    push @switches, [$what, $from, time];
    note sprintf '%s: settled after %.1f s', $what, $settled - $from;
    return;
}

my $traffic = MedusaStore::Traffic->start(\@h, register => 3, tag => 3, sign => 2, pause => 0.1);
my ($one, $two, $three) = $cluster->nodes;
ok settled('db1'), 'db1 is the one to write to';
switch('db2 joins, and gets a copy of all', 'db1', 3, sub { $two->start });
switch('db1 is killed',       'db2', 2, sub { $one->kill });
switch('db2 is stopped',      'db3', 1, sub { $two->stop });
switch('db2 is back',         'db2', 2, sub { $two->start });
switch('db1 is back',         'db1', 3, sub { $one->start });
switch('db1 is cut off',      'db2', 2, sub { $one->isolate(1) });
switch('db1 is joined again', 'db1', 3, sub { $one->isolate(0) });
switch('db1 is given a rest', 'db2', 3, sub { $_->command('set server medusa/db1 state maint') for @proxies });
switch('db1 is to work on',   'db1', 3, sub { $_->command('set server medusa/db1 state ready') for @proxies });
switch('db3 is killed',       'db1', 2, sub { $three->kill });
$traffic->end;

$three->start(undef, wait => 0);
note sprintf 'all processes together take %d MiB', sum(map { memory_of($_) } map({ MedusaStore::Harness::_group_of($_->{pid}) } @h), map { $_->{pid} } @proxies, $cluster->nodes);

# ---- what came of it ----
my @wrong = $traffic->wrong;
is_deeply \@wrong, [], 'each answer is 200, or 503 with Retry-After, and tells the truth';
figure('F15', 'requests while nodes come and go', scalar($traffic->seen), '', 1);
figure('F15', 'wrong answers', scalar @wrong, '', !@wrong);
my %count = %{ $traffic->statuses };
for my $switch (@switches) {
    my ($what, $from, $to) = @$switch;
    my $gap = $traffic->gap($from, $to);
    my @refused = grep { $_->{status} == 503 && $_->{from} >= $from && $_->{to} <= $to } $traffic->seen;
    note sprintf '%s: %.1f s without an acknowledged write, %d answers of 503', $what, $gap, scalar @refused;
    cmp_ok $gap, '<', SWITCH_MAX, "$what: writes go on";
    figure('F15', "longest time without an acknowledged write: $what", sprintf('%.1f', $gap), 's', $gap <= FLOOR);
}
my @emails = map { $_->[0] } $one->rows('SELECT email FROM medusa.customer');
my @keys = keys %{ decode(($one->rows("SELECT metadata FROM medusa.customer WHERE id = '" . $traffic->tagged . "'"))[0][0]) };
my @lost = $traffic->lost(\@emails, \@keys);
figure('F15', 'acknowledged writes that are lost', scalar @lost, '', !@lost);
is_deeply \@lost, [], scalar($traffic->acknowledged('register')) . ' registrations and '
    . scalar($traffic->acknowledged('tag')) . ' keys were acknowledged, all are there';
note join ', ', map { ($_ || 'no answer') . ": $count{$_}" } sort keys %count;

# ---- the events ----
my $end = time + SETTLE_MAX;
sleep 0.2 until ($one->rows('SELECT count(*) FROM medusa.outbox'))[0][0] eq '0' || time > $end;
is_deeply [grep { $_->has_ended } @workers], [], 'both workers have lived through all of it' or diag map { $_->log_text } @workers;
$_->stop for @workers;
open my $file, '<', $events or die "$events: $!";
my %created;
for my $event (grep { $_->{event_name} eq 'customer.created' } map { decode($_) } <$file>) {
    $created{ $event->{data}{id} }{ $event->{id} } = 1;
}
my @ids = map { $_->[0] } $one->rows('SELECT id FROM medusa.customer');
is_deeply [grep { keys %{ $created{$_} || {} } != 1 } @ids], [], scalar(@ids) . ' customers, each with one event, which was handed on';
is scalar keys %created, scalar @ids, '… and no event without its customer';

# ---- all nodes have the same ----
$three->await;
my @differing = $cluster->differing_tables;
is_deeply \@differing, [], 'all nodes hold the same';
figure('F15', 'tables that differ between nodes', scalar @differing, '', !@differing);
for my $h (@h) {
    $h->allow_log(@$_) for ['MS0101'], ['MS0102'], ['MS0105', qr/error (?:1047|1180)/], ['MS0107'], ['MS0109'], ['MS0111'], ['MS0113'];
    $h->stop;
}

# ---- not as documented: two nodes are written to at once. Many lose their race, and are told so; still nothing is lost ----
my @direct = map { $cluster->httpd($cluster->node($_), %conf) } 1, 2;
$traffic = MedusaStore::Traffic->start(\@direct, tag => 6, sign => 2);
sleep 3;
$traffic->end;
is_deeply [$traffic->wrong(409)], [], 'two writers: each answer is 200 or 409, and tells the truth';
@keys = keys %{ decode(($one->rows("SELECT metadata FROM medusa.customer WHERE id = '" . $traffic->tagged . "'"))[0][0]) };
is_deeply [$traffic->lost([], \@keys)], [], '… ' . scalar(@keys) . ' keys were acknowledged, all are there';
my %lost_races = map { my $name = $_; $name => $one->status($name) + $two->status($name) } qw(wsrep_local_cert_failures wsrep_local_bf_aborts);
cmp_ok $lost_races{wsrep_local_cert_failures}, '>', 0, '… though races were lost at COMMIT';
note join ', ', map { "$_: $lost_races{$_}" } sort keys %lost_races;
like join('', map { $_->log_text } @direct), qr/MS0108/, '… and run again';
is_deeply [$cluster->differing_tables], [], '… and both nodes hold the same';
(pop @direct)->stop;

# ---- two nodes are lost at once, and the one that is left is told to go on alone ----
my $last = $direct[0];
my $lone = sub { return $last->post('/store/customers', json => MedusaStore::Traffic::person($_[0])) };
$_->kill for $two, $three;
$end = time + SETTLE_MAX;
sleep 0.25 until ($one->status('wsrep_cluster_status') // '') eq 'non-Primary' || time > $end;
is $lone->('lone-1')->{status}, 503, 'one of three is no majority: 503';
is $last->get('/store/auth/lone-1@example.com')->{status}, 503, '… for reading, too';
$one->sql(q(SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'));
ok counted($one, 1), 'it is told to be one';
is $lone->('lone-1')->{status}, 200, '… and goes on, with the e-mail still free';
is scalar(grep { $_->[0] eq 'lone-1@example.com' } $one->rows('SELECT email FROM medusa.customer')), 1, '… once';
$last->allow_log('MS0105', qr/error 1047/);
$last->allow_log('MS0113');
$last->stop;
note sprintf '%.0f s in all', time - $begun;
done_testing;
