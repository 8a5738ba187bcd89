# process.sh: what a measurement starts, and that it is ended: by pid, whatever happens. Sourced.
#
# Expects: here; scratch, a folder of the measurement's own, made by make_scratch. Needs scripts/common.sh.
# shellcheck shell=bash

progress() { printf '%s\n' "$*" >&2; }

children=() # running now
shops=()    # folders below scratch that ./run serves from

# Run a command, at most SECONDS long, so that a signal to us ends it at once: bounded SECONDS COMMAND…
bounded() {
    local status=0
    start_bounded "$@"
    wait "${children[-1]}" || status=$?
    unset 'children[-1]'
    return "$status"
}

# The same, but come back at once; end_children waits for it: start_bounded SECONDS COMMAND…
start_bounded() {
    timeout --kill-after=5 "$@" <&0 &
    children+=($!)
}

# Wait for all that were started; the first failure's status.
await_children() {
    local status=0 pid
    for pid in "${children[@]}"; do
        wait "$pid" || status=$?
    done
    children=()
    return "$status"
}

end_children() {
    local pid
    for pid in "${children[@]}"; do kill -TERM "$pid" 2> /dev/null || true; done
    for pid in "${children[@]}"; do wait "$pid" 2> /dev/null || true; done
    children=()
}

# An interrupted start leaves a server that is making its first tables: it names our folder in its arguments.
end_strays() {
    local dir pid
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        if [ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ]; then end_process "$pid" "$scratch/" 10; fi
    done
}

# They may still be writing there for a moment.
remove_scratch() {
    local tries=100
    until rm -rf "$scratch" 2> /dev/null; do
        [ $((tries -= 1)) -gt 0 ] || fail "can't remove $scratch"
        sleep 0.1
    done
}

# A measurement that starts more than shops defines end_others to end it.
clean_up() {
    local status=$? shop
    trap - EXIT
    trap '' INT TERM HUP
    end_children
    if declare -F end_others > /dev/null; then end_others; fi
    if [ -n "$scratch" ]; then
        for shop in "${shops[@]}"; do
            [ ! -d "$scratch/$shop" ] || "$here/run" --stop --state "$scratch/$shop" > /dev/null 2>&1 || true
        done
        end_strays
        remove_scratch
    fi
    exit "$status"
}

# A folder that goes when we end. MariaDB and httpd run as users of their own.
make_scratch() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/ms-bench-XXXXXX")
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    chmod 0755 "$scratch"
}

# ---- options ----

# A number among the options: need_number NAME FROM TO VALUE
need_number() {
    if ! [[ $4 =~ ^[0-9]{1,8}$ ]] || [ "$4" -lt "$2" ] || [ "$4" -gt "$3" ]; then
        fail "$1 takes a number from $2 to $3"
    fi
}

need_value() { [ $# -ge 2 ] || fail "$1 needs a value (see --help)"; }
