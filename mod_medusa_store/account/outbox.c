/* outbox.c: writes events into the transaction of the change they tell of: no change without its event, no event without.
 *
 * Knows the table outbox; medusa-store-admin delivers what stands there. Called by api/, and by httpd/ for how it stands. */
#include "account/outbox.h"
#include "core/id.h"
#include "core/time.h"
#include "db/db.h"
#include "resource/resources.h"

#include <apr_strings.h>

static ms_rc_t insert(ms_ctx_t *c, const char *id, const char *event, json_t *data)
{
    const char *now = ms_time_iso(c->pool, c->now);
    json_t *row = ms_own(c->pool, json_pack("{s:s, s:s, s:O, s:s, s:s}", "id", id, "event_name", event, "data", data,
        "created_at", now, "due_at", now));

    return row ? ms_db_insert(c, "outbox.create", row) : ms_fail(c, MS_UNEXPECTED, NULL);
}

ms_rc_t ms_outbox_add(ms_ctx_t *c, const char *event, json_t *data)
{
    return insert(c, ms_id_make(c->pool, ms_outbox.prefix, c->now), event, data);
}

/* The second statement finds the row in both cases, so that it locks nothing else: but in no state that the row has, or in its own. */
ms_rc_t ms_outbox_add_if(ms_ctx_t *c, const char *event, json_t *data, int keep)
{
    const char *id = ms_id_make(c->pool, ms_outbox.prefix, c->now);
    ms_rc_t rc = insert(c, id, event, data);

    return rc == MS_OK ? ms_db_change(c, NULL, "outbox.drop", MS_ARGS(id, keep ? "dead" : "waiting")) : rc;
}

static ms_rc_t count(ms_ctx_t *c, apr_int64_t *n, const char *state)
{
    ms_row_t *row;
    ms_rc_t rc = ms_db_find(c, &row, "outbox.count", MS_ARGS(state));

    *n = row && row->extra ? apr_atoi64(row->extra) : 0;
    return rc;
}

ms_rc_t ms_outbox_load(ms_ctx_t *c, ms_outbox_state_t *state)
{
    ms_row_t *row = NULL;
    apr_time_t at;
    ms_rc_t rc = count(c, &state->waiting, "waiting");

    rc = rc == MS_OK ? count(c, &state->dead, "dead") : rc;
    rc = rc == MS_OK ? ms_db_find(c, &row, "outbox.oldest", 0, NULL) : rc;
    state->oldest = row && row->extra && ms_time_parse(&at, row->extra) && at < c->now ? c->now - at : 0;
    return rc;
}
