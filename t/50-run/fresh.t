# ./run in a tree as it is cloned: no configure, no build folder, no state.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

use MedusaStore::Client;
use MedusaStore::Harness;
use MedusaStore::Source qw(files top);

MedusaStore::Harness::need_database();
my $tree = tempdir('fresh-XXXXXX', DIR => $ENV{MS_TEST_SCRATCH}, CLEANUP => 1);
chmod 0755, $tree;
for my $file (files('')) {
    make_path("$tree/" . dirname($file));
    copy(top() . "/$file", "$tree/$file") or die "$file: $!";
    chmod +(stat top() . "/$file")[2] & 0777, "$tree/$file";
}
delete @ENV{qw(MS_RUN_BUILD MS_BUILDDIR MS_MODULE MS_ADMIN HTTPD MS_LIBEXECDIR SAN_PRELOAD)};

sub run { my (@arguments) = @_; return MedusaStore::Harness::run_command("$tree/run", @arguments) }
END { local $?; run('--stop') if defined $tree && -d "$tree/state" }
$SIG{$_} = sub { exit 130 } for qw(INT TERM HUP);

my ($exit, $output) = run('--daemon', '--port', 0);
is($exit, 0, 'one command is enough') or diag $output;
like($output, qr/^building/m, 'it builds');
my ($port) = $output =~ /127\.0\.0\.1:(\d+)/;
is(MedusaStore::Client->new(port => $port)->request('GET', '/store/auth')->{status}, 401, 'the API answers');
run('--stop');
($exit, $output) = run('--daemon', '--port', 0);
is($exit, 0, 'again');
unlike($output, qr/^(?:building|configuring|making a database)/m, 'nothing is made twice');
($exit) = run('--stop');
is($exit, 0, 'it stops');
done_testing;
