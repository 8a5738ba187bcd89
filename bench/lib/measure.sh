# measure.sh: load on a shop, and what it cost. Sourced; needs shop.sh.
#
# A measurement leaves what it found in the variables m_…; times are in microseconds.
# shellcheck shell=bash
# shellcheck disable=SC2034

m_rate='' m_p50='' m_p99='' m_errors='' m_done='' m_broken='' m_max='' m_httpd_us='' m_db_us='' m_httpd_ticks=''
runs=0      # {n} of load.lua
COOKIES=100 # customers who sign in by cookie
wrk_threads=$((($(nproc) + 3) / 4))

# Processor time that processes have taken so far, in clock ticks: ticks_of PID…
ticks_of() {
    local pid line sum=0
    for pid in "$@"; do
        line=$(cat "/proc/$pid/stat") || fail "process $pid is gone"
        read -r -a line <<< "${line##*) }"
        sum=$((sum + line[11] + line[12]))
    done
    printf '%s' "$sum"
}

# The same of a process and all that it started: PostgreSQL has a process for each connection. What ended meanwhile is its parent's.
ticks_of_tree() {
    local pid line sum=0
    read -r -a line < <(sed 's/.*) //' "/proc/$1/stat")
    sum=$((line[11] + line[12] + line[13] + line[14]))
    for pid in $(cat "/proc/$1/task/$1/children"); do
        line=$(sed 's/.*) //' "/proc/$pid/stat" 2> /dev/null) || continue
        read -r -a line <<< "$line"
        sum=$((sum + line[11] + line[12]))
    done
    printf '%s' "$sum"
}

# KiB of memory that processes have together: resident, and their share of what they have in common: memory_of PID…
memory_of() { printf '/proc/%s/smaps_rollup\n' "$@" | xargs cat 2> /dev/null | awk '$1 == "Rss:" { rss += $2 } $1 == "Pss:" { pss += $2 } END { print rss + 0, pss + 0 }'; }

# Microseconds of processor time a request: per_request TICKS REQUESTS
per_request() { awk -v t="$1" -v n="$2" -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.1f", (n ? t / hz * 1e6 / n : 0) }'; }

# Sum up a RESULT line in a file: take_result NAME FILE
take_result() {
    read -r _ m_rate m_p50 m_p99 m_errors m_done m_broken m_max < <(grep '^RESULT ' "$2") || fail "$1: no result: $(tail -n 1 "$2")"
}

# Run a command that prints a RESULT; what it cost httpd and the database, too: measure NAME SECONDS COMMAND…
measure() {
    local name=$1 httpd db
    httpd=$(ticks_of "${httpd_pids[@]}") db=$(ticks_of_tree "$db_pid")
    bounded $(($2 + 60)) "${@:3}" > "$scratch/output" 2>&1 || fail "$name: $(tail -n 1 "$scratch/output")"
    httpd=$(($(ticks_of "${httpd_pids[@]}") - httpd)) db=$(($(ticks_of_tree "$db_pid") - db))
    take_result "$name" "$scratch/output"
    m_httpd_ticks=$httpd m_httpd_us=$(per_request "$httpd" "$m_done") m_db_us=$(per_request "$db" "$m_done")
}

# wrk's arguments for a load: wrk_load OPERATIONS CONNECTIONS SECONDS; sets load
wrk_load() {
    local threads=$wrk_threads targets=$scratch/$shop.targets
    [[ $1 != *-by-cookie ]] || targets=$scratch/$shop.cookies
    [ "$threads" -le "$2" ] || threads=$2
    runs=$((runs + 1))
    load=(wrk -t "$threads" -c "$2" -d "$3s" --timeout 10s -s "$here/bench/load.lua" "$url" -- "$1" "$targets" "$runs" "$threads" 0 40000)
}

# Some customers sign in again, and get cookies: what asks by one is asked for them. They last until these get new passwords.
sign_in_by_cookie() {
    "$here/bench/client" "${url##*:}" cookies "$scratch/$shop.targets" "$COOKIES" "$PASSWORD" > "$scratch/$shop.cookies"
}

# Operations of the file operations, or "METHOD /path", by wrk: load OPERATIONS CONNECTIONS SECONDS
load() {
    local load=()
    wrk_load "$@"
    measure "$1" "$3" "${load[@]}"
}

# What was under way when a load ended is hashed to its end, which is not on the next one's account: wait until httpd rests.
settle() {
    local tries=100 before after
    after=$(ticks_of "${httpd_pids[@]}")
    while [ $((tries -= 1)) -gt 0 ]; do
        before=$after
        sleep 0.1
        after=$(ticks_of "${httpd_pids[@]}")
        [ $((after - before)) -gt 1 ] || return 0
    done
    fail "httpd is still at work 10 seconds after the load ended"
}

# ---- what the bare handler and the raw loop do ----

# Write down what operations ask the database: make_plans OPERATION…; their lengths and statements go into $scratch/SHOP.lengths.
# The general log tells it, with all values if it is on when statements are prepared; afterwards they are prepared anew, without that cost.
make_plans() {
    sql "SET GLOBAL log_output = 'FILE', general_log_file = 'bench-general.log', general_log = ON"
    renew_children
    "$here/bench/lib/plans" "$port" "$scratch/$shop/db" "$tools/statements" "$scratch/$shop.targets" "$scratch/$shop.plans" "$@" \
        > "$scratch/$shop.lengths" || fail "can't find out what the module asks the database"
    sql 'SET GLOBAL general_log = OFF'
    rm -f "$scratch/$shop/db/bench-general.log"
    renew_children
}

# How long the module's answer was: length_of OPERATION
length_of() { awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$scratch/$shop.lengths"; }

# The same statements by the bare handler: load_bare OPERATION CONNECTIONS SECONDS
load_bare() {
    local number=0
    ! grep -q '{n}' "$scratch/$shop.plans/$1" || number='{n}'
    load "GET /bench/bare/$1/$(length_of "$1")/$number?{customer}&{email}&{address}&{digest}" "$2" "$3"
    [ "$m_errors" -eq 0 ] || fail "the bare handler fails: $(grep -m 1 ' bench: ' "$scratch/$shop/logs/error.log")"
}

# And by the client library alone: load_raw OPERATION CONNECTIONS SECONDS
load_raw() {
    runs=$((runs + 1))
    measure "$1, raw" "$3" "$tools/rawloop" "$scratch/$shop.plans/$1" "$scratch/$shop/db-params" "$2" "$3" "$scratch/$shop.targets" "$runs"
}
