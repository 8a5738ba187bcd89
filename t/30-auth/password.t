# Passwords: how they are kept, hashes of Medusa v1 and of other costs, and who has none.
use strict;
use warnings;

use Digest::SHA qw(sha256);
use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in who as_cookie cookie_of rows_are_secret);
use MedusaStore::Harness;
use MedusaStore::Json qw(decode);

my $h = MedusaStore::Harness->new;
my $default = qr/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+\/]+\$[\w+\/]+$/;

sub hash_of { my ($c) = @_; return $h->sql_value("SELECT password_hash FROM customer WHERE id = '$c->{id}'") }

sub set_hash {
    my ($c, $hash) = @_;
    $h->secret($hash)->sql("UPDATE customer SET password_hash = " . (defined $hash ? "'$hash'" : 'NULL') . " WHERE id = '$c->{id}'");
    return;
}

sub read_json {
    my ($name) = @_;
    open my $in, '<:encoding(UTF-8)', "$FindBin::Bin/data/$name" or die "$name: $!";
    local $/;
    return decode(<$in>);
}

# A scrypt hash with other bytes at a place; and with the sum over its head made good.
sub with_bytes {
    my ($hash, $at, $bytes) = @_;
    my $raw = decode_base64($hash);
    substr($raw, $at, length $bytes) = $bytes;
    return encode_base64($raw, '');
}

sub with_sum { my ($hash) = @_; return with_bytes($hash, 48, substr sha256(substr decode_base64($hash), 0, 48), 0, 16) }

subtest 'Argon2id' => sub {
    my ($a, $b) = map { new_customer($h, password => 'the same words') } 1 .. 2;
    like(hash_of($a), $default, 'costs');
    isnt(hash_of($a), hash_of($b), 'salted');
    my $before = hash_of($a);
    $h->secret($before);
    is(sign_in($h, $a)->{status}, 200, 'right');
    is(hash_of($a), $before, 'a good hash stays');
    for my $wrong ('The same words', 'the same word', 'the same words ', ' the same words', 'the same words' x 2) {
        is(sign_in($h, $a, password => $wrong)->{status}, 401, "wrong: '$wrong'");
    }
    is(sign_in($h, $a, password => $before)->{status}, 401, 'the hash is no password');
    my $c = new_customer($h, password => "p\x{e4}ss \x{1f600}");
    is(sign_in($h, $c)->{status}, 200, 'any letters');
    is(sign_in($h, $c, password => "pa\x{308}ss \x{1f600}")->{status}, 401, 'as they were sent: not normalised');
};

# data/scrypt.json was made with Node's crypto.scryptSync in the form of its package scrypt-kdf, which Medusa uses; costs are
# log2(N)/r/p, the first ones Medusa's own.
subtest 'hashes of Medusa v1' => sub {
    for my $vector (@{ read_json('scrypt.json') }) {
        my $c = new_customer($h);
        $c->{password} = $vector->{password};
        set_hash($c, $vector->{hash});
        is(sign_in($h, $c, password => "$vector->{password}!")->{status}, 401, "$vector->{costs}: wrong password");
        is(hash_of($c), $vector->{hash}, 'is no reason to hash anew');
        my $r = sign_in($h, $c);
        is($r->{status}, 200, 'right password');
        is(who($h, as_cookie(cookie_of($r))), $c->{id}, 'signs in');
        like(hash_of($c), $default, 'and is hashed anew');
        is($h->sql_value("SELECT created_at = updated_at FROM customer WHERE id = '$c->{id}'"), 1, 'which is no update of the customer');
        is(sign_in($h, $c)->{status}, 200, 'and good again');
        is(sign_in($h, $c, password => "$vector->{password}!")->{status}, 401, 'for that password alone');
    }
    my $c = new_customer($h);
    my $vector = read_json('scrypt.json')->[0];
    set_hash($c, $vector->{hash});
    is($h->post('/store/auth/token', json => { email => $c->{email}, password => $vector->{password} })->{status}, 200, 'for a token');
    like(hash_of($c), $default, 'as well');
};

