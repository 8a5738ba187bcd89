# medusa-store-admin outbox: events delivered at least once, in order, through failures, kills and a restart of the database.
#
# Needs what migrate.t needs. The test of a restart wants a server of its own (MedusaStore::Database) and is skipped without it.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256_hex);
use File::Temp qw(tempdir);
use FindBin;
use IO::Select;
use IO::Socket::INET;
use IPC::Open3 qw(open3);
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX qw(WNOHANG);
use Symbol qw(gensym);
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Secrets qw(keep_text note_secrets);

for my $name (qw(MS_TEST_SOCKET MS_TEST_USER MS_ADMIN)) {
    die "$name is not set: this test needs a private database server and the program (see its head)\n"
        unless defined $ENV{$name} && length $ENV{$name};
}
our $socket = $ENV{MS_TEST_SOCKET};
my ($user, $admin) = @ENV{qw(MS_TEST_USER MS_ADMIN)};
my ($client) = grep { -x } map { ("$_/mariadb", "$_/mysql") } split /:/, $ENV{PATH};
die "no mariadb or mysql client in PATH\n" unless $client;

my $top     = "$FindBin::Bin/../..";
my $scratch = tempdir(CLEANUP => 1);
my $own     = $$;
my $db      = "ms_outbox_$$";
my $secret  = 'melody@example.com';
note_secrets($secret);
delete $ENV{MEDUSA_STORE_DB_PARAMS};

END {
    if (defined $own && $$ == $own) {
        local $?;
        query('', "DROP DATABASE IF EXISTS `$db`");
    }
}

# ---- helpers ----

sub client { return ($client, '--no-defaults', "--socket=$socket", "--user=$user", '--skip-column-names', '--batch',
    '--default-character-set=utf8mb4', @_) }

sub query {
    my ($database, $statement) = @_;
    open my $out, '-|', client('-e', $statement, length $database ? $database : ()) or die "$client: $!";
    my @rows = <$out>;
    close $out or die "the statement failed: $statement\n";
    chomp @rows;
    return wantarray ? @rows : $rows[0];
}

sub start {
    my @arguments = @_;
    local $ENV{MEDUSA_STORE_DB_PARAMS} = "sock=$socket,user=$user,dbname=$db";
    my $err = gensym;
    my $pid = open3(my $in, my $out, $err, $admin, @arguments);
    close $in;
    return { pid => $pid, out => $out, err => $err };
}

# Exit status, standard output, standard error.
sub finish {
    my ($run) = @_;
    my ($out, $err) = map { local $/; my $text = readline $_; defined $text ? $text : '' } $run->{out}, $run->{err};
    waitpid $run->{pid}, 0;
    my $status = $?;
    keep_text("$out$err");
    return ($status & 127 ? 'signal ' . ($status & 127) : $status >> 8, $out, $err);
}

sub admin { return finish(start(@_)) }

sub put {
    my ($path, $text, $mode) = @_;
    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    chmod $mode // 0755, $path;
    return $path;
}

sub lines {
    my ($path) = @_;
    my @lines;
    if (open my $file, '<', $path) {
        chomp(@lines = <$file>);
    }
    return @lines;
}

sub wait_for {
    my ($what, $test) = @_;
    for (my $end = time + 30; time < $end; sleep 0.05) {
        return 1 if $test->();
    }
    die "waited in vain for $what\n";
}

sub values_of {
    my ($id, $data) = @_;
    return "('$id', 'customer.created', '$data', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))";
}
my $INTO = 'INSERT INTO outbox (id, event_name, data, created_at, due_at) VALUES ';

sub add { query($db, $INTO . join ', ', map { values_of($_, qq({"id":"cus_$_","email":"$secret"})) } @_) }

sub waiting { return query($db, "SELECT COUNT(*) FROM outbox WHERE state = 'waiting'") }
sub hurry   { return query($db, "UPDATE outbox SET due_at = UTC_TIMESTAMP(3) WHERE state = 'waiting'") }

query('', "CREATE DATABASE $db CHARACTER SET latin1");
my ($status, $out, $err) = admin('migrate', '--sql', "$top/sql");
is($status, 0, 'a database');

