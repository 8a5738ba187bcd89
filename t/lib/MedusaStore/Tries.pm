package MedusaStore::Tries;

# Clients with addresses of their own, who try: for the tests of t/33-throttle. httpd believes X-Forwarded-For (mod_remoteip), as it would
# behind a proxy.

use strict;
use warnings;

use Exporter qw(import);

use MedusaStore::Exposition;
use MedusaStore::Harness;

our @EXPORT_OK = qw(shop fail_as pass_as forget_mail reset_as statuses metric);

my $CONF = "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n<Location \"/metrics\">\nSetHandler medusa-store-metrics\n</Location>\n";

# A shop whose limits hold; hashes are cheap. Options as of MedusaStore::Harness.
sub shop {
    my ($limits, %option) = @_;
    my $text = join '', map { "MedusaStoreThrottleLimit $_\n" } @$limits;
    my $main = "MedusaStoreThrottle On\nMedusaStorePasswordCost 8 1\n$text" . (delete $option{main} // '');
    return MedusaStore::Harness->new(%option, modules => ['remoteip'], main => $main, conf => $CONF . ($option{conf} // ''));
}

sub _post {
    my ($h, $path, $from, $body, $headers) = @_;
    return $h->post("/store/$path", json => $body, headers => { 'X-Forwarded-For' => $from, %{ $headers || {} } });
}

# Try to sign in from an address, with a wrong password or with the right one; the answer. path: another one than "auth".
sub fail_as {
    my ($h, $from, $email, %option) = @_;
    return _post($h, $option{path} // 'auth', $from, { email => $email, password => 'wrong horse' }, $option{headers});
}

sub pass_as {
    my ($h, $from, $c, %option) = @_;
    return _post($h, $option{path} // 'auth', $from, { email => $c->{email}, password => $c->{password} }, $option{headers});
}

# Ask for a token to choose a new password; use one that is wrong.
sub forget_mail { my ($h, $from, $email) = @_; return _post($h, 'customers/password-token', $from, { email => $email }) }

sub reset_as {
    my ($h, $from, $email, $token) = @_;
    return _post($h, 'customers/password-reset', $from, { email => $email, token => $token // 'x', password => 'another horse' });
}

# "401 401 429": the statuses of answers; those that follow each other are written once: "401*2 429".
sub statuses {
    my @runs;
    for my $status (map { ref $_ ? $_->{status} : $_ } @_) {
        push @runs, [$status, 0] unless @runs && $runs[-1][0] eq $status;
        $runs[-1][1]++;
    }
    return join ' ', map { $_->[1] > 1 ? "$_->[0]*$_->[1]" : $_->[0] } @runs;
}

# The sum of a metric over the labels that are named.
sub metric {
    my ($h, $name, %label) = @_;
    return MedusaStore::Exposition->parse($h->get('/metrics')->{body})->sum("medusa_store_$name", %label);
}

1;
