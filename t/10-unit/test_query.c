/* test_query.c: core/query.c: query strings as storefronts and attackers write them; numbers and times as JavaScript reads them;
 * `fields` and `expand`. The numbers were made with JavaScript's Number(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_pools.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/query.h"
#include "core/time.h"
#include "core/validate.h"
#include "resource/resources.h"
#include "fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define CANT "Query string can't be decoded"

static ms_ctx_t context;

static int begin(void **state)
{
    int failed = start(state);

    context.pool = pool;
    return failed;
}

static int fresh(void **state)
{
    apr_pool_clear(context.pool);
    ms_forgive(&context);
    return 0;
}

/* ---- parsing ---- */

/* Parse a copy of the exact length, so that a sanitizer sees any step too far. */
static ms_rc_t parse(json_t **query, const char *text)
{
    char *exact = text ? strdup(text) : NULL;
    ms_rc_t rc;

    ms_forgive(&context);
    rc = ms_query_parse(&context, query, exact);
    free(exact);
    return rc;
}

static void becomes(const char *text, const char *json)
{
    json_t *query;

    if (parse(&query, text) != MS_OK) {
        fail_msg("refused (%s): %.200s", context.message, text);
    }
    assert_string_equal(ms_json_write(context.pool, query, NULL), json);
}

static void bad(const char *text, const char *message)
{
    json_t *query;

    assert_int_equal(parse(&query, text), MS_INVALID_DATA);
    assert_string_equal(context.message, message);
}

static void pairs(void **state)
{
    becomes(NULL, "{}");
    becomes("", "{}");
    becomes("&&&", "{}");
    becomes("a=1", "{\"a\":\"1\"}");
    becomes("a", "{\"a\":\"\"}");
    becomes("a=", "{\"a\":\"\"}");
    becomes("a=1=2", "{\"a\":\"1=2\"}");
    becomes("=1&a=2&=", "{\"a\":\"2\"}");
    becomes("a=1&b=2&", "{\"a\":\"1\",\"b\":\"2\"}");
    becomes("a=x+y%20z%2B%26%3d&%61b=%C3%A9", "{\"a\":\"x y z+&=\",\"ab\":\"é\"}");
    becomes("a;b=1", "{\"a;b\":\"1\"}");
}

static void arrays(void **state)
{
    becomes("a=1&a=2&a=3", "{\"a\":[\"1\",\"2\",\"3\"]}");
    becomes("a[]=1", "{\"a\":[\"1\"]}");
    becomes("a[]=1&a[]=2", "{\"a\":[\"1\",\"2\"]}");
    becomes("a[0]=1&a[7]=2", "{\"a\":[\"1\",\"2\"]}");
    becomes("a%5B%5D=1&a=2", "{\"a\":[\"1\",\"2\"]}");
    becomes("a=1&a[]=2", "{\"a\":[\"1\",\"2\"]}");
    becomes("a[]=1,2,,3", "{\"a\":[\"1\",\"2\",\"\",\"3\"]}");
    becomes("a[]=", "{\"a\":[\"\"]}");
    becomes("a[]=1,2&a[]=3", "{\"a\":[\"1,2\",\"3\"]}");
    becomes("a=1,2", "{\"a\":\"1,2\"}");
}

static void objects(void **state)
{
    becomes("a[gt]=1&a[lt]=2", "{\"a\":{\"gt\":\"1\",\"lt\":\"2\"}}");
    becomes("a[b][c]=1&a[b][d][]=2", "{\"a\":{\"b\":{\"c\":\"1\",\"d\":[\"2\"]}}}");
    becomes("a[b]=1&a[b]=2", "{\"a\":{\"b\":[\"1\",\"2\"]}}");
    becomes("a[gt]=1&a=2", "{\"a\":[{\"gt\":\"1\"},\"2\"]}");
    becomes("a=1&a[gt]=2", "{\"a\":{\"gt\":\"2\"}}");
    becomes("a[][b]=1", "{\"a\":{\"\":{\"b\":\"1\"}}}");
    becomes("a[__proto__]=1&constructor=2", "{\"a\":{\"__proto__\":\"1\"},\"constructor\":\"2\"}");
}

