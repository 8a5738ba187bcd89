/* id.h: ids of rows: prefix_ULID. */
#ifndef MS_CORE_ID_H
#define MS_CORE_ID_H

#include <apr_pools.h>
#include <apr_time.h>

enum { MS_ULID_LENGTH = 26 };

/** prefix + "_" + ULID: 10 characters of milliseconds since 1970, 16 of randomness (80 bits from libsodium), upper-case
 *  Crockford base 32. Not monotonic within a millisecond. */
const char *ms_id_make(apr_pool_t *pool, const char *prefix, apr_time_t now);

/** 1 if the text can be an id: 1 to 64 of [A-Za-z0-9_]. Anything else is not worth a question to the database. */
int ms_id_check(const char *s);

#endif
