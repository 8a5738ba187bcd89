/* test_text.c: core/text.c: the UTF-8 decoder on every code point and on hostile bytes, lower case as JavaScript's.
 *
 * The table of lower cases was printed by Node.js ("...".toLowerCase()); it holds no letter that is younger than Unicode 14,
 * so that it is the same for every libunistring in use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_pools.h>
#include <apr_strings.h>
#include <string.h>

#include "core/text.h"
#include "fixture.h"

/* An encoder that shares nothing with the decoder under test; it also encodes what is no scalar value. */
static size_t encode(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 63));
        out[2] = (char)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 63));
    out[2] = (char)(0x80 | (c >> 6 & 63));
    out[3] = (char)(0x80 | (c & 63));
    return 4;
}

static void next_reads_every_code_point(void **state)
{
    uint32_t c;

    for (c = 0; c < 0x120000; c++) {
        int scalar = c < 0x110000 && !(c >= 0xD800 && c <= 0xDFFF);
        char text[4];
        const char *s = text, *end = text + encode(text, c);

        assert_int_equal(ms_utf8_next(&s, end), scalar ? (int32_t)c : -1);
        assert_ptr_equal(s, scalar ? end : text);
        assert_int_equal(ms_utf8_valid(text, end - text), scalar);
    }
}

static void next_refuses_each_truncation(void **state)
{
    static const uint32_t points[] = { 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x10FFFF };
    size_t i, n, length;

    for (i = 0; i < sizeof points / sizeof *points; i++) {
        char text[4];

        length = encode(text, points[i]);
        for (n = 0; n < length; n++) {
            char *exact = apr_pmemdup(pool, text, n + 1); /* no byte behind: a sanitizer sees a read too far */
            const char *s = exact;

            assert_int_equal(ms_utf8_next(&s, exact + n), -1);
            assert_ptr_equal(s, exact);
            assert_int_equal(ms_utf8_valid(exact, n), n == 0);
        }
    }
}

static void next_refuses_every_bad_pair(void **state)
{
    int a, b;

    for (a = 0x80; a < 0x100; a++) {
        for (b = 0; b < 0x100; b++) {
            char text[2] = { (char)a, (char)b };
            const char *s = text;
            int good = a >= 0xC2 && a <= 0xDF && b >= 0x80 && b <= 0xBF;

            assert_int_equal(ms_utf8_next(&s, text + 2), good ? (a & 31) << 6 | (b & 63) : -1);
        }
    }
}

static void valid_finds_one_bad_byte_anywhere(void **state)
{
    static const char *const bad[] = { "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xED\xA0\x80",
                                       "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                       "\xF5\x80\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF", "\x80", "\xBF",
                                       "\xC3", "\xE2\x82", "\xE2(\xA1", "\xF0\x9F\x98", "\xC3\xC3\xA4" };
    char text[64];
    size_t i, at;

    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (at = 0; at < 40; at++) {
            memset(text, 'x', sizeof text);
            memcpy(text + at, bad[i], strlen(bad[i]));
            assert_int_equal(ms_utf8_valid(text, sizeof text), 0);
            assert_int_equal(ms_utf8_valid(text, at), 1);
        }
    }
}

static void valid_takes_nul_and_nothing(void **state)
{
    assert_int_equal(ms_utf8_valid("", 0), 1);
    assert_int_equal(ms_utf8_valid(NULL, 0), 1);
    assert_int_equal(ms_utf8_valid("a\0b", 3), 1);
    assert_int_equal(ms_utf8_valid("\xEF\xBF\xBE\xEF\xBF\xBF", 6), 1); /* noncharacters are characters here */
}

static void length_counts_code_points(void **state)
{
    assert_int_equal(ms_utf8_length("", 0), 0);
    assert_int_equal(ms_utf8_length("abc", 3), 3);
    assert_int_equal(ms_utf8_length("a\0b", 3), 3);
    assert_int_equal(ms_utf8_length("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", 9), 3);
}

