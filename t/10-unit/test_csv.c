/* test_csv.c: core/csv.c: records and fields, whatever pieces the input comes in; what is refused; and back again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/csv.h"
#include "fixture.h"

typedef struct {
    const char *text;
    size_t length, piece;
} input_t;

static long give(void *baton, char *buffer, size_t size)
{
    input_t *in = baton;
    size_t count = in->length < in->piece ? in->length : in->piece;

    if (count > size) {
        count = size;
    }
    memcpy(buffer, in->text, count);
    in->text += count;
    in->length -= count;
    return (long)count;
}

static long give_nothing(void *baton, char *buffer, size_t size)
{
    return -1;
}

/* All of it as one text: fields in <>, NULL as -, records end with a bar, and the problem at the end. */
static const char *dump(const char *text, size_t length, size_t piece)
{
    input_t in = { text, length, piece };
    ms_csv_t *csv = ms_csv_make(pool, give, &in);
    ms_csv_record_t r;
    const char *all = "";
    int found, i;

    while ((found = ms_csv_next(csv, &r)) > 0) {
        all = apr_psprintf(pool, "%s%ld:", all, r.line);
        for (i = 0; i < r.count; i++) {
            all = r.fields[i] ? apr_pstrcat(pool, all, "<", r.fields[i], ">", NULL) : apr_pstrcat(pool, all, "-", NULL);
            assert_true(!r.fields[i] || strlen(r.fields[i]) <= r.lengths[i]);
        }
        all = apr_pstrcat(pool, all, "|", NULL);
    }
    assert_int_equal(found < 0, ms_csv_problem(csv) != NULL);
    assert_int_equal(ms_csv_next(csv, &r), found);
    return found < 0 ? apr_pstrcat(pool, all, " ", ms_csv_problem(csv), NULL) : all;
}

static void check(const char *text, const char *want)
{
    size_t piece;

    for (piece = 1; piece < 8; piece++) {
        assert_string_equal(dump(text, strlen(text), piece), want);
    }
    assert_string_equal(dump(text, strlen(text), 100000), want);
}

static void records_are_cut(void **state)
{
    check("", "");
    check("\n\n", "");
    check("\xef\xbb\xbf", "");
    check("\xef\xbb\xbf" "a,b\n", "1:<a><b>|");
    check("a,b\nc,d\n", "1:<a><b>|2:<c><d>|");
    check("a,b\nc,d", "1:<a><b>|2:<c><d>|");
    check("a,b\r\nc,d\r\n", "1:<a><b>|2:<c><d>|");
    check("a\r\n\r\n\nb\n", "1:<a>|4:<b>|");
    check("a,b\r", "1:<a><b>|");
    check(",\n", "1:--|");
    check("\"\"\n", "1:<>|");
    check(",\"\",\n", "1:-<>-|");
    check(" a , \"\n", " line 1: a quote stands within a field that does not begin with one");
}

static void quotes_keep_all(void **state)
{
    check("\"a,b\",\"c\"\"d\",\"\"\"\"\n", "1:<a,b><c\"d><\">|");
    check("\"a\nb\r\nc\",d\ne\n", "1:<a\nb\r\nc><d>|4:<e>|");
    check("\"a\"", "1:<a>|");
    check("\"\",\"\"", "1:<><>|");
    check("a,\"", " line 1: the file ends within a quoted field that begins in this record");
    check("x\na,\"b\n\n", "1:<x>| line 2: the file ends within a quoted field that begins in this record");
    check("\"a\"b\n", " line 1: something stands behind the closing quote of a field");
    check("\"a\"\nx\n\"a\" \n", "1:<a>|2:<x>| line 3: something stands behind the closing quote of a field");
    check("a\"b\n", " line 1: a quote stands within a field that does not begin with one");
    check("a\rb\n", " line 1: a carriage return that ends no line stands outside of quotes");
    check("\"a\"\r\nb\n", "1:<a>|2:<b>|");
}

static void raw_is_the_file(void **state)
{
    static const char text[] = "a,\"b\r\n\"\"c\",\r\nd\n";
    input_t in = { text, sizeof text - 1, 5 };
    ms_csv_t *csv = ms_csv_make(pool, give, &in);
    ms_csv_record_t r;

    assert_int_equal(ms_csv_next(csv, &r), 1);
    assert_int_equal(r.raw_length, strlen("a,\"b\r\n\"\"c\","));
    assert_memory_equal(r.raw, text, r.raw_length);
    assert_int_equal(r.count, 3);
    assert_null(r.fields[2]);
    assert_int_equal(ms_csv_next(csv, &r), 1);
    assert_int_equal(r.line, 3);
    assert_int_equal(ms_csv_next(csv, &r), 0);
}

