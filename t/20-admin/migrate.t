# medusa-store-admin against a private server: migrate and sessions purge.
#
# Needs MS_TEST_SOCKET (socket of a private MariaDB or MySQL), MS_TEST_USER (may create databases there, has no password)
# and MS_ADMIN (the program under test). Makes databases of its own and drops them at the end.
use strict;
use warnings;

use File::Basename qw(basename);
use File::Copy qw(copy);
use File::Temp qw(tempdir);
use FindBin;
use IPC::Open3 qw(open3);
use Symbol qw(gensym);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Secrets qw(keep_text note_secrets);

for my $name (qw(MS_TEST_SOCKET MS_TEST_USER MS_ADMIN)) {
    die "$name is not set: this test needs a private database server and the program (see its head)\n"
        unless defined $ENV{$name} && length $ENV{$name};
}
die "MS_ADMIN: $ENV{MS_ADMIN} is no program\n" unless -x $ENV{MS_ADMIN};

my ($socket, $user, $admin) = @ENV{qw(MS_TEST_SOCKET MS_TEST_USER MS_ADMIN)};
my ($client) = grep { -x } map { ("$_/mariadb", "$_/mysql") } split /:/, $ENV{PATH};
die "no mariadb or mysql client in PATH\n" unless $client;

my $sql    = "$FindBin::Bin/../../sql";
my @names  = sort map { basename($_, '.sql') } glob "$sql/*.sql";
my $newest = 0 + substr $names[-1], 0, 4;
my $scratch = tempdir(CLEANUP => 1);
my ($own, $databases, $db) = ($$, 0, undef);
delete $ENV{MEDUSA_STORE_DB_PARAMS};

END {
    if (defined $own && $$ == $own) {
        local $?;
        query('', "DROP DATABASE IF EXISTS `ms_admin_${own}_$_`") for 1 .. $databases;
    }
}

# ---- helpers ----

# Rows of a statement, columns joined by tabs.
sub query {
    my ($database, $statement) = @_;
    open my $out, '-|', $client, '--no-defaults', "--socket=$socket", "--user=$user", '--default-character-set=utf8mb4',
        '--skip-column-names', '--batch', '-e', $statement, length $database ? $database : ()
        or die "$client: $!";
    my @rows = <$out>;
    close $out or die "the statement failed: $statement\n";
    chomp @rows;
    return wantarray ? @rows : $rows[0];
}

sub fresh_database {
    $db = "ms_admin_${own}_" . ++$databases;
    # latin1: the migrations have to name their character sets themselves
    query('', "CREATE DATABASE $db CHARACTER SET latin1");
    return $db;
}

sub params { return "sock=$socket,user=$user,dbname=$db" }

sub start {
    my ($params, @arguments) = @_;
    local $ENV{MEDUSA_STORE_DB_PARAMS} = $params;
    delete $ENV{MEDUSA_STORE_DB_PARAMS} unless defined $params;
    my $err = gensym;
    my $pid = open3(my $in, my $out, $err, $admin, @arguments);
    close $in;
    return { pid => $pid, out => $out, err => $err };
}

# Exit status, standard output, standard error. (Both are short: neither pipe fills while the other is read.)
sub finish {
    my ($run) = @_;
    my ($out, $err) = map { local $/; my $text = readline $_; defined $text ? $text : '' } $run->{out}, $run->{err};
    waitpid $run->{pid}, 0;
    my $status = $?;
    keep_text("$out$err");
    return ($status & 127 ? 'signal ' . ($status & 127) : $status >> 8, $out, $err);
}

sub admin_with { return finish(start(@_)) }
sub admin      { return finish(start(params(), @_)) }

# A copy of the migrations, to spoil.
sub sql_copy {
    my $dir = tempdir(DIR => $scratch);
    copy("$sql/$_.sql", $dir) or die "copy: $!" for @names;
    return $dir;
}

sub put {
    my ($path, $text) = @_;
    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
}

sub tables   { return query('', "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '$db'") }
sub recorded { return join ' ', query($db, 'SELECT name FROM migration ORDER BY version') }

sub fails {
    my ($text, $want, $status, @arguments) = @_;
    my ($got, $out, $err) = admin(@arguments);
    is($got, $status, "$text: exit status");
    like($err, $want, "$text: message");
    like($err, qr/\Amedusa-store-admin: [^\n]+\n\z/, "$text: one line, with the program's name");
    return $out;
}

