package MedusaStore::Xml;

# The module's XML, read back into what its JSON would be, for tests that compare the two; and held against doc/store.xsd.
# Reads what the module writes, not all of XML: no comments, no CDATA, no prefixes but xsi.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use JSON::PP ();

use MedusaStore::Harness;
use MedusaStore::Json qw(decode);

our @EXPORT_OK = qw(xml_value schema_complaints have_xmllint);

my %ENTITY = (amp => '&', lt => '<', gt => '>', quot => '"', apos => "'");
# elements that hold items, that hold values of the shop's own, that are no texts
my %ARRAY   = map { $_ => 1 } qw(orders shipping_addresses payment_methods);
my %ENTRIES = map { $_ => 1 } qw(metadata data);
my %BOOLEAN = map { $_ => 1 } qw(has_account exists);

# ("root element", its value) of a document.
sub xml_value {
    my ($text) = @_;
    $text =~ s/\A<\?xml version="1.0" encoding="UTF-8"\?>\n// or croak 'no XML declaration';
    pos($text) = 0;
    my $root = _element(\$text);
    $text =~ /\G\z/gc or croak 'more text behind the root';
    croak 'not in our namespace' unless ($root->{attributes}{xmlns} // '') eq 'urn:medusa-store:v1';
    return ($root->{name}, _value($root), $root->{attributes});
}

sub _text {
    my ($text) = @_;
    $text =~ s/&(?:#(\d+)|(\w+));/defined $1 ? chr $1 : $ENTITY{$2} \/\/ croak "unknown entity $2"/ge;
    return $text;
}

sub _element {
    my ($text) = @_;
    $$text =~ /\G<([\w]+)((?: [\w:]+="[^"<]*")*)(\/?)>/gc or croak 'no element at ' . pos $$text;
    my ($name, $attributes, $empty) = ($1, $2, $3);
    my $element = { name => $name, attributes => { map { _text($_) } $attributes =~ / ([\w:]+)="([^"]*)"/g }, text => '', children => [] };
    return $element if $empty;
    until ($$text =~ m{\G</\Q$name\E>}gc) {
        if ($$text =~ /\G([^<]+)/gc) { $element->{text} .= _text($1) }
        else                         { push @{ $element->{children} }, _element($text) }
    }
    return $element;
}

sub _value {
    my ($e) = @_;
    return undef if ($e->{attributes}{'xsi:nil'} // '') eq 'true';
    return [map { _value($_) } @{ $e->{children} }] if $ARRAY{ $e->{name} };
    return _entries($e) if $ENTRIES{ $e->{name} };
    return decode($e->{text}) if $BOOLEAN{ $e->{name} };
    return { map { $_->{name} => _value($_) } @{ $e->{children} } } if @{ $e->{children} };
    return $e->{text};
}

sub _entries { my ($e) = @_; return { map { $_->{attributes}{key} => _entry($_) } @{ $e->{children} } } }

sub _entry {
    my ($e) = @_;
    my $type = $e->{attributes}{type};
    return $e->{text} if $type eq 'string';
    return undef if $type eq 'null';
    return _entries($e) if $type eq 'object';
    return [map { _entry($_) } @{ $e->{children} }] if $type eq 'array';
    return decode($e->{text});
}

# ---- the schema ----

sub have_xmllint { return scalar grep { -x "$_/xmllint" } split /:/, $ENV{PATH} }

# What xmllint says against a document (bytes), held against doc/store.xsd: '' if nothing.
sub schema_complaints {
    my ($bytes) = @_;
    my $folder = $ENV{MS_TEST_SCRATCH} // '/tmp';
    my $file = "$folder/answer-$$.xml";
    open my $out, '>:raw', $file or croak "$file: $!";
    print {$out} $bytes;
    close $out or croak "$file: $!";
    my ($exit, $output) = MedusaStore::Harness::run_command('xmllint', '--nonet', '--noout', '--schema', "$ENV{MS_SRCDIR}/doc/store.xsd", $file);
    unlink $file;
    return $exit ? $output : '';
}

1;
