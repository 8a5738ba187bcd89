# MedusaStoreConfirmPassword: who holds a session can't take the account over: a new e-mail and a new password ask for the one of now.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;

use MedusaStore::Accounts qw(new_customer sign_in token_for sessions cookie_of as_cookie as_bearer rows_are_secret);
use MedusaStore::Crowd;
use MedusaStore::Database;
use MedusaStore::Harness;

MedusaStore::Harness::need_database();
my $h = MedusaStore::Harness->new(main => "MedusaStorePasswordCost 8 1\nMedusaStoreConfirmPassword On\n", location => "MedusaStoreXML On\n",
    conf => "<VirtualHost *>\nServerName strict.example\nMedusaStoreThrottle On\n</VirtualHost>\n<VirtualHost *>\nServerName lenient.example\nMedusaStoreConfirmPassword Off\nMedusaStoreThrottle On\n</VirtualHost>\n");
my $WRONG = '{"type":"invalid_data","message":"old_password must be the password that the account has now"}';
my $EMPTY = '{"type":"invalid_data","message":"old_password should not be empty"}';
my $n = 0;

sub new_email { $n++; return "new-$n\@lab.test" }
sub row { my ($c) = @_; return $h->sql_value("SELECT CONCAT(email, password_hash, first_name) FROM customer WHERE id = '$c->{id}'") }
sub change {
    my ($c, $body, %headers) = @_;
    my $r = $h->post('/store/customers/me', json => $body, headers => { Cookie => $c->{cookie}, %headers });
    return "$r->{status} " . ($r->{status} == 200 ? 'changed' : $r->{body});
}

subtest 'a new password' => sub {
    my $c = new_customer($h);
    token_for($h, $c);
    my $before = row($c);
    is(change($c, { password => 'horse of tomorrow', first_name => 'No' }), "400 $EMPTY", 'a new password, without the old one');
    is(change($c, { password => 'horse of tomorrow', old_password => undef }), "400 $EMPTY", 'nor with null');
    is(change($c, { password => 'horse of tomorrow', old_password => '' }), "400 $EMPTY", 'nor with an empty one');
    is(change($c, { password => 'horse of tomorrow', old_password => $_, first_name => 'No' }), "400 $WRONG", "nor with another: $_")
        for 'horse of tomorrow', uc $c->{password}, "$c->{password} ", 'x' x 20_000;
    is(change($c, { password => 'horse of tomorrow', old_password => 12 }), '400 {"type":"invalid_data","message":"old_password must be a string"}', 'nor with a number');
    is(row($c), $before, 'all is as it was');
    is(sessions($h, $c), 2, 'all sessions too');
    is(change($c, { password => 'horse of tomorrow', old_password => $c->{password} }), '200 changed', 'with the old one');
    is(sessions($h, $c), 1, 'the other sessions end');
    is(sign_in($h, $c)->{status}, 401, 'the old one is old');
    is(sign_in($h, $c, password => 'horse of tomorrow')->{status}, 200, 'the new one is good');
    is(change($c, { password => 'horse', old_password => $c->{password} }), "400 $WRONG", 'the one before is no old one');
};

subtest 'a new e-mail' => sub {
    my $c = new_customer($h);
    my $email = new_email();
    my $before = row($c);
    is(change($c, { email => $email }), "400 $EMPTY", 'a new e-mail, without the password');
    is(change($c, { email => $email, old_password => 'x' }), "400 $WRONG", 'nor with a wrong one');
    is(row($c), $before, 'all is as it was');
    is(change($c, { email => uc $c->{email}, first_name => 'Bea' }), '200 changed', 'the same e-mail, as forms send it, asks for nothing');
    is(change($c, { email => $email, old_password => $c->{password} }), '200 changed', 'with the password');
    is($h->sql_value("SELECT email FROM customer WHERE id = '$c->{id}'"), $email, 'it is the new one');
};

