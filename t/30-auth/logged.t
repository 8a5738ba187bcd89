# The log, at level info, tells who signed in, who was not let in and whose password changed: by customer id and request, never by e-mail
# or password, which the harness looks for.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for as_cookie rows_are_secret);
use MedusaStore::Harness;

my $h = MedusaStore::Harness->new(log_level => 'info', main => "MedusaStorePasswordCost 8 1\nMedusaStoreConfirmPassword On\n");

# What the log has got meanwhile, without ids of requests.
my $seen = 0;
sub told {
    my $text = substr $h->log_text, $seen;
    $seen += length $text;
    return [$text =~ /\bMS020[4567]: (.*?) \(request [^()]+\)$/mg];
}

my $c = new_customer($h);
is_deeply(told(), ["customer $c->{id} signed in by registration"], 'the log tells of each: a registration');
sign_in($h, $c);
token_for($h, $c);
is_deeply(told(), ["customer $c->{id} signed in by cookie", "customer $c->{id} signed in by token"], 'sign-ins');
sign_in($h, $c, password => 'another');
$h->post('/store/auth/token', json => { email => 'nobody@lab.test', password => 'another' });
$h->post('/store/auth', json => { email => $c->{email}, password => 12 });
is_deeply(told(), ["not let in: a wrong password (customer $c->{id})", 'not let in: no account has that e-mail address (customer -)', 'not let in: the password is no text (customer -)'],
    'and those that failed');

$h->post('/store/customers/me', as_cookie($c->{cookie}), json => { password => 'a third', old_password => $_ }) for 'another', $c->{password};
is_deeply(told(), ["not let in: a wrong old_password (customer $c->{id})", "customer $c->{id} has a new password, by a change"], 'changes of a password');

$h->post('/store/customers/me', as_cookie($c->{cookie}), json => { email => $_, old_password => 'a third' }) for $c->{email}, $c->{email} = 'else@lab.test';
is_deeply(told(), ["customer $c->{id} has another e-mail address"], 'changes of an e-mail address, and only those');

$h->post('/store/customers/password-token', json => { email => $c->{email} });
my $token = JSON::PP->new->decode($h->sql_value("SELECT data FROM outbox WHERE event_name = 'customer.password_reset'"))->{token};
$h->secret($token);
$h->post('/store/customers/password-reset', json => { email => $c->{email}, token => $token, password => 'a fourth' }) for 1, 2;
is_deeply(told(), ["customer $c->{id} has a new password, by a reset", 'not let in: no good token for a new password (customer -)'], 'resets, and tokens that are no good');

my @key = (headers => { 'Idempotency-Key' => 'registered-once' });
my %body = (first_name => 'A', last_name => 'B', email => 'twice@lab.test');
my ($id) = map { $h->post('/store/customers', @key, json => { %body, password => 'twice' })->{json}{customer}{id} } 1, 2;
is_deeply(told(), ["customer $id signed in by registration", "customer $id signed in by registration, sent again"], 'a registration that is sent again');

rows_are_secret($h)->stop;
done_testing;
