# Many clients of one customer at the same moment: no change is lost, nothing is there twice, and what a change of password has
# ended stays ended. More of this kind is in t/91-consistency.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for cookie_of who as_cookie as_bearer rows_are_secret);
use MedusaStore::Crowd;
use MedusaStore::Harness;
use MedusaStore::Json qw(decode);

use constant { CLIENTS => 32, CHANGES => 8, RACES => 8 };

my $ME = '/store/customers/me';
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\nMedusaStoreHashQueue 200\nMedusaStoreHashWait 30s\n"
    . "MedusaStoreDeadline 60s\nMedusaStoreDBWait 30s\nMedusaStoreDBTimeout 60s\n");
my @ADDRESS = (first_name => 'F', last_name => 'L', address_1 => '1 St', city => 'C', country_code => 'us', postal_code => '9');

# What each of many clients brought home; the number of those that were not answered with 200 is told.
sub crowd {
    my ($n, $code) = @_;
    my @seen = MedusaStore::Crowd->start($n, $code)->end;
    my @bad = grep { ref ne 'ARRAY' || $_->[0] ne '200' } @seen;
    is(scalar @bad, 0, 'all are answered with 200') or diag(join ' ', map { ref eq 'ARRAY' ? $_->[0] : $_->{died} } @bad);
    return grep { ref eq 'ARRAY' } @seen;
}

sub read_json {
    my ($path) = @_;
    open my $in, '<:encoding(UTF-8)', $path or die "$path: $!";
    local $/;
    return decode(<$in>);
}

sub metadata_of { my ($by) = @_; return $h->get($ME, @$by)->{json}{customer}{metadata} }

subtest 'a field each' => sub {
    my $c = new_customer($h);
    my $by = [as_cookie($c->{cookie})];
    my @fields = ([first_name => 'New'], [last_name => 'Name'], [phone => '5'], [metadata => { k => 'v' }], [email => "new-$c->{email}"], [billing_address => { city => 'X' }]);
    crowd(scalar @fields, sub { my ($number) = @_; return [$h->post($ME, @$by, json => { @{ $fields[$number] } })->{status}] });
    my $now = $h->get($ME, @$by)->{json}{customer};
    is_deeply([@$now{qw(first_name last_name phone email)}, $now->{metadata}{k}, $now->{billing_address}{city}], ['New', 'Name', '5', "new-$c->{email}", 'v', 'X'],
        'none overwrites another');
};

subtest 'the same address' => sub {
    for my $round (1 .. 3) {
        my $c = new_customer($h);
        my @seen = crowd(CLIENTS, sub {
            my $r = $h->post("$ME/addresses", as_cookie($c->{cookie}), json => { address => {@ADDRESS} });
            return [$r->{status}, scalar @{ $r->{json}{customer}{shipping_addresses} || [] }];
        });
        is(scalar(grep { $_->[1] == 1 } @seen), CLIENTS, "round $round: each sees one");
        is($h->sql_value("SELECT COUNT(*) FROM address WHERE customer_id = '$c->{id}'"), 1, 'there is one row');
    }
};

subtest 'another address each' => sub {
    my $c = new_customer($h);
    crowd(CLIENTS, sub { my ($n) = @_; return [$h->post("$ME/addresses", as_cookie($c->{cookie}), json => { address => { @ADDRESS, city => "C $n" } })->{status}] });
    is($h->sql_value("SELECT COUNT(DISTINCT city) FROM address WHERE customer_id = '$c->{id}'"), CLIENTS, 'all are there');
};

subtest 'a billing address each' => sub {
    my $c = new_customer($h);
    crowd(CLIENTS, sub { my ($n) = @_; return [$h->post($ME, as_cookie($c->{cookie}), json => { billing_address => { city => "C $n", ($n % 2 ? 'phone' : 'company') => $n . '' } })->{status}] });
    my $now = $h->get($ME, as_cookie($c->{cookie}))->{json}{customer};
    like($now->{billing_address}{city}, qr/^C \d+$/, 'one of them is it');
    ok(defined $now->{billing_address}{phone} && defined $now->{billing_address}{company}, 'changed in place by the others');
    my $events = $h->sql_value("SELECT COUNT(*) FROM outbox WHERE data LIKE '%\"$c->{id}\"%' AND data LIKE '%\"billing_address\":{%'");
    is($events, 1, 'only one was made');
};

