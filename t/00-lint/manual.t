# The tool's manual page tells of each command and option of medusa-store-admin, and of no other: by the tables of tools/, and by
# what --help says of values that are taken where none is given.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(files none table_rows text top without_comments);

my $PAGE   = 'tools/medusa-store-admin.8';
my $manual = text($PAGE);
my $main   = text('tools/medusa-store-admin.c');
my %source = map { $_ => without_comments(text($_)) } files('tools', qr/\.c$/);

# Names of the options in the table of a function, but --help, which all have.
sub options_of {
    my ($function) = @_;
    my @bodies = map { $source{$_} =~ /^(?:static )?int \Q$function\E\(.*?\n\{(.*?)^\}/ms } sort keys %source;
    my ($table) = map { /apr_getopt_option_t options\[\] = \{(.*?)\};/s } @bodies;
    return grep { $_ ne 'help' } ($table // '') =~ /\{ "([\w-]+)"/g;
}

# What the manual page says of a thing of a list: the text from its .It to the next one of the same depth.
sub item {
    my ($text, $macro, $name) = @_;
    my ($rest) = $text =~ /^\.It \Q$macro $name\E(?: [^\n]*)?\n(.*)/ms or return '';
    my ($depth, $item) = (0, '');
    for my $line (split /^/, $rest) {
        last if $depth == 0 && $line =~ /^\.(?:It|El)/;
        $depth += $line =~ /^\.Bl/ ? 1 : $line =~ /^\.El/ ? -1 : 0;
        $item .= $line;
    }
    return $item;
}

sub section { my ($name) = @_; return $manual =~ /^\.Sh \Q$name\E\n(.*?)(?=^\.Sh |\z)/ms ? $1 : '' }

sub words { my ($text) = @_; return $text =~ /^\.It Fl -([\w-]+)/mg }

# ---- commands ----

my %options;    # command => its options
for my $row (table_rows($main, 'command_t')) {
    my ($noun, $verb, $run) = map { s/^"|"$//gr } @$row;
    $options{ $verb eq 'NULL' ? $noun : "$noun $verb" } = [options_of($run)];
}
cmp_ok(scalar keys %options, '>=', 5, 'there are commands');
my @synopsis = split /^\.Nm\n/m, section('SYNOPSIS');
is_deeply([sort(section('COMMANDS') =~ /^\.It Cm (.+)$/mg)], [sort keys %options], "$PAGE tells of each command");
is_deeply([sort keys %{ { map { $_ => 1 } map { /^\.Cm (.+)$/mg } @synopsis } }], [sort keys %options], 'so does its synopsis');

for my $command (sort keys %options) {
    is_deeply([sort(words(item(section('COMMANDS'), 'Cm', $command)))], [sort @{ $options{$command} }], "$command: each option, and no other");
    my %shown = map { $_ => 1 } map { /Fl -([\w-]+)/g } grep { /^\.Cm \Q$command\E$/m } @synopsis;
    is_deeply([sort grep { $_ ne 'params-file' } keys %shown], [sort @{ $options{$command} }], "$command: in the synopsis, too");
}
is_deeply([sort(words(section('DESCRIPTION')))], [sort('help', options_of('run'))], 'the options of the program itself');

# ---- values and words ----

SKIP: {
    skip 'the tool is not built', 1 unless $ENV{MS_ADMIN} && -x $ENV{MS_ADMIN};
    my $help = `"$ENV{MS_ADMIN}" --help`;
    my (%default, @missing);
    $default{$1} = $2 while $help =~ /--([\w-]+) (\d+\w?)\b/g;
    for my $option (sort keys %default) {
        push @missing, "--$option $default{$option}" unless item($manual, 'Fl', "-$option") =~ /\b$default{$option}\s+unless\s+given/;
    }
    none(\@missing, 'each value that is taken where none is given');
}
my ($variable) = text('tools/tool.h') =~ /PARAMS_VARIABLE "(\w+)"/;
like(section('ENVIRONMENT'), qr/^\.It Ev \Q$variable\E$/m, 'the environment variable');

SKIP: {
    skip 'mandoc is not installed', 1 unless grep { -x "$_/mandoc" } split /:/, $ENV{PATH};
    my @said = grep { !/referenced manual not found|outdated mandoc\.db/ } split /^/, `mandoc -Tlint "${\top()}/$PAGE" 2>&1`;
    none(\@said, 'mandoc has nothing to say');
}
done_testing;
