/* session.c: a sign-in, by cookie or by bearer token: columns and statements. Data only.
 *
 * The row is the authority: whatever ends a sign-in deletes it, and no cookie or token outlives it. */
#include "resource/resources.h"

#include <stddef.h>

static const ms_field_t fields[] = {
    { "id",          MS_DIGEST, MS_HIDDEN, "SHA-256 of the token that the client holds" },
    { "customer_id", MS_ID,     MS_SHOW,   "Who is signed in by it" },
    { "kind",        MS_ID,     MS_HIDDEN, "cookie or bearer" },
    { "created_at",  MS_TIME,   MS_HIDDEN, "Time of sign-in" },
    { "last_seen",   MS_TIME,   MS_SHOW,   "Last use, as far as it was written down" },
    { "expires_at",  MS_TIME,   MS_HIDDEN, "End, unless it is used before" },
    { NULL, MS_ID, 0, NULL }
};

const ms_resource_t ms_session = { "session", NULL, fields };

/* A customer's texts that can be long are no longer than an address. */
#define IS_SHORT "LENGTH(CONCAT_WS('', c.first_name, c.last_name, c.phone, c.metadata)) <= 1024"

const ms_stmt_t ms_session_stmts[] = {
    /* who is this, and what is their row, in one round trip; a deleted customer leaves the second part NULL */
    { "session.who", MS_SELECT, { { &ms_session, "s" }, { &ms_customer, "c" } }, NULL,
        "FROM session s LEFT JOIN customer c ON c.id = s.customer_id AND c.deleted_at IS NULL "
        "WHERE s.id = UNHEX(%s) AND s.kind = %s AND s.expires_at > %s AND s.created_at > %s" },
    /* the same, and their address book: a row for each address, which repeats the rest; so only if that is short, as the extra column tells.
     * Without ORDER BY: an outer join is sorted in a temporary table, and one with TEXT columns is made on disk */
    { "session.who_with_addresses", MS_SELECT, { { &ms_session, "s" }, { &ms_customer, "c" }, { &ms_address, "a" } }, IS_SHORT,
        "FROM session s LEFT JOIN customer c ON c.id = s.customer_id AND c.deleted_at IS NULL "
        "LEFT JOIN address a ON a.customer_id = c.id AND a.deleted_at IS NULL AND " IS_SHORT " "
        "WHERE s.id = UNHEX(%s) AND s.kind = %s AND s.expires_at > %s AND s.created_at > %s" },
    { "session.create", MS_CHANGE, { { NULL, NULL } }, NULL,
        "INSERT INTO session (id, kind, created_at, last_seen, expires_at, customer_id) "
        "SELECT UNHEX(%s), %s, %s, %s, %s, c.id FROM customer c "
        "WHERE c.id = %s AND c.password_hash = %s AND c.deleted_at IS NULL LOCK IN SHARE MODE" },
    /* of a customer who was made by the same transaction: there is nothing to hold it against */
    { "session.create_first", MS_CHANGE, { { NULL, NULL } }, NULL,
        "INSERT INTO session (id, kind, created_at, last_seen, expires_at, customer_id) VALUES (UNHEX(%s), %s, %s, %s, %s, %s)" },
    { "session.extend", MS_CHANGE, { { NULL, NULL } }, NULL,
        "UPDATE session SET last_seen = %s, "
        "expires_at = LEAST(CAST(%s AS DATETIME(3)), created_at + INTERVAL %s SECOND) WHERE id = UNHEX(%s)" },
    { "session.end", MS_CHANGE, { { NULL, NULL } }, NULL, "DELETE FROM session WHERE id = UNHEX(%s)" },
    /* all of a customer's sign-ins but one; "" keeps none */
    { "session.end_others", MS_CHANGE, { { NULL, NULL } }, NULL,
        "DELETE FROM session WHERE customer_id = %s AND id <> UNHEX(%s)" },
    { NULL, MS_SELECT, { { NULL, NULL } }, NULL, NULL }
};
