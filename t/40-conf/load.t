# conf/medusa_store.load loads the module, and tells a2enmod to load mod_session too; which of the two is first does not matter.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Harness;
use MedusaStore::Source qw(text);

MedusaStore::Harness::need_database();
my $load = text('conf/medusa_store.load');
like($load, qr/^LoadModule medusa_store_module \S+mod_medusa_store\.so$/m, 'the module is loaded');
like($load, qr/^# Depends: session$/m, 'a2enmod is told of mod_session');
$load =~ s{\S+/mod_medusa_store\.so}{"$ENV{MS_MODULE}"};

my $session = "LoadModule session_module \"$ENV{MS_LIBEXECDIR}/mod_session.so\"\n";
for my $order ([$session, $load], [$load, $session]) {
    my $h = MedusaStore::Harness->new(load => join('', @$order), without => ['session']);
    my $c = new_customer($h);
    is($h->get('/store/auth', headers => { Cookie => $c->{cookie} })->{status}, 200,
        'sessions work with ' . join ' before ', map { /(\w+)_module/ } @$order);
    $h->stop;
}
done_testing;
