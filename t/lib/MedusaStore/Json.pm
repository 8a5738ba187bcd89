package MedusaStore::Json;

# JSON as it stands in a text: the order of keys and the digits of numbers are kept, which JSON::PP forgets. Compares an
# answer with a pattern. Strings are Perl characters, not bytes.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);
use Hash::Util::FieldHash qw(fieldhash);
use JSON::PP ();

our @EXPORT_OK = qw(decode encode keys_of differences);

fieldhash my %ORDER;    # of an object's keys, as they came

# ---- numbers ----

package MedusaStore::Json::Number {
    use overload
        '""' => sub { $_[0]{text} },
        '0+' => sub { 0 + $_[0]{text} },
        '==' => sub { "$_[0]" eq "$_[1]" || 0 + "$_[0]" == 0 + "$_[1]" },
        fallback => 1;
    sub new { my ($class, $text) = @_; return bless { text => $text }, $class }
}

sub _is_number { return ref $_[0] eq 'MedusaStore::Json::Number' }
sub _is_bool   { return JSON::PP::is_bool($_[0]) }

# ---- reading ----

my %ESCAPE = ('"' => '"', '\\' => '\\', '/' => '/', b => "\b", f => "\f", n => "\n", r => "\r", t => "\t");

# The value that a text holds; dies where it is no JSON.
sub decode {
    my ($text) = @_;
    pos($text) = 0;
    my $value = _value(\$text);
    $text =~ /\G\s*\z/gc or _bad(\$text, 'more text');
    return $value;
}

