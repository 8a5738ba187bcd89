# One set of counters for all processes, over restarts and crashes, for as long as shops and routes stay the same; and no memory more.
use strict;
use warnings;

use List::Util qw(sum);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Exposition;
use MedusaStore::Harness;

my $MOUNT = "<Location \"/metrics\">\nSetHandler medusa-store-metrics\n</Location>\n";
my $LOG   = "LogFormat \"%P %m %U\" pid\nCustomLog logs/pid.log pid\n";
my $h = MedusaStore::Harness->new(mpm => 'prefork', conf => $MOUNT . $LOG);

# Requests that were counted, of one shop or all.
sub counted {
    my (%label) = @_;
    return MedusaStore::Exposition->parse($h->get('/metrics')->{body})->sum('medusa_store_requests_total', %label);
}

# Answers of many clients at once: how many there were.
sub ask {
    my ($clients, $times) = @_;
    return sum(MedusaStore::Crowd->start($clients, sub {
        my $n = 0;
        $n += $h->get('/store/auth')->{status} == 401 for 1 .. $times;
        return $n;
    })->end);
}

sub pids {
    open my $in, '<', "$h->{root}/logs/pid.log" or return ();
    my %pid = map { /^(\d+) GET \/store/ ? ($1 => 1) : () } <$in>;
    return keys %pid;
}

# What the parent shares with its children, in KiB by mapping.
sub shared {
    no warnings 'portable';    # addresses are longer than 32 bits
    open my $in, '<', "/proc/$h->{pid}/maps" or return;
    return [sort { $a <=> $b } map { /^(\w+)-(\w+) rw-s .*zero/ ? (hex($2) - hex($1)) / 1024 : () } <$in>];
}

subtest 'all processes' => sub {
    is(ask(12, 8), 96, 'requests were answered');
    is(counted(), 96, 'and counted');
    cmp_ok(scalar pids(), '>', 1, 'by several processes');
};

subtest 'a process that is killed' => sub {
    my ($pid) = pids();
    kill 'KILL', $pid;
    my $end = time + 20;
    sleep 0.05 while -e "/proc/$pid" && time < $end;
    ok(!-e "/proc/$pid", 'it is gone');
    is(counted(), 96, 'what it has counted stays');
};

subtest 'restarts' => sub {
    my $before = shared();
    for my $again (qw(reload restart reload)) {
        $h->$again;
        is(ask(4, 2), 8, 'requests were answered');
    }
    is(counted(), 96 + 3 * 8, 'counts go on');
    is_deeply(shared(), $before, 'in the memory that was there before');
};

subtest 'restarts under traffic' => sub {
    my $before = counted();
    my $crowd = MedusaStore::Crowd->start(4, sub {
        my (undef, $more) = @_;
        my ($asked, $answered) = (0, 0);
        while ($more->()) {
            $asked++;
            $answered++ if (eval { $h->get('/store/auth')->{status} } // 0) == 401;
            sleep 0.01;
        }
        return [$asked, $answered];
    });
    $h->reload for 1 .. 3;
    my @seen = $crowd->end;
    my ($asked, $answered) = map { my $i = $_; sum(map { $_->[$i] } @seen) } 0, 1;
    my $more = counted() - $before;
    ok($more >= $answered && $more <= $asked, "of $asked requests, $answered were answered and $more counted");
    cmp_ok($answered, '>=', 4, 'there was traffic');
};

subtest 'another configuration' => sub {
    my $before = counted();
    my $shared = shared();
    my $more = "<VirtualHost *>\nServerName more.example\nMedusaStoreDBMax 3\n$MOUNT</VirtualHost>\n";
    $h->{conf} .= $more;
    $h->reload;
    is(counted(shop => 'more.example'), 0, 'other shops: counting begins anew');
    ask(2, 2);
    is(counted(shop => 'more.example'), 4, 'and goes on');
    my $with_more = shared();
    is(scalar @$with_more, scalar @$shared, 'no block of memory more');
    $h->{conf} =~ s/\Q$more//;
    $h->reload;
    is(counted(), 0, 'nor are they kept who may come back');
    is_deeply(shared(), $shared, 'the memory is as it was');
    cmp_ok($before, '>', 0, 'there was something to lose');
};

subtest 'without the module for a while' => sub {
    is(ask(3, 3), 9, 'requests were answered');
    {
        local @$h{qw(conf load shop)} = ($LOG, '', 0);
        local $h->{log_level} = 'info';
        no warnings 'redefine';
        my $text = MedusaStore::Harness->can('_conf_text');
        local *MedusaStore::Harness::_conf_text = sub { return $text->(@_) =~ s/^LogLevel medusa_store.*\n//mr };
        $h->reload;
        is($h->get('/store/auth')->{status}, 404, 'there is no API');
        $h->reload;
    }
    $h->reload;
    is(ask(1, 1), 1, 'there is one again');
    is(counted(), 10, 'and goes on counting');
};

$h->stop;
done_testing;