# ---- delivery ----

my $log  = "$scratch/log";
my $sink = put("$scratch/sink", "#!/bin/sh\ncat >> '$log'\n");
($status, $out, $err) = admin('outbox', '--exec', $sink);
is("$status $out$err", "0 delivered 0, failed 0, given up 0\n", 'nothing to do');

query($db, $INTO . qq{('job_1', 'customer.created', '{"a":1.50,"b":"ä","big":12345678901234567890,"n":"l\\\\\\\\n"}', '2026-11-23 08:43:37.023', UTC_TIMESTAMP(3)),
    ('job_2', 'customer.updated', '{\n "a": 1\n}', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3)), ('job_3', 'x', '{}', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL 1 HOUR)});
($status, $out, $err) = admin('outbox', '--once', '--exec', "$sink 'with an argument'");
is("$status $out$err", "0 delivered 2, failed 0, given up 0\n", 'what is due is delivered');
my @got = lines($log);
is(scalar @got, 2, 'each as one line');
is($got[0], '{"id":"job_1","event_name":"customer.created","data":{"a":1.50,"b":"ä","big":12345678901234567890,"n":"l\\\\n"},'
    . '"created_at":"2026-11-23T08:43:37.023Z","attempts":0}', 'in order, with data as it was written');
is_deeply(JSON::PP::decode_json($got[1])->{data}, { a => 1 }, 'also where it was written on several lines');
is(query($db, 'SELECT GROUP_CONCAT(id) FROM outbox'), 'job_3', 'what is delivered is deleted, what is not due stays');
query($db, 'DELETE FROM outbox');

put("$scratch/arguments", "#!/bin/sh\nprintf '%s|' \"\$@\" \"\${MEDUSA_STORE_DB_PARAMS-none}\" > '$scratch/seen'\nls -l /proc/self/fd 2>/dev/null | grep -c socket > '$scratch/sockets'\nexit 0\n");
add('job_1');
($status, $out) = admin('outbox', '--exec', qq($scratch/arguments "a b" '\$HOME;' c));
is("$status $out", "0 delivered 1, failed 0, given up 0\n", 'a program that does not read its input delivers, too');
is(join('', lines("$scratch/seen")), q(a b|$HOME;|c|none|), 'arguments without a shell; no connection parameters');
is(join('', lines("$scratch/sockets")), 0, 'and not the connection');

# an event larger than a pipe
my $large = 'x' x 300_000;
open my $in, '|-', client($db) or die;
print {$in} $INTO, values_of('job_large', qq({"t":"$large"})), ', ', values_of('job_after', '{}'), ";\n";
close $in or die;
unlink $log;
($status, $out) = admin('outbox', '--exec', $sink);
is("$status $out", "0 delivered 2, failed 0, given up 0\n", 'a large event');
is(length((lines($log))[0]) > 300_000 ? 'whole' : 'cut', 'whole', 'is whole');
add('job_1');
($status) = admin('outbox', '--exec', '/bin/true');
is($status, 0, 'true');

# ---- failure ----

my $fails = put("$scratch/fails", "#!/bin/sh\ncat > /dev/null\nprintf 'can not \\001\\377 deliver\\nmore\\n' >&2\nexit 3\n");
add('job_1', 'job_2');
my $before = query($db, 'SELECT UTC_TIMESTAMP(3)');
($status, $out, $err) = admin('outbox', '--exec', $fails);
is("$status $out", "0 delivered 0, failed 2, given up 0\n", 'a failure is no end: it is tried again');
is($err, join('', map { "medusa-store-admin: event job_$_ (customer.created) was not delivered by attempt 1; it is tried again\n" } 1, 2),
    'and said');
is(query($db, "SELECT last_error FROM outbox WHERE id = 'job_1'"), 'exit status 3: can not  ? deliver', 'its reason is kept, as clean text');
is(query($db, "SELECT COUNT(*) FROM outbox WHERE attempts = 1 AND state = 'waiting' AND due_at > '$before' + INTERVAL 700 * 1000 MICROSECOND "
    . "AND due_at < UTC_TIMESTAMP(3) + INTERVAL 2 SECOND"), 2, 'in about a second');
