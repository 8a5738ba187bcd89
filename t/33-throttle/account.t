# What may be tried with one account: from one address, and from everywhere; and that its owner still gets in, whoever else tries.
use strict;
use warnings;

use Test::More;

use MedusaStore::Accounts qw(new_customer);
use MedusaStore::Crowd;
use MedusaStore::Report qw(figure full);
use MedusaStore::Tries qw(shop fail_as pass_as forget_mail reset_as statuses metric);

my $h = shop(['SignIn Address Off', 'SignIn Both 3/1h', 'SignIn Account 6/2h', 'Registration Address Off',
    'ResetMail Address Off', 'ResetMail Both 2/1h', 'ResetMail Account 5/1h', 'Reset Address Off', 'Reset Both 2/1h', 'Reset Account Off']);
my $n = 0;

# Somebody who registered at an address that nobody else has.
sub somebody {
    my $c = new_customer($h);
    $h->sql("DELETE FROM session WHERE customer_id = '$c->{id}'");
    return $c;
}

sub fresh { $n++; return "203.0.113.$n" }

subtest 'by one address' => sub {
    $h->expect_log('MS0009', qr/too many failed sign-ins with one account by one address/, 1);
    my ($c, $other) = (somebody(), somebody());
    is(statuses(map { fail_as($h, '192.0.2.1', $c->{email}) } 1 .. 4), '401*3 429', 'three are free');
    is(statuses(pass_as($h, '192.0.2.1', $c), pass_as($h, '192.0.2.1', $c, path => 'auth/token')), '429*2', 'and no more, not even a right one');
    is(statuses(fail_as($h, '192.0.2.1', uc $c->{email})), '429', 'capitals are no other account');
    is(statuses(pass_as($h, '192.0.2.2', $c)), '200', 'its owner signs in from elsewhere');
    is(statuses(pass_as($h, '192.0.2.1', $other), fail_as($h, '192.0.2.1', $other->{email})), '200 401', 'other accounts from the same address');
    is(statuses(map { fail_as($h, '192.0.2.1', 'nobody@lab.test') } 1 .. 4), '401*3 429', 'who does not exist is counted as if he did');
    my ($known, $unknown) = map { fail_as($h, '192.0.2.1', $_) } $c->{email}, 'nobody@lab.test';
    s/\d+ seconds/N seconds/ for map { $_->{body} } $known, $unknown;
    is($known->{body}, $unknown->{body}, 'and gets the same answer');
    is(join(' ', sort keys %{ $known->{headers} }), join(' ', sort keys %{ $unknown->{headers} }), 'with the same headers');
};

subtest 'what is not counted' => sub {
    my $c = somebody();
    is(statuses(map { pass_as($h, '192.0.2.3', $c) } 1 .. 8), '200*8', 'sign-ins');
    is(statuses((map { fail_as($h, '192.0.2.3', $c->{email}) } 1 .. 2), pass_as($h, '192.0.2.3', $c), map { fail_as($h, '192.0.2.3', $c->{email}) } 1 .. 2),
        '401*2 200 401 429', 'nor do they undo what is');
    $h->post('/store/auth', json => { email => $c->{email}, password => [] }, headers => { 'X-Forwarded-For' => '192.0.2.4' }) for 1 .. 3;
    is(statuses(fail_as($h, '192.0.2.4', $c->{email})), '429', 'a password that is no text is one that is wrong');
};

subtest 'many at once' => sub {
    my $c = somebody();
    my $hashes = metric($h, 'hashes_total');
    my @seen = MedusaStore::Crowd->start(24, sub { return fail_as($h, '192.0.2.5', $c->{email})->{status} })->end;
    my %count;
    $count{$_}++ for @seen;
    is_deeply(\%count, { 401 => 3, 429 => 21 }, 'no more are made than are free');
    is(metric($h, 'hashes_total') - $hashes, 3, 'and no more passwords hashed');
};

# Every free try of an account: two addresses fail three times each.
sub besiege { my ($c) = @_; return statuses(map { my $from = fresh(); map { fail_as($h, $from, $c->{email}) } 1 .. 3 } 1 .. 2) }

subtest 'from everywhere' => sub {
    my $c = somebody();
    my ($home, $elsewhere) = map { fresh() } 1 .. 2;
    is(statuses(pass_as($h, $home, $c)), '200', 'its owner has signed in before');
    is(besiege($c), '401*6', 'six failures');
    is(statuses(map { fail_as($h, '192.0.2.9', $c->{email}) } 1 .. 3), '401 429*2', 'another address fails once');
    is(statuses(pass_as($h, $elsewhere, $c)), '200', 'its owner signs in from where he never was');
    is(statuses((map { fail_as($h, $elsewhere, $c->{email}) } 1 .. 2), pass_as($h, $elsewhere, $c)), '401*2 200', 'and may mistake himself there from now on');
    is(statuses((map { fail_as($h, $home, $c->{email}) } 1 .. 2), pass_as($h, $home, $c)), '401*2 200', 'as where he is at home');

    my @strangers = map { fail_as($h, fresh(), $c->{email})->{status} } 1 .. 60;
    is(statuses(@strangers), '401*53 429*7', 'strangers have failed ten times as often as they may');
    is(statuses(pass_as($h, fresh(), $c)), '429', 'now the right password of a stranger is one of theirs');
    is(statuses(pass_as($h, $home, $c), pass_as($h, $elsewhere, $c)), '200*2', 'but known addresses are let in');
    is(statuses((map { fail_as($h, $home, $c->{email}) } 1 .. 2), pass_as($h, $home, $c)), '401 429*2', 'as long as they do not fail too often');
    is(statuses(fail_as($h, fresh(), 'another@lab.test')), '401', 'another account');
};