# Addresses are changed, deleted and billed, all at once: whatever came first, no reference hangs in the air.
subtest 'deleting what is billed' => sub {
    for my $round (1 .. RACES) {
        my $c = new_customer($h);
        my $by = [as_cookie($c->{cookie})];
        my $id = $h->post("$ME/addresses", @$by, json => { address => {@ADDRESS} })->{json}{customer}{shipping_addresses}[0]{id};
        my @seen = MedusaStore::Crowd->start(9, sub {
            my ($n) = @_;
            my $r = $n % 3 == 0 ? $h->delete("$ME/addresses/$id", @$by) : $n % 3 == 1 ? $h->post($ME, @$by, json => { billing_address => $id })
                : $h->post("$ME/addresses/$id", @$by, json => { city => "C $n" });
            return [$n, $r->{status}];
        })->end;
        my @odd = grep { ref ne 'ARRAY' || $_->[1] !~ ($_->[0] % 3 == 0 ? qr/^200$/ : $_->[0] % 3 == 1 ? qr/^(?:200|404)$/ : qr/^(?:200|400)$/) } @seen;
        is(scalar @odd, 0, "round $round: each is answered as it can be") or diag(explain(\@odd));
        my $now = $h->get($ME, @$by)->{json}{customer};
        is_deeply([@$now{qw(billing_address_id billing_address shipping_addresses)}], [undef, undef, []], 'the address is gone everywhere');
    }
};

subtest 'updates beside a change of password' => sub {
    my $c = new_customer($h);
    my $mine = [as_cookie($c->{cookie})];
    my @others = map { [as_cookie(cookie_of(sign_in($h, $c)))] } 1 .. CHANGES;
    my @seen = MedusaStore::Crowd->start(CHANGES + 1, sub {
        my ($n) = @_;
        return [$h->post($ME, @$mine, json => { password => 'new words', phone => '5' })->{status}] if $n == CHANGES;
        my @status;
        for my $i (1 .. 20) {
            push @status, $h->post($ME, @{ $others[$n] }, json => { metadata => { "n$n i$i" => $i } })->{status};
        }
        return \@status;
    })->end;
    is_deeply($seen[CHANGES], [200], 'the password is changed');
    my (%want, $odd);
    for my $n (0 .. CHANGES - 1) {
        my $text = ref $seen[$n] eq 'ARRAY' ? "@{ $seen[$n] }" : $seen[$n]{died};
        $odd .= "client $n: $text\n" if $text !~ /^(?:200 )*(?:401 ?)*$/;
        $want{"n$n i$_"} = $_ for grep { $seen[$n][$_ - 1] eq '200' } 1 .. 20;
    }
    is($odd, undef, 'the others change the account until they are signed out');
    is_deeply(metadata_of($mine) || {}, \%want, 'what was answered with 200 is there, and nothing else');
    is($h->get($ME, @$mine)->{json}{customer}{phone}, '5', 'as is what came with the password');
    is(who($h, @$_), 401, 'signed out') for @others;
    is(sign_in($h, $c, password => 'new words')->{status}, 200, 'the new password is good');
    is(sign_in($h, $c)->{status}, 401, 'the old one is not');
};

# The first of many sign-ins by an old hash replaces it; the others checked a hash that is there no more.
subtest 'sign-ins by a hash of Medusa v1' => sub {
    # made with Node's crypto.scryptSync; see t/30-auth/password.t
    my ($vector) = grep { $_->{costs} eq '1/1/1' } @{ read_json("$FindBin::Bin/../30-auth/data/scrypt.json") };
    for my $round (1 .. 3) {
        my $c = new_customer($h);
        $c->{password} = $vector->{password};
        $h->secret($vector->{hash})->sql("UPDATE customer SET password_hash = '$vector->{hash}' WHERE id = '$c->{id}'");
        my @seen = crowd(CLIENTS, sub {
            my ($n) = @_;
            my $r = $n % 2 ? sign_in($h, $c) : $h->post('/store/auth/token', json => { email => $c->{email}, password => $c->{password} });
            return [$r->{status}, scalar cookie_of($r), $r->{json}{access_token}];
        });
        is(scalar(grep { who($h, defined $_->[1] ? as_cookie($_->[1]) : as_bearer($_->[2])) eq $c->{id} } @seen), CLIENTS, "round $round: and signed in");
        $h->secret(map { $_->[1], $_->[2] } @seen);
        like($h->sql_value("SELECT password_hash FROM customer WHERE id = '$c->{id}'"), qr/^\$argon2id\$/, 'the hash is a new one');
        is(sign_in($h, $c, password => "$c->{password}!")->{status}, 401, 'of the same password');
    }
};

rows_are_secret($h)->stop;
done_testing;
