# make install puts everything where README says, and make uninstall takes all of it away.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";
use Test::More;

use MedusaStore::Source qw(text top);
use Package qw(build_here need_tools scratch_folder shared_files);

need_tools('make');
my $root = scratch_folder('installed');

sub files_there { return [sort grep { length } split /\n/, build_here($root, 'find', '.', '!', '-type', 'd', '-printf', '/%P\n')] }

# whatever this build was configured for
my @folders = ("DESTDIR=$root", 'prefix=/usr/local', "apachelibdir=$ENV{MS_LIBEXECDIR}");
build_here($ENV{MS_BUILDDIR}, 'make', '--silent', 'install', @folders);
my $share = '/usr/local/share/mod_medusa_store';
my %shared = shared_files($share);
is_deeply(files_there(), [sort keys %shared, (map { "$share/conf/medusa_store.$_" } qw(conf load)), "$ENV{MS_LIBEXECDIR}/mod_medusa_store.so",
    '/usr/local/sbin/medusa-store-admin', '/usr/local/share/man/man8/medusa-store-admin.8'], 'make install installs what it should');
is(build_here($root, 'cat', ".$share/conf/medusa_store.load"),
    text('conf/medusa_store.load') =~ s{/usr/lib/apache2/modules}{$ENV{MS_LIBEXECDIR}}r, 'the .load file names the folder of the module');
is((stat "$root/usr/local/sbin/medusa-store-admin")[2] & 07777, 0755, 'the tool can be run');

build_here($ENV{MS_BUILDDIR}, 'make', '--silent', 'uninstall', @folders);
is_deeply(files_there(), [], 'make uninstall leaves nothing');
done_testing;
