/* test_object.c: core/object.c, out.c and json_plain.c: rows and answers as texts give the same JSON as a tree of values does, byte for
 * byte; and what passes unread is just what writing would have made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_pools.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#include "core/answer.h"
#include "core/json.h"
#include "core/out.h"
#include "core/route.h"
#include "resource/resources.h"
#include "fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

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
    context.object = NULL;
    context.answer = NULL;
    ms_forgive(&context);
    return 0;
}

/* Asked in memory of the exact length, so that a sanitizer sees any step too far. */
static int is_plain(const char *text, size_t length)
{
    char *exact = malloc(length ? length : 1);
    int plain;

    assert_non_null(exact);
    memcpy(exact, text, length);
    plain = ms_json_is_plain(exact, length);
    free(exact);
    return plain;
}

/* What reading and writing makes of a text; NULL: it is no JSON. */
static const char *rewritten(const char *text, size_t length)
{
    json_t *value;

    ms_json_parse(&value, apr_pstrmemdup(context.pool, text, length), length, MS_JSON_WRITE_MAX, 1);
    return value ? ms_json_write(context.pool, ms_own(context.pool, value), NULL) : NULL;
}

static void must_hold(const char *text, size_t length)
{
    const char *again = rewritten(text, length);

    if (is_plain(text, length) && (!again || strlen(again) != length || memcmp(again, text, length))) {
        fail_msg("%.*s passes unread, but would be written as %s", (int)length, text, again ? again : "nothing");
    }
}

static void plain_texts_are_known(void **state)
{
    static const char *const plain[] = {
        "{}", "{\"floor\":1,\"door\":\"left\"}", "{\"a\":true,\"b\":false,\"c\":null,\"d\":\"\"}", "{\"\":0}", "{\"a\":-1}",
        "{\"a\":999999999999999999}", "{\"ü\":\"Åkirkeby \xF0\x9F\x98\x80\"}", "{\"a\":\"/<>&'\x7F\"}",
        "{\"a1\":1,\"a2\":1,\"a3\":1,\"a4\":1,\"a5\":1,\"a6\":1,\"a7\":1,\"a8\":1,\"a9\":1,\"b1\":1,\"b2\":1,\"b3\":1,\"b4\":1,\"b5\":1,\"b6\":1,\"b7\":1}",
    };
    size_t i;

    for (i = 0; i < COUNT(plain); i++) {
        if (!is_plain(plain[i], strlen(plain[i]))) {
            fail_msg("%s is plain", plain[i]);
        }
        must_hold(plain[i], strlen(plain[i]));
    }
}

static void all_else_is_read(void **state)
{
    static const char *const others[] = {
        "", "{", "}", "[]", "1", "null", "\"a\"", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1}}", "{\"a\":1} ", " {}", "{ }",
        "{\"a\" :1}", "{\"a\": 1}", "{\"a\":1 }", "{\"a\":1, \"b\":1}", "{\"a\":{}}", "{\"a\":[1]}", "{\"a\":1.0}", "{\"a\":1e2}", "{\"a\":01}",
        "{\"a\":-0}", "{\"a\":-}", "{\"a\":+1}", "{\"a\":-01}", "{\"a\":1234567890123456789}", "{\"a\":\"\\u00e9\"}", "{\"a\":\"\\/\"}",
        "{\"a\":\"\\n\"}", "{\"a\":\"\n\"}", "{\"a\":\"\x1F\"}", "{\"a\":\"", "{\"a\":\"x", "{\"a\":tru}", "{\"a\":True}", "{\"a\":nul", "{a:1}",
        "{'a':1}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":1,\"a\":1}", "{\"a\":\"\xFF\"}", "{\"\xC0\x80\":1}", "{\"a\":\"\xED\xA0\x80\"}",
        "{\"a1\":1,\"a2\":1,\"a3\":1,\"a4\":1,\"a5\":1,\"a6\":1,\"a7\":1,\"a8\":1,\"a9\":1,\"b1\":1,\"b2\":1,\"b3\":1,\"b4\":1,\"b5\":1,\"b6\":1,\"b7\":1,\"b8\":1}",
    };
    size_t i;

    for (i = 0; i < COUNT(others); i++) {
        if (is_plain(others[i], strlen(others[i]))) {
            fail_msg("%s is not plain", others[i]);
        }
    }
    assert_false(is_plain("{\"a\":\"\0\"}", 9));
    assert_false(is_plain("{}\0", 3));
}

