# shop.sh: what stands in the state folder of ./run: secrets, accounts of the database, httpd's configuration. Sourced.
#
# Expects: here, build, state, port, conf; sets socket. Files that httpd's children may read are of httpd's group; the account
# that may change tables is root's (or the caller's) alone.
# shellcheck shell=bash
# shellcheck disable=SC2154

ROOM_NEEDED=300 # MiB of a new database, its redo log and its logs

# A file that nobody else can read, and that is written whole or not at all: write_private MODE FILE < TEXT
write_private() {
    (umask 077 && cat > "$2.new")
    if is_root && [ "$1" = 0640 ]; then chgrp "$HTTPD_GROUP" "$2.new"; fi
    chmod "$1" "$2.new"
    mv "$2.new" "$2"
}

make_state() {
    local user
    mkdir -p "$state" "$state/logs" "$state/htdocs" 2> /dev/null || fail "can't make the folder $state"
    [ -O "$state" ] || fail "$state belongs to another user"
    if is_root; then
        chmod 0755 "$state" "$state/htdocs"
        chmod 0750 "$state/logs"
        for user in mysql www-data; do
            can_reach "$user" "$state" ||
                fail "the user $user can't get into $(barrier_of "$user" "$state"); choose another folder by --state DIR"
        done
    else
        chmod 0700 "$state"
    fi
    [ -f "$state/secret" ] || random_hex 32 | write_private 0640 "$state/secret"
    [ -f "$state/passwords" ] || printf '%s\n' "$(random_hex 24)" "$(random_hex 24)" | write_private 0600 "$state/passwords"
}

check_room() {
    local room needed=20
    [ -d "$state/db" ] || needed=$ROOM_NEEDED
    room=$(room_of "$state")
    [ "$room" -ge "$needed" ] || fail "no room left for $state: $room MB are free, $needed MB are needed"
}

# Can this be the name of a socket? It is at most SOCKET_PATH_MAX bytes long, and apr_dbd's parameters end at a delimiter.
is_socket_name() { [ "$(printf '%s' "$1" | wc -c)" -le "$SOCKET_PATH_MAX" ] && [[ ! $1 =~ [[:space:],\;\|] ]]; }

# The folder of the socket: in the state folder if its name allows that; else a short one, noted in socket-folder.
make_socket_folder() {
    local folder=$state/sock
    if ! is_socket_name "$folder/db.sock"; then
        folder=$(mktemp -d "${TMPDIR:-/tmp}/ms-XXXXXX")
        printf '%s\n' "$folder" > "$state/socket-folder"
    fi
    socket=$folder/db.sock
    is_socket_name "$socket" || fail "this can't be the name of a socket: $socket (set TMPDIR to another folder)"
    mkdir -p "$folder"
    chmod 0750 "$folder"
    db_owns "$folder"
    ln -sfn "$socket" "$state/db.sock"
}

# The short one is no longer needed once MariaDB has ended.
remove_socket_folder() {
    local folder
    folder=$(cat "$state/socket-folder" 2> /dev/null) || return 0
    rm -f "$folder/db.sock" "$state/socket-folder" "$state/db.sock"
    rmdir "$folder" 2> /dev/null || true
}

# Two accounts: one that may change tables, for migrations; one that may only read and write rows, for httpd.
make_accounts() {
    local migrate_password serve_password
    { read -r migrate_password && read -r serve_password; } < "$state/passwords"
    db_sql "$socket" << SQL || fail "can't set up the database (its log: $state/logs/db.log)"
CREATE DATABASE IF NOT EXISTS medusa CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE USER IF NOT EXISTS medusa_migrate@localhost;
CREATE USER IF NOT EXISTS medusa@localhost;
ALTER USER medusa_migrate@localhost IDENTIFIED BY '$migrate_password';
ALTER USER medusa@localhost IDENTIFIED BY '$serve_password';
GRANT ALL ON medusa.* TO medusa_migrate@localhost;
REVOKE ALL PRIVILEGES, GRANT OPTION FROM medusa@localhost;
GRANT SELECT, INSERT, UPDATE, DELETE ON medusa.* TO medusa@localhost;
SQL
    printf 'sock=%s,user=medusa_migrate,pass=%s,dbname=medusa\n' "$socket" "$migrate_password" |
        write_private 0600 "$state/db-migrate-params"
    printf 'sock=%s,user=medusa,pass=%s,dbname=medusa\n' "$socket" "$serve_password" | write_private 0640 "$state/db-params"
}

