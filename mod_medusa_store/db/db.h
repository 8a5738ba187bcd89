/* db.h: the database as the rest of the module sees it: named statements in, rows out.
 *
 * The only folder that knows SQL, apr_dbd and MySQL's errors. A connection is held around statements only, never
 * while hashing. Every failure comes back as a problem, already recorded in the context:
 *   MS_DB_DOWN   no connection to be had, or lost meanwhile, or the server can't just now: it only reads, its disk is full (503)
 *   MS_BUSY      all connections in use for longer than the wait allows, or a table locked by others, or no time is left (503)
 *   MS_CONFLICT  lost a lock race too often (409)
 *   MS_DUPLICATE a unique key refused the row (422); the caller gives the words
 *   MS_DB_SCHEMA a table or a column is missing, or one is there that we do not know and must give (503); the log says which
 *   MS_DB_FAULT  any other refusal (500); the log says which */
#ifndef MS_DB_DB_H
#define MS_DB_DB_H

#include <apr_pools.h>

#include "core/ctx.h"
#include "core/object.h"
#include "core/statement.h"
#include "db/breaker.h"
#include "db/places.h"

typedef struct ms_db_t ms_db_t;

/** What the administrator sets; times in microseconds. */
typedef struct {
    const char *params;           /* apr_dbd_mysql's parameters; reconnect=0 is added, and fldsz if it is not there */
    int max;                      /* connections a child may hold */
    int keep;                     /* idle ones that are kept */
    apr_interval_time_t exptime;  /* idle ones above `keep` are closed after this */
    apr_interval_time_t wait;     /* for a free connection, and for a new one */
    apr_interval_time_t timeout;  /* of a statement; a third of it for a lock */
} ms_db_conf_t;

/** Load the apr_dbd driver and complete the statements of `tables` (each ends with a NULL label, the list with NULL);
 *  before any other call, again after a restart. The text says what is wrong; NULL: all is well. */
const char *ms_db_init(apr_pool_t *pool, const ms_stmt_t *const *tables);

/** Judge a parameter string as far as it can be without connecting. The text says what is wrong; NULL: all is well. */
const char *ms_db_params_check(apr_pool_t *pool, const char *params);

/** What a pool has in common with others. */
typedef struct {
    ms_room_t *room;       /* with all pools of the process */
    ms_breaker_t *breaker; /* with those of the same database in all processes; in shared memory */
} ms_db_share_t;

/** Make the pool of this process; opens no connection. It ends with `pool`. `sink` is for lines outside of any request. */
apr_status_t ms_db_make(ms_db_t **db, apr_pool_t *pool, const ms_db_conf_t *conf, const ms_db_share_t *share, const ms_sink_t *sink);

/** Values of a statement, in the order of its %s; NULL is SQL NULL. */
#define MS_ARGS(...) \
    (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)), (const char *[]){__VA_ARGS__}

/** One row of a select: an object for each part (NULL where an outer join found none) and the extra column; all in c->pool. */
typedef struct {
    const ms_object_t *part[MS_PARTS_MAX];
    const char *extra;
} ms_row_t;

/** Load at most one row; *row is NULL, with MS_OK, where there is none. */
ms_rc_t ms_db_find(ms_ctx_t *c, ms_row_t **row, const char *label, int n, const char *const *args);

/** Load all rows of a statement with one part: rows->objects, in c->pool, and rows->count. */
ms_rc_t ms_db_list(ms_ctx_t *c, ms_slot_t *rows, const char *label, int n, const char *const *args);

/** Load what a join of one with many gives, which repeats the one in each row: *row as ms_db_find() does, of the first row and but its last
 *  part, which stays NULL; many as ms_db_list() does, the last part of all rows that have it. */
ms_rc_t ms_db_find_with(ms_ctx_t *c, ms_row_t **row, ms_slot_t *many, const char *label, int n, const char *const *args);

/** Run an update or delete. Outside of a transaction it must be safe to repeat: a lost connection repeats it. *changed (may be NULL) is the number of rows that it changed. */
ms_rc_t ms_db_change(ms_ctx_t *c, int *changed, const char *label, int n, const char *const *args);

/** Insert a row: all fields of the statement's resource, missing ones as NULL. */
ms_rc_t ms_db_insert(ms_ctx_t *c, const char *label, json_t *row);

/** Save a row that was loaded and changed: all editable fields of the statement's resource. */
ms_rc_t ms_db_update(ms_ctx_t *c, const char *label, json_t *row);

/** Run `step` in a transaction: rolled back unless it returns MS_OK, and successful only when COMMIT was.
 *  Deadlocks and lock waits repeat the whole step, up to 3 times, then MS_CONFLICT; lock waits of a request with an Idempotency-Key do not. Not to be nested. */
ms_rc_t ms_db_transaction(ms_ctx_t *c, ms_rc_t (*step)(ms_ctx_t *c, void *baton), void *baton);

#endif