static void nul_shows_in_the_length(void **state)
{
    static const char text[] = "a\0b,\"\0\"\n";
    input_t in = { text, sizeof text - 1, 100 };
    ms_csv_t *csv = ms_csv_make(pool, give, &in);
    ms_csv_record_t r;

    assert_int_equal(ms_csv_next(csv, &r), 1);
    assert_int_equal(r.lengths[0], 3);
    assert_int_equal(r.lengths[1], 1);
    assert_memory_equal(r.fields[0], "a\0b", 4);
}

static void size_is_bounded(void **state)
{
    size_t length = 5 << 20;
    char *text = malloc(length), *out = text;
    int i;

    memset(text, 'x', length);
    text[0] = '"';
    assert_string_equal(dump(text, length, 65536),
                        " line 1: the record is longer than 4 MiB; is a quote not closed before it?");
    memcpy(text + MS_CSV_RECORD_MAX - 1, "\"\n", 2);
    assert_int_equal(strlen(dump(text, MS_CSV_RECORD_MAX + 1, 65536)), strlen("1:<>|") + MS_CSV_RECORD_MAX - 2);
    free(text);

    text = out = apr_palloc(pool, 1000);
    for (i = 0; i < MS_CSV_FIELDS_MAX; i++) {
        *out++ = ',';
    }
    *out = '\0';
    assert_string_equal(dump(text, strlen(text), 1000), " line 1: too many fields");
    assert_int_equal(strlen(dump(text, MS_CSV_FIELDS_MAX - 2, 1000)), strlen("1:|") + MS_CSV_FIELDS_MAX - 1);
}

static void trouble_is_told(void **state)
{
    ms_csv_t *csv = ms_csv_make(pool, give_nothing, NULL);
    ms_csv_record_t r;

    assert_int_equal(ms_csv_next(csv, &r), -1);
    assert_string_equal(ms_csv_problem(csv), "it can't be read");
}

static void fields_are_written_as_postgresql_does(void **state)
{
    assert_string_equal(ms_csv_field(pool, NULL), "");
    assert_string_equal(ms_csv_field(pool, ""), "\"\"");
    assert_string_equal(ms_csv_field(pool, " a b "), " a b ");
    assert_string_equal(ms_csv_field(pool, "a,b"), "\"a,b\"");
    assert_string_equal(ms_csv_field(pool, "a\"b"), "\"a\"\"b\"");
    assert_string_equal(ms_csv_field(pool, "\""), "\"\"\"\"");
    assert_string_equal(ms_csv_field(pool, "a\nb"), "\"a\nb\"");
    assert_string_equal(ms_csv_field(pool, "a\rb"), "\"a\rb\"");
    assert_string_equal(ms_csv_field(pool, "\xc3\xa4;'"), "\xc3\xa4;'");
}

/* Whatever is written is read again; whatever bytes come, reading ends. */
static void nothing_is_lost(void **state)
{
    static const char alphabet[] = "a,\"\r\n \xc3\xa4";
    unsigned seed = 1;
    int round, i;

    for (round = 0; round < 5000; round++) {
        char value[12], soup[40];
        const char *line;
        input_t in;
        ms_csv_t *csv;
        ms_csv_record_t r;

        for (i = 0; i < 11; i++) {
            value[i] = alphabet[rand_r(&seed) % (sizeof alphabet - (i < 2))];
        }
        value[11] = '\0';
        line = apr_pstrcat(pool, "x,", ms_csv_field(pool, value), ",\n", NULL);
        in = (input_t){ line, strlen(line), 1 + (size_t)(rand_r(&seed) % 9) };
        csv = ms_csv_make(pool, give, &in);
        assert_int_equal(ms_csv_next(csv, &r), 1);
        assert_int_equal(r.count, 3);
        assert_string_equal(r.fields[1], value);
        assert_int_equal(ms_csv_next(csv, &r), 0);

        for (i = 0; i < (int)sizeof soup; i++) {
            soup[i] = alphabet[rand_r(&seed) % sizeof alphabet];
        }
        dump(soup, sizeof soup, 1 + (size_t)(rand_r(&seed) % 9));
        apr_pool_clear(pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_cut), cmocka_unit_test(quotes_keep_all), cmocka_unit_test(raw_is_the_file),
        cmocka_unit_test(nul_shows_in_the_length), cmocka_unit_test(size_is_bounded), cmocka_unit_test(trouble_is_told),
        cmocka_unit_test(fields_are_written_as_postgresql_does), cmocka_unit_test(nothing_is_lost),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, start, stop);
}
