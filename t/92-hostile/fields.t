# Each field of each body with each hostile value. What must be answered is predicted from the schemas of doc/openapi.json; what is
# taken is answered as it was sent, and stands so in the table.
use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::Bin/../lib";
use JSON::PP ();
use Test::More;

use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Hostile qw(texts values_of_types broken_values json_of json_escaped);
use MedusaStore::Quick qw(cookie text);
use MedusaStore::Report qw(figure full);
use MedusaStore::Schema qw(document);

use constant { BODY_MAX => 102_400, BYTES_OF_JSON => 65_535, STRIDE => full() ? 1 : 16, CUSTOMER_LIFE => 12 };

my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8 1\n$MedusaStore::Quick::CONF",
    conf => "<VirtualHost *>\nServerName any.example\n</VirtualHost>\n<VirtualHost *>\nServerName strict.example\nMedusaStoreConfirmPassword On\n</VirtualHost>\n", log_level => 'notice', http_log_level => 'notice');
my $client = MedusaStore::Quick->new(port => $h->{port});
my $table = MedusaStore::Database::Session->new($ENV{MS_TEST_SOCKET}, $h->{database});
my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my %country = map { $_->[0] => 1 } $h->sql('SELECT iso_2 FROM country');

# ---- fields, from the document ----

# A good value of each field of any body, as JSON; an e-mail and an address of its own for each request.
my %GOOD = (first_name => '"A"', last_name => '"B"', phone => '"5"', company => '"C"', address_2 => '"2"', country_code => '"us"',
    province => '"P"', postal_code => '"9"', password => '"correct horse"', token => '"x.y.z"', metadata => '{"k":1}');