static void odd_brackets(void **state)
{
    static const char *const plain[] = {
        "a[", "a]", "a[b", "a[b]c", "[a]", "[]", "[", "]", "a[b][", "a[b]]", "a[b][c][d][e][f]", "a[[b]c]",
    };
    size_t i;

    for (i = 0; i < COUNT(plain); i++) {
        becomes(apr_pstrcat(context.pool, plain[i], "=1", NULL), apr_psprintf(context.pool, "{\"%s\":\"1\"}", plain[i]));
    }
    becomes("a[b[c]=1", "{\"a\":{\"b[c\":\"1\"}}");
    becomes("a[b][c][d][]=1", "{\"a\":{\"b\":{\"c\":{\"d\":[\"1\"]}}}}");
}

static void broken_escapes(void **state)
{
    static const char *const wrong[] = { "a=%", "a=%4", "a=%zz", "%=1", "a=%4g", "a=%FF", "a=%C3", "a=%00", "%00", "a=%ED%A0%80", "a=\xFF" };
    size_t i;

    for (i = 0; i < COUNT(wrong); i++) {
        bad(wrong[i], CANT);
    }
}

static char *repeat(const char *part, size_t times)
{
    size_t i, length = strlen(part);
    char *text = apr_palloc(context.pool, length * times + 1);

    for (i = 0; i < times; i++) {
        memcpy(text + i * length, part, length);
    }
    text[length * times] = '\0';
    return text;
}

static void many(void **state)
{
    json_t *query;

    assert_int_equal(parse(&query, repeat("a=1&", 1000)), MS_OK);
    assert_int_equal(json_array_size(json_object_get(query, "a")), 1000);
    bad(repeat("a=1&", 1001), "Query string has more than 1000 parameters");
    assert_int_equal(parse(&query, apr_pstrcat(context.pool, "a[]=", repeat(",", 100000), NULL)), MS_OK);
    assert_int_equal(json_array_size(json_object_get(query, "a")), 100001);
    assert_int_equal(parse(&query, apr_pstrcat(context.pool, "a", repeat("[", 100000), repeat("]", 100000), NULL)), MS_OK);
    assert_int_equal(parse(&query, apr_pstrcat(context.pool, "a", repeat("[b]", 100000), NULL)), MS_OK);
}

/* ---- values ---- */

static const struct {
    const char *text;
    int good;
    int64_t number;
} numbers[] = {
    { "", 1, INT64_C(0) },
    { "  ", 1, INT64_C(0) },
    { " 1 ", 1, INT64_C(1) },
    { "1e1", 1, INT64_C(10) },
    { "0x10", 1, INT64_C(16) },
    { "0X1F", 1, INT64_C(31) },
    { "0b101", 1, INT64_C(5) },
    { "0o17", 1, INT64_C(15) },
    { "0B2", 0, 0 },
    { "0o8", 0, 0 },
    { "0x", 0, 0 },
    { "0b", 0, 0 },
    { "0xg", 0, 0 },
    { "+0x10", 0, 0 },
    { "-0x10", 0, 0 },
    { "0x1.8", 0, 0 },
    { "0x1p3", 0, 0 },
    { "1e", 0, 0 },
    { "e1", 0, 0 },
    { "E5", 0, 0 },
    { "1e+", 0, 0 },
    { "1e+2", 1, INT64_C(100) },
    { "1E-2", 0, 0 },
    { "100E-2", 1, INT64_C(1) },
    { ".", 0, 0 },
    { "5.", 1, INT64_C(5) },
    { "0.5", 0, 0 },
    { ".5", 0, 0 },
    { "+5", 1, INT64_C(5) },
    { "-5", 0, 0 },
    { "-0", 1, INT64_C(0) },
    { "+-5", 0, 0 },
    { "- 5", 0, 0 },
    { "1 2", 0, 0 },
    { "1_000", 0, 0 },
    { "1,000", 0, 0 },
    { "Infinity", 0, 0 },
    { "-Infinity", 0, 0 },
    { "NaN", 0, 0 },
    { "inf", 0, 0 },
    { "nan", 0, 0 },
    { "1e400", 0, 0 },
    { "9223372036854775807", 0, 0 },
    { "9223372036854774784", 1, INT64_C(9223372036854774784) },
    { "9223372036854775808", 0, 0 },
    { "9007199254740993", 1, INT64_C(9007199254740992) },
    { "00012", 1, INT64_C(12) },
    { "0.0", 1, INT64_C(0) },
    { "1.0", 1, INT64_C(1) },
    { "1.5", 0, 0 },
    { "\t\n7\r", 1, INT64_C(7) },
    { "0x7fffffffffffffff", 0, 0 },
    { "0xffffffffffffffffff", 0, 0 },
    { "١", 0, 0 },
    { "1n", 0, 0 },
    { "1d", 0, 0 },
    { "1f", 0, 0 },
    { "0x10 ", 1, INT64_C(16) },
    { "true", 0, 0 },
    { "null", 0, 0 },
};

