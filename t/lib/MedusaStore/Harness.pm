package MedusaStore::Harness;

# A shop under test: a database of its own, an httpd of its own on a free port, and its error log as part of every
# assertion. Core Perl modules only. The head of `new` lists the options; t/40-conf/ and t/20-api/ show it in use.
#
#     my $h = MedusaStore::Harness->new(location => "MedusaStoreAllowOrigin http://a.example\n");
#     my $r = $h->post('/store/auth', json => { email => 'a@b.cd', password => 'x' });
#     is $r->{status}, 401;
#     $h->expect_log('MS0101', qr/can't connect/);    # else a line of level warn or worse fails the test
#     $h->stop;                                       # judges the log
#
# The environment comes from scripts/test (./check, make check).

use strict;
use warnings;

use Carp qw(croak);
use File::Spec;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IPC::Open3 qw(open3);
use IPC::SysV ();
use POSIX qw(:sys_wait_h SIGSEGV);
use Scalar::Util qw(weaken);
use Test::Builder;
use Time::HiRes qw(sleep time);

use MedusaStore::Client;
use MedusaStore::Secrets qw(keep_logs keep_text note_secrets SHORTEST);

my @MODULES = qw(unixd authn_core authz_core mime log_config dir alias env setenvif headers rewrite session);
my %MPM_CONF = (    # children that are there at the start stay, and as long as one is idle none is added
    prefork => "StartServers 4\nMinSpareServers 1\nMaxSpareServers 16\nServerLimit 16\nMaxRequestWorkers 16\n",
    threads => "StartServers 1\nServerLimit 2\nThreadLimit 16\nThreadsPerChild 16\nMaxRequestWorkers 32\n"
        . "MinSpareThreads 1\nMaxSpareThreads 32\n",
);
my @running;    # weak references: END ends what a test forgot
my $test = Test::Builder->new;

# ---- start ----

# new(OPTION => VALUE, …): make a shop and start httpd.
#   conf        directives at the very end of the configuration
#   location    directives in the section of the API
#   main        directives before that section: they replace nothing, the last one of a name counts
#   place       where the API is ('/store'); 0: no section at all
#   shop        1: a fresh, migrated database and a secret (the default); another harness: its database and secret;
#               0: neither, and no directives of ours
#   modules     more httpd modules, in an array, without "mod_"; without: modules to leave out; modules_only: instead of all
#   load        text instead of the line that loads our module
#   mpm         event, worker or prefork (TEST_MPM, else event)
#   log_level   of mod_medusa_store (debug); http_log_level: of httpd (info)
#   timeout     of a request, in seconds (30)
#   single      1: one process without children (-X)
#   under       a command and its options, in an array, that runs httpd: valgrind, say
#   start       0: don't start httpd yet
sub new {
    my ($class, %option) = @_;
    my $self = bless {
        place => '/store', shop => 1, modules => [], without => [], mpm => $ENV{TEST_MPM} || 'event', log_level => 'debug',
        http_log_level => 'info', timeout => 30, main => '', location => '', conf => '', start => 1, %option,
        owner => $$, pid => 0, expected => [], secrets => {},
    }, $class;
    need_database() if $self->{shop} && !ref $self->{shop};
    _catch_signals();
    $self->{root} = _scratch_folder();
    $self->_make_shop if $self->{shop};
    push @running, $self;
    weaken($running[-1]);
    $self->start if $self->{start};
    return $self;
}

# Skip the whole test where there is no database server; or die, where that would hide that nothing was tested.
sub need_database {
    return 1 if $ENV{MS_TEST_SOCKET};
    die "MS_TEST_SOCKET is not set: run this test by ./check\n" if $ENV{MS_TEST_REQUIRE};
    $test->plan(skip_all => 'needs a database server: run it by ./check');
    return 0;
}

sub _catch_signals {
    for my $name (qw(INT TERM HUP)) {
        $SIG{$name} = sub { exit 130 } if !defined $SIG{$name} || $SIG{$name} =~ /^(?:DEFAULT|IGNORE|)$/;
    }
    return;
}

sub _scratch_folder {
    my $root = tempdir('httpd-XXXXXX', DIR => $ENV{MS_TEST_SCRATCH} || File::Spec->tmpdir, CLEANUP => 1);
    chmod 0755, $root;
    mkdir "$root/$_" for qw(logs htdocs);
    return $root;
}

