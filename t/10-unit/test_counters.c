/* test_counters.c: core/counters.c: what is counted where, by many processes at once; quantiles; the ring of latest requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/counters.h"

enum { SHOPS = 3, ROUTES = 4, PROCESSES = 4, ROUNDS = 300000, LOOKS = 100 };

static void *memory;
static ms_counters_t *counters;

/* At an address that fits nothing: whoever makes the block need not know of cache lines. */
static int start(void **state)
{
    size_t size = ms_counters_size(SHOPS, ROUTES) + 8;

    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    counters = memory == MAP_FAILED ? NULL : ms_counters_make((char *)memory + 8, SHOPS, ROUTES, 77);
    return counters == NULL;
}

static int stop(void **state)
{
    return munmap(memory, ms_counters_size(SHOPS, ROUTES) + 8);
}

static ms_seen_t seen_of(int route, int status, apr_interval_time_t took, apr_interval_time_t in_db)
{
    return (ms_seen_t){ .route = route, .status = status, .at = 1000, .took = took, .in_db = in_db };
}

static ms_route_counts_t counts_of(int shop, int route)
{
    ms_route_counts_t counts;

    ms_counters_route(counters, &counts, shop, route);
    return counts;
}

static void counts_are_apart(void **state)
{
    ms_seen_t good = seen_of(1, 200, 700, 300), bad = seen_of(1, 401, 90000, 0);
    ms_route_counts_t counts;
    int shop, route;

    bad.problem = MS_UNAUTHORIZED;
    bad.refused = 1;
    bad.hashes = 2;
    bad.tries = MS_TRY_SIGN_IN;
    bad.throttled = MS_THROTTLED;
    ms_counters_add(counters, 1, &good);
    ms_counters_add(counters, 1, &good);
    ms_counters_add(counters, 1, &bad);
    counts = counts_of(1, 1);
    assert_int_equal(counts.requests[1], 2);
    assert_int_equal(counts.requests[3], 1);
    assert_int_equal(counts.handler.count, 3);
    assert_int_equal(counts.handler.sum, 91400);
    assert_int_equal(counts.database.count, 2); /* the third did not ask it */
    assert_int_equal(counts.database.sum, 600);
    assert_int_equal(ms_counters_problem(counters, 1, MS_UNAUTHORIZED), 1);
    assert_int_equal(ms_counters_refused(counters, 1), 1);
    assert_int_equal(ms_counters_hashes(counters, 1), 2);
    assert_int_equal(ms_counters_throttled(counters, 1, MS_TRY_SIGN_IN, MS_THROTTLED), 1);
    assert_int_equal(ms_counters_throttled(counters, 1, MS_TRY_SIGN_IN, MS_THROTTLED_DRY), 0);
    assert_int_equal(ms_counters_throttled(counters, 1, MS_TRY_RESET, MS_THROTTLED), 0);
    assert_int_equal(ms_counters_throttled_all(counters, 1), 1);
    assert_int_equal(ms_counters_throttled_all(counters, 0), 0);
    assert_int_equal(ms_counters_since(counters), 77);
    for (shop = 0; shop < SHOPS; shop++) {
        for (route = 0; route < ROUTES; route++) {
            assert_int_equal(counts_of(shop, route).handler.count, shop == 1 && route == 1 ? 3 : 0);
        }
        assert_int_equal(ms_counters_refused(counters, shop), shop == 1);
        assert_int_equal(ms_counters_problem(counters, shop, MS_BUSY), 0);
    }
}

static void all_statuses_have_a_class(void **state)
{
    static const struct {
        int status, class;
    } rows[] = { { 100, 0 }, { 204, 1 }, { 304, 2 }, { 499, 3 }, { 503, 4 }, { 0, 0 }, { -1, 0 }, { 999, 4 } };
    size_t i;

    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        ms_seen_t seen = seen_of(2, rows[i].status, 1, 0);
        ms_route_counts_t before = counts_of(0, 2), after;

        ms_counters_add(counters, 0, &seen);
        after = counts_of(0, 2);
        assert_int_equal(after.requests[rows[i].class] - before.requests[rows[i].class], 1);
    }
}

/* A bound belongs to its own bucket: that is what `le` says. */
static void values_find_their_bucket(void **state)
{
    int i;

    for (i = 0; i < MS_BUCKETS; i++) {
        apr_interval_time_t bound = i < MS_BUCKETS - 1 ? ms_bucket_bounds[i] : ms_bucket_bounds[MS_BUCKETS - 2] * 50;
        ms_seen_t at = seen_of(3, 200, bound, 0), over = seen_of(3, 200, bound + 1, 0);
        ms_route_counts_t before = counts_of(0, 3), after;

        ms_counters_add(counters, 0, &at);
        ms_counters_add(counters, 0, &over);
        after = counts_of(0, 3);
        if (i < MS_BUCKETS - 1) {
            assert_int_equal(after.handler.bucket[i] - before.handler.bucket[i], 1);
            assert_int_equal(after.handler.bucket[i + 1] - before.handler.bucket[i + 1], 1);
            assert_true(i == 0 || ms_bucket_bounds[i] > ms_bucket_bounds[i - 1]);
        }
        else {
            assert_int_equal(after.handler.bucket[i] - before.handler.bucket[i], 2);
        }
    }
}

