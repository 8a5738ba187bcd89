/* idempotency_key.c: what was answered to a request with an Idempotency-Key: columns and statements. Data only.
 *
 * Written in the transaction of what the request did; sealed by account/replay.c. */
#include "resource/resources.h"

#include <stddef.h>

static const ms_field_t fields[] = {
    { "id",          MS_DIGEST, MS_SHOW, "Keyed digest of the key, and of whose it is" },
    { "customer_id", MS_ID,     MS_SHOW, "Who was made or changed by the request" },
    { "answer",      MS_TEXT,   MS_SHOW, "What was answered, sealed with a key that is made of the request" },
    { "created_at",  MS_TIME,   MS_SHOW, "Time of the request" },
    { "expires_at",  MS_TIME,   MS_SHOW, "End; then the key is as good as new" },
    { NULL, MS_ID, 0, NULL }
};

const ms_resource_t ms_idempotency_key = { "idempotency_key", NULL, fields };

const ms_stmt_t ms_idempotency_key_stmts[] = {
    /* by the digest of either secret; with the customer, as they are now, and their password's hash */
    { "idempotency_key.find", MS_SELECT, { { &ms_idempotency_key, "k" }, { &ms_customer, "c" } }, "c.password_hash",
        "FROM idempotency_key k LEFT JOIN customer c ON c.id = k.customer_id AND c.deleted_at IS NULL "
        "WHERE k.id IN (UNHEX(%s), UNHEX(%s))" },
    { "idempotency_key.create", MS_INSERT, { { &ms_idempotency_key, NULL } }, NULL, NULL },
    { "idempotency_key.drop", MS_CHANGE, { { NULL, NULL } }, NULL,
        "DELETE FROM idempotency_key WHERE id = UNHEX(%s) AND expires_at <= %s" },
    { NULL, MS_SELECT, { { NULL, NULL } }, NULL, NULL }
};
