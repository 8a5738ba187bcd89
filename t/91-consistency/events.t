# Events while everything that hands them on is killed at random: each of a change that was committed is delivered at least once, and
# none of one that was rolled back. Changes come through the API, whose connections to the database are cut now and then, and by SQL.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Quick qw(text);
use MedusaStore::Report qw(figure full);

use constant { WRITERS => 3, IDS => 3 };    # who writes by SQL, and events of each transaction

my ($EVENTS, $KILLS) = full() ? (10_000, 300) : (400, 20);
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice');
$h->allow_log('MS0101', qr/Lost connection|gone away/);
$h->allow_log('MS0102');
$h->allow_log('MS0111', qr/the outcome is unknown/);
my $log = "$h->{root}/delivered";
my $sink = $h->write_file('sink', "#!/bin/sh\nread -r line || exit 1\nprintf '%s %s\\n' \"\$PPID\" \"\$line\" >> '$log'\n");
chmod 0755, $sink;

sub count { return $h->sql_value(shift) }

# ---- those who deliver ----

my (%started, %killed, @workers);

sub worker {
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        open STDOUT, '>>', "$h->{root}/logs/workers";
        open STDERR, '>&', \*STDOUT;
        exec $ENV{MS_ADMIN}, '--params-file', "$h->{root}/db-admin-params", qw(outbox --follow --timeout 2 --interval 1 --exec), $sink or POSIX::_exit(127);
    }
    $started{$pid} = 1;
    return $pid;
}

sub end_worker {
    my ($signal, $pid) = @_;
    kill $signal, $pid;
    waitpid $pid, 0;
    return;
}

END { end_worker('KILL', $_) for @workers }

# ---- those who change ----

my $begin = count('SELECT COUNT(*) FROM customer');
my $crowd = MedusaStore::Crowd->start(2, sub {
    my ($number, $more) = @_;
    @workers = ();
    my $client = MedusaStore::Quick->new(port => $h->{port});
    my (@seen, $n);
    while ($more->()) {
        my $name = "e$number-" . ++$n;
        my $r = $client->ask('POST', '/store/customers', qq({"email":"$name\@example.com","password":"correct horse","first_name":"A","last_name":"B"}));
        push @seen, [$r->{status}, text($r, 'id')];
        sleep full() ? 0.005 : 0.02;
    }
    return \@seen;
});
my @writers = map { MedusaStore::Database::Session->new($ENV{MS_TEST_SOCKET}, $h->{database}) } 1 .. WRITERS;
my $meter = MedusaStore::Database::Session->new($ENV{MS_TEST_SOCKET});
my %committed;
my ($round, $kills, $cuts, $rolled_back) = (0) x 4;

sub write_by_sql {
    $round++;
    for my $i (0 .. $#writers) {
        my $end = rand() < 0.3 ? 'ROLLBACK' : 'COMMIT';
        my @ids = map { lc($end) . "_${i}_${round}_$_" } 1 .. IDS;
        $end eq 'COMMIT' ? @committed{@ids} = () : $rolled_back++;
        $writers[$i]->send('START TRANSACTION; INSERT INTO outbox (id, event_name, data, created_at, due_at) VALUES '
            . join(', ', map { "('$_', 'x', '{}', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))" } @ids) . "; $end");
    }
    $_->lines // die 'no answer' for @writers;
    return;
}

# Cut one of httpd's connections, wherever it is in its work.
sub cut {
    my @ids = map { (split /\t/)[0] } grep { /\t\Q$ENV{MS_TEST_WEB_USER}\E\t.*\t\Q$h->{database}\E\t/ } @{ $meter->run('SHOW PROCESSLIST') };
    return if !@ids;
    $meter->run('KILL ' . $ids[rand @ids]);
    $cuts++;
    return;
}

@workers = map { worker() } 1 .. 2;
my ($registered, $end) = (0, time + 400);
while ($registered + keys(%committed) < $EVENTS || $kills < $KILLS) {
    write_by_sql() if $registered + keys(%committed) < $EVENTS;
    $registered = count('SELECT COUNT(*) FROM customer') if $round % 10 == 0 || $kills % 10 == 0;
    cut() if rand() < 0.3;
    if (rand() < 0.5) {
        my $victim = int rand @workers;
        end_worker('KILL', $workers[$victim]);
        $killed{ $workers[$victim] } = 1;
        $kills++;
        $workers[$victim] = worker();
    }
    sleep 0.01 + rand 0.05;
    die "too slow\n" if time > $end;
}
my @seen = map { ref eq 'ARRAY' ? @$_ : die "a client died: $_->{died}" } $crowd->end;
$_->end for @writers, $meter;
for (my $until = time + 200; count('SELECT COUNT(*) FROM outbox') && time < $until;) {
    sleep 0.2;
}
end_worker('TERM', $_) for splice @workers;

# ---- what was delivered, against what was committed ----

my (%times, %last, %created);
open my $in, '<', $log or die "$log: $!";
while (my $line = <$in>) {
    my ($pid, $id) = $line =~ /^(\d+) \{"id":"(\w+)"/ or die "odd line: $line";
    push @{ $times{$id} }, $pid;
    $last{$pid} = $id;
    $created{$1} = 1 if $line =~ /"event_name":"customer\.created","data":\{"id":"(\w+)"/;
}
my %rows = map { $_->[0] => 1 } $h->sql('SELECT id FROM customer');
my @acknowledged = map { $_->[1] } grep { $_->[0] == 200 } @seen;
is scalar(grep { !$rows{$_} } @acknowledged), 0, @acknowledged . ' registrations were acknowledged, and are there';
my @silent = ((grep { !$created{$_} } keys %rows), grep { !$times{$_} } keys %committed);
my $all = keys(%rows) + keys %committed;
is scalar @silent, 0, "each of $all committed events was delivered";
my @false = ((grep { !$rows{$_} } keys %created), grep { /^rollback/ } keys %times);
is scalar @false, 0, "none of a change that was rolled back: $rolled_back by SQL; $cuts connections of httpd were cut";
is count('SELECT COUNT(*) FROM outbox'), 0, 'none is left, none is dead';
my @twice = grep { @{ $times{$_} } > 1 } keys %times;
# who else stands in the log is init: the worker was gone before its program began
my @unexplained = grep { my $id = $_; my @pids = @{ $times{$id} }; pop @pids; grep { $started{$_} && !($killed{$_} && $last{$_} eq $id) } @pids } @twice;
is_deeply \@unexplained, [], 'twice came only what a killed worker had in hand (' . @twice . " of $kills kills)";
my %odd = map { $_->[0] => 1 } grep { $_->[0] !~ /^(?:200|503)$/ } @seen;
is_deeply [keys %odd], [], 'clients were answered by 200 or 503';
ok figure('J7', "committed events that were not delivered, $kills workers killed", scalar @silent, "of $all", !@silent && $all >= $EVENTS), 'nothing is missing';
ok figure('J7', 'events delivered of changes that were rolled back', scalar @false, '', !@false), 'nothing is told that was not so';
$h->stop;
done_testing;
