# medusa-store-admin import and export: what PostgreSQL wrote comes in, all of it or with a reason, and out again as it was.
#
# Needs what migrate.t needs.
use strict;
use warnings;
use utf8;

use Digest::SHA qw(sha256 hmac_sha256);
use File::Temp qw(tempdir);
use FindBin;
use IPC::Open3 qw(open3);
use MIME::Base64 qw(encode_base64);
use Symbol qw(gensym);
use Test::More;

use MedusaStore::Secrets qw(keep_text note_secrets);

for my $name (qw(MS_TEST_SOCKET MS_TEST_USER MS_ADMIN)) {
    die "$name is not set: this test needs a private database server and the program (see its head)\n"
        unless defined $ENV{$name} && length $ENV{$name};
}
my ($socket, $user, $admin) = @ENV{qw(MS_TEST_SOCKET MS_TEST_USER MS_ADMIN)};
my ($client) = grep { -x } map { ("$_/mariadb", "$_/mysql") } split /:/, $ENV{PATH};
die "no mariadb or mysql client in PATH\n" unless $client;

my $top     = "$FindBin::Bin/../..";
my $scratch = tempdir(CLEANUP => 1);
my ($own, $databases, $db) = ($$, 0, undef);
delete $ENV{MEDUSA_STORE_DB_PARAMS};

END {
    if (defined $own && $$ == $own) {
        local $?;
        query('', "DROP DATABASE IF EXISTS `ms_import_${own}_$_`") for 1 .. $databases;
    }
}

# ---- helpers ----

sub query {
    my ($database, $statement) = @_;
    open my $out, '-|:utf8', $client, '--no-defaults', "--socket=$socket", "--user=$user", '--default-character-set=utf8mb4',
        '--skip-column-names', '--batch', '-e', $statement, length $database ? $database : ()
        or die "$client: $!";
    my @rows = <$out>;
    close $out or die "the statement failed: $statement\n";
    chomp @rows;
    return wantarray ? @rows : $rows[0];
}

# Exit status, standard output, standard error; the latter two go to files, for both may be long.
sub admin {
    my (@arguments) = @_;
    local $ENV{MEDUSA_STORE_DB_PARAMS} = "sock=$socket,user=$user,dbname=$db";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', "$scratch/out";
        open STDERR, '>', "$scratch/err";
        exec $admin, @arguments or exit 127;
    }
    waitpid $pid, 0;
    my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
    my ($out, $err) = map { slurp("$scratch/$_") } qw(out err);
    keep_text("$out$err");
    return ($status, $out, $err);
}

sub fresh_database {
    $db = "ms_import_${own}_" . ++$databases;
    query('', "CREATE DATABASE $db CHARACTER SET latin1");
    my ($status) = admin('migrate', '--sql', "$top/sql");
    die "no schema\n" if $status;
    return $db;
}

sub put {
    my ($path, $text) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    utf8::encode(my $bytes = $text);
    print {$file} $bytes;
    close $file or die "$path: $!";
    return $path;
}

sub slurp {
    my ($path) = @_;
    open my $file, '<:raw', $path or return '';
    local $/;
    my $text = readline $file;
    utf8::decode($text) if defined $text;
    return $text // '';
}

my @CUSTOMER = qw(id email first_name last_name billing_address_id password_hash phone has_account metadata created_at updated_at deleted_at);
my @ADDRESS  = qw(id customer_id company first_name last_name address_1 address_2 city country_code province postal_code phone metadata
    created_at updated_at deleted_at);
my ($THEN, $LATER) = ('2023-01-02 03:04:05.678+00', '2023-02-02 03:04:05+00');

