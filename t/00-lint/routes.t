# Each route has a conversation (a step of t/20-api/*/*.json) or a test that names it as "METHOD path".
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Cases qw(load_case);
use MedusaStore::Source qw(files none table_rows text top);

# "METHOD path" of each route that has an action; the path as clients write it.
my @routes = map { "$_->[0] /store$_->[1]" } grep { $_->[0] ne '*' }
    map { my @row = @$_; s/^"|"$//g for @row[0, 1]; \@row } grep { $_->[3] ne 'NULL' }
    map { table_rows(text($_), 'ms_route_t') } files('mod_medusa_store/api', qr/\.c$/);
cmp_ok(scalar @routes, '>', 5, 'the routes are found');

my @tested;
for my $file (files('t', qr{^t/20-api/[^/]+/[^/]+\.json$})) {
    my $case = load_case(top() . "/$file");
    push @tested, map { ($_->{method} // 'GET') . " $_->{path}" } grep { defined $_->{path} } @{ $case->{steps} };
}
push @tested, text($_) =~ m{\b([A-Z]+ /store/[^\s"'?]*)}g for files('t', qr{^t/[23]\d-.*\.t$});

sub is_tested {
    my ($route) = @_;
    my $regex = join '', map { /^\{/ ? '[^/]+' : quotemeta } split /(\{\w+\})/, $route;
    return scalar grep { m{^$regex/?(?:\?.*)?$} } @tested;
}

none([grep { !is_tested($_) } @routes], 'each route has a test');
my %seen;
none([grep { $seen{$_}++ } @routes], 'no route is there twice');
ok(!is_tested('GET /store/nothing/of/the/kind'), 'a route without a test is seen');
done_testing;
