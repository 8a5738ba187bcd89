# mariadb.sh: a private MariaDB: own data folder, own socket, no TCP. Sourced.
#
# It runs as the user mysql when started by root, else as the caller. The folder of the socket lets in only that user,
# the group of httpd's children, and root.
# shellcheck shell=bash
# shellcheck disable=SC2034 # names for those who source this

SOCKET_PATH_MAX=107 # bytes of sun_path, less the final NUL
HTTPD_GROUP=www-data

db_user() { if is_root; then printf mysql; else id -un; fi; }

# The option of mariadbd and mariadb-install-db that names the user; nothing for a normal user.
db_user_option() { if is_root; then printf -- '--user=mysql'; fi; }

# Give FILE… to the database's user, and to httpd's group: db_owns FILE…
db_owns() { if is_root; then chown "mysql:$HTTPD_GROUP" "$@"; fi; }

# Make the data folder DATA once: db_create DATA LOG. An interrupted attempt leaves nothing that counts.
db_create() {
    local data=$1 log=$2 links name status=0
    [ ! -d "$data" ] || return 0
    rm -rf "$data.new"
    mkdir -m 0700 "$data.new"
    db_owns "$data.new"
    # mariadb-install-db can't cope with blanks in names: it gets a link
    links=$(mktemp -d "${TMPDIR:-/tmp}/ms-XXXXXX")
    chmod 0711 "$links"
    name=$links/data
    ln -s "$data.new" "$name"
    # shellcheck disable=SC2046 # no option must be no argument
    TMPDIR=$data.new mariadb-install-db --no-defaults $(db_user_option) --datadir="$name" --skip-test-db --skip-name-resolve \
        --innodb-log-file-size=32M --auth-root-authentication-method=socket --auth-root-socket-user="$(db_user)" \
        > "$log" 2>&1 9>&- || status=$?
    rm -f "$name"
    rmdir "$links"
    [ "$status" -eq 0 ] || fail "can't make a database in $data: $(db_complaint "$log")"
    mv "$data.new" "$data"
}

# The line of MariaDB's log that tells most.
db_complaint() { { grep -E 'ERROR|FATAL|No space' "$1" || tail -n 1 "$1"; } | head -n 1; }

# db_start DATA SOCKET LOG PIDFILE: start it in a session of its own, and wait until it answers. DB_BUFFER, DB_CONNECTIONS and DB_FLUSH set
# what their names say, DB_OPTIONS adds options.
db_start() {
    local data=$1 socket=$2 log=$3 tries=600 pid
    # shellcheck disable=SC2046,SC2086 # several options
    setsid mariadbd --no-defaults $(db_user_option) --datadir="$data" --socket="$socket" --pid-file="$data/mariadbd.pid" \
        --tmpdir="$data" --skip-networking --skip-name-resolve --skip-log-bin --log-error="$log" \
        --innodb-buffer-pool-size="${DB_BUFFER:-64M}" --innodb-log-file-size=32M --innodb-flush-log-at-trx-commit="${DB_FLUSH:-1}" \
        --innodb-lock-wait-timeout=5 --max-connections="${DB_CONNECTIONS:-200}" --performance-schema=OFF --aria-pagecache-buffer-size=8M \
        --key-buffer-size=8M --character-set-server=utf8mb4 --lc-messages=en_US ${DB_OPTIONS:-} \
        < /dev/null >> "$log" 2>&1 9>&- &
    pid=$!
    printf '%s\n' "$pid" > "$4"
    until db_sql "$socket" <<< 'SELECT 1' > /dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || fail "MariaDB did not start: $(db_complaint "$log")"
        [ $((tries -= 1)) -gt 0 ] || fail "MariaDB does not answer on $socket (its log: $log)"
        sleep 0.1
    done
}

# Run SQL from stdin as the owner of the whole server: db_sql SOCKET [DATABASE]
db_sql() { mariadb --no-defaults --batch --skip-column-names --default-character-set=utf8mb4 -S "$1" -u "$(id -un)" "${@:2}"; }