sub wait_for {
    my ($what, $test) = @_;
    for (my $end = time + 20; time < $end; sleep 0.05) {
        return 1 if $test->();
    }
    die "waited in vain for $what\n";
}

# ---- a plan, a first run, a second run ----

fresh_database();
my ($status, $out, $err) = admin('migrate', '--plan', '--sql', $sql);
is($status, 0, 'plan of an empty database');
is($out, join('', map { "would apply $_\n" } @names) . "schema is at 0\n", 'lists every migration');
is($err, '', 'says nothing else');
is(tables(), 0, 'a plan changes nothing, not even the table of migrations');

($status, $out, $err) = admin('migrate', '--sql', $sql);
is($status, 0, 'first run');
like($out, qr/\A@{[ join '', map { "applied $_ \\(\\d+\\.\\d\\d s\\)\n" } @names ]}schema is at $newest\n\z/, 'one line each');
is($err, '', 'no complaint');
is(recorded(), "@names", 'all are recorded');
is(query($db, 'SELECT COUNT(*), MIN(id), MAX(id), SUM(iso_2 = LOWER(iso_2)) FROM country'), "250\t1\t250\t250", '250 countries');
is(query($db, "SELECT HEX(display_name) FROM country WHERE iso_2 = 'ax'"), 'C3856C616E642049736C616E6473', 'names are UTF-8');
is(query($db, "SELECT display_name FROM country WHERE iso_2 = 'ci'"), "Cote D'Ivoire", 'names with a quote');
is(query('', "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = '$db' AND character_set_name IS NOT NULL "
    . "AND CONCAT(character_set_name, ' ', collation_name) NOT IN ('utf8mb4 utf8mb4_bin', 'ascii ascii_bin')"),
    0, 'no column takes its character set or collation from the server');
is(query($db, 'SELECT ABS(TIMESTAMPDIFF(SECOND, applied_at, UTC_TIMESTAMP())) < 600 FROM migration WHERE version = 1'), 1,
    'times are in UTC');

my $before = join "\n", query($db, 'SELECT * FROM migration');
($status, $out) = admin('migrate', '--sql', $sql);
is($status, 0, 'second run');
is($out, "nothing to do: schema is at $newest\n", 'finds nothing to do');
is(join("\n", query($db, 'SELECT * FROM migration')), $before, 'changes nothing');
($status, $out) = admin('migrate', '--plan', '--sql', $sql);
is("$status $out", "0 nothing to do: schema is at $newest\n", 'so does a plan');

# ---- what the folder and the database disagree on ----

my $dir = sql_copy();
open my $append, '>>', "$dir/$names[1].sql" or die $!;
print {$append} "-- later\n";
close $append;
fails('changed file', qr/$names[1]\.sql is not what was applied/, 1, 'migrate', '--sql', $dir);
fails('changed file, plan', qr/$names[1]\.sql is not what was applied/, 1, 'migrate', '--plan', '--sql', $dir);

$dir = sql_copy();
unlink "$dir/$names[1].sql";
fails('missing file', qr/the database has migration $names[1], which is not in/, 1, 'migrate', '--sql', $dir);

query($db, "INSERT INTO migration VALUES (9000, '9000_add_future', REPEAT('0', 64), UTC_TIMESTAMP(3))");
fails('newer schema', qr/the schema is at 9000, but .* up to $newest only/, 1, 'migrate', '--sql', $sql);
query($db, 'DELETE FROM migration WHERE version = 9000');

query($db, 'DELETE FROM migration WHERE version = 1');
fails('late file', qr/$names[0]\.sql is older than $names[1]/, 1, 'migrate', '--sql', $sql);

# ---- what is wrong with files ----

