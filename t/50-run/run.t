# ./run: starts, says so, keeps its data, stops; two side by side; what goes wrong is told in one line.
#
# Uses the module that stands built for these tests (MS_RUN_BUILD); fresh.t tries a tree without any build.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Glob qw(bsd_glob);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Test::More;

use MedusaStore::Client;
use MedusaStore::Harness;
use MedusaStore::Secrets qw(keep_logs);

MedusaStore::Harness::need_database();
$ENV{MS_RUN_BUILD} = $ENV{MS_BUILDDIR};
my $scratch = tempdir('run-XXXXXX', DIR => $ENV{MS_TEST_SCRATCH}, CLEANUP => 1);
chmod 0755, $scratch;
my @states;

END {
    local $?;
    run('--stop', '--state', $_) for grep { -d } @states;
    keep_logs(map { (bsd_glob("$_/logs/*"), bsd_glob("$_/*.log")) } map { s/ /\\ /gr } @states);
}
$SIG{$_} = sub { exit 130 } for qw(INT TERM HUP);

sub run { my (@arguments) = @_; return MedusaStore::Harness::run_command("$ENV{MS_SRCDIR}/run", @arguments) }

sub slurp {
    my ($file) = @_;
    open my $in, '<', $file or return '';
    local $/;
    return <$in> // '';
}

sub state { my ($name) = @_; push @states, "$scratch/$name"; return $states[-1] }