sub _bad {
    my ($text, $what) = @_;
    croak "no JSON: $what at character " . (pos($$text) // 0);
}

sub _value {
    my ($text) = @_;
    $$text =~ /\G[ \t\r\n]+/gc;
    return _object($text) if $$text =~ /\G\{/gc;
    return _array($text)  if $$text =~ /\G\[/gc;
    return _string($text) if $$text =~ /\G"/gc;
    return MedusaStore::Json::Number->new($1) if $$text =~ /\G(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)/gc;
    return JSON::PP::true()  if $$text =~ /\Gtrue\b/gc;
    return JSON::PP::false() if $$text =~ /\Gfalse\b/gc;
    return undef             if $$text =~ /\Gnull\b/gc;
    _bad($text, 'no value');
}

sub _object {
    my ($text) = @_;
    my (%object, @order);
    until ($$text =~ /\G[ \t\r\n]*\}/gc) {
        $$text =~ /\G[ \t\r\n]*,/gc || _bad($text, 'no comma') if @order;
        $$text =~ /\G[ \t\r\n]*"/gc or _bad($text, 'no key');
        my $key = _string($text);
        $$text =~ /\G[ \t\r\n]*:/gc or _bad($text, 'no colon');
        push @order, $key;
        $object{$key} = _value($text);
    }
    my $object = \%object;
    $ORDER{$object} = \@order;
    return $object;
}

sub _array {
    my ($text) = @_;
    my @array;
    until ($$text =~ /\G[ \t\r\n]*\]/gc) {
        $$text =~ /\G[ \t\r\n]*,/gc || _bad($text, 'no comma') if @array;
        push @array, _value($text);
    }
    return \@array;
}

sub _string {
    my ($text) = @_;
    my $string = '';
    until ($$text =~ /\G"/gc) {
        if    ($$text =~ /\G([^"\\\x00-\x1f]+)/gc)  { $string .= $1 }
        elsif ($$text =~ m{\G\\(["\\/bfnrt])}gc)    { $string .= $ESCAPE{$1} }
        elsif ($$text =~ /\G\\u([dD][89abAB]..)\\u([dD][c-fC-F]..)/gc) {
            $string .= chr(0x10000 + ((hex($1) - 0xd800) << 10) + hex($2) - 0xdc00);
        }
        elsif ($$text =~ /\G\\u([0-9a-fA-F]{4})/gc) { $string .= chr hex $1 }
        else                                        { _bad($text, 'a bad string') }
    }
    return $string;
}

# ---- writing ----

# Keys of an object, in the order in which they stood.
sub keys_of {
    my ($object) = @_;
    return @{ $ORDER{$object} || [sort keys %$object] };
}

my %WRITE = ('"' => '\\"', '\\' => '\\\\', "\n" => '\\n', "\r" => '\\r', "\t" => '\\t');

sub _quote {
    my ($text) = @_;
    $text =~ s/(["\\\n\r\t])/$WRITE{$1}/g;
    $text =~ s/([\x00-\x1f\x7f]|[\x{d800}-\x{dfff}])/sprintf '\\u%04x', ord $1/ge;
    return qq("$text");
}

# Compact JSON, as characters. Plain Perl scalars are strings.
sub encode {
    my ($value) = @_;
    return 'null' unless defined $value;
    return "$value" if _is_number($value);
    return $value ? 'true' : 'false' if _is_bool($value);
    return '[' . join(',', map { encode($_) } @$value) . ']' if ref $value eq 'ARRAY';
    return '{' . join(',', map { _quote($_) . ':' . encode($value->{$_}) } keys_of($value)) . '}' if ref $value eq 'HASH';
    return _quote($value);
}

# ---- comparing ----

# Patterns that stand for a kind of value.
my %KIND = (
    any    => sub { 1 },
    string => sub { defined $_[0] && !ref $_[0] },
    number => sub { _is_number($_[0]) },
    bool   => sub { _is_bool($_[0]) },
    object => sub { ref $_[0] eq 'HASH' },
    array  => sub { ref $_[0] eq 'ARRAY' },
    time   => sub { _matches($_[0], qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/) },
    jwt    => sub { _matches($_[0], qr/\A[\w-]+\.[\w-]+\.[\w-]+\z/) },
);

sub _matches {
    my ($value, $regex) = @_;
    return defined $value && !ref $value && $value =~ $regex;
}

# undef: the pattern is no pattern, but a text of its own.
sub _match_pattern {
    my ($got, $want) = @_;
    return _matches($got, qr/\A\Q$1\E_[0-9A-HJKMNP-TV-Z]{26}\z/) || 0 if $want =~ /\A<id:(\w+)>\z/;
    return $KIND{$1}->($got) || 0 if $want =~ /\A<(\w+)>\z/ && $KIND{$1};
    return _matches($got, qr/$1/s) || 0 if $want =~ m{\A/(.+)/\z}s;
    return undef;
}

sub _show {
    my ($value) = @_;
    my $text = encode($value);
    return length $text > 300 ? substr($text, 0, 300) . '…' : $text;
}

# How a value differs from a pattern: a list of texts, empty if it doesn't. "<id:cus>", "<time>", "<any>", "<string>",
# "<number>", "<bool>", "<object>", "<array>", "<jwt>" and "/regex/" stand for kinds of values, "<absent>" for a key that
# is not there. `ordered`: the keys of all objects in the order of the pattern.
sub differences {
    my ($got, $want, %option) = @_;
    return _differ($got, $want, '$', \%option);
}

sub _differ {
    my ($got, $want, $path, $option) = @_;
    my $verdict = defined $want && !ref $want ? _match_pattern($got, $want) : undef;
    return () if $verdict;
    return _differ_object($got, $want, $path, $option) if ref $want eq 'HASH'  && ref $got eq 'HASH';
    return _differ_array($got, $want, $path, $option)  if ref $want eq 'ARRAY' && ref $got eq 'ARRAY';
    return () if !defined $verdict && _same($got, $want);
    return ("$path is " . _show($got) . ', expected ' . _show($want));
}

sub _same {
    my ($got, $want) = @_;
    return !defined $got && !defined $want if !defined $got || !defined $want;
    return _is_number($got) && $got == $want if _is_number($want);
    return _is_bool($got) && !$got == !$want if _is_bool($want);
    return !ref $got && !ref $want && $got eq $want;
}

sub _differ_array {
    my ($got, $want, $path, $option) = @_;
    return ("$path has " . @$got . ' elements, expected ' . @$want . ': ' . _show($got)) if @$got != @$want;
    return map { _differ($got->[$_], $want->[$_], $path . "[$_]", $option) } 0 .. $#$want;
}

sub _is_absent { return defined $_[0] && !ref $_[0] && $_[0] eq '<absent>' }

sub _differ_object {
    my ($got, $want, $path, $option) = @_;
    my @wanted = grep { !_is_absent($want->{$_}) } keys_of($want);
    my @bad = map { "$path.$_ is missing" } grep { !exists $got->{$_} } @wanted;
    push @bad, map { "$path.$_ is there: " . _show($got->{$_}) }
        grep { !exists $want->{$_} || _is_absent($want->{$_}) } keys_of($got);
    push @bad, map { _differ($got->{$_}, $want->{$_}, "$path.$_", $option) } grep { exists $got->{$_} } @wanted;
    if ($option->{ordered} && !@bad && join("\0", keys_of($got)) ne join("\0", @wanted)) {
        push @bad, "$path has its keys in the order " . join(', ', keys_of($got)) . '; expected ' . join(', ', @wanted);
    }
    return @bad;
}

1;
