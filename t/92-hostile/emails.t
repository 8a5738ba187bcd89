# E-mail addresses and country codes: over HTTP the verdict is the one that Medusa gives, in each operation that takes one, and what
# is taken is stored in lower case.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Harness;
use MedusaStore::Hostile qw(json_of);
use MedusaStore::Quick qw(cookie);
use MedusaStore::Report qw(figure full);

my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8 1\n$MedusaStore::Quick::CONF", log_level => 'notice', http_log_level => 'notice');
my $client = MedusaStore::Quick->new(port => $h->{port});
my $json = JSON::PP->new->allow_nonref;

sub read_file { my ($name) = @_; open my $in, '<:raw', $name or die "$name: $!"; local $/; return <$in> }

# Medusa's verdicts: [e-mail as JSON, good or not], …. What it answers by 500, an unpaired surrogate, is bad here.
my $text = read_file("$ENV{MS_TEST_DATA}/email-vectors.json");
my @vectors;
push @vectors, [$1, $2 eq 'true' ? 1 : 0] while $text =~ /^\[("(?:[^"\\]|\\.)*"), (true|false)/mg;
cmp_ok scalar @vectors, '>=', 500, @vectors . ' e-mail addresses';
@vectors = @vectors[grep { $_ % 4 == 0 } 0 .. $#vectors] if !full();

# Each operation, its body, and what it answers to a good address of nobody.
my %OPERATION = (
    '/store/auth' => ['"password":"wrong"', 401], '/store/auth/token' => ['"password":"wrong"', 401], '/store/customers/password-token' => [undef, 204],
    '/store/customers/password-reset' => ['"token":"x","password":"y"', 401],
    '/store/customers' => ['"password":"correct horse","first_name":"A","last_name":"B"', 200],
);
my ($pairs, @wrong, %lower) = (0);
for my $vector (@vectors) {
    my ($email, $good) = @$vector;
    for my $path (sort keys %OPERATION) {
        my ($more, $status) = @{ $OPERATION{$path} };
        my $r = $client->ask('POST', $path, '{' . join(',', "\"email\":$email", $more // ()) . '}');
        my $known = $path eq '/store/customers' && $r->{status} == 422;    # another spelling of one before it
        my $bad = $good ? $r->{status} != $status && !$known : $r->{status} != 400 || $r->{body} !~ /email must be an email|not valid JSON/;
        push @wrong, "$path: $email is " . ($good ? 'good' : 'bad') . ", answered by $r->{status} $r->{body}" if $bad;
        $pairs++;
    }
    my $characters = $good ? $json->decode(do { my $copy = $email; utf8::decode($copy); $copy }) : undef;
    next if !$good;
    my $escaped = do { my $bytes = $characters; utf8::encode($bytes); $bytes =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger };
    $pairs++;
    if ($escaped !~ /%2F|%00/) {
        my $r = $client->ask('GET', "/store/auth/$escaped");
        push @wrong, "it is not found by $escaped: $r->{status} $r->{body}" if $r->{body} ne '{"exists":true}';
    }
    $lower{ $characters =~ s/\x{130}/i\x{307}/gr =~ s/(?<=\p{L})\x{3a3}(?!\p{L})/\x{3c2}/gr =~ s/(.)/lc $1/gesr } = 1;
}
my %stored = map { my $email = pack 'H*', $_->[0]; utf8::decode($email); $email => 1 } $h->sql('SELECT HEX(email) FROM customer');
is_deeply [sort grep { !$lower{$_} } keys %stored], [], 'stored are the good ones, in lower case';
is_deeply [sort grep { !$stored{$_} } keys %lower], [], 'and all of them';

# ---- countries: each pair of letters; three letters, numbers and names of each country; odd ones ----

my @countries = $h->sql('SELECT iso_2, iso_3, num_code, name, display_name FROM country');
my %iso = map { $_->[0] => 1 } @countries;
my $r = $client->ask('POST', '/store/customers', '{"email":"me@country.test","password":"correct horse","first_name":"A","last_name":"B"}');
my @by = (Cookie => cookie($r));
$r = $client->ask('POST', '/store/customers/me/addresses', '{"address":{"first_name":"A","last_name":"B","address_1":"1","city":"C","country_code":"us","postal_code":"9"}}', @by);
my ($address) = $r->{body} =~ /"(addr_\w+)"/;
my @codes = (map({ my $a = $_; map { $a . $_ } 'a' .. 'z' } 'a' .. 'z'), map({ uc } keys %iso), map({ ucfirst } keys %iso), map { @$_[1 .. 4] } @countries);
push @codes, '', ' ', 'u', 'us ', ' us', 'usa', "us\t", 'u s', 'UŠ', 'ＵＳ', "us\x{200b}", 'u%', '__', '%', "u'", 'null', '0', '840', "\x{1F1FA}\x{1F1F8}", "\x{130}s", "\x{212a}r", 'ß';
@codes = @codes[grep { $_ % 4 == 0 || $_ > $#codes - 22 } 0 .. $#codes] if !full();
for my $code (@codes) {
    my $characters = $code;
    utf8::decode($characters) if !utf8::is_utf8($characters);
    $r = $client->ask('POST', "/store/customers/me/addresses/$address", '{"country_code":' . json_of($characters) . '}', @by);
    my $good = $iso{ lc $characters };
    push @wrong, "country $code: answered by $r->{status}" if $r->{status} != ($good ? 200 : 404);
    push @wrong, "country $code: not in lower case" if $good && $r->{body} !~ /"country_code":"\Q${\ lc $code}\E"/;
    $pairs++;
}
is_deeply [@wrong > 5 ? @wrong[0 .. 4] : @wrong], [], "$pairs verdicts are Medusa's";
ok figure('H5', "verdicts on e-mail addresses and countries that are not Medusa's", scalar @wrong, "of $pairs", !@wrong), 'all of them';
$h->stop;
done_testing;
