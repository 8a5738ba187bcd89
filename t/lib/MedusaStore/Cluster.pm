package MedusaStore::Cluster;

# The set-up of conf/cluster/ on one machine: three nodes of Galera, and a haproxy for each httpd. The files are those that an
# administrator copies; only addresses, paths, passwords and sizes are others. Each machine of the set-up has a loopback address of
# its own, so that the ports are the usual ones.
#
#     my $cluster = MedusaStore::Cluster->new;       # db1 and db3 run, db2 waits for its ->start
#     my $proxy = $cluster->proxy(1);                # haproxy of the first httpd machine
#     my $h = $cluster->httpd($proxy);                # MedusaStore::Harness
#     $cluster->node(1)->kill;  $cluster->node(1)->start;  $cluster->node(2)->stop;
#     $cluster->node(3)->status('wsrep_local_state_comment');
#     is $proxy->writer, 'db1';

use strict;
use warnings;

use Carp qw(croak);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

use MedusaStore::Database;
use MedusaStore::Harness;
use MedusaStore::Source qw(text);

my @PROGRAMS = qw(mariadb-backup socat haproxy);

sub new {
    my ($class) = @_;
    my $net = _need();
    my $self = bless { net => $net, secret => MedusaStore::Harness::_random_hex(32) }, $class;
    $self->{$_} = MedusaStore::Harness::_random_hex(8) for qw(PASSWORD1 PASSWORD2);
    $self->{nodes} = [map { MedusaStore::Cluster::Node->new($self, $_) } 1 .. 3];
    $self->_begin;
    return $self;
}

# Skip the whole test where something is missing; or die, where that would hide that nothing was tested. The network to use.
sub _need {
    MedusaStore::Harness::need_database();
    my ($provider) = text('conf/cluster/galera.cnf') =~ /^wsrep_provider\s*=\s*(\S+)/m;
    my @missing = grep { my $name = $_; !grep { -x "$_/$name" } split /:/, $ENV{PATH} } @PROGRAMS;
    push @missing, $provider if !-e $provider;
    my $net = _free_net() or push @missing, 'the loopback network 127.0.0.0/8';
    return $net if !@missing;
    my $why = "a cluster takes @missing";
    die "$why\n" if $ENV{MS_TEST_REQUIRE};
    Test::Builder->new->plan(skip_all => $why);
    exit 0;
}

# A network within the loopback's whose usual ports nobody uses: "127.1.2".
sub _free_net {
    for (1 .. 20) {
        my $net = join '.', 127, map { 1 + int rand 250 } 1 .. 2;
        my @taken = grep { !IO::Socket::INET->new(Listen => 1, LocalAddr => "$net.$_->[0]", LocalPort => $_->[1]) }
            [11, 3306], [11, 4567], [11, 4568], [21, 3306], [21, 3307];
        return $net if !@taken;
    }
    return;
}

