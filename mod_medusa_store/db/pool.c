/* pool.c: a bounded pool of apr_dbd connections that neither a dead nor a silent database can block.
 *
 * mod_dbd's pool waits without limit, pings before every use, prepares all or nothing and connects under its lock; here
 * places are handed out (places.c), and a place connects after it was handed out, one at a time and in a thread of its own
 * (connect.c). A watch thread cuts statements that outlive their time (watch.c), and probes a database that is known to be down
 * (breaker.c), which no request waits for.
 * Knows apr_dbd and the client library; called by db.c only. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "db/pool.h"
#include "db/breaker.h"
#include "db/connect.h"
#include "db/error.h"
#include "db/places.h"
#include "db/steady.h"
#include "db/watch.h"

#include <apr_strings.h>
#include <fcntl.h>
#include <mysql.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PATIENCE = 10,     /* seconds before a probe that hangs is left to itself, at first */
    PATIENCE_MAX = 600 /* and at last: each leaves a thread behind */
};

enum { WHY_BYTES = 400 };

static const char hangs[] = "it does not answer in time (MedusaStoreDBWait)";

/* The most that is read of a value: all of a TEXT; of metadata, more than twice the default limit of a body. */
#define FLDSZ ",fldsz=262144"

struct ms_db_t {
    apr_pool_t *pool; /* its own: the child's is other threads' too */
    const ms_db_conf_t *conf;
    const char *params;
    const ms_sink_t *sink;
    ms_breaker_t *breaker;
    ms_places_t *places;
    ms_conn_t *conns;    /* all places */
    atomic_int users;    /* requests that have a place, or are about to */
    const char *setup[5]; /* of a connection; the last one depends on conf */
    ms_watch_t *watch;

    /* connecting: one request, or probe, at a time; all times on the steady clock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int connecting;               /* 1: a request is */
    ms_attempt_t *attempt;        /* one that nobody waits for just now, or NULL */
    int parked;                   /* 1: it has brought a connection, for the next that needs one */
    int blamed;                   /* 1: it took too long, and the breaker knows */
    apr_interval_time_t patience; /* with a probe */
};

const apr_dbd_driver_t *ms_dbd_driver;

/* What each connection is set to: the wire in UTF-8, time in UTC, nothing cut or guessed silently. Whoever waits for a lock longer than
 * this loses the race; all tries of a transaction together take no longer than one statement may. (A server goes on waiting for a
 * client that was cut.) */
static int lock_seconds(const ms_db_t *db)
{
    int seconds = (int)apr_time_sec(db->conf->timeout) / MS_TRIES_MAX;

    return seconds > 0 ? seconds : 1;
}

static void list_setup(ms_db_t *db)
{
    int seconds = lock_seconds(db);

    db->setup[0] = "SET NAMES utf8mb4 COLLATE utf8mb4_bin";
    db->setup[1] = "SET time_zone = '+00:00', autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
                   "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";
    db->setup[2] = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    db->setup[3] = apr_psprintf(db->pool, "SET innodb_lock_wait_timeout = %d, lock_wait_timeout = %d", seconds, seconds);
}

