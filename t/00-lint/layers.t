# Includes point down only (HACKING: the layers), and each world's headers stay in the folder that knows that world.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(c_files none text without_comments);

# folders that a folder may include from
my %BELOW = (
    core     => [qw(core)],
    db       => [qw(core db)],
    resource => [qw(core db resource account)],
    account  => [qw(core db resource account)],
    api      => [qw(core db resource account api)],
    tools    => [qw(core db resource account api tools)],
    httpd    => [qw(core db resource account api httpd)],
);
# headers of the outside world, and who may know it
my @WORLDS = (
    [qr/^(?:httpd|scoreboard|mpm_common|unixd|(?:http|ap|util|mod)_\w+)\.h$/, 'httpd', { httpd => 1 }],
    [qr/^(?:apr_dbd\w*|mysql\w*|mysqld_error|errmsg)\.h$|^(?:mysql|mariadb)\//, 'the database', { db => 1 }],
);

sub folder_of {
    my ($file) = @_;
    return $1 if $file =~ m{^mod_medusa_store/(\w+)/} || $file =~ m{^(tools)/};
    return $file =~ m{^mod_medusa_store/mod_medusa_store\.c$} ? 'httpd' : '?';
}

sub includes_of {
    my ($file) = @_;
    return text($file) =~ /^\s*#\s*include\s*([<"][^>"]+)[>"]/mg;
}

# Complaints about one include of a file.
sub judge {
    my ($file, $include) = @_;
    my $folder = folder_of($file);
    my ($kind, $name) = $include =~ /^([<"])(.+)/;
    my @bad = map { "$file includes $name: only $_->[1]'s folder may know it" }
        grep { $name =~ $_->[0] && !$_->[2]{$folder} } @WORLDS;
    if ($kind eq '"' && $name =~ m{^(\w+)/}) {
        my $from = $1;
        push @bad, "$file includes $name: an arrow that points up" unless grep { $_ eq $from } @{ $BELOW{$folder} || [] };
    }
    elsif ($kind eq '"' && $name ne 'config.h') {
        push @bad, "$file includes $name: name its folder";
    }
    return @bad;
}

my @files = c_files();
cmp_ok(scalar @files, '>', 20, 'the sources are found');
my @unknown = grep { !$BELOW{ folder_of($_) } } @files;
none(\@unknown, 'each source is in a folder of a known layer');
my @bad = map { my $file = $_; map { judge($file, $_) } includes_of($file) } @files;
none(\@bad, 'all includes point down');

is(scalar judge('mod_medusa_store/core/x.c', '"db/db.h'),  1, 'an upward arrow is seen');
is(scalar judge('mod_medusa_store/db/x.c',   '<httpd.h'),  1, 'httpd outside of its folder is seen');
is(scalar judge('mod_medusa_store/api/x.c',  '<mysql.h'),  1, 'the database outside of its folder is seen');
done_testing;