# A file of conf/cluster/ as this machine's, whose address is NET.number.
sub file {
    my ($self, $name, $number) = @_;
    my $text = text("conf/cluster/$name");
    $text =~ s/10\.0\.0\.%/127.%/g;    # whence all connections come
    $text =~ s/10\.0\.0\.11(?=  # this|:4567)/10.0.0.$number/g;
    $text =~ s/\b10\.0\.0\.(?=\d)/$self->{net}./g;
    $text =~ s/\b127\.0\.0\.1\b/$self->{net}.$number/g;
    $text =~ s/(PASSWORD\d)/$self->{$1}/g;
    return $text;
}

# db3 begins as a copy of db1; db2, once started, gets its data by mariabackup.
sub _begin {
    my ($self) = @_;
    my ($one, undef, $three) = @{ $self->{nodes} };
    $one->create;
    $one->start('--wsrep-new-cluster');
    $one->sql($self->file('accounts.sql', 11));
    $one->stop;
    $_->create(0) for @{ $self->{nodes} }[1, 2];
    $one->shell('cp -a "$1" "$2"', "$one->{folder}/data", "$three->{folder}/data");
    $one->start('--wsrep-new-cluster');
    $three->start;
    return;
}

sub node { my ($self, $n) = @_; return $self->{nodes}[$n - 1] }
sub nodes { my ($self) = @_; return @{ $self->{nodes} } }
sub proxy { my ($self, $n) = @_; return MedusaStore::Cluster::Proxy->new($self, $n) }

# An httpd of this shop, which goes to the database by a proxy (or by a node). Options as for MedusaStore::Harness.
sub httpd {
    my ($self, $at, %option) = @_;
    my $h = MedusaStore::Harness->new(%option, start => 0, place => 0, shop => { database => 'medusa', secret => $self->{secret} });
    my $params = "host=$at->{address},port=3306,dbname=medusa,user=";
    $h->write_private('db-params', "${params}medusa,pass=$self->{PASSWORD1}");
    $h->write_private('db-admin-params', "${params}medusa_migrate,pass=$self->{PASSWORD2}");
    $h->{conf} = $self->_httpd_conf($h->{root});
    return $h->secret(@$self{qw(PASSWORD1 PASSWORD2)})->start;
}

sub _httpd_conf {
    my ($self, $root) = @_;
    my $text = $self->file('httpd.conf', 21);
    $text =~ s/\*:80\b/*/;
    $text =~ s{file:\S+/(db-params|secret)}{"file:$root/$1"}g;
    $text =~ s{DocumentRoot \S+}{DocumentRoot "$root/htdocs"};
    return $text;
}

# Do all nodes that run hold the same? The names of the tables that differ, once all have applied what the others wrote.
sub differing_tables {
    my ($self) = @_;
    my @nodes = grep { $_->{pid} } $self->nodes;
    for (1 .. 100) {
        my %at = map { $_->status('wsrep_last_committed') => 1 } @nodes;
        last if keys %at == 1;
        sleep 0.1;
    }
    my @tables = map { "medusa.$_->[0]" } $nodes[0]->rows('SHOW TABLES FROM medusa');
    my %sums;
    for my $node (@nodes) {
        $sums{ $_->[0] }{ $_->[1] }++ for $node->rows('CHECKSUM TABLE ' . join ', ', @tables);
    }
    return grep { keys %{ $sums{$_} } != 1 } @tables;
}

package MedusaStore::Cluster::Node;

use parent -norequire, 'MedusaStore::Database';

sub new {
    my ($class, $cluster, $n) = @_;
    my $number = 10 + $n;
    my $self = MedusaStore::Daemon::new($class, "db$n", cluster => $cluster, name => "db$n", number => $number, address => "$cluster->{net}.$number");
    $self->{options} = [];
    return $self;
}

# The folders; and for the first node its first tables, for the last one no folder of data, as it gets that of the first.
sub create {
    my ($self, $data) = @_;
    my $folder = $self->{folder};
    $self->SUPER::create($data);
    $self->shell('mkdir -m 0700 "$1/data" && db_owns "$1/data"', $folder) if $self->{name} eq 'db2';
    my $user = getpwuid $>;
    my $text = $self->{cluster}->file('galera.cnf', $self->{number});
    $text =~ s/\bdb1\b(?=.*# this)/$self->{name}/;
    $text =~ s/gcache\.size=\w+/gcache.size=32M/;
    $text =~ s/"mysql:"/"$user:"/ if $>;
    open my $file, '>', "$folder/my.cnf" or die "$folder/my.cnf: $!";
    print {$file} $text, join "\n", '[mysqld]', ($> ? () : 'user=mysql'), "datadir=$folder/data", "socket=$self->{socket}",
        "pid-file=$folder/data/mariadbd.pid", "tmpdir=$folder/tmp", 'wsrep_sst_receive_address=' . "$self->{address}:" . MedusaStore::Harness::free_port(),
        qw(skip-name-resolve skip-log-bin innodb-buffer-pool-size=32M innodb-log-file-size=32M performance-schema=OFF
        aria-pagecache-buffer-size=8M key-buffer-size=8M), '[sst]', 'sst-log-archive=0', '';
    close $file;
    return;
}

# Start it as Debian's unit does, after a crash too: from the position that it finds in its own data. And wait until it is ready,
# unless `wait` is 0.
sub start {
    my ($self, $option, %how) = @_;
    my @command = ('mariadbd', "--defaults-file=$self->{folder}/my.cnf");
    if (!$option) {
        my ($exit, $text) = MedusaStore::Harness::run_command(qw(timeout -s KILL 60), @command, '--wsrep-recover', '--disable-log-error');
        Carp::croak("$self->{name} finds no position ($exit): $text") if $exit;
        push @command, "--wsrep-start-position=$1" if $text =~ /WSREP: Recovered position:?\s*(\S+)/;
    }
    $self->launch(@command, $option // ());
    return $how{wait} // 1 ? $self->await : $self;
}

sub await {
    my ($self) = @_;
    for (1 .. 600) {
        return $self if ($self->status('wsrep_ready') // '') eq 'ON';
        Carp::croak("$self->{name} did not start: " . $self->complaint) if $self->has_ended;
        Time::HiRes::sleep(0.2);
    }
    Carp::croak("$self->{name} is not ready");
}

# Rows of a statement as they are on this node now, each an array; nothing if the node does not answer.
sub rows {
    my ($self, $sql) = @_;
    my ($exit, $text) = MedusaStore::Harness::run_command('mariadb', '--no-defaults', '-S', $self->{socket}, '-u', scalar getpwuid $>, '-N', '-B',
        '--default-character-set=utf8mb4', '-e', "SET wsrep_sync_wait = 0; $sql");
    return $exit ? () : map { [split /\t/, $_, -1] } split /\n/, $text;
}

# A value of SHOW GLOBAL STATUS; undef if the node does not answer.
sub status {
    my ($self, $name) = @_;
    my ($row) = $self->rows("SHOW GLOBAL STATUS LIKE '$name'");
    return $row && $row->[1];
}

# Take it out of the net that joins the nodes, as if its cable were pulled, or put it back.
sub isolate {
    my ($self, $on) = @_;
    return $self->sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=" . ($on ? 1 : 0) . q('));
}

# How many connections the shop, or a tool, has to it.
sub guests {
    my ($self) = @_;
    return scalar grep { $_->[0] =~ /^medusa(?:_migrate)?$/ } $self->rows('SELECT user FROM information_schema.processlist');
}

package MedusaStore::Cluster::Proxy;

use parent -norequire, 'MedusaStore::Daemon';

sub new {
    my ($class, $cluster, $n) = @_;
    my $number = 20 + $n;
    my $self = MedusaStore::Daemon::new($class, "haproxy$n", address => "$cluster->{net}.$number");
    my $folder = $self->{folder};
    my $text = $cluster->file('haproxy.cfg', $number);
    $text =~ s{/run/haproxy}{$folder};
    $text =~ s{log /dev/log}{log stderr format short};
    $text =~ s/^ +(?:user|group) .*\n//mg if $>;
    open my $file, '>', "$folder/haproxy.cfg" or die "$folder/haproxy.cfg: $!";
    print {$file} $text;
    close $file;
    $self->launch('haproxy', '-db', '-f', "$folder/haproxy.cfg");
    for (1 .. 300) {
        return $self if IO::Socket::INET->new(PeerAddr => $self->{address}, PeerPort => 3306);
        Carp::croak('haproxy did not start: ' . $self->log_text) if $self->has_ended;
        Time::HiRes::sleep(0.1);
    }
    Carp::croak('haproxy does not listen');
}

# Send a command to its admin socket; what it says.
sub command {
    my ($self, $command) = @_;
    my $socket = IO::Socket::UNIX->new(Peer => "$self->{folder}/admin.sock") or Carp::croak("admin.sock: $!");
    print {$socket} "$command\n";
    local $/;
    return <$socket> // '';
}

# The node that it leads to; '' for none.
sub writer {
    my ($self) = @_;
    my %up = map { $_->[1] => $_->[17] =~ /^UP/ ? 1 : 0 } map { [split /,/] } grep { /^medusa(?:-others)?,db/ } split /\n/, $self->command('show stat');
    return (grep { $up{$_} } sort keys %up)[0] // '';
}

1;
