# Customers register and change themselves while the database is killed again and again, and comes back: what was acknowledged is
# there, what is not there was answered by 5xx or not at all.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Quick qw(cookie text);
use MedusaStore::Report qw(figure full);

use constant { CLIENTS => 16, KEYS => 200 };    # keys of metadata of one customer, before it is a new one's turn

my ($KILLS, $WRITES) = full() ? (20, 50_000) : (2, 1000);
my $db = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1', '--innodb-log-file-size=96M']);
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8 1\n$MedusaStore::Quick::CONF" . "MedusaStoreDBWait 2s\n",
    log_level => 'notice', http_log_level => 'notice');
$h->expect_log('MS0101', qr/can't connect/);
$h->expect_log('MS0102', qr/answers again/);
$h->allow_log('MS0111', qr/the outcome is unknown/);

# Each client: a customer, then KEYS keys of metadata for them, then the next customer. [[e-mail, key (undef: the registration),
# status], …]
my $crowd = MedusaStore::Crowd->start(CLIENTS, sub {
    my ($number, $more) = @_;
    my $client = MedusaStore::Quick->new(port => $h->{port});
    my (@seen, $email, $cookie, $n);
    while ($more->()) {
        my $key;
        my $r;
        if (!defined $cookie || $n >= KEYS) {
            ($email, $n) = ("k$number-" . @seen . '@example.com', 0);
            $r = $client->ask('POST', '/store/customers', qq({"email":"$email","password":"correct horse","first_name":"A","last_name":"B"}));
            $cookie = $r->{status} == 200 ? cookie($r) : undef;
        }
        else {
            $key = 'k' . ++$n;
            $r = $client->ask('POST', '/store/customers/me', qq({"metadata":{"$key":$n}}), Cookie => $cookie);
        }
        push @seen, [$email, $key, $r->{status}];
        sleep 0.01 if $r->{status} != 200;
    }
    return \@seen;
});

# Wait until so many rows were written: rows of the outbox are counted, one a write.
sub await_writes {
    my ($n) = @_;
    my $end = time + 240;
    while (time < $end) {
        return 1 if (eval { $h->sql_value('SELECT COUNT(*) FROM outbox') } // 0) >= $n;
        sleep 0.2;
    }
    return 0;
}
for my $kill (1 .. $KILLS) {
    await_writes($WRITES * $kill / ($KILLS + 1)) or last;
    $db->kill;
    sleep rand 1;
    $db->start;
}
ok await_writes($WRITES), 'writes went on between and after the kills';
my @seen = map { ref eq 'ARRAY' ? @$_ : die "a client died: $_->{died}" } $crowd->end;

my %stored = map { $_->[0] => JSON::PP->new->utf8->decode($_->[1] // '{}') } $h->sql('SELECT email, metadata FROM customer');
my (%status, @lost, @wrong, %sent);
for my $entry (@seen) {
    my ($email, $key, $status) = @$entry;
    my $there = defined $key ? exists +($stored{$email} || {})->{$key} : exists $stored{$email};
    $status{$status}++;
    $sent{$email}{ $key // '' } = 1;
    push @lost, "$email " . ($key // '') . ' was acknowledged, and is not there' if $status == 200 && !$there;
    push @wrong, "$email " . ($key // '') . " was answered by $status" if $status !~ /^(?:0|200|503)$/;
}
my @unasked = grep { my $email = $_; grep { !$sent{$email}{$_} } '', keys %{ $stored{$email} } } keys %stored;
is_deeply [@lost[0 .. ($#lost > 4 ? 4 : $#lost)]], [], "$status{200} writes were acknowledged, and all are there";
is_deeply [splice @wrong, 0, 5], [], 'all answers are 200, 503, or none';
is_deeply \@unasked, [], 'and nothing is there that nobody asked for';
is $h->sql_value(q(SELECT COUNT(*) FROM customer c LEFT JOIN outbox o ON o.event_name = 'customer.created' AND JSON_VALUE(o.data, '$.id') = c.id
    WHERE o.id IS NULL)), 0, 'each customer has an event';
is $h->sql_value('SELECT COUNT(*) FROM customer') - $h->sql_value(q(SELECT COUNT(*) FROM outbox WHERE event_name = 'customer.created')), 0, '… and no event is without';
note join ', ', map { "$_: $status{$_}" } sort keys %status;
ok figure('J1', 'acknowledged writes lost', scalar @lost, "of $status{200}", !@lost && !@unasked && $status{200} >= $WRITES * 0.9), "$KILLS kills";
figure('J1', 'kills of the database', $KILLS, '', 1);
$h->stop;
done_testing;
