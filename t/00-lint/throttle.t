# The limits on tries are told three times: in the code, in the reference of all directives, and in README; and each kind has a route.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(files none text without_comments);

my %unit = (3600 => '1h', 600 => '10mi');
my %word = text('mod_medusa_store/core/tries.h') =~ /^\s*X\((\w+),\s*"(\w+)",/mg;
cmp_ok(scalar keys %word, '>', 3, 'the kinds are found');

# "SignIn Address 100/10mi", …; limits of an account only for those kinds that name one.
my @code;
my $rules = without_comments(text('mod_medusa_store/account/throttle.c'));
while ($rules =~ /\[MS_TRY_(\w+)\]\s*=\s*\{\s*[^{}]*?,\s+([01]), [01], \d+,\s*\{ (.*?) \} \},/g) {
    my ($kind, $names, $all) = ($1, $2, $3);
    my @limits = $all =~ /(LIMIT\(\d+, \d+\)|OFF)/g;
    for my $by ($names ? qw(Address Account Both) : 'Address') {
        my $limit = shift @limits;
        push @code, "$word{$kind} $by " . ($limit =~ /\((\d+), (\d+)\)/ ? "$1/$unit{$2}" : 'Off');
    }
}
cmp_ok(scalar @code, '>', 10, 'the limits are found');
my @reference = text('conf/medusa_store.conf') =~ /^#MedusaStoreThrottleLimit (.*)$/mg;
is_deeply([sort @reference], [sort @code], 'conf/medusa_store.conf tells them');

my @told;
for my $row (text('README') =~ /^\| ((?:@{[join '|', values %word]}) \| .*) \|$/mg) {
    my ($kind, undef, @limits) = split / *\| */, $row;
    push @told, map { "$kind $_->[0] $_->[1]" } grep { length($_->[1] // '') } map { [(qw(Address Both Account))[$_], $limits[$_]] } 0 .. 2;
}
is_deeply([sort @told], [sort @code], 'README tells them');

my $routes = join '', map { text($_) } files('mod_medusa_store/api', qr/\.c$/);
none([grep { $routes !~ /\bMS_TRY_$_\b/ } sort keys %word], 'each kind has a route');
done_testing;
