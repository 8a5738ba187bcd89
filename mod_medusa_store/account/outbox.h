/* outbox.h: events about changes, kept until they are delivered. */
#ifndef MS_ACCOUNT_OUTBOX_H
#define MS_ACCOUNT_OUTBOX_H

#include "core/ctx.h"

/** Write an event; call it inside the transaction of the change. `data` stays the caller's; it must hold no secret but what
 *  the event is for. */
ms_rc_t ms_outbox_add(ms_ctx_t *c, const char *event, json_t *data);

#endif
