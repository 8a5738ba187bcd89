package MedusaStore::Daemon;

# A server beside httpd that a test starts, freezes and kills: one process in a session of its own. Its pid stands in server.pid in
# its folder, below MS_TEST_SCRATCH, so that scripts/test ends what a killed test leaves behind. What is derived from it has:
#   folder   where it lives; all its words go to server.log there
#
#     $daemon->launch(COMMAND, …);  $daemon->signal('STOP');  $daemon->kill;  $daemon->stop;

use strict;
use warnings;

use Carp qw(croak);
use File::Temp qw(tempdir);
use POSIX qw(:sys_wait_h);
use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep time);

use MedusaStore::Process qw(thread_states);
use MedusaStore::Secrets qw(keep_logs);

my @all;

# Make one with a folder of its own; it does not run yet.
sub new {
    my ($class, $name, %fields) = @_;
    my $folder = tempdir("$name-XXXXXX", DIR => $ENV{MS_TEST_SCRATCH}, CLEANUP => 1);
    chmod 0755, $folder;
    for my $signal (qw(INT TERM HUP)) {    # so that END sees to them
        $SIG{$signal} = sub { exit 130 } if !defined $SIG{$signal} || $SIG{$signal} =~ /^(?:DEFAULT|IGNORE|)$/;
    }
    my $self = bless { env => {}, %fields, folder => $folder, owner => $$, pid => 0 }, $class;
    push @all, $self;
    weaken($all[-1]);
    return $self;
}

sub launch {
    my ($self, @command) = @_;
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP PIPE);
        POSIX::setsid();
        %ENV = (%ENV, %{ $self->{env} });
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', "$self->{folder}/server.log";
        open STDERR, '>>', "$self->{folder}/server.log";
        exec @command or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    open my $file, '>', "$self->{folder}/server.pid" or croak $!;
    print {$file} "$pid\n";
    close $file;
    return $self;
}

# Has it ended by itself?
sub has_ended {
    my ($self) = @_;
    return 1 if !$self->{pid};
    return 0 if waitpid($self->{pid}, WNOHANG) != $self->{pid};
    $self->{pid} = 0;
    return 1;
}

# Send it a signal. Back from STOP, all its threads stand still: on a busy machine some go on for a while.
sub signal {
    my ($self, $name) = @_;
    my $sent = kill $name, $self->{pid};
    my $end = time + 10;
    sleep 0.005 while $name eq 'STOP' && time < $end && grep { $_ ne 'T' } thread_states($self->{pid});
    return $sent;
}

# kill -9, and wait for its end.
sub kill {
    my ($self) = @_;
    my $pid = $self->{pid} or return;
    CORE::kill('KILL', $pid);
    waitpid $pid, 0;
    $self->{pid} = 0;
    return;
}

# An orderly end, within a minute.
sub stop {
    my ($self) = @_;
    $self->signal('TERM') if $self->{pid};
    for (1 .. 1200) {
        return if $self->has_ended;
        sleep 0.05;
    }
    croak 'it does not end';
}

# All that it said.
sub log_text {
    my ($self) = @_;
    open my $file, '<', "$self->{folder}/server.log" or return '';
    local $/;
    return <$file> // '';
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $@, $!);
    return if $$ != $self->{owner};
    $self->kill;
    keep_logs("$self->{folder}/server.log");
    return;
}

# Nothing in it is worth an orderly end.
END {
    my $status = $?;
    $_->kill for grep { $_ && $_->{pid} && $$ == $_->{owner} } @all;
    $? = $status;
}

1;
