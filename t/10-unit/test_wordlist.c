/* test_wordlist.c: core/wordlist.c: which lines are words, and who is one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

#include "core/wordlist.h"
#include "fixture.h"

static const ms_wordlist_t *make(const char *text, size_t length)
{
    const ms_wordlist_t *list = ms_wordlist_make(pool, pool, text, length);

    assert_non_null(list);
    return list;
}

static int has(const ms_wordlist_t *list, const char *word)
{
    return ms_wordlist_has(list, pool, word);
}

static void lines_are_words(void **state)
{
    static const char text[] = "one\ntwo\r\n\nthree words here\n\r\nONE\nlast";
    const ms_wordlist_t *list = make(text, strlen(text));

    assert_int_equal(ms_wordlist_count(list), 4);
    assert_int_equal(has(list, "one"), 1);
    assert_int_equal(has(list, "two"), 1);
    assert_int_equal(has(list, "three words here"), 1);
    assert_int_equal(has(list, "last"), 1);
    assert_int_equal(has(list, "two\r"), 0);
    assert_int_equal(has(list, "three"), 0);
    assert_int_equal(has(list, " one"), 0);
    assert_int_equal(has(list, ""), 0);
}

static void case_is_no_matter(void **state)
{
    static const char text[] = "Stra\xc3\x9f" "e\n\xc3\x84pfel\n\xce\x9f\xce\x94\xce\x9f\xce\xa3\n";
    const ms_wordlist_t *list = make(text, strlen(text));

    assert_int_equal(has(list, "STRA\xc3\x9f" "E"), 1);
    assert_int_equal(has(list, "\xc3\xa4PFEL"), 1);
    assert_int_equal(has(list, "\xce\xbf\xce\xb4\xce\xbf\xcf\x82"), 1); /* with a final sigma */
    assert_int_equal(has(list, "apfel"), 0);
}

static void what_nobody_can_send_is_left_out(void **state)
{
    static const char text[] = "g\xf6od\n\xff\xfe\na\0b\ngood\n";
    const ms_wordlist_t *list = make(text, sizeof text - 1);

    assert_int_equal(ms_wordlist_count(list), 1);
    assert_int_equal(has(list, "good"), 1);
    assert_int_equal(has(list, "a"), 0);
}

static void a_byte_order_mark_is_no_word(void **state)
{
    static const char text[] = "\xef\xbb\xbf" "123456\npassword";
    const ms_wordlist_t *list = make(text, strlen(text));

    assert_int_equal(ms_wordlist_count(list), 2);
    assert_int_equal(has(list, "123456"), 1);
    assert_int_equal(has(list, "password"), 1);
    assert_int_equal(ms_wordlist_count(make("\xef\xbb\xbf", 3)), 0);
}

static void an_empty_one_has_nothing(void **state)
{
    assert_int_equal(ms_wordlist_count(make("", 0)), 0);
    assert_int_equal(ms_wordlist_count(make("\n\r\n\n", 4)), 0);
    assert_int_equal(has(make("", 0), ""), 0);
    assert_int_equal(has(make("", 0), "x"), 0);
}

static void many_are_found(void **state)
{
    enum { WORDS = 100000 };
    char *text = apr_palloc(pool, WORDS * 8 + 1), *at = text;
    const ms_wordlist_t *list;
    int i;

    for (i = 0; i < WORDS; i++) {
        at += apr_snprintf(at, 9, "w%06d\n", i);
    }
    list = make(text, (size_t)(at - text));
    assert_int_equal(ms_wordlist_count(list), WORDS);
    for (i = 0; i < WORDS; i += 7) {
        assert_int_equal(has(list, apr_psprintf(pool, "W%06d", i)), 1);
        assert_int_equal(has(list, apr_psprintf(pool, "x%06d", i)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_words),
        cmocka_unit_test(case_is_no_matter),
        cmocka_unit_test(what_nobody_can_send_is_left_out),
        cmocka_unit_test(a_byte_order_mark_is_no_word),
        cmocka_unit_test(an_empty_one_has_nothing),
        cmocka_unit_test(many_are_found),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
