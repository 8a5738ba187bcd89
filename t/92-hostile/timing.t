# Whether an e-mail has an account can't be told by trying to sign in, to get a token, to ask for a reset, or to reset: the answers
# are the same, what they cost is the same, and so is the time that they take. (The look-up of e-mails tells it on purpose, unless
# MedusaStoreEmailExists is Off; registration has to.)
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use List::Util qw(shuffle max);
use Test::More;

use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Quick;
use MedusaStore::Report qw(figure full);

use constant { EMAILS => 40, TRIES => full() ? 2000 : 20, WARM => 50 };

# a database that makes each commit wait for its disk, as in a shop
my $db = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1']);
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 4096 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice',
    conf => "<Location \"/metrics\">\nSetHandler medusa-store-metrics\n</Location>\n");
my $client = MedusaStore::Quick->new(port => $h->{port});
my %emails = map { my $kind = $_; ($kind => [map { sprintf '%s%02d@example.com', $kind eq 'known' ? 'here' : 'gone', $_ } 1 .. EMAILS]) } qw(known unknown);
for my $email (@{ $emails{known} }) {
    my $r = $client->ask('POST', '/store/customers', qq({"email":"$email","password":"correct horse","first_name":"Ann","last_name":"Lee"}));
    is $r->{status}, 200, "$email registers" if $r->{status} != 200;
}

# What is asked, with an e-mail in its place. The token is well made, as that of somebody else would be.
my $TOKEN = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjdXN0b21lcl9pZCI6ImN1c18wMUFSWVo2UzQxVFNWNFJSRkZRNjlHNUZBViIsImV4cCI6NDEwMjQ0NDgwMCwiaWF0IjoxNzAwMDAwMDAwfQ.' . 'A' x 43;
my @routes = (
    ['sign-in',           '/store/auth',                     '"password":"wrong"'],
    ['bearer token',      '/store/auth/token',               '"password":"wrong"'],
    ['asking for a reset', '/store/customers/password-token', undef],
    ['a reset',           '/store/customers/password-reset', qq("token":"$TOKEN","password":"new words")],
);

sub ask {
    my ($route, $email) = @_;
    return $client->ask('POST', $route->[1], '{' . join(',', qq("email":"$email"), $route->[2] // ()) . '}');
}

# What the database and the hashing gate are asked for while a piece of code runs.
my $meter = $db->session($h->{database});
sub hashes { my ($n) = $h->get('/metrics')->{body} =~ /^medusa_store_hashes_total\S* (\d+)/m; return $n }
my %COUNTED = map { $_ => 1 } "hashes", map { "Com_$_" } qw(stmt_execute select insert insert_select update delete begin commit rollback);    # preparing is each connection's first use
sub counted {
    my ($code) = @_;
    my $look = sub { return (map({ (split /\t/, $_, 2)[0, 1] } @{ $meter->run('SHOW GLOBAL STATUS') }), hashes => hashes()) };
    my %before = $look->();
    $code->();
    my %after = $look->();
    return { map { ($_ => $after{$_} - $before{$_}) } grep { $COUNTED{$_} } keys %after };
}

sub head_of { my ($r) = @_; return $r->{status} . "\n" . ($r->{head} =~ s/^Date:.*\n//mir) . $r->{body} }

sub median { my @sorted = sort { $a <=> $b } @_; return ($sorted[ $#sorted / 2 ] + $sorted[ @sorted / 2 ]) / 2 }

# The probability that two samples of one distribution differ as much as these (Kolmogorov and Smirnov).
sub same_distribution {
    my ($x, $y) = @_;
    my @all = sort { $a->[0] <=> $b->[0] } map({ [$_, 1 / @$x] } @$x), map { [$_, -1 / @$y] } @$y;
    my ($sum, $most) = (0, 0);
    for my $at (@all) {
        $sum += $at->[1];
        $most = abs $sum if abs $sum > $most;
    }
    my $n = @$x * @$y / (@$x + @$y);
    my $lambda = (sqrt($n) + 0.12 + 0.11 / sqrt $n) * $most;
    my $p = 0;
    $p += 2 * (-1)**($_ - 1) * exp(-2 * $_**2 * $lambda**2) for 1 .. 100;
    return $p > 1 ? 1 : $p < 0 ? 0 : $p;
}

my @odd;
for my $route (@routes) {
    my ($what) = @$route;
    ask($route, $emails{$_ % 2 ? 'known' : 'unknown'}[$_ % EMAILS]) for 1 .. WARM;
    my %head = map { ($_ => head_of(ask($route, $emails{$_}[0]))) } keys %emails;
    is $head{known}, $head{unknown}, "$what: the same answer";
    my %cost = map { my $kind = $_; ($kind => counted(sub { ask($route, $emails{$kind}[$_]) for 0 .. EMAILS - 1 })) } keys %emails;
    is_deeply $cost{known}, $cost{unknown}, "$what: the same statements and hashes";
    push @odd, $what if $head{known} ne $head{unknown};
    my (%times, %twice);
    for my $try (0 .. TRIES - 1) {
        for my $kind (shuffle keys %emails) {
            my $r = ask($route, $emails{$kind}[$try % EMAILS]);
            push @{ $times{$kind} }, 1000 * ($r->{got} - $r->{sent});
        }
    }
    my ($known, $unknown) = map { median(@{ $times{$_} }) } qw(known unknown);
    my $apart = 100 * abs($known / $unknown - 1);
    my $p = same_distribution(@times{qw(known unknown)});
    note sprintf '%s: medians %.3f ms known, %.3f ms unknown: %.1f %%; p = %.3f', $what, $known, $unknown, $apart, $p;
    next if !full();    # a few tries tell nothing of time
    ok figure('H8', "$what: how far apart the medians are", sprintf('%.1f', $apart), '%', $apart <= 5), "$what: the same time";
    ok figure('H8', "$what: probability that both times are of one distribution", sprintf('%.3f', $p), '', $p > 0.01), "$what: not to be told apart";
}
ok figure('H8', 'operations that answer otherwise to a known e-mail', scalar @odd, 'of ' . @routes, !@odd), 'all answers are the same';
$meter->end;
$h->stop;
done_testing;
