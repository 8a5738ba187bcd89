/* pool.c: a bounded pool of apr_dbd connections that neither a dead nor a silent database can block.
 *
 * mod_dbd's pool waits without limit, pings before every use, prepares all or nothing and connects under its lock; here
 * apr_reslist hands out places, and a place connects after it was handed out, one at a time and in a thread of its own
 * (connect.c), so that a database that accepts but never answers costs no request more than its wait. A watch thread cuts
 * statements that outlive their time.
 * Knows apr_dbd and the client library; called by db.c only. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "core/time.h"
#include "db/connect.h"
#include "db/pool.h"

#include <apr_reslist.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_proc.h>
#include <fcntl.h>
#include <mysql.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    RETRY_PAUSE = 200 * 1000,  /* microseconds between two attempts at a dead server */
    WATCH_PERIOD = 100 * 1000, /* how late a cut may come */
    LOG_PAUSE = 60,            /* seconds between two lines on outages */
    PATIENCE = 10,             /* seconds before an attempt that hangs is left to itself, at first */
    PATIENCE_MAX = 600         /* and at last: each leaves a thread behind */
};

/* The most that is read of a value: all of a TEXT; of metadata, more than twice the default limit of a body. */
#define FLDSZ ",fldsz=262144"

enum { WAS_CUT = -1 }; /* instead of a deadline */

struct ms_db_t {
    apr_pool_t *pool; /* its own: the child's is other threads' too */
    const ms_db_conf_t *conf;
    const char *params;
    const ms_sink_t *sink;
    apr_reslist_t *places;
    atomic_int users;  /* requests that have a place, or are about to */
    const char *waits; /* the setup of a connection that depends on conf */

    /* connecting: one request at a time; all times on the steady clock */
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *changed;
    int connecting;              /* 1: a request is */
    ms_attempt_t *hanging;       /* an attempt that took longer than a request waits, or NULL */
    apr_interval_time_t patience; /* with it */
    apr_time_t down_until;       /* nobody tries before */
    apr_time_t logged;           /* when an outage was last logged */
    int down;                    /* 1: that outage goes on */

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
    conn->deadline = ms_steady_now() + conn->db->conf->timeout;
}

void ms_conn_unwatch(ms_conn_t *conn)
{
    if (atomic_exchange(&conn->deadline, 0) == WAS_CUT) {
        conn->cut = 1;
    }
}

/* By exchange, so that a statement which ends in this moment is not taken for the next one. */
static void cut_overdue(ms_db_t *db)
{
    apr_time_t now = ms_steady_now();
    ms_conn_t *conn;

    for (conn = db->open; conn; conn = conn->next) {
        apr_time_t deadline = conn->deadline;

        if (deadline > 0 && now > deadline && atomic_compare_exchange_strong(&conn->deadline, &deadline, WAS_CUT)) {
            shutdown(conn->socket, SHUT_RDWR); /* the thread that reads from it gets error 2013 */
            ms_log_rarely(db->sink, MS_LINE_DB_CUT, (int)apr_time_as_msec(db->conf->timeout));
        }
    }
}

static void *APR_THREAD_FUNC watch(apr_thread_t *thread, void *data)
{
    ms_db_t *db = data;

    apr_setup_signal_thread(); /* httpd's signals are not for it */
    apr_thread_mutex_lock(db->watch_lock);
    while (!db->stopping) {
        apr_thread_cond_timedwait(db->watch_stop, db->watch_lock, WATCH_PERIOD);
        cut_overdue(db);
    }
    apr_thread_mutex_unlock(db->watch_lock);
    return NULL;
}

/* The watch must not look at the places any more when they are closed. */
static void stop_watch(ms_db_t *db)
{
    apr_status_t ignored;

    apr_thread_mutex_lock(db->watch_lock);
    db->stopping = 1;
    apr_thread_cond_signal(db->watch_stop);
    apr_thread_mutex_unlock(db->watch_lock);
    if (db->watch) {
        apr_thread_join(&ignored, db->watch);
    }
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
    if (conn->socket >= 0) {
        close(conn->socket);
        conn->socket = -1;
    }
}

static apr_status_t close_handle(void *handle)
{
    apr_dbd_close(ms_dbd_driver, handle);
    return APR_SUCCESS;
}

