/* pool.c: a bounded pool of apr_dbd connections that neither a dead nor a silent database can block.
 *
 * mod_dbd's pool waits without limit, pings before every use, prepares all or nothing and connects under its lock; here
 * places are handed out (places.c), and a place connects after it was handed out (dial.c). A watch thread cuts statements that outlive
 * their time (watch.c), and steps the probes of a database that is down.
 * Knows apr_dbd; called by db.c only. */
#include "db/pool.h"
#include "db/breaker.h"
#include "db/dial.h"
#include "db/error.h"
#include "db/places.h"
#include "db/steady.h"
#include "db/watch.h"

#include <apr_strings.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct ms_db_t {
    apr_pool_t *pool; /* its own: the child's is other threads' too */
    const ms_db_conf_t *conf;
    const ms_sink_t *sink;
    ms_breaker_t *breaker;
    ms_places_t *places;
    ms_conn_t *conns;    /* all places */
    atomic_int users;    /* requests that have a place, or are about to */
    ms_dial_t *dial;
    ms_watch_t *watch;
};

const apr_dbd_driver_t *ms_dbd_driver;

apr_interval_time_t ms_conn_lock_wait(const ms_conn_t *conn)
{
    return apr_time_from_sec(ms_dial_lock_seconds(conn->db->conf));
}

/* ---- statements ---- */

void ms_conn_watch(ms_conn_t *conn)
{
    apr_time_t now = ms_steady_now(), deadline = now + conn->db->conf->timeout;

    deadline = conn->until && conn->until < deadline ? conn->until : deadline;
    conn->allowed = deadline - now;
    conn->deadline = deadline;
}

/* An error of the server's is an answer, too. */
void ms_conn_unwatch(ms_conn_t *conn)
{
    ms_db_t *db = conn->db;

    if (atomic_exchange(&conn->deadline, 0) == MS_CONN_CUT) {
        conn->cut = 1;
    }
    else if (!ms_error_is_lost(conn->error) && ms_breaker_answered(db->breaker, ms_steady_now())) {
        ms_log(db->sink, MS_LINE_DB_CONNECTED);
    }
}

/* A statement that had little time left says nothing of the database. */
static void note_cut(ms_conn_t *conn)
{
    ms_db_t *db = conn->db;

    ms_log_rarely(db->sink, MS_LINE_DB_CUT, (int)apr_time_as_msec(conn->allowed));
    if (conn->allowed >= db->conf->timeout / 2 && ms_breaker_was_cut(db->breaker, ms_steady_now())) {
        ms_log(db->sink, MS_LINE_DB_SILENT, MS_CUTS_MAX);
    }
}

int ms_conn_command(ms_conn_t *conn, const char *sql)
{
    int ignored;

    ms_conn_watch(conn);
    conn->error = apr_dbd_query(ms_dbd_driver, conn->handle, &ignored, sql);
    ms_conn_unwatch(conn);
    return conn->error;
}

/* ---- connecting ---- */

void ms_conn_close(ms_conn_t *conn)
{
    if (!conn->pool) {
        return;
    }
    ms_watch_remove(conn->db->watch, conn);
    conn->handle = NULL;
    apr_pool_destroy(conn->pool); /* closes the statements and the connection */
    conn->pool = NULL;
    if (conn->socket >= 0) {
        close(conn->socket);
        conn->socket = -1;
    }
}

/* A statement that was broken off may still wait for its result, and its end for the rest of it: for ever, as nobody watches any more. */
void ms_conn_drop(ms_conn_t *conn)
{
    if (conn->pool && conn->socket >= 0) {
        shutdown(conn->socket, SHUT_RDWR);
    }
    ms_conn_close(conn);
}

static apr_status_t close_handle(void *handle)
{
    apr_dbd_close(ms_dbd_driver, handle);
    return APR_SUCCESS;
}

static ms_rc_t connect_place(ms_ctx_t *c, ms_conn_t *conn)
{
    ms_db_t *db = conn->db;
    ms_call_t call;

    if (!ms_dial_connect(db->dial, ms_steady_now() + ms_time_left(c, db->conf->wait), &call)) {
        return ms_fail(c, MS_DB_DOWN, NULL);
    }
    conn->pool = call.pool;
    conn->handle = call.handle;
    conn->socket = call.socket;
    conn->fresh = call.fresh;
    conn->cut = conn->spoilt = 0;
    /* before any statement is prepared, so that it runs after the clean-ups that close those */
    apr_pool_cleanup_register(conn->pool, conn->handle, close_handle, apr_pool_cleanup_null);
    apr_pool_create(&conn->results, conn->pool);
    conn->stmts = apr_pcalloc(conn->pool, sizeof *conn->stmts * (size_t)ms_catalogue_size());
    ms_watch_add(db->watch, conn);
    return MS_OK;
}

static ms_rc_t refuse(ms_ctx_t *c)
{
    ms_breaker_count(c->shop->db->breaker);
    return ms_fail(c, MS_DB_DOWN, NULL);
}

/* ---- the pool ---- */

ms_rc_t ms_conn_replace(ms_ctx_t *c, ms_conn_t *conn)
{
    ms_conn_drop(conn);
    return connect_place(c, conn);
}