static const struct {
    const char *text, *lower;
} lower_cases[] = {
    { "Jane.Doe@Example.COM", "jane.doe@example.com" },
    { "\xC4\xB0", "i\xCC\x87" },
    { "I\xC4\xB0i@X.com", "ii\xCC\x87i@x.com" },
    { "\xCE\xA3\xCE\x91\xCE\xA3", "\xCF\x83\xCE\xB1\xCF\x82" },
    { "\xCE\xA3\xCE\x91\xCE\xA3-x", "\xCF\x83\xCE\xB1\xCF\x82-x" },
    { "\xCE\xA3", "\xCF\x83" },
    { "\xCE\x91\xCE\xA3.", "\xCE\xB1\xCF\x82." },
    { "\xCE\x91 \xCE\xA3", "\xCE\xB1 \xCF\x83" },
    { "A\xCE\xA3", "a\xCF\x82" },
    { "A\xCE\xA3""B", "a\xCF\x83""b" },
    { "A\xCE\xA3.B", "a\xCF\x83.b" },
    { "A\xCE\xA3'", "a\xCF\x82'" },
    { "\xCE\xA3""A", "\xCF\x83""a" },
    { "A\xCE\xA3 B", "a\xCF\x82 b" },
    { "A\xCE\xA3\xCE\xA3", "a\xCF\x83\xCF\x82" },
    { "A.\xCE\xA3", "a.\xCF\x82" },
    { "O'\xCE\xA3", "o'\xCF\x82" },
    { "A\xCE\xA3'B", "a\xCF\x83'b" },
    { "A\xCE\xA3\xCA\xB0", "a\xCF\x82\xCA\xB0" },
    { "A\xCA\xB0\xCE\xA3", "a\xCA\xB0\xCF\x82" },
    { "\xCF\x83\xCE\xA3\xCF\x82\xCE\xA3", "\xCF\x83\xCF\x83\xCF\x82\xCF\x82" },
    { "A\xCE\xA3 \xCE\xA3""A \xCE\xA3 A.\xCE\xA3.", "a\xCF\x82 \xCF\x83""a \xCF\x83 a.\xCF\x82." },
    { "A\xCC\x81\xCE\xA3", "a\xCC\x81\xCF\x82" },
    { "A\xCE\xA3\xCC\x81", "a\xCF\x82\xCC\x81" },
    { "A\xCE\xA3\xCC\x81""B", "a\xCF\x83\xCC\x81""b" },
    { "A\xC2\xB7\xCE\xA3", "a\xC2\xB7\xCF\x82" },
    { "1\xCE\xA3", "1\xCF\x83" },
    { "\xE4\xB8\xAD\xCE\xA3", "\xE4\xB8\xAD\xCF\x83" },
    { "\xCA\xB0\xCE\xA3", "\xCA\xB0\xCF\x83" },
    { "\xF0\x9D\x90\x80\xCE\xA3", "\xF0\x9D\x90\x80\xCF\x82" },
    { "A\xCE\xA3@x.gr", "a\xCF\x82@x.gr" },
    { "\xCE\x9F\xCE\x94\xCE\xA5\xCE\xA3\xCE\xA3\xCE\x95\xCE\xA5\xCE\xA3@\xCE\x9F\xCE\x94\xCE\x9F\xCE\xA3.GR", "\xCE\xBF\xCE\xB4\xCF\x85\xCF\x83\xCF\x83\xCE\xB5\xCF\x85\xCF\x82@\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x83.gr" },
    { "\xE2\x84\xAA", "k" },
    { "\xE2\x84\xAB", "\xC3\xA5" },
    { "\xE2\x84\xA6", "\xCF\x89" },
    { "\xE1\xBA\x9E", "\xC3\x9F" },
    { "\xEF\xBC\xA1\xEF\xBC\xA2\xEF\xBC\xBA", "\xEF\xBD\x81\xEF\xBD\x82\xEF\xBD\x9A" },
    { "\xF0\x90\x90\x80\xF0\x90\x90\xA7", "\xF0\x90\x90\xA8\xF0\x90\x91\x8F" },
    { "\xF0\x90\x90\x80", "\xF0\x90\x90\xA8" },
    { "\xC7\x85\xC7\x88\xC7\x8B\xC7\xB2", "\xC7\x86\xC7\x89\xC7\x8C\xC7\xB3" },
    { "\xC7\x84\xC7\x87\xC7\x8A\xC7\xB1", "\xC7\x86\xC7\x89\xC7\x8C\xC7\xB3" },
    { "\xE1\xBE\x88\xE1\xBE\x98\xE1\xBE\xA8\xE1\xBE\xBC", "\xE1\xBE\x80\xE1\xBE\x90\xE1\xBE\xA0\xE1\xBE\xB3" },
    { "\xC3\x84\xC3\x96\xC3\x9C\xC3\x9F", "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F" },
    { "\xD0\x90\xD0\xAF", "\xD0\xB0\xD1\x8F" },
    { "\xE1\x82\xA0\xE1\x83\x85", "\xE2\xB4\x80\xE2\xB4\xA5" },
    { "\xE1\xB2\x90", "\xE1\x83\x90" },
    { "\xE1\x8E\xA0\xE1\x8F\xB0", "\xEA\xAD\xB0\xE1\x8F\xB8" },
    { "\xEA\x99\x8A", "\xEA\x99\x8B" },
    { "\xC8\xBA\xC8\xBE", "\xE2\xB1\xA5\xE2\xB1\xA6" },
    { "\xE2\x85\xA0\xE2\x86\x88", "\xE2\x85\xB0\xE2\x86\x88" },
    { "\xE2\x92\xB6", "\xE2\x93\x90" },
    { "\xCD\x85", "\xCD\x85" },
    { "\xC2\xAA\xC2\xBA", "\xC2\xAA\xC2\xBA" },
    { "\xF0\x9E\xA4\x80", "\xF0\x9E\xA4\xA2" },
    { "\xF0\x91\xA2\xA0", "\xF0\x91\xA3\x80" },
    { "\xF0\x96\xB9\x80", "\xF0\x96\xB9\xA0" },
    { "\xF0\x90\xB2\x80", "\xF0\x90\xB3\x80" },
    { "\xE2\xB0\xAF", "\xE2\xB1\x9F" },
    { "\xEA\x9E\xAE", "\xC9\xAA" },
    { "\xCE\x90\xCE\xB0", "\xCE\x90\xCE\xB0" },
    { "\xEF\xAC\x80", "\xEF\xAC\x80" },
    { "\xF0\x9F\x98\x80""A", "\xF0\x9F\x98\x80""a" },
    { "I\xCC\x87", "i\xCC\x87" },
    { "J\xCC\x8C", "j\xCC\x8C" },
    { "\xC4\xA8", "\xC4\xA9" },
    { "\xE2\xB1\xAF\xC9\x90", "\xC9\x90\xC9\x90" },
};