/* Make a place of what an attempt brought; the text says why it is none. */
static const char *set_up(ms_conn_t *conn)
{
    int i;

    /* before any statement is prepared, so that it runs after the clean-ups that close those */
    apr_pool_cleanup_register(conn->pool, conn->handle, close_handle, apr_pool_cleanup_null);
    apr_pool_create(&conn->results, conn->pool);
    conn->stmts = apr_pcalloc(conn->pool, sizeof *conn->stmts * (size_t)ms_catalogue_size());
    conn->socket = fcntl(native_socket(conn->handle), F_DUPFD_CLOEXEC, 0);
    conn->cut = conn->spoilt = 0;
    conn->fresh = 1;
    link_conn(conn);
    if (conn->socket < 0) {
        return "no more descriptors";
    }
    for (i = 0; setup[i]; i++) {
        if (ms_conn_command(conn, setup[i])) {
            return apr_dbd_error(ms_dbd_driver, conn->handle, conn->error);
        }
    }
    return ms_conn_command(conn, conn->db->waits) ? apr_dbd_error(ms_dbd_driver, conn->handle, conn->error) : NULL;
}

/* One line at the start of an outage, but never more than one a minute. */
static void log_outage(ms_db_t *db, const char *why)
{
    apr_time_t now = ms_steady_now();

    if (!db->logged || now - db->logged > apr_time_from_sec(LOG_PAUSE)) {
        ms_log(db->sink, MS_LINE_DB_CONNECT, why);
        db->logged = now;
        db->down = 1;
    }
}

/* 1: an attempt hangs and should be given more time. One that has had enough is left to itself: the server it waits for may
 * be gone without a word, while another answers in its place. */
static int is_hanging(ms_db_t *db, apr_time_t now)
{
    if (!db->hanging || ms_attempt_wait(db->hanging, 0)) {
        return 0;
    }
    if (now - ms_attempt_since(db->hanging) < db->patience) {
        return 1;
    }
    ms_attempt_leave(db->hanging);
    db->hanging = NULL;
    db->patience = db->patience * 2 < apr_time_from_sec(PATIENCE_MAX) ? db->patience * 2 : apr_time_from_sec(PATIENCE_MAX);
    return 0;
}

/* Wait until nobody else connects. 0: the database is known to be down, or somebody has been trying for too long. */
static int may_connect(ms_db_t *db)
{
    apr_time_t now = ms_steady_now(), until = now + db->conf->wait;

    for (; now < until; now = ms_steady_now()) {
        if (now < db->down_until) {
            return 0;
        }
        if (!db->connecting) {
            return !is_hanging(db, now);
        }
        apr_thread_cond_timedwait(db->changed, db->lock, until - now);
    }
    return 0;
}

static const char *take(ms_conn_t *conn, ms_attempt_t **attempt)
{
    const char *why;

    ms_attempt_take(*attempt, &conn->pool, &conn->handle, &why);
    *attempt = NULL;
    return conn->handle ? set_up(conn) : why;
}

/* Connect; the text says why that failed, and *hanging is left where it is not over. An attempt that hung before, and is over
 * now, may have brought a connection that has died since. */
static const char *open_conn(ms_conn_t *conn, ms_attempt_t **hanging)
{
    if (*hanging) {
        if (!take(conn, hanging)) {
            return NULL;
        }
        ms_conn_close(conn);
    }
    *hanging = ms_attempt_start(ms_dbd_driver, conn->db->params);
    if (!*hanging) {
        return "no memory or threads";
    }
    if (!ms_attempt_wait(*hanging, conn->db->conf->wait)) {
        return "it does not answer in time (MedusaStoreDBWait)";
    }
    return take(conn, hanging);
}

static ms_rc_t connect_place(ms_ctx_t *c, ms_conn_t *conn)
{
    ms_db_t *db = conn->db;
    ms_attempt_t *hanging;
    const char *why;

    apr_thread_mutex_lock(db->lock);
    if (!may_connect(db)) {
        apr_thread_mutex_unlock(db->lock);
        return ms_fail(c, MS_DB_DOWN, NULL);
    }
    db->connecting = 1;
    hanging = db->hanging;
    apr_thread_mutex_unlock(db->lock);

    why = open_conn(conn, &hanging);

    apr_thread_mutex_lock(db->lock);
    db->connecting = 0;
    db->hanging = hanging;
    if (why) {
        db->down_until = ms_steady_now() + RETRY_PAUSE;
        log_outage(db, why);
    }
    else {
        db->patience = apr_time_from_sec(PATIENCE);
    }
    if (!why && db->down) {
        db->down = 0;
        ms_log(db->sink, MS_LINE_DB_CONNECTED);
    }
    apr_thread_cond_broadcast(db->changed);
    apr_thread_mutex_unlock(db->lock);
    if (why) {
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
            conn->spoilt = 1;
            return NULL;
        }
        conn->stmts[entry->index] = stmt;
    }
    return stmt;
}

