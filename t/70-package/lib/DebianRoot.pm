package DebianRoot;

# A scratch Debian: a folder made by debootstrap from the mirrors that this machine's apt uses, and a world of its own for what
# runs in it: mounts, processes and a network without any other machine, where port 80 is free. All of it ends with us, however
# we end: the first process of that world reads from a pipe that only we hold, and the kernel ends the others with it.
#
#     my $root = DebianRoot->new;    # begins to make it; await() waits for the end of that
#     $root->await;
#     $root->run_online('apt-get', 'update');
#     my ($exit, $output) = $root->run('a2enmod', 'rewrite');
#     my $answer = $root->request(GET => 'http://shop.example.com/');

use strict;
use warnings;

use Carp qw(croak);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP ();

use MedusaStore::Harness;
use Package qw(missing_tools);

# switches the loopback device on (SIOCSIFFLAGS, IFF_UP), takes every orphan's end, and ends with its input
my $FIRST_PROCESS = <<'PERL';
use Socket;
socket my $socket, AF_INET, SOCK_DGRAM, 0 or die "no socket: $!\n";
ioctl $socket, 0x8914, my $up = pack('a16 s x22', 'lo', 1) or die "no loopback device: $!\n";
$SIG{CHLD} = 'IGNORE';
syswrite STDOUT, "ready\n";
while (sysread STDIN, my $byte, 1) { }
PERL

# one request; its arguments and its answer are JSON
my $REQUEST = <<'PERL';
my ($method, $url, $options) = @{ JSON::PP::decode_json($ARGV[0]) };
print JSON::PP::encode_json(HTTP::Tiny->new(timeout => 60, max_redirect => 0)->request($method, $url, { %$options, peer => '127.0.0.1' }));
PERL

# Why this machine can't have a scratch Debian; undef if it can.
sub reason_against {
    return 'needs root' if $> != 0;
    my @missing = missing_tools(qw(debootstrap unshare nsenter chroot apt-get apt-config));
    return "not installed: @missing" if @missing;
    return 'no namespaces are to be had on this machine'
        if (MedusaStore::Harness::run_command(qw(unshare --mount --net --pid --fork --kill-child true)))[0];
    my $null = "$ENV{MS_TEST_SCRATCH}/null.$$";
    my ($exit) = MedusaStore::Harness::run_command('sh', '-c', 'mknod -m 666 "$1" c 1 3 && echo > "$1"', 'mknod', $null);
    unlink $null;
    return "no device can be made in $ENV{MS_TEST_SCRATCH}" if $exit;
    return _sources() ? undef : 'apt on this machine has no source of ' . _codename();
}

sub new {
    my ($class) = @_;
    my $self = bless { folder => tempdir('root-XXXXXX', DIR => $ENV{MS_TEST_SCRATCH}), owner => $$ }, $class;
    chmod 0755, $self->{folder};
    $self->_make_world;
    my ($base) = _sources();
    open $self->{debootstrap}, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', $self->_enter(1), 'debootstrap', '--variant=minbase',
        "--components=" . join(',', @{ $base->{components} }), _codename(), $self->{folder}, $base->{uri} or croak "debootstrap: $!";
    return $self;
}

# ---- the world ----

sub _make_world {
    my ($self) = @_;
    pipe my $read, $self->{life} or croak "pipe: $!";
    pipe my $ready, my $tell or croak "pipe: $!";
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        open STDIN,  '<&', $read;
        open STDOUT, '>&', $tell;
        exec qw(unshare --mount --net --pid --fork --kill-child perl -e), $FIRST_PROCESS or POSIX::_exit(127);
    }
    close $tell;
    $self->{world} = $pid;
    readline($ready) // croak 'the world of the scratch Debian did not begin';
    return;
}

# The words that let a command run in that world; with the machine's network or without.
sub _enter {
    my ($self, $online) = @_;
    my $ns = "/proc/$self->{world}/ns";
    return ('nsenter', "--mount=$ns/mnt", "--pid=$ns/pid_for_children", $online ? () : "--net=$ns/net");
}

sub DESTROY {
    my ($self) = @_;
    return if $$ != $self->{owner} || !$self->{folder};
    local ($?, $@, $!);
    close $self->{life};
    waitpid $self->{world}, 0;
    close $self->{debootstrap} if $self->{debootstrap};
    MedusaStore::Harness::run_command('rm', '-rf', '--one-file-system', delete $self->{folder});
    return;
}

# ---- what apt of this machine knows ----

sub _codename {
    my ($exit, $output) = MedusaStore::Harness::run_command('sh', '-c', '. /etc/os-release && printf %s "$VERSION_CODENAME"');
    return $output;
}

