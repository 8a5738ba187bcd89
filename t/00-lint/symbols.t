# The module exports its record and nothing else: no name of ours meets one of httpd's or of another module's.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

plan skip_all => 'MS_MODULE is not set: run it by ./check' unless $ENV{MS_MODULE};
my @names = map { /\s[A-Za-z]\s+(\S+)/ ? $1 : () } `nm -D --defined-only '$ENV{MS_MODULE}'`;
is($?, 0, 'nm reads the module');
is_deeply(\@names, ['medusa_store_module'], 'only medusa_store_module is exported');
my $needed = join ' ', grep { /NEEDED/ } `readelf -d '$ENV{MS_MODULE}'`;
unlike($needed, qr/libapr-|libaprutil-/, 'httpd brings APR along; the module links none of its own');
done_testing;
