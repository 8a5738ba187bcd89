/* outbox.c: an event that waits to be delivered: columns and statements. Data only.
 *
 * Written in the transaction of the change it tells of; the rest of the table's columns belong to the delivery. */
#include "resource/resources.h"

#include <stddef.h>

static const ms_field_t fields[] = {
    { "id",         MS_ID,   MS_SHOW, "Identifier, job_…" },
    { "event_name", MS_ID,   MS_SHOW, "customer.created, …" },
    { "data",       MS_JSON, MS_SHOW, "What the event tells; never a hash" },
    { "created_at", MS_TIME, MS_SHOW, "Time of the change" },
    { "due_at",     MS_TIME, MS_SHOW, "Not to be delivered before" },
    { NULL, MS_ID, 0, NULL }
};

const ms_resource_t ms_outbox = { "outbox", "job", fields };

const ms_stmt_t ms_outbox_stmts[] = {
    { "outbox.create", MS_INSERT, { { &ms_outbox, NULL } }, NULL, NULL },
    { "outbox.drop", MS_CHANGE, { { NULL, NULL } }, NULL, "DELETE FROM outbox WHERE id = %s AND state = %s" },
    /* how things stand: by the index alone, and no more of it than can be read at once. The oldest is among those that were due first,
     * unless it has failed and ever so many others wait. */
    { "outbox.count", MS_SELECT, { { NULL, NULL } }, "COUNT(*)",
        "FROM (SELECT 1 FROM outbox WHERE state = %s LIMIT 100000) counted" }, /* MS_OUTBOX_COUNTED */
    { "outbox.oldest", MS_SELECT, { { NULL, NULL } }, "CAST(created_at AS CHAR)",
        "FROM outbox WHERE seq = (SELECT MIN(seq) FROM "
        "(SELECT seq FROM outbox WHERE state = 'waiting' ORDER BY due_at, seq LIMIT 10000) due)" },
    { NULL, MS_SELECT, { { NULL, NULL } }, NULL, NULL }
};
