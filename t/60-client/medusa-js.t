# The client of Medusa storefronts, @medusajs/medusa-js from npm, goes through all that a customer does: shopper.mjs.
#
# Here: the server, what a shopper gets by mail (the token), and an outage of the database.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";
use File::Copy qw(copy);
use IPC::Open2 qw(open2);
use JSON::PP ();
use Test::More;

use MedusaStore::Cut;
use MedusaStore::Harness;
use Storefront qw(folder_of_tests install_client need_tools);

need_tools('node', 'npm');
my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my $tag  = join '', map { ('a' .. 'z')[rand 26] } 1 .. 12;

# ---- the client ----

sub slurp {
    my ($file) = @_;
    open my $in, '<:raw', $file or die "$file: $!\n";
    local $/;
    return <$in>;
}

my ($folder, $version) = install_client();
my ($wanted) = values %{ $json->decode(slurp(folder_of_tests() . '/package.json'))->{dependencies} };
is($version, $wanted, "the client is version $wanted");
unlike(slurp(folder_of_tests() . '/package-lock.json'), qr/"resolved"/, 'package-lock.json names no host to fetch from');

# ---- the server: its database is at a name of its own, which can go away ----

my $h = MedusaStore::Harness->new(start => 0);
my $socket = "$h->{root}/db.sock";
my $user = $ENV{MS_TEST_WEB_USER} || $ENV{MS_TEST_USER};
$h->write_private('db-params', "sock=$socket,user=$user,dbname=$h->{database}\n");
symlink $ENV{MS_TEST_SOCKET}, $socket or die "$socket: $!\n";
$h->start;
$h->secret("$tag\@shop.example", "late-$tag\@shop.example", q{a shopper's secret}, 'quite another one');

sub begin_outage {
    unlink $socket or die "$socket: $!\n";
    $h->expect_log('MS0101', qr/can't connect to the database/);
    $h->allow_log('MS0104');
    my @connections = $h->sql("SELECT id FROM information_schema.processlist WHERE db = '$h->{database}' AND id <> CONNECTION_ID()");
    eval { $h->sql("KILL $_->[0]") } for @connections;    # one may have ended by itself
    return $json->encode('gone');
}

sub end_outage {
    symlink $ENV{MS_TEST_SOCKET}, $socket or die "$socket: $!\n";
    return $json->encode('back');
}

# What the mail would hold.
sub reset_token {
    my $data = $h->sql_value("SELECT data FROM outbox WHERE event_name = 'customer.password_reset' ORDER BY seq DESC LIMIT 1");
    my $token = JSON::PP->new->decode($data // '{}')->{token};
    $h->secret($token);
    return $json->encode($token);
}

# A proxy before httpd: it counts what one request and its answer are, and cuts the next ten connections within that.
my ($cut, $CUTS) = (undef, 10);

sub begin_proxy {
    $cut = MedusaStore::Cut->new(to => $h->{port});
    return $json->encode({ url => "http://127.0.0.1:$cut->{port}" });
}

sub count_bytes { $cut->seen; return $json->encode('counting') }

# Of those that are made anew: none is left of before.
sub cut_connections {
    my $total = $cut->seen->{bytes};
    $cut->close;
    $cut->each(map { int($_ * $total / $CUTS) } 0 .. $CUTS - 1);
    return $json->encode({ count => $CUTS });
}

my %ANSWER = (proxy => \&begin_proxy, count => \&count_bytes, cut => \&cut_connections, outage => \&begin_outage, recovery => \&end_outage, token => \&reset_token);

# ---- the shopper ----

copy(folder_of_tests() . '/shopper.mjs', "$folder/shopper.mjs") or die "shopper.mjs: $!\n";
delete @ENV{grep { /^(?:https?|all)_proxy$/i } keys %ENV};    # the server is on this machine
my $pid = open2(my $out, my $in, 'node', "$folder/shopper.mjs", $h->url(''), $tag);
END { kill 'KILL', $pid if $pid }
my ($run, $done) = (0, -1);
while (my $line = <$out>) {
    my $said = eval { $json->decode($line) };
    if (ref $said ne 'HASH')       { diag("the shopper says: $line") }
    elsif (defined $said->{ask})   { print {$in} $ANSWER{ $said->{ask} }->(), "\n"; $in->flush }
    elsif (defined $said->{done})  { $done = $said->{done} }
    else {
        $run++;
        ok($said->{ok}, $said->{test}) or diag("     got: $said->{got}\nexpected: $said->{want}");
    }
}
waitpid $pid, 0;
undef $pid;
is($?, 0, 'the shopper ended well');
is($run, $done, 'and told of all tests');

# ---- what is left of it ----

my @rows = $h->sql('SELECT email, first_name, has_account, deleted_at FROM customer ORDER BY created_at');
my @cut = splice @rows, 2;
is_deeply([sort map { $_->[0] } @cut], [sort map { "cut-$_-$tag\@shop.example" } 0 .. $CUTS], 'those who were cut off, each once');
is($h->sql_value("SELECT COUNT(*) FROM address WHERE last_name = 'Off'"), 1 + $CUTS, '… with one address each');
is_deeply(\@rows, [["$tag\@shop.example", 'Augusta', 1, undef], ["late-$tag\@shop.example", 'Late', 1, undef]],
    'two customers, each once');
my @events = map { $_->[0] } $h->sql(q{SELECT event_name FROM outbox WHERE event_name <> 'customer.updated' ORDER BY seq});
is_deeply(\@events, [qw(customer.created customer.password_reset customer.created), ('customer.created') x (1 + $CUTS)], 'two were created, one asked for a token');
$h->stop;
done_testing;
