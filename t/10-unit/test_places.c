/* test_places.c: db/places.c: who gets a place, how long the others wait, and that threads are left to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/time.h"
#include "db/places.h"
#include "fixture.h"

#define MS(n) ((apr_interval_time_t)(n) * 1000)

enum { PLACES = 4, THREADS = 8, ROUNDS = 20000 };

static int place[PLACES];
static _Atomic(apr_time_t) served; /* in any process */

/* A list of up to four places in a room of so many threads. */
static ms_places_t *make(ms_room_t *room, int max, int keep, apr_interval_time_t exptime)
{
    void *all[PLACES];
    ms_places_conf_t conf = { max, keep, exptime, &served };
    int i;

    for (i = 0; i < PLACES; i++) {
        all[i] = &place[i];
    }
    return ms_places_make(pool, room, &conf, all);
}

static void *take(ms_places_t *places, int milliseconds)
{
    return ms_places_take(places, ms_steady_now() + MS(milliseconds));
}

static void the_last_one_used_comes_first(void **state)
{
    ms_places_t *p = make(ms_room_make(pool, 100), 3, 3, MS(1000000));
    void *a = take(p, 0), *b = take(p, 0), *c = take(p, 0);

    assert_true(a && b && c && a != b && b != c && a != c);
    assert_null(take(p, 0));
    assert_null(ms_places_give(p, a, 1));
    assert_null(ms_places_give(p, b, 1));
    assert_null(ms_places_give(p, c, 0)); /* without a connection: the last choice */
    assert_ptr_equal(take(p, 0), b);
    assert_ptr_equal(take(p, 0), a);
    assert_ptr_equal(take(p, 0), c);
}

static void who_waits_is_told_in_time(void **state)
{
    ms_places_t *p = make(ms_room_make(pool, 100), 1, 1, MS(1000000));
    apr_time_t from;

    assert_non_null(take(p, 0));
    from = ms_steady_now();
    assert_null(take(p, 200));
    assert_true(ms_steady_now() - from >= MS(200));
}

static void idle_ones_above_those_to_keep_come_back(void **state)
{
    ms_places_t *p = make(ms_room_make(pool, 100), 4, 1, MS(400));
    void *a = take(p, 0), *b = take(p, 0), *c = take(p, 0);

    assert_null(ms_places_give(p, a, 1));
    assert_null(ms_places_give(p, b, 1));
    usleep(450 * 1000);
    assert_ptr_equal(ms_places_give(p, c, 1), a); /* the oldest; b is next */
    assert_null(ms_places_give(p, a, 0));
    assert_ptr_equal(take(p, 0), c);
    assert_ptr_equal(ms_places_give(p, c, 1), b);
    assert_null(ms_places_give(p, b, 0));
    usleep(450 * 1000);
    assert_ptr_equal(take(p, 0), c);
    assert_null(ms_places_give(p, c, 1)); /* this one is kept */
}

typedef struct {
    ms_places_t *places;
    int milliseconds;
    void *got;
    apr_interval_time_t took;
} waiter_t;

static void *wait_for_place(void *data)
{
    waiter_t *w = data;
    apr_time_t from = ms_steady_now();

    w->got = take(w->places, w->milliseconds);
    w->took = ms_steady_now() - from;
    return NULL;
}

/* One place, and three who come for it one after the other. 1: that was the order in which they got it, and nobody came between. */
static int serves_in_order(int pause)
{
    ms_places_t *p = make(ms_room_make(pool, 100), 1, 1, MS(1000000));
    void *held = take(p, 0), *stolen = NULL;
    waiter_t w[3];
    pthread_t thread[3];
    int i, good = 1;

    for (i = 0; i < 3; i++) {
        w[i] = (waiter_t){ .places = p, .milliseconds = 20000 };
        pthread_create(&thread[i], NULL, wait_for_place, &w[i]);
        usleep((useconds_t)pause * 1000);
    }
    for (i = 0; i < 3; i++) {
        ms_places_give(p, held, 1);
        stolen = take(p, 0);
        if (stolen) {
            ms_places_give(p, stolen, 1);
        }
        pthread_join(thread[i], NULL);
        good = good && !stolen && w[i].got == held && (i == 2 || !w[i + 1].got);
    }
    return good;
}

