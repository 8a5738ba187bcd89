/* connect.c: connects in a thread of its own, for nothing can cut apr_dbd_open: a database that accepts and never answers
 * then keeps this thread, and neither a request nor the end of the child.
 *
 * An attempt lives in a pool of its own and knows nothing of who waits for it: it may outlive them all.
 * Knows apr_dbd; called by pool.c only. */
#include "db/connect.h"
#include "core/time.h"

#include <apr_strings.h>
#include <mysql.h>
#include <pthread.h>
#include <signal.h>

enum { STACK_BYTES = 512 * 1024 }; /* it may be many threads: a name is looked up, TLS is spoken, no more */

struct ms_attempt_t {
    apr_pool_t *pool; /* of all this, and of the connection that comes of it */
    const apr_dbd_driver_t *driver;
    const char *params;
    apr_time_t since;
    apr_dbd_t *handle;
    const char *why;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    int over; /* the thread has done its part */
    int left; /* nobody waits for it any more */
};

static void *attempt_connect(void *data)
{
    ms_attempt_t *a = data;
    const char *error = NULL;
    int left;

    if (apr_dbd_open_ex(a->driver, a->pool, a->params, &a->handle, &error)) {
        a->handle = NULL;
        a->why = error ? error : "no reason given";
    }
    pthread_mutex_lock(&a->lock);
    a->over = 1;
    left = a->left;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    if (left) {
        ms_attempt_leave(a);
    }
    mysql_thread_end();
    return NULL;
}

/* httpd's signals are not for this thread. */
static int start_thread(ms_attempt_t *a)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    int error;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, attempt_connect, a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

ms_attempt_t *ms_attempt_start(const apr_dbd_driver_t *driver, const char *params)
{
    pthread_condattr_t attributes;
    apr_pool_t *pool;
    ms_attempt_t *a;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL)) {
        return NULL;
    }
    a = apr_pcalloc(pool, sizeof *a);
    a->pool = pool;
    a->driver = driver;
    a->params = apr_pstrdup(pool, params);
    a->since = ms_steady_now();
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (start_thread(a)) {
        apr_pool_destroy(pool);
        return NULL;
    }
    return a;
}

int ms_attempt_wait(ms_attempt_t *a, apr_interval_time_t wait)
{
    apr_time_t until = ms_steady_now() + wait;
    struct timespec end = { apr_time_sec(until), apr_time_usec(until) * 1000 };
    int over, error = 0;

    pthread_mutex_lock(&a->lock);
    while (!a->over && !error) {
        error = pthread_cond_timedwait(&a->changed, &a->lock, &end);
    }
    over = a->over;
    pthread_mutex_unlock(&a->lock);
    return over;
}

apr_time_t ms_attempt_since(const ms_attempt_t *a)
{
    return a->since;
}

static void end(ms_attempt_t *a)
{
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
}

void ms_attempt_take(ms_attempt_t *a, apr_pool_t **pool, apr_dbd_t **handle, const char **why)
{
    *pool = a->pool;
    *handle = a->handle;
    *why = a->why;
    end(a);
}

void ms_attempt_leave(ms_attempt_t *a)
{
    int over;

    pthread_mutex_lock(&a->lock);
    over = a->over;
    a->left = 1;
    pthread_mutex_unlock(&a->lock);
    if (!over) {
        return;
    }
    if (a->handle) {
        apr_dbd_close(a->driver, a->handle);
    }
    end(a);
    apr_pool_destroy(a->pool);
}
