# The API and what depends on processes and threads under the other MPMs: conversations, sessions, tokens, the gate before the
# hashes, races. The whole of it runs under the MPM of this run (TEST_MPM, else event).
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Harness;

my @TESTS = qw(20-api/cases.t 20-api/wire.t 30-auth/session.t 30-auth/cookie.t 30-auth/bearer.t 30-auth/mod_session.t
    30-auth/gate.t 91-consistency/one-email.t);

# What httpd's MPMs say when they start.
my %STARTED = (event => 'AH00489', worker => 'AH00292', prefork => 'AH00163');

MedusaStore::Harness::need_database();
my $here = $ENV{TEST_MPM} || 'event';

sub run_test {
    my ($name) = @_;
    my ($exit, $output) = MedusaStore::Harness::run_command($^X, "-I$FindBin::Bin/../lib", "$FindBin::Bin/../$name");
    my $good = $exit == 0 && $output =~ /^1\.\.[1-9]/m && $output !~ /^1\.\.0/m;
    return ok($good, $name) || diag(grep { /not ok|^\s*#/ } split /^/, $output);
}

for my $mpm (grep { $_ ne $here } sort keys %STARTED) {
    subtest $mpm => sub {
        local $ENV{TEST_MPM} = $mpm;
        local $ENV{MS_CASES} = '';
        my $h = MedusaStore::Harness->new;
        ok($h->await_log(qr/\b$STARTED{$mpm}: .*resuming normal operations/), 'it is the one that runs');
        $h->stop;
        run_test($_) for @TESTS;
    };
}

done_testing;
