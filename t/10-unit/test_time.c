/* test_time.c: core/time.c: both forms of a time, every day from 1970 to 9999 against APR's calendar, and hostile texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_pools.h>
#include <stdio.h>
#include <string.h>

#include "core/time.h"
#include "fixture.h"

#define DAY APR_TIME_C(86400000000)
#define LAST APR_TIME_C(253402300799999000) /* 9999-12-31 23:59:59.999 */

static const struct {
    apr_time_t time;
    const char *iso, *sql;
} known[] = {
    { 0, "1970-01-01T00:00:00.000Z", "1970-01-01 00:00:00.000" },
    { APR_TIME_C(1795423417023000), "2026-11-23T08:43:37.023Z", "2026-11-23 08:43:37.023" },
    { APR_TIME_C(951782399999000), "2000-02-28T23:59:59.999Z", "2000-02-28 23:59:59.999" },
    { APR_TIME_C(951782400000000), "2000-02-29T00:00:00.000Z", "2000-02-29 00:00:00.000" },
    { APR_TIME_C(951868800000000), "2000-03-01T00:00:00.000Z", "2000-03-01 00:00:00.000" },
    { APR_TIME_C(4107542400000000), "2100-03-01T00:00:00.000Z", "2100-03-01 00:00:00.000" },
    { APR_TIME_C(2147483648000000), "2038-01-19T03:14:08.000Z", "2038-01-19 03:14:08.000" },
    { LAST, "9999-12-31T23:59:59.999Z", "9999-12-31 23:59:59.999" },
};

static void known_times_both_ways(void **state)
{
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++) {
        char iso[MS_TIME_ISO_LENGTH + 1], sql[MS_TIME_SQL_LENGTH + 1];
        apr_time_t t;

        assert_string_equal(ms_time_iso(pool, known[i].time), known[i].iso);
        assert_string_equal(ms_time_sql(pool, known[i].time), known[i].sql);
        assert_int_equal(ms_time_sql_to_iso(iso, known[i].sql), 1);
        assert_string_equal(iso, known[i].iso);
        assert_int_equal(ms_time_iso_to_sql(sql, known[i].iso), 1);
        assert_string_equal(sql, known[i].sql);
        assert_int_equal(ms_time_parse(&t, known[i].iso), 1);
        assert_true(t == known[i].time);
        assert_int_equal(ms_time_parse(&t, known[i].sql), 1);
        assert_true(t == known[i].time);
    }
}

static void microseconds_are_cut(void **state)
{
    assert_string_equal(ms_time_iso(pool, 999), "1970-01-01T00:00:00.000Z");
    assert_string_equal(ms_time_iso(pool, 1999), "1970-01-01T00:00:00.001Z");
    assert_string_equal(ms_time_sql(pool, 999999), "1970-01-01 00:00:00.999");
}

static void times_outside_become_the_nearest(void **state)
{
    assert_string_equal(ms_time_iso(pool, -1), "1970-01-01T00:00:00.000Z");
    assert_string_equal(ms_time_iso(pool, INT64_MIN), "1970-01-01T00:00:00.000Z");
    assert_string_equal(ms_time_iso(pool, LAST + 1000), "9999-12-31T23:59:59.999Z");
    assert_string_equal(ms_time_iso(pool, INT64_MAX), "9999-12-31T23:59:59.999Z");
}

