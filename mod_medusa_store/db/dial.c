/* dial.c: takes turns at connecting, and probes a database that is known to be down (breaker.c), which no request waits for.
 *
 * Attempts run in threads of their own (connect.c); one that hangs is left to itself in the end.
 * Knows apr_dbd and the client library; called by pool.c only. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "db/dial.h"
#include "db/connect.h"
#include "db/steady.h"

#include <apr_strings.h>
#include <fcntl.h>
#include <mysql.h>
#include <string.h>

enum {
    PATIENCE = 10,     /* seconds before a probe that hangs is left to itself, at first */
    PATIENCE_MAX = 600 /* and at last: each leaves a thread behind */
};

enum { WHY_BYTES = 400 };

static const char hangs[] = "it does not answer in time (MedusaStoreDBWait)";

/* The most that is read of a value: all of a TEXT; of metadata, more than twice the default limit of a body. */
#define FLDSZ ",fldsz=262144"

struct ms_dial_t {
    apr_pool_t *pool;
    const apr_dbd_driver_t *driver;
    const ms_db_conf_t *conf;
    const char *params;
    const char *setup[5]; /* of a connection; the last one depends on conf */
    ms_breaker_t *breaker;
    const ms_sink_t *sink;

    /* one request, or probe, at a time; all times on the steady clock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int connecting;               /* 1: a request is */
    ms_attempt_t *attempt;        /* one that nobody waits for just now, or NULL */
    int parked;                   /* 1: it has brought a connection, for the next that needs one */
    int blamed;                   /* 1: it took too long, and the breaker knows */
    apr_interval_time_t patience; /* with a probe */
};

/* ---- a connection ---- */

/* What each connection is set to: the wire in UTF-8, time in UTC, nothing cut or guessed silently. Whoever waits for a lock longer than
 * this loses the race. (A server goes on waiting for a client that was cut.) */
int ms_dial_lock_seconds(const ms_db_conf_t *conf)
{
    int seconds = (int)apr_time_sec(conf->timeout) / MS_TRIES_MAX;

    return seconds > 0 ? seconds : 1;
}

static void list_setup(ms_dial_t *d)
{
    int seconds = ms_dial_lock_seconds(d->conf);

    d->setup[0] = "SET NAMES utf8mb4 COLLATE utf8mb4_bin";
    d->setup[1] = "SET time_zone = '+00:00', autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,"
                   "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'";
    d->setup[2] = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    d->setup[3] = apr_psprintf(d->pool, "SET innodb_lock_wait_timeout = %d, lock_wait_timeout = %d", seconds, seconds);
}

