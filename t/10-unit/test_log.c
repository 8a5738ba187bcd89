/* test_log.c: core/log.c: lines and their sinks; a line that is written once a minute, whatever is done to the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "core/log.h"

/* The clocks of this program, in place of the C library's. */
static time_t time_of_day, steady;

time_t time(time_t *t)
{
    if (t) {
        *t = time_of_day;
    }
    return time_of_day;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    *now = (struct timespec){ .tv_sec = id == CLOCK_MONOTONIC ? steady : time_of_day };
    return 0;
}

static int count;
static char last[2000];

static void keep(void *baton, ms_line_t line, int level, const char *text)
{
    count++;
    *(ms_line_t *)baton = line;
    strncpy(last, text, sizeof last - 1);
}

static void test_line(void **state)
{
    char text[1500];
    ms_line_t seen = MS_LINE_COUNT;
    ms_sink_t sink = { keep, &seen };

    count = 0;
    ms_log(&sink, MS_LINE_DB_RETRY, 2, 3);
    assert_int_equal(count, 1);
    assert_int_equal(seen, MS_LINE_DB_RETRY);
    assert_non_null(strstr(last, "try 2 of 3"));
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ms_log(&sink, MS_LINE_DB_CONNECT, text);
    assert_int_equal(strlen(last), 999); /* cut */
    ms_log(NULL, MS_LINE_DB_RETRY, 2, 3);
    ms_log(&(ms_sink_t){ NULL, NULL }, MS_LINE_DB_RETRY, 2, 3);
    assert_int_equal(count, 2);
}

/* How many of the lines that are written in this moment come through. */
static int tell(ms_line_t line, int times)
{
    ms_line_t seen;
    ms_sink_t sink = { keep, &seen };

    for (count = 0; times > 0; times--) {
        ms_log_rarely(&sink, line, 1);
    }
    return count;
}

static void test_rarely(void **state)
{
    enum { DAY = 86400 };

    steady = 5; /* the machine has just started */
    time_of_day = 1700000000;
    assert_int_equal(tell(MS_LINE_HASH_BUSY, 100), 1);
    assert_int_equal(tell(MS_LINE_DB_POOL, 100), 1); /* each line by itself */
    steady += 59;
    time_of_day += DAY; /* the clock is set forward: that is no minute */
    assert_int_equal(tell(MS_LINE_HASH_BUSY, 100), 0);
    steady += 2;
    time_of_day -= 2 * DAY; /* and back: a minute has gone by all the same */
    assert_int_equal(tell(MS_LINE_HASH_BUSY, 100), 1);
    assert_int_equal(tell(MS_LINE_HASH_BUSY, 100), 0);
    steady += 61;
    assert_int_equal(tell(MS_LINE_HASH_BUSY, 100), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_line), cmocka_unit_test(test_rarely) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
