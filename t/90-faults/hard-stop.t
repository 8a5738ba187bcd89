# httpd with all its children is killed, and with it the worker that delivers events, as when a machine goes; then both are started again.
# Who was signed in still is, what was acknowledged is there, and each event arrives.
use strict;
use warnings;

use List::Util qw(max);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer token_for who as_cookie as_bearer);
use MedusaStore::Daemon;
use MedusaStore::Harness;
use MedusaStore::Json qw(decode);
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

use constant STOPS => full() ? 20 : 3;

MedusaStore::Harness::need_database();
my $h = MedusaStore::Harness->new(log_level => 'warn', http_log_level => 'notice', main => $STEADY);
my $events = "$ENV{MS_TEST_SCRATCH}/hard-stop-events-$$";
my $sink = $h->write_file('sink', "#!/bin/sh\nexec cat >> '$events'\n");
chmod 0755, $sink;

sub worker {
    my $worker = MedusaStore::Daemon->new('worker');
    return $worker->launch($ENV{MS_ADMIN}, '--params-file', "$h->{root}/db-admin-params", 'outbox', '--follow', '--timeout', '2s', '--exec', $sink);
}

my @regulars = map { my $c = new_customer($h); +{ %$c, token => token_for($h, $c) } } 1 .. 5;
my $worker = worker();
my $steady = MedusaStore::Steady->start('F8', $h)->delivered;
my ($signed_out, @back) = 0;

# Is that still the customer? While a server that has just started has no connection to its database yet, it can't tell.
sub is_signed_out {
    my ($c, @sign_in) = @_;
    my $end = time + 20;
    my $who;
    do { $who = who($h, @sign_in) } while $who eq '503' && time < $end;
    return $who ne $c->{id};
}

for my $n (1 .. STOPS) {
    sleep 0.5 + rand 0.5;
    $h->crash;
    $worker->kill;
    sleep 0.2;
    my $from = time;
    $h->start_again;
    push @back, time - $from;
    $worker = worker();
    for my $c (@regulars) {
        $signed_out += is_signed_out($c, as_cookie($c->{cookie})) + is_signed_out($c, as_bearer($c->{token}));
    }
    sleep 0.2;
}
sleep 0.5;
$steady->end;
ok figure('F8', 'times that httpd and the worker were killed and started', STOPS, '', 1), STOPS . ' stops';
ok figure('F8', 'sessions and tokens that did not live on', $signed_out, '', !$signed_out), 'nobody was signed out';
$steady->holds;
ok figure('F8', 'seconds from the start to an answer, at most', sprintf('%.2f', max(@back)), 's', max(@back) < 5), sprintf 'it answers after %.2f s at most', max(@back);

# ---- the events: one that a dead worker had taken is due again only after its --timeout ----
my $end = time + 60;
sleep 0.1 while $h->sql_value('SELECT COUNT(*) FROM outbox') && time < $end;
is $worker->has_ended, 0, 'the worker goes on' or diag $worker->log_text;
$worker->stop;
is $worker->log_text, join('', grep { /^delivered \d+, failed 0, given up 0$/ } map { "$_\n" } split /\n/, $worker->log_text), '… and has nothing to complain of';
my %delivered;
open my $in, '<', $events or die "$events: $!";
while (my $line = <$in>) {
    my $event = eval { decode($line) } or next;    # the worker may be killed while its program writes
    $delivered{ $event->{data}{id} }{ $event->{id} }++ if $event->{event_name} eq 'customer.created';
}
close $in;
unlink $events;
my @ids = map { $_->[0] } $h->sql('SELECT id FROM customer');
my @missing = grep { keys %{ $delivered{$_} || {} } != 1 } @ids;
my %is_customer = map { $_ => 1 } @ids;
my @invented = grep { !$is_customer{$_} } keys %delivered;
my $twice = grep { $_ > 1 } map { values %$_ } values %delivered;
ok figure('F8', 'customers whose event was not delivered', scalar @missing, '', !@missing), scalar(@ids) . ' customers, each has its event' or diag "@missing[0 .. 3]";
ok figure('F8', 'events of nobody', scalar @invented, '', !@invented), 'and there are no others';
note "$twice events came more than once";
$h->expect_log('AH00098', qr/Unclean shutdown/);
$h->stop;
done_testing;
