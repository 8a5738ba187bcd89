# Children that get no more memory, as by ulimit or a container: what can't be hashed is answered with 503, and never as a wrong password,
# nor as a right one; all else is served. Memory that can't be locked is no matter.
use strict;
use warnings;

use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in who as_cookie rows_are_secret);
use MedusaStore::Harness;
use MedusaStore::Process qw(children);
use MedusaStore::Report qw(figure full);

use constant {
    COST   => 256 << 10,                 # KiB of a hash: more than what httpd itself may ask for meanwhile
    ROOM   => 64 << 20,                  # bytes that children may still have
    ROUNDS => full() ? 200 : 10,
};

MedusaStore::Harness::need_database();

# Set a soft limit of all children: "as" (address space, beside what they have) or "memlock". As the user that they run as, who may.
sub limit {
    my ($h, $name, $bytes) = @_;
    for my $pid (map { $_->{pid} } children($h->{pid})) {
        open my $in, '<', "/proc/$pid/status" or next;
        my %status = map { /^(\w+):\s+(\d+)/ ? ($1 => $2) : () } <$in>;
        my $soft = $name eq 'as' && $bytes ne 'unlimited' ? ($status{VmSize} << 10) + $bytes : $bytes;
        my @as = $< ? () : ('setpriv', "--reuid=$status{Uid}", "--regid=$status{Gid}", '--clear-groups');
        my ($exit, $why) = MedusaStore::Harness::run_command(@as, 'prlimit', '--pid', $pid, "--$name=$soft:");
        die "prlimit: $why" if $exit;
    }
    return;
}

# How often each status came.
sub statuses {
    my (@answers) = @_;
    my %seen;
    $seen{ $_->{status} }++ for @answers;
    return \%seen;
}

for my $mpm (qw(prefork event)) {
    subtest $mpm => sub {
        my $h = MedusaStore::Harness->new(mpm => $mpm, log_level => 'warn', main => 'MedusaStorePasswordCost ' . COST . " 1\nMedusaStoreHashSlots 1\n");
        my $c = new_customer($h);
        my $stored = $h->sql_value("SELECT password_hash FROM customer WHERE id = '$c->{id}'");
        is sign_in($h, $c)->{status}, 200, 'signed in while there is memory';

        $h->expect_log('MS0202', qr/not enough memory for 262144 KiB/);
        limit($h, as => ROOM);
        my %answers = (
            'the right password'  => [map { sign_in($h, $c) } 1 .. ROUNDS],
            'a wrong one'         => [map { sign_in($h, $c, password => 'wrong horse') } 1 .. ROUNDS],
            'an unknown e-mail'   => [map { sign_in($h, { email => "nobody$_\@lab.test", password => 'x' }) } 1 .. ROUNDS],
            'a token'             => [map { $h->post('/store/auth/token', json => { email => $c->{email}, password => $c->{password} }) } 1 .. ROUNDS],
            'a registration'      => [map { $h->post('/store/customers', json => { first_name => 'A', last_name => 'B', email => "new$_\@lab.test", password => 'x' }) } 1 .. ROUNDS],
            'a change of password' => [map { $h->post('/store/customers/me', json => { password => "new $_" }, as_cookie($c->{cookie})) } 1 .. ROUNDS],
        );
        for my $what (sort keys %answers) {
            my $seen = statuses(@{ $answers{$what} });
            ok figure('F12', "answers of 503 without memory, $mpm: $what", $seen->{503} // 0, '', ($seen->{503} // 0) == ROUNDS), "$what: 503"
                or diag explain $seen;
        }
        is scalar(grep { @{ $_->{cookies} } } map { @$_ } values %answers), 0, 'nobody is given a session';
        is who($h, as_cookie($c->{cookie})), $c->{id}, 'who is signed in is served';
        is $h->sql_value("SELECT password_hash FROM customer WHERE id = '$c->{id}'"), $stored, 'the password stays what it was';
        is $h->sql_value('SELECT COUNT(*) FROM customer'), 1, 'and nobody was registered';

        limit($h, as => 'unlimited');
        is sign_in($h, $c)->{status}, 200, 'memory is back: signed in';
        is sign_in($h, $c, password => 'wrong horse')->{status}, 401, 'or refused';
        limit($h, memlock => 0);
        is sign_in($h, $c)->{status}, 200, 'nothing may be locked into memory: signed in all the same';
        rows_are_secret($h)->stop;
    };
}

done_testing;
