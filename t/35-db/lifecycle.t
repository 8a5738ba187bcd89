# Children that end while others serve: graceful restarts under load break no request, every kind of end leaves nothing behind
# (no process, no semaphores), and each way to run httpd works.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Harness;

MedusaStore::Harness::need_database();

# Our semaphore sets, as the kernel lists them: id => 1.
sub semaphores {
    open my $file, '<', '/proc/sysvipc/sem' or return;
    my @rows = map { [split] } <$file>;
    return map { $_->[1] => 1 } grep { $_->[0] ne 'key' } @rows;
}

sub person { return { email => "$_[0]\@example.com", password => 'correct horse', first_name => 'A', last_name => 'B' } }

# ---- graceful restarts under load ----
my $h = MedusaStore::Harness->new(http_log_level => 'notice', main => "MedusaStorePasswordCost 8192 1\nMedusaStoreHashWait 10s\n");
is $h->post('/store/customers', json => person('me'), jar => 'me')->{status}, 200, 'a customer';
my $crowd = MedusaStore::Crowd->start(3, sub {
    my ($number, $more) = @_;
    my (%seen, $n);
    while ($more->()) {
        # a connection that was never accepted, or closed before it was used, is httpd's way to restart
        my $answer = eval { $number % 2 ? $h->post('/store/customers', json => person("c$number-" . ++$n)) : $h->get('/store/customers/me', jar => 'me') };
        $seen{ $answer ? $answer->{status} : $@ =~ /closed in the middle|can't connect|reset/ ? 'closed' : "$@" }++;
        sleep 0.02;
    }
    return \%seen;
});
my $again = 20;
sub starts { return scalar(() = $h->log_text =~ /resuming normal operations/g) }
for my $n (1 .. $again) {
    my $before = starts();
    for (1 .. 200) {
        $h->signal('USR1') if $_ % 40 == 1;    # httpd may miss one that comes while it starts
        sleep 0.05;
        last if starts() > $before;
    }
    cmp_ok starts(), '>', $before, "graceful restart $n" or last;
    sleep 0.05;
}
my %seen;
for my $one ($crowd->end) {
    $seen{$_} += $one->{$_} for keys %$one;
}
cmp_ok $seen{200} // 0, '>', 50, 'requests were answered meanwhile';
my $closed = delete $seen{closed} // 0;
is_deeply [grep { $_ ne '200' } keys %seen], [], '… all with 200' or diag explain \%seen;
cmp_ok $closed, '<=', 3 * $again, "… but for connections that were closed ($closed)";
is $h->sql_value('SELECT count(*) FROM customer') - $h->sql_value('SELECT count(*) FROM outbox'), 0, 'each customer has its event';
$h->stop('20 graceful restarts leave a clean log');

# ---- each way to run httpd: it serves, it ends at once, and takes its semaphores along ----
for my $way ([mpm => 'prefork'], [mpm => 'worker'], [mpm => 'event'], [single => 1]) {
    my %before = semaphores();
    my $s = MedusaStore::Harness->new(@$way, main => "MedusaStorePasswordCost 8192 1\n");
    my $name = $way->[0] eq 'mpm' ? $way->[1] : '-X';
    my @all = MedusaStore::Crowd->start(8, sub { my ($n) = @_; return $s->post('/store/customers', json => person("x$n"))->{status} })->end;
    is_deeply [grep { $_ ne '200' } @all], [], "$name: eight registrations at once";
    my @ours = grep { !$before{$_} } keys %{ { semaphores() } };
    cmp_ok scalar @ours, '>=', 1, "$name: there are semaphores";
    my $group = $s->{pid};
    my $from = time;
    $s->stop_server;
    cmp_ok time - $from, '<', 3, "$name: it ends at once";
    ok !kill(0, -$group), "$name: … with all of its processes";
    my %after = semaphores();
    # tests beside this one make and remove their own
    cmp_ok scalar(grep { $after{$_} } @ours), '<', scalar @ours, "$name: … and its semaphores";
    $s->allow_log('AH00098');
    $s->stop;
}
done_testing;
