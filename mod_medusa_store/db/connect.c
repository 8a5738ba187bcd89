/* connect.c: connects in a thread of its own, for nothing can cut apr_dbd_open: a database that accepts and never answers
 * then keeps this thread, and neither a request nor the end of the child.
 *
 * An attempt lives in a pool of its own and knows nothing of who waits for it: it may outlive them all.
 * Knows apr_dbd; called by dial.c only. */
#include "db/connect.h"
#include "db/steady.h"

#include <apr_strings.h>
#include <mysql.h>
#include <signal.h>

enum { STACK_BYTES = 512 * 1024 }; /* it may be many threads: a name is looked up, TLS is spoken, no more */

struct ms_attempt_t {
    apr_pool_t *pool; /* of all this, and of the connection that comes of it */
    const apr_dbd_driver_t *driver;
    const char *params;
    const char **setup; /* ends with NULL */
    apr_time_t since;
    apr_dbd_t *handle;
    const char *why;

    pthread_mutex_t lock;
    pthread_cond_t changed;
    int over; /* the thread has done its part */
    int left; /* nobody waits for it any more */
};

/* Why it is no use, or NULL; in words that need no connection any more. */
static const char *set_up(ms_attempt_t *a)
{
    int i, error = 0, ignored;

    for (i = 0; a->setup[i] && !error; i++) {
        error = apr_dbd_query(a->driver, a->handle, &ignored, a->setup[i]);
    }
    return error ? apr_pstrdup(a->pool, apr_dbd_error(a->driver, a->handle, error)) : NULL;
}

static void try(ms_attempt_t *a)
{
    const char *error = NULL;

    if (apr_dbd_open_ex(a->driver, a->pool, a->params, &a->handle, &error)) {
        a->handle = NULL;
        a->why = error ? error : "no reason given";
        return;
    }
    a->why = set_up(a);
    if (a->why) {
        apr_dbd_close(a->driver, a->handle);
        a->handle = NULL;
    }
}

static void *attempt_connect(void *data)
{
    ms_attempt_t *a = data;
    int left;

    try(a);
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

static const char **copy(apr_pool_t *pool, const char *const *list)
{
    const char **copied;
    int i, n = 0;

    while (list[n]) {
        n++;
    }
    copied = apr_pcalloc(pool, ((size_t)n + 1) * sizeof *copied);
    for (i = 0; i < n; i++) {
        copied[i] = apr_pstrdup(pool, list[i]);
    }
    return copied;
}

ms_attempt_t *ms_attempt_start(apr_abortfunc_t no_memory, const apr_dbd_driver_t *driver, const char *params, const char *const *setup)
{
    apr_pool_t *pool;
    ms_attempt_t *a;

    if (apr_pool_create_unmanaged_ex(&pool, no_memory, NULL)) {
        return NULL;
    }
    a = apr_pcalloc(pool, sizeof *a);
    a->pool = pool;
    a->driver = driver;
    a->params = apr_pstrdup(pool, params);
    a->setup = copy(pool, setup);
    a->since = ms_steady_now();
    pthread_mutex_init(&a->lock, NULL);
    ms_steady_init(&a->changed);
    if (start_thread(a)) {
        apr_pool_destroy(pool);
        return NULL;
    }
    return a;
}

int ms_attempt_wait(ms_attempt_t *a, apr_time_t until)
{
    int over, more = 1;

    pthread_mutex_lock(&a->lock);
    while (!a->over && more) {
        more = ms_steady_wait(&a->changed, &a->lock, until);
    }
    over = a->over;
    pthread_mutex_unlock(&a->lock);
    return over;
}

int ms_attempt_is_good(ms_attempt_t *a)
{
    return ms_attempt_wait(a, 0) && a->handle;
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