apr_interval_time_t ms_conn_lock_wait(const ms_conn_t *conn)
{
    return apr_time_from_sec(lock_seconds(conn->db));
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

static int native_socket(apr_dbd_t *handle)
{
    MYSQL *mysql = apr_dbd_native_handle(ms_dbd_driver, handle);

#ifdef HAVE_MYSQL_GET_SOCKET
    return (int)mysql_get_socket(mysql);
#else
    return mysql->net.fd;
#endif
}

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

/* Why an attempt came to nothing; it is gone after that. */
static void read_failure(ms_attempt_t *attempt, char why[WHY_BYTES])
{
    apr_pool_t *pool;
    apr_dbd_t *handle;
    const char *text;

    ms_attempt_take(attempt, &pool, &handle, &text);
    apr_cpystrn(why, text, WHY_BYTES);
    apr_pool_destroy(pool);
}

/* Make use of a connection that an attempt brought. 0: that can't be, and why. */
static int adopt(ms_conn_t *conn, ms_attempt_t *attempt, int fresh, char why[WHY_BYTES])
{
    const char *ignored;

    ms_attempt_take(attempt, &conn->pool, &conn->handle, &ignored);
    conn->socket = fcntl(native_socket(conn->handle), F_DUPFD_CLOEXEC, 0);
    /* before any statement is prepared, so that it runs after the clean-ups that close those */
    apr_pool_cleanup_register(conn->pool, conn->handle, close_handle, apr_pool_cleanup_null);
    apr_pool_create(&conn->results, conn->pool);
    conn->stmts = apr_pcalloc(conn->pool, sizeof *conn->stmts * (size_t)ms_catalogue_size());
    conn->cut = conn->spoilt = 0;
    conn->fresh = fresh;
    ms_watch_add(conn->db->watch, conn);
    if (conn->socket < 0) {
        apr_cpystrn(why, "no more descriptors", WHY_BYTES);
        ms_conn_close(conn);
        return 0;
    }
    return 1;
}

static void report_failure(ms_db_t *db, apr_time_t began, const char *why)
{
    if (ms_breaker_failed(db->breaker, ms_steady_now(), began, why)) {
        ms_log(db->sink, MS_LINE_DB_CONNECT, why);
    }
}

static void report_success(ms_db_t *db)
{
    if (ms_breaker_connected(db->breaker, ms_steady_now())) {
        ms_log(db->sink, MS_LINE_DB_CONNECTED);
    }
}

static ms_rc_t refuse(ms_ctx_t *c)
{
    ms_breaker_count(c->shop->db->breaker);
    return ms_fail(c, MS_DB_DOWN, NULL);
}

/* An attempt is left to itself: the server it waits for may be gone without a word, while another answers in its place. */
static void leave_attempt(ms_db_t *db)
{
    int hangs_on = !ms_attempt_wait(db->attempt, 0);

    ms_attempt_leave(db->attempt);
    db->attempt = NULL;
    if (!hangs_on) {
        return;
    }
    db->patience = db->patience * 2 < apr_time_from_sec(PATIENCE_MAX) ? db->patience * 2 : apr_time_from_sec(PATIENCE_MAX);
}

/* Wait until nobody else connects. 0: the database is known to be down, or somebody has been trying for too long. */
static int await_turn(ms_db_t *db, apr_time_t until)
{
    while (!ms_breaker_is_open(db->breaker)) {
        if (!db->connecting) {
            return 1;
        }
        if (!ms_steady_wait(&db->changed, &db->lock, until)) {
            return 0;
        }
    }
    return 0;
}

/* The attempt to wait for: the one that is under way, or has brought a connection meanwhile, or a new one. NULL: there is none to be had. */
static ms_attempt_t *next_attempt(ms_db_t *db, int *fresh)
{
    ms_attempt_t *a = db->attempt;

    *fresh = 1;
    if (a && ms_attempt_is_good(a)) {
        *fresh = 0; /* it may have died since */
    }
    else if (a && (ms_attempt_wait(a, 0) || ms_breaker_is_over(db->breaker, ms_attempt_since(a))
                   || ms_steady_now() - ms_attempt_since(a) >= db->conf->wait)) {
        leave_attempt(db);
        a = NULL;
    }
    db->attempt = NULL;
    db->parked = db->blamed = 0;
    return a ? a : ms_attempt_start(apr_pool_abort_get(db->pool), ms_dbd_driver, db->params, db->setup);
}

/* Connect, until that time. 0: it failed, and why; "": there was not even time for that. *attempt is left where it is not over. */
static int wait_for_attempt(ms_conn_t *conn, ms_attempt_t **attempt, int fresh, apr_time_t until, char why[WHY_BYTES])
{
    ms_attempt_t *a = *attempt;
    apr_time_t limit;

    if (!a) {
        apr_cpystrn(why, "no memory or threads", WHY_BYTES);
        return 0;
    }
    limit = ms_attempt_since(a) + conn->db->conf->wait;
    if (!ms_attempt_wait(a, until < limit ? until : limit)) {
        apr_cpystrn(why, ms_steady_now() >= limit ? hangs : "", WHY_BYTES);
        return 0;
    }
    *attempt = NULL;
    if (!ms_attempt_is_good(a)) {
        read_failure(a, why);
        return 0;
    }
    return adopt(conn, a, fresh, why);
}

static ms_rc_t connect_place(ms_ctx_t *c, ms_conn_t *conn)
{
    ms_db_t *db = conn->db;
    apr_time_t until = ms_steady_now() + ms_time_left(c, db->conf->wait), began;
    char why[WHY_BYTES] = "";
    ms_attempt_t *attempt;
    int fresh, good;

    pthread_mutex_lock(&db->lock);
    if (!await_turn(db, until)) {
        pthread_mutex_unlock(&db->lock);
        return refuse(c);
    }
    db->connecting = 1;
    attempt = next_attempt(db, &fresh);
    began = attempt ? ms_attempt_since(attempt) : ms_steady_now();
    pthread_mutex_unlock(&db->lock);

    good = wait_for_attempt(conn, &attempt, fresh, until, why);
    if (!good && *why) {
        report_failure(db, began, why); /* before those who wait for their turn look */
    }

    pthread_mutex_lock(&db->lock);
    db->connecting = 0;
    db->attempt = attempt;
    db->blamed = *why != '\0';
    db->patience = good ? apr_time_from_sec(PATIENCE) : db->patience;
    pthread_cond_broadcast(&db->changed);
    pthread_mutex_unlock(&db->lock);
    if (good) {
        report_success(db);
        return MS_OK;
    }
    return ms_fail(c, MS_DB_DOWN, NULL);
}

/* ---- probing ---- */

/* A request left it under way, and it came to a good end before the breaker opened: it tells nothing of now. (One that hung, and
 * opened it, tells by its end that the database is back.) */
static int is_older(const ms_db_t *db)
{
    return !db->blamed && ms_attempt_is_good(db->attempt) && ms_attempt_since(db->attempt) < db->breaker->since;
}

/* The next step of a probe: 1: it has succeeded; its connection is kept for the next request that needs one. Else `why` says what went
 * wrong, if anything did. */
static int step_probe(ms_db_t *db, char why[WHY_BYTES])
{
    apr_interval_time_t age = db->attempt ? ms_steady_now() - ms_attempt_since(db->attempt) : 0;

    if (db->attempt && (db->parked || is_older(db))) { /* of an earlier outage, or before any */
        ms_attempt_leave(db->attempt);
        db->attempt = NULL;
    }
    db->parked = db->attempt && ms_attempt_is_good(db->attempt);
    if (db->parked) {
        db->patience = apr_time_from_sec(PATIENCE);
        return 1;
    }
    if (db->attempt && ms_attempt_wait(db->attempt, 0)) {
        read_failure(db->attempt, why);
        db->attempt = NULL;
    }
    else if (db->attempt && age >= db->patience) {
        leave_attempt(db);
    }
    else if (db->attempt && age >= db->conf->wait && !db->blamed) {
        apr_cpystrn(why, hangs, WHY_BYTES);
        db->blamed = 1;
    }
    if (!db->attempt && ms_breaker_may_probe(db->breaker, ms_steady_now())) {
        db->attempt = ms_attempt_start(apr_pool_abort_get(db->pool), ms_dbd_driver, db->params, db->setup);
        db->blamed = 0;
    }
    return 0;
}

/* By the watch's thread, ten times a second. Some other process may be faster, and the breaker closes without us. */
static void probe(ms_db_t *db)
{
    char why[WHY_BYTES] = "";
    apr_time_t began;
    int good;

    if (!ms_breaker_is_open(db->breaker)) {
        return;
    }
    pthread_mutex_lock(&db->lock);
    began = db->attempt ? ms_attempt_since(db->attempt) : ms_steady_now();
    good = !db->connecting && step_probe(db, why);
    pthread_mutex_unlock(&db->lock);
    if (good) {
        report_success(db);
    }
    else if (*why) {
        report_failure(db, began, why);
    }
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
    if (db->attempt) {
        ms_attempt_leave(db->attempt);
    }
    for (i = 0; i < db->conf->max; i++) {
        ms_conn_close(&db->conns[i]);
    }
    pthread_cond_destroy(&db->changed);
    pthread_mutex_destroy(&db->lock);
    apr_pool_destroy(db->pool);
    return APR_SUCCESS;
}

static void make_places(ms_db_t *db, ms_room_t *room)
{
    ms_places_conf_t conf = { db->conf->max, db->conf->keep, db->conf->exptime };
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
    db->params = apr_pstrcat(own, conf->params, strstr(conf->params, "fldsz=") ? "" : FLDSZ, ",reconnect=0", NULL);
    db->patience = apr_time_from_sec(PATIENCE);
    list_setup(db);
    make_places(db, share->room);
    pthread_mutex_init(&db->lock, NULL);
    ms_steady_init(&db->changed);
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