/* On a busy machine they may come late: more than one try, with more time for each. */
static void who_came_first_is_served_first(void **state)
{
    int i;

    for (i = 1; i <= 10 && !serves_in_order(50 * i); i++) {
    }
    assert_true(i <= 10);
}

/* Eight threads, of which seven may wait; four places. Nothing moves. */
static void the_last_threads_do_not_wait(void **state)
{
    ms_places_t *p = make(ms_room_make(pool, 8), 4, 4, MS(1000000));
    waiter_t w[4];
    pthread_t thread[4];
    int i, at_once = 0;

    for (i = 0; i < 4; i++) {
        assert_non_null(take(p, 0));
    }
    for (i = 0; i < 4; i++) {
        w[i] = (waiter_t){ .places = p, .milliseconds = 2000 };
        pthread_create(&thread[i], NULL, wait_for_place, &w[i]);
    }
    for (i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        assert_null(w[i].got);
        at_once += w[i].took < MS(1500);
    }
    assert_int_equal(at_once, 1);
}

/* One of two threads may wait, and holds the place; the other waits for longer than a pool may stand still. */
static int is_patient(void)
{
    ms_places_t *p = make(ms_room_make(pool, 2), 1, 1, MS(1000000));
    waiter_t w = { .places = p, .milliseconds = 20000 };
    pthread_t thread;
    void *held = take(p, 0);
    int i;

    pthread_create(&thread, NULL, wait_for_place, &w);
    for (i = 0; i < 20 && held; i++) {
        usleep(10 * 1000);
        ms_places_give(p, held, 1);
        held = take(p, 0);
    }
    if (held) {
        ms_places_give(p, held, 1);
    }
    pthread_join(thread, NULL);
    return w.got != NULL;
}

/* On a busy machine it may stand still by itself: more than one try. */
static void a_pool_that_moves_lets_all_wait(void **state)
{
    int i;

    for (i = 0; i < 20 && !is_patient(); i++) {
    }
    assert_true(i < 20);
}

/* One of two threads may wait, and keeps its place; the other waits for so long, while another process is served for `busy`. */
static apr_interval_time_t waits_beside(int busy)
{
    ms_places_t *p = make(ms_room_make(pool, 2), 1, 1, MS(1000000));
    waiter_t w = { .places = p, .milliseconds = 20000 };
    apr_time_t end = ms_steady_now() + MS(busy);
    pthread_t thread;

    assert_non_null(take(p, 0));
    pthread_create(&thread, NULL, wait_for_place, &w);
    while (ms_steady_now() < end) {
        served = ms_steady_now();
        usleep(5 * 1000);
    }
    pthread_join(thread, NULL);
    assert_null(w.got);
    return w.took;
}

static void others_who_are_served_make_it_patient(void **state)
{
    apr_interval_time_t took;
    int i;

    for (i = 0; i < 20 && waits_beside(300) < MS(250); i++) { /* on a busy machine they may stand still, too */
    }
    assert_true(i < 20);
    took = waits_beside(3000);
    assert_true(took < MS(2000)); /* but not for ever */
}

static void one_pool_does_not_shut_out_another(void **state)
{
    ms_room_t *room = ms_room_make(pool, 4); /* three may wait */
    ms_places_t *p = make(room, 4, 4, MS(1000000)), *q = make(room, 4, 4, MS(1000000));
    void *only;

    assert_non_null(take(p, 0));
    assert_non_null(take(p, 0));
    assert_non_null(take(p, 0));
    assert_null(take(p, 0)); /* a place is free, but no thread for it */
    only = take(q, 0);
    assert_non_null(only);
    assert_null(take(q, 0)); /* one, not more */
    ms_places_give(q, only, 1);
    assert_non_null(take(q, 0));
}

