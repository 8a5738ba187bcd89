package MedusaStore::Cases;

# Runs conversations that stand in JSON files, step by step, against a harness: one subtest a file, one assertion a step.
#
# A file: { "name", "about", "location", "log": [["MS0101", "regex"], …], "steps": [STEP, …] }
#   location   directives of the API's section, instead of the usual ones (LOCATION below); log: lines to announce
# A step:
#   name, method (GET), path, headers (null: not sent)
#   body                      a JSON value, sent as application/json with its digits and its order of keys; or
#   raw, content_type         exact text (content_type null: none; without it: application/json); or raw_base64
#   jar                       name of a cookie jar of this file; without it "default"; null: no cookies
#   save                      { "var": "$.a.b[0]" } from the JSON answer, or "header:NAME", "cookie" (the jar's Cookie header)
#   sql                       a statement; alone, or before the request. `save` without a path reads its rows: "$[0][0]"
#   ordered                   true: the answer's keys in the order of the pattern
#   schema                    false: the answer is not held against doc/openapi.json
#   expect                    status (a number, or several), type (the whole content-type), json (a pattern, see
#                             MedusaStore::Json), text (exact, or /regex/), headers ({ name: pattern }),
#                             cookie (true: sets one; false: sets none; "gone": removes one)
# In all strings: ${var}; ${uniq} (12 letters and digits, new for each file and run); ${UNIQ}; ${repeat:TEXT:N};
# ${nest:OPEN:CLOSE:N}. A string that is just "${var}" becomes the saved value itself, of any type.

use strict;
use warnings;

use Carp qw(croak);
use Encode qw(encode_utf8);
use Exporter qw(import);
use MIME::Base64 qw(decode_base64);
use Test::More;

use MedusaStore::Client;
use MedusaStore::Harness;
use MedusaStore::Json qw(decode encode keys_of differences);
use MedusaStore::Schema qw(answer_problems);

our @EXPORT_OK = qw(run_case_files load_case);

our $LOCATION = "MedusaStoreAllowOrigin http://localhost:8000 http://shop.example\nMedusaStoreTrustForwardedProto On\n";

my $COOKIE = 'connect.sid';

# Run files, sharing one httpd among all that need the same directives; judges each httpd's log.
sub run_case_files {
    my (@files) = @_;
    my (%harness, @order);
    for my $file (@files) {
        my $case = load_case($file);
        my $location = $case->{location} // $LOCATION;
        if (!$harness{$location}) {
            $harness{$location} = MedusaStore::Harness->new(location => $location);
            push @order, $location;
        }
        $harness{$location}->expect_log($_->[0], qr/$_->[1]/) for @{ $case->{log} || [] };
        subtest "$case->{name}" => sub { run_case($harness{$location}, $case) };
    }
    $harness{$_}->stop for @order;
    return;
}

sub load_case {
    my ($file) = @_;
    open my $in, '<:encoding(UTF-8)', $file or croak "$file: $!";
    local $/;
    my $case = eval { decode(<$in>) } // croak "$file: $@";
    croak "$file: no steps" unless ref $case eq 'HASH' && ref $case->{steps} eq 'ARRAY' && @{ $case->{steps} };
    $case->{name} //= $file;
    return $case;
}

