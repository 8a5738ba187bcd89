# shop.sh: private shops to measure, each a ./run in a folder below scratch. Sourced.
#
# Needs process.sh, tools.sh and people.sh. use_shop NAME sets url, port, socket, db_pid and httpd_pids to one of them; its targets
# (customers who are signed in) are in the file $scratch/NAME.targets.
# shellcheck shell=bash
# shellcheck disable=SC2034

url='' port='' socket='' db_pid='' httpd_pids=() shop=''
CHILDREN=5 THREADS=64 # of httpd; none starts or ends while we measure
DB_MAX=4 # connections of a child to the database: some twenty in all (OPERATIONS, "Scaling")
DB_THREADS=$((($(nproc) + 1) / 2)) # of MariaDB, which shares the processors with httpd and the load (OPERATIONS, "Scaling")

# Throttling counts, but refuses nothing of what we measure: all requests come from one address, and few customers have many turns.
lenient_throttle() { printf 'MedusaStoreThrottleLimit %s 100/1s\n' 'SignIn Account' 'SignIn Both' 'ResetMail Account' 'ResetMail Both'; }

# httpd's configuration beside what ./run writes; the database shares the processors (OPERATIONS, "Scaling"); more of it from stdin: make_conf NAME
make_conf() {
    cat > "$scratch/$1.conf" << CONF
StartServers $CHILDREN
ServerLimit $CHILDREN
ThreadLimit $THREADS
ThreadsPerChild $THREADS
MaxRequestWorkers $((CHILDREN * THREADS))
MinSpareThreads 1
MaxSpareThreads $((CHILDREN * THREADS))
AsyncRequestWorkerFactor 16
MedusaStoreDBMax $DB_MAX
KeepAliveTimeout 300
LoadModule bench_module "$tools/mod_bench.so"
BenchPlans "$scratch/$1.plans"
BenchParams "$scratch/$1/db-params"
<Location "/bench">
    Require all granted
</Location>
<Location "/bench/bare">
    SetHandler bench-bare
</Location>
<Location "/bench/constant">
    SetHandler bench-constant
</Location>
$(lenient_throttle)
CONF
    cat >> "$scratch/$1.conf"
    mkdir -p "$scratch/$1.plans"
}

# Start, or start again: serve NAME
serve() {
    [[ " ${shops[*]} " = *" $1 "* ]] || shops+=("$1")
    DB_OPTIONS="--thread-handling=pool-of-threads --thread-pool-size=$DB_THREADS" DB_BUFFER=${DB_BUFFER:-256M} DB_CONNECTIONS=1000 TMPDIR=$scratch MS_RUN_BUILD=$build bounded 120 "$here/run" --daemon --port 0 --state "$scratch/$1" \
        --conf "$scratch/$1.conf" > "$scratch/$1.log" 2>&1 || fail "the shop does not start: $(tail -n 1 "$scratch/$1.log")"
    use_shop "$1"
}

end_shop() { "$here/run" --stop --state "$scratch/$1" > "$scratch/$1.log" 2>&1 || fail "the shop does not end: $(tail -n 1 "$scratch/$1.log")"; }

use_shop() {
    shop=$1
    url=$(sed 's|/store$||' "$scratch/$1/url")
    port=${url##*:}
    socket=$(readlink -f "$scratch/$1/db.sock")
    db_pid=$(cat "$scratch/$1/db.pid")
    find_children
}

# The children of httpd, when all are there; and none of those whose pids are given: find_children [PID…]
find_children() {
    local httpd_pid old=" $* " pid tries=600
    httpd_pid=$(cat "$scratch/$shop/httpd.pid")
    while [ $((tries -= 1)) -gt 0 ]; do
        read -r -a httpd_pids < <(cat "/proc/$httpd_pid/task/$httpd_pid/children"; echo)
        for pid in "${httpd_pids[@]}"; do
            [[ $old != *" $pid "* ]] || httpd_pids=()
        done
        [ "${#httpd_pids[@]}" -ne "$CHILDREN" ] || return 0
        sleep 0.1
    done
    fail "httpd $httpd_pid has not the $CHILDREN children that it should have, but: $(cat "/proc/$httpd_pid/task/$httpd_pid/children"); before: $*"
}

# New children, with new connections to the database.
renew_children() {
    kill -USR1 "$(cat "$scratch/$shop/httpd.pid")"
    find_children "${httpd_pids[@]}"
}

# Customers, and some of them signed in: fill_shop CUSTOMERS ADDRESSES_OF_EACH HOW_MANY
fill_shop() {
    progress "$shop: $1 customers with $2 addresses each"
    populate "$socket" medusa "$scratch/$shop" "$1" "$2"
    sign_in_some "$socket" medusa "$scratch/$shop/secret" "$1" "$2" "$3" "$scratch/$shop.targets"
}

# What httpd or the module calls an error is none of what should be measured: check_log NAME
check_log() {
    local line
    line=$(grep -m 1 -E ':(emerg|alert|crit|error)\]' "$scratch/$1/logs/error.log") || return 0
    fail "httpd's error log is not clean; its first line: $line"
}

sql() { db_sql "$socket" medusa <<< "$1"; }
