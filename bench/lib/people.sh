# people.sh: fills a shop's tables with made-up customers and addresses, and signs some of them in. Sourced.
#
# Expects: tools (built by tools.sh). Needs scripts/mariadb.sh. What people.c makes is loaded in bulk into tables that are empty.
# shellcheck shell=bash
# shellcheck disable=SC2034

PASSWORD='correct horse battery staple' # everybody's
PASSWORD_COST=(19456 2)                 # KiB and passes; the module's default
PEOPLE_SEED=1
CUSTOMER_BYTES=700 ADDRESS_BYTES=800    # room that a row takes with its indexes, its log and the load's temporary files, generously

people_columns() {
    case $1 in
        customers) printf 'id, email, first_name, last_name, phone, password_hash, has_account, created_at, updated_at' ;;
        addresses) printf 'id, customer_id, company, first_name, last_name, address_1, address_2, city, country_code, province, postal_code, phone, metadata, created_at, updated_at' ;;
    esac
}

# MiB that so many take: people_room CUSTOMERS ADDRESSES_OF_EACH
people_room() { printf '%s' $((($1 * CUSTOMER_BYTES + $1 * $2 * ADDRESS_BYTES) / 1048576 + 100)); }

# Lines from stdin into a table: load_table SOCKET DATABASE TABLE COLUMNS
load_table() {
    mariadb --no-defaults --local-infile=1 -S "$1" -u "$(id -un)" "$2" -e "
        SET SESSION unique_checks = 0, foreign_key_checks = 0, time_zone = '+00:00';
        LOAD DATA LOCAL INFILE '/dev/stdin' INTO TABLE $3 CHARACTER SET utf8mb4 ($4)"
}

# Fill the empty tables: populate SOCKET DATABASE FOLDER CUSTOMERS ADDRESSES_OF_EACH; sets password_hash. FOLDER: where the data are kept.
populate() {
    local socket=$1 database=$2 folder=$3 customers=$4 each=$5 there needed
    there=$(db_sql "$socket" "$database" <<< 'SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM customer LIMIT 1) c) + (SELECT COUNT(*) FROM (SELECT 1 FROM address LIMIT 1) a)')
    [ "$there" = 0 ] || fail "the database $database is not empty: nothing is put into it"
    needed=$(people_room "$customers" "$each")
    [ "$(room_of "$folder")" -ge "$needed" ] || fail "no room in $folder: $needed MB are needed, $(room_of "$folder") MB are free"
    password_hash=$("$tools/people" hash "$PASSWORD" "${PASSWORD_COST[@]}")
    "$tools/people" customers "$customers" "$PEOPLE_SEED" "$password_hash" |
        load_table "$socket" "$database" customer "$(people_columns customers)"
    "$tools/people" addresses "$customers" "$PEOPLE_SEED" "$each" |
        load_table "$socket" "$database" address "$(people_columns addresses)"
    db_sql "$socket" "$database" <<< 'ANALYZE TABLE customer, address' > /dev/null
}

# Some of those customers, signed in: sign_in_some SOCKET DATABASE SECRET_FILE CUSTOMERS ADDRESSES_OF_EACH HOW_MANY FILE
# FILE gets a line for each, as load.lua reads it.
sign_in_some() {
    "$tools/people" targets "$4" "$PEOPLE_SEED" "$5" "$6" | "$tools/tokens" "$3" "$password_hash" > "$7"
    load_sessions "$1" "$2" "$7"
}

# The session rows of a file of targets, again where they are gone: load_sessions SOCKET DATABASE FILE
load_sessions() {
    cut -f 1,4 "$3" | mariadb --no-defaults --local-infile=1 -S "$1" -u "$(id -un)" "$2" -e "
        SET SESSION time_zone = '+00:00', foreign_key_checks = 0;
        LOAD DATA LOCAL INFILE '/dev/stdin' IGNORE INTO TABLE session (customer_id, @digest)
            SET id = UNHEX(@digest), kind = 'bearer', created_at = NOW(3), last_seen = NOW(3), expires_at = NOW(3) + INTERVAL 30 DAY"
}
