# Whoever sets the clock changes no wait and no measure: those are taken on the steady clock. The other one is read where a time of day is
# meant, and nowhere else.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(c_files none text without_comments);

my %TIME_OF_DAY = map { $_ => 1 } (
    'mod_medusa_store/httpd/checkup.c',    # now, for the status handlers; a request has httpd's own
    'mod_medusa_store/httpd/count.c',      # since when is counted
    'mod_medusa_store/httpd/page.c',       # as of when is told
    'mod_medusa_store/httpd/session.c',    # the end of a session of mod_session, which has it as a time of day
);

my (@read, @waits);
for my $file (c_files()) {
    my @lines = split /\n/, without_comments(text($file));
    for my $n (1 .. @lines) {
        push @read, "$file:$n" if $lines[$n - 1] =~ /\b(?:apr_time_now|gettimeofday|time)\(\s*(?:\)|NULL|&)|\bCLOCK_REALTIME\b/ && !$TIME_OF_DAY{$file};
        push @waits, "$file:$n" if $lines[$n - 1] =~ /\bapr_thread_cond_timedwait\b|\bapr_reslist_timeout_set\b/;
    }
}
none(\@read, 'the time of day is read where one is meant');
none(\@waits, 'nothing waits by it: APR\'s conditions do, and with them its lists of resources');
none([grep { text($_) !~ /\bapr_time_now\(\)/ } sort keys %TIME_OF_DAY], 'all of the list do read it');
done_testing;