query($db, 'UPDATE outbox SET due_at = due_at + INTERVAL 1 HOUR');
($status, $out) = admin('outbox', '--exec', '/bin/true');
is("$status $out", "0 delivered 0, failed 0, given up 0\n", 'not before');
query($db, 'UPDATE outbox SET attempts = 5');
hurry();
$before = query($db, 'SELECT UTC_TIMESTAMP(3)');
admin('outbox', '--exec', $fails);
is(query($db, "SELECT COUNT(*) FROM outbox WHERE attempts = 6 AND due_at > '$before' + INTERVAL 23 SECOND "
    . 'AND due_at < UTC_TIMESTAMP(3) + INTERVAL 41 SECOND'), 2, 'the sixth time in 32 seconds, more or less');
query($db, 'UPDATE outbox SET attempts = 100');
hurry();
admin('outbox', '--exec', $fails, '--retries', 1000);
is(query($db, 'SELECT COUNT(*) FROM outbox WHERE due_at > UTC_TIMESTAMP(3) + INTERVAL 44 MINUTE '
    . 'AND due_at < UTC_TIMESTAMP(3) + INTERVAL 76 MINUTE'), 2, 'never much later than in an hour');
query($db, 'UPDATE outbox SET attempts = 12');
hurry();
($status, $out, $err) = admin('outbox', '--exec', $fails);
is("$status $out", "1 delivered 0, failed 2, given up 2\n", 'after 12 retries they are given up');
like($err, qr/event job_1 \(customer.created\) is given up after attempt 13; see outbox --list/, 'and it is said');
is(query($db, "SELECT COUNT(*) FROM outbox WHERE state = 'dead' AND attempts = 13"), 2, 'they are kept as dead');
hurry();
($status, $out) = admin('outbox', '--exec', '/bin/true');
is("$status $out", "0 delivered 0, failed 0, given up 0\n", 'and not handed on any more');
add('job_9');
($status, $out, $err) = admin('outbox', '--list');
like($out, qr/\Awaiting 1, of these due 1; dead 2\nthe oldest waits for \d+ s\njob_2 customer.created dead, attempts 13: exit status 3: .*\njob_1 /,
    '--list tells how things stand');
unlike($out, qr/\Q$secret\E/, 'without data');
($status, $out) = admin('outbox', '--retry-dead');
is("$status $out", "0 2 dead events are due again\n", '--retry-dead');
($status, $out) = admin('outbox', '--exec', '/bin/true');
is("$status $out", "0 delivered 3, failed 0, given up 0\n", 'makes them due again');
add('job_1');
($status, $out) = admin('outbox', '--exec', '/bin/false', '--retries', 0);
is("$status $out", "1 delivered 0, failed 1, given up 1\n", '--retries 0: one attempt');
is(query($db, 'SELECT last_error FROM outbox'), 'exit status 1', 'a silent failure');
query($db, 'DELETE FROM outbox');