sub run_case {
    my ($h, $case) = @_;
    %{ $h->{client}{jars} } = ();    # the cookies of the file before
    my $uniq = join '', map { ('a' .. 'z', 0 .. 9)[rand 36] } 1 .. 12;
    my %var = (uniq => $uniq, UNIQ => uc $uniq);
    my $number = 0;
    $h->{client}{jars} = {};
    for my $step (@{ $case->{steps} }) {
        $number++;
        my $name = "$number. " . ($step->{name} // join ' ', $step->{method} // 'GET', $step->{path} // 'sql');
        my @bad = eval { run_step($h, $step, \%var) };
        push @bad, $@ if $@;
        ok(!@bad, $name) or diag(map { encode_utf8("$_\n") } @bad);
    }
    return;
}

# ---- substitutions ----

sub fill {
    my ($value, $var) = @_;
    return [map { fill($_, $var) } @$value] if ref $value eq 'ARRAY';
    return _fill_object($value, $var) if ref $value eq 'HASH';
    return $value if ref $value || !defined $value;
    return exists $var->{$1} ? $var->{$1} : croak "unknown variable $1" if $value =~ /\A\$\{(\w+)\}\z/;
    $value =~ s/\$\{repeat:(.*?):(\d+)\}/$1 x $2/gse;
    $value =~ s/\$\{nest:(.*?):(.*?):(\d+)\}/$1 x $3 . $2 x $3/gse;
    $value =~ s/\$\{(\w+)\}/$var->{$1} \/\/ croak "unknown variable $1"/ge;
    return $value;
}

# The copy keeps the order of keys by being written and read again only where it has to be: via its text.
sub _fill_object {
    my ($object, $var) = @_;
    my $text = join ',', map { encode('' . fill($_, $var)) . ':' . encode(fill($object->{$_}, $var)) } keys_of($object);
    return decode("{$text}");
}

# The value at "$.a.b[0]", or nothing.
sub at_path {
    my ($value, $path) = @_;
    my ($rest) = $path =~ /\A\$(.*)\z/ or croak "bad path $path";
    while (length $rest) {
        if    ($rest =~ s/\A\.([^.\[]+)// && ref $value eq 'HASH')  { $value = $value->{$1} }
        elsif ($rest =~ s/\A\[(\d+)\]// && ref $value eq 'ARRAY')   { $value = $value->[$1] }
        else                                                        { croak "there is no $path in the answer" }
    }
    return $value;
}

# ---- a step ----

sub run_step {
    my ($h, $step, $var) = @_;
    my @rows = defined $step->{sql} ? $h->sql(fill($step->{sql}, $var)) : ();
    if (!defined $step->{path}) {
        save_all($step, $var, sub { at_path(\@rows, $_[0]) });
        return defined $step->{expect}{rows} ? differences(\@rows, fill($step->{expect}{rows}, $var)) : ();
    }
    my ($answer, $jar) = send_request($h, $step, $var);
    my $type = $answer->{headers}{'content-type'} // '';
    my $json = $type =~ /\bjson\b/ && defined $answer->{text} ? eval { decode($answer->{text}) } : undef;
    my $expect = $step->{expect} ? fill($step->{expect}, $var) : {};
    my @bad = (
        check_status($answer, $expect), check_type($type, $expect), check_json($answer, $json, $expect, $step),
        check_text($answer, $expect), check_headers($answer, $expect), check_cookie($answer, $expect),
        check_schema($answer, $json, $step, $var),
    );
    push @bad, 'the answer: ' . substr($answer->{text} // $answer->{body}, 0, 500) if @bad;
    save_all($step, $var, sub { read_saved($h, $answer, $json, $jar, $_[0]) }) unless @bad;
    return @bad;
}

sub send_request {
    my ($h, $step, $var) = @_;
    my ($body, $type) = body_of($step, $var);
    my $headers = fill($step->{headers} // {}, $var);
    my %given = map { lc $_ => 1 } keys %$headers;
    $headers->{'Content-Type'} = $type if defined $type && !$given{'content-type'};
    my $jar = exists $step->{jar} ? $step->{jar} : 'default';
    my %option = (headers => { map { $_ => $headers->{$_} } keys %$headers }, defined $jar ? (jar => $jar) : ());
    $option{body} = $body if defined $body;
    my $path = fill($step->{path}, $var);
    return ($h->request($step->{method} // 'GET', encode_utf8("$path"), %option), $jar);
}

# The bytes of a step's body and their type.
sub body_of {
    my ($step, $var) = @_;
    my $type = exists $step->{content_type} ? $step->{content_type} : 'application/json';
    return (encode_utf8(encode(fill($step->{body}, $var))), $type) if exists $step->{body};
    return (encode_utf8(fill($step->{raw}, $var)), $type)          if defined $step->{raw};
    return (decode_base64($step->{raw_base64}), $type)             if defined $step->{raw_base64};
    return (undef, $step->{content_type});
}

sub save_all {
    my ($step, $var, $read) = @_;
    for my $name (keys %{ $step->{save} || {} }) {
        $var->{$name} = $read->($step->{save}{$name});
    }
    return;
}

sub read_saved {
    my ($h, $answer, $json, $jar, $path) = @_;
    return $h->{client}->cookie_header($jar // 'default') if $path eq 'cookie';
    return $answer->{headers}{ lc $1 } if $path =~ /\Aheader:(.+)\z/;
    return $answer->{text} if $path eq 'text';
    return at_path($json, $path);
}

# ---- what is expected: each gives a list of complaints ----

sub check_status {
    my ($answer, $expect) = @_;
    return () unless defined $expect->{status};
    my @good = ref $expect->{status} eq 'ARRAY' ? @{ $expect->{status} } : $expect->{status};
    return grep({ $answer->{status} == "$_" } @good) ? () : "status is $answer->{status}, expected @good";
}

sub check_type {
    my ($type, $expect) = @_;
    return !defined $expect->{type} || $type eq $expect->{type} ? () : "content-type is $type, expected $expect->{type}";
}

sub check_json {
    my ($answer, $json, $expect, $step) = @_;
    return () unless exists $expect->{json};
    return 'the answer is no JSON' unless defined $json || ($answer->{text} // '') eq 'null';
    return differences($json, $expect->{json}, ordered => $step->{ordered} || $expect->{ordered});
}

sub matches {
    my ($text, $want) = @_;
    return 1 if $want eq '<any>';
    return $want =~ m{\A/(.+)/\z}s ? $text =~ /$1/s : $text eq $want;
}

# Whatever is expected, what came must be what doc/openapi.json promises; `schema` of a step: false where it can't be.
sub check_schema {
    my ($answer, $json, $step, $var) = @_;
    return () if exists $step->{schema} && !$step->{schema};
    return answer_problems($step->{method} // 'GET', fill($step->{path}, $var), $answer, $json);
}

sub check_text {
    my ($answer, $expect) = @_;
    return !defined $expect->{text} || matches($answer->{text} // '', $expect->{text}) ? () : "the text is not $expect->{text}";
}

sub check_headers {
    my ($answer, $expect) = @_;
    my @bad;
    for my $name (sort keys %{ $expect->{headers} || {} }) {
        my ($got, $want) = ($answer->{headers}{ lc $name }, $expect->{headers}{$name} // '<absent>');
        $got = join ', ', @$got if ref $got;
        next if $want eq '<absent>' ? !defined $got : defined $got && matches($got, $want);
        push @bad, "header $name is " . ($got // 'not there') . ", expected $want";
    }
    return @bad;
}

sub check_cookie {
    my ($answer, $expect) = @_;
    my $want = $expect->{cookie} // return ();
    my @cookies = grep { $_->{name} eq $COOKIE } map { MedusaStore::Client::parse_cookie($_) } @{ $answer->{cookies} };
    return @{ $answer->{cookies} } ? "sets a cookie: @{ $answer->{cookies} }" : () if !$want;
    return 'sets no session cookie' if @cookies != 1;
    my $gone = !ref $want && $want eq 'gone' ? 1 : 0;
    return $cookies[0]{gone} == $gone ? () : $gone ? 'sets a cookie instead of removing it' : 'removes the cookie';
}

1;