/* Each byte of good texts becomes each other byte, and each text is cut and doubled anywhere. */
static void no_change_passes_unseen(void **state)
{
    static const char *const good[] = { "{\"floor\":-12,\"d\":\"lé\"}", "{\"a\":true,\"b\":null}" };
    size_t i, at;
    int byte;

    for (i = 0; i < COUNT(good); i++) {
        size_t length = strlen(good[i]);
        char *text = strdup(good[i]);

        assert_non_null(text);
        for (at = 0; at < length; at++) {
            must_hold(text, at);
            for (byte = 0; byte < 256; byte++) {
                text[at] = (char)byte;
                must_hold(text, length);
            }
            text[at] = good[i][at];
            apr_pool_clear(context.pool);
        }
        free(text);
    }
}

/* Every character, alone and at every place among others: words are looked at eight bytes at a time. */
static void strings_are_escaped_anywhere(void **state)
{
    size_t length, at;
    int c;

    for (c = 1; c < 128; c++) {
        for (length = 1; length < 20; length++) {
            for (at = 0; at < length; at++) {
                char *text = malloc(length);
                ms_out_t out = { context.pool, NULL, 0, 0, 0 };
                size_t plain;

                assert_non_null(text);
                memset(text, 'x', length);
                text[at] = (char)c;
                plain = (size_t)(ms_out_plain(text, text + length) - text);
                assert_int_equal(plain, c < 0x20 || c == '"' || c == '\\' ? at : length);
                ms_out_string(&out, text, length);
                assert_true(json_equal(ms_own(context.pool, json_loadb(out.data, out.used, JSON_DECODE_ANY, NULL)),
                                       ms_own(context.pool, json_stringn(text, length))));
                free(text);
                apr_pool_clear(context.pool);
            }
        }
    }
}

/* ---- objects ---- */

static const char *written(const ms_shape_t *shape, const ms_object_t *object)
{
    size_t length;
    const char *text = ms_object_write(context.pool, shape, object, &length);
    json_t *tree = ms_own(context.pool, ms_object_tree(context.pool, shape, object));

    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    assert_non_null(tree);
    assert_string_equal(ms_json_write(context.pool, tree, NULL), text);
    return text;
}

static const ms_object_t *address(const char *id, const char *city)
{
    json_t *row = ms_own(context.pool, json_pack("{s:s, s:s?, s:{s:i, s:[f]}}", "id", id, "city", city, "metadata", "b", 1, "a", 1.5));

    return ms_object_of_row(context.pool, &ms_address, row);
}

#define ADDRESS(id, city) "{\"id\":\"" id "\",\"created_at\":null,\"updated_at\":null,\"deleted_at\":null,\"customer_id\":null,\"company\":null," \
    "\"first_name\":null,\"last_name\":null,\"address_1\":null,\"address_2\":null,\"city\":" city ",\"country_code\":null,\"province\":null," \
    "\"postal_code\":null,\"phone\":null,\"metadata\":{\"b\":1,\"a\":[1.5]}}"
#define CUSTOMER "{\"id\":\"cus_1\",\"created_at\":null,\"updated_at\":null,\"deleted_at\":null,\"email\":\"a@\\\"b\",\"first_name\":null," \
    "\"last_name\":null,\"billing_address_id\":null,\"phone\":null,\"has_account\":true,\"metadata\":null"

