package MedusaStore::Callgrind;

# Reads what callgrind wrote down (--compress-strings=no --compress-pos=no): instructions by layer and by function, and how often
# what matters to us was called. Knows the format and the names of libraries; called by MedusaStore::Cost.

use strict;
use warnings;

use Carp qw(croak);
use Exporter qw(import);

our @EXPORT_OK = qw(read_dump subtract);

# Whose a shared object is; the first that fits.
my @LAYERS = (
    [module   => qr/mod_medusa_store/],
    [jansson  => qr/libjansson/],
    [sodium   => qr/libsodium/],
    [database => qr/libmariadb|libmysqlclient|apr_dbd_/],
    [apr      => qr/libapr/],
    [httpd    => qr{/(?:apache2|httpd)$|/mod_\w+\.so$}],
    [libc     => qr{/libc[.-]}],
);
my $ALLOCATOR = qr/^(?:malloc|free|calloc|realloc|posix_memalign|cfree|_int_\w+|sysmalloc|systrim\b.*|unlink_chunk.*|malloc_consolidate|tcache_\w+|arena_get2.*|checked_request2size)(?:\.\w+|'\d+)*$/;

# What is counted by calls from outside of the library itself: [caller's object, callee].
my %CALLS = (
    allocations => [undef,            qr/^(?:malloc|calloc|realloc|posix_memalign)$/],
    statements  => [qr/apr_dbd_/,     qr/^mysql_(?:stmt_execute|real_query)$/],
    trips       => [qr/libmariadb|libmysqlclient/, qr/^(?:send|__send|write|__write)$/],
);

sub _layer {
    my ($object, $function) = @_;
    for my $layer (@LAYERS) {
        next unless $object =~ $layer->[1];
        return $layer->[0] eq 'libc' && $function =~ $ALLOCATOR ? 'malloc' : $layer->[0];
    }
    return 'other';
}

sub _count_calls {
    my ($dump, $object, $called_object, $called, $n) = @_;
    for my $what (keys %CALLS) {
        my ($from, $to) = @{ $CALLS{$what} };
        next if $called !~ $to || ($from ? $object !~ $from : $object eq $called_object);
        $dump->{$what} += $n;
    }
    return;
}

# One file: { name, instructions, layers => {}, functions => {}, allocations, statements, trips }
sub read_dump {
    my ($path) = @_;
    my $dump = { name => '', instructions => 0, layers => {}, functions => {}, map { $_ => 0 } keys %CALLS };
    my ($object, $file, $function, $called, $called_object, $inclusive) = ('', '', '', '', '', 0);
    open my $in, '<', $path or croak "$path: $!";
    while (my $line = <$in>) {
        if ($line =~ /^[0-9*+-]\S* (\d+)/) {
            if ($inclusive) { $inclusive = 0; next }    # the cost of a call is its callee's own
            $dump->{instructions} += $1;
            $dump->{layers}{ _layer($object, $function) } += $1;
            $dump->{functions}{"$file:$function"} += $1;
        }
        elsif ($line =~ /^fn=(.*)/)     { $function = $1 }
        elsif ($line =~ /^fl=(.*)/)     { $file = $1 }
        elsif ($line =~ /^ob=(.*)/)     { $object = $1 }
        elsif ($line =~ /^cob=(.*)/)    { $called_object = $1 }
        elsif ($line =~ /^cfn=(.*)/)    { $called = $1 }
        elsif ($line =~ /^calls=(\d+)/) {
            _count_calls($dump, $object, $called_object || $object, $called, $1);
            ($inclusive, $called_object) = (1, '');
        }
        elsif ($line =~ /^desc: Trigger: Client Request: (.*)/) { $dump->{name} = $1 }
    }
    return $dump;
}

# $dump less another, and then a part of it: for one request of many.
sub subtract {
    my ($dump, $empty, $requests) = @_;
    my %rest = (name => $dump->{name});
    for my $key (grep { $_ ne 'name' } keys %$dump) {
        my ($all, $none) = ($dump->{$key}, $empty->{$key});
        $rest{$key} = ref $all ? { map { $_ => ($all->{$_} - ($none->{$_} // 0)) / $requests } keys %$all } : ($all - $none) / $requests;
    }
    return \%rest;
}

1;