static void quantiles_lie_in_their_bucket(void **state)
{
    ms_histogram_t h = { .count = 0 };

    assert_int_equal(ms_histogram_quantile(&h, 0.5), MS_NO_QUANTILE);
    h.bucket[3] = 100; /* 2.5 to 5 ms */
    h.count = 100;
    assert_int_equal(ms_histogram_quantile(&h, 0.5), 3750);
    assert_int_equal(ms_histogram_quantile(&h, 1), 5000);
    h.bucket[0] = 100; /* to 0.5 ms */
    h.count = 200;
    assert_int_equal(ms_histogram_quantile(&h, 0.5), 500);
    assert_int_equal(ms_histogram_quantile(&h, 0.25), 250);
    assert_int_equal(ms_histogram_quantile(&h, 0.95), 4750);
    h.bucket[MS_BUCKETS - 1] = 1000;
    h.count = 1200;
    assert_int_equal(ms_histogram_quantile(&h, 0.95), 10000000);
}

static void counts_are_merged(void **state)
{
    ms_route_counts_t sum = { .handler = { .count = 1, .sum = 5, .bucket = { 1 } } };
    ms_route_counts_t more = { .requests = { 0, 2 }, .handler = { .count = 2, .sum = 7, .bucket = { 1, 1 } }, .database = { .count = 1, .sum = 3 } };

    ms_route_counts_merge(&sum, &more);
    assert_int_equal(sum.requests[1], 2);
    assert_int_equal(sum.handler.count, 3);
    assert_int_equal(sum.handler.sum, 12);
    assert_int_equal(sum.handler.bucket[0], 2);
    assert_int_equal(sum.handler.bucket[1], 1);
    assert_int_equal(sum.database.sum, 3);
}

static void the_latest_are_remembered(void **state)
{
    ms_seen_t seen[MS_LATELY];
    int i, n;

    assert_int_equal(ms_counters_lately(counters, seen, 2), 0);
    for (i = 0; i < 2 * MS_LATELY + 5; i++) {
        ms_seen_t one = seen_of(i % ROUTES, 200 + i, i == 0 ? APR_INT64_MAX : i * 10, i == 1 ? -1 : i);

        one.at = i;
        one.problem = i % 2 ? MS_BUSY : MS_OK;
        ms_counters_add(counters, 2, &one);
        n = ms_counters_lately(counters, seen, 2);
        assert_int_equal(n, i + 1 < MS_LATELY ? i + 1 : MS_LATELY);
        assert_int_equal(seen[0].at, i);
        assert_int_equal(seen[n - 1].at, i - n + 1);
        assert_int_equal(seen[0].route, one.route);
        assert_int_equal(seen[0].status, one.status);
        assert_int_equal(seen[0].problem, one.problem);
        assert_int_equal(seen[0].took, i == 0 ? (apr_interval_time_t)UINT32_MAX : i * 10);
        assert_int_equal(seen[0].in_db, i == 1 ? 0 : i);
    }
}

/* Each row of the ring is of one request only: all of its values are one number. */
static void look(int *rows, int *torn)
{
    ms_seen_t seen[MS_LATELY];
    int i, n = ms_counters_lately(counters, seen, 0);

    for (i = 0; i < n; i++) {
        *rows += 1;
        *torn += seen[i].at != seen[i].took || seen[i].took != seen[i].in_db || seen[i].status != 200;
    }
}

static void hammer(int number)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        ms_seen_t seen = seen_of(0, 200, number * ROUNDS + i + 1, number * ROUNDS + i + 1);

        seen.at = seen.took;
        ms_counters_add(counters, 0, &seen);
    }
    _exit(0);
}

static void processes_count_together(void **state)
{
    pid_t children[PROCESSES];
    ms_route_counts_t counts;
    int i, status, rows = 0, torn = 0, running = PROCESSES;

    memset((char *)memory + 8, 0, ms_counters_size(SHOPS, ROUTES));
    counters = ms_counters_make((char *)memory + 8, SHOPS, ROUTES, 1);
    for (i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (!children[i]) {
            hammer(i);
        }
        assert_true(children[i] > 0);
    }
    while (running) {
        for (i = 0; i < LOOKS; i++) {
            look(&rows, &torn);
        }
        for (i = 0; i < PROCESSES; i++) {
            if (children[i] && waitpid(children[i], &status, WNOHANG) == children[i]) {
                assert_int_equal(status, 0);
                children[i] = 0;
                running--;
            }
        }
    }
    assert_int_equal(torn, 0);
    assert_true(rows > MS_LATELY); /* it is not always in the middle of something */
    counts = counts_of(0, 0);
    assert_int_equal(counts.requests[1], PROCESSES * ROUNDS);
    assert_int_equal(counts.handler.count, PROCESSES * ROUNDS);
    assert_int_equal(counts.handler.sum, (apr_uint64_t)PROCESSES * ROUNDS * (PROCESSES * ROUNDS + 1) / 2);
    assert_int_equal(counts.database.count, PROCESSES * ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_apart),
        cmocka_unit_test(all_statuses_have_a_class),
        cmocka_unit_test(values_find_their_bucket),
        cmocka_unit_test(quantiles_lie_in_their_bucket),
        cmocka_unit_test(counts_are_merged),
        cmocka_unit_test(the_latest_are_remembered),
        cmocka_unit_test(processes_count_together),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