# The sources of this machine's release: { uri, release, components }; the base first.
sub _sources {
    my ($exit, $output) = MedusaStore::Harness::run_command('apt-get', 'indextargets',
        '--format', '$(REPO_URI) $(RELEASE) $(CODENAME) $(COMPONENT)', 'Created-By: Packages');
    my $codename = _codename();
    my %found;
    for my $line (split /\n/, $exit ? '' : $output) {
        my ($uri, $release, $its_codename, $component) = split / /, $line;
        next unless grep { /^\Q$codename\E(?:$|[-\/])/ } $release, $its_codename;
        my $source = $found{"$release $uri"} ||= { uri => $uri, release => $release, components => [], base => 0 };
        $source->{base} = 1 if $release eq $codename || $its_codename eq $codename;
        push @{ $source->{components} }, $component unless grep { $_ eq $component } @{ $source->{components} };
    }
    my @base = grep { $_->{base} } values %found or return;
    return ($base[0], grep { $_ != $base[0] } values %found);
}

# How this machine reaches its mirrors: proxies, certificates, passwords.
sub _copy_apt {
    my ($self) = @_;
    my ($exit, $dump) = MedusaStore::Harness::run_command('apt-config', 'dump');
    my @lines = grep { /^Acquire::(?:https?|socks|Retries|Check-|Force|Queue)/ } split /\n/, $dump;
    $self->write_file('/etc/apt/apt.conf.d/00machine', join "\n", @lines,
        'Acquire::Languages "none";', 'APT::Install-Recommends "false";', 'DPkg::Use-Pty "0";', '');
    $self->write_file('/etc/apt/sources.list', join '', map { "deb $_->{uri} $_->{release} @{ $_->{components} }\n" } _sources());
    $self->write_file('/etc/dpkg/dpkg.cfg.d/scratch', "force-unsafe-io\n");
    $self->write_file('/usr/sbin/policy-rc.d', "#!/bin/sh\nexit 0\n");    # without an init system packages start nothing unless told so
    chmod 0755, $self->path('/usr/sbin/policy-rc.d');
    for my $file (glob('/etc/apt/auth.conf /etc/apt/auth.conf.d/*'), qw(/etc/hosts /etc/resolv.conf /etc/ssl/certs/ca-certificates.crt),
        map { m{"(/[^"]+)"} ? $1 : () } @lines) {
        next unless -f $file;
        make_path(dirname("$self->{folder}$file"));
        copy($file, "$self->{folder}$file");
        chmod +(stat $file)[2] & 07777, "$self->{folder}$file";
    }
    return;
}

# Wait until it is made.
sub await {
    my ($self) = @_;
    my $pipe   = $self->{debootstrap};
    my @output = <$pipe>;
    close delete $self->{debootstrap} or croak 'debootstrap failed: ' . join '', grep { defined } @output[-20 .. -1];
    $self->_copy_apt;
    my ($exit, $output) = MedusaStore::Harness::run_command($self->_enter, 'mount', '-t', 'proc', 'proc', "$self->{folder}/proc");
    croak "mount: $output" if $exit;
    return $self;
}

# ---- in the scratch Debian ----

sub _run {
    my ($self, $online, @command) = @_;
    my %env = (PATH => '/usr/sbin:/usr/bin:/sbin:/bin', HOME => '/root', LC_ALL => 'C.UTF-8', DEBIAN_FRONTEND => 'noninteractive',
        map { $_ => $ENV{$_} } grep { $online && /^(?:https?|no|all)_proxy$/i } keys %ENV);
    return MedusaStore::Harness::run_command($self->_enter($online), 'chroot', $self->{folder}, 'env', '-i', '-C', '/root',
        (map { "$_=$env{$_}" } sort keys %env), @command);
}

# Run a command, which finds no other machine: (exit status, output).
sub run { my ($self, @command) = @_; return $self->_run(0, @command) }

# Run a command that may use the machine's network.
sub run_online { my ($self, @command) = @_; return $self->_run(1, @command) }

sub path { my ($self, $name) = @_; return "$self->{folder}$name" }

sub write_file {
    my ($self, $name, $text) = @_;
    open my $file, '>:utf8', "$self->{folder}$name" or croak "$name: $!";
    print {$file} $text;
    close $file or croak "$name: $!";
    return;
}

sub text {
    my ($self, $name) = @_;
    open my $file, '<:raw', "$self->{folder}$name" or return '';
    local $/;
    return <$file> // '';
}

# A request to a server in there, whatever host the address names: { status, headers, content }.
sub request {
    my ($self, $method, $url, %options) = @_;
    my ($exit, $output) = MedusaStore::Harness::run_command('nsenter', "--net=/proc/$self->{world}/ns/net", 'perl', '-MHTTP::Tiny', '-MJSON::PP',
        '-e', $REQUEST, JSON::PP::encode_json([$method, $url, \%options]));
    croak "$method $url: $output" if $exit;
    return JSON::PP::decode_json($output);
}

1;
