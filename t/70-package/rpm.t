# The RPM: built from a release as Fedora's users would, with Fedora's folders, on a machine that need not be Fedora.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";
use Test::More;

use MedusaStore::Harness;
use Package qw(build_here contents documents need_tools scratch_folder shared_files sources version);

need_tools(qw(rpmbuild rpm2cpio cpio));
my $version = version();
my $sources = sources('rpm');
my $folder  = scratch_folder('rpm');
build_here("$sources/..", 'tar', '-cJf', "$folder/mod_medusa_store-$version.tar.xz", "mod_medusa_store-$version");

my %macro = (_topdir => $folder, _httpd_apxs => $ENV{APXS}, _httpd_mmn => '20120211x8664', _libdir => '/usr/lib64', dist => '.test',
    _docdir_fmt => '%%{NAME}', _build_id_links => 'none', debug_package => '%{nil}');
my $said = build_here($folder, { HOME => $folder }, 'rpmbuild', '-tb', '--nodeps', (map { ('--define', "$_ $macro{$_}") } sort keys %macro),
    "$folder/mod_medusa_store-$version.tar.xz");
like($said, qr/^Result: PASS$/m, 'the unit tests ran');
my ($rpm, @more) = glob "$folder/RPMS/*/*.rpm";
is_deeply(\@more, [], 'one package was made');
like($rpm, qr{/mod_medusa_store-\Q$version\E-1\.test\.\w+\.rpm$}, 'of the version of the tree');

# what rpm knows of this machine is none of our business
sub query { return ('rpm', '--dbpath', "$folder/db", '-qp', @_, $rpm) }

sub told { return split /\n/, (MedusaStore::Harness::run_command(query(@_)))[1] }

my %expected = (shared_files('/usr/share/mod_medusa_store'),
    (map { $_ => '-rwxr-xr-x root/root' } '/usr/sbin/medusa-store-admin', '/usr/lib64/httpd/modules/mod_medusa_store.so'),
    (map { $_ => '-rw-r--r-- root/root' } '/etc/httpd/conf.d/medusa_store.conf', '/etc/httpd/conf.modules.d/10-medusa_store.conf',
        '/usr/share/man/man8/medusa-store-admin.8', '/usr/share/licenses/mod_medusa_store/LICENSE',
        map { "/usr/share/doc/mod_medusa_store/$_" } documents()));
my $files = contents(query('-lv'));
%$files = map { s/\.8\.gz$/.8/r => $files->{$_} } keys %$files;    # Fedora's rpm compresses manual pages
is_deeply($files, \%expected, 'the files are those that it should have');
is_deeply([told('--configfiles')], ['/etc/httpd/conf.d/medusa_store.conf', '/etc/httpd/conf.modules.d/10-medusa_store.conf'],
    'two of them are configuration');
my @required = told('--requires');
my @wanted = ('httpd-mmn = 20120211x8664', 'apr-util-mysql(?:\(.+\))?', 'libmariadb\.so\.3\b.*');
ok((grep { /^$_$/ } @required), "it requires $_" =~ s/[\\(?].*//r) for @wanted;
is_deeply([grep { /perl/ } @required], [], 'but nothing for the sake of its examples');

# ---- in httpd ----

build_here(scratch_folder('rpm/files'), 'sh', '-c', 'rpm2cpio "$1" | cpio --quiet -id', 'cpio', $rpm);
my $etc = "$folder/files/etc/httpd";
symlink '../../usr/lib64/httpd/modules', "$etc/modules" or die $!;
my $h = MedusaStore::Harness->new(shop => 0, start => 0, load => "ServerRoot \"$etc\"\nInclude \"$etc/conf.modules.d/*.conf\"\n"
    . "Include \"$etc/conf.d/*.conf\"\n");
my ($exit, $output) = $h->configtest("MedusaStoreDBMax 3\n", dump => 'DUMP_MODULES');
is($exit, 0, 'httpd takes its configuration') or diag $output;
like($output, qr/medusa_store_module/, 'and loads the module');
done_testing;
