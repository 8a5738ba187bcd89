# Cookies and tokens that are not quite right: each bit flipped, cut, another shop's, expired, of another kind, made up. None lets
# anybody in.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64url);
use Test::More;

use MedusaStore::Accounts qw(new_customer token_for jwt_make jwt_claims jwt_header cookie_of sign_in rows_are_secret);
use MedusaStore::Crew;
use MedusaStore::Harness;
use MedusaStore::Quick;
use MedusaStore::Report qw(figure full);

use constant { CREW => 4, BATCH => 100, STRIDE => full() ? 1 : 9 };

my @CONF = (main => "MedusaStorePasswordCost 8 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice');
my $h = MedusaStore::Harness->new(@CONF);
my $c = new_customer($h);
my ($name, $cookie) = split /=/, $c->{cookie}, 2;
my $token = token_for($h, $c);
my $claims = jwt_claims($token);
$h->post('/store/customers/password-token', json => { email => $c->{email} });
my $reset = $h->sql_value(q(SELECT JSON_VALUE(data, '$.token') FROM outbox WHERE event_name = 'customer.password_reset'));
$h->secret($token, $cookie, $reset, $claims->{jti});

my $client = MedusaStore::Quick->new(port => $h->{port});
my ($tried, @let_in, %status) = (0);

# Headers as somebody with this in hand would send them. 400: httpd itself takes the header for none.
sub attempt {
    my ($what, @by) = @_;
    my $r = $client->ask('GET', '/store/auth', undef, @by);
    $tried++;
    $status{ $r->{status} }++;
    push @let_in, "$what: $r->{status}" if $r->{status} != 401 && !($r->{status} == 400 && "@by" =~ /[\x00-\x08\x0a-\x1f\x7f]/);
    return;
}
sub by_cookie { my ($value) = @_; return (Cookie => "$name=$value") }
sub by_token  { my ($value) = @_; return (Authorization => "Bearer $value") }

is $client->ask('GET', '/store/auth', undef, by_cookie($cookie))->{status}, 200, 'the cookie is good';
is $client->ask('GET', '/store/auth', undef, by_token($token))->{status}, 200, 'the token is good';

# ---- each bit flipped, each character left out, each length ----

# Ways to spoil a text: [what, text], …
sub spoiled {
    my ($text) = @_;
    my @all;
    for my $i (0 .. length($text) - 1) {
        for my $bit (0 .. 7) {
            my $copy = $text;
            substr $copy, $i, 1, chr(ord(substr $copy, $i, 1) ^ 1 << $bit);
            push @all, ["bit $bit of character $i", $copy];
        }
        my $copy = $text;
        substr $copy, $i, 1, '';
        push @all, ["without character $i", $copy], ["cut after $i", substr $text, 0, $i], ["without the first $i", substr $text, $i + 1];
        push @all, ["character $i twice", substr($text, 0, $i) . substr($text, $i, 1) . substr $text, $i];
    }
    return @all[grep { $_ % STRIDE == 0 } 0 .. $#all];
}
# A blank at the end of a header, and a semicolon at the end of a cookie, are no part of the value: those are whole.
attempt("cookie: $_->[0]", by_cookie($_->[1])) for grep { $_->[1] =~ s/[;\s]*\z//r ne $cookie } spoiled($cookie);
attempt("token: $_->[0]",  by_token($_->[1]))  for grep { $_->[1] =~ s/\A\s*|\s*\z//gr ne $token } spoiled($token);
is_deeply [@let_in], [], "$tried spoiled cookies and tokens are refused";
my $before = $h->sql_value("SELECT password_hash FROM customer WHERE id = '$c->{id}'");
my @reset;
for my $case (spoiled($reset)) {
    my $text = $case->[1] =~ s/([^ -~]|["\\])/sprintf '\\u%04x', ord $1/ger;
    my $r = $client->ask('POST', '/store/customers/password-reset', qq({"email":"$c->{email}","token":"$text","password":"stolen words"}));
    $tried++;
    push @reset, "$case->[0]: $r->{status}" if $r->{status} != 401 && !($r->{status} == 400 && $text =~ /\\u0000/);
}
is_deeply [@reset], [], 'so are spoiled reset tokens';
is $h->sql_value("SELECT password_hash FROM customer WHERE id = '$c->{id}'"), $before, '… and the password is what it was';

# ---- of another kind, of another shop, expired, ended ----

my $other = MedusaStore::Harness->new(@CONF);
my $twin = MedusaStore::Harness->new(@CONF, start => 0);    # the same secret, another database
$twin->write_private('secret', $h->{secret});
$twin->{secret} = $h->{secret};
$twin->start;
for my $shop (['another shop', $other], ['a shop of the same secret', $twin]) {
    my $stranger = new_customer($shop->[1]);
    my $foreign = token_for($shop->[1], $stranger);
    $h->secret($foreign, $stranger->{cookie});
    attempt("$shop->[0]: cookie", Cookie => $stranger->{cookie});
    attempt("$shop->[0]: token", by_token($foreign));
    $shop->[1]->secret($token, $cookie);
    is $shop->[1]->get('/store/auth', headers => { by_cookie($cookie) })->{status}, 401, "nor is our cookie good in $shop->[0]";
    is $shop->[1]->get('/store/auth', headers => { by_token($token) })->{status}, 401, '… or our token';
}
my $jti = $claims->{jti};
my ($digest) = map { $_->[0] } $h->sql("SELECT HEX(id) FROM session WHERE kind = 'bearer'");
my %kind = ('a reset token as a token' => [by_token($reset)], 'a token as a cookie' => [by_cookie($token)], 'a cookie as a token' => [by_token($cookie)],
    'a jti as a token' => [by_token($jti)], 'a jti as a cookie' => [by_cookie($jti)], 'a jti in an open session' => [by_cookie("medusa-session=$jti")], 'a digest as a cookie' => [by_cookie($digest)],
    'a digest as a token' => [by_token($digest)], 'an id as a token' => [by_token($c->{id})], 'an id as a cookie' => [by_cookie("customer_id=$c->{id}")], 'a digest as jti' => [by_token(jwt_make($h->{secret}, { %$claims, jti => $digest }))],
    'a password as a token' => [by_token($c->{password})], 'basic' => [Authorization => 'Basic ' . encode_base64url("$c->{email}:$c->{password}")], 'no scheme' => [Authorization => $token],
    'another scheme' => [Authorization => "Token $token"], 'a token in the query' => [], 'two tokens' => [Authorization => "Bearer $token, Bearer $token"],
    'an old secret' => [by_token(jwt_make('0' x 64, $claims))], 'no signature' => [by_token(jwt_make($h->{secret}, $claims, signature => ''))], 'alg none' => [by_token(jwt_make('', $claims, alg => 'none'))],
    'HS512' => [by_token(jwt_make($h->{secret}, $claims, alg => 'HS512'))], 'expired' => [by_token(jwt_make($h->{secret}, { %$claims, exp => time - 1 }))], 'of tomorrow' => [by_token(jwt_make($h->{secret}, { %$claims, nbf => time + 86_400 }))],
    'another domain' => [by_token(jwt_make($h->{secret}, { %$claims, domain => 'admin' }))], 'no jti' => [by_token(jwt_make($h->{secret}, { map { $_ => $claims->{$_} } qw(customer_id domain exp) }))],
    "another customer's id" => [by_token(jwt_make($h->{secret}, { %$claims, customer_id => new_customer($h)->{id} }))]);
attempt($_, @{ $kind{$_} }) for sort keys %kind;
$tried++, push @let_in, 'a token in the query' if $client->ask('GET', "/store/auth?access_token=$token&token=$token")->{status} != 401;
my ($old, $gone) = (new_customer($h), new_customer($h));
my ($old_token, $gone_token) = map { token_for($h, $_) } $old, $gone;
$h->secret($old_token, $gone_token);
$h->sql("UPDATE session SET expires_at = UTC_TIMESTAMP(3) - INTERVAL 1 SECOND WHERE customer_id = '$old->{id}'");
$h->delete('/store/auth', headers => { Cookie => $gone->{cookie}, Authorization => "Bearer $gone_token" });
attempt('expired cookie', Cookie => $old->{cookie});
attempt('expired token', by_token($old_token));
attempt('ended cookie', Cookie => $gone->{cookie});
attempt('ended token', by_token($gone_token));
is_deeply [@let_in], [], 'of another kind, of another shop, expired, ended: refused';

# ---- made up, by the million ----

my $EACH = int((full() ? 1_000_000 : 2_000) / CREW / BATCH) * BATCH;
my $crew = MedusaStore::Crew->new(CREW, $h, sub {
    my ($number, $n, $quick) = @_;
    srand $$ + $number;
    my $random = sub { my ($bytes) = @_; return encode_base64url(pack 'N*', map { rand 2**32 } 1 .. $bytes / 4) };
    my ($head, $body) = split /\./, $token;
    my @make = (sub { return 'Cookie: ' . "$name=" . $random->(4 * int length($cookie) * 3 / 16) }, sub { "Cookie: $name=" . $random->(32) }, sub { 'Authorization: Bearer ' . "$head.$body." . $random->(32) },
        sub { "Authorization: Bearer $head." . $random->(120) . '.' . $random->(32) }, sub { 'Authorization: Bearer ' . $random->(32) });
    my ($refused, $answered) = (0, 0);
    for (my $done = 0; $done < $n; $done += BATCH) {    # many requests in one go, answers counted
        my $bytes = join '', map { "GET /store/auth HTTP/1.1\r\nHost: localhost\r\n" . $make[$_ % @make]->() . "\r\n\r\n" } 1 .. BATCH;
        my @answers = ($quick->send($bytes, 'GET'), map { $quick->more('GET') } 2 .. BATCH);
        $answered += grep { $_->{status} } @answers;
        $refused  += grep { $_->{status} == 401 } @answers;
    }
    return [$answered, $refused];
});
my $sessions = $h->sql_value('SELECT COUNT(*) FROM session');
my @seen = $crew->round($EACH);
$crew->end;
my ($answered, $refused) = (0, 0);
$answered += $_->[0], $refused += $_->[1] for @seen;
is $answered, CREW * $EACH, 'all that were made up are answered';
is $refused, $answered, "$answered made up at random: refused";
$tried += $answered;
is $h->sql_value('SELECT COUNT(*) FROM session'), $sessions, 'sessions are what they were';
is $client->ask('GET', '/store/auth', undef, by_cookie($cookie))->{status}, 200, 'and the good cookie still is';
ok figure('H6', 'cookies and tokens that let somebody in and must not', @let_in + @reset + $answered - $refused, "of $tried", !@let_in && !@reset && $answered == $refused), "$tried tries";
$_->stop for $twin, $other;
rows_are_secret($h)->stop;
done_testing;
