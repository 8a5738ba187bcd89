/* test_breaker.c: db/breaker.c: what opens and closes it, when it may be probed and by how many, and what the log is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/breaker.h"

#define MS(n) ((apr_time_t)(n) * 1000)

enum { PROCESSES = 4, START = 1000 /* ms */ };

static ms_breaker_t *b; /* in memory that processes share */

static int start(void **state)
{
    b = mmap(NULL, sizeof *b, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return b == MAP_FAILED;
}

static int fresh(void **state)
{
    memset(b, 0, sizeof *b);
    return 0;
}

static int stop(void **state)
{
    return munmap(b, sizeof *b);
}

static void zeroes_are_closed(void **state)
{
    assert_false(ms_breaker_is_open(b));
    assert_false(ms_breaker_is_silent(b));
    assert_false(ms_breaker_may_probe(b, MS(START)));
    assert_false(ms_breaker_answered(b, MS(START)));
    assert_false(ms_breaker_connected(b, MS(START)));
}

static void a_failed_connect_opens_it_for_connects_alone(void **state)
{
    assert_true(ms_breaker_failed(b, MS(START), MS(START), "refused"));
    assert_true(ms_breaker_is_open(b));
    assert_false(ms_breaker_is_silent(b));
    assert_int_equal(b->opened, 1);
    assert_int_equal(b->since, MS(START));
    assert_false(ms_breaker_answered(b, MS(START))); /* by a connection that was there before */
    assert_true(ms_breaker_is_open(b));
    assert_true(ms_breaker_connected(b, MS(START)));
    assert_false(ms_breaker_is_open(b));
    assert_int_equal(b->since, 0);
}

static void a_connect_of_before_does_not_open_it_again(void **state)
{
    assert_true(ms_breaker_failed(b, MS(START), MS(START), "refused"));
    assert_true(ms_breaker_connected(b, MS(START + 100)));
    assert_true(ms_breaker_is_over(b, MS(START + 99)));
    assert_false(ms_breaker_failed(b, MS(START + 120), MS(START + 99), "refused")); /* another process began it, and is late */
    assert_false(ms_breaker_is_open(b));
    assert_int_equal(b->opened, 1);
    assert_false(ms_breaker_is_over(b, MS(START + 100)));
    ms_breaker_failed(b, MS(START + 120), MS(START + 100), "refused");
    assert_true(ms_breaker_is_open(b));
}

static void cuts_open_it_for_all_if_nothing_comes_between(void **state)
{
    assert_false(ms_breaker_was_cut(b, MS(START)));
    assert_false(ms_breaker_was_cut(b, MS(START)));
    assert_false(ms_breaker_answered(b, MS(START)));
    assert_false(ms_breaker_was_cut(b, MS(START)));
    assert_false(ms_breaker_was_cut(b, MS(START)));
    assert_false(ms_breaker_is_open(b));
    assert_true(ms_breaker_was_cut(b, MS(START)));
    assert_true(ms_breaker_is_silent(b));
    assert_true(ms_breaker_is_open(b));
    assert_false(ms_breaker_was_cut(b, MS(START))); /* told already */
    assert_int_equal(b->opened, 1);
    assert_true(ms_breaker_answered(b, MS(START)));
    assert_false(ms_breaker_is_open(b));
}

static void after_a_probe_one_cut_is_enough(void **state)
{
    int i;

    for (i = 0; i < 5; i++) {
        ms_breaker_was_cut(b, MS(START));
    }
    assert_true(ms_breaker_connected(b, MS(START)));
    assert_false(ms_breaker_is_open(b));
    ms_breaker_was_cut(b, MS(START));
    assert_true(ms_breaker_is_silent(b));
    assert_int_equal(b->opened, 2);
    ms_breaker_connected(b, MS(START));
    ms_breaker_answered(b, MS(START));
    ms_breaker_was_cut(b, MS(START));
    assert_false(ms_breaker_is_silent(b));
}

/* Both at once: it is closed when both are over. */
static void two_troubles(void **state)
{
    int i;

    for (i = 0; i < MS_CUTS_MAX; i++) {
        ms_breaker_was_cut(b, MS(START));
    }
    ms_breaker_failed(b, MS(START), MS(START), "it hangs");
    assert_int_equal(b->opened, 1);
    assert_false(ms_breaker_answered(b, MS(START)));
    assert_true(ms_breaker_is_open(b));
    assert_false(ms_breaker_is_silent(b));
    assert_true(ms_breaker_connected(b, MS(START)));
    assert_false(ms_breaker_is_open(b));
}

/* When probes are due within so many milliseconds, looked at each 10 ms. */
static int count_probes(int from, int to)
{
    int now, n = 0;

    for (now = from; now < to; now += 10) {
        n += ms_breaker_may_probe(b, MS(START + now));
    }
    return n;
}

static void soon_at_first_and_then_once_a_second(void **state)
{
    ms_breaker_failed(b, MS(START), MS(START), "refused");
    assert_int_equal(count_probes(0, 100), 0);
    assert_int_equal(count_probes(100, 110), 1);
    assert_int_equal(count_probes(110, 300), 0);
    assert_int_equal(count_probes(300, 310), 1);
    assert_int_equal(count_probes(310, 700), 0);
    assert_int_equal(count_probes(700, 710), 1);
    assert_int_equal(count_probes(710, 1510), 1);
    assert_int_equal(count_probes(1510, 2500), 0);
    assert_int_equal(count_probes(2500, 22500), 20);
    ms_breaker_failed(b, MS(START + 22500), MS(START + 22500), "refused"); /* by a probe: no new beginning */
    assert_int_equal(count_probes(22500, 32500), 10);
    ms_breaker_connected(b, MS(START));
    assert_int_equal(count_probes(32500, 42500), 0);
}

static void one_process_of_many_has_the_probe(void **state)
{
    int round, i, status, n;

    for (round = 0; round < 200; round++) {
        memset(b, 0, sizeof *b);
        ms_breaker_failed(b, MS(START), MS(START), "refused");
        for (i = 0; i < PROCESSES; i++) {
            if (!fork()) {
                _exit(ms_breaker_may_probe(b, MS(START + 150)));
            }
        }
        for (n = 0, i = 0; i < PROCESSES; i++) {
            wait(&status);
            n += WEXITSTATUS(status);
        }
        assert_int_equal(n, 1);
    }
}

/* The log: the opening, then once a minute; the same cause not twice a minute however often it opens, another one at once. */
static void what_the_log_is_told(void **state)
{
    int second, told = 0;

    for (second = 1; second <= 130; second++) {
        told += ms_breaker_failed(b, MS(second * 1000), MS(second * 1000), "refused");
    }
    assert_int_equal(told, 3);
    assert_true(ms_breaker_connected(b, MS(START)));
    assert_false(ms_breaker_failed(b, MS(131000), MS(131000), "refused"));
    assert_false(ms_breaker_connected(b, MS(START))); /* what was not told needs no end */
    assert_true(ms_breaker_failed(b, MS(132000), MS(132000), "access denied"));
    assert_false(ms_breaker_failed(b, MS(133000), MS(133000), "something else, while it is open"));
    assert_true(ms_breaker_connected(b, MS(START)));
    assert_int_equal(b->opened, 3);
}

static void refused_requests_are_counted(void **state)
{
    ms_breaker_count(b);
    ms_breaker_count(b);
    assert_int_equal(b->refused, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(zeroes_are_closed, fresh),
        cmocka_unit_test_setup(a_failed_connect_opens_it_for_connects_alone, fresh),
        cmocka_unit_test_setup(a_connect_of_before_does_not_open_it_again, fresh),
        cmocka_unit_test_setup(cuts_open_it_for_all_if_nothing_comes_between, fresh),
        cmocka_unit_test_setup(after_a_probe_one_cut_is_enough, fresh),
        cmocka_unit_test_setup(two_troubles, fresh),
        cmocka_unit_test_setup(soon_at_first_and_then_once_a_second, fresh),
        cmocka_unit_test_setup(one_process_of_many_has_the_probe, fresh),
        cmocka_unit_test_setup(what_the_log_is_told, fresh),
        cmocka_unit_test_setup(refused_requests_are_counted, fresh),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
