# restore.sh: some operations use up what they find; this puts back what was there. Sourced.
#
# Expects: sql; filled_at, the time (UTC) when the tables had been filled; password_hash.
# shellcheck shell=bash
# shellcheck disable=SC2154

restore() {
    case $1 in
        delete-address) sql 'UPDATE address SET deleted_at = NULL WHERE deleted_at IS NOT NULL' ;;
        add-address) sql "DELETE FROM address WHERE created_at > '$filled_at'" ;;
        sign-out) load_sessions "$socket" medusa "$scratch/$shop.targets" ;;
        update-me | password-token) sql 'DELETE FROM outbox' ;;
        password-reset)
            sql "UPDATE customer SET password_hash = '$password_hash' WHERE password_hash <> '$password_hash'"
            load_sessions "$socket" medusa "$scratch/$shop.targets" ;;
    esac
}

# The same in Medusa's tables; its tokens outlive a sign-out, and its events are not kept.
restore_medusa() {
    case $1 in
        delete-address) pg_sql 'UPDATE address SET deleted_at = NULL WHERE deleted_at IS NOT NULL' ;;
        add-address) pg_sql "DELETE FROM address WHERE created_at > '$filled_at+00'" ;;
        password-reset) pg_sql "UPDATE customer SET password_hash = '$medusa_hash' WHERE password_hash <> '$medusa_hash'" ;;
    esac
}