my $number = 0;
sub good { my ($field) = @_; return $field eq 'email' ? '"u' . ++$number . '@example.com"' : $field =~ /^(?:address_1|city)\z/ ? '"' . ++$number . '"' : $GOOD{$field} // die "no good value of $field is known here\n" }

sub resolved {
    my ($schema) = @_;
    $schema = document()->{components}{schemas}{ $1 } if ($schema->{'$ref'} // '') =~ m{/(\w+)\z};
    return $schema->{allOf} ? resolved($schema->{allOf}[0]) : $schema;
}

# Fields of a body: { path => [names], schema, required }; those of an object inside, too.
sub slots {
    my ($schema, @path) = @_;
    my $object = resolved($schema);
    my %required = map { $_ => 1 } @{ $object->{required} || [] };
    my @all;
    for my $name (sort keys %{ $object->{properties} }) {
        my $property = $object->{properties}{$name};
        push @all, { path => [@path, $name], schema => $property, required => $required{$name} };
        my ($inner) = grep { resolved($_)->{properties} } $property, @{ $property->{oneOf} || [] };
        push @all, slots($inner, @path, $name) if $inner;
    }
    return @all;
}

# The body of an operation with a value (JSON; undef: absent) in the place of a slot.
sub body {
    my ($schema, $slot, $value, $depth) = @_;
    $depth //= 0;
    my $object = resolved($schema);
    my ($name, $last) = ($slot->{path}[$depth], $depth == $#{ $slot->{path} });
    my @members;
    for my $field (sort keys %{ $object->{properties} }) {
        my $property = $object->{properties}{$field};
        my ($inner) = grep { resolved($_)->{properties} } $property, @{ $property->{oneOf} || [] };
        if    ($field eq $name && $last) { push @members, [$field, $value] }
        elsif ($field eq $name)          { push @members, [$field, body($inner, $slot, $value, $depth + 1)] }
        elsif (grep { $_ eq $field } @{ $object->{required} || [] }) {
            push @members, [$field, $inner ? body($inner, { path => [''] }) : good($field)];
        }
    }
    return '{' . join(',', map { qq("$_->[0]":$_->[1]) } grep { defined $_->[1] } @members) . '}';
}

# ---- values: { name, json, text (if it is one), broken } ----

my @texts = texts(16383);
my @values = ({ name => 'absent' }, { name => 'a mebibyte', json => '"' . 'x' x 1_048_576 . '"' });
while (my ($name, $text) = splice @texts, 0, 2) {
    push @values, { name => $name, json => json_of($text), text => $text };
    push @values, { name => "$name, escaped", json => json_escaped($text), text => $text };
}
my @types = values_of_types();
while (my ($name, $value) = splice @types, 0, 2) { push @values, { name => $name, json => $value } }
my @broken = broken_values();
while (my ($name, $value) = splice @broken, 0, 2) { push @values, { name => $name, json => $value, broken => 1 } }

# ---- what must be answered ----

sub has_nul { my ($value) = @_; return $value =~ /\\u0000/ }

# The complaint about a value, as the field's schema says; nothing if it is good.
sub complaint {
    my ($slot, $value) = @_;
    my ($schema, $field, $json, $text) = ($slot->{schema}, $slot->{path}[-1], @$value{qw(json text)});
    my $null = !defined $json || $json eq 'null';
    return () if $null && !$slot->{required} && ($schema->{nullable} || !defined $json);
    if ($schema->{oneOf}) {
        return defined $text ? (has_nul($json) ? "$field must not contain null characters" : ()) : "$field must be one of AddressPayload or String" if $json !~ /^\{/;
        return $json eq '{}' ? () : undef;    # its fields are unknown ones: some complaint
    }
    if (resolved($schema)->{properties} || $schema->{allOf}) {
        return undef if defined $json && $json =~ /^\{/;
        return defined $json && $json =~ /^\[/ ? "$field must be an object" : "nested property $field must be either object or array";
    }
    if (($schema->{type} // '') eq 'object') {
        return "$field must be an object" if $null || $json !~ /^\{/;
        return has_nul($json) ? "$field must not contain null characters" : ();
    }
    return "$field must be an email" if ($schema->{format} // '') eq 'email';    # no value here is one
    if ($schema->{minLength} && !$schema->{format}) {                            # the password of a sign-in
        return $null || defined $text && $text eq '' ? "$field should not be empty" : ();
    }
    return "$field must be a string" if !defined $text;
    return "$field should not be empty" if $schema->{minLength} && $text eq '';
    return "$field must not contain null characters" if $text =~ /\0/;
    return "$field must be shorter than or equal to $schema->{maxLength} characters" if $schema->{maxLength} && length $text > $schema->{maxLength};
    return ();
}

# Statuses of good bodies that are not 200.
my %STATUS = ('/store/auth' => 401, '/store/auth/token' => 401, '/store/customers/password-token' => 204, '/store/customers/password-reset' => 401);

# (status, message or undef for any)
sub expected {
    my ($path, $slot, $value, $body) = @_;
    return (413, 'request entity too large') if length $body > BODY_MAX;
    return (400, 'Request body is not valid ') if $value->{broken};    # JSON, or UTF-8
    my @complaint = complaint($slot, $value);
    return (400, $complaint[0]) if @complaint;
    my ($field, $text) = ($slot->{path}[-1], $value->{text});
    return (404, undef) if $field eq 'country_code' && defined $text && !$country{ lc $text };
    return (404, "Address with id $text was not found") if $field eq 'billing_address' && defined $text;
    return ($STATUS{$path} // 200, undef);
}

# ---- who asks ----

my ($me, $uses);

# A customer with an address; a new one now and then, whose address book is short.
sub customer {
    return $me if $me && $uses++ < CUSTOMER_LIFE;
    my $r = $client->ask('POST', '/store/customers', '{"first_name":"A","last_name":"B","email":' . good('email') . ',"password":"correct horse"}');
    $me = { id => text($r, 'id'), cookie => cookie($r) };
    $r = $client->ask('POST', '/store/customers/me/addresses', '{"address":{"first_name":"A","last_name":"B","address_1":"1","city":"C","country_code":"us","postal_code":"9"}}', Cookie => $me->{cookie});
    ($me->{address}) = $r->{body} =~ /"(addr_\w+)"/;
    $me->{known} = { $me->{address} => 1 };
    $uses = 0;
    return $me;
}

# The row that a good request wrote to, as [table, id], and its object in the answer.
sub written {
    my ($path, $slot, $answer) = @_;
    my $customer = $answer->{customer} or return;
    return (customer => $customer) if @{ $slot->{path} } == 1 && $path !~ m{/addresses};
    return (address => $customer->{billing_address}) if $path !~ m{/addresses};
    my ($address) = $path =~ /\{/ ? grep({ $_->{id} eq $me->{address} } @{ $customer->{shipping_addresses} })
        : grep { !$me->{known}{ $_->{id} }++ } @{ $customer->{shipping_addresses} };
    return (address => $address);
}

# What is wrong with what a good request left behind.
sub judge_written {
    my ($path, $slot, $value, $r) = @_;
    my $field = $slot->{path}[-1];
    return () if $r->{status} != 200;
    my ($table_name, $object) = written($path, $slot, $json->decode($r->{body}));
    return () if $field =~ /^(?:(?:old_)?password|address|billing_address)$/ || !defined $value->{json};
    return "no row is answered" if !$object;
    my $told = $object->{$field};
    my ($hex) = @{ $table->run("SELECT IF($field IS NULL, 'null', CONCAT('=', HEX($field))) FROM $table_name WHERE id = '$object->{id}'") };
    my $stored = ($hex // '') =~ /\A=(.*)/ ? pack 'H*', $1 : undef;
    if (ref $told || $field eq 'metadata') {
        my $text = defined $stored ? $json->encode($json->decode($stored)) : 'null';
        return "the answer is not what is stored: $text" if $text ne $json->encode($told);
        return $path eq '/store/customers/me' && @{ $slot->{path} } == 1 || $json->encode($json->decode($value->{json})) eq $text ? () : "what is stored is not what was sent: $text";
    }
    utf8::decode($stored) if defined $stored;
    return 'the answer is not what is stored' if ($told // "\0") ne ($stored // "\0");
    my $sent = $field eq 'country_code' ? (defined $value->{text} ? lc $value->{text} : $told) : $value->{text};
    return ($stored // "\0") eq ($sent // "\0") ? () : 'what is stored is not what was sent';
}

sub message_of { my ($r) = @_; return eval { $json->decode($r->{body})->{message} } // '' }

my ($requests, $taken, %wrong) = (0, 0, any => 0);
my $paths = document()->{paths};
for my $path (sort keys %$paths) {
    my $operation = $paths->{$path}{post} or next;
    my $schema = $operation->{requestBody}{content}{'application/json'}{schema} or next;
    my @slots = slots($schema);
    cmp_ok scalar @slots, '>', 0, "$path has fields";
    my @bad;
    for my $i (0 .. $#slots) {
        for my $n (grep { ($_ + $i) % STRIDE == 0 } 0 .. $#values) {
            my ($slot, $value) = ($slots[$i], $values[$n]);
            my @by = $path =~ m{/me\b} ? (Cookie => customer()->{cookie}) : ();
            my $body = body($schema, $slot, $value->{json});
            my ($status, $message) = expected($path, $slot, $value, $body);
            my $host = $slot->{path}[-1] eq 'old_password' ? 'http://strict.example' : '';    # elsewhere it is unknown
            my $r = $client->ask('POST', $host . $path =~ s/\{\w+\}/$me->{address}/r, $body, @by);
            undef $me if $slot->{path}[-1] eq 'password' && $r->{status} == 200;
            my @wrong = $r->{status} != $status ? "answered by $r->{status}, not $status"
                : defined $message && index(message_of($r), $message) < 0 ? "answered $r->{body}, not $message" : judge_written($path, $slot, $value, $r);
            $requests++;
            $taken++ if $r->{status} == 200;
            $wrong{server}++ if $r->{status} >= 500 || !$r->{status};
            push @bad, map { join('.', @{ $slot->{path} }) . ": $value->{name}: " . substr $_, 0, 200 } @wrong;
        }
    }
    $wrong{any} += @bad;
    diag explain \@bad if @bad; is_deeply [@bad], [], "$path: " . @slots . ' fields, each value answered as the schema says';
}
cmp_ok $taken, '>', $requests / 20, "$taken of $requests were taken";
$table->end;
ok figure('H1', 'bad values in fields: answers that were not predicted', $wrong{any}, "of $requests", !$wrong{any}), 'all are as predicted';
ok figure('H1', 'answers of 500 and more, or none', $wrong{server} // 0, '', !$wrong{server}), 'none is a failure of ours';
$h->stop;
done_testing;
