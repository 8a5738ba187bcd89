# medusa.sh: the real Medusa v1, from npm, on a private PostgreSQL. Sourced by bench/peer.
#
# Expects: scratch, build; medusa_processes. Sets medusa_url, medusa_pids (node), pg_pid. Started by root, both run as the user postgres.
# Medusa is what its starter makes of it, less the admin pages (see ../medusa/medusa-config.js); PostgreSQL has the memory that MariaDB has.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154

medusa_url='' medusa_pids=() pg_pid='' pg_port='' medusa_hash=''
MEDUSA_START_TRIES=1200 # tenths of a second; the first start reads thousands of files

# What a command begins with that must not be root's.
as_postgres() {
    AS_POSTGRES=(env HOME="$scratch/medusa")
    if is_root; then AS_POSTGRES=(setpriv --reuid=postgres --regid=postgres --init-groups "${AS_POSTGRES[@]}"); fi
}

# The folder of PostgreSQL's programs: not in PATH on Debian.
pg_bin() { find /usr/lib/postgresql -path '*/bin/postgres' 2> /dev/null | sort -V | tail -n 1 | xargs -r dirname; }

# npm's packages, once for each change of the lock file. No script of a package is run, and no network is asked for what npm has kept.
install_medusa() {
    local folder=$build/medusa
    command -v node > /dev/null || fail "node is missing"
    mkdir -p "$folder"
    ! cmp -s "$here/bench/medusa/package-lock.json" "$folder/installed" || return 0
    progress "installing Medusa …"
    cp "$here/bench/medusa/package.json" "$here/bench/medusa/package-lock.json" "$folder/"
    (cd "$folder" && bounded 900 npm ci --legacy-peer-deps --ignore-scripts --prefer-offline --no-audit --no-fund --no-update-notifier --loglevel=error) \
        > "$folder/npm.log" 2>&1 || fail "npm can't install Medusa: $(tail -n 1 "$folder/npm.log") (all of it: $folder/npm.log)"
    chmod -R a+rX "$folder"
    cp "$folder/package-lock.json" "$folder/installed"
}

start_postgres() {
    local bin
    bin=$(pg_bin)
    [ -n "$bin" ] || fail "PostgreSQL is missing"
    mkdir -p "$scratch/medusa"
    ! is_root || chown postgres: "$scratch/medusa"
    as_postgres
    "${AS_POSTGRES[@]}" "$bin/initdb" -D "$scratch/medusa/pg" -U medusa --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync > "$scratch/medusa.log" 2>&1 ||
        fail "can't make a database: $(tail -n 1 "$scratch/medusa.log")"
    pg_port=$(free_port)
    "${AS_POSTGRES[@]}" setsid "$bin/postgres" -D "$scratch/medusa/pg" -k '' -c listen_addresses=127.0.0.1 -p "$pg_port" -c "shared_buffers=${DB_BUFFER}B" \
        < /dev/null >> "$scratch/medusa.log" 2>&1 &
    pg_pid=$!
    until pg -d postgres -c 'CREATE DATABASE medusa' > /dev/null 2>&1; do
        kill -0 "$pg_pid" 2> /dev/null || fail "PostgreSQL did not start: $(tail -n 1 "$scratch/medusa.log")"
        sleep 0.1
    done
}

pg() { psql -X -q -A -t -h 127.0.0.1 -p "$pg_port" -U medusa "$@"; }
pg_sql() { pg -d medusa -v ON_ERROR_STOP=1 -c "$1" > /dev/null; }

# One of Medusa's own commands, as production runs it, in the place of this shell.
become_medusa() {
    cd "$scratch/medusa"
    exec "${AS_POSTGRES[@]}" NODE_ENV=production MEDUSA_DISABLE_TELEMETRY=true DATABASE_URL="postgres://medusa@127.0.0.1:$pg_port/medusa" \
        JWT_SECRET="$JWT_SECRET" COOKIE_SECRET="$JWT_SECRET" node "$scratch/medusa/node_modules/@medusajs/medusa/cli.js" "$@"
}

migrate_medusa() {
    JWT_SECRET=$(random_hex 32)
    export JWT_SECRET
    ln -sfn "$build/medusa/node_modules" "$scratch/medusa/node_modules"
    cp "$here/bench/medusa/package.json" "$here/bench/medusa/medusa-config.js" "$here/bench/medusa/targets.js" "$scratch/medusa/"
    ! is_root || can_reach postgres "$build/medusa/node_modules" ||
        fail "the user postgres can't get into $(barrier_of postgres "$build/medusa/node_modules")"
    (become_medusa migrations run) > "$scratch/medusa.log" 2>&1 || fail "Medusa's migrations fail: $(tail -n 1 "$scratch/medusa.log")"
}

# As one process, or as its cluster mode has them.
start_medusa() {
    local tries=$MEDUSA_START_TRIES port workers=() command=(start)
    port=$(free_port)
    [ "$medusa_processes" -eq 1 ] || command=(start-cluster --cpus "$medusa_processes")
    (become_medusa "${command[@]}" --port "$port" < /dev/null > "$scratch/medusa.log" 2>&1) &
    medusa_pids=($!)
    medusa_url=http://127.0.0.1:$port
    until [ "$(perl -MHTTP::Tiny -e 'print HTTP::Tiny->new(timeout => 5)->get("$ARGV[0]/store/auth")->{status}' "$medusa_url")" = 401 ]; do
        kill -0 "${medusa_pids[0]}" 2> /dev/null || fail "Medusa does not start: $(grep -v '"info"' "$scratch/medusa.log" | tail -n 1)"
        [ $((tries -= 1)) -gt 0 ] || fail "Medusa does not answer"
        sleep 0.1
    done
    [ "$medusa_processes" -eq 1 ] || read -r -a workers < <(cat "/proc/${medusa_pids[0]}/task/"*/children; echo)
    medusa_pids+=("${workers[@]}")
}

# The same people as the shop's: fill_medusa CUSTOMERS ADDRESSES_OF_EACH HOW_MANY
fill_medusa() {
    medusa_hash=$(cd "$scratch/medusa" && node targets.js hash "$PASSWORD")
    "$tools/people" customers "$1" "$PEOPLE_SEED" "$medusa_hash" 2> /dev/null | pg -d medusa -c "COPY customer ($(people_columns customers)) FROM STDIN"
    "$tools/people" addresses "$1" "$PEOPLE_SEED" "$2" 2> /dev/null | pg -d medusa -c "COPY address ($(people_columns addresses)) FROM STDIN"
    pg_sql 'ANALYZE'
    renew_medusa_targets "$@"
}

renew_medusa_targets() {
    "$tools/people" targets "$1" "$PEOPLE_SEED" "$2" "$3" | (cd "$scratch/medusa" && PASSWORD_HASH=$medusa_hash node targets.js) > "$scratch/medusa.targets"
}

# Measure Medusa from here on, as use_shop does with a shop.
use_medusa() {
    shop=medusa url=$medusa_url
    httpd_pids=("${medusa_pids[@]}") db_pid=$pg_pid
}

end_others() {
    local pid
    for pid in "${medusa_pids[@]}"; do end_process "$pid" "$scratch/medusa/" 5; done
    if [ -n "$pg_pid" ]; then
        kill -INT "$pg_pid" 2> /dev/null || true # a fast end, whoever is connected
        wait "$pg_pid" 2> /dev/null || true
    fi
}
