# What judges a whole run of the tests finds a secret wherever it is: in a log, in what a program said, among the arguments of a process; and
# a hash, whosever it is.
use strict;
use warnings;

use File::Copy qw(copy);
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Secrets qw(keep_logs keep_text note_secrets secrets_of);
use MedusaStore::Source qw(top);

my $SCRIPT = top() . '/scripts/secrets';
my $scratch = tempdir(CLEANUP => 1);
my $count = 0;

sub put {
    my ($path, $text) = @_;
    open my $out, '>', $path or die "$path: $!";
    print {$out} $text;
    close $out;
    return $path;
}

# A run that used these secrets: its folder.
sub run_with {
    my (@secrets) = @_;
    my $folder = "$scratch/run-" . ++$count;
    mkdir $_ for $folder, "$folder/secrets", "$folder/kept";
    @ENV{qw(MS_SECRETS MS_KEPT_LOGS)} = ("$folder/secrets", "$folder/kept");
    put("$folder/secrets/1", join '', map { "$_\n" } @secrets);
    return $folder;
}

sub judged {
    my ($folder) = @_;
    delete local $ENV{MS_REPORT};
    my $said = `$^X '$SCRIPT' judge '$folder' 2>&1`;
    return ($? >> 8, $said);
}

sub is_found {
    my ($folder, $regex, $name) = @_;
    my ($exit, $said) = judged($folder);
    is($exit, 1, "$name: found");
    return like($said, $regex, '… and told');
}

my @secrets = ('correct horse', 'ann@lab.test', 'a-token-that-is-longer-than-others', 'a-token-that-is-of-another');
my $folder = run_with(@secrets);
put("$folder/kept/1-error.log", "nothing: a-token-that-is-longer, ann\@lab.tes, correct hors\n");
is_deeply([judged($folder)], [0, "4 secrets were looked for in 0 MiB of logs, and in 0 lists of arguments: none is there\n"], 'a clean run');

put("$folder/kept/2-error.log", "a\nb (correct horse)\n");
is_found($folder, qr/2-error\.log tells a secret \(correct horse\): b/, 'a log');
{
    local $ENV{MS_ADMIN} = put("$scratch/program", "\0email is no e-mail address\0");
    my $mild = run_with(@secrets, 'no e-mail');
    put("$mild/kept/3-output", "1 customers: email is no e-mail address\n");
    is((judged($mild))[0], 0, 'words of a program that a test used as a bad value');
    put("$mild/kept/4-output", "email is no e-mail address: ann\@lab.test\n");
    is_found($mild, qr/4-output tells a secret \(ann/, 'a secret beside them');
}
$folder = run_with(@secrets);
put("$folder/db.log", "key 'a-token-that-is-of-another'\n");
is_found($folder, qr/db\.log tells a secret \(a-token-that-is-of-another\)/, 'the database\'s log');
$folder = run_with();
put("$folder/kept/1", "hash \$argon2id\$v=19\$m=19456\n");
is_found($folder, qr/tells a hash: hash/, 'a hash that no test knows');

$folder = run_with();
my $email = "b\xc3\xa4nk\@lab.test";
utf8::decode($email);
note_secrets('short', $email);
put("$folder/lost.log.txt", "to b\xc3\xa4nk\@lab.test\n");
is_deeply([(judged($folder))[0]], [0], 'a log that nobody keeps is not looked at');
keep_logs("$folder/lost.log.txt", "$folder/none");
unlink "$folder/lost.log.txt";
is_found($folder, qr/lost\.log\.txt tells a secret/, 'one that was kept, and removed since');
$folder = run_with('ann@lab.test');
keep_text('hello ann@lab.test');
is_found($folder, qr/output tells a secret/, 'what a program said');

is_deeply([sort(secrets_of("POST /store/auth/a%40b.cd?x HTTP/1.1\r\nCookie: a=cookie1; b=cookie2\r\nAuthorization: Bearer jwt1\r\n\r\n"
    . '{"email":"e","password" : "p"}', "HTTP/1.1 200 OK\r\nSet-Cookie: connect.sid=new; Path=/\r\n", '{"access_token":"jwt2"}'))],
    [sort qw(a%40b.cd cookie1 cookie2 jwt1 e p new jwt2)], 'an exchange has them in many places');

# ---- arguments ----
SKIP: {
    my ($tail) = grep { -x } '/usr/bin/tail', '/bin/tail';
    skip 'needs Linux, and a program to play ours', 4 unless $tail && -r "/proc/$$/environ";
    $folder = run_with('here-alone@lab.test', 'hidden@lab.test');
    copy($tail, "$folder/medusa-store-admin");
    chmod 0755, "$folder/medusa-store-admin";
    my @pids;
    my $start = sub {
        my (@command) = @_;
        push @pids, fork // die "fork: $!";
        return $pids[-1] if $pids[-1];
        open STDERR, '>', '/dev/null';
        $ENV{MS_TEST_SCRATCH} = $folder;
        exec @command or exit 127;
    };
    $start->($^X, $SCRIPT, 'watch', $folder);
    $start->("$folder/medusa-store-admin", '-f', '/dev/null', 'here-alone@lab.test');
    $start->($tail, '-f', '/dev/null', 'hidden@lab.test');
    my $end = time + 30;
    sleep 0.1 until -s "$folder/kept/arguments" || time > $end;
    sleep 1;
    kill 'TERM', @pids;
    waitpid $_, 0 for @pids;
    my ($exit, $said) = judged($folder);
    is($exit, 1, 'arguments of a program of ours: found');
    like($said, qr/arguments tells a secret \(here-alone\@lab\.test\): medusa-store-admin/, '… and told');
    unlike($said, qr/hidden/, 'those of the tests\' own are not looked at');
    like($said, qr/^2 secrets .* in 1 lists of arguments: 1 times found$/m, 'each is told once');
}
done_testing;