static void every_day_is_aprs(void **state)
{
    apr_pool_t *scratch;
    apr_time_t t, back;
    apr_time_exp_t e;
    char want[64];

    assert_int_equal(apr_pool_create(&scratch, pool), APR_SUCCESS);
    for (t = APR_TIME_C(45296789000); t < LAST; t += DAY) { /* 12:34:56.789 of each day */
        const char *sql = ms_time_sql(scratch, t);

        assert_int_equal(apr_time_exp_gmt(&e, t), APR_SUCCESS);
        snprintf(want, sizeof want, "%04d-%02d-%02d 12:34:56.789", e.tm_year + 1900, e.tm_mon + 1, e.tm_mday);
        assert_string_equal(sql, want);
        assert_int_equal(ms_time_parse(&back, sql), 1);
        assert_true(back == t);
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
}

static void every_millisecond_of_some_minutes(void **state)
{
    apr_pool_t *scratch;
    apr_time_t t, back;

    assert_int_equal(apr_pool_create(&scratch, pool), APR_SUCCESS);
    for (t = APR_TIME_C(951782340000000); t < APR_TIME_C(951782460000000); t += 1000) { /* around a leap day's midnight */
        assert_int_equal(ms_time_parse(&back, ms_time_iso(scratch, t)), 1);
        assert_true(back == t);
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
}

/* Neither form takes it. */
static void refuse(const char *text)
{
    char out[MS_TIME_ISO_LENGTH + 1] = "untouched";
    apr_time_t t = 42;

    if (ms_time_sql_to_iso(out, text) || ms_time_iso_to_sql(out, text) || ms_time_parse(&t, text)) {
        fail_msg("taken for a time: %s", text);
    }
    assert_string_equal(out, "untouched");
    assert_true(t == 42);
}

static void impossible_dates_are_refused(void **state)
{
    static const char *const texts[] = {
        "0000-00-00 00:00:00.000", "1969-12-31 23:59:59.999", "2026-00-01 00:00:00.000", "2026-13-01 00:00:00.000",
        "2026-01-00 00:00:00.000", "2026-01-32 00:00:00.000", "2026-04-31 00:00:00.000", "2026-02-29 00:00:00.000",
        "2024-02-30 00:00:00.000", "2100-02-29 00:00:00.000", "2026-01-01 24:00:00.000", "2026-01-01 23:60:00.000",
        "2026-01-01 23:59:60.000", "2026-02-29T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "1969-12-31T23:59:59.999Z",
    };
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        refuse(texts[i]);
    }
}

static void other_forms_are_refused(void **state)
{
    static const char *const texts[] = {
        "", " ", "Z", "now", "2026-11-23", "2026-11-23 08:43:37", "2026-11-23 08:43:37.02", "2026-11-23 08:43:37.0230",
        "2026-11-23 08:43:37.023000", "2026-11-23 08:43:37.023Z", "2026-11-23T08:43:37.023", "2026-11-23T08:43:37Z",
        "2026-11-23t08:43:37.023z", "2026-11-23T08:43:37.023ZZ", "2026-11-23T08:43:37.023+00:00", " 2026-11-23 08:43:37.023",
        "2026-11-23 08:43:37.023 ", "2026/11/23 08:43:37.023", "+026-11-23 08:43:37.023", "-026-11-23 08:43:37.023",
        "2026-1-123 08:43:37.023", "2026-11-23 08:43:37,023", "2026-11-23  8:43:37.023", "2026-11-23 08:43:37.0x3",
        "10000-01-01 00:00:00.000", ("\xEF\xBC\x92" "026-11-23 08:43:37.023"),
    };
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        refuse(texts[i]);
    }
}

/* With digits behind the NUL, which would fit if anything looked there. */
static void every_truncation_is_refused(void **state)
{
    size_t i, n;

    for (i = 0; i < 2; i++) {
        const char *text = i ? known[1].iso : known[1].sql;

        for (n = 0; n < strlen(text); n++) {
            char cut[32];

            memset(cut, '9', sizeof cut);
            memcpy(cut, text, n);
            cut[n] = '\0';
            refuse(cut);
        }
    }
}

static void each_byte_counts(void **state)
{
    int i, c;

    for (i = 0; i < MS_TIME_SQL_LENGTH; i++) {
        for (c = 0; c < 256; c++) {
            char text[MS_TIME_SQL_LENGTH + 1];

            if ((c >= '0' && c <= '9') || c == known[1].sql[i]) {
                continue;
            }
            memcpy(text, known[1].sql, sizeof text);
            text[i] = (char)c;
            refuse(text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times_both_ways),
        cmocka_unit_test(microseconds_are_cut),
        cmocka_unit_test(times_outside_become_the_nearest),
        cmocka_unit_test(every_day_is_aprs),
        cmocka_unit_test(every_millisecond_of_some_minutes),
        cmocka_unit_test(impossible_dates_are_refused),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(each_byte_counts),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, start, stop);
}
