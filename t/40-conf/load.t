# conf/medusa_store.load loads the module, and mod_session before it, whatever else is loaded.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Source qw(text);

my $load = text('conf/medusa_store.load');
like($load, qr/^LoadModule medusa_store_module \S+mod_medusa_store\.so$/m, 'the module is loaded');
my ($folder) = $ENV{MS_MODULE} =~ m{^(.*)/[^/]+$};
$load =~ s{\S+/mod_session\.so}{"$ENV{MS_LIBEXECDIR}/mod_session.so"};
$load =~ s{\S+/mod_medusa_store\.so}{"$folder/mod_medusa_store.so"};

for my $first ('', "LoadModule session_module \"$ENV{MS_LIBEXECDIR}/mod_session.so\"\n") {
    my $h = MedusaStore::Harness->new(shop => 0, start => 0, load => $first . $load, modules_only => [qw(unixd authz_core mime)]);
    my ($exit, $output) = $h->configtest('', dump => 'DUMP_MODULES');
    is($exit, 0, 'httpd takes it') or diag $output;
    like($output, qr/session_module.*medusa_store_module/s, 'mod_session comes first');
}
done_testing;
