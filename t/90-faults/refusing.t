# F4: the database answers, but not as it should: its disk is full, it only reads, it has no connection left, or does not know the
# password any more. Sixteen customers are told 503, or are served as far as that goes; the log holds one line a minute and cause; and all is
# well once the cause is gone. For more than a minute each with ./check --full.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Accounts qw(new_customer as_cookie);
use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

my $LASTS = full() ? 75 : 1.5;
my $web = $ENV{MS_TEST_WEB_USER};

# A disk of a size takes root, and mounts.
sub can_mount {
    my ($exit, $why) = MedusaStore::Harness::run_command('unshare', '--mount', 'mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', $ENV{MS_TEST_SCRATCH});
    note "no full disk: $why" if $exit;
    return !$exit;
}

# The server with a small disk of its own, for one table. (One that has all on a full disk ends itself: InnoDB has no room to roll back.)
sub with_a_small_disk {
    my ($folder, @command) = @_;
    mkdir "$folder/disk";
    return ('unshare', '--mount', 'sh', '-ec', qq(mount -t tmpfs -o size=32m,mode=0755 tmpfs "$folder/disk"
        chown --reference="$folder/data" "$folder/disk"; exec "\$@"), 'sh', @command);
}

MedusaStore::Harness::need_database();
my $small = can_mount();
my $db = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1'], $small ? (under => \&with_a_small_disk) : ());
my $disk = "/proc/$db->{pid}/root$db->{folder}/disk";    # nobody else has it mounted
my $h = MedusaStore::Harness->new(log_level => 'notice', http_log_level => 'notice', main => $STEADY);
my $admin = $db->session($h->{database});
if ($small) {    # each write of a customer has an event in it
    my ($create) = map { $_->[1] =~ s/\\n/ /gr } $h->sql('SHOW CREATE TABLE outbox');
    $h->sql("DROP TABLE outbox; $create DATA DIRECTORY='$db->{folder}/disk'");
}
my $c = new_customer($h);
my (@held, $big);
$SIG{PIPE} = 'IGNORE';    # those who get no place end at once

sub can_write { return $h->post('/store/customers/me', as_cookie($c->{cookie}), json => { phone => '555' })->{status} == 200 }

sub kill_connections {
    $admin->run("KILL $_") for map { (split /\t/)[0] } grep { /\t\Q$web\E\t/ } @{ $admin->run('SHOW PROCESSLIST') };
    return;
}

# Those that are not httpd's.
sub connections { return scalar grep { !/\t\Q$web\E\t/ && /\t\Q$h->{database}\E\t/ } @{ $admin->run('SHOW PROCESSLIST') } }

# A cause: how it begins and ends, what the log says of it, and whether what is there can be read meanwhile.
my @causes = (
    {
        name => 'read-only', id => 'MS0105', line => qr/statement \S+ failed with error 1290: /, reads => 1,
        begin => sub { $admin->run('SET GLOBAL read_only = 1') }, end => sub { $admin->run('SET GLOBAL read_only = 0') },
    },
    {
        name => 'no connection left', id => 'MS0101', line => qr/can't connect to the database: Too many connections/, reads => 0,
        begin => sub {
            $admin->run('SET GLOBAL max_connections = 10');
            for (1 .. 100) {    # whoever is faster takes a place
                kill_connections();
                push @held, $db->session($h->{database}) if @held < 30;
                sleep 0.05;
                last if connections() > 10;    # root has one beyond the limit
            }
        },
        end => sub { $_->end for splice @held; $admin->run('SET GLOBAL max_connections = 151') },
    },
    {
        name => 'wrong password', id => 'MS0101', line => qr/can't connect to the database: Access denied/, reads => 0,
        begin => sub { $admin->run("ALTER USER $web\@localhost IDENTIFIED BY 'another one'"); kill_connections() },
        end => sub { $admin->run("ALTER USER $web\@localhost IDENTIFIED BY ''") },
    },
    $small ? {
        name => 'disk full', id => 'MS0105', line => qr/statement \S+ failed with error 1114: /, reads => 1,
        begin => sub {
            open my $file, '>', "$disk/filler" or die "$disk/filler: $!";
            1 while syswrite $file, 'x' x 65536;
            close $file;
            # those who bring much use up what the table still has
            $big = MedusaStore::Crowd->start(4, sub {
                my ($number, $more) = @_;
                my (%statuses, $n);
                while ($more->()) {    # a row that fills much of a page, but needs none beside
                    my $person = { email => "big$number-" . ++$n . '@example.com', password => 'correct horse', map { $_ => 'B' x 2500 } qw(first_name last_name) };
                    $statuses{ $h->post('/store/customers', json => $person)->{status} }++;
                    sleep 0.02;
                }
                return \%statuses;
            });
            $h->await_log(qr/failed with error 1114: /, 60);    # on a busy machine it takes them a while
        },
        end => sub {
            unlink "$disk/filler" or die "$disk/filler: $!";
            my %statuses;
            for my $client ($big->end) {
                $statuses{$_} += $client->{$_} for keys %$client;
            }
            is_deeply [grep { !/^(?:200|503)$/ } keys %statuses], [], 'disk full: those who bring much are told 200 or 503' or diag explain \%statuses;
            cmp_ok $statuses{503} // 0, '>', 10, '… most of them 503';
        },
    } : (),
);