static void lower_is_javascripts(void **state)
{
    size_t i;

    assert_string_equal(ms_text_lower(pool, ""), "");
    for (i = 0; i < sizeof lower_cases / sizeof *lower_cases; i++) {
        assert_string_equal(ms_text_lower(pool, lower_cases[i].text), lower_cases[i].lower);
    }
}

static void lower_is_stable(void **state)
{
    size_t i;

    for (i = 0; i < sizeof lower_cases / sizeof *lower_cases; i++) {
        assert_string_equal(ms_text_lower(pool, lower_cases[i].lower), lower_cases[i].lower);
    }
}

static void lower_folds_all_of_ascii(void **state)
{
    char text[128], want[128];
    int c;

    for (c = 1; c < 128; c++) {
        text[c - 1] = (char)c;
        want[c - 1] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    text[127] = want[127] = '\0';
    assert_string_equal(ms_text_lower(pool, text), want);
}

static const char *repeat(const char *s, int times)
{
    size_t length = strlen(s);
    char *text = apr_palloc(pool, length * times + 1);
    int i;

    for (i = 0; i < times; i++) {
        memcpy(text + length * i, s, length);
    }
    text[length * times] = '\0';
    return text;
}

static void lower_takes_long_text(void **state)
{
    static const int times[] = { 1, 2, 7, 8, 100, 5000 };
    size_t i;

    for (i = 0; i < sizeof times / sizeof *times; i++) {
        int n = times[i];

        /* what grows most; what shrinks most; all mixed; as long as a body can make it */
        assert_string_equal(ms_text_lower(pool, repeat("\xC4\xB0", n)), repeat("i\xCC\x87", n));
        assert_string_equal(ms_text_lower(pool, repeat("\xE2\x84\xAA", n)), repeat("k", n));
        assert_string_equal(ms_text_lower(pool, repeat("A\xCE\xA3 \xC8\xBA\xF0\x90\x90\x80Z", n)),
                            repeat("a\xCF\x82 \xE2\xB1\xA5\xF0\x90\x90\xA8z", n));
        assert_string_equal(ms_text_lower(pool, repeat("ABCDEFGHIJ", n)), repeat("abcdefghij", n));
    }
}

/* Only ASCII before it, at each offset of the eight bytes that are looked at together. */
static void lower_finds_the_first_letter_beyond_ascii(void **state)
{
    int n;

    for (n = 1; n < 40; n++) {
        const char *head = repeat("X", n), *low = repeat("x", n);

        assert_string_equal(ms_text_lower(pool, apr_pstrcat(pool, head, "\xC3\x84", NULL)),
                            apr_pstrcat(pool, low, "\xC3\xA4", NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_reads_every_code_point),
        cmocka_unit_test(next_refuses_each_truncation),
        cmocka_unit_test(next_refuses_every_bad_pair),
        cmocka_unit_test(valid_finds_one_bad_byte_anywhere),
        cmocka_unit_test(valid_takes_nul_and_nothing),
        cmocka_unit_test(length_counts_code_points),
        cmocka_unit_test(lower_is_javascripts),
        cmocka_unit_test(lower_is_stable),
        cmocka_unit_test(lower_folds_all_of_ascii),
        cmocka_unit_test(lower_takes_long_text),
        cmocka_unit_test(lower_finds_the_first_letter_beyond_ascii),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, start, stop);
}
