# The Debian package in a scratch Debian: installed, enabled, set up by the lines of README, used, removed and purged.
#
# What README tells to type is read from README. The database is that of this test run; its socket is also a file in there.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";
use JSON::PP ();
use Test::More;

use DebianRoot;
use MedusaStore::Harness;
use Package qw(deb need_tools);
use Readme qw(block);

my ($PACKAGE, $SECTION) = ('libapache2-mod-medusa-store', 'Installing into an existing Apache');
my $SHOP = 'http://shop.example.com';

MedusaStore::Harness::need_database();
need_tools(qw(dpkg-buildpackage dh dh_apache2 debootstrap));
my $reason = DebianRoot::reason_against();
plan(skip_all => $reason) if $reason;
$SIG{$_} = sub { exit 130 } for qw(INT TERM HUP);

my %password = map { $_ => join '', map { ('a' .. 'z', 0 .. 9)[rand 36] } 1 .. 20 } qw(PASSWORD1 PASSWORD2);
my $root = DebianRoot->new;

END {
    local ($?, $@);
    eval { MedusaStore::Harness::run_sql('DROP DATABASE IF EXISTS medusa; DROP USER IF EXISTS medusa@localhost, medusa_migrate@localhost') }
        if $ENV{MS_TEST_SOCKET};
    undef $root;
}

# ---- words ----

# A command there that has to go well; its output.
sub does {
    my ($name, @command) = @_;
    my ($exit, $output) = $root->run(@command);
    is($exit, 0, $name) or diag $output;
    return $output;
}

sub shell { my ($name, $text) = @_; return does($name, 'sh', '-ec', $text) }

sub enabled { my ($name) = @_; return -l $root->path("/etc/apache2/mods-enabled/$name") }

sub status_of { my ($url) = @_; return $root->request(GET => $url)->{status} }

# What httpd's log says of us or of its death.
sub complaints { return [grep { /\[medusa_store:(?:warn|error|crit|emerg)\]|exit signal/ } split /^/, $root->text('/var/log/apache2/error.log')] }

# ---- install ----

my (undef, undef, $install) = split /\n/, block($SECTION, 'sudo apt-get build-dep');
my ($deb) = deb();
$root->await;
my ($name) = $deb =~ m{([^/]+)$};
mkdir $root->path('/srv/sources');
link $deb, $root->path("/srv/$name") or die "link: $!\n";
my ($exit, $output) = $root->run_online('sh', '-ec', 'apt-get -q update && apt-get -qy install --download-only "$@"', 'sh', 'apache2', "/srv/$name");
is($exit, 0, 'the dependencies can be had') or die $output;

does('httpd is there before', qw(apt-get -qy install apache2));
is(status_of("$SHOP/"), 200, 'and serves its first page');
$install =~ s/^apt-get install/apt-get -qy install/ or die "README installs by other words: $install\n";
shell('the package is installed as README says', "cd /srv/sources; $install");
die "what follows needs it\n" unless Test::More->builder->is_passing;
ok(enabled($_), "$_ is enabled") for qw(medusa_store.load medusa_store.conf session.load);
is(status_of("$SHOP/"), 200, 'httpd goes on');
is(status_of("$SHOP/store/auth"), 404, 'nothing is served that nobody asked for');
like(does('the module is loaded', qw(apachectl -M)), qr/medusa_store_module/, 'by the httpd that runs');
like(does('the tool is in PATH', qw(medusa-store-admin --version)), qr/^medusa-store-admin \d/, 'and runs');

does('a2dismod switches it off', qw(a2dismod -q medusa_store session));
ok(!enabled('medusa_store.load') && !enabled('session.load'), 'and mod_session, if told so');
like(does('a2enmod switches it on', qw(a2enmod medusa_store)), qr/dependency session/, 'and looks for mod_session');
ok(enabled($_), "$_ is enabled") for qw(medusa_store.load medusa_store.conf session.load);

# ---- set up ----

mkdir $root->path('/run/mysqld') or die $!;
chmod 0755, $root->path('/run/mysqld');
link $ENV{MS_TEST_SOCKET}, $root->path('/run/mysqld/mysqld.sock') or die "can't link the database's socket: $!\n";
MedusaStore::Harness::run_sql(block($SECTION, 'CREATE DATABASE', %password));
shell('the files are written', block($SECTION, 'mkdir /etc/medusa-store', %password));
like(shell('the tables are made', block($SECTION, 'medusa-store-admin --params-file /etc/medusa-store/db-migrate-params migrate')),
    qr/^applied 0001_.*^schema is at \d+$/ms, 'and counted');
my $vhost = block($SECTION, '<VirtualHost');
$root->write_file('/etc/apache2/sites-available/shop.conf', $vhost);
like(shell('the virtual host is enabled, and httpd restarted', block($SECTION, 'a2ensite shop')), qr/Syntax OK/, 'the configuration is good');

# ---- use ----

my $answer = $root->request(POST => "$SHOP/store/customers", headers => { 'content-type' => 'application/json' }, content => JSON::PP::encode_json(
    { email => 'ada@example.com', password => 'a long secret', first_name => 'Ada', last_name => 'Lovelace' }));
is($answer->{status}, 200, 'a customer registers') or diag explain($answer), complaints();
my ($cookie) = ($answer->{headers}{'set-cookie'} // '') =~ /^(connect\.sid=[^;]+)/;
ok($cookie, 'and gets a cookie');
is_deeply([map { @$_ } MedusaStore::Harness::run_sql('SELECT email, first_name, has_account FROM medusa.customer')],
    ['ada@example.com', 'Ada', 1], 'and has a row');
my $me = $root->request(GET => "$SHOP/store/customers/me", headers => { cookie => $cookie });
is($me->{status}, 200, 'the cookie opens the account');
is(JSON::PP::decode_json($me->{content})->{customer}{email}, 'ada@example.com', 'which is hers');
is(status_of("$SHOP/store/customers/me"), 401, 'and nobody else\'s');
is(status_of("$SHOP/"), 200, 'the site around it is served');
is_deeply(complaints(), [], 'httpd\'s log holds no complaint');
like(shell('sessions are purged', 'medusa-store-admin --params-file /etc/medusa-store/db-params sessions purge'),
    qr/^deleted 0 /, 'of which none has expired');

# ---- remove ----

sub lives_without_us {
    my ($when) = @_;
    is(status_of("$SHOP/"), 200, "$when: httpd goes on");
    is(status_of("$SHOP/store/auth"), 404, "$when: without the API");
    like(does("$when: the configuration is good", qw(apachectl configtest)), qr/Syntax OK/, "$when: says apachectl");
    does("$when: httpd starts again", qw(service apache2 restart));
    is(status_of("$SHOP/"), 200, "$when: and serves");
    return;
}

does('the package is removed', qw(apt-get -qy remove), $PACKAGE);
ok(!enabled('medusa_store.load') && !enabled('medusa_store.conf'), 'it is disabled');
ok(-e $root->path('/etc/apache2/mods-available/medusa_store.conf'), 'its configuration is kept');
lives_without_us('removed');

shell('the package is purged as README says', block($SECTION, 'apt-get purge') =~ s/purge/-qy purge/r);
lives_without_us('purged');
my $left = does('look around', qw(find / -xdev -not -path /proc/* -not -path /srv/* ( -iname *medusa-store* -o -iname *medusa_store* )));
is_deeply([grep { !/:/ } split /\n/, $left], ['/etc/medusa-store'], 'nothing is left but what the administrator made');
isnt(($root->run('dpkg', '-s', $PACKAGE))[0], 0, 'dpkg has forgotten it');
done_testing;
