/* outbox.h: events about changes, kept until they are delivered. */
#ifndef MS_ACCOUNT_OUTBOX_H
#define MS_ACCOUNT_OUTBOX_H

#include "core/ctx.h"

/** Write an event; call it inside the transaction of the change. `data` stays the caller's; it must hold no secret but what
 *  the event is for. */
ms_rc_t ms_outbox_add(ms_ctx_t *c, const char *event, json_t *data);

/** The same, but the event stays only if `keep` is 1: either way the database is asked to do the same, and takes as long. */
ms_rc_t ms_outbox_add_if(ms_ctx_t *c, const char *event, json_t *data, int keep);

enum { MS_OUTBOX_COUNTED = 100000 };

/** Events that are not delivered; of each kind no more than MS_OUTBOX_COUNTED are counted. */
typedef struct {
    apr_int64_t waiting, dead;
    apr_interval_time_t oldest; /* age of the first that waits, in microseconds; 0: none waits */
} ms_outbox_state_t;

/** Load how the outbox stands; three statements. */
ms_rc_t ms_outbox_load(ms_ctx_t *c, ms_outbox_state_t *state);

#endif
