# The tree builds from its own lists, and tells nothing of the machine that it was written on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(files none text top);

my $makefile = text('Makefile.am');
my %listed = map { $_ => 1 } $makefile =~ /^\t(\S+?\.c)\b/mg;
my @sources = (files('mod_medusa_store', qr/\.c$/), files('tools', qr/\.c$/));
none([grep { !$listed{$_} } @sources], 'each source is listed in Makefile.am');
none([grep { !-f top() . "/$_" } sort keys %listed], 'each listed source is there');
my @units = map { s/\.c$//r } files('t/10-unit', qr{/test_\w+\.c$});
none([grep { $makefile !~ m{^\t\Q$_\E(?:\s|$)}m } @units], 'each unit test is listed in Makefile.am');

my ($version) = text('configure.ac') =~ /^AC_INIT\(\[\w+\], \[([\d.]+)\]/m;
ok($version, "the version is $version");
my %told = (
    CHANGES => qr/^([\d.]+) \(/m, 'debian/changelog' => qr/\A[\w-]+ \(([\d.]+)\)/, 'packaging/rpm/mod_medusa_store.spec' => qr/^Version:\s+([\d.]+)$/m,
);
is((text($_) =~ $told{$_})[0], $version, "$_ begins with it") for sort keys %told;

# patterns in pieces, lest this file find itself
my @LOCAL = map { join '', @$_ } ['/wo', 'rk/'], ['\.\./sha', 'red'], ['/ro', 'ot/'], ['/ho', 'me/\w'],
    ['registry\.np', 'mjs'], ['py', 'pi\.org'], ['deb\.de', 'bian\.org'], ['proxy\.go', 'lang'], ['crates\.', 'io'];
my $local = join '|', @LOCAL;
my @telling;
for my $file (files('')) {
    my $text = text($file);
    next if $text =~ /\0/;
    push @telling, "$file: $1" if $text =~ m{($local)};
}
none(\@telling, 'no file names a folder of a developer\'s machine or a package registry');

SKIP: {
    skip 'shellcheck is not installed', 1 unless grep { -x "$_/shellcheck" } split /:/, $ENV{PATH};
    my @scripts = map { top() . "/$_" } 'run', 'check', '.ci/run', 'scripts/test', files('scripts', qr/\.sh$/);
    my $output = `shellcheck --severity=warning --exclude=SC1091 @scripts 2>&1`;
    is($output, '', 'shellcheck has nothing to say');
}
done_testing;
