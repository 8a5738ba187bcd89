/* pool.c: a bounded pool of apr_dbd connections that neither a dead nor a silent database can block.
 *
 * mod_dbd's pool waits without limit, pings before every use, prepares all or nothing and connects under its lock; here
 * apr_reslist hands out places, and a place connects after it was handed out, one at a time, so that a database that
 * accepts but never answers costs one thread. A watch thread cuts statements that outlive their time.
 * Knows apr_dbd and the client library; called by db.c only. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "db/pool.h"

#include <apr_reslist.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>
#include <mysql.h>
#include <string.h>
#include <sys/socket.h>

enum {
    RETRY_PAUSE = 200 * 1000,  /* microseconds between two attempts at a dead server */
    WATCH_PERIOD = 100 * 1000, /* how late a cut may come */
    LOG_PAUSE = 60             /* seconds between two lines on the same outage */
};

struct ms_db_t {
    const ms_db_conf_t *conf;
    const char *params;
    const ms_sink_t *sink;
    apr_reslist_t *places;

    /* connecting: one thread at a time */
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *changed;
    apr_time_t connecting; /* since when; 0: nobody is */
    apr_time_t down_until; /* nobody tries before */
    apr_time_t logged;     /* when the outage was last logged; 0: there is none */

    /* watching */
    apr_thread_mutex_t *watch_lock;
    apr_thread_cond_t *watch_stop;
    apr_thread_t *watch;
    int stopping;
    ms_conn_t *open; /* list of connected places */
};

const apr_dbd_driver_t *ms_dbd_driver;

/* What each connection is set to: the wire in UTF-8, time in UTC, nothing cut or guessed silently. */
static const char *const setup[] = {
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
    "SET time_zone = '+00:00', autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
        "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    NULL
};

/* ---- the watch ---- */

static void link_conn(ms_conn_t *conn)
{
    ms_db_t *db = conn->db;

    apr_thread_mutex_lock(db->watch_lock);
    conn->previous = NULL;
    conn->next = db->open;
    if (conn->next) {
        conn->next->previous = conn;
    }
    db->open = conn;
    apr_thread_mutex_unlock(db->watch_lock);
}

static void unlink_conn(ms_conn_t *conn)
{
    ms_db_t *db = conn->db;

    apr_thread_mutex_lock(db->watch_lock);
    if (conn->previous) {
        conn->previous->next = conn->next;
    }
    else if (db->open == conn) {
        db->open = conn->next;
    }
    if (conn->next) {
        conn->next->previous = conn->previous;
    }
    conn->next = conn->previous = NULL;
    apr_thread_mutex_unlock(db->watch_lock);
}

void ms_conn_watch(ms_conn_t *conn)
{
    conn->deadline = apr_time_now() + conn->db->conf->timeout;
}

void ms_conn_unwatch(ms_conn_t *conn)
{
    conn->deadline = 0;
}

static void cut_overdue(ms_db_t *db)
{
    apr_time_t now = apr_time_now();
    ms_conn_t *conn;

    for (conn = db->open; conn; conn = conn->next) {
        apr_time_t deadline = conn->deadline;

        if (deadline && now > deadline && !conn->cut) {
            conn->cut = 1;
            shutdown(conn->socket, SHUT_RDWR); /* the thread that reads from it gets error 2013 */
            ms_log(db->sink, MS_LINE_DB_CUT, (int)apr_time_as_msec(db->conf->timeout));
        }
    }
}

static void *APR_THREAD_FUNC watch(apr_thread_t *thread, void *data)
{
    ms_db_t *db = data;

    apr_thread_mutex_lock(db->watch_lock);
    while (!db->stopping) {
        apr_thread_cond_timedwait(db->watch_stop, db->watch_lock, WATCH_PERIOD);
        cut_overdue(db);
    }
    apr_thread_mutex_unlock(db->watch_lock);
    return NULL;
}

