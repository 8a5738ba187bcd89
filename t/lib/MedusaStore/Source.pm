package MedusaStore::Source;

# The tree's own texts, for the tests of t/00-lint: found, read and cut into pieces by simple patterns.

use strict;
use warnings;

use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Find qw(find);
use Test::Builder;

our @EXPORT_OK = qw(top files text c_files without_comments table_rows none);

my $TOP = $ENV{MS_SRCDIR} || abs_path(dirname(__FILE__) . '/../../..');
# made by autoconf and make, not written by us
my $MADE = qr{^(?:\.git|build|build-aux|autom4te\.cache|state|_build|_inst|mod_medusa_store-[\d.]+)(?:/|$)|(?:^|/)(?:node_modules|\.libs|\.deps)(?:/|$)
    |^(?:configure~?|aclocal\.m4|Makefile(?:\.in)?|config\.(?:h|h\.in|log|status)|libtool|stamp-h1|build-environment
    |medusa-store-(?:admin|openapi)|.*\.(?:o|lo|la|tar\.\w+)|t/10-unit/test_\w+|t/80-fuzz/(?:fuzz|replay)|t/90-faults/memory|t/91-consistency/ids)$
    |^debian/(?:\.debhelper|autoreconf\..*|debhelper-build-stamp|files|libapache2-mod-medusa-store|.*\.(?:debhelper(?:\.log)?|substvars))(?:/|$)}x;

# An assertion: there are none of these; tells all that there are.
sub none {
    my ($found, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $test = Test::Builder->new;
    return $test->ok(!@$found, $name) || $test->diag(map { "$_\n" } @$found);
}

# The top folder of the sources.
sub top { return $TOP }

# Names of the files below a folder of the tree ('' for all) that match, sorted; relative to the top.
sub files {
    my ($folder, $regex) = @_;
    my @found;
    my $start = length $folder ? "$TOP/$folder" : $TOP;
    return () unless -d $start;
    find({ no_chdir => 1, wanted => sub {
        my $name = substr $File::Find::name, length($TOP) + 1 > length $File::Find::name ? length $File::Find::name : length($TOP) + 1;
        if ($name =~ $MADE) { $File::Find::prune = 1; return }
        push @found, $name if -f $File::Find::name && (!$regex || $name =~ $regex);
    } }, $start);
    return sort @found;
}

# The text of a file, as characters; '' if there is none.
sub text {
    my ($name) = @_;
    open my $in, '<:raw', "$TOP/$name" or return '';
    local $/;
    my $bytes = <$in> // '';
    utf8::decode($bytes);    # what is no UTF-8 stays as it is
    return $bytes;
}

# C sources and headers of the module and the tool.
sub c_files { return (files('mod_medusa_store', qr/\.[ch]$/), files('tools', qr/\.[ch]$/)) }

# C text with its comments blanked out; line numbers stay.
sub without_comments {
    my ($text) = @_;
    $text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:[^"\\]|\\.)*")}{ defined $2 ? $2 : $1 =~ s/[^\n]//gr }gse;
    return $text;
}

# Rows of the tables of a type in a C text: each an array of its top-level words, as they stand, less blanks and comments.
# The row that ends a table (NULL, …) is left out.
sub table_rows {
    my ($text, $type) = @_;
    my @rows;
    my $c = without_comments($text);
    while ($c =~ /\b\Q$type\E\s+\w+\[\]\s*=\s*\{(.*?)\n\};/gs) {
        my $body = $1;
        while ($body =~ /(\{(?:[^{}"]|"(?:[^"\\]|\\.)*"|(?1))*\})/gs) {
            my @words = _words(substr $1, 1, -1);
            push @rows, \@words if @words && $words[0] ne 'NULL';
        }
    }
    return @rows;
}

sub _words {
    my ($row) = @_;
    my @words;
    while ($row =~ /\G\s*((?:[^,{}"]|"(?:[^"\\]|\\.)*"|(\{(?:[^{}"]|"(?:[^"\\]|\\.)*"|(?2))*\}))+)\s*(?:,|\z)/gs) {
        push @words, $1 =~ s/^\s+|\s+$//gr;
    }
    return @words;
}

1;
