# Each way to run httpd works, and its end leaves nothing behind: no process, no semaphores. (Restarts: t/40-conf/restart.t.)
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

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
