package MedusaStore::Exposition;

# Reads Prometheus' text format 0.0.4, strictly: what a scraper might forgive is an error here, and dies with its line.
#
#     my $m = MedusaStore::Exposition->parse($text);
#     $m->value('medusa_store_requests_total', shop => 'localhost', status => '2xx', …);    # undef: there is none
#     $m->sum('medusa_store_requests_total', status => '5xx');                              # of all samples with these labels
#     $m->samples('medusa_store_database_up');                                              # [{ labels => {…}, value => 1 }, …]

use strict;
use warnings;

use Carp qw(croak);

my $NAME  = qr/[a-zA-Z_:][a-zA-Z0-9_:]*/;
my $LABEL = qr/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/;
my $VALUE = qr/[+-]?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|Inf)|NaN/;
my %SUFFIX = (histogram => { map { $_ => 1 } qw(_bucket _sum _count) });

sub parse {
    my ($class, $bytes) = @_;
    my $text = $bytes;
    utf8::decode($text) or croak 'no UTF-8';
    $text =~ /\n\z/ or croak 'no line break at the end';
    my $self = bless { type => {}, help => {}, samples => {}, order => [] }, $class;
    for my $line (split /\n/, $text, -1) {
        next if $line eq '' && $text =~ /\n\z/;
        $line =~ /^#/ ? $self->_comment($line) : $self->_sample($line);
    }
    $self->_histogram($_) for grep { $self->{type}{$_} eq 'histogram' } keys %{ $self->{type} };
    return $self;
}

# Each metric: HELP, TYPE, then its samples, all in one place.
sub _comment {
    my ($self, $line) = @_;
    my ($what, $name, $rest) = $line =~ /^# (HELP|TYPE) ($NAME) (\S.*)\z/ or croak "no comment that means anything: $line";
    if ($what eq 'HELP') {
        croak "twice: $line" if exists $self->{help}{$name};
        $self->{help}{$name} = $rest;
        return;
    }
    croak "TYPE without HELP before it: $line" unless exists $self->{help}{$name};
    croak "twice: $line" if exists $self->{type}{$name};
    croak "no type: $line" unless $rest =~ /^(?:counter|gauge|histogram)\z/;
    croak "a counter ends with _total: $line" if ($rest eq 'counter') != ($name =~ /_total\z/);
    $self->{type}{$name} = $rest;
    $self->{current} = $name;
    return;
}

sub _sample {
    my ($self, $line) = @_;
    my ($name, $labels, $value) = $line =~ /^($NAME)(?:\{(.*)\})? ($VALUE)\z/ or croak "no sample: $line";
    my $family = $self->{current} // croak "a sample before any TYPE: $line";
    my $suffix = $name =~ /^\Q$family\E(.*)\z/ ? $1 : croak "not within its metric $family: $line";
    croak "no such sample of a $self->{type}{$family}: $line"
        unless $suffix eq '' ? $self->{type}{$family} ne 'histogram' : ($SUFFIX{ $self->{type}{$family} } || {})->{$suffix};
    my %label = _labels($labels // '', $line);
    my $key = join "\0", $name, map { "$_=$label{$_}" } sort keys %label;
    croak "twice: $line" if $self->{seen}{$key}++;
    croak "a counter below zero: $line" if $self->{type}{$family} ne 'gauge' && $value < 0;
    push @{ $self->{samples}{$name} }, { labels => \%label, value => $value };
    return;
}

sub _labels {
    my ($text, $line) = @_;
    my %label;
    while (length $text) {
        $text =~ s/^$LABEL// or croak "no label: $line";
        my ($name, $value) = ($1, $2);
        croak "label twice: $line" if exists $label{$name};
        $label{$name} = $value =~ s/\\(.)/$1 eq 'n' ? "\n" : $1/ger;
        $text =~ s/^,(?=.)// or $text eq '' or croak "no comma: $line";
    }
    return %label;
}

# Buckets ascend in bound and count, end with +Inf, and agree with the count.
sub _histogram {
    my ($self, $name) = @_;
    my %series;
    for my $sample (@{ $self->samples("${name}_bucket") }) {
        my %label = %{ $sample->{labels} };
        my $le = delete $label{le} // croak "$name: a bucket without le";
        push @{ $series{ join "\0", %label{ sort keys %label } } }, [$le eq '+Inf' ? 9**9**9 : $le, $sample->{value}, \%label];
    }
    croak "$name: buckets and counts differ in number" if keys %series != @{ $self->samples("${name}_count") };
    for my $buckets (values %series) {
        my @b = @$buckets;
        croak "$name: no +Inf at the end" unless $b[-1][0] == 9**9**9;
        for my $i (1 .. $#b) {
            croak "$name: bounds do not ascend" unless $b[$i][0] > $b[ $i - 1 ][0];
            croak "$name: counts descend" if $b[$i][1] < $b[ $i - 1 ][1];
        }
        croak "$name: +Inf is not the count" unless $b[-1][1] == $self->value("${name}_count", %{ $b[0][2] });
        croak "$name: no sum" unless defined $self->value("${name}_sum", %{ $b[0][2] });
    }
    return;
}

sub names { my ($self) = @_; return sort keys %{ $self->{type} } }
sub type  { my ($self, $name) = @_; return $self->{type}{$name} }
sub samples { my ($self, $name) = @_; return $self->{samples}{$name} || [] }

sub _fitting {
    my ($self, $name, %label) = @_;
    return grep { my $l = $_->{labels}; !grep { ($l->{$_} // "\0") ne $label{$_} } keys %label } @{ $self->samples($name) };
}

# The value of the only sample with these labels.
sub value {
    my ($self, $name, %label) = @_;
    my @found = $self->_fitting($name, %label);
    croak "several samples of $name have these labels" if @found > 1;
    return @found ? $found[0]{value} : undef;
}

sub sum {
    my ($self, $name, %label) = @_;
    my $sum = 0;
    $sum += $_->{value} for $self->_fitting($name, %label);
    return $sum;
}

1;
