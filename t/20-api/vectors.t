# Every row of vectors.json: a request, and the answer that Medusa v1 gives to it, or ours where we mean to do better.
# Rows of operations that have no route yet wait: "pending" lists these operations (none at the moment), and each of them is
# asked for here, so that the list can't outlive its reason. Take an operation off the list once it is there; its rows then run.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Cases;
use MedusaStore::Harness;
use MedusaStore::Json qw(decode);

sub read_vectors {
    open my $in, '<:encoding(UTF-8)', "$FindBin::Bin/vectors.json" or die "vectors.json: $!";
    local $/;
    return decode(<$in>);
}

sub operation_of { my ($row) = @_; return "$row->{method} " . $row->{path} =~ s/\?.*//r }

# Whoever is signed out hears 401 from an operation that is not there, too.
sub is_guarded { my ($row) = @_; return ($row->{expect}{text} // '') eq 'Unauthorized' }

my $h = MedusaStore::Harness->new(location => $MedusaStore::Cases::LOCATION);
my $vectors = read_vectors();
my %pending = map { $_ => 0 } @{ $vectors->{pending} || [] };
my $account = { email => 'vectors@lab.test', password => 'correct horse', first_name => 'V', last_name => 'C' };
is($h->post('/store/customers', json => $account, jar => 'customer')->{status}, 200, 'somebody is signed in');
cmp_ok(scalar @{ $vectors->{rows} }, '>', 100, 'there are rows');

for my $row (@{ $vectors->{rows} }) {
    my $operation = operation_of($row);
    if (exists $pending{$operation} && !is_guarded($row)) {
        $pending{$operation}++;
        next;
    }
    my @bad = eval { MedusaStore::Cases::run_step($h, $row, {}) };
    push @bad, $@ if $@;
    ok(!@bad, "$row->{name}: $row->{method} $row->{path}") or diag(map { "$_\n" } @bad);
}

for my $operation (sort keys %pending) {
    my ($method, $path) = split / /, $operation;
    ok($pending{$operation}, "$operation has rows that wait");
    my $r = $h->request($method, $path, jar => 'customer', $method eq 'POST' ? (json => {}) : ());
    ok($r->{status} == 404 && $r->{json}{message} eq "Cannot $operation", "$operation has no route yet")
        or diag("it answers $r->{status}: take it off the list in vectors.json");
    is($h->request($method, $path)->{status}, 401, "$operation is nobody's without a sign-in");
}

$h->stop;
done_testing;