/* Before the places are closed: the watch must not look at them any more. */
static apr_status_t stop_watch(void *data)
{
    ms_db_t *db = data;
    apr_status_t ignored;

    apr_thread_mutex_lock(db->watch_lock);
    db->stopping = 1;
    apr_thread_cond_signal(db->watch_stop);
    apr_thread_mutex_unlock(db->watch_lock);
    if (db->watch) {
        apr_thread_join(&ignored, db->watch);
    }
    return APR_SUCCESS;
}

/* ---- connecting ---- */

static int native_socket(apr_dbd_t *handle)
{
    MYSQL *mysql = apr_dbd_native_handle(ms_dbd_driver, handle);

#ifdef HAVE_MYSQL_GET_SOCKET
    return (int)mysql_get_socket(mysql);
#else
    return mysql->net.fd;
#endif
}

int ms_conn_command(ms_conn_t *conn, const char *sql)
{
    int ignored;

    ms_conn_watch(conn);
    conn->error = apr_dbd_query(ms_dbd_driver, conn->handle, &ignored, sql);
    ms_conn_unwatch(conn);
    return conn->error;
}

void ms_conn_close(ms_conn_t *conn)
{
    if (!conn->pool) {
        return;
    }
    unlink_conn(conn);
    conn->handle = NULL;
    apr_pool_destroy(conn->pool); /* closes the statements and the connection */
    conn->pool = NULL;
}

static apr_status_t close_handle(void *handle)
{
    apr_dbd_close(ms_dbd_driver, handle);
    return APR_SUCCESS;
}

/* The connect itself. Nothing can cut it, hence the one-at-a-time rule around it. */
static int open_conn(ms_conn_t *conn, const char **why)
{
    ms_db_t *db = conn->db;
    const char *error = NULL;
    int i;

    *why = "out of memory";
    if (apr_pool_create_unmanaged_ex(&conn->pool, NULL, NULL)) {
        conn->pool = NULL;
        return 0;
    }
    if (apr_dbd_open_ex(ms_dbd_driver, conn->pool, db->params, &conn->handle, &error)) {
        *why = apr_pstrdup(conn->pool, error ? error : "no reason given");
        conn->handle = NULL;
        return 0;
    }
    /* before any statement is prepared, so that it runs after the clean-ups that close those */
    apr_pool_cleanup_register(conn->pool, conn->handle, close_handle, apr_pool_cleanup_null);
    conn->stmts = apr_pcalloc(conn->pool, sizeof *conn->stmts * (size_t)ms_catalogue_size());
    conn->socket = native_socket(conn->handle);
    conn->cut = 0;
    conn->fresh = 1;
    link_conn(conn);
    for (i = 0; setup[i]; i++) {
        if (ms_conn_command(conn, setup[i])) {
            *why = apr_dbd_error(ms_dbd_driver, conn->handle, conn->error);
            return 0;
        }
    }
    return 1;
}

/* One line at the start of an outage, then one a minute. */
static void log_outage(ms_db_t *db, const char *why)
{
    apr_time_t now = apr_time_now();

    if (!db->logged || now - db->logged > apr_time_from_sec(LOG_PAUSE)) {
        ms_log(db->sink, MS_LINE_DB_CONNECT, why);
        db->logged = now;
    }
}

/* Wait until nobody else connects. 0: the database is known to be down, or somebody has been trying for too long. */
static int may_connect(ms_db_t *db)
{
    apr_time_t until = apr_time_now() + db->conf->wait;

    for (;;) {
        apr_time_t now = apr_time_now();

        if (now < db->down_until || now >= until) {
            return 0;
        }
        if (!db->connecting) {
            return 1;
        }
        if (now - db->connecting > db->conf->wait) {
            return 0;
        }
        apr_thread_cond_timedwait(db->changed, db->lock, until - now);
    }
}

