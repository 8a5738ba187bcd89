# Text and times survive a server whose defaults are of another age (latin1) and another place (its clock is not UTC's).
use strict;
use warnings;
use utf8;

use POSIX qw(strftime);
use Test::More;

use MedusaStore::Database;
use MedusaStore::Harness;

binmode Test::More->builder->$_, ':encoding(UTF-8)' for qw(output failure_output todo_output);
my $db = MedusaStore::Database->new(env => { TZ => 'Pacific/Kiritimati' }, options => [qw(--character-set-server=latin1
    --collation-server=latin1_swedish_ci --skip-character-set-client-handshake
    --default-time-zone=-07:00), '--sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES', "--init-connect=SET sql_mode = 'ANSI', time_zone = '-05:00'"]);
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8192 1\n");

my @names = ("\x{1F600} emoji", "\x{10FFFD}", "e\x{301} is no \x{e9}", "\x{4E2D}\x{6587} \x{0627}\x{0644}", "back\\slash 'single' \"double\" 100%s %", "\t line\nbreak");
my $number = 0;
for my $name (@names) {
    my $jar = 'jar' . ++$number;
    my $answer = $h->post('/store/customers', json => { email => "p$number\@example.com", password => "\x{1F511} of $number",
        first_name => $name, last_name => $name }, jar => $jar);
    is $answer->{status}, 200, "text $number is stored" or next;
    my $customer = $h->get('/store/customers/me', jar => $jar)->{json}{customer};
    is $customer->{first_name}, $name, '… and comes back as it was';
    my $hex = join '', map { sprintf '%02X', ord } split //, do { my $bytes = $name; utf8::encode($bytes); $bytes };
    is $h->sql_value("SELECT HEX(CONVERT(first_name USING utf8mb4)) FROM customer WHERE id = '$customer->{id}'"), $hex, '… and stands so in the table';
    is $h->post('/store/auth', json => { email => "p$number\@example.com", password => "\x{1F511} of $number" })->{status}, 200, '… and the password fits';
}

# the clock: what is stored, what is answered, and what counts when a session ends, is UTC
my $before = strftime '%Y-%m-%dT%H:%M:%S', gmtime;
my $customer = $h->post('/store/customers', json => { email => 'now@example.com', password => 'correct horse', first_name => 'A', last_name => 'B' },
    jar => 'now')->{json}{customer};
my $after = strftime '%Y-%m-%dT%H:%M:%S', gmtime(time + 1);
for my $key (qw(created_at updated_at)) {
    like $customer->{$key}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "$key is a time";
    cmp_ok $customer->{$key}, 'ge', $before, '… of now, in UTC';
    cmp_ok $customer->{$key}, 'lt', $after, '… and not of later';
}
is_deeply $h->get('/store/customers/me', jar => 'now')->{json}{customer}{created_at}, $customer->{created_at}, 'the stored time is the answered one';
is $h->sql_value(q(SELECT ABS(TIMESTAMPDIFF(SECOND, s.expires_at, UTC_TIMESTAMP() + INTERVAL 10 HOUR)) < 60 FROM session s JOIN customer c)
    . q( ON c.id = s.customer_id WHERE c.email = 'now@example.com')), 1, 'a session ends ten hours from now, in UTC';
$h->sql(q(UPDATE session s JOIN customer c ON c.id = s.customer_id SET s.expires_at = UTC_TIMESTAMP() - INTERVAL 1 SECOND WHERE c.email = 'now@example.com'));
is $h->get('/store/customers/me', jar => 'now')->{status}, 401, '… and not a second later';
$h->stop;
done_testing;
