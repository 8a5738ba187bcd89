/* purge.h: deletes rows that have served their time. */
#ifndef MS_DB_PURGE_H
#define MS_DB_PURGE_H

#include <apr_pools.h>

typedef enum { MS_PURGE_SESSIONS, MS_PURGE_KEYS } ms_purge_t;

/** Delete all rows of a kind that have expired, 1,000 at a time; *count is their number, also where it failed midway.
 *  `params`: see db/direct.h. Returns NULL, or text that says what is wrong. */
const char *ms_purge(apr_int64_t *count, apr_pool_t *pool, const char *params, ms_purge_t what);

/** "session" or "idempotency key": what one of them is called. */
const char *ms_purge_name(ms_purge_t what);

#endif
