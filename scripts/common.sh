# common.sh: words for the user and small checks. Sourced by ./run, ./check and the scripts beside it.
# shellcheck shell=bash
# shellcheck disable=SC2034 # names for those who source this

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin # a normal user's lacks the servers


# One line of progress.
say() { printf '%s\n' "$*"; }

# One clear line, and the end. The caller's EXIT trap cleans up.
fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# Random bytes as hex digits: random_hex BYTES
random_hex() { od -An -v -tx1 -N "$1" /dev/urandom | tr -d ' \n'; }

# A port of the loopback address that is free now.
free_port() {
    perl -MIO::Socket::INET -e '
        my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => 0) or die "no free port: $!\n";
        print $s->sockport'
}

# Can this port of the loopback address be listened on?
port_is_free() {
    perl -MIO::Socket::INET -e '
        exit !IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1", LocalPort => shift, ReuseAddr => 1)' "$1"
}

# Is process PID alive, and WORD one of its arguments (or a part of one)? Keeps us from ending a stranger: process_is PID WORD
process_is() {
    [[ "$1" =~ ^[0-9]+$ ]] && [ -r "/proc/$1/cmdline" ] && tr '\0' '\n' < "/proc/$1/cmdline" 2>/dev/null | grep -qF -- "$2"
}

# The pid in FILE if it is alive and has WORD among its arguments; else nothing: pid_of FILE WORD
pid_of() {
    local pid
    pid=$(cat "$1" 2>/dev/null) || return 1
    process_is "$pid" "$2" || return 1
    printf '%s' "$pid"
}

# TERM a process that has WORD among its arguments and wait for its end; KILL after SECONDS: end_process PID WORD SECONDS
end_process() {
    local pid=$1 word=$2 tries=$(($3 * 10))
    process_is "$pid" "$word" || return 0
    kill -TERM "$pid" 2>/dev/null || return 0
    while process_is "$pid" "$word"; do
        if [ $((tries -= 1)) -lt 0 ]; then
            kill -KILL "$pid" 2>/dev/null || true
            return 0
        fi
        sleep 0.1
    done
}

# Free room of a folder in MiB.
room_of() { df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }'; }

# Can USER step into every folder above PATH? Only root can find out, and only root runs servers as others: can_reach USER PATH
can_reach() { setpriv --reuid="$1" --regid="$1" --clear-groups test -x "$2"; }

# The first folder on the way to PATH that USER can't step into: barrier_of USER PATH
barrier_of() {
    local dir=$2 first=$2
    while [ "$dir" != / ]; do
        can_reach "$1" "$dir" || first=$dir
        dir=$(dirname "$dir")
    done
    printf '%s' "$first"
}
