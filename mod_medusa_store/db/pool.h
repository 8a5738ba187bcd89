/* pool.h: the connections of one child to one shop's database. Inside db/ only. */
#ifndef MS_DB_POOL_H
#define MS_DB_POOL_H

#include <apr_dbd.h>
#include <stdatomic.h>

#include "db/db.h"
#include "db/dial.h"
#include "db/statement.h"

enum { MS_CONN_CUT = -1 /* instead of a deadline */ };

/** A place in the pool; connected at first use. */
typedef struct ms_conn_t {
    ms_db_t *db;
    apr_pool_t *pool;            /* life of the connection; NULL: not connected */
    apr_pool_t *results;         /* of the running call: apr_dbd sets aside the full width of every column, megabytes that
                                  * this pool keeps for the next call */
    apr_dbd_t *handle;           /* NULL: not connected */
    apr_dbd_prepared_t **stmts;  /* by index in the catalogue; prepared at first use */
    int fresh;                   /* 1: connected since it was acquired, so it can't be stale */
    int error;                   /* of the last statement */
    int spoilt;                  /* 1: a statement can't be prepared, and what it left behind goes with the connection; or its server can't */
    int doomed;                  /* the error that makes its transaction impossible to commit; 0: none */
    int cut;                     /* 1: the watch cut it */
    int socket;                  /* for the watch to cut: a descriptor of its own, as the client closes the other at will */
    apr_time_t until;            /* deadline of the request that has it, on the steady clock; 0: none */
    apr_interval_time_t allowed; /* time of the running statement */
    _Atomic(apr_time_t) deadline; /* of the running statement; 0: none; MS_CONN_CUT: it was cut */
    struct ms_conn_t *next, *previous; /* in the watch's list, under its lock */
} ms_conn_t;

/** Take a place out of the pool and connect it. MS_BUSY or MS_DB_DOWN, recorded: at once, where the database is known to be down, or where
 *  too little of the request's time is left. */
ms_rc_t ms_conn_acquire(ms_ctx_t *c, ms_conn_t **conn);

/** Close what is left of a lost connection and open another in its place. MS_DB_DOWN, recorded. */
ms_rc_t ms_conn_replace(ms_ctx_t *c, ms_conn_t *conn);

/** Close a connection, keeping its place. */
void ms_conn_close(ms_conn_t *conn);

/** The same where something went wrong: without a word to the server, and without waiting for one. */
void ms_conn_drop(ms_conn_t *conn);

/** Give a place back. */
void ms_conn_release(ms_conn_t *conn);

/** The prepared statement of an entry, or NULL with conn->error set. */
apr_dbd_prepared_t *ms_conn_prepare(ms_conn_t *conn, const ms_entry_t *entry);

/** Run one text statement without a result set; the error number, 0: good. */
int ms_conn_command(ms_conn_t *conn, const char *sql);

/** How long its server lets a statement wait for a lock, in microseconds. */
apr_interval_time_t ms_conn_lock_wait(const ms_conn_t *conn);

/** Put the running statement under the watch, and take it off. */
void ms_conn_watch(ms_conn_t *conn);
void ms_conn_unwatch(ms_conn_t *conn);

/** The driver; the same for all pools of the process. */
extern const apr_dbd_driver_t *ms_dbd_driver;

#endif
