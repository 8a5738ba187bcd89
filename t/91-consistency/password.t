# Sign-ins by the old password race a change or a reset of it. From its answer on the old password is refused, and whatever was
# signed in by it is ended; but for the session that made the change.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use MedusaStore::Accounts qw(new_customer as_cookie rows_are_secret);
use MedusaStore::Crew;
use MedusaStore::Harness;
use MedusaStore::Quick qw(cookie text);
use MedusaStore::Report qw(figure full);

use constant { CLIENTS => 16, MORE => 2 };    # tries of each client after it was refused

my $ROUNDS = full() ? 500 : 16;    # half of them are resets
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 1024 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice');
my @customers = map { new_customer($h) } 1 .. $ROUNDS;
$h->post('/store/customers/password-token', json => { email => $_->{email} }) for @customers;
my %token = map { @$_ } $h->sql(q(SELECT JSON_VALUE(data, '$.id'), JSON_VALUE(data, '$.token') FROM outbox WHERE event_name = 'customer.password_reset'));
$h->secret(values %token);

sub who { my ($client, @by) = @_; return $client->ask('GET', '/store/auth', undef, @by)->{status} }

# Member 0 changes the password; the others sign in by the old one until they are refused. [[when it began, status], …], and what
# they were given. A second order lets them try that.
my $crew = MedusaStore::Crew->new(CLIENTS + 1, $h, sub {
    my ($number, $c, $client) = @_;
    return [map { who($client, @$_) } @{ $c->{given}[$number] }] if $c->{given};
    if (!$number) {
        sleep rand 0.01;
        my $r = $c->{token} ? $client->ask('POST', '/store/customers/password-reset', qq({"email":"$c->{email}","token":"$c->{token}","password":"new words"}))
            : $client->ask('POST', '/store/customers/me', '{"password":"new words"}', Cookie => $c->{cookie});
        return [$r->{status}, $r->{got}];
    }
    my (@seen, @given);
    for (my $refused = 0; $refused < MORE && @seen < 200;) {
        my $r = $client->ask('POST', $number % 2 ? '/store/auth' : '/store/auth/token', qq({"email":"$c->{email}","password":"$c->{password}"}));
        push @seen, [$r->{sent}, $r->{status}];
        $refused++ if $r->{status} == 401;
        push @given, $number % 2 ? [Cookie => cookie($r)] : [Authorization => 'Bearer ' . text($r, 'access_token')] if $r->{status} == 200;
    }
    return [\@seen, \@given];
});
my ($tries, $let_in, $late, @wrong) = (0, 0, 0);
for my $round (1 .. $ROUNDS) {
    my $c = $customers[ $round - 1 ];
    my $reset = $round % 2 ? $token{ $c->{id} } : undef;
    my ($change, @seen) = $crew->round({ %$c, token => $reset });
    push @wrong, "round $round: the change was answered by $change->[0]" if $change->[0] != 200;
    my @all = map { @{ $_->[0] } } @seen;
    my @late = grep { $_->[1] == 200 && $_->[0] > $change->[1] } @all;
    my @given = map { $_->[1] } @seen;
    my @alive = grep { $_ != 401 } map { @$_ } $crew->round({ given => [[], @given] });
    $tries += @all;
    $let_in += map { @$_ } @given;
    $late += @late + @alive;
    push @wrong, "round $round: " . @late . ' were let in by the old password after the change' if @late;
    push @wrong, "round $round: " . @alive . ' that were signed in by the old password still are' if @alive;
    push @wrong, map { "round $round: a sign-in was answered by $_->[1]" } grep { $_->[1] !~ /^(?:200|401)$/ } @all;
    $h->secret(map { $_->[1] } map { @$_ } @given);
}
$crew->end;
is_deeply [splice @wrong, 0, 5], [], 'nobody is let in by the old password afterwards, and nobody stays who was';
cmp_ok $let_in, '>', $ROUNDS, "$let_in of $tries sign-ins came before";

my %left = map { @$_ } $h->sql('SELECT customer_id, COUNT(*) FROM session GROUP BY customer_id');
my @bad;
for my $round (1 .. $ROUNDS) {
    my $c = $customers[ $round - 1 ];
    push @bad, "round $round has the wrong sessions" if ($left{ $c->{id} } // 0) != ($round % 2 ? 0 : 1);
    push @bad, "round $round: the new password is refused" if $h->post('/store/auth', json => { email => $c->{email}, password => 'new words' })->{status} != 200;
    push @bad, "round $round: the session that made the change is ended" if !($round % 2) && $h->get('/store/auth', as_cookie($c->{cookie}))->{status} != 200;
}
is_deeply [splice @bad, 0, 5], [], 'the new password is good, and the session that made a change lives on alone';
ok figure('J6', 'sign-ins by an old password that succeeded after, or outlived, its change', $late, "of $tries", !@wrong && !@bad && !$late), "$ROUNDS rounds";
rows_are_secret($h)->stop;
done_testing;
