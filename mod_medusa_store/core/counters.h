/* counters.h: what came in and what became of it, counted by all processes at once in one block of shared memory.
 *
 * Shops and routes are numbers here; httpd/count.c, which makes the block, gives them their names. */
#ifndef MS_CORE_COUNTERS_H
#define MS_CORE_COUNTERS_H

#include <apr.h>
#include <apr_time.h>
#include <stddef.h>

#include "core/problem.h"
#include "core/tries.h"

enum {
    MS_CLASSES = 5,  /* of statuses: 1xx to 5xx */
    MS_BUCKETS = 15, /* of a histogram, the last one without a bound */
    MS_LATELY = 32   /* requests that a shop remembers */
};

/** Upper bounds of all buckets but the last, in microseconds, ascending; a value that is equal to one belongs to it. */
extern const apr_interval_time_t ms_bucket_bounds[MS_BUCKETS - 1];

/** The block. Counting takes neither memory nor locks, and every process that has the block may do it at any time. */
typedef struct ms_counters_t ms_counters_t;

/** How many bytes a block takes. */
size_t ms_counters_size(int shops, int routes);

/** Make a block of zeroed memory of that size, at any address; `now` is told as the beginning. It is never freed by itself. */
ms_counters_t *ms_counters_make(void *memory, int shops, int routes, apr_time_t now);

/** A request that was answered. */
typedef struct {
    int route;
    int status;                /* of HTTP */
    ms_rc_t problem;           /* MS_OK: none */
    int refused;               /* 1: a sign-in whose password or e-mail was wrong */
    ms_try_t tries;            /* what kind of try it was */
    enum ms_throttled_t throttled;
    int hashes;                /* passwords that it had hashed */
    apr_time_t at;             /* when it came */
    apr_interval_time_t took;  /* microseconds */
    apr_interval_time_t in_db; /* of them with the database; 0: it was not asked */
} ms_seen_t;

/** Count a request of a shop and remember it. */
void ms_counters_add(ms_counters_t *counters, int shop, const ms_seen_t *seen);

/** A histogram as it was when it was read; times in microseconds. */
typedef struct {
    apr_uint64_t bucket[MS_BUCKETS]; /* each without those before it */
    apr_uint64_t count, sum;
} ms_histogram_t;

/** What was counted for a route of a shop. */
typedef struct {
    apr_uint64_t requests[MS_CLASSES];
    ms_histogram_t handler;
    ms_histogram_t database; /* of those requests that asked it */
} ms_route_counts_t;

/** Read the counts; others may count meanwhile. */
void ms_counters_route(const ms_counters_t *counters, ms_route_counts_t *counts, int shop, int route);
/** The same over all routes of a shop. */
void ms_counters_shop(const ms_counters_t *counters, ms_route_counts_t *counts, int shop);
apr_uint64_t ms_counters_problem(const ms_counters_t *counters, int shop, ms_rc_t problem);
apr_uint64_t ms_counters_refused(const ms_counters_t *counters, int shop);
apr_uint64_t ms_counters_hashes(const ms_counters_t *counters, int shop);
/** Tries of a kind that were one too many: refused, or only counted. */
apr_uint64_t ms_counters_throttled(const ms_counters_t *counters, int shop, ms_try_t kind, enum ms_throttled_t how);
/** Those that were refused, of all kinds. */
apr_uint64_t ms_counters_throttled_all(const ms_counters_t *counters, int shop);

/** When counting began. */
apr_time_t ms_counters_since(const ms_counters_t *counters);

/** The latest requests of a shop, newest first, at most MS_LATELY; gives back how many. `refused`, `tries`, `throttled` and `hashes` are not remembered. */
int ms_counters_lately(const ms_counters_t *counters, ms_seen_t *seen, int shop);

/** Add the counts of one to another. */
void ms_route_counts_merge(ms_route_counts_t *sum, const ms_route_counts_t *more);

enum { MS_NO_QUANTILE = -1 };

/** The value below which a share (0.95) of a histogram lies, in microseconds: even within its bucket, as Prometheus takes it; the last
 *  bound where it lies beyond. MS_NO_QUANTILE: nothing was counted. */
apr_interval_time_t ms_histogram_quantile(const ms_histogram_t *histogram, double share);

#endif