static void answers_are_the_same_either_way(void **state)
{
    const ms_shape_t *profile = ms_customer_profile_answer.members[0].shape, *signed_in = ms_customer_sign_in_answer.members[0].shape;
    json_t *row = ms_own(context.pool, json_pack("{s:s, s:s, s:b, s:s}", "id", "cus_1", "email", "a@\"b", "has_account", 1,
                                                 "password_hash", "$secret"));
    ms_object_t customer = *ms_object_of_row(context.pool, &ms_customer, row);
    ms_object_t book[2] = { *address("addr_1", "\xC3\x85"), *address("addr_2", NULL) };
    ms_slot_t *slots = ms_slots_make(context.pool, profile);

    assert_string_equal(ms_object_text(&customer, &ms_customer, "email"), "a@\"b");
    assert_null(ms_object_text(&customer, &ms_customer, "password_hash"));
    assert_null(ms_object_text(&customer, &ms_customer, "nothing"));
    assert_string_equal(written(&ms_address_shape, &book[0]), ADDRESS("addr_1", "\"\xC3\x85\""));

    customer.slots = slots;
    assert_string_equal(written(profile, &customer), CUSTOMER ",\"billing_address\":null,\"shipping_addresses\":[]}");
    ms_slots_find(slots, profile, "billing_address")->objects = &book[1];
    *ms_slots_find(slots, profile, "shipping_addresses") = (ms_slot_t){ NULL, book, 2 };
    assert_string_equal(written(profile, &customer), CUSTOMER ",\"billing_address\":" ADDRESS("addr_2", "null")
        ",\"shipping_addresses\":[" ADDRESS("addr_1", "\"\xC3\x85\"") "," ADDRESS("addr_2", "null") "]}");
    assert_null(ms_slots_find(slots, profile, "orders"));

    customer.slots = ms_slots_make(context.pool, signed_in);
    assert_string_equal(written(signed_in, &customer), CUSTOMER ",\"orders\":[],\"shipping_addresses\":[]}");
}

static void members_may_be_absent(void **state)
{
    ms_slot_t *slots = ms_slots_make(context.pool, &ms_error_answer);
    ms_object_t error = { NULL, slots };

    ms_slots_find(slots, &ms_error_answer, "type")->text = "not_found";
    assert_string_equal(written(&ms_error_answer, &error), "{\"type\":\"not_found\",\"message\":null}");
    ms_slots_find(slots, &ms_error_answer, "code")->text = "x";
    assert_string_equal(written(&ms_error_answer, &error), "{\"code\":\"x\",\"type\":\"not_found\",\"message\":null}");
    slots = ms_slots_make(context.pool, &ms_order_list_answer);
    ms_slots_find(slots, &ms_order_list_answer, "limit")->text = "10";
    assert_string_equal(written(&ms_order_list_answer, &(ms_object_t){ NULL, slots }),
                        "{\"orders\":[],\"count\":null,\"offset\":null,\"limit\":10}");
    assert_string_equal(written(&ms_empty_answer, &(ms_object_t){ NULL, NULL }), "{}");
}

static void what_is_no_value_of_its_column_is_refused(void **state)
{
    assert_null(ms_object_of_row(context.pool, &ms_customer, ms_own(context.pool, json_pack("{s:i}", "email", 1))));
    assert_null(ms_object_of_row(context.pool, &ms_customer, ms_own(context.pool, json_pack("{s:[]}", "created_at"))));
    assert_non_null(ms_object_of_row(context.pool, &ms_customer, ms_own(context.pool, json_object())));
}

static void an_answer_is_written_whatever_it_is_made_of(void **state)
{
    static const ms_route_t route = { .answer = &ms_customer_row_answer };
    const ms_object_t *customer = ms_object_of_row(context.pool, &ms_customer, ms_own(context.pool, json_pack("{s:s}", "id", "cus_1")));
    const char *text;
    size_t length;

    context.route = &route;
    assert_null(ms_answer_write(&context, &length));
    assert_int_equal(ms_answer_object(&context, customer), MS_OK);
    text = ms_answer_write(&context, &length);
    assert_non_null(strstr(text, "{\"customer\":{\"id\":\"cus_1\",\"created_at\":null,"));
    assert_string_equal(ms_json_write(context.pool, ms_answer_tree(&context), NULL), text);
    context.object = NULL;
    assert_int_equal(ms_answer(&context, "customer", json_integer(1)), MS_OK);
    assert_string_equal(ms_answer_write(&context, &length), "{\"customer\":1}");
    assert_ptr_equal(ms_answer_tree(&context), context.answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(plain_texts_are_known, fresh),
        cmocka_unit_test_setup(all_else_is_read, fresh),
        cmocka_unit_test_setup(no_change_passes_unseen, fresh),
        cmocka_unit_test_setup(strings_are_escaped_anywhere, fresh),
        cmocka_unit_test_setup(answers_are_the_same_either_way, fresh),
        cmocka_unit_test_setup(members_may_be_absent, fresh),
        cmocka_unit_test_setup(what_is_no_value_of_its_column_is_refused, fresh),
        cmocka_unit_test_setup(an_answer_is_written_whatever_it_is_made_of, fresh),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin, stop);
}