apr_dbd_prepared_t *ms_conn_prepare(ms_conn_t *conn, const ms_entry_t *entry)
{
    apr_dbd_prepared_t *stmt = conn->stmts[entry->index];

    if (!stmt) {
        conn->error = apr_dbd_prepare(ms_dbd_driver, conn->pool, conn->handle, entry->sql, NULL, &stmt);
        if (conn->error) {
            conn->spoilt = 1;
            return NULL;
        }
        conn->stmts[entry->index] = stmt;
    }
    return stmt;
}

ms_rc_t ms_conn_acquire(ms_ctx_t *c, ms_conn_t **conn)
{
    ms_db_t *db = c->shop->db;
    apr_interval_time_t wait = ms_time_left(c, db->conf->wait);
    apr_time_t from = ms_steady_now();
    ms_rc_t rc;

    if (wait < MS_TIME_FLOOR && wait < db->conf->wait) {
        ms_log_rarely(c->log, MS_LINE_DEADLINE, (int)apr_time_as_msec(c->shop->deadline));
        return ms_fail(c, MS_BUSY, NULL);
    }
    if (ms_breaker_is_silent(db->breaker)) {
        return refuse(c);
    }
    atomic_fetch_add(&db->users, 1);
    *conn = ms_places_take(db->places, from + wait);
    if (!*conn) {
        atomic_fetch_sub(&db->users, 1);
        ms_log_rarely(c->log, MS_LINE_DB_POOL, (int)apr_time_as_msec(ms_steady_now() - from));
        return ms_fail(c, MS_BUSY, NULL);
    }
    (*conn)->fresh = 0;
    (*conn)->until = c->deadline;
    if (ms_breaker_is_silent(db->breaker)) { /* since this request began to wait */
        rc = refuse(c);
    }
    else {
        rc = (*conn)->handle ? MS_OK : connect_place(c, *conn);
    }
    if (rc != MS_OK) {
        ms_conn_release(*conn);
    }
    return rc;
}

void ms_conn_release(ms_conn_t *conn)
{
    ms_db_t *db = conn->db;
    ms_conn_t *idle = ms_places_give(db->places, conn, conn->handle != NULL);

    if (idle) {
        ms_conn_close(idle);
        ms_places_give(db->places, idle, 0);
    }
    atomic_fetch_sub(&db->users, 1);
}

/* The prefork MPM ends a child by a signal handler, at any point of a request: what that request holds can't be taken from it,
 * and need not, as the process is about to end. */
static apr_status_t end_db(void *data)
{
    ms_db_t *db = data;
    int i;

    if (db->users) {
        return APR_SUCCESS;
    }
    ms_watch_stop(db->watch);
    for (i = 0; i < db->conf->max; i++) {
        ms_conn_close(&db->conns[i]);
    }
    ms_dial_end(db->dial);
    apr_pool_destroy(db->pool);
    return APR_SUCCESS;
}

static void probe(ms_db_t *db)
{
    ms_dial_probe(db->dial);
}

static void make_places(ms_db_t *db, ms_room_t *room)
{
    ms_places_conf_t conf = { db->conf->max, db->conf->keep, db->conf->exptime, &db->breaker->served_at };
    void **places = apr_pcalloc(db->pool, (size_t)conf.max * sizeof *places);
    int i;

    db->conns = apr_pcalloc(db->pool, (size_t)conf.max * sizeof *db->conns);
    for (i = 0; i < conf.max; i++) {
        db->conns[i].db = db;
        db->conns[i].socket = -1;
        places[i] = &db->conns[i];
    }
    db->places = ms_places_make(db->pool, room, &conf, places);
}

apr_status_t ms_db_make(ms_db_t **made, apr_pool_t *pool, const ms_db_conf_t *conf, const ms_db_share_t *share, const ms_sink_t *sink)
{
    apr_pool_t *own;
    ms_db_t *db;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&own, apr_pool_abort_get(pool), NULL);

    if (rv) {
        return rv;
    }
    db = apr_pcalloc(own, sizeof *db);
    db->pool = own;
    db->conf = conf;
    db->sink = sink;
    db->breaker = share->breaker;
    db->dial = ms_dial_make(own, ms_dbd_driver, conf, share->breaker, sink);
    make_places(db, share->room);
    rv = ms_watch_start(&db->watch, own, note_cut, probe, db);
    if (rv) {
        apr_pool_destroy(own);
        return rv;
    }
    apr_pool_cleanup_register(pool, db, end_db, apr_pool_cleanup_null);
    *made = db;
    return APR_SUCCESS;
}

const char *ms_db_init(apr_pool_t *pool, const ms_stmt_t *const *tables)
{
    if (apr_dbd_init(pool) || apr_dbd_get_driver(pool, "mysql", &ms_dbd_driver)) {
        return "apr_dbd has no driver \"mysql\"; install it (Debian: libaprutil1-dbd-mysql)";
    }
    return ms_catalogue_make(pool, tables);
}

const char *ms_db_params_check(apr_pool_t *pool, const char *params)
{
    const char *reconnect = strstr(params, "reconnect=");

    if (!*params) {
        return "it is empty; it takes what DBDParams takes, such as sock=/run/mysqld/mysqld.sock,user=medusa,dbname=medusa";
    }
    if (reconnect && reconnect[strlen("reconnect=")] != '0') {
        return "reconnect must be 0: a connection that comes back by itself loses its transaction and its statements";
    }
    if (!strstr(params, "dbname=")) {
        return "it names no database; add dbname=NAME";
    }
    return NULL;
}
