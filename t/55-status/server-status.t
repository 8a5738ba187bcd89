# Our part of mod_status' page: for people, for machines, and that mod_status need not be there.
use strict;
use warnings;

use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in);
use MedusaStore::Harness;

my $STATUS = "<Location \"/server-status\">\nSetHandler server-status\n</Location>\n";
my $main = "MedusaStorePasswordCost 8192 1\nMedusaStoreHashSlots 3\n";
my $h = MedusaStore::Harness->new(modules => ['status'], main => "ServerName one.example\n$main", conf => <<"CONF");
$STATUS
<VirtualHost *>
    ServerName first.example
</VirtualHost>
<VirtualHost *>
    ServerName one.example
    MedusaStoreDBMax 2
</VirtualHost>
<VirtualHost *>
    ServerName "two<b>.example"
    ServerAlias two.example
    MedusaStoreDBMax 3
</VirtualHost>
CONF
my %two = (headers => { Host => 'two.example' });

# The lines for machines, by key; those of ours only.
sub lines {
    my $text = $h->get('/server-status?auto')->{body};
    my @ours = $text =~ /^(MedusaStore[^:\n]*: .*)$/mg;
    my %line;
    for (@ours) {
        my ($key, $value) = /^([\w\[\]]+): (\S.*)$/ or die "no line: $_";
        die "twice: $key" if exists $line{$key};
        $line{$key} = $value;
    }
    return \%line;
}

subtest 'for machines' => sub {
    my $c = new_customer($h);
    $h->get('/store/auth', %two);
    sign_in($h, $c, password => 'not the one');
    $h->get('/store/auth', headers => { Host => 'one.example' });
    my $l = lines();
    is($l->{MedusaStoreShops}, 3, 'shops: a host without settings of its own is none');
    is_deeply([map { $l->{"MedusaStoreShop[$_]Name"} } 0 .. 2], ['one.example', 'one.example (2)', 'two<b>.example'], 'their names');
    is_deeply([map { $l->{"MedusaStoreShop[$_]Requests"} } 0 .. 2], [2, 1, 1], 'their requests');
    is_deeply([map { $l->{"MedusaStoreShop[$_]RefusedSignIns"} } 0 .. 2], [1, 0, 0], 'their refused sign-ins');
    is_deeply([@$l{qw(MedusaStoreRequests MedusaStoreRequests4xx MedusaStoreRequests5xx MedusaStoreRefusedSignIns)}], [4, 3, 0, 1], 'all together');
    is_deeply([@$l{qw(MedusaStoreHashSlots MedusaStoreHashesRunning MedusaStoreHashesWaiting)}], [3, 0, 0], 'hashing slots');
    is($l->{MedusaStoreDatabasesDown}, 0, 'all databases are up');
    cmp_ok($l->{MedusaStoreP95Us}, '>=', $l->{MedusaStoreMedianUs}, 'times');
    ok($l->{'MedusaStoreShop[0]P95Us'} > 0, 'of each shop');
};

subtest 'for people' => sub {
    my ($part) = $h->get('/server-status')->{body} =~ /(<h2>mod_medusa_store.*?<\/table>)/s;
    ok($part, 'there is a table');
    like($part, qr/0 of 3 hashing slots in use, 0 requests wait/, 'slots');
    my @rows = map { [/<td[^>]*>(.*?)<\/td>/g] } split /<tr>/, $part;
    is_deeply([map { [@$_[0 .. 4]] } @rows[2 .. 4]], [['one.example', 2, 1, 0, 1], ['one.example (2)', 1, 1, 0, 0], ['two&lt;b&gt;.example', 1, 1, 0, 0]],
        'a row for each shop');
    my $list = $h->get('/server-status?notable')->{body};
    like($list, qr/<li>one\.example: Requests 2; 4xx 1; 5xx 0;/, 'or a list');
};

subtest 'nothing else' => sub {
    my $text = join '', map { $h->get("/server-status$_")->{body} =~ s/<h1>Apache.*?<hr/<hr/sr } '?auto', '';
    unlike($text, qr/\Q$h->{database}\E|sock=/, 'no parameters');
    my $none = MedusaStore::Harness->new(shop => 0, modules => ['status'], conf => $STATUS);
    like($none->get('/server-status')->{body}, qr/No shop is configured/, 'without a shop');
    like($none->get('/server-status?auto')->{body}, qr/^MedusaStoreShops: 0$/m, 'for machines as well');
    $none->stop;
    my $without = MedusaStore::Harness->new(shop => $h, without => ['status']);
    is($without->get('/store/auth')->{status}, 401, 'without mod_status the API is the same');
    $without->stop;
};

$h->stop;
done_testing;
