/* schema.c: reads how far a database was migrated.
 *
 * Knows the table of migrate.c. Called while the server starts, and by what tells whether it is ready. */
#include "db/schema.h"
#include "db/db.h"
#include "db/direct.h"

#include <stdlib.h>

enum { NO_SUCH_TABLE = 1146 };

ms_rc_t ms_schema_load(ms_ctx_t *c, int *version)
{
    ms_row_t *row;
    ms_rc_t rc = ms_db_find(c, &row, "migration.version", 0, NULL);

    *version = rc == MS_OK && row && row->extra ? atoi(row->extra) : 0;
    return rc;
}

const char *ms_schema_ask(int *version, apr_pool_t *pool, const char *params)
{
    const char *value = NULL, *problem;
    ms_direct_t *db;

    *version = 0;
    problem = ms_direct_open(&db, pool, params);
    if (problem) {
        return problem;
    }
    problem = ms_direct_value(&value, db, pool, "SELECT MAX(version) FROM migration");
    if (problem && ms_direct_error(db) == NO_SUCH_TABLE) {
        return NULL;
    }
    *version = value ? atoi(value) : 0;
    return problem;
}