/* ---- the pool ---- */

/* Under the list's lock, and so is end_place. */
static apr_status_t make_place(void **place, void *data, apr_pool_t *pool)
{
    apr_pool_t *home;
    ms_conn_t *conn;
    apr_status_t rv = apr_pool_create(&home, pool);

    if (rv) {
        return rv;
    }
    conn = apr_pcalloc(home, sizeof *conn);
    conn->home = home;
    conn->db = data;
    conn->socket = -1;
    *place = conn;
    return APR_SUCCESS;
}

static apr_status_t end_place(void *place, void *data, apr_pool_t *pool)
{
    ms_conn_t *conn = place;

    ms_conn_close(conn);
    apr_pool_destroy(conn->home);
    return APR_SUCCESS;
}

ms_rc_t ms_conn_acquire(ms_ctx_t *c, ms_conn_t **conn)
{
    ms_db_t *db = c->shop->db;
    void *place;
    ms_rc_t rc;

    atomic_fetch_add(&db->users, 1);
    if (apr_reslist_acquire(db->places, &place)) {
        atomic_fetch_sub(&db->users, 1);
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
        ms_conn_release(*conn);
    }
    return rc;
}

void ms_conn_release(ms_conn_t *conn)
{
    ms_db_t *db = conn->db; /* the place may go */

    apr_reslist_release(db->places, conn);
    atomic_fetch_sub(&db->users, 1);
}

/* Whoever waits for a lock longer than this loses the race; all tries of a transaction together take no longer than one
 * statement may. A server goes on waiting for a client that was cut. */
static const char *lock_waits(apr_pool_t *pool, const ms_db_conf_t *conf)
{
    int seconds = (int)apr_time_sec(conf->timeout) / MS_TRIES_MAX;

    seconds = seconds > 0 ? seconds : 1;
    return apr_psprintf(pool, "SET innodb_lock_wait_timeout = %d, lock_wait_timeout = %d", seconds, seconds);
}

/* The prefork MPM ends a child by a signal handler, at any point of a request: what that request holds can't be taken from it,
 * and need not, as the process is about to end. */
static apr_status_t end_db(void *data)
{
    ms_db_t *db = data;

    if (db->users) {
        return APR_SUCCESS;
    }
    stop_watch(db);
    if (db->hanging) {
        ms_attempt_leave(db->hanging);
    }
    apr_reslist_destroy(db->places); /* not by the pool's end, which takes the places' memory first */
    apr_pool_destroy(db->pool);
    return APR_SUCCESS;
}

apr_status_t ms_db_make(ms_db_t **made, apr_pool_t *pool, const ms_db_conf_t *conf, const ms_sink_t *sink)
{
    apr_pool_t *own;
    ms_db_t *db;
    apr_status_t rv = apr_pool_create_unmanaged_ex(&own, NULL, NULL);

    if (rv) {
        return rv;
    }
    db = apr_pcalloc(own, sizeof *db);
    db->pool = own;
    db->conf = conf;
    db->sink = sink;
    db->params = apr_pstrcat(own, conf->params, strstr(conf->params, "fldsz=") ? "" : FLDSZ, ",reconnect=0", NULL);
    db->waits = lock_waits(own, conf);
    db->patience = apr_time_from_sec(PATIENCE);
    rv = apr_thread_mutex_create(&db->lock, APR_THREAD_MUTEX_DEFAULT, own);
    rv = rv ? rv : apr_thread_cond_create(&db->changed, own);
    rv = rv ? rv : apr_thread_mutex_create(&db->watch_lock, APR_THREAD_MUTEX_DEFAULT, own);
    rv = rv ? rv : apr_thread_cond_create(&db->watch_stop, own);
    rv = rv ? rv : apr_reslist_create(&db->places, 0, conf->keep, conf->max, conf->exptime, make_place, end_place, db, own);
    rv = rv ? rv : apr_thread_create(&db->watch, NULL, watch, db, own);
    if (rv) {
        apr_pool_destroy(own);
        return rv;
    }
    apr_reslist_timeout_set(db->places, conf->wait);
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
