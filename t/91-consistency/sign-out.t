# A sign-out while many clients use the session: no request that begins after its answer succeeds, by any cookie or token of that
# session. Every session is due to be extended, so that the clients' uses write to it while it ends.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep);

use MedusaStore::Accounts qw(new_customer token_for rows_are_secret);
use MedusaStore::Crew;
use MedusaStore::Harness;
use MedusaStore::Quick qw(cookie);
use MedusaStore::Report qw(figure full);

use constant { CLIENTS => 16, MORE => 3 };    # requests of each client after it was refused

my $ROUNDS = full() ? 1000 : 20;
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice');
my @customers = map { my $c = new_customer($h); +{ %$c, token => token_for($h, $c) } } 1 .. $ROUNDS;
$h->secret(map { $_->{token} } @customers);
$h->sql('UPDATE session SET last_seen = last_seen - INTERVAL 2 HOUR, expires_at = expires_at - INTERVAL 2 HOUR');

# Member 0 signs out by cookie and token, the others use either until they are refused: [[when it began, status], …], and the
# cookies that they were given.
my $crew = MedusaStore::Crew->new(CLIENTS + 1, $h, sub {
    my ($number, $c, $client) = @_;
    my @by = $number % 2 ? (Cookie => $c->{cookie}) : (Authorization => "Bearer $c->{token}");
    if (!$number) {
        sleep rand 0.02;
        my $r = $client->ask('DELETE', '/store/auth', undef, Cookie => $c->{cookie}, Authorization => "Bearer $c->{token}");
        return [$r->{status}, $r->{got}];
    }
    my (@seen, %cookies);
    for (my $refused = 0; $refused < MORE && @seen < 2000;) {
        my @request = @seen % 3 == 0 ? (POST => '/store/customers/me', qq({"metadata":{"n":$number}})) : (GET => (undef, '/store/auth', '/store/customers/me')[@seen % 3], undef);
        my $r = $client->ask(@request, @by);
        my $given = cookie($r);
        $cookies{$given} = 1 if defined $given && $r->{status} == 200;
        push @seen, [$r->{sent}, $r->{status}];
        $refused++ if $r->{status} == 401;
    }
    return [\@seen, [keys %cookies]];
});
my ($good, $uses, $late, @wrong, @cookies) = (0, 0, 0);
for my $c (@customers) {
    my ($out, @seen) = $crew->round($c);
    push @wrong, "$c->{id}: the sign-out was answered by $out->[0]" if $out->[0] != 200;
    my @all = map { @{ $_->[0] } } @seen;
    $good += grep { $_->[1] == 200 } @all;
    $uses += @all;
    my @bad = grep { $_->[1] == 200 && $_->[0] > $out->[1] } @all;
    $late += @bad;
    push @wrong, "$c->{id}: " . @bad . ' requests were served that began after the sign-out' if @bad;
    push @wrong, map { "$c->{id}: a use was answered by $_->[1]" } grep { $_->[1] !~ /^(?:200|401)$/ } @all;
    push @cookies, map { @{ $_->[1] } } @seen;
}
$crew->end;
is_deeply [splice @wrong, 0, 5], [], 'no request that began after the answer to the sign-out was served';
cmp_ok $good, '>', $ROUNDS * CLIENTS / 4, "the sessions were in use: $good of $uses requests were served";
$h->secret(@cookies);
my %again;
$again{ $h->get('/store/auth', headers => { Cookie => $_ })->{status} }++ for @cookies;
is_deeply [keys %again], [401], scalar(@cookies) . ' cookies were handed out meanwhile, and all are dead';
is $h->sql_value('SELECT COUNT(*) FROM session'), 0, 'no row is left, or came back';
ok figure('J5', 'requests served that began after the sign-out of their session', $late, "of $uses", !@wrong && !$late), "$ROUNDS rounds";
rows_are_secret($h)->stop;
done_testing;
