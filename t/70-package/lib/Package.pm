package Package;

# Packages of the tree: the sources as a release has them, the Debian package that is made of them, and what a package holds.
#
# The first test that asks for the sources or for the Debian package makes it; the others of the same run wait, and take it too.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use Fcntl qw(:flock);
use Test::Builder;

use MedusaStore::Harness;
use MedusaStore::Source qw(files text top);
use Readme qw(block);

our @EXPORT_OK = qw(need_tools missing_tools scratch_folder version sources deb build_here contents shared_files documents);

my %PACKAGE_OF = (
    'dpkg-buildpackage' => 'dpkg-dev', dh => 'debhelper', dh_apache2 => 'apache2-dev', rpmbuild => 'rpm', cpio => 'cpio',
    debootstrap => 'debootstrap',
);
my $test = Test::Builder->new;

# Skip the whole test where a program is missing; or fail, where that would hide that nothing was tested: on a Debian, which has all.
sub need_tools {
    my (@programs) = @_;
    $test->plan(skip_all => 'needs the folder of a test run: run it by ./check') unless $ENV{MS_TEST_SCRATCH} && $ENV{MS_BUILDDIR};
    my @missing = missing_tools(@programs) or return;
    my %packages = map { ($PACKAGE_OF{$_} // $_) => 1 } @missing;
    my $why = "not installed: @missing (Debian: apt-get install " . join(' ', sort keys %packages) . ')';
    die "$why\n" if $ENV{MS_TEST_REQUIRE} && !missing_tools('dpkg-query');
    $test->plan(skip_all => $why);
    return;
}

sub missing_tools {
    my (@programs) = @_;
    return grep { my $name = $_; !grep { -x "$_/$name" } split /:/, $ENV{PATH} } @programs;
}

# The version, as configure knows it.
sub version { return (text('configure.ac') =~ /^AC_INIT\(\[\w+\], \[([^]]+)\]/m)[0] // croak 'configure.ac tells no version' }

# A folder of this test run, which all tests of it share.
sub scratch_folder {
    my ($name) = @_;
    my $folder = "$ENV{MS_TEST_SCRATCH}/$name";
    mkdir $folder;
    chmod 0755, $folder;
    return $folder;
}

# Run a command in a folder, in an environment that holds nothing of ours; its output, or death if it fails. A hash of more
# variables may come before the command; root's commands get no network, since a build must not want one.
sub build_here {
    my ($folder, @command) = @_;
    my $more = ref $command[0] ? shift @command : {};
    my %env  = (PATH => $ENV{PATH}, HOME => '/nonexistent', LC_ALL => 'C.UTF-8', TMPDIR => $ENV{TMPDIR} // '/tmp', %$more);
    my @offline = $> == 0 && !(MedusaStore::Harness::run_command('unshare', '--net', 'true'))[0] ? ('unshare', '--net') : ();
    my ($exit, $output) = MedusaStore::Harness::run_command(@offline, 'env', '-i', '-C', $folder, (map { "$_=$env{$_}" } sort keys %env), @command);
    my @lines = split /^/, $output;
    splice @lines, 0, -60 if @lines > 60;
    croak "failed: @command\n", @lines if $exit;
    return $output;
}

# Do it unless another test of this run has; gives the folder in which it was done.
sub _once {
    my ($name, $code) = @_;
    my $folder = scratch_folder("made-$name");
    open my $lock, '>>', "$folder.lock" or croak "$folder.lock: $!";
    flock $lock, LOCK_EX or croak "can't lock: $!";
    if (!-e "$folder.done") {
        $code->($folder);
        open my $done, '>', "$folder.done" or croak $!;
    }
    return $folder;
}

# The folder of the sources, as `make dist` packs them: a copy of ours, to be built in once only.
sub sources {
    my ($name) = @_;
    my $top = 'mod_medusa_store-' . version();
    my $folder = _once($name, sub {
        my ($folder) = @_;
        build_here($ENV{MS_BUILDDIR}, 'make', '--silent', 'distdir', "distdir=$folder/$top");
    });
    return "$folder/$top";
}

# The Debian package, built by a command of README, without its tests: the path of the .deb, and what the build said.
sub deb {
    my $sources = sources('deb');
    my $folder  = _once('deb-built', sub {
        my ($folder) = @_;
        my (undef, $command) = split /\n/, block('Installing into an existing Apache', 'sudo apt-get build-dep');
        open my $log, '>', "$folder/log" or croak $!;
        print {$log} build_here($sources, { DEB_BUILD_OPTIONS => 'nocheck noautodbgsym' }, 'sh', '-c', $command);
    });
    my ($deb) = glob "$sources/../*.deb" or croak 'no package was made';
    open my $log, '<', "$folder/log" or croak $!;
    local $/;
    return ($deb, readline $log);
}

# ---- what is in a package ----

# Files and links as `dpkg-deb --contents` or `rpm -qlv` tell them: { path => "mode owner/group" }; a link is "path -> target".
sub contents {
    my (@command) = @_;
    my ($exit, $output) = MedusaStore::Harness::run_command('env', 'LC_ALL=C.UTF-8', @command);
    croak "@command: $output" if $exit;
    my %found;
    for my $line (split /\n/, $output) {
        my ($mode, $user, $group, $path) = $line =~ m{^([-dl]\S{9})\s+(?:\d+\s+)?(\w+)[/\s]+(\w+)\s.*?\s\.?(/.*)$}
            or croak "can't read: $line";
        $found{$path} = "$mode $user/$group" unless $mode =~ /^d/;
    }
    return \%found;
}

# What is installed below a folder, by the tree: migrations, examples, the documents of the API; { path => as `contents` tells it }.
sub shared_files {
    my ($folder) = @_;
    my @files = (files('sql', qr/\.sql$/), files('examples'), files('doc'), grep { !m{/medusa_store\.} } files('conf'));
    return map { ("$folder/$_" => (-x top() . "/$_" ? '-rwxr-xr-x' : '-rw-r--r--') . ' root/root') } @files;
}

# The tree's texts for readers: README and what stands beside it.
sub documents { return grep { /^[A-Z]+$/ && $_ ne 'LICENSE' } files('') }

1;