static void numbers_as_in_javascript(void **state)
{
    json_int_t number;
    size_t i;

    for (i = 0; i < COUNT(numbers); i++) {
        int good = ms_query_number(&number, ms_own(context.pool, json_string(numbers[i].text)));

        if (good != numbers[i].good || (good && number != numbers[i].number)) {
            fail_msg("\"%s\": %d, %lld", numbers[i].text, good, good ? (long long)number : 0LL);
        }
    }
    assert_int_equal(ms_query_number(&number, ms_own(context.pool, json_integer(5))), 0);
    assert_int_equal(ms_query_number(&number, ms_own(context.pool, json_array())), 0);
    assert_int_equal(ms_query_number(&number, NULL), 0);
}

static void times(void **state)
{
    static const struct {
        const char *text, *iso; /* NULL: no time */
    } rows[] = {
        { "2026-11-23", "2026-11-23T00:00:00.000Z" },
        { "2026-11", "2026-11-01T00:00:00.000Z" },
        { "2026", "2026-01-01T00:00:00.000Z" },
        { "2026-11-23T08:43", "2026-11-23T08:43:00.000Z" },
        { "2026-11-23T08:43:37", "2026-11-23T08:43:37.000Z" },
        { "2026-11-23 08:43:37.5Z", "2026-11-23T08:43:37.500Z" },
        { "2026-11-23t08:43:37.023z", "2026-11-23T08:43:37.023Z" },
        { "2026-11-23T08:43:37.023999Z", "2026-11-23T08:43:37.023Z" },
        { "2026-11-23T08:43:37+02:00", "2026-11-23T06:43:37.000Z" },
        { "2026-11-23T08:43:37-0330", "2026-11-23T12:13:37.000Z" },
        { "2024-02-29", "2024-02-29T00:00:00.000Z" },
        { "1969-12-31", "1970-01-01T00:00:00.000Z" },
        { "1904-02-29T10:00", "1970-01-01T00:00:00.000Z" },
        { "0000-01-01", "1970-01-01T00:00:00.000Z" },
        { "1764000000", "2025-11-24T16:00:00.000Z" },
        { "1764000000.5", "2025-11-24T16:00:00.500Z" },
        { "-5", "1970-01-01T00:00:00.000Z" },
        { "0", "1970-01-01T00:00:00.000Z" },
        { "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z" },
        { "9999-12-31T23:59:59-01:00", "9999-12-31T23:59:59.999Z" },
        { "", NULL }, { "x", NULL }, { "2026-13-01", NULL }, { "2026-02-30", NULL }, { "2025-02-29", NULL }, { "2026-11-23T", NULL },
        { "2026-11-23T8:43", NULL }, { "2026-11-23T25:00", NULL }, { "2026-11-23T08:43:37.", NULL }, { "2026-11-23T08:43:37.1:2", NULL },
        { "2026-11-23T08:43:37.123:45", NULL }, { "2026-11-23T08:43.5", NULL }, { "2026-11-23T08:43:37+2", NULL },
        { "2026-11-23T08:43:37+24:00", NULL }, { "2026-11-23T08:43:37+02:60", NULL }, { "2026-11-23T08:43:37+02:00x", NULL },
        { "2026-11-23T08:43:37+", NULL }, { "2026-11-23T08:43:37+0", NULL }, { "2026-11-23T08:43:37+02:", NULL },
        { "2026-11-23Z", NULL }, { "2026-11-23-0300", NULL }, { "2026-11-2", NULL }, { "2026-1", NULL }, { "20261-01-01", NULL },
        { "----------", NULL }, { "2026/11/23", NULL }, { "253402300800", NULL }, { "1e400", NULL }, { "Infinity", NULL }, { "nan", NULL },
    };
    apr_time_t time;
    size_t i;

    for (i = 0; i < COUNT(rows); i++) {
        int good = ms_query_time(&time, ms_own(context.pool, json_string(rows[i].text)));

        if (good != (rows[i].iso != NULL)) {
            fail_msg("\"%s\": %d", rows[i].text, good);
        }
        if (good) {
            assert_string_equal(ms_time_iso(context.pool, time), rows[i].iso);
        }
    }
    assert_int_equal(ms_query_time(&time, ms_own(context.pool, json_integer(5))), 0);
}

