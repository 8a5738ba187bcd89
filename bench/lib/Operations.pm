package Operations;

# The file operations and files of targets, for the tools in Perl: what a request of an operation for one of the customers looks like.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);

our @EXPORT_OK = qw(operation request_of targets title);

my $FILE = dirname(abs_path(__FILE__)) . '/../operations';
my %operations;

sub lines_of {
    my ($file) = @_;
    open my $in, '<', $file or die "$0: $file: $!\n";
    chomp(my @lines = <$in>);
    return @lines;
}

# { name, method, path, who, body }
sub operation {
    my ($name) = @_;
    if (!%operations) {
        for (grep { !/^#/ } lines_of($FILE)) {
            my %o;
            @o{qw(name method path who body)} = split /\t/;
            $operations{ $o{name} } = \%o;
        }
    }
    return $operations{$name} || die "$0: no operation $name\n";
}

# GET /customers/me
sub title {
    my ($name) = @_;
    my $o = operation($name);
    return "$o->{method} " . $o->{path} =~ s{^/store}{}r . ($o->{who} eq 'cookie' ? ', cookie' : '');
}

# { customer, email, address, digest, token, reset, cookie } of each line; the last is there only where somebody signed in by one
sub targets {
    my ($file) = @_;
    return map { my %t; @t{qw(customer email address digest token reset cookie)} = split /\t/; \%t } lines_of($file);
}

# (method, path, body or '', { header => value }); a number for {n}
sub request_of {
    my ($operation, $target, $number) = @_;
    my ($path, $body) = ($operation->{path}, $operation->{body} // '');
    my %value = (%$target, n => $number);
    s/\{(\w+)\}/$value{$1}/g for $path, $body;
    my %headers;
    $headers{Authorization}  = "Bearer $target->{token}" if $operation->{who} eq 'bearer';
    $headers{Cookie} = $target->{cookie} if $operation->{who} eq 'cookie';
    $headers{'Content-Type'} = 'application/json' if length $body;
    return ($operation->{method}, $path, $body, \%headers);
}

1;