static ms_rc_t connect_place(ms_ctx_t *c, ms_conn_t *conn)
{
    ms_db_t *db = conn->db;
    const char *why = NULL;
    int good;

    apr_thread_mutex_lock(db->lock);
    if (!may_connect(db)) {
        apr_thread_mutex_unlock(db->lock);
        return ms_fail(c, MS_DB_DOWN, NULL);
    }
    db->connecting = apr_time_now();
    apr_thread_mutex_unlock(db->lock);

    good = open_conn(conn, &why);

    apr_thread_mutex_lock(db->lock);
    db->connecting = 0;
    if (!good) {
        db->down_until = apr_time_now() + RETRY_PAUSE;
        log_outage(db, why);
    }
    else if (db->logged) {
        db->logged = 0;
        ms_log(db->sink, MS_LINE_DB_CONNECTED);
    }
    apr_thread_cond_broadcast(db->changed);
    apr_thread_mutex_unlock(db->lock);
    if (!good) {
        ms_conn_close(conn);
        return ms_fail(c, MS_DB_DOWN, NULL);
    }
    return MS_OK;
}

ms_rc_t ms_conn_replace(ms_ctx_t *c, ms_conn_t *conn)
{
    ms_conn_close(conn);
    return connect_place(c, conn);
}

apr_dbd_prepared_t *ms_conn_prepare(ms_conn_t *conn, const ms_entry_t *entry)
{
    apr_dbd_prepared_t *stmt = conn->stmts[entry->index];

    if (!stmt) {
        conn->error = apr_dbd_prepare(ms_dbd_driver, conn->pool, conn->handle, entry->sql, NULL, &stmt);
        if (conn->error) {
            return NULL;
        }
        conn->stmts[entry->index] = stmt;
    }
    return stmt;
}

/* ---- the pool ---- */

static apr_status_t make_place(void **place, void *data, apr_pool_t *pool)
{
    ms_conn_t *conn = apr_pcalloc(pool, sizeof *conn);

    conn->db = data;
    *place = conn;
    return APR_SUCCESS;
}

static apr_status_t end_place(void *place, void *data, apr_pool_t *pool)
{
    ms_conn_close(place);
    return APR_SUCCESS;
}

ms_rc_t ms_conn_acquire(ms_ctx_t *c, ms_conn_t **conn)
{
    ms_db_t *db = c->shop->db;
    void *place;
    ms_rc_t rc;

    if (apr_reslist_acquire(db->places, &place)) {
        ms_log_rarely(c->log, MS_LINE_DB_POOL, (int)apr_time_as_msec(db->conf->wait));
        return ms_fail(c, MS_BUSY, NULL);
    }
    *conn = place;
    (*conn)->fresh = 0;
    if ((*conn)->handle) {
        return MS_OK;
    }
    rc = connect_place(c, *conn);
    if (rc != MS_OK) {
        apr_reslist_release(db->places, place);
    }
    return rc;
}

void ms_conn_release(ms_conn_t *conn)
{
    apr_reslist_release(conn->db->places, conn);
}

apr_status_t ms_db_make(ms_db_t **made, apr_pool_t *pool, const ms_db_conf_t *conf, const ms_sink_t *sink)
{
    ms_db_t *db = apr_pcalloc(pool, sizeof *db);
    apr_status_t rv;

    db->conf = conf;
    db->sink = sink;
    db->params = apr_pstrcat(pool, conf->params, strstr(conf->params, "fldsz=") ? "" : ",fldsz=65536", ",reconnect=0", NULL);
    rv = apr_thread_mutex_create(&db->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    rv = rv ? rv : apr_thread_cond_create(&db->changed, pool);
    rv = rv ? rv : apr_thread_mutex_create(&db->watch_lock, APR_THREAD_MUTEX_DEFAULT, pool);
    rv = rv ? rv : apr_thread_cond_create(&db->watch_stop, pool);
    rv = rv ? rv : apr_reslist_create(&db->places, 0, conf->keep, conf->max, conf->exptime, make_place, end_place, db, pool);
    if (rv) {
        return rv;
    }
    apr_reslist_timeout_set(db->places, conf->wait);
    rv = apr_thread_create(&db->watch, NULL, watch, db, pool);
    /* last registered, first run: before reslist's own clean-up closes the places */
    apr_pool_pre_cleanup_register(pool, db, stop_watch);
    *made = db;
    return rv;
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