for my $case (
    [ 'a signal', qq(#!/bin/sh\nkill -9 \$\$\n), qr/\Aended by signal 9\z/ ],
    [ 'a long complaint', qq(#!/bin/sh\nhead -c 200000 /dev/zero | tr '\\\\0' 'ä' >&2\nexit 1\n), qr/\Aexit status 1: .{200,500}\z/ ],
    [ 'too slow', qq(#!/bin/sh\necho begin >&2\nsleep 60 &\necho \$! > '$scratch/grandchild'\nwait\n), qr/\Akilled after 1 s: begin\z/ ],
    [ 'no interpreter', qq(#!$scratch/none\n), qr/\Aexit status 127: can't be executed: / ]) {
    my ($text, $script, $want) = @$case;
    add('job_1');
    my $begin = time;
    admin('outbox', '--timeout', $text eq 'too slow' ? '1s' : '20s', '--exec', put("$scratch/bad", $script));
    like(query($db, 'SELECT last_error FROM outbox'), $want, "$text is a failure");
    cmp_ok(time - $begin, '<', 10, "$text does not stop the worker");
    query($db, 'DELETE FROM outbox');
}
my ($grandchild) = lines("$scratch/grandchild");
ok(wait_for('the end of its child', sub { !kill(0, $grandchild) || join('', lines("/proc/$grandchild/stat")) =~ /\) Z / }),
    'a program that is killed takes its children along');

# ---- --follow ----

unlink $log;
my $run = start('outbox', '--follow', '--exec', $sink);
add('job_1');
wait_for('the first event', sub { lines($log) == 1 });
add('job_2', 'job_3');
wait_for('more events', sub { lines($log) == 3 });
kill 'TERM', $run->{pid};
($status, $out, $err) = finish($run);
is("$status $out$err", "0 delivered 3, failed 0, given up 0\n", '--follow waits for more and ends at SIGTERM');
is(waiting(), 0, 'all delivered');

my $slow = put("$scratch/slow", "#!/bin/sh\necho begun >> '$scratch/begun'\nwhile [ ! -e '$scratch/finish' ]; do sleep 0.05; done\ncat >> '$log'\n");
unlink $log;
add('job_1', 'job_2');
$run = start('outbox', '--follow', '--exec', $slow);
wait_for('the first event', sub { lines("$scratch/begun") });
kill 'INT', $run->{pid};
put("$scratch/finish", '');
($status, $out) = finish($run);
is("$status $out", "0 delivered 1, failed 0, given up 0\n", 'the event in hand is finished before');
is(join(' ', scalar(lines($log)), waiting()), '1 1', 'and no other begun');

# two workers
query($db, 'DELETE FROM outbox');
unlink $log;
my $quick = put("$scratch/quick", "#!/bin/sh\nread -r line || exit 1\nprintf '%s %s\\n' \"\$PPID\" \"\$line\" >> '$log'\n");
add(map { "job_$_" } 1 .. 150);
my @runs = map { start('outbox', '--exec', $quick) } 1 .. 3;
finish($_) for @runs;
my (%seen, %by);
for (lines($log)) {
    my ($pid, $id) = /^(\d+) \{"id":"(\w+)"/ or die "odd line: $_";
    $seen{$id}++;
    $by{$pid}++;
}
is(join(' ', scalar(keys %seen), waiting(), scalar grep { $_ > 1 } values %seen), '150 0 0', 'three workers deliver each event once');
cmp_ok(scalar keys %by, '>', 1, 'and share them');

# ---- usage ----

for my $case (
    [ qr/outbox needs --exec COMMAND, --list or --retry-dead/ ],
    [ qr/--exec: there is no program .*none/,            '--exec', "$scratch/none --yes" ],
    [ qr/--exec takes a program and its arguments/,      '--exec', '' ],
    [ qr/only one of --once, --follow, --list/,          '--exec', '/bin/true', '--once', '--follow' ],
    [ qr/only one of --once, --follow, --list/,          '--list', '--retry-dead' ],
    [ qr/--exec goes with --once or --follow only/,      '--list', '--exec', '/bin/true' ],
    [ qr/--retries takes a whole number from 0 to 1000, not 'x'/, '--exec', '/bin/true', '--retries', 'x' ],
    [ qr/--timeout takes a time of 1 to 3600 seconds/,   '--exec', '/bin/true', '--timeout', '2h' ],
    [ qr/--timeout takes a time of 1 to 3600 seconds/,   '--exec', '/bin/true', '--timeout', '0' ],
    [ qr/--interval takes a time of 1 to 3600 seconds/,  '--exec', '/bin/true', '--interval', '5 min' ],
    [ qr/unexpected argument 'now'/,                     '--list', 'now' ]) {
    my ($want, @arguments) = @$case;
    ($status, $out, $err) = admin('outbox', @arguments);
    is("$status $out", '2 ', "usage: outbox @arguments");
    like($err, qr/\Amedusa-store-admin: $want.*\n\z/, 'says what is wrong');
}

# ---- the examples ----

SKIP: {
    skip 'curl is not installed', 8 unless grep { -x "$_/curl" } split /:/, $ENV{PATH};
    my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1') or die "no port: $@";
    put("$scratch/key", "a key of the shop and its receiver\n", 0600);
    local $ENV{OUTBOX_WEBHOOK_SECRET_FILE} = "$scratch/key";
    local $ENV{OUTBOX_WEBHOOK_TIMEOUT}     = 5;
    my $hook = sub {
        my ($answer) = @_;
        my $run = start('outbox', '--exec', "$top/examples/outbox-webhook http://127.0.0.1:" . $server->sockport . '/hook?a=%41');
        my $peer = $server->accept;
        my $request = '';
        while ($request !~ /\r\n\r\n/ || length($') < ($request =~ /^Content-Length: (\d+)/mi)[0]) {
            sysread($peer, $request, 65536, length $request) or last;
        }
        print {$peer} "HTTP/1.1 $answer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        close $peer;
        return ($request, finish($run));
    };
    query($db, $INTO . values_of('job_hook', '{"name":"ä \\\\"q\\\\" \\\\\\\\ \\\\n","email":"' . $secret . '"}'));
    my ($request, $exit, $said) = $hook->('204 No Content');
    is("$exit $said", "0 delivered 1, failed 0, given up 0\n", 'webhook: delivered');
    my ($head, $body) = split /\r\n\r\n/, $request, 2;
    like($head, qr{\APOST /hook\?a=%41 HTTP/1.1\r\n}, 'webhook: POST to the address as it is');
    is(JSON::PP::decode_json($body)->{data}{name}, "\x{e4} \"q\" \\ \n", 'webhook: the event as it was written');
    like($head, qr/^X-Medusa-Event: customer.created\r$/m, 'webhook: the name');
    my ($t, $mac) = $head =~ /^X-Medusa-Signature: t=(\d+),v1=([0-9a-f]{64})\r?$/m;
    is($mac, hmac_sha256_hex("$t.$body", 'a key of the shop and its receiver'), 'webhook: signed');
    add('job_hook');
    (undef, $exit, $said) = $hook->('302 Found');
    like($said, qr/failed 1/, 'webhook: 302 is a failure');
    is(query($db, 'SELECT last_error FROM outbox'), 'exit status 1: the receiver answered 302', 'webhook: and says so');
    hurry();
    close $server;
    admin('outbox', '--exec', "$top/examples/outbox-webhook http://127.0.0.1:" . 9 . '/');
    is(query($db, 'SELECT last_error FROM outbox'), 'exit status 1: curl ended with 7', 'webhook: nobody there');
    query($db, 'DELETE FROM outbox');
}

{
    my $mail = "$scratch/mail";
    local $ENV{OUTBOX_SENDMAIL}       = put("$scratch/sendmail", "#!/bin/sh\nprintf '%s\\n' \"\$*\" > '$mail.arguments'\ncat > '$mail'\n");
    local $ENV{OUTBOX_MAIL_FROM}      = 'shop@example.com';
    local $ENV{OUTBOX_MAIL_FROM_NAME} = 'Läden & Söhne, "die besten"';
    local $ENV{OUTBOX_SHOP_URL}       = 'https://shop.example.com';
    my $send = sub {
        my ($name, $data) = @_;
        unlink $mail;
        query($db, 'DELETE FROM outbox');
        my $json = JSON::PP->new->utf8->canonical->encode($data);
        $json =~ s/([\\'])/\\$1/g;
        query($db, $INTO . "('job_mail', '$name', '$json', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))");
        my (undef, $said) = admin('outbox', '--exec', "$top/examples/outbox-sendmail");
        return ($said =~ /delivered 1/ ? 'sent' : query($db, 'SELECT last_error FROM outbox'), join "\n", lines($mail));
    };
    my ($how, $text) = $send->('customer.created', { email => 'm@example.com', first_name => "J\x{f6}rg", last_name => '<x@y>' });
    is($how, 'sent', 'mail: sent');
    is(join('', lines("$mail.arguments")), '-t -i', 'mail: by sendmail -t -i');
    my ($head, $body) = split /\n\n/, $text, 2;
    like($head, qr/^To: =\?UTF-8\?B\?SsO2cmcgPHhAeT4=\?=\n? <m\@example.com>$/m, 'mail: a name is encoded');
    like($head, qr/^From: =\?UTF-8\?B\?[\w+\/=]+\?=\n <shop\@example.com>$/m, 'mail: so is the sender');
    like($head, qr/^Subject: =\?UTF-8\?B\?\S+\?=$/m, 'mail: and the subject');
    unlike($head, qr/[^\x20-\x7e\n]/, 'mail: headers are ASCII');
    like(decode_base64($body), qr/\AHello J\xc3\xb6rg,\r\n/, 'mail: the text is UTF-8');
    like($head, qr/^Message-ID: <job_mail\@example.com>$/m, 'mail: the same id at each attempt');

    ($how, $text) = $send->('customer.password_reset', { email => 'a+b@example.com', first_name => undef, token => 'ey.J-_x' });
    is($how, 'sent', 'mail: reset');
    like(decode_base64((split /\n\n/, $text, 2)[1]),
        qr{https://shop.example.com/reset-password\?token=ey.J-_x&email=a%2Bb%40example.com\r\n}, 'mail: with the link');
    like($text, qr/^To: a\+b\@example.com$/m, 'mail: without a name');

    my $long = "\x{1F600}" x 60;
    ($how, $text) = $send->('customer.created', { email => 'm@example.com', first_name => $long });
    is($how, 'sent', 'mail: a long name');
    is(scalar(grep { length > 78 } split /\n/, (split /\n\n/, $text, 2)[0]), 0, 'mail: is folded');
    my ($to) = $text =~ /^(To:.*?)\n(?=\S)/ms;
    is(join('', map { decode_base64($_) } $to =~ /\?B\?([^?]+)\?=/g), "\xf0\x9f\x98\x80" x 60, 'mail: and whole');

    for my $bad ({ email => 'm@example.com', first_name => "x\nBcc: y\@z.com" }, { email => "m\@example.com\nBcc: y\@z.com" },
        { email => "m\@example.com\r" }, { email => 'm@example.com, y@z.com' }, { email => 'm@example.com>,<y@z.com' },
        { email => '"a b"@example.com' }, { email => '-oX@example.com' }, { email => "m\@example.com\x{2028}" }, {},
        { email => 'm@example.com', last_name => "x\x{85}y" }) {
        ($how, $text) = $send->('customer.created', $bad);
        like("$how$text", qr/\Aexit status 1: (?:a name or subject holds|the customer's address is)[^\@]+\z/, 'mail: refused, and quotes nothing');
    }
    ($how, $text) = $send->('customer.updated', { email => 'm@example.com' });
    is("$how$text", 'sent', 'mail: an event without a template is none of its business');
    query($db, 'DELETE FROM outbox');
}

# ---- a node of a cluster that lost a race, or its cluster; a server that only reads ----

{
    require lib;
    lib->import("$top/t/lib");
    require MedusaStore::Wire;
    my $wire = MedusaStore::Wire->new;
    my $through = sub { my @arguments = @_; local $socket = $wire->{socket}; return start(@arguments) };
    query($db, 'DELETE FROM outbox');
    unlink $log;
    add('job_1', 'job_2');
    $wire->refuse('^COMMIT', 1213, times => 2, instead => 'ROLLBACK');
    is(join(' ', finish($through->('outbox', '--exec', $sink))), "0 delivered 2, failed 0, given up 0\n ", 'claims that lost a race are made again');
    is($wire->seen->{refused}, 2, '… both times');
    add('job_3');
    $wire->refuse('^COMMIT', 1047);
    my ($exit, $said, $complained) = finish($through->('outbox', '--exec', $sink));
    like("$exit $complained", qr/\A1 medusa-store-admin: error 1047: /, 'a node that left its cluster: an error');
    $wire->refuse('^(?:COMMIT|DELETE)', 1047, times => 2);
    my $run = $through->('outbox', '--follow', '--exec', $sink);
    wait_for('the event', sub { waiting() == 0 });
    $wire->refuse('^SELECT seq', 1290, times => 1e6);
    wait_for('a look', sub { $wire->seen->{refused} });
    my $from = time;
    kill 'TERM', $run->{pid};
    ($exit, $said, $complained) = finish($run);
    is("$exit $said", "0 delivered 1, failed 0, given up 0\n", 'with --follow it goes to another');
    cmp_ok(time - $from, '<', 5, '… and can be ended while it looks for one');
    my $words = 'medusa-store-admin: lost the database; trying again until it answers\n(?:medusa-store-admin: the database answers again\n)?';
    like($complained, qr/\A(?:$words){3,}\z/, '… and says so');
    is(join(' ', map { /"(job_\d)"/ } lines($log)), 'job_1 job_2 job_3', '… nothing is delivered twice');

    # a node that waits in vain for what the others wrote says 1205, at any statement
    unlink $log;
    add('job_4');
    $wire->refuse('^SELECT seq FROM', 1205, times => 2);
    $run = $through->('outbox', '--follow', '--exec', $sink);
    wait_for('the event', sub { waiting() == 0 || waitpid($run->{pid}, WNOHANG) });
    kill 'TERM', $run->{pid};
    ($exit, $said, $complained) = finish($run);
    is(join('', map { /"(job_\d)"/ } lines($log)), 'job_4', 'with --follow, a look that met a lock is made again');
    like($complained, qr/\A(?:$words){2}\z/, '… and it says so');
}

# ---- the database goes and comes back ----

SKIP: {
    my $module = eval { require lib; lib->import("$top/t/lib"); require MedusaStore::Database; 1 } && $ENV{MS_TEST_SCRATCH} && $ENV{MS_SRCDIR};
    skip 'no database server to restart', 5 unless $module;
    my $server = MedusaStore::Database->new(options => ['--innodb-flush-log-at-trx-commit=1']);
    local $socket = $server->{socket};
    query('', "CREATE DATABASE $db");
    admin('migrate', '--sql', "$top/sql");
    unlink $log;
    my $run = start('outbox', '--follow', '--exec', put("$scratch/gate", "#!/bin/sh\necho \$\$ > '$scratch/in-hand'\n"
        . "while [ ! -e '$scratch/go' ]; do sleep 0.05; done\ncat >> '$log'\n"));
    add('job_1', 'job_2');
    wait_for('the first event', sub { -s "$scratch/in-hand" });
    $server->kill;
    put("$scratch/go", '');
    wait_for('its end', sub { lines($log) == 1 });
    sleep 1;
    $server->start;
    wait_for('the second event', sub { lines($log) == 2 });
    wait_for('the end', sub { waiting() == 0 });
    kill 'TERM', $run->{pid};
    my ($exit, $said, $complained) = finish($run);
    is("$exit $said", "0 delivered 2, failed 0, given up 0\n", 'a restart of the database: goes on');
    is($complained, "medusa-store-admin: lost the database; trying again until it answers\nmedusa-store-admin: the database answers again\n",
        'and says so, once');
    is(join(' ', map { /"(job_\d)"/ } lines($log)), 'job_1 job_2', 'and what was in hand is not delivered twice');
    add('job_3');
    $run = start('outbox', '--exec', put("$scratch/sink2", "#!/bin/sh\n: > '$scratch/in-hand2'\n"
        . "while [ ! -e '$scratch/go2' ]; do sleep 0.05; done\n"));
    wait_for('the event', sub { -e "$scratch/in-hand2" });
    $server->kill;
    put("$scratch/go2", '');
    ($exit, $said, $complained) = finish($run);
    like("$exit $complained", qr/\A1 medusa-store-admin: can't note what became of event job_3, so it will be handed on again: error 20/,
        'without --follow it is an error');

    $server->start;
    $run = start('outbox', '--follow', '--exec', '/bin/true');
    add('job_4');
    wait_for('its first look', sub { query($db, q{SELECT COUNT(*) FROM outbox WHERE id = 'job_4'}) == 0 });
    $server->kill;
    IO::Select->new($run->{err})->can_read(30);    # it says so
    kill 'TERM', $run->{pid};
    ($exit, $said, $complained) = finish($run);
    is("$exit $complained", "0 medusa-store-admin: lost the database; trying again until it answers\n",
        'it can be ended while the database is away');
}

done_testing();
