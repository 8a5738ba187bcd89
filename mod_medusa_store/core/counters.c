/* counters.c: the layout of the shared block of counters, and how it is written and read without locks.
 *
 * Counters are relaxed atomics: sums that nobody waits for. What belongs to different routes or shops lies in different cache lines.
 * The ring of latest requests is a sequence lock a row. Called by httpd/count.c and by those who show the counts. */
#include "core/counters.h"

#include <stdatomic.h>
#include <stdint.h>

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock inside of an atomic would not be shared by processes");

enum { LINE = 64 }; /* bytes of a cache line */

#define MS(n) ((n) * 1000)

const apr_interval_time_t ms_bucket_bounds[MS_BUCKETS - 1] = {
    500, MS(1), 2500, MS(5), MS(10), MS(25), MS(50), MS(100), MS(250), MS(500), MS(1000), MS(2500), MS(5000), MS(10000)
};

typedef _Atomic(apr_uint64_t) cell_t;

typedef struct {
    cell_t bucket[MS_BUCKETS], sum;
} histogram_t;

typedef struct {
    _Alignas(LINE) cell_t requests[MS_CLASSES];
    _Alignas(LINE) histogram_t handler;
    histogram_t database;
} route_t;

/* A row of the ring: odd while somebody writes it. */
typedef struct {
    _Alignas(LINE) cell_t sequence;
    cell_t number, at, times, facts;
} row_t;

typedef struct {
    _Alignas(LINE) cell_t problems[MS_PROBLEM_COUNT];
    cell_t refused, hashes;
    cell_t throttled[MS_TRY_COUNT][MS_THROTTLED_COUNT];
    _Alignas(LINE) cell_t next; /* number of the next request to remember */
    row_t ring[MS_LATELY];
} shop_t;

struct ms_counters_t {
    _Alignas(LINE) apr_time_t since;
    int shops, routes;
    _Alignas(LINE) shop_t shop[]; /* and behind them the routes of each */
};

size_t ms_counters_size(int shops, int routes)
{
    return LINE + sizeof(ms_counters_t) + (size_t)shops * (sizeof(shop_t) + (size_t)routes * sizeof(route_t));
}

ms_counters_t *ms_counters_make(void *memory, int shops, int routes, apr_time_t now)
{
    ms_counters_t *counters = (ms_counters_t *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);

    counters->since = now;
    counters->shops = shops;
    counters->routes = routes;
    return counters;
}

static const route_t *route_of(const ms_counters_t *counters, int shop, int route)
{
    return (const route_t *)(counters->shop + counters->shops) + shop * counters->routes + route;
}

/* ---- writing ---- */