subtest 'from a network of many homes' => sub {
    my $c = somebody();
    is(statuses(map { fail_as($h, "2001:db8:1:$_->[0]::$_->[1]", $c->{email}) } map { my $home = $_; map { [$home, $_] } 1 .. 3 } 1 .. 2), '401*6', 'six failures, three a home');
    is(statuses(map { fail_as($h, "2001:db8:2:$_\::1", $c->{email}) } 1 .. 20), '401 429*19', 'all the homes of a site fail once');
    is(statuses(pass_as($h, '2001:db8:3::1', $c)), '200', 'its owner signs in from another one');
    is(statuses(map { fail_as($h, '2001:db8:3::2', $c->{email}) } 1 .. 2), '401*2', 'and is known there, with all of that home');
    is(statuses(map { fail_as($h, '2001:db8:3:1::1', $c->{email}) } 1 .. 2), '401 429', 'but the one next to it is a stranger');
};

subtest 'many addresses at once' => sub {
    my $c = somebody();
    my $n = full() ? 60 : 20;    # at most what strangers may fail
    my @seen = MedusaStore::Crowd->start($n, sub {
        my ($i) = @_;
        return [map { fail_as($h, "198.51.100.$i", $c->{email})->{status} } 1 .. 4];
    })->end;
    my $failed = grep { $_ == 401 } map { @$_ } @seen;
    my $good = $failed >= ($n < 54 ? $n : 54) && $failed <= ($n < 54 ? 6 + $n : 60);
    ok(figure('H10', "tries with one account from $n addresses at once, four from each: made", $failed, '', $good), "$failed are made: one each, and six more")
        or diag(explain(\@seen));
    is(scalar(grep { $_ == 401 || $_ == 429 } map { @$_ } @seen), 4 * $n, 'and nothing else');
    return if full();    # the reserve is used up
    is(statuses(pass_as($h, fresh(), $c)), '200', 'its owner signs in');
};

subtest 'reset mails' => sub {
    my $c = somebody();
    $h->expect_log('MS0009', qr/too many requests for a reset token with one account(?: by one address)?: refused/, 1);
    my $mails = sub { return $h->sql_value("SELECT COUNT(*) FROM outbox WHERE event_name = 'customer.password_reset'") };
    for my $email ($c->{email}, 'nobody@lab.test') {
        is(statuses(map { forget_mail($h, '192.0.2.1', $email) } 1 .. 3), '204*2 429', "two from one address: $email");
        is(statuses(map { forget_mail($h, fresh(), $email) } 1 .. 5), '204*3 429*2', 'five from everywhere, and no reserve');
    }
    is($mails->(), 5, 'five mails');
    my $known = fresh();
    pass_as($h, $known, $c);
    is(statuses(map { forget_mail($h, $known, $c->{email}) } 1 .. 3), '204*2 429', 'its owner, from a known address');
};

subtest 'reset' => sub {
    my $c = somebody();
    $h->expect_log('MS0009', qr/too many failed password resets with one account by one address/, 1);
    is(statuses(forget_mail($h, fresh(), $c->{email})), '204', 'a token is asked for');
    my $token = $h->sql_value("SELECT JSON_VALUE(data, '\$.token') FROM outbox WHERE event_name = 'customer.password_reset' ORDER BY seq DESC LIMIT 1");
    is(statuses((map { reset_as($h, '192.0.2.1', $c->{email}) } 1 .. 2), reset_as($h, '192.0.2.1', $c->{email}, $token)), '401*2 429', 'two wrong ones');
    my $from = fresh();
    is(besiege($c), '401*6', 'somebody guesses the password');
    is(statuses(reset_as($h, $from, $c->{email}, $token)), '200', 'the right one, from elsewhere');
    $c->{password} = 'another horse';
    is(statuses((map { fail_as($h, $from, $c->{email}) } 1 .. 2), pass_as($h, $from, $c)), '401*2 200', 'where the account is known from then on');
};

$h->stop;

subtest 'a try that is refused by one rule is none by the others' => sub {
    my $own = shop(['SignIn Address 3/1h', 'SignIn Both 1/1h', 'SignIn Account Off']);
    $own->expect_log('MS0009', qr/too many failed sign-ins/, 1);
    is(statuses(map { fail_as($own, '192.0.2.1', 'one@lab.test') } 1 .. 6), '401 429*5', 'one account');
    is(statuses(map { fail_as($own, '192.0.2.1', "other-$_\@lab.test") } 1 .. 3), '401*2 429', 'others, until the address has used up its own');
    $own->stop;
};

subtest 'without a limit on both, strangers have one try in the time of the account\'s' => sub {
    my $own = shop(['SignIn Address Off', 'SignIn Both Off', 'SignIn Account 4/1h']);
    $own->expect_log('MS0009', qr/too many failed sign-ins with one account by one address/, 1);
    is(statuses(map { fail_as($own, '192.0.2.1', 'one@lab.test') } 1 .. 6), '401*5 429', 'four, and one as a stranger');
    is(statuses(map { fail_as($own, '192.0.2.2', 'one@lab.test') } 1 .. 2), '401 429', 'one');
    $own->stop;
};

done_testing;
