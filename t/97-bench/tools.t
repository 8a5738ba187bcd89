# The tools of bench/ that need no quiet machine: who is made up, what is made of figures, and whom the load asks for. That bench/run and
# the others measure is seen by running them.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use Test::More;

use MedusaStore::Cost qw(build_tools);
use MedusaStore::Harness;

MedusaStore::Harness::need_database();
my $folder = tempdir('bench-XXXXXX', DIR => $ENV{MS_TEST_SCRATCH}, CLEANUP => 1);
my $bench  = "$ENV{MS_SRCDIR}/bench";

sub run { return MedusaStore::Harness::run_command(@_) }

sub file_of {
    my ($name, @lines) = @_;
    open my $out, '>', "$folder/$name" or die "$folder/$name: $!";
    print {$out} map { "$_\n" } @lines;
    close $out or die "$folder/$name: $!";
    return "$folder/$name";
}

# Without progress, which goes to stderr.
sub lines_of { my ($exit, $text) = run('sh', '-c', 'exec "$@" 2> /dev/null', 'sh', @_); return $exit ? () : split /\n/, $text }

my $tools = eval { build_tools('all') };
ok($tools, 'the tools are made') or BAIL_OUT($@);

subtest 'people' => sub {
    my @customers = map { [split /\t/] } lines_of("$tools/people", 'customers', 20000, 1, 'HASH');
    is(scalar @customers, 20000, 'as many as were asked for');
    my (%emails, %names);
    $emails{ $_->[1] }++, $names{"$_->[2] $_->[3]"}++ for @customers;
    is(scalar keys %emails, 20000, 'no e-mail address comes twice');
    is(scalar keys %names,  20000, 'no name does');
    is(scalar(grep { $_->[0] !~ /^cus_[0-9A-HJKMNP-TV-Z]{26}$/ } @customers), 0, 'ids are like real ones');
    is(scalar(grep { $customers[$_ - 1][0] ge $customers[$_][0] } 1 .. $#customers), 0, 'and grow');
    is_deeply([lines_of("$tools/people", 'customers', 100, 1, 'HASH')], [map { join "\t", @$_ } @customers[0 .. 99]], 'the same again');
    isnt((lines_of("$tools/people", 'customers', 1, 2, 'HASH'))[0], join("\t", @{ $customers[0] }), 'another seed makes others');
    my %customers = map { $_->[0] => $_ } @customers;
    my @addresses = map { [split /\t/] } lines_of("$tools/people", 'addresses', 100, 1, 3);
    is(scalar @addresses, 300, 'three addresses each');
    is(scalar(grep { !$customers{ $_->[1] } } @addresses), 0, 'of those customers');
    my @targets = map { [split /\t/] } lines_of("$tools/people", 'targets', 20000, 1, 3, 1000);
    my %once = map { $_->[0] => 1 } @targets;
    is(scalar keys %once, 1000, 'a thousand targets are a thousand customers');
    is(scalar(grep { $customers{ $_->[0] }[1] ne $_->[1] } @targets), 0, 'with the e-mail addresses that these have');
};

subtest 'a database that is not empty' => sub {
    my $h = MedusaStore::Harness->new;
    $h->post('/store/customers', json => { email => 'there@example.com', password => 'a secret', first_name => 'A', last_name => 'B' });
    my $script = join "\n", map({ ". '$ENV{MS_SRCDIR}/scripts/$_.sh'" } qw(common mariadb)), ". '$bench/lib/people.sh'", "tools='$tools'",
        'db_sql() { mariadb --no-defaults --batch --skip-column-names -S "$1" -u "$MS_TEST_USER" "${@:2}"; }',
        "populate '$ENV{MS_TEST_SOCKET}' '$h->{database}' '$folder' 10 1";
    my ($exit, $output) = run('bash', '-c', $script);
    isnt($exit, 0, 'nothing is put into it');
    like($output, qr/is not empty/, 'and why is told');
    is(($h->sql('SELECT COUNT(*) FROM customer'))[0][0], 1, 'it is as it was');
};

subtest 'floors' => sub {
    my $figures = file_of('figures', "about\tcores\t2", "figure\tL1\tanswers\t2500\t/s\t>=\t2000\t3000", "figure\tL1\tp99\t41\tms\t<=\t40\t-",
        "figure\tL2\tround\t7\tms\t<=\t-\t-");
    my $report = "$folder/report";
    my ($exit, $output) = run('env', "MS_REPORT=$report", "$bench/lib/rows", $figures);
    is($exit, 1, 'a missed floor is told by the exit status');
    like($output, qr/answers .* holds$/m, 'one that holds');
    like($output, qr/p99 .* MISSED$/m,    'one that does not');
    is_deeply([lines_of('cat', $report)], ["L1\tanswers\t2500\t/s\tpass", "L1\tp99\t41\tms\tfail", "L2\tround\t7\tms\tpass"], 'figures for doc/RELIABILITY');
};

subtest 'ratios' => sub {
    my $results = file_of('results', map { join "\t", 'series', @$_ } ['show-me', 'module', 90, 1, 2, 0, 100, 100], ['show-me', 'bare', 100, 1, 2, 0, 80, 100],
        ['show-me', 'module', 50, 1, 2, 0, 100, 100], ['show-me', 'bare', 100, 1, 2, 0, 80, 100], ['show-me', 'module', 80, 1, 2, 0, 100, 100],
        ['show-me', 'bare', 100, 1, 2, 0, 80, 100]);
    my ($exit, $text) = run("$bench/report", '--json', $results);
    is($exit, 0, 'a report');
    my $ratio = decode_json($text)->{series}{'show-me'}{ratio};
    is($ratio->{bare},     0.8, 'the median of the rounds, by rate');
    is($ratio->{cpu_bare}, 0.9, 'and by processor time');
    my $both = file_of('both', map { join "\t", @$_ } ['series', 'cheapest', 'show-me', 'module', 200, 1000, 2000, 0, 50, 50],
        ['series', 'cheapest', 'show-me', 'medusa', 10, 5000, 9000, 0, 900, 100], map { ['memory', 'cheapest', $_, 4, 3, 2, 1] } qw(module medusa));
    ($exit, $text) = run("$bench/lib/peers", '--json', $both);
    is_deeply(decode_json($text)->{series}{cheapest}{'show-me'}{ratio}, { rate => 20, p50 => 5, p99 => 4.5, cpu => 10 }, 'of two servers: more is better');
};

subtest 'plots' => sub {
    my $points = file_of('points', "axis\tcustomers\tCustomers\tcustomers",
        map { join "\t", 'point', 'customers', $_, 'show-me', 100, 1000, 2000, 0, 10, 10 } 1000, 10000);
    mkdir "$folder/plots";
    my ($exit, $output) = run("$bench/lib/curves", '--plots', "$folder/plots", $points);
    is($exit, 0, 'drawn') or diag($output);
    ($exit, $output) = run('xmllint', '--noout', "$folder/plots/customers.svg");
    is($exit, 0, 'as XML') or diag($output);
};

done_testing;