sub is_root { return $> == 0 }

# A file that httpd's children may read and others may not.
sub write_private {
    my ($self, $name, $text) = @_;
    my $path = $self->write_file($name, $text);
    chown 0, scalar getgrnam('www-data'), $path if is_root();
    chmod 0640, $path;
    return $path;
}

# A file below the server's root; gives its path.
sub write_file {
    my ($self, $name, $text) = @_;
    my $path = "$self->{root}/$name";
    open my $file, '>:utf8', $path or croak "$path: $!";
    print {$file} $text;
    close $file or croak "$path: $!";
    return $path;
}

sub _random_hex {
    my ($bytes) = @_;
    open my $random, '<:raw', '/dev/urandom' or croak "/dev/urandom: $!";
    my $data;
    read($random, $data, $bytes) == $bytes or croak '/dev/urandom is short';
    return unpack 'H*', $data;
}

sub _make_shop {
    my ($self) = @_;
    if (ref $self->{shop}) {
        $self->{$_} = $self->{shop}{$_} for qw(database secret);
    }
    else {
        $self->{database} = 't_' . _random_hex(8);
        $self->{secret}   = _random_hex(32);
        $self->{owns_database} = 1;
        run_sql("CREATE DATABASE $self->{database} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    }
    my $web = $ENV{MS_TEST_WEB_USER} || $ENV{MS_TEST_USER};
    $self->write_private('secret', $self->{secret});
    $self->write_private('db-params', "sock=$ENV{MS_TEST_SOCKET},user=$web,dbname=$self->{database}\n");
    $self->write_private('db-admin-params', "sock=$ENV{MS_TEST_SOCKET},user=$ENV{MS_TEST_USER},dbname=$self->{database}\n");
    return unless $self->{owns_database};
    my ($exit, $output) = $self->admin('migrate', '--sql', "$ENV{MS_SRCDIR}/sql");
    croak "migrating failed: $output" if $exit;
    return;
}

# Run medusa-store-admin on the shop's database: (exit status, output).
sub admin {
    my ($self, @arguments) = @_;
    my @result = run_command($ENV{MS_ADMIN}, '--params-file', "$self->{root}/db-admin-params", @arguments);
    keep_text($result[1]);
    return @result;
}

# Run a command: (exit status, all its output).
sub run_command {
    my (@command) = @_;
    my $pid = open3(my $in, my $out, undef, @command);
    close $in;
    my $output = do { local $/; <$out> } // '';
    waitpid $pid, 0;
    return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $output);
}

# ---- configuration ----

sub _load_modules {
    my (@names) = @_;
    my $folder = $ENV{MS_LIBEXECDIR} or croak 'MS_LIBEXECDIR is not set: run this test by ./check';
    return join '', map { "LoadModule ${_}_module \"$folder/mod_$_.so\"\n" } grep { -e "$folder/mod_$_.so" } @names;
}

sub _conf_text {
    my ($self) = @_;
    my $root = $self->{root};
    my $text = <<"CONF" . ($self->{mpm} eq 'prefork' ? $MPM_CONF{prefork} : $MPM_CONF{threads});
ServerRoot "$root"
DefaultRuntimeDir "$root"
PidFile "$root/httpd.pid"
ErrorLog "$root/logs/error.log"
LogLevel $self->{http_log_level}
ServerName localhost
Listen 127.0.0.1:$self->{port}
CONF
    my %without = map { $_ => 1 } @{ $self->{without} };
    $text .= _load_modules("mpm_$self->{mpm}", grep { !$without{$_} } @{ $self->{modules_only} || [@MODULES, @{ $self->{modules} }] });
    $text .= $self->{load} // "LoadModule medusa_store_module \"$ENV{MS_MODULE}\"\n";
    $text .= "<IfModule medusa_store_module>\nLogLevel medusa_store:$self->{log_level}\n</IfModule>\n";
    $text .= "User www-data\nGroup www-data\n" if is_root();
    $text .= "Timeout 20\nTypesConfig /dev/null\nDocumentRoot \"$root/htdocs\"\n"
        . "<Directory \"$root/htdocs\">\nAllowOverride All\nRequire all granted\n</Directory>\n";
    return $text . $self->_shop_text . "$self->{conf}\n";
}

sub _shop_text {
    my ($self) = @_;
    my $text = $self->{shop}
        ? "MedusaStoreDBParams \"file:$self->{root}/db-params\"\nMedusaStoreSecret \"file:$self->{root}/secret\"\n"
        . "MedusaStoreThrottle DryRun\n" : '';    # tests fail to sign in often, and all from one address
    $text .= "$self->{main}\n";
    $text .= "<Location \"$self->{place}\">\nMedusaStore On\nSession On\n$self->{location}\n</Location>\n"
        if $self->{shop} && $self->{place};
    return $text;
}

# Does httpd take these directives? (exit status of `httpd -t`, its output). As a class method without a shop; on a harness
# (`start => 0` is enough) with that shop's database and secret before them. dump: a define such as DUMP_MODULES.
sub configtest {
    my ($class, $text, %option) = @_;
    my $dump = delete $option{dump};
    my $self = ref $class ? $class : $class->new(shop => 0, start => 0, %option);
    local $self->{conf} = $text;
    local $self->{port} = 1;
    $self->write_file('test.conf', $self->_conf_text);
    return _with_sanitizer(sub { run_command(_httpd(), '-t', '-f', "$self->{root}/test.conf", $dump ? ('-D', $dump) : ()) });
}

sub _httpd { return $ENV{HTTPD} || 'apache2' }

# httpd itself is not instrumented: the run-time libraries have to come first. It leaks at its end by design.
sub _with_sanitizer {
    my ($code) = @_;
    local $ENV{LD_PRELOAD} = $ENV{SAN_PRELOAD} if $ENV{SAN_PRELOAD};
    local $ENV{ASAN_OPTIONS} = 'detect_leaks=0:abort_on_error=0:' . ($ENV{ASAN_OPTIONS} // '') if $ENV{SAN_PRELOAD};
    return $code->();
}

# ---- the server ----

# Start httpd; another try with another port if somebody was faster.
sub start {
    my ($self) = @_;
    for my $try (1 .. 5) {
        $self->{port} = free_port();
        $self->{client} = MedusaStore::Client->new(port => $self->{port}, timeout => $self->{timeout});
        $self->write_file('httpd.conf', $self->_conf_text);
        $self->_launch;
        return $self if $self->_await;
        last unless $self->log_text =~ /could not bind/;
        unlink "$self->{root}/logs/error.log";
    }
    croak "httpd did not start:\n" . $self->log_text . _file_text("$self->{root}/logs/start.log");
}

# Start it again on the same port and with the same log, after `stop_server`.
sub start_again {
    my ($self) = @_;
    $self->write_file('httpd.conf', $self->_conf_text);
    $self->_launch;
    $self->_await or croak "httpd did not start again:\n" . $self->log_text;
    return $self;
}

# Run httpd where it is expected to end by itself: (exit status, what it wrote to the log meanwhile).
sub run_server {
    my ($self) = @_;
    $self->{port} = free_port();
    $self->write_file('httpd.conf', $self->_conf_text);
    my $before = length $self->log_text;
    my ($exit) = _with_sanitizer(sub { run_command('timeout', 60, _httpd(), '-f', "$self->{root}/httpd.conf", '-D', 'FOREGROUND') });
    return ($exit, substr $self->log_text, $before);
}

sub free_port {
    my $socket = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0) or croak "no free port: $@";
    return $socket->sockport;
}

sub _launch {
    my ($self) = @_;
    my @command = (@{ $self->{under} || [] }, _httpd(), '-f', "$self->{root}/httpd.conf", '-D', 'FOREGROUND', $self->{single} ? '-X' : ());
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        POSIX::setsid();    # httpd answers TERM with killpg: without a session of its own it takes prove along
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', "$self->{root}/logs/start.log";
        open STDERR, '>>', "$self->{root}/logs/start.log";
        _with_sanitizer(sub { exec @command });
        POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    return;
}

# Wait until the port answers; 0 if httpd ended instead.
sub _await {
    my ($self) = @_;
    for (1 .. 600) {
        return 1 if -s "$self->{root}/httpd.pid" && IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
        if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
            $self->{pid} = 0;
            return 0;
        }
        sleep 0.05;
    }
    return 0;
}

