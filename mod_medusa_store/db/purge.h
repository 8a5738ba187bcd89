/* purge.h: deletes rows that have served their time. */
#ifndef MS_DB_PURGE_H
#define MS_DB_PURGE_H

#include <apr_pools.h>

/** Delete all expired sessions, 1,000 at a time; *count is their number, also where it failed midway.
 *  `params`: see db/direct.h. Returns NULL, or text that says what is wrong. */
const char *ms_purge_sessions(apr_int64_t *count, apr_pool_t *pool, const char *params);

#endif