fresh_database();
my %wrong = (
    'unfinished'    => [ "CREATE TABLE t (a INT)\n", qr/0900_try_this\.sql: statement 1 does not end with ';'/ ],
    'open quote'    => [ "DROP TABLE t;\nINSERT INTO t VALUES ('a);\n", qr/statement 2 has a quote that is not closed/ ],
    'other comment' => [ "/* no */ DROP TABLE t;\n", qr/statement 1 has a comment that does not begin with "-- "/ ],
    'hash comment'  => [ "# no\nDROP TABLE t;\n", qr/statement 1 has a comment/ ],
    'empty'         => [ "DROP TABLE t;\n;\n", qr/statement 2 is empty/ ],
    'select'        => [ "DROP TABLE t;\nselect 1;\n", qr/statement 2 does not begin with one of ALTER/ ],
    'NUL'           => [ "DROP TABLE t;\n\0", qr/0900_try_this\.sql holds a NUL byte/ ],
);
for my $case (sort keys %wrong) {
    $dir = sql_copy();
    put("$dir/0900_try_this.sql", $wrong{$case}[0]);
    fails("file: $case", $wrong{$case}[1], 1, 'migrate', '--sql', $dir);
}
put("$dir/5_badly_named.sql", "DROP TABLE t;\n");
fails('badly named', qr/5_badly_named\.sql is not named as a migration/, 1, 'migrate', '--sql', $dir);
$dir = sql_copy();
put("$dir/0001_take_two.sql", "DROP TABLE t;\n");
fails('two of a number', qr/holds two migrations of number 0001/, 1, 'migrate', '--sql', $dir);
fails('empty folder', qr/there is no migration in/, 1, 'migrate', '--sql', tempdir(DIR => $scratch));
fails('no folder', qr/can't read .*nowhere: No such file/, 1, 'migrate', '--sql', "$scratch/nowhere");
is(tables(), 0, 'all of this is found before the first statement runs');

# ---- a statement that the server refuses ----

$dir = sql_copy();
put("$dir/0900_try_this.sql", "CREATE TABLE one (a INT PRIMARY KEY);\n"
    . "CREATE TABLE two (\n  a INT INT,\n  b INT);\nDROP TABLE one;\n");
$out = fails('broken SQL',
    qr/0900_try_this\.sql: statement 2 of 3 failed: error 1064: .* not recorded.*; statement 1 has run and stays/,
    1, 'migrate', '--sql', $dir);
like($out, qr/applied $names[-1]/, 'those before it are applied');
is(recorded(), "@names", 'and recorded, it is not');
is(query($db, 'SELECT COUNT(*) FROM one'), 0, 'its first statement had run, as was said');
query($db, 'DROP TABLE one');
put("$dir/0900_try_this.sql", "CREATE TABLE migration (a INT);\n");
fails('first statement', qr/statement 1 of 1 failed: error 1050: .*; no statement before it has run/,
    1, 'migrate', '--sql', $dir);

# what the reader of statements has to get right
put("$dir/0900_try_this.sql", <<'END');
-- it's a comment with a quote;
CREATE TABLE one (a VARCHAR(99) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PRIMARY KEY, -- don't stop here;
  `b;
c\` INT); -- the end
INSERT INTO one (a) VALUES ('semicolon;
-- inside'), ('it''s 100% \'so\';
'),
  ("a \"b\";
c"), ('--'), ('Å');   
insert into one (a) values (2--1);
INSERT INTO one (a) VALUES (CONCAT(@@time_zone, ' ', @@collation_connection, ' ', @@autocommit + 0));
END
($status, $out, $err) = admin('migrate', '--sql', $dir);
is("$status $err", '0 ', 'quotes and comments');
is(join('|', sort(query($db, "SELECT REPLACE(a, '\\n', '/') FROM one"))),
    join('|', sort("semicolon;/-- inside", "it's 100% 'so';/", 'a "b";/c', '--', "\xc3\x85", '3', '+00:00 utf8mb4_bin 1')),
    'every value as written, the connection set up as it should be');
like($out, qr/schema is at 900\n\z/, 'the schema is at the number of the last file');

# the connection is cut in the middle
put("$dir/0901_be_slow.sql", "CREATE TABLE slow (a INT PRIMARY KEY);\nINSERT INTO slow VALUES (SLEEP(60));\n");
my $slow = start(params(), 'migrate', '--sql', $dir);
my $thread;
wait_for('the slow statement', sub {
    $thread = query('', "SELECT id FROM information_schema.processlist WHERE db = '$db' AND info LIKE 'INSERT INTO slow%'");
});
query('', "KILL $thread");
($status, $out, $err) = finish($slow);
is("$status $out", '1 ', 'a connection cut in the middle');
like($err, qr/statement 2 of 2 failed: error 2013: .* statement 1 has run and stays.* may have taken effect\.\n\z/,
    'says what is known and what is not');

# ---- one at a time ----

fresh_database();
my @runs = map { start(params(), 'migrate', '--sql', $sql) } 1 .. 2;
my @ends = map { [ finish($_) ] } @runs;
is("$ends[0][0] $ends[1][0]", '0 0', 'two at once: both succeed');
is("$ends[0][2]$ends[1][2]", '', 'without complaint');
is(scalar(() = "$ends[0][1]$ends[1][1]" =~ /^applied /mg), scalar @names, 'each migration is applied once');
is(recorded(), "@names", 'and recorded once');

# The lock is held by someone else: the run waits for it. (Tests beside this one take the lock, too: it is the server's.)
fresh_database();
my $lock = "'medusa_store_migrate'";
my $sleep = "SELECT SLEEP(60 + 0 * $own)";
my $sleeper;
my $holder = fork;
die "fork: $!" unless defined $holder;
if (!$holder) {
    open STDERR, '>', '/dev/null';
    exec $client, '--no-defaults', "--socket=$socket", "--user=$user", '--batch', '-e',
        "SELECT GET_LOCK($lock, 60); $sleep" or die;
}
wait_for('the lock', sub {
    $sleeper = query('', "SELECT id FROM information_schema.processlist WHERE info = '$sleep' AND id = IS_USED_LOCK($lock)");
});
my $run = start(params(), 'migrate', '--sql', $sql);
wait_for('the run to wait', sub {
    query('', "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock' AND db = '$db'");
});
is(tables(), 0, 'a run that waits for the lock has done nothing');
query('', "KILL $sleeper");
waitpid $holder, 0;
($status, $out, $err) = finish($run);
is("$status $err", '0 ', 'then it does its work');
is(recorded(), "@names", 'all of it');

# ---- sessions purge ----

($status, $out) = admin('sessions', 'purge');
is("$status $out", "0 deleted 0 expired sessions\n", 'nothing to purge');
query($db, "INSERT INTO customer (id, email, has_account, created_at, updated_at) VALUES ('cus_1', 'a\@example.com', 1, "
    . 'UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))');
my $row = "'cus_1', 'cookie', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)";
my $columns = '(id, customer_id, kind, created_at, last_seen, expires_at)';
query($db, "INSERT INTO session $columns SELECT UNHEX(SHA2(CONCAT(a.id, '-', b.id), 256)), $row - INTERVAL a.id MINUTE "
    . 'FROM country a, country b WHERE b.id <= 10');
query($db, "INSERT INTO session $columns VALUES (UNHEX(SHA2('live', 256)), $row + INTERVAL 1 HOUR)");
($status, $out) = admin('sessions', 'purge');
is("$status $out", "0 deleted 2500 expired sessions\n", 'purges expired sessions, more than one batch of them');
is(query($db, "SELECT GROUP_CONCAT(id = UNHEX(SHA2('live', 256))) FROM session"), 1, 'and leaves the live one');
query($db, 'UPDATE session SET expires_at = UTC_TIMESTAMP(3)');
($status, $out) = admin('sessions', 'purge');
is("$status $out", "0 deleted 1 expired session\n", 'one that has just expired goes too');

# ---- keys purge ----

query($db, "INSERT INTO idempotency_key SELECT UNHEX(SHA2(CONCAT(a.id, '-', b.id), 256)), 'cus_1', 'x', UTC_TIMESTAMP(3), "
    . 'UTC_TIMESTAMP(3) - INTERVAL a.id MINUTE FROM country a, country b WHERE b.id <= 10');
query($db, "INSERT INTO idempotency_key VALUES (UNHEX(SHA2('live', 256)), 'cus_1', 'x', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 HOUR)");
($status, $out) = admin('sessions', 'purge');
is("$status $out", "0 deleted 0 expired sessions\n", 'idempotency keys are no sessions');
($status, $out) = admin('keys', 'purge');
is("$status $out", "0 deleted 2500 expired idempotency keys\n", 'purges expired keys, more than one batch of them');
is(query($db, "SELECT GROUP_CONCAT(id = UNHEX(SHA2('live', 256))) FROM idempotency_key"), 1, 'and leaves the live one');
query($db, "DELETE FROM customer WHERE id = 'cus_1'");
is(query($db, 'SELECT COUNT(*) FROM idempotency_key'), 0, 'which goes with its customer');

fresh_database();
fails('purge before migrations', qr/can't delete expired sessions: error 1146: /, 1, 'sessions', 'purge');
fails('the same of keys', qr/can't delete expired idempotency keys: error 1146: /, 1, 'keys', 'purge');

# ---- connection parameters ----

my $file = "$scratch/params";
put($file, "\n# the shop\n  " . params() . "  \nhost=ignored\n");
chmod 0644, $file;
($status, $out, $err) = admin_with(undef, '--params-file', $file, 'migrate', '--plan', '--sql', $sql);
is("$status $out", '1 ', 'a file that others can read is refused');
like($err, qr/\Amedusa-store-admin: \Q$file\E .*chmod 640/, 'and the remedy named');
chmod 0640, $file;
($status, $out, $err) = admin_with(undef, '--params-file', $file, 'migrate', '--plan', '--sql', $sql);
is("$status $err", '0 ', 'a file that others can not read is taken');
($status) = admin_with('dbname=nowhere', "--params-file=$file", 'migrate', '--plan', '--sql', $sql);
is($status, 0, 'before the environment');
put($file, "# nothing\n\n");
fails('empty params file', qr/holds no connection parameters/, 1, '--params-file', $file, 'sessions', 'purge');
fails('no params file', qr/can't read .*none: No such file/, 1, '--params-file', "$scratch/none", 'sessions', 'purge');
($status, $out, $err) = admin_with(undef, 'migrate', '--sql', $sql);
is("$status $out", '2 ', 'no parameters at all');
like($err, qr/no connection parameters: give --params-file FILE or set MEDUSA_STORE_DB_PARAMS/, 'says where they come from');

my $secret = 'hunter2-and-more';
note_secrets($secret);
for my $bad ("sock=$socket,user=ms_nobody_$$,pass=$secret,dbname=$db", "sock=$scratch/none,user=$user,pass=$secret,dbname=$db") {
    ($status, $out, $err) = admin_with($bad, 'migrate', '--sql', $sql);
    is($status, 1, 'can not connect');
    like($err, qr/\Amedusa-store-admin: can't connect to the database: .+\n\z/, 'says so');
    unlike("$out$err", qr/\Q$secret\E/, 'without the password');
}
($status, $out, $err) = admin_with("sock=$socket,user=$user", 'migrate', '--sql', $sql);
is($status, 1, 'no database named');
like($err, qr/name no database \(dbname=\)/, 'says so');
($status, $out, $err) = admin_with(params() . ',reconnect=1', 'migrate', '--plan', '--sql', $sql);
is("$status $err", '0 ', 'reconnect=1 is overruled without ado');

# ---- usage ----

my @usage = (
    [ qr/no command given/ ],
    [ qr/unknown command 'dance'/, 'dance' ],
    [ qr/sessions takes: purge/, 'sessions' ],
    [ qr/sessions takes: purge/, 'sessions', 'dance' ],
    [ qr/keys takes: purge/, 'keys' ],
    [ qr/invalid option: --dance/, '--dance', 'migrate' ],
    [ qr/invalid option: --dance/, 'migrate', '--dance' ],
    [ qr/invalid option: --plan/, 'sessions', 'purge', '--plan' ],
    [ qr/missing argument: --sql/, 'migrate', '--sql' ],
    [ qr/unexpected argument 'dance'/, 'migrate', 'dance' ],
    [ qr/unexpected argument 'dance'/, 'sessions', 'purge', 'dance' ],
);
for my $case (@usage) {
    my ($want, @arguments) = @$case;
    is(fails("usage: @arguments", $want, 2, @arguments), '', "usage: @arguments: nothing on standard output");
}
for my $help ([ '--help' ], [ 'migrate', '--help' ], [ 'sessions', 'purge', '--help' ]) {
    ($status, $out, $err) = admin_with(undef, @$help);
    is("$status $err", '0 ', "@$help");
    like($out, qr/^  migrate .*^  sessions purge.*^  keys purge/ms, "@$help: tells the commands");
    unlike($out, qr/[ \t]$/m, "@$help: no line ends with a blank");
}
($status, $out) = admin_with(undef, '--version');
like("$status $out", qr/\A0 medusa-store-admin \S+\n\z/, '--version');
system { '/bin/sh' } 'sh', '-c', '"$0" --help >&- 2>/dev/null', $admin;
is($? >> 8, 1, 'output that can not be written is a failure');
is(tables(), 0, 'nothing of this touched the database');

done_testing();