# Send httpd a signal; `reload` and `restart` also wait for what comes of it.
sub signal { my ($self, $name) = @_; return kill $name, $self->{pid} }

# kill -9 for httpd and all its children, as when a machine goes; and what the kernel keeps of them goes, too. `start_again`
# brings it back.
sub crash {
    my ($self) = @_;
    my $pid = $self->{pid} or return;
    my %member = map { $_ => 1 } _group_of($pid);
    kill 'KILL', -$pid;
    waitpid $pid, 0;
    $self->{pid} = 0;
    for (1 .. 500) {
        last unless _group_of($pid);
        sleep 0.01;
    }
    open my $sets, '<', '/proc/sysvipc/sem' or return;
    for my $id (map { (split)[1] } grep { /\d/ } <$sets>) {
        my $last = semctl $id, 0, IPC::SysV::GETPID(), 0;
        semctl $id, 0, IPC::SysV::IPC_RMID(), 0 if $last && $member{ $last + 0 };
    }
    return;
}

# The processes of a group that have not ended.
sub _group_of {
    my ($group) = @_;
    return grep { _file_text("/proc/$_/stat") =~ /\A\d+ \(.*\) [^XZ] \d+ $group /s } map { m{(\d+)} } glob '/proc/[0-9]*';
}

# A graceful restart: back once httpd has read its configuration again and serves with it. Options as of `new`, if any change.
sub reload { my ($self, @change) = @_; return $self->reload_begin(@change)->reload_end }

