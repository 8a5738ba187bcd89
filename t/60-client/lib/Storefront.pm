package Storefront;

# What a storefront is made of: tools of the machine, which are there or are missed aloud, and the client from npm.
#
# The client is named in package.json, all that it needs in package-lock.json. A newer one: change package.json, then
#     npm install --package-lock-only --legacy-peer-deps --omit-lockfile-registry-resolved
# --legacy-peer-deps, there and below: its peer is the whole of Medusa, of which it uses types only.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Spec;
use File::Temp qw(tempdir);
use JSON::PP ();
use Test::Builder;

use MedusaStore::Harness;

our @EXPORT_OK = qw(need_tools install_client folder_of_tests scratch_folder);

my %PACKAGE = (node => 'nodejs', npm => 'npm', chromium => 'chromium', chromedriver => 'chromium-driver');
my $NODE_MIN = 18;
# a cache of the user's is good enough; no script of a package is run; where there is no network it is told soon
my @NPM_OPTIONS = qw(--legacy-peer-deps --ignore-scripts --prefer-offline --no-audit --no-fund --no-update-notifier --loglevel=error
    --fetch-retries=3 --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000 --fetch-timeout=30000);

sub folder_of_tests { return dirname(__FILE__) . '/..' }

sub scratch_folder {
    my ($name) = @_;
    my $folder = tempdir("$name-XXXXXX", DIR => $ENV{MS_TEST_SCRATCH} || File::Spec->tmpdir, CLEANUP => 1);
    chmod 0755, $folder;
    return $folder;
}

# Skip the whole test where a program is missing; or fail, where that would hide that nothing was tested.
sub need_tools {
    my (@programs) = @_;
    MedusaStore::Harness::need_database();
    my @missing = grep { !_path_of($_) } @programs;
    my $why = @missing ? "not installed: @missing (Debian: apt-get install @PACKAGE{@missing})" : _old_node(@programs);
    return unless $why;
    die "$why\n" if $ENV{MS_TEST_REQUIRE};
    Test::Builder->new->plan(skip_all => $why);
    return;
}

sub _path_of {
    my ($program) = @_;
    return (grep { -x } map { "$_/$program" } split /:/, $ENV{PATH})[0];
}

sub _old_node {
    my (@programs) = @_;
    return undef unless grep { $_ eq 'node' } @programs;
    my (undef, $output) = MedusaStore::Harness::run_command('node', '--version');
    return $output =~ /^v(\d+)\./ && $1 >= $NODE_MIN ? undef : "node $NODE_MIN or newer is needed; this one says $output";
}

# Install the client into a new folder below the scratch folder: (that folder, the client's version).
sub install_client {
    my $folder = scratch_folder('client');
    copy(folder_of_tests() . "/$_", "$folder/$_") or croak "can't copy $_: $!" for qw(package.json package-lock.json);
    my ($exit, $output) = MedusaStore::Harness::run_command('npm', '--prefix', $folder, 'ci', @NPM_OPTIONS);
    die "npm can't install the client:\n$output" if $exit;
    open my $in, '<:raw', "$folder/node_modules/\@medusajs/medusa-js/package.json" or die "npm installed no client: $!\n$output";
    local $/;
    return ($folder, JSON::PP->new->utf8->decode(<$in>)->{version});
}

1;
