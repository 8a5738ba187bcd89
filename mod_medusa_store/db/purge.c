/* purge.c: deletes rows that have served their time, in small batches that keep no one waiting.
 *
 * Knows the table session. Called by the admin tool only. */
#include "db/purge.h"

#include <apr_strings.h>

#include "db/direct.h"

const char *ms_purge_sessions(apr_int64_t *count, apr_pool_t *pool, const char *params)
{
    ms_direct_t *db;
    const char *problem;
    int deleted;

    *count = 0;
    if ((problem = ms_direct_open(&db, pool, params))) {
        return problem;
    }
    do {
        /* The order makes the batch the same one on a replica that repeats the statement. */
        problem = ms_direct_run(db, &deleted, "DELETE FROM session WHERE expires_at <= UTC_TIMESTAMP(3) "
                                              "ORDER BY expires_at, id LIMIT 1000");
        if (problem) {
            return apr_psprintf(pool, "can't delete expired sessions: %s", problem);
        }
        *count += deleted;
    } while (deleted > 0);
    return NULL;
}
