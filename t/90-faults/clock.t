# The clock of httpd is set: a day forward and back, to January 2038, through a leap second, and to and fro among customers. Sign-ins end when
# the rule says by that clock, no time overflows, and no id comes twice. Done with libfaketime; the database keeps the true time.
use strict;
use warnings;

use List::Util qw(max);
use POSIX qw(strftime);
use Test::More;
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

use MedusaStore::Accounts qw(new_customer sign_in token_for who cookie_of as_cookie as_bearer jwt_claims rows_are_secret);
use MedusaStore::Harness;
use MedusaStore::Report qw(figure full);
use MedusaStore::Steady qw($STEADY);

use constant { HOUR => 3600, DAY => 86_400, SESSION => 36_000, TOKEN => 720 * 3600 };
use constant STEPS => full() ? 200 : 20;

MedusaStore::Harness::need_database();
my ($library) = map { glob } '/usr/lib/*/faketime/libfaketimeMT.so.1', '/usr/lib*/faketime/libfaketimeMT.so.1', '/usr/local/lib/faketime/libfaketimeMT.so.1';
if (!$library) {
    die "libfaketime is not installed\n" if $ENV{MS_TEST_REQUIRE};
    plan skip_all => 'libfaketime is not installed';
}
plan skip_all => 'the sanitizers and libfaketime exclude each other' if $ENV{SAN_PRELOAD};

my $h = MedusaStore::Harness->new(start => 0, main => $STEADY, log_level => 'info');
my $file = $h->write_file('clock', '+0');
# the steady clock, by which waits are measured, is nobody's to set
$h->{under} = ['env', "LD_PRELOAD=$library", "FAKETIME_TIMESTAMP_FILE=$file", qw(FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_FORCE_MONOTONIC_FIX=0)];
$h->start;

my $offset = 0;

# Set the clock of httpd: seconds ahead of ours.
sub set_clock {
    ($offset) = @_;
    $h->write_file('clock.new', sprintf '%+.3f', $offset);
    rename "$h->{root}/clock.new", $file;
    return;
}

sub now { return time + $offset }

# Seconds since 1970 of a time in the tables, or on the wire.
sub seconds_of {
    my ($text) = @_;
    my ($y, $m, $d, $H, $M, $S, $ms) = $text =~ /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)\.(\d{3})Z?\z/ or die "no time: $text";
    return timegm($S, $M, $H, $d, $m - 1, $y) + $ms / 1000;
}

sub is_near { my ($got, $expected, $name) = @_; return cmp_ok abs($got - $expected), '<', 20, $name }

# A customer as of now, with cookie and token.
sub arrive { my $c = new_customer($h); return { %$c, token => token_for($h, $c), since => now() } }

# What a cookie and a token are at a time: the customer's id or the status of a refusal.
sub seen_at {
    my ($c, $at) = @_;
    set_clock($at - time);
    return [who($h, as_cookie($c->{cookie})), who($h, as_bearer($c->{token}))];
}

# Sign-ins made now hold as long as they should, to the minute. In steps of less than a session's life, a use extends it, so the
# cookie is looked at once before its end and once after.
sub ends_as_the_rule_says {
    my ($name) = @_;
    my $wrong = 0;
    for my $case (
        ['a cookie a minute before its end', 0, SESSION - 60, 1], ['… and after it', 0, SESSION + 60, 0],
        ['a token a minute before its end',  1, TOKEN - 60, 1],   ['… and after it', 1, TOKEN + 60, 0]) {
        my ($what, $which, $later, $good) = @$case;
        my $back = $offset;
        my $c = arrive();
        my $got = seen_at($c, $c->{since} + $later)->[$which];
        is $got, $good ? $c->{id} : 401, "$name: $what" or $wrong++;
        set_clock($back);
    }
    return ok figure('F10', "sign-ins that did not end as the rule says: $name", $wrong, '', !$wrong), "$name: all sign-ins end in time";
}

