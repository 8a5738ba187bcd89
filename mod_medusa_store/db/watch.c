/* watch.c: cuts statements that outlive their time: the driver knows no timeout for reading, so the socket is shut down.
 *
 * Knows connections and their deadlines; called by pool.c only. */
#include "db/watch.h"
#include "db/steady.h"

#include <apr_thread_proc.h>
#include <sys/socket.h>

enum { PERIOD = 100 * 1000 }; /* microseconds; a statement whose time is shorter may be cut so much later */

struct ms_watch_t {
    ms_db_t *db;
    void (*cut)(ms_conn_t *conn);
    void (*tick)(ms_db_t *db);
    pthread_mutex_t lock;
    pthread_cond_t stop;
    apr_thread_t *thread;
    int stopping;
    ms_conn_t *open; /* list of connected places */
};

void ms_watch_add(ms_watch_t *w, ms_conn_t *conn)
{
    pthread_mutex_lock(&w->lock);
    conn->previous = NULL;
    conn->next = w->open;
    if (conn->next) {
        conn->next->previous = conn;
    }
    w->open = conn;
    pthread_mutex_unlock(&w->lock);
}

void ms_watch_remove(ms_watch_t *w, ms_conn_t *conn)
{
    pthread_mutex_lock(&w->lock);
    if (conn->previous) {
        conn->previous->next = conn->next;
    }
    else if (w->open == conn) {
        w->open = conn->next;
    }
    if (conn->next) {
        conn->next->previous = conn->previous;
    }
    conn->next = conn->previous = NULL;
    pthread_mutex_unlock(&w->lock);
}

/* By exchange, so that a statement which ends in this moment is not taken for the next one. Gives back when to look again. */
static apr_time_t cut_overdue(ms_watch_t *w)
{
    apr_time_t now = ms_steady_now(), again = now + PERIOD;
    ms_conn_t *conn;

    for (conn = w->open; conn; conn = conn->next) {
        apr_time_t deadline = conn->deadline;

        if (deadline > 0 && now >= deadline && atomic_compare_exchange_strong(&conn->deadline, &deadline, MS_CONN_CUT)) {
            shutdown(conn->socket, SHUT_RDWR); /* the thread that reads from it gets error 2013 */
            w->cut(conn);
        }
        else if (deadline > 0 && deadline < again) {
            again = deadline;
        }
    }
    return again;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    ms_watch_t *w = data;
    apr_time_t again;

    apr_setup_signal_thread(); /* httpd's signals are not for it */
    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        again = cut_overdue(w);
        pthread_mutex_unlock(&w->lock); /* a request may end meanwhile */
        w->tick(w->db);
        pthread_mutex_lock(&w->lock);
        if (!w->stopping) {
            ms_steady_wait(&w->stop, &w->lock, again);
        }
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

apr_status_t ms_watch_start(ms_watch_t **watch, apr_pool_t *pool, void (*cut)(ms_conn_t *conn), void (*tick)(ms_db_t *db), ms_db_t *db)
{
    ms_watch_t *w = apr_pcalloc(pool, sizeof *w);

    *watch = w;
    w->db = db;
    w->cut = cut;
    w->tick = tick;
    pthread_mutex_init(&w->lock, NULL);
    ms_steady_init(&w->stop);
    return apr_thread_create(&w->thread, NULL, run, w, pool);
}

void ms_watch_stop(ms_watch_t *w)
{
    apr_status_t ignored;

    pthread_mutex_lock(&w->lock);
    w->stopping = 1;
    pthread_cond_signal(&w->stop);
    pthread_mutex_unlock(&w->lock);
    apr_thread_join(&ignored, w->thread);
    /* the lock stays: connections that are closed after this are still taken off the list */
}
