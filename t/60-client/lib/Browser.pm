package Browser;

# Headless Chromium, as far as browser.t needs it: driven by chromedriver with W3C WebDriver, which is JSON over HTTP.
#
#     my $b = Browser->new;
#     $b->go('http://localhost:8000/page.html');
#     $b->run('return (await fetch(args[0])).status', $url);    # JavaScript in the page; its value
#     $b->quit;

use strict;
use warnings;

use Carp qw(croak);
use IO::Select;
use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

use MedusaStore::Client;
use Storefront qw(scratch_folder);

my $PATIENCE = 30;    # seconds for anything

# --no-sandbox: root, and machines without user namespaces, can have none. The page under test is ours, and nothing but
# this machine can be reached.
my @ARGUMENTS = ('--headless=new', '--remote-debugging-pipe', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--no-proxy-server',
    '--disable-background-networking', '--disable-component-update', '--disable-sync', '--disable-extensions',
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1');

# Debian's Chromium refuses the cookies of other sites unless told otherwise; whether ours would pass is to be seen.
my %PREFERENCES = ('profile.cookie_controls_mode' => 0, 'profile.block_third_party_cookies' => JSON::PP::false);

my @running;

sub new {
    my ($class) = @_;
    my $self = bless { folder => scratch_folder('browser'), owner => $$ }, $class;
    push @running, $self;
    $self->_start_driver;
    my $value = $self->_call(POST => '', { capabilities => { alwaysMatch => {
        'goog:chromeOptions' => { args => [@ARGUMENTS, "--user-data-dir=$self->{folder}/profile"], prefs => \%PREFERENCES },
'goog:loggingPrefs' => { browser => 'ALL' },
        timeouts => { script => 1000 * $PATIENCE, pageLoad => 1000 * $PATIENCE },
    } } });
    $self->{session} = $value->{sessionId};
    $self->{version} = $value->{capabilities}{browserVersion};
    $self->_note_pid(browser => $value->{capabilities}{'goog:processID'});
    return $self;
}

sub _start_driver {
    my ($self) = @_;
    my $folder = $self->{folder};
    my $pid = open(my $out, '-|') // croak "fork: $!";
    if (!$pid) {
        # all that they write, crash reports and sockets included, goes below the folder
        @ENV{qw(HOME XDG_CONFIG_HOME XDG_CACHE_HOME TMPDIR)} = ($folder) x 4;
        delete @ENV{qw(LD_PRELOAD DISPLAY)};
        open STDIN,  '<', '/dev/null';
        open STDERR, '>', "$folder/stderr.log";
        { exec 'chromedriver', '--port=0', "--log-path=$folder/chromedriver.log" }
        POSIX::_exit(127);
    }
    $self->_note_pid(driver => $pid);
    $self->{out} = $out;
    my ($said, $port) = ('');
    until (($port) = $said =~ /started successfully on port (\d+)/) {
        IO::Select->new($out)->can_read($PATIENCE) && sysread($out, $said, 4096, length $said)
            or croak "chromedriver does not start: $said" . _text_of("$folder/stderr.log");
    }
    $self->{client} = MedusaStore::Client->new(port => $port, timeout => 2 * $PATIENCE);
    return;
}

# scripts/test ends what a killed test leaves behind: processes in .pid files that name the scratch folder.
sub _note_pid {
    my ($self, $name, $pid) = @_;
    $self->{$name} = $pid or return;
    open my $file, '>', "$self->{folder}/$name.pid" or croak "$name.pid: $!";
    print {$file} $pid;
    close $file;
    return;
}

sub _text_of {
    my ($path) = @_;
    open my $in, '<', $path or return '';
    local $/;
    return <$in> // '';
}

sub _call {
    my ($self, $method, $what, $body) = @_;
    my $path = defined $self->{session} ? "/session/$self->{session}$what" : '/session';
    my $answer = $self->{client}->request($method, $path, defined $body ? (json => $body) : ());
    my $value = $answer->{json}{value};
    return $value if $answer->{status} == 200;
    my $why = ref $value eq 'HASH' ? "$value->{error}: $value->{message}" : $answer->{body};
    croak "WebDriver $method $what: $why" . (defined $self->{session} ? '' : _text_of("$self->{folder}/stderr.log"));
}

sub go { my ($self, $url) = @_; $self->_call(POST => '/url', { url => $url }); return $self }

# Run the body of an async JavaScript function in the page, with `args`; its value. Dies as it throws.
sub run {
    my ($self, $code, @args) = @_;
    my $script = <<"JS";
const args = arguments[0], done = arguments[1];
(async () => { $code })().then(value => done({ value }), error => done({ error: String(error) }));
JS
    my $result = $self->_call(POST => '/execute/async', { script => $script, args => [\@args] });
    croak "in the page: $result->{error}" if defined $result->{error};
    return $result->{value};
}

# Like run, for what leaves the page: waits until the next page is there. Its address, HTTP status and text.
sub run_and_leave {
    my ($self, $code, @args) = @_;
    $self->run("window.stillHere = true; const go = async () => { $code }; setTimeout(go, 0)", @args);
    my $end = time + $PATIENCE;
    while (time < $end) {
        my $page = eval { $self->run(<<'JS') };
const entry = performance.getEntriesByType('navigation')[0];
return window.stillHere || document.readyState !== 'complete' ? null
    : { url: location.href, status: entry && entry.responseStatus, text: document.body ? document.body.innerText : '' };
JS
        return $page if $page;
        sleep 0.05;
    }
    croak 'the page did not leave';
}

# Give the page a width and height of its own, in pixels; of a phone, if `mobile` says so.
sub resize {
    my ($self, $width, $height, $mobile) = @_;
    $self->_devtools('Emulation.setDeviceMetricsOverride', { width => $width, height => $height, deviceScaleFactor => 1,
        mobile => $mobile ? JSON::PP::true : JSON::PP::false });
    return $self;
}

# The colours that the user prefers: 'light' or 'dark'.
sub prefer {
    my ($self, $colours) = @_;
    $self->_devtools('Emulation.setEmulatedMedia', { features => [{ name => 'prefers-color-scheme', value => $colours }] });
    return $self;
}

sub _devtools {
    my ($self, $command, $parameters) = @_;
    return $self->_call(POST => '/goog/cdp/execute', { cmd => $command, params => $parameters });
}

# What the console was told since the last call, violations of a security policy included; one text a line.
sub console {
    my ($self) = @_;
    return map { "$_->{level} $_->{source}: $_->{message}" } @{ $self->_call(POST => '/se/log', { type => 'browser' }) };
}

# The page as a PNG, all of it; for people who want to look.
sub screenshot {
    my ($self, $file) = @_;
    my $image = $self->_devtools('Page.captureScreenshot', { captureBeyondViewport => JSON::PP::true });
    open my $out, '>:raw', $file or croak "$file: $!";
    print {$out} decode_base64($image->{data});
    close $out or croak "$file: $!";
    return;
}

# The browser's cookies of the page's host, HttpOnly ones too, by name: { value, httpOnly, secure, sameSite, … }.
sub cookies {
    my ($self) = @_;
    return { map { $_->{name} => $_ } @{ $self->_call(GET => '/cookie') } };
}

sub forget_cookies { my ($self) = @_; $self->_call(DELETE => '/cookie'); return }

sub quit {
    my ($self) = @_;
    return if $self->{ended}++ || $$ != $self->{owner};
    eval { $self->_call(DELETE => '') } if defined $self->{session};
    if ($self->{driver}) {
        kill 'TERM', $self->{driver};
        kill 'KILL', $self->{driver} unless _ends($self->{driver});
        waitpid $self->{driver}, 0;
    }
    kill 'KILL', $self->{browser} if $self->{browser} && _text_of("/proc/$self->{browser}/cmdline") =~ /\Q$self->{folder}\E/;
    return;
}

sub _ends {
    my ($pid) = @_;
    for (1 .. 100) {
        return 1 if waitpid($pid, WNOHANG) == $pid;
        sleep 0.05;
    }
    return 0;
}

END {
    local $?;
    $_->quit for @running;
}

1;
