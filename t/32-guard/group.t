# Require medusa-group: groups by their exact names; and what rules make of it together with others.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;

use MedusaStore::Accounts qw(new_customer token_for as_cookie as_bearer rows_are_secret);
use MedusaStore::Harness;

# place => what stands in it
my %rules = (
    vip      => 'Require medusa-group vip',
    several  => 'Require medusa-group staff "Gold members" vip',
    cases    => 'Require medusa-group VIP vip',
    gold     => 'Require medusa-group "Gold members"',
    blocked  => "<RequireAll>\nRequire all granted\nRequire not medusa-group blocked\n</RequireAll>",
    strangers => "<RequireAll>\nRequire all granted\n<RequireNone>\nRequire medusa-customer\n</RequireNone>\n</RequireAll>",
    both     => "<RequireAll>\nRequire medusa-group vip\nRequire medusa-group staff\n</RequireAll>",
    optional => "Require medusa-customer\nRequire all granted",
    never    => "<RequireAll>\nRequire all denied\nRequire medusa-customer\n</RequireAll>",
    method   => "Require method OPTIONS\nRequire medusa-customer",
    writes   => "<LimitExcept GET HEAD>\nRequire medusa-group staff\n</LimitExcept>",
    alias    => 'Require members',
    either   => "AuthType Basic\nAuthName staff\nAuthBasicProvider file\nAuthUserFile passwords\nRequire valid-user\nRequire medusa-group vip",
    user     => "AuthType Medusa\nAuthName club\nRequire user cus_nobody",
    clerks   => "AuthType Basic\nAuthName staff\nAuthBasicProvider file\nAuthUserFile passwords\nRequire valid-user",
    'clerks/customers' => "AuthType None\nRequire medusa-customer",
    two      => "AuthType Basic\nAuthName staff\nAuthBasicProvider file\nAuthUserFile passwords\n"
        . "<RequireAll>\nRequire medusa-customer\nRequire valid-user\n</RequireAll>",
);
my $h = MedusaStore::Harness->new(modules => [qw(authz_user authn_file auth_basic)], start => 0);
$h->{main} = "<AuthzProviderAlias medusa-group members '\"Gold members\"'>\n</AuthzProviderAlias>\n";
$h->{conf} = join '', map { qq(<Location "/$_">\n$rules{$_}\n</Location>\n) } sort keys %rules;
mkdir "$h->{root}/htdocs/$_" for sort keys %rules;
$h->write_file("htdocs/$_/x", "$_\n") for keys %rules;
$h->write_file('passwords', "clerk:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n");    # password
$h->start;
$h->allow_log('AH01630', qr/client denied by server configuration/);          # httpd's own words for 403

my %person = map { $_ => new_customer($h) } qw(vip gold staff blocked plain);
sub group {
    my ($id, $name, @members) = @_;
    $h->sql("INSERT INTO customer_group (id, name, created_at, updated_at) VALUES ('cgrp_$id', '$name', now(3), now(3))");
    $h->sql("INSERT INTO customer_group_customers VALUES ('cgrp_$id', '$person{$_}{id}')") for @members;
    return;
}
group('1', 'vip', 'vip', 'staff');
group('2', 'Gold members', 'gold');
group('3', 'staff', 'staff');
group('4', 'blocked', 'blocked');

# Status of a place for each person.
sub seen_by {
    my ($place, @names) = @_;
    return join ' ', map { "$_:" . $h->get("/$place/x", $person{$_} ? as_cookie($person{$_}{cookie}) : ())->{status} } @names;
}

subtest 'groups' => sub {
    is(seen_by(vip => qw(vip staff gold plain nobody)), 'vip:200 staff:200 gold:403 plain:403 nobody:401', 'one group');
    is(seen_by(several => qw(vip gold staff plain nobody)), 'vip:200 gold:200 staff:200 plain:403 nobody:401', 'any of several');
    is(seen_by(gold => qw(gold vip nobody)), 'gold:200 vip:403 nobody:401', 'a name with a blank');
    is(seen_by(cases => qw(vip plain)), 'vip:200 plain:403', 'two that differ by case');
    is(seen_by(both => qw(staff vip plain nobody)), 'staff:200 vip:403 plain:403 nobody:401', 'two at once');
    is(seen_by(alias => qw(gold vip nobody)), 'gold:200 vip:403 nobody:401', 'by an alias');
    my $token = token_for($h, $person{vip});
    is($h->get('/vip/x', as_bearer($token))->{status}, 200, 'by token');
    my $r = $h->get('/vip/x', as_cookie($person{plain}{cookie}));
    is($r->{headers}{'cache-control'}, 'private', 'a refusal is theirs alone, too');
    is($r->{headers}{'www-authenticate'}, undef, 'signing in is no help');
};