static void one_thread_may_wait(void **state)
{
    ms_places_t *p = make(ms_room_make(pool, 1), 1, 1, MS(1000000));

    assert_non_null(take(p, 0));
}

typedef struct {
    ms_places_t *places;
    atomic_int *inside, *bad, *taken;
} worker_t;

static void *work(void *data)
{
    worker_t *w = data;
    int i;

    for (i = 0; i < ROUNDS; i++) {
        void *got = take(w->places, 10000);

        if (!got) {
            continue;
        }
        atomic_fetch_add(w->taken, 1);
        if (atomic_fetch_add(&w->inside[(int *)got - place], 1)) {
            atomic_fetch_add(w->bad, 1);
        }
        atomic_fetch_sub(&w->inside[(int *)got - place], 1);
        ms_places_give(w->places, got, i & 1);
    }
    return NULL;
}

/* Many more than there are places, all of the time: each gets one in the end, and nobody shares one. */
static void nobody_is_turned_away_while_all_is_well(void **state)
{
    atomic_int inside[PLACES] = { 0 }, bad = 0, taken = 0;
    worker_t w = { make(ms_room_make(pool, THREADS), 3, 3, MS(1000000)), inside, &bad, &taken };
    pthread_t thread[THREADS];
    int i;

    for (i = 0; i < THREADS; i++) {
        pthread_create(&thread[i], NULL, work, &w);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    assert_int_equal(bad, 0);
    assert_true(taken > THREADS * ROUNDS - THREADS * ROUNDS / 1000); /* but for what a busy machine makes of 50 ms */
}

typedef struct {
    ms_places_t *places[2];
    unsigned seed;
} wanderer_t;

/* Now to one pool and now to the other, sometimes for no time at all. */
static void *wander(void *data)
{
    wanderer_t *w = data;
    int i;

    for (i = 0; i < ROUNDS / 4; i++) {
        ms_places_t *p = w->places[rand_r(&w->seed) % 2];
        void *got = ms_places_take(p, ms_steady_now() + (rand_r(&w->seed) % 4 ? rand_r(&w->seed) % 300 : 20000)), *old;

        old = got ? ms_places_give(p, got, rand_r(&w->seed) % 4) : NULL;
        if (old) {
            ms_places_give(p, old, 0);
        }
    }
    return NULL;
}

/* Whoever waited for however long: at the end all seats and all places are free again. */
static void a_crowd_leaves_nothing_behind(void **state)
{
    ms_room_t *room = ms_room_make(pool, THREADS);
    ms_places_t *p = make(room, 3, 1, 50), *q = make(room, 2, 1, 50);
    wanderer_t w[2 * THREADS];
    pthread_t thread[2 * THREADS];
    int i;

    for (i = 0; i < 2 * THREADS; i++) {
        w[i] = (wanderer_t){ { p, q }, (unsigned)i + 1 };
        pthread_create(&thread[i], NULL, wander, &w[i]);
    }
    for (i = 0; i < 2 * THREADS; i++) {
        pthread_join(thread[i], NULL);
    }
    for (i = 0; i < 3; i++) {
        assert_non_null(take(p, 0));
    }
    for (i = 0; i < 2; i++) {
        assert_non_null(take(q, 0));
    }
    assert_null(take(p, 0));
    assert_null(take(q, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_one_used_comes_first),
        cmocka_unit_test(who_waits_is_told_in_time),
        cmocka_unit_test(idle_ones_above_those_to_keep_come_back),
        cmocka_unit_test(who_came_first_is_served_first),
        cmocka_unit_test(the_last_threads_do_not_wait),
        cmocka_unit_test(a_pool_that_moves_lets_all_wait),
        cmocka_unit_test(others_who_are_served_make_it_patient),
        cmocka_unit_test(one_pool_does_not_shut_out_another),
        cmocka_unit_test(one_thread_may_wait),
        cmocka_unit_test(nobody_is_turned_away_while_all_is_well),
        cmocka_unit_test(a_crowd_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