static void add(cell_t *cell, apr_uint64_t n)
{
    atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

static void set(cell_t *cell, apr_uint64_t value)
{
    atomic_store_explicit(cell, value, memory_order_relaxed);
}

static apr_uint64_t get(const cell_t *cell)
{
    return atomic_load_explicit((cell_t *)(uintptr_t)cell, memory_order_relaxed);
}

static void observe(histogram_t *histogram, apr_interval_time_t time)
{
    int i = 0;

    while (i < MS_BUCKETS - 1 && time > ms_bucket_bounds[i]) {
        i++;
    }
    add(&histogram->bucket[i], 1);
    add(&histogram->sum, (apr_uint64_t)time);
}

/* Half a word is an hour; no request takes longer. */
static apr_uint64_t half(apr_interval_time_t time)
{
    return time < 0 ? 0 : time < UINT32_MAX ? (apr_uint64_t)time : UINT32_MAX;
}

/* Who meets another writer in the same row was overtaken by a whole round of the ring: what it has to tell is old. A process that is
 * killed in here leaves its row behind: it is not used again. */
static void remember(shop_t *shop, const ms_seen_t *seen)
{
    apr_uint64_t number = atomic_fetch_add_explicit(&shop->next, 1, memory_order_relaxed);
    row_t *row = &shop->ring[number % MS_LATELY];
    apr_uint64_t sequence = get(&row->sequence);

    if ((sequence & 1) || !atomic_compare_exchange_strong_explicit(&row->sequence, &sequence, sequence + 1, memory_order_relaxed, memory_order_relaxed)) {
        return;
    }
    atomic_thread_fence(memory_order_release);
    set(&row->number, number);
    set(&row->at, (apr_uint64_t)seen->at);
    set(&row->times, half(seen->took) << 32 | half(seen->in_db));
    set(&row->facts, (apr_uint64_t)seen->route << 32 | (apr_uint64_t)(seen->status & 0xffff) << 16 | (apr_uint64_t)seen->problem);
    atomic_store_explicit(&row->sequence, sequence + 2, memory_order_release);
}

void ms_counters_add(ms_counters_t *counters, int number, const ms_seen_t *seen)
{
    shop_t *shop = &counters->shop[number];
    route_t *route = (route_t *)(uintptr_t)route_of(counters, number, seen->route);
    int class = seen->status / 100 - 1;

    add(&route->requests[class < 0 ? 0 : class < MS_CLASSES ? class : MS_CLASSES - 1], 1);
    observe(&route->handler, seen->took);
    if (seen->in_db > 0) {
        observe(&route->database, seen->in_db);
    }
    if (seen->problem != MS_OK) {
        add(&shop->problems[seen->problem], 1);
    }
    if (seen->refused) {
        add(&shop->refused, 1);
    }
    if (seen->hashes) {
        add(&shop->hashes, (apr_uint64_t)seen->hashes);
    }
    if (seen->throttled) {
        add(&shop->throttled[seen->tries][seen->throttled], 1);
    }
    remember(shop, seen);
}

/* ---- reading ---- */

static void read_histogram(ms_histogram_t *to, const histogram_t *from)
{
    int i;

    to->count = 0;
    for (i = 0; i < MS_BUCKETS; i++) {
        to->bucket[i] = get(&from->bucket[i]);
        to->count += to->bucket[i];
    }
    to->sum = get(&from->sum);
}

void ms_counters_route(const ms_counters_t *counters, ms_route_counts_t *counts, int shop, int number)
{
    const route_t *route = route_of(counters, shop, number);
    int i;

    for (i = 0; i < MS_CLASSES; i++) {
        counts->requests[i] = get(&route->requests[i]);
    }
    read_histogram(&counts->handler, &route->handler);
    read_histogram(&counts->database, &route->database);
}

apr_uint64_t ms_counters_problem(const ms_counters_t *counters, int shop, ms_rc_t problem)
{
    return get(&counters->shop[shop].problems[problem]);
}

apr_uint64_t ms_counters_refused(const ms_counters_t *counters, int shop)
{
    return get(&counters->shop[shop].refused);
}

apr_uint64_t ms_counters_hashes(const ms_counters_t *counters, int shop)
{
    return get(&counters->shop[shop].hashes);
}

apr_uint64_t ms_counters_throttled(const ms_counters_t *counters, int shop, ms_try_t kind, enum ms_throttled_t how)
{
    return get(&counters->shop[shop].throttled[kind][how]);
}

apr_uint64_t ms_counters_throttled_all(const ms_counters_t *counters, int shop)
{
    apr_uint64_t sum = 0;
    int kind;

    for (kind = 0; kind < MS_TRY_COUNT; kind++) {
        sum += ms_counters_throttled(counters, shop, (ms_try_t)kind, MS_THROTTLED);
    }
    return sum;
}

apr_time_t ms_counters_since(const ms_counters_t *counters)
{
    return counters->since;
}

/* 0: the row is not that request's, or is being written. */
static int read_row(ms_seen_t *seen, const row_t *row, apr_uint64_t number)
{
    apr_uint64_t before = atomic_load_explicit((cell_t *)(uintptr_t)&row->sequence, memory_order_acquire), times, facts;
    int fits = get(&row->number) == number;

    seen->at = (apr_time_t)get(&row->at);
    times = get(&row->times);
    facts = get(&row->facts);
    atomic_thread_fence(memory_order_acquire);
    if (!fits || !before || (before & 1) || get(&row->sequence) != before) {
        return 0;
    }
    seen->took = (apr_interval_time_t)(times >> 32);
    seen->in_db = (apr_interval_time_t)(times & UINT32_MAX);
    seen->route = (int)(facts >> 32);
    seen->status = (int)(facts >> 16 & 0xffff);
    seen->problem = (ms_rc_t)(facts & 0xffff);
    seen->refused = seen->hashes = 0;
    seen->tries = MS_TRY_NONE;
    seen->throttled = MS_THROTTLED_NOT;
    return 1;
}

int ms_counters_lately(const ms_counters_t *counters, ms_seen_t *seen, int number)
{
    const shop_t *shop = &counters->shop[number];
    apr_uint64_t next = get(&shop->next), i;
    int n = 0;

    for (i = next; i > 0 && next - i < MS_LATELY; i--) {
        n += read_row(&seen[n], &shop->ring[(i - 1) % MS_LATELY], i - 1);
    }
    return n;
}

static void merge(ms_histogram_t *sum, const ms_histogram_t *more)
{
    int i;

    for (i = 0; i < MS_BUCKETS; i++) {
        sum->bucket[i] += more->bucket[i];
    }
    sum->count += more->count;
    sum->sum += more->sum;
}

void ms_route_counts_merge(ms_route_counts_t *sum, const ms_route_counts_t *more)
{
    int i;

    for (i = 0; i < MS_CLASSES; i++) {
        sum->requests[i] += more->requests[i];
    }
    merge(&sum->handler, &more->handler);
    merge(&sum->database, &more->database);
}

apr_interval_time_t ms_histogram_quantile(const ms_histogram_t *histogram, double share)
{
    double rank = share * (double)histogram->count;
    apr_uint64_t below = 0;
    apr_interval_time_t from = 0;
    int i;

    if (!histogram->count) {
        return MS_NO_QUANTILE;
    }
    for (i = 0; i < MS_BUCKETS - 1; i++) {
        apr_uint64_t inside = histogram->bucket[i];

        if (inside && (double)(below + inside) >= rank) {
            return from + (apr_interval_time_t)((double)(ms_bucket_bounds[i] - from) * (rank - (double)below) / (double)inside);
        }
        below += inside;
        from = ms_bucket_bounds[i];
    }
    return from;
}
