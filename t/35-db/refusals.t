# A database that can be reached but not used: no such database or account, too many connections, tables and columns that are
# not there yet, rights that are missing, a server that only reads. The answer is 503 or 500, the log says what to do, and says
# it once.
use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use MedusaStore::Database;
use MedusaStore::Harness;

my $db = MedusaStore::Database->new(options => ['--max-connections=12']);
my $web = $ENV{MS_TEST_WEB_USER};
my $cheap = "MedusaStorePasswordCost 8192 1\n";
my $number = 0;

sub register {
    my ($h) = @_;
    return $h->post('/store/customers', json => { email => 'p' . ++$number . '@example.com', password => 'correct horse',
        first_name => 'Very-secret-name', last_name => 'B' });
}

sub is_down {
    my ($answer, $name) = @_;
    is $answer->{status}, 503, "$name: 503";
    is_deeply [$answer->{headers}{'retry-after'}, $answer->{json}{type}], [1, 'database_error'], '… with Retry-After, as JSON';
    return;
}

# ---- the connection is refused: one line, however many requests ----
$db->sql("CREATE USER with_password\@localhost IDENTIFIED BY 'right-password'; GRANT SELECT ON `t\\_%`.* TO with_password\@localhost");
my $shop = MedusaStore::Harness->new(start => 0);
my @cases = (
    ['a wrong password', "sock=$ENV{MS_TEST_SOCKET},user=with_password,pass=very-wrong-password,dbname=$shop->{database}", qr/Access denied for user/],
    ['no such account',  "sock=$ENV{MS_TEST_SOCKET},user=nobody_at_all,pass=very-wrong-password,dbname=$shop->{database}", qr/Access denied for user/],
    ['no such database', "sock=$ENV{MS_TEST_SOCKET},user=$ENV{MS_TEST_USER},dbname=t_missing", qr/Unknown database 't_missing'/],
    ['no such socket',   "sock=$ENV{MS_TEST_SCRATCH}/nothing,user=x,dbname=x", qr/Can't connect to (?:local )?(?:server|MySQL server) through socket/],
);
for my $case (@cases) {
    my ($name, $params, $line) = @$case;
    my $h = MedusaStore::Harness->new(shop => $shop, start => 0, single => 1);
    $h->secret('very-wrong-password');
    $h->write_private('db-params', $params);
    $h->start;
    is_down($h->get('/store/auth/a@example.com'), $name);
    for (1 .. 6) {
        $h->get('/store/auth/a@example.com');
        sleep 0.21;    # a new attempt each time
    }
    $h->expect_log('MS0101', qr/can't connect to the database: .*$line/, 1);
    $h->stop("$name: one line says so, and it holds no password");
}

# ---- too many connections ----
my $h = MedusaStore::Harness->new(single => 1, main => $cheap);
my @others = map { $db->session } 1 .. 12;
$_->run('SELECT 1') for @others;
is_down($h->get('/store/auth/a@example.com'), 'too many connections');
$h->expect_log('MS0101', qr/Too many connections/, 1);
$h->expect_log('MS0102', qr/answers again/, 1);
@others = ();
my $answer;
for (1 .. 100) {
    $answer = $h->get('/store/auth/a@example.com');
    last if $answer->{status} == 200;
    sleep 0.05;
}
is $answer->{status}, 200, 'it goes on when there is room again';

# ---- a schema that is not what it should be ----
my $database = $h->{database};
$h->sql('RENAME TABLE outbox TO gone');
$answer = register($h);
is $answer->{status}, 503, 'a missing table: 503';
ok $answer->{headers}{'retry-after'}, '… with Retry-After';
is $answer->{json}{type}, 'database_error', '… as JSON';
unlike $answer->{body}, qr/outbox|\Q$database\E/, '… which tells nothing';
is $h->sql_value('SELECT count(*) FROM customer') + $h->sql_value('SELECT count(*) FROM session'), 0, '… nothing was written';
$h->expect_log('MS0105', qr/statement outbox\.create failed with error 1146: .*Table .*outbox' doesn't exist; are all migrations applied \(medusa-store-admin migrate\)\?/, 1);
$h->sql('RENAME TABLE gone TO outbox');
is register($h)->{status}, 200, 'it goes on when the table is there';
$h->sql('ALTER TABLE customer RENAME COLUMN phone TO telephone');
is register($h)->{status}, 503, 'a missing column: 503';
$h->expect_log('MS0105', qr/statement customer\.create failed with error 1054: Unknown column 'phone'.*; are all migrations applied/, 1);
$h->sql('ALTER TABLE customer RENAME COLUMN telephone TO phone');
is register($h)->{status}, 200, 'it goes on when the column is there';
$h->sql('ALTER TABLE customer ADD COLUMN later TEXT NULL');
is register($h)->{status}, 200, 'a column of a later migration does no harm';
$h->sql(q(CREATE TRIGGER talkative BEFORE INSERT ON customer FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Very-secret-name is refused'));
$h->secret('Very-secret-name');
is register($h)->{status}, 500, 'a refusal by the database: 500';
$h->expect_log('MS0105', qr/statement customer\.create failed with error 1644: a value was refused/, 1);
$h->sql('DROP TRIGGER talkative');

# ---- rights that are missing: seen by the connections that come after ----
my $grants = 'SELECT, INSERT, UPDATE, DELETE';
$db->sql("REVOKE INSERT ON `t\\_%`.* FROM $web\@localhost; GRANT INSERT ON $database.customer TO $web\@localhost");
$h->stop_server;
$h->start_again;
is register($h)->{status}, 500, 'a missing right: 500';
$h->expect_log('MS0105', qr/statement session\.create_first failed with error 1142: INSERT command denied .*; the user of MedusaStoreDBParams needs SELECT/, 1);
$db->sql("GRANT $grants ON `t\\_%`.* TO $web\@localhost");

# ---- a server that only reads, as after a failover: another may answer to its name soon ----
my $rows = $h->sql_value('SELECT count(*) FROM customer');
$db->sql('SET GLOBAL read_only = ON');
is_down(register($h), 'a read-only server');
is_down(register($h), 'a read-only server, again');
is $h->get('/store/auth/p1@example.com')->{status}, 200, '… can be read';
is $h->sql_value('SELECT count(*) FROM customer'), $rows, '… nothing was written';
$h->expect_log('MS0105', qr/failed with error 1290: .*read.only/, 1);
$db->sql('SET GLOBAL read_only = OFF');
is register($h)->{status}, 200, 'it goes on when it writes again';

# ---- a value that is longer than what is read of it ----
my $long = '{"text":"' . 'x' x 70_000 . '"}';
$answer = $h->post('/store/customers', json => { email => 'long@example.com', password => 'correct horse', first_name => 'A', last_name => 'B' }, jar => 'long');
$h->sql("UPDATE customer SET metadata = '$long' WHERE email = 'long\@example.com'");
$answer = $h->get('/store/customers/me', jar => 'long');
is $answer->{status}, 200, 'long metadata is read';
is length($answer->{json}{customer}{metadata}{text} // ''), 70_000, '… to its end';
$h->sql(q(UPDATE customer SET metadata = CONCAT('{"text":"', REPEAT('y', 2000000), '"}') WHERE email = 'long@example.com'));
is $h->get('/store/customers/me', jar => 'long')->{status}, 500, 'what is too long to be read is not cut: 500';
$h->expect_log('MS0110', qr/column metadata of customer holds a value that can't be read/, 1);

$h->allow_log('AH00098');
$h->stop;
done_testing;
