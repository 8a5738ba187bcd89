/* outbox.c: writes events into the transaction of the change they tell of: no change without its event, no event without.
 *
 * Knows the table outbox; medusa-store-admin delivers what stands there. Called by api/. */
#include "account/outbox.h"
#include "core/id.h"
#include "core/time.h"
#include "db/db.h"
#include "resource/resources.h"

ms_rc_t ms_outbox_add(ms_ctx_t *c, const char *event, json_t *data)
{
    const char *now = ms_time_iso(c->pool, c->now);
    json_t *row = ms_own(c->pool, json_pack("{s:s, s:s, s:O, s:s, s:s}",
        "id", ms_id_make(c->pool, ms_outbox.prefix, c->now), "event_name", event, "data", data,
        "created_at", now, "due_at", now));

    return row ? ms_db_insert(c, "outbox.create", row) : ms_fail(c, MS_UNEXPECTED, NULL);
}