subtest 'all else' => sub {
    my $c = new_customer($h);
    is(change($c, { first_name => 'Bea', phone => '1', metadata => { a => 1 } }), '200 changed', 'asks for nothing');
    is(change($c, { first_name => 'Cy', old_password => 'whatever' }), '200 changed', 'and minds none');
    is($h->sql_value("SELECT COUNT(*) FROM outbox WHERE data LIKE '%old_password%' OR data LIKE '%whatever%'"), 0, 'no event tells it');
    is($h->post('/store/customers/me', as_bearer(token_for($h, $c)), json => { password => 'a new one' })->{status}, 400, 'a bearer token is no better');
    my $xml = $h->request('POST', '/store/customers/me', body => "<customer_changes><password>by xml</password><old_password>$c->{password}</old_password></customer_changes>",
        headers => { Cookie => $c->{cookie}, 'Content-Type' => 'application/xml' });
    is($xml->{status}, 200, 'in XML too') or diag $xml->{body};
    is(sign_in($h, $c, password => 'by xml')->{status}, 200, 'is the password');
};

subtest 'where it is not asked for' => sub {
    my $c = new_customer($h);
    my @host = (Host => 'lenient.example');
    is(change($c, { first_name => 'A', old_password => 'x' }, @host), '400 {"type":"invalid_data","message":"property old_password should not exist"}', 'old_password is no field');
    is(change($c, { password => 'horse of today', email => new_email() }, @host), '200 changed', 'as with Medusa');
};

# What was found to be confirmed, or to need no password, is not so any more once the row is locked: another client was faster.
subtest 'a change meanwhile' => sub {
    my $c = new_customer($h);
    my $other = new_email();
    my %case = (password_hash => ['of the rival', { password => 'too late', old_password => $c->{password} }], email => [$other, { email => $c->{email}, first_name => 'Back' }]);
    for my $column (sort keys %case) {
        my ($value, $body) = @{ $case{$column} };
        my $rival = MedusaStore::Database::Session->new($ENV{MS_TEST_SOCKET}, $h->{database});
        $rival->run('BEGIN');
        $rival->run("UPDATE customer SET $column = '$value' WHERE id = '$c->{id}'");
        my $crowd = MedusaStore::Crowd->start(1, sub { return change($c, $body) });
        $rival->await_waits(1, 200);
        $rival->run('COMMIT');
        $rival->end;
        like(($crowd->end)[0], qr/^409 /, "$column: the request lost");
        is($h->sql_value("SELECT $column FROM customer WHERE id = '$c->{id}'"), $value, 'and changed nothing');
        $h->sql("UPDATE customer SET email = '$c->{email}' WHERE id = '$c->{id}'");
    }
};

# Statuses of answers, as in "400 400 429".
sub statuses { return join ' ', map { s/ .*//r } @_ }

subtest 'guessing' => sub {
    my $c = new_customer($h);
    my $thief = { %$c, cookie => cookie_of(sign_in($h, $c)) };
    my @host = (Host => 'strict.example');
    is(statuses(map { change($thief, { password => 'taken over', old_password => "guess $_" }, @host) } 1 .. 12), join(' ', (400) x 10, 429, 429), 'ten wrong ones, then too many');
    is(change($thief, { password => 'taken over', old_password => $c->{password} }, @host) =~ s/ .*//r, 429, 'even a right one');
    is(change($thief, { first_name => 'Bea' }, @host), '200 changed', 'what needs no password goes on');
    is(change($c, { password => 'of the owner', old_password => $c->{password} }, @host), '200 changed', 'another session of theirs is not concerned, and can change it');
    is(sign_in($h, $c, password => 'of the owner')->{status}, 200, 'nor are sign-ins');
    is($h->get('/store/auth', as_cookie($thief->{cookie}))->{status}, 401, 'which ends the session that guessed');
};

subtest 'where nothing is asked for, nothing is counted by session' => sub {
    my ($c, $taken) = (new_customer($h), new_customer($h));
    my @host = (Host => 'lenient.example');
    is(statuses(map { change($c, { email => $taken->{email} }, @host) } 1 .. 12), join(' ', (422) x 12), 'e-mails that are taken');
};

$h->allow_log('MS0009');    # too many tries
rows_are_secret($h)->stop;
done_testing;