sub client {
    my ($state) = @_;
    my ($port) = slurp("$state/url") =~ m{^http://127\.0\.0\.1:(\d+)/store$} or die 'no address';
    return MedusaStore::Client->new(port => $port);
}

# A zombie that nobody has waited for yet is not alive.
sub alive { my ($pid) = @_; return length slurp("/proc/$pid/cmdline") }

sub mode { my ($file) = @_; return sprintf '%04o', (stat $file)[2] & 07777 }

my %ada = (email => 'ada@example.com', password => 'a long secret', first_name => 'Ada', last_name => 'L');
my $one = state('one');
my $two = state('two with a blank and a name that is far too long for a socket' . '-' x 40);

subtest 'start' => sub {
    my ($exit, $output) = run('--daemon', '--port', 0, '--state', $one);
    is($exit, 0, 'it comes back') or diag $output, slurp("$one/logs/error.log");
    like($output, qr{^The Store API is at http://127\.0\.0\.1:\d+/store}m, 'and tells the address');
    is(client($one)->request('GET', '/store/auth')->{status}, 401, 'the API answers');
    is(client($one)->request('GET', $_)->{body}, 'OK', "so does $_") for '/health', '/health/ready';
    like(client($one)->request('GET', '/metrics')->{body}, qr/^medusa_store_database_up\{shop="localhost"\} 1$/m, 'and /metrics');
    my $answer = client($one)->request('POST', '/store/customers', json => \%ada);
    is($answer->{status}, 200, 'a customer registers');
    my $cors = client($one)->request('OPTIONS', '/store/customers', headers => { Origin => 'http://localhost:8000' });
    is($cors->{headers}{'access-control-allow-origin'}, 'http://localhost:8000', 'a storefront on this machine may call');
    like(slurp("$one/secret"), qr/^[0-9a-f]{64}$/, 'there is a secret');
    is(mode("$one/$_"), '0640', "$_ is closed to others") for qw(secret db-params);
    is(mode("$one/db-migrate-params"), '0600', 'the account that changes tables is closed to the group too');
    unlike(slurp("$one/logs/error.log"), qr/:(?:warn|error|crit|alert|emerg)\]/, 'the log is clean');
};

subtest 'httpd can change rows, and no tables' => sub {
    my ($params) = slurp("$one/db-params");
    my %p = map { split /=/, $_, 2 } split /,/, $params =~ s/\s//gr;
    my @command = ('mariadb', '--no-defaults', '-S', $p{sock}, '-u', $p{user}, "-p$p{pass}", $p{dbname}, '-N', '-B', '-e');
    my ($exit, $output) = MedusaStore::Harness::run_command(@command, 'SELECT COUNT(*) FROM customer');
    is("$exit $output", "0 1\n", 'it reads');
    ($exit) = MedusaStore::Harness::run_command(@command, 'CREATE TABLE x (a INT)');
    isnt($exit, 0, 'it makes no table');
    ok(!-e "$one/db/port" && slurp("/proc/" . (slurp("$one/db.pid") =~ s/\s//gr) . "/cmdline") =~ /--skip-networking/, 'MariaDB listens on no port');
};

subtest 'once more' => sub {
    my ($exit, $output) = run('--daemon', '--port', 0, '--state', $one);
    is($exit, 1, 'a second one is refused');
    like($output, qr/^run: already running with \Q$one\E: http:\S+ .*\n\z/, 'in one line');
    is(client($one)->request('GET', '/store/auth')->{status}, 401, 'the first one serves on');
};

subtest 'side by side, with more directives' => sub {
    open my $conf, '>', "$scratch/more.conf" or die;
    print {$conf} "Header always set X-More yes\n";
    close $conf;
    my ($exit, $output) = run('--daemon', '--port', 0, '--state', $two, '--conf', "$scratch/more.conf");
    is($exit, 0, 'another folder, a long one with a blank') or diag $output;
    my $answer = client($two)->request('POST', '/store/auth', json => { email => $ada{email}, password => $ada{password} });
    is($answer->{status}, 401, 'is another shop');
    is($answer->{headers}{'x-more'}, 'yes', 'the directives are in force');
    my ($port) = slurp("$one/url") =~ /:(\d+)/;
    ($exit, $output) = run('--daemon', '--port', $port, '--state', state('three'));
    is($exit, 1, 'a port in use is refused');
    is($output, "run: port $port of 127.0.0.1 is in use; choose another one by --port N\n", 'in one line');
};

subtest 'stop' => sub {
    my @pids = map { slurp("$one/$_") =~ s/\s//gr } 'httpd.pid', 'db.pid';
    my ($exit, $output) = run('--stop', '--state', $one);
    is("$exit $output", "0 stopped\n", 'it stops');
    is_deeply([grep { alive($_) } @pids], [], 'both servers are gone');
    like(slurp("$one/logs/db.log"), qr/Shutdown complete/, 'MariaDB came to a clean end');
    is(client($two)->request('GET', '/store/auth')->{status}, 401, 'the other one serves on');
    ($exit, $output) = run('--stop', '--state', $one);
    is($exit, 0, 'to stop nothing is no mistake');
    run('--stop', '--state', $two);
    is_deeply([grep { -e } "$two/socket-folder", "$two/db.sock"], [], 'the short folder of the socket is gone');
};

subtest 'a stale pid file ends no stranger' => sub {
    my $pid = fork // die;
    if (!$pid) { exec 'sleep', 60 }
    for my $name ('httpd.pid', 'db.pid') {
        open my $out, '>', "$one/$name" or die;
        print {$out} "$pid\n";
    }
    run('--stop', '--state', $one);
    ok(alive($pid), 'a stranger of that pid lives on');
    kill 'KILL', $pid;
    waitpid $pid, 0;
};

subtest 'in the foreground, with the data of before' => sub {
    my $pid = fork // die;
    if (!$pid) {
        $SIG{INT} = 'DEFAULT';
        open STDOUT, '>', "$scratch/out";
        exec "$ENV{MS_SRCDIR}/run", '--port', 0, '--state', $one;
    }
    for (1 .. 300) {
        last if slurp("$scratch/out") =~ /Ctrl-C/;
        select undef, undef, undef, 0.1;
    }
    my $answer = client($one)->request('POST', '/store/auth', json => { email => $ada{email}, password => $ada{password} });
    is($answer->{status}, 200, 'the customer is still there');
    my @pids = map { slurp("$one/$_") =~ s/\s//gr } 'httpd.pid', 'db.pid';
    kill 'INT', $pid;
    waitpid $pid, 0;
    is($? >> 8, 0, 'Ctrl-C ends it');
    is_deeply([grep { alive($_) } @pids], [], 'and both servers');
};

subtest 'mistakes' => sub {
    my ($exit, $output) = run('--help');
    is($exit, 0, '--help');
    like($output, qr/--state DIR/, 'tells the options');
    ($exit) = run('--nonsense');
    is($exit, 2, 'an unknown option');
    for my $case (['--port', 'x'], ['--port', '70000'], ['--conf', "$scratch/nothing"], ['--state']) {
        ($exit, $output) = run('--daemon', @$case);
        isnt($exit, 0, "@$case is refused");
        like($output, qr/^run: .+\n\z/, 'in one line');
    }
    open my $bad, '>', "$scratch/bad.conf" or die;
    print {$bad} "MedusaStoreDBMax none\n";
    close $bad;
    ($exit, $output) = run('--daemon', '--port', 0, '--state', $one, '--conf', "$scratch/bad.conf");
    is($exit, 1, 'a wrong directive is refused');
    like($output, qr/^run: httpd refuses its configuration: .*MedusaStoreDBMax/m, 'with httpd\'s words');
    ok(!-s "$one/db.pid", 'and leaves nothing running');
};

done_testing;
