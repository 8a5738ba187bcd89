/* test_email.c: core/email.c: the e-mail rule against the verdicts of the reference (data/email-vectors.json: 511 pairs of a
 * text and true or false), and at each of its limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/email.h"

enum { VECTORS = 511, LINE_SIZE = 4096 };

static FILE *open_data(const char *name)
{
    const char *folder = getenv("MS_TEST_DATA"), *srcdir = getenv("srcdir");
    char path[LINE_SIZE];

    if (folder) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
    } else {
        snprintf(path, sizeof path, "%s/t/10-unit/data/%s", srcdir ? srcdir : ".", name);
    }
    return fopen(path, "r");
}

/* One row a line, so that a text that UTF-8 can't hold (an unpaired surrogate) spoils its own row only: it never comes this
 * far, because the body it stands in is refused; the reference must not want it accepted. */
static void check_row(const char *line)
{
    json_t *row = json_loads(line, JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK, NULL);
    const json_t *text = json_array_get(row, 0);

    if (!row) {
        assert_non_null(strstr(line, "\", false]"));
        return;
    }
    if (ms_email_check(json_string_value(text), json_string_length(text)) != json_is_true(json_array_get(row, 1))) {
        fail_msg("not as the reference: %s", line);
    }
    json_decref(row);
}

static void verdicts_are_the_references(void **state)
{
    FILE *f = open_data("email-vectors.json");
    char line[LINE_SIZE];
    int rows = 0;

    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        if (line[0] == '[' && line[1] == '"') {
            check_row(line);
            rows++;
        }
    }
    fclose(f);
    assert_int_equal(rows, VECTORS);
}

/* A text of repeated parts, to build addresses of an exact length. */
static const char *repeat(const char *part, int times)
{
    static char texts[32][512]; /* more than one test asks for */
    static int next;
    char *text = texts[next++ % 32];

    for (text[0] = '\0'; times > 0; times--) {
        strcat(text, part);
    }
    return text;
}

static int check(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int check(const char *format, ...)
{
    char text[4096];
    va_list args;
    size_t length;
    char *exact;
    int accepted;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    length = strlen(text);
    exact = malloc(length + 1);
    assert_non_null(exact);
    memcpy(exact, text, length); /* no NUL: only `length` says where it ends */
    accepted = ms_email_check(exact, length);
    free(exact);
    return accepted;
}

#define ACCEPTED(...) assert_int_equal(check(__VA_ARGS__), 1)
#define REFUSED(...) assert_int_equal(check(__VA_ARGS__), 0)

static void lengths_end_where_they_should(void **state)
{
    const char *l63 = repeat("b", 63), *l61 = repeat("b", 61);

    ACCEPTED("%s@b.co", repeat("a", 64));
    REFUSED("%s@b.co", repeat("a", 65));
    ACCEPTED("%s@b.co", repeat("\xC3\xA4", 32)); /* bytes, not characters */
    REFUSED("%sa@b.co", repeat("\xC3\xA4", 32));
    ACCEPTED("\"%s\"@b.co", repeat("a", 62));
    REFUSED("\"%s\"@b.co", repeat("a", 63));
    ACCEPTED("a@%s.co", l63);
    REFUSED("a@b%s.co", l63);
    ACCEPTED("a@%s.co", repeat("\xE4\xB8\xAD", 63)); /* units, not bytes */
    ACCEPTED("a@%s.co", repeat("\xF0\x9F\x98\x80", 31));
    REFUSED("a@%s.co", repeat("\xF0\x9F\x98\x80", 32)); /* 64 units */
    ACCEPTED("a@b.%s", l63);
    REFUSED("a@b.%s", repeat("b", 64));

    ACCEPTED("a@%s.%s.%s.%s", l63, l63, l63, repeat("b", 60)); /* 254 units */
    REFUSED("a@%s.%s.%s.%s", l63, l63, l63, l61);              /* 255 */
    ACCEPTED("a@%s.%s", repeat("\xC3\xA4", 63), repeat("\xC3\xA4", 63)); /* domain: 253 bytes */
    REFUSED("a@%s.%s.ab", repeat("\xC3\xA4", 63), repeat("\xC3\xA4", 63)); /* 256 bytes, far from 254 units */
}

static void local_parts(void **state)
{
    static const char *const good[] = { "a", "a.b", "!#$%&'*+-/=?^_{|}~`", "\xC2\xA1", "\xED\x9F\xBF", "\xEF\xA4\x80",
                                        "\xEF\xB7\x8F", "\xEF\xB7\xB0", "\xEF\xBF\xAF", "\"", "\"\"", "\"a b\"",
                                        "\"\t\r\n\x7F\x01\"", "\"\\\"\"", "\"\\\\\"", "\"\\ \"", "\"\xC2\xA0\"",
                                        "\"\\\xC2\xA0\"", "\"@\"", "\"..\"" };
    static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "a b", "a@", "(a)", "a,b", "a:b", "a;b", "a<b", "[a]",
                                       "a\\b", "a\"b", "\"a\"b", "a\"b\"", "\xC2\xA0", "\xC2\x80", "\xEE\x80\x80",
                                       "\xEF\xA3\xBF", "\xEF\xB7\x90", "\xEF\xB7\xAF", "\xEF\xBF\xB0",
                                       "\xF0\x9F\x98\x80", "\"\\\"", "\"a\\\"", "\"a\"b\"", "\"\\\n\"", "\"\\\\\\\"",
                                       "\"\xC2\x85\"", "\"\\\xC2\x85\"", "\"\xF0\x9F\x98\x80\"", "\x01", "\x7F" };
    size_t i;

    for (i = 0; i < sizeof good / sizeof *good; i++) {
        ACCEPTED("%s@b.co", good[i]);
    }
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        REFUSED("%s@b.co", bad[i]);
    }
}

