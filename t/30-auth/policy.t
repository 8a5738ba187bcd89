# What a shop may ask of new passwords beyond what Medusa does: a length, and that not everybody has them. At registration, at a change,
# at a reset; never of those that were chosen before.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in as_cookie rows_are_secret);
use MedusaStore::Harness;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);
my $COST = "MedusaStorePasswordCost 8 1\n";
my $METRICS = "<Location /metrics>\nSetHandler medusa-store-metrics\n</Location>\n";
my $h = MedusaStore::Harness->new(start => 0);
my $words = $h->write_file('words', "123456789\nPassword1\r\nContraseña\n\n");
my $policy = "${COST}MedusaStorePasswordLength 8\nMedusaStorePasswordList file:$words\n";
@$h{qw(main conf)} = ($policy, "$METRICS<VirtualHost *>\nServerName strict.example\n</VirtualHost>\n<VirtualHost *>\nServerName lenient.example\nMedusaStorePasswordLength 1\nMedusaStorePasswordList None\n</VirtualHost>\n");
$h->start;
my $plain = MedusaStore::Harness->new(shop => $h, main => $COST);
my $n = 0;

sub customer { my ($password) = @_; $n++; return { email => "p$n\@lab.test", password => $password, first_name => 'A', last_name => 'B' } }
sub is_refused {
    my ($r, $why, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return is("$r->{status} $r->{body}", qq(400 {"type":"invalid_data","message":"$why"}), $name);
}

my $SHORT  = 'password must be longer than or equal to 8 characters';
my $COMMON = 'password must not be one that many others have';
my %bad  = ('horse12' => $SHORT, '🐴🔋📎🐴🔋📎🐴' => $SHORT, '123456789' => $COMMON, 'password1' => $COMMON, 'PASSWORD1' => $COMMON, 'CONTRASEÑA' => $COMMON);
my @good = ('horse123', '🐴🔋📎🐴🔋📎🐴🔋', '1234567890', 'password1 ', 'contrasena', ' ' x 8);

# The hashes that were made so far.
sub hashes {
    my $text = $h->get('/metrics')->{body};
    my $sum = 0;
    $sum += $_ for $text =~ /^medusa_store_hashes_total\S* (\d+)/mg;
    return $sum;
}

subtest 'registration' => sub {
    my $before = hashes();
    for my $password (sort keys %bad) {
        is_refused($h->post('/store/customers', json => customer($password)), $bad{$password}, "$password: refused");
    }
    is($h->sql_value('SELECT COUNT(*) FROM customer'), 0, 'nobody was registered');
    is(hashes() - $before, 0, 'and nothing hashed');
    is($h->post('/store/customers', json => customer($_))->{status}, 200, "$_: taken") for @good;
};

subtest 'change' => sub {
    my $c = new_customer($h, password => 'horse123');
    for my $password (sort keys %bad) {
        is_refused($h->post('/store/customers/me', as_cookie($c->{cookie}), json => { first_name => 'No', password => $password }), $bad{$password}, "$password: refused");
    }
    is($h->sql_value("SELECT first_name = 'No' FROM customer WHERE id = '$c->{id}'"), 0, 'and with it the rest');
    is($h->post('/store/customers/me', as_cookie($c->{cookie}), json => { first_name => 'Yes' })->{status}, 200, 'a change of something else');
    is($h->post('/store/customers/me', as_cookie($c->{cookie}), json => { password => 'horse456' })->{status}, 200, 'a good one');
    is(sign_in($h, $c, password => 'horse456')->{status}, 200, 'is the password');
};

subtest 'reset' => sub {
    my $c = new_customer($h, password => 'horse123');
    is($h->post('/store/customers/password-token', json => { email => $c->{email} })->{status}, 204, 'a token is asked for');
    my $token = JSON::PP->new->decode($h->sql_value("SELECT data FROM outbox WHERE event_name = 'customer.password_reset' AND data LIKE '%\"$c->{email}\"%'"))->{token};
    $h->secret($token);
    my %body = (email => $c->{email}, token => $token);
    for my $password (sort keys %bad) {
        is_refused($h->post('/store/customers/password-reset', json => { %body, password => $password }), $bad{$password}, "$password: refused");
    }
    is($h->post('/store/customers/password-reset', json => { %body, password => 'horse789' })->{status}, 200, 'the token is still good, for a good one');
};

subtest 'those of before' => sub {
    for my $password ('x', '123456789') {
        my $c = new_customer($plain, password => $password);
        is(sign_in($h, $c)->{status}, 200, "$password, chosen before: signs in");
        is($h->post('/store/auth/token', json => { email => $c->{email}, password => $password })->{status}, 200, 'for a token, too');
    }
};

subtest 'a host of its own mind' => sub {
    is($h->post('/store/customers', json => customer($_), headers => { Host => 'lenient.example' })->{status}, 200, "$_: taken") for 'x', '123456789';
};

subtest 'another list' => sub {
    $h->write_file('words', "horse123\n");
    is($h->post('/store/customers', json => customer('horse123'))->{status}, 200, 'before the restart, the old one');
    $h->reload;
    is_refused($h->post('/store/customers', json => customer('Horse123')), $COMMON, 'after it, the new one');
    is($h->post('/store/customers', json => customer('123456789'))->{status}, 200, 'alone');
};

$plain->stop;
rows_are_secret($h)->stop;
done_testing;