static int native_socket(const apr_dbd_driver_t *driver, apr_dbd_t *handle)
{
    MYSQL *mysql = apr_dbd_native_handle(driver, handle);

#ifdef HAVE_MYSQL_GET_SOCKET
    return (int)mysql_get_socket(mysql);
#else
    return mysql->net.fd;
#endif
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
static int adopt(ms_dial_t *d, ms_call_t *call, ms_attempt_t *attempt, char why[WHY_BYTES])
{
    const char *ignored;

    ms_attempt_take(attempt, &call->pool, &call->handle, &ignored);
    call->socket = fcntl(native_socket(d->driver, call->handle), F_DUPFD_CLOEXEC, 0);
    if (call->socket < 0) {
        apr_dbd_close(d->driver, call->handle);
        apr_pool_destroy(call->pool);
        apr_cpystrn(why, "no more descriptors", WHY_BYTES);
        return 0;
    }
    return 1;
}

static void report_failure(ms_dial_t *d, apr_time_t began, const char *why)
{
    if (ms_breaker_failed(d->breaker, ms_steady_now(), began, why)) {
        ms_log(d->sink, MS_LINE_DB_CONNECT, why);
    }
}

static void report_success(ms_dial_t *d)
{
    if (ms_breaker_connected(d->breaker, ms_steady_now())) {
        ms_log(d->sink, MS_LINE_DB_CONNECTED);
    }
}

/* ---- by a request ---- */

/* An attempt is left to itself: the server it waits for may be gone without a word, while another answers in its place. */
static void leave_attempt(ms_dial_t *d)
{
    int hangs_on = !ms_attempt_wait(d->attempt, 0);

    ms_attempt_leave(d->attempt);
    d->attempt = NULL;
    if (!hangs_on) {
        return;
    }
    d->patience = d->patience * 2 < apr_time_from_sec(PATIENCE_MAX) ? d->patience * 2 : apr_time_from_sec(PATIENCE_MAX);
}

/* Wait until nobody else connects. 0: the database is known to be down, or somebody has been trying for too long. */
static int await_turn(ms_dial_t *d, apr_time_t until)
{
    while (!ms_breaker_is_open(d->breaker)) {
        if (!d->connecting) {
            return 1;
        }
        if (!ms_steady_wait(&d->changed, &d->lock, until)) {
            return 0;
        }
    }
    return 0;
}

/* The attempt to wait for: the one that is under way, or has brought a connection meanwhile, or a new one. NULL: there is none to be had. */
static ms_attempt_t *next_attempt(ms_dial_t *d, int *fresh)
{
    ms_attempt_t *a = d->attempt;

    *fresh = 1;
    if (a && ms_attempt_is_good(a)) {
        *fresh = 0; /* it may have died since */
    }
    else if (a && (ms_attempt_wait(a, 0) || ms_breaker_is_over(d->breaker, ms_attempt_since(a))
                   || ms_steady_now() - ms_attempt_since(a) >= d->conf->wait)) {
        leave_attempt(d);
        a = NULL;
    }
    d->attempt = NULL;
    d->parked = d->blamed = 0;
    return a ? a : ms_attempt_start(apr_pool_abort_get(d->pool), d->driver, d->params, d->setup);
}

/* Connect, until that time. 0: it failed, and why; "": there was not even time for that. *attempt is left where it is not over. */
static int wait_for_attempt(ms_dial_t *d, ms_call_t *call, ms_attempt_t **attempt, apr_time_t until, char why[WHY_BYTES])
{
    ms_attempt_t *a = *attempt;
    apr_time_t limit;

    if (!a) {
        apr_cpystrn(why, "no memory or threads", WHY_BYTES);
        return 0;
    }
    limit = ms_attempt_since(a) + d->conf->wait;
    if (!ms_attempt_wait(a, until < limit ? until : limit)) {
        apr_cpystrn(why, ms_steady_now() >= limit ? hangs : "", WHY_BYTES);
        return 0;
    }
    *attempt = NULL;
    if (!ms_attempt_is_good(a)) {
        read_failure(a, why);
        return 0;
    }
    return adopt(d, call, a, why);
}

int ms_dial_connect(ms_dial_t *d, apr_time_t until, ms_call_t *call)
{
    char why[WHY_BYTES] = "";
    ms_attempt_t *attempt;
    apr_time_t began;
    int good;

    pthread_mutex_lock(&d->lock);
    if (!await_turn(d, until)) {
        pthread_mutex_unlock(&d->lock);
        ms_breaker_count(d->breaker);
        return 0;
    }
    d->connecting = 1;
    attempt = next_attempt(d, &call->fresh);
    began = attempt ? ms_attempt_since(attempt) : ms_steady_now();
    pthread_mutex_unlock(&d->lock);

    good = wait_for_attempt(d, call, &attempt, until, why);
    if (!good && *why) {
        report_failure(d, began, why); /* before those who wait for their turn look */
    }

    pthread_mutex_lock(&d->lock);
    d->connecting = 0;
    d->attempt = attempt;
    d->blamed = *why != '\0';
    d->patience = good ? apr_time_from_sec(PATIENCE) : d->patience;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
    if (good) {
        report_success(d);
    }
    return good;
}

/* ---- by a probe ---- */

/* A request left it under way, and it came to a good end before the breaker opened: it tells nothing of now. (One that hung, and
 * opened it, tells by its end that the database is back.) */
static int is_older(const ms_dial_t *d)
{
    return !d->blamed && ms_attempt_is_good(d->attempt) && ms_attempt_since(d->attempt) < d->breaker->since;
}

/* The next step of a probe: 1: it has succeeded; its connection is kept for the next request that needs one. Else `why` says what went
 * wrong, if anything did. */
static int step_probe(ms_dial_t *d, char why[WHY_BYTES])
{
    apr_interval_time_t age = d->attempt ? ms_steady_now() - ms_attempt_since(d->attempt) : 0;

    if (d->attempt && (d->parked || is_older(d))) { /* of an earlier outage, or before any */
        ms_attempt_leave(d->attempt);
        d->attempt = NULL;
    }
    d->parked = d->attempt && ms_attempt_is_good(d->attempt);
    if (d->parked) {
        d->patience = apr_time_from_sec(PATIENCE);
        return 1;
    }
    if (d->attempt && ms_attempt_wait(d->attempt, 0)) {
        read_failure(d->attempt, why);
        d->attempt = NULL;
    }
    else if (d->attempt && age >= d->patience) {
        leave_attempt(d);
    }
    else if (d->attempt && age >= d->conf->wait && !d->blamed) {
        apr_cpystrn(why, hangs, WHY_BYTES);
        d->blamed = 1;
    }
    if (!d->attempt && ms_breaker_may_probe(d->breaker, ms_steady_now())) {
        d->attempt = ms_attempt_start(apr_pool_abort_get(d->pool), d->driver, d->params, d->setup);
        d->blamed = 0;
    }
    return 0;
}

/* By the watch's thread, ten times a second. Some other process may be faster, and the breaker closes without us. */
void ms_dial_probe(ms_dial_t *d)
{
    char why[WHY_BYTES] = "";
    apr_time_t began;
    int good;

    if (!ms_breaker_is_open(d->breaker)) {
        return;
    }
    pthread_mutex_lock(&d->lock);
    began = d->attempt ? ms_attempt_since(d->attempt) : ms_steady_now();
    good = !d->connecting && step_probe(d, why);
    pthread_mutex_unlock(&d->lock);
    if (good) {
        report_success(d);
    }
    else if (*why) {
        report_failure(d, began, why);
    }
}

/* ---- life ---- */

ms_dial_t *ms_dial_make(apr_pool_t *pool, const apr_dbd_driver_t *driver, const ms_db_conf_t *conf, ms_breaker_t *breaker, const ms_sink_t *sink)
{
    ms_dial_t *d = apr_pcalloc(pool, sizeof *d);

    d->pool = pool;
    d->driver = driver;
    d->conf = conf;
    d->params = apr_pstrcat(pool, conf->params, strstr(conf->params, "fldsz=") ? "" : FLDSZ, ",reconnect=0", NULL);
    d->breaker = breaker;
    d->sink = sink;
    d->patience = apr_time_from_sec(PATIENCE);
    list_setup(d);
    pthread_mutex_init(&d->lock, NULL);
    ms_steady_init(&d->changed);
    return d;
}

void ms_dial_end(ms_dial_t *d)
{
    if (d->attempt) {
        ms_attempt_leave(d->attempt);
    }
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
}