# The same in two halves, for several servers at once.
sub reload_begin { my ($self, @change) = @_; return $self->_begin_generation('USR1', @change) }
sub reload_end { my ($self) = @_; return $self->_await_generation('USR1') }

# A hard restart: the children are stopped in the middle of what they do.
sub restart {
    my ($self, @change) = @_;
    my $stop = $self->_note_stop;
    $self->_begin_generation('HUP', @change)->_await_generation('HUP');
    $stop->[1] = $self->_log_size;
    return $self;
}

sub _begin_generation {
    my ($self, $signal, %change) = @_;
    @$self{ keys %change } = values %change;
    $self->write_file('httpd.conf', $self->_conf_text);
    @$self{qw(generation heard)} = ($self->_generations, $self->_heard);
    $self->signal($signal);
    return $self;
}

sub _await_generation {
    my ($self, $signal) = @_;
    for my $try (1 .. 2400) {
        return $self if $self->_generations > $self->{generation};
        sleep 0.025;
        $self->signal($signal) unless $try % 200 || $self->_heard > $self->{heard};    # httpd misses one that comes while it starts
    }
    croak "httpd did not restart:\n" . $self->log_text;
}

sub _generations { my ($self) = @_; return scalar(() = $self->log_text =~ /resuming normal operations/g) }

# Of a signal that httpd has heard it says so at once, however long the restart takes then: a second one would restart it once more, later.
sub _heard { my ($self) = @_; return scalar(() = $self->log_text =~ /SIG(?:USR1|HUP) received|Graceful restart requested/g) }