/* ---- the rules of a list ---- */

static const char *checked(const char *text)
{
    json_t *query;

    assert_int_equal(parse(&query, text), MS_OK);
    if (ms_validate_query(&context, ms_order_list_query, query) != MS_OK) {
        return context.message;
    }
    return ms_json_write(context.pool, query, NULL);
}

#define STATUSES "each value in status must be one of the following values: pending, completed, archived, canceled, requires_action"

static void rules_of_the_list(void **state)
{
    assert_string_equal(checked("limit=+5+&offset=0x10"), "{\"limit\":5,\"offset\":16}");
    assert_string_equal(checked("status=pending"), "{\"status\":[\"pending\"]}");
    assert_string_equal(checked("status=pending,completed"), "{\"status\":[\"pending\",\"completed\"]}");
    assert_string_equal(checked("status[]=pending,completed"), "{\"status\":[\"pending\",\"completed\"]}");
    assert_string_equal(checked("status=pending&status=archived"), "{\"status\":[\"pending\",\"archived\"]}");
    assert_string_equal(checked("created_at[gt]=0&created_at[lt]=2026-01-01"),
                        "{\"created_at\":{\"gt\":\"1970-01-01T00:00:00.000Z\",\"lt\":\"2026-01-01T00:00:00.000Z\"}}");
    assert_string_equal(checked("order=x&0=y&limit=1.5&created_at[x]=1&created_at[gt]=y"),
                        "property 0 should not exist, property order should not exist, property x should not exist, gt must be a Date instance, "
                        "limit must be a number conforming to the specified constraints");
    assert_string_equal(checked("status=x"), STATUSES);
    assert_string_equal(checked("status="), STATUSES);
    assert_string_equal(checked("status=pending,"), STATUSES);
    assert_string_equal(checked("status[gt]=pending"), STATUSES);
    assert_string_equal(checked("limit=-1&offset[]=1"),
                        "limit must be a number conforming to the specified constraints, offset must be a number conforming to the specified constraints");
    assert_string_equal(checked("created_at=2026-01-01"), "nested property created_at must be either object or array");
    assert_string_equal(checked("id[]=1&q=1&q=2"), "id must be a string, q must be a string");
}

/* ---- fields and expand ---- */

static const char *const fields[] = { "id", "created_at", "email", "status", "total", NULL };
static const char *const relations[] = { "items", "items.variant", "region", NULL };
static const char *const default_fields[] = { "id", "email", "created_at", NULL };
static const char *const default_relations[] = { "items", NULL };
static const ms_select_conf_t conf = { fields, relations, default_fields, default_relations };

