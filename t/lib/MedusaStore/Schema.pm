package MedusaStore::Schema;

# Holds values against the schemas of doc/openapi.json: the part of JSON Schema that our document uses. A keyword that is
# not known here is an error, so that no rule of the document goes unchecked. Values come from MedusaStore::Json::decode.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use JSON::PP ();

use MedusaStore::Json qw(decode encode keys_of);

our @EXPORT_OK = qw(document operation_at answer_problems schema_problems);

my $document;

# The parsed doc/openapi.json of the tree, or of another file.
sub document {
    my ($file) = @_;
    return $document if $document && !$file;
    my $name = $file // "$ENV{MS_SRCDIR}/doc/openapi.json";
    open my $in, '<:encoding(UTF-8)', $name or croak "$name: $!";
    local $/;
    my $read = decode(<$in>);
    $document = $read unless $file;
    return $read;
}

# The path of a target, as routes are written.
sub _normal {
    my ($path) = @_;
    $path =~ s/\?.*//s;
    $path =~ s/%([0-9a-fA-F]{2})/chr hex $1/ge;
    $path =~ s{//+}{/}g;
    1 while $path =~ s{/[^/]+/\.\.(?=/|\z)}{};
    return lc($path) =~ s{/\z}{}r;
}

# The operation that answers a request, as ("POST /store/…", its description), or nothing. HEAD is GET; the query is ignored;
# letters of any case and one slash at the end count as none.
sub operation_at {
    my ($method, $target) = @_;
    my $path = _normal($target);
    $method = 'GET' if $method eq 'HEAD';
    my $paths = document()->{paths};
    for my $template (sort { ($a =~ tr/{//) <=> ($b =~ tr/{//) } keys %$paths) {
        my $regex = join '', map { /\A\{/ ? '[^/]+' : quotemeta } split /(\{\w+\})/, $template;
        my $operation = $paths->{$template}{ lc $method } // next;
        return ("$method $template", $operation) if $path =~ /\A$regex\z/;
    }
    return;
}

# Complaints about an answer of an operation: { status, headers, text } as MedusaStore::Client gives it, and its JSON. A
# request that no operation of the document answers can only fail, with an error body. What httpd answers by itself (HTML) and
# XML are no matter of the document.
sub answer_problems {
    my ($method, $target, $answer, $json) = @_;
    my $type = ($answer->{headers}{'content-type'} // '') =~ s/\s*;.*//sr;
    return () if $method eq 'OPTIONS' || $method eq 'HEAD' || $type !~ m{\A(?:|application/json|text/plain)\z};
    my ($name, $operation) = operation_at($method, $target);
    if (!$operation) {
        return $type eq 'application/json' ? _check($json, document()->{components}{schemas}{Error}, '$') : ();
    }
    my $response = $operation->{responses}{ $answer->{status} }
        // return "the document knows no status $answer->{status} for $name";
    my $content = $response->{content} // return length($answer->{body} // '') ? "$name $answer->{status} has a body" : ();
    my $media = $content->{$type} // return "the document knows no $type for $name $answer->{status}";
    my $value = $type eq 'application/json' ? $json : $answer->{text};
    return map { "$_ (schema of $name $answer->{status})" } _check($value, $media->{schema}, '$');
}

# Complaints about a value.
sub schema_problems { my ($value, $schema) = @_; return _check($value, $schema, '$') }

# ---- keywords ----

my %TELLS_NOTHING = map { $_ => 1 } qw(description title example default);

my %TYPE = (
    string  => sub { defined $_[0] && !ref $_[0] },
    integer => sub { _is_number($_[0]) && "$_[0]" =~ /\A-?\d+\z/ },
    number  => sub { _is_number($_[0]) },
    boolean => sub { JSON::PP::is_bool($_[0]) },
    object  => sub { ref $_[0] eq 'HASH' },
    array   => sub { ref $_[0] eq 'ARRAY' },
);
my %FORMAT = (
    'date-time' => sub { $_[0] =~ /\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[-+]\d\d:\d\d)\z/ },
    'email'     => sub { $_[0] =~ /\A.+\@.+\z/s },
    'password'  => sub { 1 },
    'int64'     => sub { 1 },
);
my %KEYWORD = (
    type => sub {
        my ($value, $type, $path) = @_;
        return ($TYPE{$type} // croak "unknown type $type")->($value) ? () : "$path is no $type: " . _show($value);
    },
    format => sub {
        my ($value, $format, $path) = @_;
        return ref $value || ($FORMAT{$format} // croak "unknown format $format")->($value) ? () : "$path is no $format: " . _show($value);
    },
    enum => sub {
        my ($value, $list, $path) = @_;
        return grep({ encode($_) eq encode($value) } @$list) ? () : "$path is none of those listed: " . _show($value);
    },
    minLength => sub { my ($v, $n, $path) = @_; return ref $v || length $v >= $n ? () : "$path is too short" },
    maxLength => sub { my ($v, $n, $path) = @_; return ref $v || length $v <= $n ? () : "$path is too long" },
    minimum   => sub { my ($v, $n, $path) = @_; return !_is_number($v) || 0 + "$v" >= 0 + "$n" ? () : "$path is less than $n" },
    maxItems  => sub { my ($v, $n, $path) = @_; return ref $v ne 'ARRAY' || @$v <= $n ? () : "$path has more than $n items" },
    items     => sub {
        my ($value, $schema, $path) = @_;
        return ref $value eq 'ARRAY' ? map { _check($value->[$_], $schema, $path . "[$_]") } 0 .. $#$value : ();
    },
    required => sub {
        my ($value, $names, $path) = @_;
        return ref $value eq 'HASH' ? map { "$path.$_ is missing" } grep { !exists $value->{$_} } @$names : ();
    },
    properties => sub {
        my ($value, $properties, $path) = @_;
        return () unless ref $value eq 'HASH';
        return map { _check($value->{$_}, $properties->{$_}, "$path.$_") } grep { exists $value->{$_} } keys_of($properties);
    },
    additionalProperties => sub {
        my ($value, $allowed, $path, $schema) = @_;
        return () if $allowed || ref $value ne 'HASH';
        return map { "$path.$_ is not in the schema" } grep { !exists $schema->{properties}{$_} } keys_of($value);
    },
    allOf => sub { my ($value, $list, $path) = @_; return map { _check($value, $_, $path) } @$list },
    oneOf => sub {
        my ($value, $list, $path) = @_;
        my $fit = grep { my @bad = _check($value, $_, $path); !@bad } @$list;
        return $fit == 1 ? () : "$path fits $fit of " . @$list . ' schemas: ' . _show($value);
    },
);

sub _is_number { return ref $_[0] eq 'MedusaStore::Json::Number' }

sub _show {
    my $text = encode($_[0]);
    return length $text > 100 ? substr($text, 0, 100) . '…' : $text;
}

sub _resolve {
    my ($reference) = @_;
    my ($name) = $reference =~ m{\A#/components/schemas/(\w+)\z} or croak "bad reference $reference";
    return document()->{components}{schemas}{$name} // croak "there is no schema $name";
}

sub _check {
    my ($value, $schema, $path) = @_;
    return _check($value, _resolve($schema->{'$ref'}), $path) if exists $schema->{'$ref'};
    return $schema->{nullable} ? () : "$path is null" unless defined $value;
    my @bad;
    for my $keyword (grep { $_ ne 'nullable' && !$TELLS_NOTHING{$_} } keys_of($schema)) {
        push @bad, ($KEYWORD{$keyword} // croak "unknown keyword $keyword")->($value, $schema->{$keyword}, $path, $schema);
    }
    return @bad;
}

1;
