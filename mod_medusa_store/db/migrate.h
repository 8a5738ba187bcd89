/* migrate.h: brings the schema of a database up to date. */
#ifndef MS_DB_MIGRATE_H
#define MS_DB_MIGRATE_H

#include <apr_pools.h>
#include <apr_time.h>

enum { MS_MIGRATE_PLANNED = -1 };

typedef struct {
    const char *params; /* of the connection, see db/direct.h */
    const char *dir;    /* folder of the migrations */
    int plan;           /* 1: change nothing, tell only what would be applied */
    /** Told of each migration: how long it took, in microseconds, or MS_MIGRATE_PLANNED where it would be applied. */
    void (*tell)(void *baton, const char *name, apr_interval_time_t took);
    void *baton;
} ms_migrate_t;

/** Apply all migrations that the database does not have yet, in order, while holding a lock of the server.
 *
 *  Nothing is applied unless those that the database has are the first ones of the folder, unchanged. A second run at the
 *  same time waits for the first one, up to 30 seconds. On a Galera cluster the lock is one of this node only.
 *  *version is then the schema's version, 0 without any. Returns NULL, or text that says what is wrong. */
const char *ms_migrate_run(int *version, apr_pool_t *pool, const ms_migrate_t *migrate);

#endif