# Times of a row, of an answer, of a cookie and of a token are of now.
sub tells_the_time {
    my ($name) = @_;
    my $c = arrive();
    my ($row) = $h->sql("SELECT created_at, updated_at FROM customer WHERE id = '$c->{id}'");
    is_near(seconds_of($_), now(), "$name: a time in the table") for @$row;
    my $answer = $h->get('/store/customers/me', as_cookie($c->{cookie}))->{json}{customer};
    is_near(seconds_of($answer->{created_at}), now(), "$name: a time in an answer");
    my %ends = map { @$_ } $h->sql("SELECT kind, expires_at FROM session WHERE customer_id = '$c->{id}'");
    is_near(seconds_of($ends{cookie}), now() + SESSION, "$name: the end of a session");
    is_near(seconds_of($ends{bearer}), now() + TOKEN, "$name: the end of a token's row");
    my $claims = jwt_claims($c->{token});
    is_near($claims->{iat}, now(), "$name: iat");
    is_near($claims->{exp}, now() + TOKEN, "$name: exp");
    like sign_in($h, $c)->{cookies}[0], qr/; Max-Age=36000;/, "$name: the cookie's life";
    # an id begins with its time: ten characters of five bits, in milliseconds
    my ($time, $ms) = ($c->{id} =~ /^cus_(.{10})/, 0);
    $ms = $ms * 32 + index '0123456789ABCDEFGHJKMNPQRSTVWXYZ', $_ for split //, $time;
    is_near($ms / 1000, now(), "$name: the time in an id");
    return;
}

subtest 'today' => sub {
    tells_the_time('today');
    ends_as_the_rule_says('today');
};

subtest 'a day forward, and back' => sub {
    my $old = arrive();
    my ($gone, $token) = @{ seen_at($old, time + DAY) };
    is $gone, 401, 'a session of ten hours is over';
    is $token, $old->{id}, 'a token of thirty days is not';
    tells_the_time('a day ahead');
    ends_as_the_rule_says('a day ahead');
    my $ahead = arrive();
    is_deeply seen_at($ahead, time), [$ahead->{id}, $ahead->{id}], 'back: who signed in tomorrow is still in';
    is_deeply [who($h, as_cookie($old->{cookie})), who($h, as_bearer($old->{token}))], [$old->{id}, $old->{id}],
        '… and so is who signed in before: nothing ended but by its time';
    my $behind = seen_at($old, time - DAY);
    is_deeply $behind, [$old->{id}, $old->{id}], 'a day back, too';
    tells_the_time('a day behind');
    ends_as_the_rule_says('a day behind');
    set_clock(0);
};

subtest 'beyond 2^31 seconds' => sub {
    my $limit = 2**31;
    set_clock($limit - 100 - time);
    my $c = arrive();
    is_deeply seen_at($c, $limit + 100), [$c->{id}, $c->{id}], 'across the limit nobody is signed out';
    for my $day ([timegm(0, 0, 12, 20, 0, 2038), '2038-01-20'], [timegm(0, 0, 12, 8, 1, 2106), '2106-02-08, beyond 2^32']) {
        my ($at, $name) = @$day;
        set_clock($at - time);
        tells_the_time($name);
        ends_as_the_rule_says($name);
    }
    set_clock(0);
};

# POSIX time has no leap second: the last second of the day comes twice, which is a step back of one.
subtest 'a leap second' => sub {
    my $midnight = timegm(0, 0, 0, 1, 0, 2017);
    set_clock($midnight - 2 - time);
    my $c = arrive();
    my $steady = MedusaStore::Steady->start('F10', $h)->named('a leap second');
    sleep 2.2;
    set_clock($offset - 1);
    sleep 2;
    $steady->end;
    $steady->holds;
    is_deeply [who($h, as_cookie($c->{cookie})), who($h, as_bearer($c->{token}))], [$c->{id}, $c->{id}], 'nobody is signed out';
    set_clock(0);
};

subtest 'to and fro' => sub {
    my $steady = MedusaStore::Steady->start('F10', $h)->named('to and fro');
    my $c = arrive();
    my $out = 0;
    for my $step (1 .. STEPS) {
        set_clock(int(rand 4 * HOUR) - 2 * HOUR);    # as wide as a session's half life: nobody may be signed out by it
        sleep 0.1;
        $out += $_ ne $c->{id} for who($h, as_cookie($c->{cookie})), who($h, as_bearer($c->{token}));
    }
    set_clock(0);
    $steady->end;
    $steady->holds;
    ok figure('F10', 'steps of the clock by up to two hours among customers', STEPS, '', !$out), STEPS . ' steps, and nobody was signed out';
};

# All that there is, of all these times: rows have unique keys, so a second one of an id would have been a 500; and the events tell of each.
my @ids = map { $_->[0] } $h->sql('SELECT id FROM customer UNION ALL SELECT id FROM outbox');
my %seen;
my @twice = grep { $seen{$_}++ } @ids;
ok figure('F10', 'ids that came twice', scalar @twice, '', !@twice), scalar(@ids) . ' ids, and none twice';
is $h->sql_value('SELECT COUNT(*) FROM session WHERE expires_at < created_at OR last_seen < created_at - INTERVAL 1 DAY'), 0, 'no session ends before it begins';
$h->allow_log('MS0108');
rows_are_secret($h)->stop;
done_testing;
