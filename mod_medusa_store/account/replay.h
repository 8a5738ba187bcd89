/* replay.h: requests with an Idempotency-Key: what is done once is answered again, and not done again.
 *
 * For routes with MS_KEYED. Without a key nothing here does anything, and nothing asks the database. */
#ifndef MS_ACCOUNT_REPLAY_H
#define MS_ACCOUNT_REPLAY_H

#include "core/ctx.h"
#include "core/object.h"

/* Characters of a key: a client that counts from 1 would meet itself. */
enum { MS_KEY_MIN = 8, MS_KEY_MAX = 255 };

/** What an earlier request of the same key, caller, route and body came to. */
typedef struct {
    const ms_object_t *customer; /* whom it made or changed, as they are now; NULL: there was no such request */
    const char *hash;    /* stored hash of their password, or NULL */
    json_t *answer;      /* what was answered; NULL: more than is kept */
    const char *expired; /* hex id of a row that has had its time and is to be replaced, or NULL */
} ms_replay_t;

/** Judge the key that was sent. MS_INVALID_DATA, with words that say how it should be, where it is too short, too long or no visible
 *  ASCII. */
ms_rc_t ms_replay_check(ms_ctx_t *c);

/** Find out whether the request was answered before; to be asked when the body has been checked. MS_KEY_REUSED: the key came with
 *  another request, or its customer is gone. A password is not part of what is compared (nothing of it is stored but its hash): who
 *  answers a request that holds one checks it against `first->hash` before. Inside of a transaction or without one. */
ms_rc_t ms_replay_find(ms_ctx_t *c, ms_replay_t *first);

/** Keep the answer for requests to come, inside the transaction of what was done; `first` is what ms_replay_find() gave.
 *  MS_CONFLICT where another request of the same key was faster. */
ms_rc_t ms_replay_save(ms_ctx_t *c, const ms_replay_t *first, const char *customer_id);

/** Answer as the first time: c->answer, unless that was more than is kept; then 0, and the caller answers how things stand. */
int ms_replay_answer(ms_ctx_t *c, const ms_replay_t *first);

#endif