# Wait until a line of the error log matches; 0 if none came within `seconds` (10).
sub await_log {
    my ($self, $regex, $seconds) = @_;
    my $end = time + ($seconds // 10);
    until ($self->log_text =~ $regex) {
        return 0 if time > $end;
        sleep 0.05;
    }
    return 1;
}

# From where to where the log tells of a stop: the second number is set once it is over.
sub _note_stop {
    my ($self) = @_;
    push @{ $self->{stops} }, [$self->_log_size];
    return $self->{stops}[-1];
}

sub _log_size { my ($self) = @_; return -s "$self->{root}/logs/error.log" || 0 }

# End httpd without judging the log; its exit status.
sub stop_server {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return 0;
    $self->{pid} = 0;
    return $? if waitpid($pid, WNOHANG) == $pid;    # by itself
    my $stop = $self->_note_stop;
    kill 'TERM', $pid;
    for (1 .. 600) {
        if (waitpid($pid, WNOHANG) == $pid) {
            $stop->[1] = $self->_log_size;
            return $self->{single} && !$self->{under} && WIFSIGNALED($?) && WTERMSIG($?) == SIGSEGV ? 0 : $?;    # see $CRASHED_AT_STOP
        }
        sleep 0.05;
    }
    kill 'KILL', $pid;
    waitpid $pid, 0;
    $test->diag('httpd had to be killed');
    return $?;
}

# End httpd, judge its log, drop the database. One assertion.
sub stop {
    my ($self, $name) = @_;
    return 1 if $self->{judged};
    my $status = $self->stop_server;
    my @bad = $self->_judge_log;
    $self->_keep_logs;
    push @bad, "httpd ended with status $status" if $status;
    $self->_drop;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $good = $test->ok(!@bad, $name // 'httpd ended well, and its log holds what was announced');
    $test->diag(splice @bad, 0, 30) unless $good;
    return $good;
}

# For the judgement over the whole run (MedusaStore::Secrets).
sub _keep_logs { my ($self) = @_; return keep_logs(glob "$self->{root}/logs/*") }

sub _drop {
    my ($self) = @_;
    $self->{judged} = 1;
    run_sql("DROP DATABASE IF EXISTS $self->{database}") if delete $self->{owns_database};
    return;
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner} || $self->{judged};
    local ($?, $@, $!);
    $self->_end_forgotten;
    return;
}

# A test that died or forgot to stop: end what runs. A bad log fails the test even then.
sub _end_forgotten {
    my ($self) = @_;
    $self->stop_server;
    my @bad = $self->{port} ? $self->_judge_log : ();
    $self->_keep_logs;
    eval { $self->_drop };
    if (@bad) {
        $test->diag("the error log holds what was not announced:\n", @bad);
        $MedusaStore::Harness::forgotten = 1;
    }
    return;
}

our $forgotten;

END {
    my $status = $?;
    for my $self (grep { $_ && $$ == $_->{owner} && !$_->{judged} } @running) {
        $self->_end_forgotten;
    }
    $? = $status || ($forgotten ? 1 : 0);
}

# ---- the error log ----

sub _file_text {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    return <$file> // '';
}

sub log_text { my ($self) = @_; return _file_text("$self->{root}/logs/error.log") }

# Announce a line of the log: it must come, and may be of any level. expect_log(ID or undef, REGEX, TIMES or undef)
sub expect_log {
    my ($self, $id, $regex, $times) = @_;
    push @{ $self->{expected} }, { id => $id, regex => $regex // qr//, min => $times // 1, max => $times, seen => 0 };
    return $self;
}

# The same for a line that need not come.
sub allow_log {
    my ($self, $id, $regex) = @_;
    push @{ $self->{expected} }, { id => $id, regex => $regex // qr//, min => 0, seen => 0 };
    return $self;
}

my $WORSE   = qr/^\[[^]]+\] \[\w*:(?:emerg|alert|crit|error|warn)\]/;
my $CRASHED = qr/AddressSanitizer|LeakSanitizer|runtime error:|exit signal|AH00052|assertion|core dump/i;

# A child of the event MPM that is stopped while a client still closes its connection finds its pollset gone and says so
# (httpd's own, also without this module).
my $AT_STOP = qr/AH03092: process_lingering_close: apr_pollset_add failure/;

# And one that is stopped, or restarted hard, while a thread still ends its connection may crash over the pools that are gone
# (mod_mpm_event closes its sockets a second time); in some of a hundred stops right after an answer, also without this module. Before the
# stop, a crash is a crash. Without children (-X) it is httpd itself that ends so.
my $CRASHED_AT_STOP = qr/AH0005[12]: child pid \d+ exit signal Segmentation fault/;

sub _is_at_stop {
    my ($self, $offset) = @_;
    return scalar grep { $offset >= $_->[0] && $offset < ($_->[1] // $offset + 1) } @{ $self->{stops} };
}

sub _is_bad_line {
    my ($line) = @_;
    return 0 if $line =~ $AT_STOP;
    return $line =~ $WORSE || $line =~ $CRASHED || $line !~ /^\[/;
}

# What is wrong with the log: lines that nobody announced, announced ones that did not come, secrets in lines of ours.
sub _judge_log {
    my ($self) = @_;
    my @bad;
    my $offset = 0;
    my $secret = $self->_secret_regex;
    for my $line (split /\n/, $self->log_text) {
        my $at_stop = $line =~ $CRASHED_AT_STOP && $self->_is_at_stop($offset);
        $offset += 1 + length $line;
        next if $at_stop;    # nor is it one of the crashes that a test announces
        my $announced = 0;
        for my $e (@{ $self->{expected} }) {
            next if defined $e->{id} && $line !~ /\b\Q$e->{id}\E\b/ || $line !~ $e->{regex};
            $e->{seen}++;
            $announced = 1;
        }
        push @bad, "not announced: $line" if !$announced && length $line && _is_bad_line($line);
        push @bad, "the log tells a secret ($1): $line" if $line =~ /\[medusa_store:/ && $line =~ $secret;
    }
    for my $e (@{ $self->{expected} }) {
        my $what = ($e->{id} // '') . " $e->{regex}";
        push @bad, "announced, but not in the log: $what (seen $e->{seen} times)" if $e->{seen} < $e->{min};
        push @bad, "more often in the log than announced: $what (seen $e->{seen} times)" if defined $e->{max} && $e->{seen} > $e->{max};
    }
    return map { "$_\n" } @bad;
}

# One pattern for all: there may be thousands, and as many lines.
sub _secret_regex {
    my ($self) = @_;
    my $all = join '|', map { quotemeta } sort keys %{ $self->{secrets} };
    local ${^RE_TRIE_MAXBUF} = 2**30;    # beyond that, each would be tried by itself
    return length $all ? qr/($all)/ : qr/(?!)/;
}

# Announce a text that no line of ours may hold. Passwords, e-mails, cookies and tokens that pass through `request` are
# known already.
sub secret {
    my ($self, @texts) = @_;
    $self->{secrets}{$_} = 1 for grep { defined && length >= SHORTEST } @texts;
    note_secrets(@texts);
    return $self;
}

sub _note_secrets {
    my ($self, $target, $option, $answer) = @_;
    my $body = $option->{body} // '';
    $self->secret($body =~ /"(?:password|email|token)"\s*:\s*"([^"\\]+)"/g);
    $self->secret(grep { !ref } map { $option->{json}{$_} } qw(password email token)) if ref $option->{json} eq 'HASH';
    $self->secret($target =~ m{([^/?]+(?:@|%40)[^/?]+)}g);
    $self->secret(map { MedusaStore::Client::parse_cookie($_)->{value} } @{ $answer->{cookies} });
    $self->secret($answer->{json}{access_token}) if ref $answer->{json} eq 'HASH';
    return;
}

# ---- requests and rows ----

# See MedusaStore::Client::request; `jar` names a cookie jar.
sub request {
    my ($self, $method, $target, %option) = @_;
    my $answer = $self->{client}->request($method, $target, %option);
    $self->_note_secrets($target, \%option, $answer);
    return $answer;
}

sub get     { my ($self, @rest) = @_; return $self->request('GET',    @rest) }
sub post    { my ($self, @rest) = @_; return $self->request('POST',   @rest) }
sub put     { my ($self, @rest) = @_; return $self->request('PUT',    @rest) }
sub delete  { my ($self, @rest) = @_; return $self->request('DELETE', @rest) }
sub options { my ($self, @rest) = @_; return $self->request('OPTIONS', @rest) }

# Bytes in, bytes out: see MedusaStore::Client::raw.
sub raw { my ($self, @rest) = @_; return $self->{client}->raw(@rest) }
sub jar { my ($self, $name) = @_; return $self->{client}->jar($name) }
sub url { my ($self, $path) = @_; return "http://127.0.0.1:$self->{port}$path" }

# Rows of a statement on the shop's database, each an array of characters; SQL NULL is undef.
sub sql { my ($self, $text) = @_; return run_sql($text, $self->{database}) }

# The first column of the first row.
sub sql_value { my ($self, $text) = @_; my @rows = $self->sql($text); return @rows ? $rows[0][0] : undef }

my %UNESCAPE = (t => "\t", n => "\n", 0 => "\0", '\\' => '\\');

sub run_sql {
    my ($text, $database) = @_;
    my ($client) = grep { -x } map { ("$_/mariadb", "$_/mysql") } split(/:/, $ENV{PATH}), '/usr/bin', '/usr/local/bin';
    croak 'no mariadb client' unless $client;
    my $statement = "$text";
    utf8::encode($statement) if utf8::is_utf8($statement);
    my @command = ($client, '--no-defaults', '-S', $ENV{MS_TEST_SOCKET}, '-u', $ENV{MS_TEST_USER}, '-N', '-B',
        '--default-character-set=utf8mb4', '-e', $statement, defined $database ? $database : ());
    my ($exit, $output) = run_command(@command);
    croak "SQL failed: $output($text)" if $exit;
    utf8::decode($output);
    return map { [_columns($_)] } split /\n/, $output;
}

sub _columns {
    my ($line) = @_;
    return map { $_ eq 'NULL' ? undef : s/\\([tn0\\])/$UNESCAPE{$1}/gr } split /\t/, $line, -1;
}

1;
