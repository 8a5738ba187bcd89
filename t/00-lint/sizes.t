# Sources are small and say at their head what they are about.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Source qw(c_files files none text without_comments);

my ($LINES, $SCREEN, $WIDTH) = (600, 70, 180);

# [name, lines] of each function: from the line of its name to the brace that ends it.
sub functions_of {
    my ($text) = @_;
    my ($name, $start, @functions);
    my $number = 0;
    for my $line (split /\n/, $text) {
        $number++;
        ($name, $start) = ($1, $number) if $line =~ /^[A-Za-z_].*?\b(\w+)\(/ && $line !~ /;\s*$/ && $line !~ /^(?:typedef|enum|struct)\b/;
        if ($line =~ /^\}/ && defined $name) {
            push @functions, [$name, $number - $start + 1];
            undef $name;
        }
    }
    return @functions;
}

my @files = (c_files(), map { files($_, qr/\.[ch]$/) } 't/10-unit', 't/80-fuzz');
my (@long, @wide, @headless, @functions);
for my $file (@files) {
    my $text  = text($file);
    my @lines = split /\n/, $text;
    push @long,      "$file: " . @lines . ' lines' if @lines > $LINES && $file !~ m{^t/};
    push @headless,  $file unless $text =~ m{\A/\*\s*\S.{20,}}s && $text =~ m{\A/\* \S+\.[ch]:? };
    push @wide,      map { "$file:$_" } grep { length $lines[$_ - 1] > $WIDTH && $lines[$_ - 1] !~ /^\s+X\(/ } $file =~ m{^t/} ? () : 1 .. @lines;
    push @functions, map { "$file: $_->[0] has $_->[1] lines" } grep { $_->[1] > $SCREEN } functions_of(without_comments($text));
}
none(\@long, "no source has more than $LINES lines");
none(\@functions, "each function fits a screen ($SCREEN lines)");
none(\@headless, 'each source begins with a comment that names it and says what it is about');
none(\@wide, "no line is wider than $WIDTH characters, but rows of tables");

my @found = functions_of("static int f(int a,\n    int b)\n{\n    g();\n}\nint h(void);\n");
is_deeply(\@found, [['f', 5]], 'functions are measured');
done_testing;
