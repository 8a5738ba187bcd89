/* purge.c: deletes rows that have served their time, in small batches that keep no one waiting.
 *
 * Knows the tables that have an expires_at. Called by the admin tool only. */
#include "db/purge.h"

#include <apr_strings.h>

#include "db/direct.h"

/* The order makes the batch the same one on a replica that repeats the statement. */
#define DELETE_FROM(table) "DELETE FROM " table " WHERE expires_at <= UTC_TIMESTAMP(3) ORDER BY expires_at, id LIMIT 1000"

static const struct { const char *name, *sql; } kinds[] = {
    [MS_PURGE_SESSIONS] = { "session",         DELETE_FROM("session") },
    [MS_PURGE_KEYS]     = { "idempotency key", DELETE_FROM("idempotency_key") }
};

const char *ms_purge(apr_int64_t *count, apr_pool_t *pool, const char *params, ms_purge_t what)
{
    ms_direct_t *db;
    const char *problem;
    int deleted;

    *count = 0;
    if ((problem = ms_direct_open(&db, pool, params))) {
        return problem;
    }
    do {
        problem = ms_direct_run(db, &deleted, kinds[what].sql);
        if (problem) {
            return apr_psprintf(pool, "can't delete expired %ss: %s", kinds[what].name, problem);
        }
        *count += deleted;
    } while (deleted > 0);
    return NULL;
}

const char *ms_purge_name(ms_purge_t what)
{
    return kinds[what].name;
}