migrate() {
    say "migrating …"
    "$build/medusa-store-admin" --params-file "$state/db-migrate-params" migrate --sql "$here/sql" \
        > "$state/logs/start.log" 2>&1 || fail "migrating failed: $(tail -n 1 "$state/logs/start.log")"
}

# LoadModule lines of those that are not built into httpd.
load_modules() {
    local name
    for name in "$@"; do
        [ ! -f "$MS_LIBEXECDIR/mod_$name.so" ] || printf 'LoadModule %s_module %s/mod_%s.so\n' "$name" "$MS_LIBEXECDIR" "$name"
    done
}

httpd_user() {
    if is_root; then printf 'User www-data\nGroup %s\n' "$HTTPD_GROUP"; fi
}

make_httpd_conf() {
    cat > "$state/httpd.conf" << CONF
# Made by ./run at each start; --conf FILE adds to it.
ServerRoot "$state"
DefaultRuntimeDir "$state"
PidFile "$state/httpd.pid"
ErrorLog "$state/logs/error.log"
LogLevel notice
ServerName localhost
Listen 127.0.0.1:$port
$(load_modules mpm_event unixd authn_core authz_core authz_host mime log_config dir headers reqtimeout session)
LoadModule medusa_store_module "$build/.libs/mod_medusa_store.so"
$(httpd_user)

StartServers 2
ServerLimit 4
ThreadLimit 32
ThreadsPerChild 32
MaxRequestWorkers 128
MinSpareThreads 32
MaxSpareThreads 96
Timeout 60
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 5
RequestReadTimeout header=20-40,MinRate=500 body=20,MinRate=500

LogFormat "%h %t \"%r\" %>s %b %D" plain
CustomLog "$state/logs/access.log" plain
TypesConfig /dev/null
DocumentRoot "$state/htdocs"
<Directory />
    AllowOverride None
    Require all denied
</Directory>

MedusaStoreDBParams "file:$state/db-params"
MedusaStoreSecret "file:$state/secret"
# everybody comes from this machine, and tries things out
MedusaStoreThrottleExempt 127.0.0.1 ::1
MedusaStoreThrottleLimit SignIn Both 100/1mi
MedusaStoreThrottleLimit Registration Both 100/1mi
MedusaStoreThrottleLimit SignIn Account 1000/1mi
MedusaStoreThrottleLimit Reset Both 100/1mi
<Location "/store">
    Require all granted
    MedusaStore On
    Session On
    MedusaStoreAllowOrigin http://localhost:8000 http://localhost:3000
    # CORS headers on every answer, as Medusa sends them: recorded conversations with it compare equal
    MedusaStoreAllowCredentials Always
    # so that a client here can try Secure cookies without TLS; trust it only behind a proxy that sets it
    MedusaStoreTrustForwardedProto On
    # a body that is not JSON counts as none, as with Medusa, in a session too
    MedusaStoreCSRF Origin
</Location>
<Location "/health">
    Require all granted
    SetHandler medusa-store-health
</Location>
<Location "/health/ready">
    SetHandler medusa-store-ready
</Location>
<Location "/metrics">
    Require local
    SetHandler medusa-store-metrics
</Location>
${conf:+Include "$conf"}
CONF
    "$HTTPD" -t -f "$state/httpd.conf" > "$state/logs/start.log" 2>&1 ||
        fail "httpd refuses its configuration: $(httpd_complaint "$state/logs/start.log")"
}

# The line of httpd's log that tells most.
httpd_complaint() {
    tail -n 20 "$1" > "$1.tail"
    { grep -E 'AH00526|[Ss]yntax error' -A 1 "$1.tail" || grep -E ':(emerg|alert|crit|error)\]|No space' "$1.tail" ||
        cat "$1.tail"; } | tail -n 2 | tr '\n' ' '
    rm -f "$1.tail"
}