subtest 'names are exact' => sub {
    $h->sql("UPDATE customer_group SET name = 'VIP' WHERE id = 'cgrp_1'");
    is(seen_by(vip => 'vip'), 'vip:403', 'case counts');
    $h->sql("UPDATE customer_group SET name = 'vip ' WHERE id = 'cgrp_1'");
    is(seen_by(vip => 'vip'), 'vip:403', 'and so does a blank at the end');
    $h->sql("UPDATE customer_group SET name = 'vip' WHERE id = 'cgrp_1'");
    is(seen_by(vip => 'vip'), 'vip:200', 'this is it');
    $h->sql("UPDATE customer_group SET deleted_at = now(3) WHERE id = 'cgrp_1'");
    is(seen_by(vip => 'vip'), 'vip:403', 'a deleted group has no members');
    group('5', 'vip', 'plain');
    is(seen_by(vip => qw(vip plain)), 'vip:403 plain:200', 'but its successor may');
    $h->sql("DELETE FROM customer_group WHERE id = 'cgrp_5'");
    $h->sql("UPDATE customer_group SET deleted_at = NULL WHERE id = 'cgrp_1'");
    $h->sql("DELETE FROM customer_group_customers WHERE customer_id = '$person{staff}{id}' AND customer_group_id = 'cgrp_1'");
    is(seen_by(vip => qw(vip staff)), 'vip:200 staff:403', 'who leaves is out at once');
};

subtest 'rules' => sub {
    is(seen_by(blocked => qw(plain nobody blocked)), 'plain:200 nobody:200 blocked:403', 'not: all but those');
    is(seen_by(strangers => qw(nobody plain)), 'nobody:200 plain:403', 'none: strangers only');
    is(seen_by(optional => qw(nobody plain)), 'nobody:200 plain:200', 'any: everybody');
    is(seen_by(never => qw(nobody plain)), 'nobody:403 plain:403', 'all: a no stays a no');
    is($h->options('/method/x')->{status}, 200, 'a method that is let in');
    is(seen_by(method => qw(nobody plain)), 'nobody:401 plain:200', 'lets no other in');
    is(seen_by(writes => qw(nobody plain)), 'nobody:200 plain:200', 'Limit: reading is free');
    is($h->put('/writes/x', body => '')->{status}, 401, 'writing is not');
    is($h->put('/writes/x', body => '', as_cookie($person{plain}{cookie}))->{status}, 403, 'for all');
    is($h->put('/writes/x', body => '', as_cookie($person{staff}{cookie}))->{status}, 405, 'but for some');
};

sub clerk { my (%more) = @_; return (headers => { Authorization => 'Basic ' . encode_base64("clerk:$_[-1]", ''), %more }) }

subtest 'beside passwords of httpd' => sub {
    my %good = (Authorization => 'Basic ' . encode_base64('clerk:password', ''));
    my %bad  = (Authorization => 'Basic ' . encode_base64('clerk:wrong', ''));
    $h->allow_log('AH01617', qr/authentication failure/);
    my $r = $h->get('/either/x');
    is($r->{status}, 401, 'either: nobody');
    is($r->{headers}{'www-authenticate'}, 'Basic realm="staff"', 'is asked for the password');
    is($h->get('/either/x', headers => \%good)->{status}, 200, 'which lets in');
    is($h->get('/either/x', headers => \%bad)->{status}, 401, 'if it is right');
    is(seen_by(either => qw(vip)), 'vip:200', 'and so does the group');
    $r = $h->get('/either/x', as_cookie($person{plain}{cookie}));
    is("$r->{status} $r->{headers}{'www-authenticate'}", '401 Basic realm="staff"', 'who is not in it may still have a password');
    is($h->get('/either/x', headers => { %good, Cookie => $person{plain}{cookie} })->{status}, 200, 'that lets them in');

    is($h->get('/two/x', headers => { %good, Cookie => $person{plain}{cookie} })->{status}, 200, 'both: with both');
    $r = $h->get('/two/x', as_cookie($person{plain}{cookie}));
    is("$r->{status} $r->{headers}{'www-authenticate'}", '401 Basic realm="staff"', 'a customer needs the password');
    $h->expect_log('AH01629', qr/authorization failure \(no authenticated user\)/);
    $r = $h->get('/two/x', headers => \%good);
    is("$r->{status} $r->{headers}{'www-authenticate'}", '401 Bearer realm="staff"', 'a password needs the customer');
    is($r->{body}, 'Unauthorized', 'and is told in the same words');
};

subtest 'AuthType' => sub {
    is($h->get('/clerks/customers/x')->{headers}{'www-authenticate'}, 'Bearer realm="staff"', 'None: an inherited sign-in does not count');
    is(seen_by('clerks/customers' => qw(plain nobody)), 'plain:200 nobody:401', 'only customers do');
    is(seen_by(clerks => 'plain'), 'plain:401', 'who are not clerks');
    $h->expect_log('AH01631', qr/user $person{plain}{id}: authorization failure/, 1);
    my $r = $h->get('/user/x', as_cookie($person{plain}{cookie}));
    is("$r->{status} $r->{headers}{'www-authenticate'}", '401 Bearer realm="club"', 'Medusa: users are customers, and may be asked to be others');
    is($h->get('/user/x')->{status}, 401, 'or somebody at all');
    mkdir "$h->{root}/htdocs/one";
    $h->write_file('htdocs/one/x', 'x');
    $h->write_file('htdocs/one/.htaccess', "AuthType Medusa\nRequire user $person{gold}{id}\n");
    is(seen_by(one => qw(gold nobody)), 'gold:200 nobody:401', 'one of them');
};

rows_are_secret($h)->stop;
done_testing;
