/* test_id.c: core/id.c: the form of ids, their time, that they differ, and what counts as an id from outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_pools.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "core/id.h"
#include "fixture.h"

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void ids_are_prefix_and_ulid(void **state)
{
    static const char *const prefixes[] = { "cus", "addr", "cgrp", "job", "" };
    size_t i, length;

    for (i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        const char *id = ms_id_make(pool, prefixes[i], apr_time_now());

        length = strlen(prefixes[i]);
        assert_int_equal(strlen(id), length + 1 + MS_ULID_LENGTH);
        assert_memory_equal(id, prefixes[i], length);
        assert_int_equal(id[length], '_');
        assert_int_equal(strspn(id + length + 1, crockford), MS_ULID_LENGTH);
        assert_int_equal(ms_id_check(id), 1);
    }
}

static void time_comes_first(void **state)
{
    static const struct {
        apr_time_t now;
        const char *text;
    } times[] = {
        { 0, "0000000000" },
        { 999, "0000000000" },
        { 1000, "0000000001" },
        { 31999, "000000000Z" },
        { 32000, "0000000010" },
        { INT64_C(1469918176385000), "01ARYZ6S41" }, /* the example of the ULID specification */
        { INT64_C(1469918176385999), "01ARYZ6S41" },
        { -1, "0000000000" },
        { INT64_MIN, "0000000000" },
    };
    size_t i;

    for (i = 0; i < sizeof times / sizeof *times; i++) {
        assert_memory_equal(ms_id_make(pool, "cus", times[i].now) + 4, times[i].text, 10);
    }
    assert_int_equal(strlen(ms_id_make(pool, "cus", INT64_MAX)), 30);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void ids_of_one_millisecond_differ(void **state)
{
    enum { COUNT = 20000 };
    const char **ids = apr_palloc(pool, COUNT * sizeof *ids);
    int i;

    for (i = 0; i < COUNT; i++) {
        ids[i] = ms_id_make(pool, "cus", 0);
    }
    qsort(ids, COUNT, sizeof *ids, compare);
    for (i = 1; i < COUNT; i++) {
        assert_string_not_equal(ids[i - 1], ids[i]);
    }
}

/* Each of the 16 random characters takes each of its 32 values: no bit stands still. Chance of a false alarm: below 10^-50. */
static void all_of_the_randomness_shows(void **state)
{
    unsigned seen[16] = { 0 };
    int i, n;

    for (n = 0; n < 5000; n++) {
        const char *id = ms_id_make(pool, "cus", 0);

        for (i = 0; i < 16; i++) {
            seen[i] |= 1u << (strchr(crockford, id[14 + i]) - crockford);
        }
    }
    for (i = 0; i < 16; i++) {
        assert_int_equal(seen[i], 0xFFFFFFFF);
    }
}

static void check_takes_words_only(void **state)
{
    char text[67];
    int c;

    assert_int_equal(ms_id_check(""), 0);
    assert_int_equal(ms_id_check("_"), 1);
    assert_int_equal(ms_id_check("cus_01ARYZ6S41TSV4RRFFQ69G5FAV"), 1);
    assert_int_equal(ms_id_check("cus_01\xC3\xA4"), 0);
    assert_int_equal(ms_id_check("cus_01'--"), 0);
    for (c = 1; c < 256; c++) {
        char one[] = { 'a', (char)c, '\0' };
        int word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';

        assert_int_equal(ms_id_check(one), word);
        assert_int_equal(ms_id_check(one + 1), word);
    }
    memset(text, 'x', sizeof text);
    text[64] = '\0';
    assert_int_equal(ms_id_check(text), 1);
    text[64] = 'x';
    text[65] = '\0';
    assert_int_equal(ms_id_check(text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_prefix_and_ulid),
        cmocka_unit_test(time_comes_first),
        cmocka_unit_test(ids_of_one_millisecond_differ),
        cmocka_unit_test(all_of_the_randomness_shows),
        cmocka_unit_test(check_takes_words_only),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, start, stop);
}
