# The Debian package itself: what is in it, what it depends on, and that it is the same whoever builds it, where and when.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Source qw(text);
use Package qw(build_here contents deb documents missing_tools need_tools scratch_folder shared_files sources version);

my $PACKAGE = 'libapache2-mod-medusa-store';

need_tools(qw(dpkg-buildpackage dh dh_apache2));
my ($deb, $log) = deb();

# ---- what is in it ----

my %expected = (shared_files('/usr/share/mod_medusa_store'), '/usr/sbin/medusa-store-admin' => '-rwxr-xr-x root/root',
    map { $_ => '-rw-r--r-- root/root' } '/usr/lib/apache2/modules/mod_medusa_store.so', '/usr/share/man/man8/medusa-store-admin.8.gz',
    (map { "/etc/apache2/mods-available/medusa_store.$_" } qw(conf load)),
    (map { "/usr/share/doc/$PACKAGE/$_" } qw(copyright changelog.Debian.gz changelog.gz), map { "$_.gz" } grep { $_ ne 'CHANGES' } documents()));
$expected{"/usr/share/doc/$PACKAGE/examples -> ../../mod_medusa_store/examples"} = 'lrwxrwxrwx root/root';
is_deeply(contents('dpkg-deb', '--contents', $deb), \%expected, 'the files are those that it should have');

my %field = (MedusaStore::Harness::run_command('dpkg-deb', '--field', $deb))[1] =~ /^(\S+): (.*)/mg;
is($field{Version}, version(), 'the version is that of the tree');
like($field{Depends}, qr/(?:^|, )\Q$_\E/, "it depends on $_") for qw(apache2-api-20 libaprutil1-dbd-mysql libmariadb libsodium);
is($field{Recommends}, 'apache2', 'and asks for a2enmod and the layout around it');
unlike($log, qr/\bmake\b.* check\b/, 'DEB_BUILD_OPTIONS=nocheck was honoured');

SKIP: {
    skip 'lintian is not installed', 1 if missing_tools('lintian');
    my @root = $> == 0 ? '--allow-root' : ();
    my ($exit, $output) = MedusaStore::Harness::run_command('lintian', @root, '--fail-on', 'error,warning', '--tag-display-limit', 0, $deb);
    is($exit, 0, 'lintian has nothing to say') or diag $output;
}

# ---- another builder ----

# somebody who is not root, from the source package, with the tests, elsewhere, in another time zone and with another umask
my $folder = scratch_folder('another-builder');
my $sources = sources('source');
build_here("$sources/..", 'dpkg-source', '--build', $sources);
my ($dsc) = glob "$sources/../*.dsc";
my @as = $> == 0 ? qw(setpriv --reuid=nobody --regid=nogroup --clear-groups) : ();
chown scalar getpwnam('nobody'), scalar getgrnam('nogroup'), $folder if @as;
build_here($folder, @as, 'dpkg-source', '--extract', $dsc, 'tree');
my $said = build_here("$folder/tree", { TZ => 'Asia/Kathmandu', LC_ALL => 'C', HOME => $folder }, @as,
    'sh', '-c', 'umask 002; exec dpkg-buildpackage -us -uc -b');
like($said, qr/^Result: PASS$/m, 'the unit tests ran');
my ($other) = grep { !/-dbgsym_/ } glob "$folder/*.deb";
is((MedusaStore::Harness::run_command('cmp', $deb, $other))[1], '', 'both packages are the same, byte for byte');

my %before = map { $_ => 1 } split /\n/, build_here($sources, 'find', '.');
build_here("$folder/tree", @as, 'debian/rules', 'clean');
is_deeply([grep { !$before{$_} && !m{^\./build} } split /\n/, build_here("$folder/tree", 'find', '.')], [], 'clean leaves nothing that was built');
done_testing;
