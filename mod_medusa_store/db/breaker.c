/* breaker.c: the states of a breaker, by atomics alone: processes that die in here leave nothing locked.
 *
 * Steps of several processes may mix; the worst that comes of it is a probe or a line of the log too many. Knows no database; called
 * by pool.c. */
#include "db/breaker.h"

enum {
    FIRST_PAUSE = 100 * 1000, /* microseconds from the opening to the first probe; each pause is twice the one before it */
    PAUSE_MAX = 1000 * 1000,
    TELL_PAUSE = 60 /* seconds between two lines of the log on the same */
};

int ms_breaker_is_open(const ms_breaker_t *breaker)
{
    return atomic_load_explicit(&breaker->unreachable, memory_order_relaxed) || ms_breaker_is_silent(breaker);
}

void ms_breaker_count(ms_breaker_t *breaker)
{
    atomic_fetch_add_explicit(&breaker->refused, 1, memory_order_relaxed);
}

int ms_breaker_may_probe(ms_breaker_t *breaker, apr_time_t now)
{
    apr_time_t due = breaker->probe_at;
    apr_interval_time_t pause = breaker->pause;

    if (!ms_breaker_is_open(breaker) || now < due || !atomic_compare_exchange_strong(&breaker->probe_at, &due, now + pause)) {
        return 0;
    }
    breaker->pause = pause * 2 < PAUSE_MAX ? pause * 2 : PAUSE_MAX;
    return 1;
}

/* ---- opening ---- */

/* FNV-1a */
static apr_uint32_t digest(const char *text)
{
    apr_uint32_t hash = 2166136261U;

    for (; *text; text++) {
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    }
    return hash;
}

/* 1: it opened just now. */
static int open_now(ms_breaker_t *breaker, apr_time_t now)
{
    apr_time_t closed = 0;

    if (!atomic_compare_exchange_strong(&breaker->since, &closed, now)) {
        return 0;
    }
    breaker->pause = 2 * FIRST_PAUSE;
    breaker->probe_at = now + FIRST_PAUSE;
    atomic_fetch_add(&breaker->opened, 1);
    return 1;
}

static int should_tell(ms_breaker_t *breaker, apr_time_t now, int opened, const char *cause)
{
    apr_time_t last = breaker->told_at;
    apr_uint32_t what = digest(cause);
    int is_new = !last || now - last > apr_time_from_sec(TELL_PAUSE) || (opened && what != breaker->told_cause);

    if (!is_new || !atomic_compare_exchange_strong(&breaker->told_at, &last, now)) {
        return 0;
    }
    breaker->told_cause = what;
    breaker->told = 1;
    return 1;
}

int ms_breaker_failed(ms_breaker_t *breaker, apr_time_t now, apr_time_t began, const char *cause)
{
    if (ms_breaker_is_over(breaker, began)) {
        return 0;
    }
    breaker->unreachable = 1;
    return should_tell(breaker, now, open_now(breaker, now), cause);
}

int ms_breaker_was_cut(ms_breaker_t *breaker, apr_time_t now)
{
    if (atomic_fetch_add(&breaker->cuts, 1) + 1 < MS_CUTS_MAX) {
        return 0;
    }
    return should_tell(breaker, now, open_now(breaker, now), "silence");
}

/* ---- closing ---- */

static int close_now(ms_breaker_t *breaker, apr_time_t now)
{
    if (ms_breaker_is_open(breaker) || !atomic_exchange(&breaker->since, 0)) {
        return 0;
    }
    breaker->closed_at = now;
    return atomic_exchange(&breaker->told, 0);
}

/* A server that lets in may still be stuck: the next statement that is cut opens it again. */
int ms_breaker_connected(ms_breaker_t *breaker, apr_time_t now)
{
    int cuts = breaker->cuts;

    if (!ms_breaker_is_open(breaker)) {
        return 0;
    }
    breaker->unreachable = 0;
    while (cuts >= MS_CUTS_MAX && !atomic_compare_exchange_strong(&breaker->cuts, &cuts, MS_CUTS_MAX - 1)) {
    }
    return close_now(breaker, now);
}

int ms_breaker_answered(ms_breaker_t *breaker, apr_time_t now)
{
    if (!atomic_load_explicit(&breaker->cuts, memory_order_relaxed)) {
        return 0;
    }
    breaker->cuts = 0;
    return close_now(breaker, now);
}