# A row; undef: NULL.
sub row {
    return join(',', map { !defined $_ ? '' : !length $_ || /[",\r\n]/ ? '"' . s/"/""/gr . '"' : $_ } @_) . "\n";
}
sub customer {
    my (%c) = (email => undef, has_account => 't', created_at => $THEN, updated_at => $LATER, @_);
    $c{email} //= "$c{id}\@example.com";
    note_secrets(@c{qw(email password_hash)});
    return row(@c{@CUSTOMER});
}
sub address { my (%a) = (created_at => $THEN, updated_at => $LATER, @_); return row(@a{@ADDRESS}) }
sub customers { return put("$scratch/customers.csv", row(@CUSTOMER) . join '', @_) }
sub addresses { return put("$scratch/addresses.csv", row(@ADDRESS) . join '', @_) }

# A hash in Medusa's form (that it fits a password, the unit tests know).
sub old_hash {
    my $head = "scrypt\0" . chr(1) . pack('NN', 1, 1) . sha256($_[0]);
    $head .= substr sha256($head), 0, 16;
    return encode_base64($head . hmac_sha256($head, $_[0]), '');
}

# ---- a good import ----

fresh_database();
my $hash = old_hash('x');
my $c    = customers(
    customer(id => 'cus_1', email => 'ÄB@Example.com', first_name => "J\"ö,rg\r\nx", last_name => '', billing_address_id => 'addr_2',
        password_hash => $hash, phone => '+49', metadata => '{"a": 1.50, "ü": "\\""}'),
    customer(id => 'cus_2', has_account => 'f', email => 'äb@example.com'),
    customer(id => 'cus_3', email => 'äb@example.com', deleted_at => $LATER, created_at => '2023-01-02 03:04:05.6789+05:30'),
    customer(id => 'cus_4', billing_address_id => 'addr_3', first_name => '😀'));
my $a = addresses(
    address(id => 'addr_1', customer_id => 'cus_1', city => 'Köln', country_code => 'de', metadata => '{}', company => ''),
    address(id => 'addr_2', country_code => 'fr'), address(id => 'addr_3', customer_id => 'cus_4', deleted_at => $LATER));

my ($status, $out, $err) = admin('import', $c, $a, '--dry-run');
is($status, 0, 'a dry run');
is($out, "customers: read 4, to be imported 4, already there 0, rejected 0\nbilling addresses: to be set 2, not set 0\n"
    . "addresses: read 3, to be imported 3, already there 0, rejected 0\nnothing was written (--dry-run)\n", 'tells what would be');
is(query($db, 'SELECT (SELECT COUNT(*) FROM customer) + (SELECT COUNT(*) FROM address)'), 0, 'and writes nothing');
($status, $out, $err) = admin('import', $c, $a);
is($status, 0, 'an import');
is($out, "customers: read 4, imported 4, already there 0, rejected 0\nbilling addresses: set 2, not set 0\n"
    . "addresses: read 3, imported 3, already there 0, rejected 0\n"
    . "table customer: 0 rows before, 4 now: as counted\ntable address: 0 rows before, 3 now: as counted\n", 'counts');
is_deeply([ query($db, 'SELECT id, email, HEX(first_name), last_name, billing_address_id, password_hash, phone, has_account, metadata,'
    . " created_at, updated_at, deleted_at FROM customer WHERE id IN ('cus_1', 'cus_3') ORDER BY id") ],
    [ join("\t", 'cus_1', 'äb@example.com', '4A22C3B62C72670D0A78', '', 'addr_2', $hash, '+49', 1, '{"a": 1.50, "ü": "\\\\""}',
        '2023-01-02 03:04:05.678', '2023-02-02 03:04:05.000', 'NULL'),
      join("\t", 'cus_3', 'äb@example.com', ('NULL') x 5, 1, 'NULL', '2023-01-01 21:34:05.678', '2023-02-02 03:04:05.000',
        '2023-02-02 03:04:05.000') ], 'values are as they were');
is(query($db, "SELECT CONCAT_WS('|', id, customer_id, company, city, country_code, metadata, address_1) FROM address WHERE id = 'addr_1'"),
    'addr_1|cus_1||Köln|de|{}', 'addresses, too');
unlike("$out$err", qr/example|\Q$hash\E/, 'neither e-mail nor hash is said');

query($db, "UPDATE customer SET billing_address_id = NULL, updated_at = UTC_TIMESTAMP(3) WHERE id = 'cus_1'");
query($db, "UPDATE customer SET billing_address_id = NULL WHERE id = 'cus_4'");
query($db, "DELETE FROM address WHERE id = 'addr_1'");
($status, $out) = admin('import', $c, $a);
is($status, 0, 'once more');
like($out, qr/\Acustomers: read 4, imported 0, already there 4, rejected 0\nbilling addresses: set 1, not set 0\n/, 'goes on where it stopped');
like($out, qr/^addresses: read 3, imported 1, already there 2, rejected 0$/m, 'with addresses, too');
is(query($db, "SELECT GROUP_CONCAT(IFNULL(billing_address_id, '-') ORDER BY id) FROM customer WHERE id IN ('cus_1', 'cus_4')"), '-,addr_3',
    'but a customer who changed something since keeps it');

# ---- columns in another order, CRLF, byte order mark ----

fresh_database();
my @order = reverse @CUSTOMER;
my %one   = (id => 'cus_1', email => 'a@example.com', has_account => 'true', created_at => $THEN, updated_at => $THEN);
$c = put("$scratch/customers.csv", "\x{feff}" . (row(@order) . row(@one{@order}) . "\n") =~ s/\n/\r\n/gr);
$a = addresses();
($status, $out) = admin('import', $a, $c);
is("$status $out", '1 ', 'files in the wrong order');
($status, $out) = admin('import', $c, $a);
like("$status $out", qr/\A0 customers: read 1, imported 1/, 'columns in any order, CRLF, a byte order mark');

# ---- what is refused ----

fresh_database();
query($db, "INSERT INTO customer (id, email, has_account, created_at, updated_at) VALUES ('cus_old', 'taken\@example.com', 1, NOW(), NOW())");
my %bad = (
    cus_mail     => [ { email => 'nobody' },               'email is missing or no e-mail address' ],
    cus_taken    => [ { email => 'Taken@Example.com' },    'email is that of another live customer in the database' ],
    cus_twice    => [ { email => 'CUS_GOOD@example.com' }, 'email is that of another live customer in the file' ],
    cus_hash     => [ { password_hash => '$2b$10$abc' },   'password_hash is neither' ],
    cus_bool     => [ { has_account => '1' },              'has_account is none of' ],
    cus_json     => [ { metadata => '[1]' },               'metadata is no JSON object' ],
    cus_time     => [ { created_at => 'infinity' },        'created_at is no time' ],
    'cus bad'    => [ { email => 'bad@example.com' },      'id is missing' ],
    cus_long     => [ { first_name => 'x' x 16384 },       'first_name is longer' ],
    cus_good     => [ { email => 'other@example.com' },    'id is that of a row before it in the file' ],
);
my @bad = sort keys %bad;
$c = customers(customer(id => 'cus_good'), (map { customer(id => $_, %{ $bad{$_}[0] }) } @bad), "cus_short,x\n",
    customer(id => 'cus_b1', billing_address_id => 'addr_1'), customer(id => 'cus_b2', billing_address_id => 'addr_1'),
    customer(id => 'cus_b3', billing_address_id => 'addr_none'));
$a = addresses(address(id => 'addr_1', customer_id => 'cus_good'), address(id => 'addr_2', customer_id => 'cus_mail'),
    address(id => 'addr_3', country_code => 'xx'), address(id => 'addr_4', city => "K\x{f6}ln"), address(id => 'addr_1'));
for my $dry (1, 0) {
    my $name = $dry ? 'dry run' : 'import';
    ($status, $out, $err) = admin('import', '--reject', "$scratch/refused", $c, $a, $dry ? '--dry-run' : ());
    is($status, 1, "$name: refused rows are a failure");
    like($out, qr/^customers: read 15, (?:to be )?imported 4, already there 0, rejected 11\n/m, "$name: counts");
    like($out, qr/^billing addresses: (?:to be )?set 1, not set 2\n/m, "$name: of billing addresses");
    like($out, qr/^addresses: read 5, (?:to be )?imported 2, already there 0, rejected 3\n/m, "$name: of addresses");
    like($out, qr/^  1 customers: \Q$_\E/m, "$name: $_") for map { $_->[1] } values %bad;
    like($out, qr/^  1 addresses: \Q$_\E$/m, "$name: $_") for 'customer_id is no customer', 'country_code is no country',
        'id is that of a row before it in the file';
    unlike("$out$err", qr/\@/, "$name: no e-mail is said");
    is((stat "$scratch/refused.customers.csv")[2] & 0777, 0600, "$name: refused rows are for their owner's eyes only");
}
is(query($db, 'SELECT GROUP_CONCAT(id ORDER BY id) FROM customer'), 'cus_b1,cus_b2,cus_b3,cus_good,cus_old', 'the others are in');
is(query($db, 'SELECT GROUP_CONCAT(id ORDER BY id) FROM address'), 'addr_1,addr_4', 'addresses, too');
is(query($db, 'SELECT GROUP_CONCAT(id) FROM customer WHERE billing_address_id IS NOT NULL'), 'cus_b1', 'and the billing address');
my $refused = slurp("$scratch/refused.customers.csv");
like($refused, qr/\Aid,email,.*,deleted_at,reason\n/, 'refused rows have one column more');
like($refused, qr/^cus_mail,nobody,.*,email is missing or no e-mail address\n/m, 'with the reason behind the row as it was');
like($refused, qr/^cus_b2,.*,"the customer is in, but billing_address_id is that of another customer"\n/m, 'also of the billing addresses');
like($refused, qr/^cus_short,x,the row has more or fewer fields than the header\n/m, 'and of what is no row');

# mended and given again
put("$scratch/mended.csv", $refused =~ s/,nobody,/,somebody\@example.com,/r =~ s/^cus_short.*\n//mr =~ s/addr_none/addr_4/r);
($status, $out) = admin('import', "$scratch/mended.csv", addresses());
like($out, qr/^customers: read 12, imported 1, already there 3, rejected 8\nbilling addresses: set 1, not set 1\n/m, 'refused rows can be mended and given again');
($status, $out, $err) = admin('import', "$scratch/refused.customers.csv", $a, '--reject', "$scratch/refused");
is("$status $out", '1 ', 'but not overwritten while they are read');
like($err, qr/refused.customers.csv would be overwritten by refused rows: give another --reject/, 'and it is said');

# ---- files that are none ----

for my $case (
    [ qr/unknown columns: mail, age$/,                               row(@CUSTOMER, 'mail', 'age') ],
    [ qr/missing columns: email, deleted_at$/,                       row(grep { !/^(?:email|deleted_at)$/ } @CUSTOMER) ],
    [ qr/column email is there twice$/,                              row(@CUSTOMER, 'email') ],
    [ qr/it is empty; its first line must be the header/,            '' ],
    [ qr/line 2: the file ends within a quoted field/,               row(@CUSTOMER) . 'cus_1,"x' ],
    [ qr/line 3: a quote stands within a field .* \(1 rows are in; run the command again to go on\)/,
        row(@CUSTOMER) . customer(id => 'cus_q') . "cus_1,a\"x\n" ]) {
    my ($want, $text) = @$case;
    put("$scratch/broken.csv", $text);
    ($status, $out, $err) = admin('import', "$scratch/broken.csv", addresses());
    is("$status $out", '1 ', "broken file: $want");
    like($err, qr/^medusa-store-admin: \S+broken.csv[:,] $want/m, 'says what is wrong');
}
for my $case ([ qr/import takes two files/, 'x' ], [ qr/import takes two files/, 'x', 'y', 'z' ], [ qr/--batch takes a whole number from 1 to 5000/, '--batch', 0, 'x', 'y' ],
    [ qr/invalid option: --fast/, '--fast', 'x', 'y' ]) {
    my ($want, @arguments) = @$case;
    ($status, $out, $err) = admin('import', @arguments);
    is("$status $out", '2 ', "usage: import @arguments");
    like($err, qr/^medusa-store-admin: $want/, 'says what is wrong');
}
($status, $out, $err) = admin('import', "$scratch/none.csv", $a);
like("$status $err", qr/\A1 medusa-store-admin: can't read .*none.csv: No such file/, 'no file');
($status, $out, $err) = admin('export', 'x');
like("$status $err", qr/\A2 medusa-store-admin: export takes two files/, 'usage: export');

# ---- there and back again ----

srand 42;
my @odd = (undef, '', ' ', 'a', "ä\"ö", "l1\nl2", "l1\r\nl2", 'x,y', "'q'", '\\', '\\N', 'NULL', '%s', '😀', "\t", '""');
my $odd = sub { $odd[rand @odd] };
my (@c, @a);
for my $i (1 .. 1234) {
    my $id = sprintf 'cus_%04d', $i;
    push @c, customer(id => $id, email => "u$i\@example.com", first_name => $odd->(), last_name => $odd->(), phone => $odd->(),
        billing_address_id => ($i % 3 ? undef : "addr_$id"), password_hash => ($i % 2 ? old_hash($i) : undef),
        has_account => ($i % 7 ? 't' : 'f'), metadata => ($i % 5 ? undef : qq({"k": "v\\"$i", "n": 1.0})),
        created_at => sprintf('2023-01-02 03:04:05%s+00', ('', '.1', '.12', '.123', '.001')[ $i % 5 ]),
        deleted_at => ($i % 11 ? undef : $LATER));
    push @a, address(id => "addr_$id", customer_id => ($i % 4 ? $id : undef), company => $odd->(), first_name => $odd->(),
        last_name => $odd->(), address_1 => $odd->(), address_2 => $odd->(), city => $odd->(), country_code => (undef, 'de', 'us')[ $i % 3 ],
        province => $odd->(), postal_code => $odd->(), phone => $odd->(), metadata => ($i % 6 ? undef : '{}'),
        deleted_at => ($i % 13 ? undef : $THEN));
}
($c, $a) = (customers(@c), addresses(@a));
fresh_database();
($status, $out) = admin('import', $c, $a, '--batch', 333);
is($status, 0, 'odd values come in') or diag $out;
($status, $out, $err) = admin('export', "$scratch/c1.csv", "$scratch/a1.csv");
is("$status $out", "0 customers: 1234 rows in $scratch/c1.csv\naddresses: 1234 rows in $scratch/a1.csv\n", 'and go out');
ok(slurp("$scratch/c1.csv") eq slurp($c), 'customers just as PostgreSQL wrote them');
ok(slurp("$scratch/a1.csv") eq slurp($a), 'addresses just as PostgreSQL wrote them');
is((stat "$scratch/c1.csv")[2] & 0777, 0600, "for their owner's eyes only");
unlike("$out$err", qr/\@/, 'no e-mail is said');
fresh_database();
($status) = admin('import', "$scratch/c1.csv", "$scratch/a1.csv");
is($status, 0, 'what was exported comes in again');
admin('export', "$scratch/c2.csv", "$scratch/a2.csv");
ok(slurp("$scratch/c1.csv") eq slurp("$scratch/c2.csv") && slurp("$scratch/a1.csv") eq slurp("$scratch/a2.csv"), 'and goes out the same');
($status, $out, $err) = admin('export', "$scratch/none/c.csv", "$scratch/a2.csv");
like("$status $err", qr/\A1 .*medusa-store-admin: can't write .*none\/c.csv.new: No such file/s, 'a folder that is not there');

# ---- broken off at random ----

fresh_database();
my $kills = 0;
for my $try (1 .. 40) {
    local $ENV{MEDUSA_STORE_DB_PARAMS} = "sock=$socket,user=$user,dbname=$db";
    my $pid = open3(my $in, my $said = gensym, undef, $admin, 'import', $c, $a, '--batch', 20);
    select undef, undef, undef, 0.02 + rand 0.25;
    $kills += kill 'KILL', $pid;
    1 while readline $said;
    waitpid $pid, 0;
    last if $? == 0;
}
($status, $out) = admin('import', $c, $a, '--batch', 20);
is($status, 0, "broken off $kills times, then whole");
admin('export', "$scratch/c3.csv", "$scratch/a3.csv");
ok(slurp("$scratch/c1.csv") eq slurp("$scratch/c3.csv") && slurp("$scratch/a1.csv") eq slurp("$scratch/a3.csv"), 'and nothing is missing or twice');

# ---- no memory for a long row ----

SKIP: {
    skip 'the sanitizers want address space', 1 if $ENV{SAN_PRELOAD};
    open my $long, '>', "$scratch/long.csv" or die $!;
    my ($head) = slurp($c) =~ /\A(.*\n)/;
    print {$long} $head, 'x' x (3 << 20), "\n";
    close $long;
    my %ends;
    for my $room (map { 2 * $_ } 8 .. 60) {    # MiB; the first are too few for the program itself
        my $said = `prlimit --as=@{[$room << 20]} env MEDUSA_STORE_DB_PARAMS='sock=$socket,user=$user,dbname=$db' $admin import $scratch/long.csv $a 2>&1`;
        $ends{ $said =~ /medusa-store-admin: (out of memory)/ ? $1 : $? & 127 ? 'a signal' : $? >> 8 }++;
    }
    ok($ends{'out of memory'}, 'it says so, where memory runs out on the way') or diag(explain(\%ends));
}

done_testing();