subtest 'a hash that can not be read' => sub {
    my $scrypt = read_json('scrypt.json')->[0]{hash};
    my %broken = (
        'no format' => 'plain words here', 'empty' => '', 'cut' => substr($scrypt, 0, 100), 'longer' => "${scrypt}AAAA",
        'a sum that does not fit' => with_bytes($scrypt, 50, 'x'), 'endless costs' => with_sum(with_bytes($scrypt, 7, "\x3f")),
        'endless lanes' => with_sum(with_bytes($scrypt, 12, "\x7f")), 'no costs' => with_sum(with_bytes($scrypt, 7, "\0")),
        'bcrypt' => '$2b$12$abcdefghijklmnopqrstuv', 'argon2i' => hash_of(new_customer($h)) =~ s/argon2id/argon2i/r,
        'too little memory' => hash_of(new_customer($h)) =~ s/m=\d+/m=7/r, 'no pass' => hash_of(new_customer($h)) =~ s/t=\d+/t=0/r,
        'too much memory' => hash_of(new_customer($h)) =~ s/m=\d+/m=4194305/r, 'too many passes' => hash_of(new_customer($h)) =~ s/t=\d+/t=1001/r,
        'too much work' => hash_of(new_customer($h)) =~ s/m=\d+,t=\d+/m=1048576,t=25/r, 'no hash' => hash_of(new_customer($h)) =~ s{[^\$]+\z}{}r,
        'no salt' => hash_of(new_customer($h)) =~ s{(p=1).*}{$1}r,
        'no lanes' => hash_of(new_customer($h)) =~ s/t=2,.*/t=2,x/r, 'too many lanes' => hash_of(new_customer($h)) =~ s{p=1\$}{p=9999999\$}r,
    );
    for my $what (sort keys %broken) {
        my $c = new_customer($h);
        set_hash($c, $broken{$what});
        my $lines = () = $h->log_text =~ /MS0203/g;
        $h->expect_log('MS0203', qr/a stored password hash is in no known format/);
        is(sign_in($h, $c)->{status}, 401, "$what: 401");
        is(sign_in($h, $c, password => $broken{$what} || 'x')->{status}, 401, 'not by its own text either');
        is((() = $h->log_text =~ /MS0203/g) - $lines, 2, 'and the log tells it');
        is(hash_of($c) // '', $broken{$what}, 'left as it is');
    }
};

subtest 'costs by directive' => sub {
    my $c = new_customer($h);
    my $dear = MedusaStore::Harness->new(shop => $h, main => "MedusaStorePasswordCost 32768 3\n");
    like(hash_of(new_customer($dear)), qr/^\$argon2id\$v=19\$m=32768,t=3,p=1\$/, 'a new customer');
    is(sign_in($dear, $c, password => 'wrong horse')->{status}, 401, 'a wrong password');
    like(hash_of($c), $default, 'changes no hash');
    is(sign_in($dear, $c)->{status}, 200, 'the right one');
    like(hash_of($c), qr/^\$argon2id\$v=19\$m=32768,t=3,p=1\$/, 'brings a hash up to the costs');
    is(sign_in($dear, $c)->{status}, 200, 'and stays right');
    $dear->reload(main => "MedusaStorePasswordCost 8 1000\n");
    is(sign_in($h, new_customer($dear))->{status}, 200, 'what any shop may ask for is good at each');
    $dear->stop;
};

subtest 'customers who come from Medusa v1' => sub {
    my ($old) = @{ read_json('scrypt.json') };
    $h->secret($old->{hash});
    my @names = qw(id email first_name last_name billing_address_id password_hash phone has_account metadata created_at updated_at deleted_at);
    my @row = ('cus_01M84JGRRTE8BA135XJMA230Z2', 'Moved@Lab.Test', 'Mo', 'Ved', '', $old->{hash}, '', 't', '{"a": 1}', ('2023-01-02 03:04:05.678901+00') x 2, '');
    my $customers = $h->write_file('customers.csv', join(',', @names) . "\n" . join(',', map { /[{,]/ ? '"' . s/"/""/gr . '"' : $_ } @row) . "\n");
    my $addresses = $h->write_file('addresses.csv', "id,customer_id,company,first_name,last_name,address_1,address_2,city,"
        . "country_code,province,postal_code,phone,metadata,created_at,updated_at,deleted_at\n");
    my ($exit, $output) = $h->admin('import', "$h->{root}/customers.csv", "$h->{root}/addresses.csv");
    is($exit, 0, 'are imported') or diag $output;
    my $c = { id => $row[0], email => 'moved@lab.test', password => $old->{password} };
    is(hash_of($c), $old->{hash}, 'with their hash');
    is(sign_in($h, $c, password => 'wrong horse')->{status}, 401, 'a wrong password is wrong here too');
    my $r = sign_in($h, $c);
    is($r->{status}, 200, 'and sign in with the password they had');
    is($r->{json}{customer}{created_at}, '2023-01-02T03:04:05.678Z', 'since when they are customers');
    like(hash_of($c), $default, 'which is then hashed anew');
    is(sign_in($h, $c)->{status}, 200, 'and stays right');
};

subtest 'costs that were lowered' => sub {
    my $c = new_customer($h);
    my $dear = hash_of($c);
    $h->secret($dear);
    my $cheap = MedusaStore::Harness->new(shop => $h, main => "MedusaStorePasswordCost 8192 1\n");
    is(sign_in($cheap, $c)->{status}, 200, 'a server of lower costs signs in');
    is(hash_of($c), $dear, 'and leaves the dearer hash as it is');
    $cheap->stop;
};

subtest 'who has no password' => sub {
    my $guest = new_customer($h);
    $h->sql("UPDATE customer SET has_account = 0 WHERE id = '$guest->{id}'");
    is(sign_in($h, $guest)->{status}, 401, 'a guest with a hash');
    my $account = new_customer($h, email => $guest->{email}, password => 'other words');
    is(sign_in($h, $guest)->{status}, 401, 'also beside an account of that e-mail');
    is(sign_in($h, $account)->{json}{customer}{id}, $account->{id}, 'whose own password opens the account');

    my $bare = new_customer($h);
    set_hash($bare, undef);
    is(sign_in($h, $bare)->{status}, 401, 'an account without a hash');
    is(sign_in($h, $bare, password => 'NULL')->{status}, 401, 'whatever is tried');

    my $gone = new_customer($h);
    $h->sql("UPDATE customer SET deleted_at = UTC_TIMESTAMP(3) WHERE id = '$gone->{id}'");
    is(sign_in($h, $gone)->{status}, 401, 'a deleted customer');
    my $next = new_customer($h, email => $gone->{email}, password => 'other words');
    is(sign_in($h, $gone)->{status}, 401, 'also beside the next of that e-mail');
    is(sign_in($h, $next)->{json}{customer}{id}, $next->{id}, 'who can');
};

rows_are_secret($h)->stop;
done_testing;