$h->allow_log($_) for qw(MS0102 MS0107 MS0109 MS0111 MS0117);    # MS0107: read_only waits for those who write, and keeps others waiting
$h->expect_log($_->{id}, $_->{line}) for @causes;
my $steady = MedusaStore::Steady->start('F4', $h);
my $reader = MedusaStore::Crowd->start(2, sub {
    my (undef, $more) = @_;
    my @seen;
    while ($more->()) {
        my $from = time;
        push @seen, [$from, $h->get('/store/customers/me', as_cookie($c->{cookie}))->{status}, time];
        sleep 0.02;
    }
    return \@seen;
});
for my $cause (@causes) {
    sleep 0.5;
    $cause->{begin}->();
    $cause->{from} = time;
    sleep $LASTS;
    $cause->{to} = time;
    $cause->{end}->();
    $cause->{over} = time;
    sleep 2;
    sleep 0.1 until can_write() || time > $cause->{over} + (full() ? 2 : 20);    # a busy machine takes longer to connect again
    $cause->{well} = time;
    sleep 0.5;
}
my $ended = time;
$steady->end;
my @reads = map { @$_ } $reader->end;
my @seen = $steady->traffic->seen;
my $log = $h->log_text;
for my $n (0 .. $#causes) {
    my $cause = $causes[$n];
    my $name = $cause->{name};
    my @during = grep { $_->{from} > $cause->{from} && $_->{to} < $cause->{to} } @seen;
    my @writes = grep { $_->{kind} =~ /^(?:register|tag)$/ } @during;
    my @odd = grep { !$_->{good} } @during;
    my @refused = grep { $_->{status} == 503 } @writes;
    cmp_ok scalar(@refused), '>', 10, "$name: writes are refused: " . @refused . ' of ' . @writes;
    figure('F4', "$name: 503", scalar(@refused), '', 1);
    ok figure('F4', "$name: answers that are neither right nor 503", scalar @odd, '', !@odd), "$name: nothing else is told" or diag explain \@odd;
    my %read;
    $read{ $_->[1] }++ for grep { $_->[0] > $cause->{from} + 0.5 && $_->[2] < $cause->{to} } @reads;
    is_deeply [keys %read], [$cause->{reads} ? 200 : 503], "$name: reading is " . ($cause->{reads} ? 'well' : 'refused, too');
    my $lines = () = $log =~ /$cause->{line}/g;
    my $allowed = 1 + int(($cause->{over} - $cause->{from} + 2) / 60);
    ok figure('F4', sprintf('%s: lines of the log in %.0f s', $name, $cause->{over} - $cause->{from}), $lines, '', $lines >= 1 && $lines <= $allowed),
        "$name: one line a minute, $lines in all";
    my @late = grep { $_->{from} > $cause->{well} && $_->{to} < ($n < $#causes ? $cause->{well} + 0.5 : $ended) && $_->{status} !~ /^(?:200|401)$/ } @seen;
    ok figure('F4', "$name: failures two seconds after its end", scalar @late, '', !@late), "$name: all is well after it" or diag explain \@late;
}
$steady->holds;
$h->stop;
done_testing;
