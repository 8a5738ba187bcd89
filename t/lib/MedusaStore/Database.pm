package MedusaStore::Database;

# A private MariaDB that a test may kill, freeze or misconfigure (see MedusaStore::Daemon), made in the way of scripts/mariadb.sh.
# From `new` on it is the server of all shops that the test makes (MS_TEST_SOCKET). And Session: one client connection that stays
# open, to hold locks.
#
#     my $db = MedusaStore::Database->new(options => ['--innodb-lock-wait-timeout=1']);
#     my $h  = MedusaStore::Harness->new;
#     $db->signal('STOP');  $db->signal('CONT');  $db->kill;  $db->start;
#     my $other = $db->session($h->{database});
#     $other->run('BEGIN'); $other->run('SELECT … FOR UPDATE');

use strict;
use warnings;

use Carp qw(croak);
use File::Temp qw(tempfile);
use Time::HiRes qw(sleep time);

use parent 'MedusaStore::Daemon';

use MedusaStore::Harness;

# new(options => [arguments of mariadbd], env => { NAME => VALUE }, under => sub (its folder, its command) that gives the command to run
# instead); skips the whole test without a database server.
sub new {
    my ($class, %option) = @_;
    MedusaStore::Harness::need_database();
    my $self = $class->SUPER::new('mariadb', options => [], %option);
    $self->create;
    $self->start;
    $ENV{MS_TEST_SOCKET} = $self->{socket};
    $self->sql("CREATE USER $ENV{MS_TEST_USER}\@localhost; GRANT ALL ON *.* TO $ENV{MS_TEST_USER}\@localhost WITH GRANT OPTION;"
        . "CREATE USER $ENV{MS_TEST_WEB_USER}\@localhost;"
        . "GRANT SELECT, INSERT, UPDATE, DELETE ON `t\\_%`.* TO $ENV{MS_TEST_WEB_USER}\@localhost");
    return $self;
}

# Make its folders, and, if `data` is not 0, its first tables.
sub create {
    my ($self, $data) = @_;
    my $folder = $self->{folder};
    $self->{socket} = "$folder/sock/db.sock";
    $self->shell('mkdir -m 0750 "$1/sock" "$1/tmp" && db_owns "$1/sock" "$1/tmp"', $folder);
    $self->shell('db_create "$1/data" "$1/create.log"', $folder) if $data // 1;
    return;
}

# Run a line of shell with the functions of scripts/mariadb.sh.
sub shell {
    my ($self, $line, @arguments) = @_;
    my ($exit, $output) = MedusaStore::Harness::run_command('bash', '-c',
        qq(set -e; . "$ENV{MS_SRCDIR}/scripts/common.sh"; . "$ENV{MS_SRCDIR}/scripts/mariadb.sh"; $line), 'mariadb', @arguments);
    croak "$line: $output" if $exit;
    return $output;
}

# Run SQL as its owner. By a file, for it may hold passwords, and arguments are everybody's to see.
sub sql {
    my ($self, $text) = @_;
    my ($out, $path) = tempfile('sql-XXXXXX', DIR => $self->{folder}, UNLINK => 0);    # mode 0600
    utf8::encode($text) if utf8::is_utf8($text);
    print {$out} "$text\n";
    close $out or croak "$path: $!";
    my $answer = eval { $self->shell('db_sql "$1" < "$2"', $self->{socket}, $path) };
    my $why = $@;
    unlink $path;
    croak $why if $why;
    return $answer;
}

# Start it, with more options if given, and wait until it answers.
sub start {
    my ($self, @options) = @_;
    my @command = ('mariadbd', '--no-defaults', ($> == 0 ? '--user=mysql' : ()), "--datadir=$self->{folder}/data",
        "--socket=$self->{socket}", "--pid-file=$self->{folder}/data/mariadbd.pid", "--log-error=$self->{folder}/server.log", "--tmpdir=$self->{folder}/tmp",
        qw(--skip-networking --skip-name-resolve --skip-log-bin --innodb-buffer-pool-size=32M --innodb-log-file-size=32M
        --innodb-flush-log-at-trx-commit=0 --performance-schema=OFF --aria-pagecache-buffer-size=8M --key-buffer-size=8M
        --innodb-fast-shutdown=2 --lc-messages=en_US), @{ $self->{options} }, @options);
    $self->launch($self->{under} ? $self->{under}->($self->{folder}, @command) : @command);
    return $self->await;
}

# Wait until it answers.
sub await {
    my ($self) = @_;
    for (1 .. 300) {
        return $self if eval { $self->sql('SELECT 1') };
        croak 'MariaDB did not start: ' . $self->complaint if $self->has_ended;
        sleep 0.05;
    }
    croak 'MariaDB does not answer';
}

sub complaint { my ($self) = @_; return $self->shell('db_complaint "$1"', "$self->{folder}/server.log") }

sub session { my ($self, $database) = @_; return MedusaStore::Database::Session->new($self->{socket}, $database) }

package MedusaStore::Database::Session;

use IO::Select;
use IPC::Open3 qw(open3);

sub new {
    my ($class, $socket, $database) = @_;
    my $self = bless { number => 0, buffer => '' }, $class;
    $self->{pid} = open3($self->{in}, $self->{out}, undef, 'mariadb', '--no-defaults', '-S', $socket, '-u', $ENV{MS_TEST_USER},
        '-n', '-N', '-B', '-f', '--default-character-set=utf8mb4', defined $database ? $database : ());
    $self->{in}->autoflush(1);
    return $self;
}

# Send a statement without waiting for its end.
sub send {
    my ($self, $sql) = @_;
    $self->{number}++;
    print { $self->{in} } "$sql;\nSELECT 'end of $self->{number}';\n";
    return;
}

# The lines that the last statement gave, its error included; undef if it takes longer than `seconds`.
sub lines {
    my ($self, $seconds) = @_;
    my $mark = "end of $self->{number}\n";
    my $end = Time::HiRes::time() + ($seconds // 20);
    while (index($self->{buffer}, $mark) < 0) {
        my $left = $end - Time::HiRes::time();
        return if $left <= 0;
        next unless IO::Select->new($self->{out})->can_read($left);
        sysread($self->{out}, $self->{buffer}, 65536, length $self->{buffer}) or return;
    }
    my ($text) = $self->{buffer} =~ s/\A(.*?)\Q$mark\E//s ? $1 : '';
    return [split /\n/, $text];
}

sub run {
    my ($self, $sql) = @_;
    $self->send($sql);
    return $self->lines // Carp::croak("no answer to $sql");
}

# Wait until at least `n` transactions wait for a lock: how many do; 0 if it takes more looks than `tries`.
sub await_waits {
    my ($self, $n, $tries) = @_;
    for (1 .. $tries) {
        Time::HiRes::sleep(0.13);    # the table is made anew only if nobody looked for a tenth of a second
        my $waiting = grep { /LOCK WAIT/ } @{ $self->run('SELECT trx_state FROM information_schema.innodb_trx') };
        return $waiting if $waiting >= $n;
    }
    return 0;
}

sub end {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    close $self->{in};
    CORE::kill('TERM', $pid);
    waitpid $pid, 0;
    return;
}

sub DESTROY { my ($self) = @_; local ($?, $@, $!); $self->end; return }

1;
