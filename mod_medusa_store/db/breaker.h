/* breaker.h: whether a database should be asked at all; one for each, in memory that all processes of the server share.
 *
 * It opens when a connect fails, and then no request connects any more; and when statement after statement is cut, and then no request
 * asks at all. One process at a time probes the database: soon at first, then once a second. The first success closes it. */
#ifndef MS_DB_BREAKER_H
#define MS_DB_BREAKER_H

#include <apr.h>
#include <apr_time.h>
#include <stdatomic.h>

enum { MS_CUTS_MAX = 3 }; /* statements cut in a row that make a database silent */

/** Zeroed memory is a closed one. Times are on the steady clock, which all processes of a machine have in common. */
typedef struct {
    atomic_int cuts;                 /* statements that were cut since one came back */
    atomic_int unreachable;          /* 1: the last connect failed */
    _Atomic(apr_time_t) since;       /* when it opened; 0: it is closed */
    _Atomic(apr_time_t) closed_at;   /* when it last closed; 0: never */
    _Atomic(apr_time_t) probe_at;    /* when the next probe is due */
    _Atomic(apr_interval_time_t) pause; /* from that one to the one after it */
    _Atomic(apr_time_t) told_at;     /* when the log was last told of it; 0: never */
    _Atomic(apr_uint32_t) told_cause;
    atomic_int told;                 /* 1: the log knows that it is open */
    _Atomic(apr_time_t) served_at;   /* when a request of any process was last done with it, and its connection good */
    _Atomic(apr_uint64_t) opened;    /* how often it did */
    _Atomic(apr_uint64_t) refused;   /* requests that were not let to the database */
} ms_breaker_t;

/** 1: no request may ask the database, not even by a connection that is there. */
static inline int ms_breaker_is_silent(const ms_breaker_t *breaker)
{
    return atomic_load_explicit(&breaker->cuts, memory_order_relaxed) >= MS_CUTS_MAX;
}

/** 1: a connect that was begun then tells nothing: it met the database as it was before the breaker closed. */
static inline int ms_breaker_is_over(const ms_breaker_t *breaker, apr_time_t began)
{
    return began < atomic_load_explicit(&breaker->closed_at, memory_order_relaxed);
}

/** 1: it is open: no request may connect. */
int ms_breaker_is_open(const ms_breaker_t *breaker);

/** 1: it is open, a probe is due, and it is the caller's, who must make it. */
int ms_breaker_may_probe(ms_breaker_t *breaker, apr_time_t now);

/** A request was not let to the database. */
void ms_breaker_count(ms_breaker_t *breaker);

/** What was seen of the database: a connect that was begun at `began` and failed, for the cause in this text; a statement that was cut.
 *  1: the log should be told: at the opening, but not of the same cause twice a minute, and once a minute while it lasts. */
int ms_breaker_failed(ms_breaker_t *breaker, apr_time_t now, apr_time_t began, const char *cause);
int ms_breaker_was_cut(ms_breaker_t *breaker, apr_time_t now);

/** A connect succeeded; the server answered a statement. 1: the log should be told that the database is back. */
int ms_breaker_connected(ms_breaker_t *breaker, apr_time_t now);
int ms_breaker_answered(ms_breaker_t *breaker, apr_time_t now);

#endif