static const char *joined(const apr_array_header_t *list)
{
    const char *text = "";
    int i;

    for (i = 0; i < list->nelts; i++) {
        text = apr_pstrcat(context.pool, text, i ? " " : "", APR_ARRAY_IDX(list, i, const char *), NULL);
    }
    return text;
}

static void selects(const char *asked, const char *expand, const char *want_fields, const char *want_relations)
{
    ms_select_t select;

    ms_forgive(&context);
    if (ms_select_read(&context, &select, &conf, asked, expand) != MS_OK) {
        fail_msg("refused: %s", context.message);
    }
    assert_string_equal(joined(select.fields), want_fields);
    assert_string_equal(joined(select.relations), want_relations);
}

static void refuses(const char *asked, const char *expand, const char *message)
{
    ms_select_t select;

    ms_forgive(&context);
    assert_int_equal(ms_select_read(&context, &select, &conf, asked, expand), MS_INVALID_DATA);
    assert_string_equal(context.message, message);
}

static void fields_and_expand(void **state)
{
    selects(NULL, NULL, "id email created_at", "items");
    selects("", NULL, "id email created_at", "items");
    selects(",,", NULL, "id email created_at", "items");
    selects("status", NULL, "status id created_at", "items");
    selects("+status", NULL, "id email created_at status", "items");
    selects("-email", NULL, "id created_at", "items");
    selects("-id,-created_at", NULL, "email id created_at", "items");
    selects("+status,total", NULL, "status total id created_at", "items");
    selects("email,email,+email", NULL, "email id created_at", "items");
    selects("*region", NULL, "id email created_at", "items region");
    selects("region", "", "id created_at", "region");
    selects("-items", NULL, "id email created_at", "");
    selects("region.name", NULL, "id created_at", "items region");
    selects("+items.variant.title", NULL, "id email created_at", "items items.variant");
    selects("-region.name", NULL, "id email created_at", "items");
    selects(NULL, "", "id email created_at", "");
    selects(NULL, "region,items.variant,region", "id email created_at", "region items.variant");
}

static void unknown_names(void **state)
{
    refuses("x", NULL, "Requested fields [x] are not valid");
    refuses("+x,email,-y,*z", NULL, "Requested fields [x, y, z] are not valid");
    refuses("*email", NULL, "Requested fields [email] are not valid");
    refuses("x.y,items.,items.A,.a,region.a b", NULL, "Requested fields [x.y, items., items.A, .a, region.a b] are not valid");
    refuses("+", NULL, "Requested fields [] are not valid");
    refuses("password_hash", "customer", "Requested fields [password_hash, customer] are not valid");
    refuses(NULL, "*items", "Requested fields [*items] are not valid");
    refuses(NULL, "x,items,x", "Requested fields [x] are not valid");
}

/* What each name costs must not grow with their number: the message names the first fifty, and nothing unknown is kept. */
static void many_unknown_names(void **state)
{
    const char *asked = "";
    ms_select_t select;
    int i, commas = 0;
    const char *p;

    for (i = 0; i < 500; i++) {
        asked = apr_psprintf(context.pool, "%s,n%03d", asked, i);
    }
    ms_forgive(&context);
    assert_int_equal(ms_select_read(&context, &select, &conf, asked, asked), MS_INVALID_DATA);
    for (p = context.message; (p = strchr(p, ',')); p++) {
        commas++;
    }
    assert_int_equal(commas, 49);
    assert_string_equal(joined(select.fields), "id created_at");
    assert_string_equal(joined(select.relations), "");
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pairs),
        TEST(arrays),
        TEST(objects),
        TEST(odd_brackets),
        TEST(broken_escapes),
        TEST(many),
        TEST(numbers_as_in_javascript),
        TEST(times),
        TEST(rules_of_the_list),
        TEST(fields_and_expand),
        TEST(unknown_names),
        TEST(many_unknown_names),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin, stop);
}