static void domains(void **state)
{
    static const char *const good[] = { "b.co", "B.CO", "1.co", "b-b.co", "a.b.c.d.ee", "xn--a.co", "b.xn--p1ai", "b.XN1a",
                                        "b.xN--a", "b.xnaa", "\xC2\xA1.co", "\xC2\xA9.co", "\xEE\x80\x80.co",
                                        "\xEF\xBC\x80.co", "\xEF\xBD\x9F.co", "\xEF\xBF\xBF.co", "\xF0\x9F\x98\x80.co",
                                        "b.\xC2\xA1\xC2\xA8", "b.\xC2\xAA\xED\x9F\xBF", "b.\xEF\xA4\x80\xEF\xB7\x8F" };
    static const char *const bad[] = { "", "co", ".co", "b.", "b..co", "b.co.", "-b.co", "b-.co", "b.co-", "b.-co", "b_b.co",
                                       "[1.2.3.4]", "1.2.3.4", "b.c", "b.c1", "b.1c", "b.xn1", "b.xn-", "b.xn1_a", "b b.co",
                                       "b.c o", "b.co ", " b.co", "b.co\n", "\xC2\xA0.co", "\xEF\xBC\x81.co",
                                       "\xEF\xBD\x9E.co", "b.\xC2\xA9\xC2\xA9", "b.a\xC2\xA9", "b.\xF0\x9F\x98\x80",
                                       "b.\xEE\x80\x80\xEE\x80\x80", "b.\xC3\xA4", "b.\xE1\x9A\x80\xE1\x9A\x80",
                                       "b.aa\xE2\x80\x80", "b.aa\xE2\x80\x8A", "b.aa\xE2\x80\xA8", "b.aa\xE2\x80\xA9",
                                       "b.aa\xE2\x80\xAF", "b.aa\xE2\x81\x9F", "b.aa\xE3\x80\x80", "b.aa\xEF\xBB\xBF" };
    size_t i;

    for (i = 0; i < sizeof good / sizeof *good; i++) {
        ACCEPTED("a@%s", good[i]);
    }
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        REFUSED("a@%s", bad[i]);
    }
}

static void the_last_at_sign_divides(void **state)
{
    REFUSED("a@b.co@c.co");
    ACCEPTED("\"a@b.co\"@c.co");
    ACCEPTED("\"@\"@c.co");
    REFUSED("@");
    REFUSED("@@");
    REFUSED("a");
    assert_int_equal(ms_email_check(NULL, 0), 0);
}

static void hostile_bytes(void **state)
{
    static const char with_nul[] = "a@b.co\0", nul_inside[] = "a\0b@b.co", nul_quoted[] = "\"\0\"@b.co";
    char *large;

    assert_int_equal(ms_email_check(with_nul, 7), 0);
    assert_int_equal(ms_email_check(nul_inside, 8), 0);
    assert_int_equal(ms_email_check(nul_quoted, 8), 0);
    REFUSED("\xFF@b.co");
    REFUSED("a@\xC3.co");
    REFUSED("a@b.co\xC3");
    REFUSED("\"\\\xC3\"@b.co");
    REFUSED("a@\xED\xA0\x80.co"); /* a surrogate in the guise of UTF-8 */
    REFUSED("a@\xC1\xA2.co");     /* overlong */

    large = malloc(10000000);
    assert_non_null(large);
    memset(large, '@', 10000000);
    assert_int_equal(ms_email_check(large, 10000000), 0);
    free(large);
}

/* Each byte inserted at each place of a good address: only what the rule names passes. */
static void every_byte_everywhere(void **state)
{
    static const char address[] = "a@b.co";
    int byte, at;

    for (at = 0; at <= 6; at++) {
        for (byte = 0; byte < 256; byte++) {
            int letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
            int want = letter || (at < 4 && byte >= '0' && byte <= '9'); /* the last label takes letters only */
            char text[7];

            if (at < 2) {
                want |= byte != 0 && strchr("!#$%&'*+-/=?^_{|}~`", byte) != NULL;
            }
            memcpy(text, address, at);
            text[at] = (char)byte;
            memcpy(text + at + 1, address + at, 6 - at);
            assert_int_equal(ms_email_check(text, 7), want);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_the_references),
        cmocka_unit_test(lengths_end_where_they_should),
        cmocka_unit_test(local_parts),
        cmocka_unit_test(domains),
        cmocka_unit_test(the_last_at_sign_divides),
        cmocka_unit_test(hostile_bytes),
        cmocka_unit_test(every_byte_everywhere),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
