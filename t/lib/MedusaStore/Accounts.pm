package MedusaStore::Accounts;

# Customers who register, sign in and are asked for, for the tests of t/30-auth; and JSON web tokens made by hand. All
# functions take a MedusaStore::Harness first, but for those on tokens.

use strict;
use warnings;

use Carp qw(croak);
use Digest::SHA qw(hmac_sha256 hmac_sha384 hmac_sha512);
use Exporter qw(import);
use JSON::PP ();
use MIME::Base64 qw(encode_base64url decode_base64url);

our @EXPORT_OK = qw(new_customer sign_in token_for cookie_of who sessions as_cookie as_bearer rows_are_secret
    jwt_make jwt_claims jwt_header);

my $count = 0;
my %MAC = (HS256 => \&hmac_sha256, HS384 => \&hmac_sha384, HS512 => \&hmac_sha512, none => sub { '' });

# Register somebody: { id, email, password, cookie }. Options: jar (none), and fields of the body.
sub new_customer {
    my ($h, %option) = @_;
    my $jar = delete $option{jar};
    $count++;
    my $body = { first_name => 'Ann', last_name => 'Lee', email => "ann-$count-$$\@lab.test", password => "correct horse $count", %option };
    my $r = $h->post('/store/customers', json => $body, defined $jar ? (jar => $jar) : ());
    croak "registering was answered by $r->{status}: $r->{body}" if $r->{status} != 200;
    return { id => $r->{json}{customer}{id}, email => $body->{email}, password => $body->{password}, cookie => cookie_of($r) };
}

# Sign somebody in: the answer. Options as of request; password: another one.
sub sign_in {
    my ($h, $customer, %option) = @_;
    my $password = delete $option{password} // $customer->{password};
    return $h->post('/store/auth', json => { email => $customer->{email}, password => $password }, %option);
}

# A bearer token.
sub token_for {
    my ($h, $customer) = @_;
    my $r = $h->post('/store/auth/token', json => { email => $customer->{email}, password => $customer->{password} });
    croak "no token: $r->{status}" if $r->{status} != 200;
    return $r->{json}{access_token};
}

# "NAME=VALUE" of the only cookie that an answer sets; undef if it sets none. Two are an error, but for the same twice:
# mod_session_dbd does that.
sub cookie_of {
    my ($answer) = @_;
    my %all = map { s/;.*//r => 1 } @{ $answer->{cookies} };
    croak "more than one cookie: @{ $answer->{cookies} }" if keys %all > 1;
    return (keys %all)[0];
}

sub as_cookie { my ($cookie) = @_; return (headers => { Cookie => $cookie }) }
sub as_bearer { my ($token)  = @_; return (headers => { Authorization => "Bearer $token" }) }

# Who is that? The customer's id, or the status of a refusal. Options as of request.
sub who {
    my ($h, %option) = @_;
    my $r = $h->get('/store/auth', %option);
    return $r->{status} == 200 ? $r->{json}{customer}{id} : $r->{status};
}

# How many sessions a customer has; of one kind, if named.
sub sessions {
    my ($h, $customer, $kind) = @_;
    return $h->sql_value("SELECT COUNT(*) FROM session WHERE customer_id = '$customer->{id}'" . ($kind ? " AND kind = '$kind'" : ''));
}

# Announce what stands in the tables as what the log may not hold: e-mails, hashes, digests of tokens. Gives the harness.
sub rows_are_secret {
    my ($h) = @_;
    my @rows = $h->sql('SELECT email, password_hash FROM customer');
    return $h->secret(map({ @$_ } @rows), map { $_->[0], lc $_->[0] } $h->sql('SELECT HEX(id) FROM session'));
}

# ---- tokens ----

# A token of claims (a hash, or JSON text), signed with a secret. Options: alg (HS256), header (a hash, or JSON text),
# signature (instead of the right one).
sub jwt_make {
    my ($secret, $claims, %option) = @_;
    my $alg = $option{alg} // 'HS256';
    my $header = $option{header} // { alg => $alg, typ => 'JWT' };
    my $json = JSON::PP->new->utf8->canonical;
    my $input = join '.', map { encode_base64url(ref $_ ? $json->encode($_) : $_) } $header, $claims;
    return "$input." . ($option{signature} // encode_base64url($MAC{$alg}->($input, $secret)));
}

sub jwt_header { my ($token) = @_; return decode_base64url((split /\./, $token)[0]) }
sub jwt_claims { my ($token) = @_; return JSON::PP->new->utf8->decode(decode_base64url((split /\./, $token)[1])) }

1;
