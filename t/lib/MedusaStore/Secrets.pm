package MedusaStore::Secrets;

# What a run of the tests used and nobody else may learn: passwords, e-mail addresses, tokens, cookies, hashes; and the logs that were
# written meanwhile. scripts/test gives a folder for each (MS_SECRETS, MS_KEPT_LOGS), in which scripts/secrets looks for one in the other at
# the end of the run. Without them, nothing is kept.
#
#     note_secrets('a password', 'a@b.example');        # from now on, in this process and for the run
#     keep_logs("$root/logs/error.log", …);             # before they are removed
#     keep_text('what a program said');
#     my @found = secrets_of($request, $answer_head, $answer_body);    # all that was sent, and what came

use strict;
use warnings;

use Carp qw(croak);
use Errno;
use Exporter qw(import);
use File::Basename qw(basename);

our @EXPORT_OK = qw(keep_logs keep_text note_secrets secrets_of SHORTEST);

use constant SHORTEST => 8;    # what is shorter may well stand in a log for another reason

my ($file, $owner, %noted);
my $kept = 0;

# Without a buffer: clients in processes of their own end without a word.
sub note_secrets {
    my @texts = grep { defined && length >= SHORTEST && !$noted{$_}++ } @_;
    my $folder = $ENV{MS_SECRETS} or return;
    return unless @texts;
    if (!$file || $owner != $$) {
        open $file, '>>:raw', "$folder/$$" or croak "$folder/$$: $!";
        $owner = $$;
    }
    my $lines = join '', map { s/\n/ /gr . "\n" } @texts;
    utf8::encode($lines) if utf8::is_utf8($lines);
    syswrite $file, $lines;
    return;
}

# Those of one exchange: of what was asked, and of what was answered.
sub secrets_of {
    my ($request, $head, $body) = @_;
    return ($request =~ /"(?:password|old_password|email|token)"\s*:\s*"([^"\\]+)"/g, $request =~ m{\A\S+ \S*/([^/?\s]+(?:@|%40)[^/?\s]+)},
        $request =~ /^Authorization: *Bearer +(\S+)/mgi, map({ /=([^;]+)/g } $request =~ /^Cookie:([^\r\n]+)/mgi),
        ($head // '') =~ /^Set-Cookie: *[^;=\r\n]+=([^;\r\n]+)/mgi, ($body // '') =~ /"access_token"\s*:\s*"([^"\\]+)"/g);
}

# By a second name, which also shows what is written later.
sub keep_logs {
    my $folder = $ENV{MS_KEPT_LOGS} or return;
    for my $path (grep { -s } @_) {
        until (link $path, "$folder/$$-" . ++$kept . '-' . basename($path)) {
            croak "$path: $!" unless $!{EEXIST};    # by a test that had this pid before
        }
    }
    return;
}

sub keep_text {
    my ($text) = @_;
    my $folder = $ENV{MS_KEPT_LOGS} or return;
    open my $out, '>>:raw', "$folder/$$-output" or croak "$folder/$$-output: $!";
    utf8::encode($text) if utf8::is_utf8($text);
    print {$out} "$text\n";
    close $out or croak $!;
    return;
}

1;
