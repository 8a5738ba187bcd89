/* test_memory.c: core/ and account/ where memory runs out: at the first allocation, at the second, and so on until there are no more,
 * once and for good. What can be done is done as ever, or a problem is told: nothing is lost, nothing else is stored, no password
 * passes. A pool that gets no memory ends the process, as httpd does it; nothing was answered then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <libxml/xmlerror.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/account.h"
#include "account/cookie.h"
#include "account/password.h"
#include "account/reset.h"
#include "account/token.h"
#include "account/transfer.h"
#include "core/csv.h"
#include "core/email.h"
#include "core/json.h"
#include "core/query.h"
#include "core/text.h"
#include "core/validate.h"
#include "core/wordlist.h"
#include "core/xml.h"
#include "resource/resources.h"
#include "scarce.h"

#define ENDED "the process ends"
#define NONE "none"

static ms_account_t account = {
    .secrets = { "the secret of this unit test, and long enough", "the one that was before it, and long enough", NULL },
    .password_passes = 1, .password_memory = 8192
};
static const ms_shop_t shop = { .account = &account };
static const ms_sink_t sink;
static const char password[] = "correct horse";
static char argon2[crypto_pwhash_STRBYTES];
static jmp_buf end_of_process;
static char outcome[65536];

static int end_process(int status)
{
    longjmp(end_of_process, 1);
}

/* What came of it: the text of an answer, or the name of a problem. */
static void tell(const ms_ctx_t *c, ms_rc_t rc, const char *text)
{
    scarce_end();
    snprintf(outcome, sizeof outcome, "%s", rc != MS_OK ? ms_problem_get(rc)->name : text ? text : NONE);
    assert_int_equal(rc, c->rc);
}

static void tell_value(ms_ctx_t *c, ms_rc_t rc, const json_t *value)
{
    scarce_end();
    tell(c, rc, value ? ms_json_write(c->pool, value, NULL) : NULL);
}

/* ---- what is tried ---- */

static const char body[] =
    "{\"email\":\"J\xC3\x84NE@b.co\",\"first_name\":\"J\\u00e4ne \\ud83d\\ude00 of a name that is longer than a few bytes\",\"last_name\":\"D\","
    "\"password\":\"x\",\"phone\":\"+49\",\"metadata\":{\"k\xC3\xA4\":null,\"t\":[true,false,{},1.5,-1e999,12345678901234567890],\"s\":\"\\n\"}}";

static json_t *read_body(ms_ctx_t *c, const char *text)
{
    json_t *value = NULL;
    size_t length = strlen(text);

    ms_json_read(c, &value, apr_pstrmemdup(c->pool, text, length), length);
    return value;
}

static void reads_json(ms_ctx_t *c)
{
    json_t *value = read_body(c, body);

    tell_value(c, c->rc, value);
}

static void writes_json(ms_ctx_t *c)
{
    const char *text = ms_json_write(c->pool, read_body(c, body), NULL);

    tell(c, c->rc, text);
}

static void checks_a_registration(ms_ctx_t *c)
{
    c->body = read_body(c, body);
    if (c->body) {
        ms_validate(c, ms_customer_update_body.rules);
    }
    tell_value(c, c->rc, c->body);
}

static void refuses_a_registration(ms_ctx_t *c)
{
    c->body = read_body(c, "{\"7\":1,\"x\":2,\"email\":1,\"first_name\":[],\"phone\":\"\\u0000\",\"metadata\":3,\"billing_address\":[]}");
    if (c->body) {
        ms_validate(c, ms_customer_update_body.rules);
    }
    tell(c, c->rc, NULL);
    if (c->rc == MS_INVALID_DATA) {
        snprintf(outcome, sizeof outcome, "%s", c->message);
    }
}

static void reads_xml(ms_ctx_t *c)
{
    static const char text[] =
        "<?xml version='1.0' encoding='UTF-8'?><c xmlns='urn:medusa-store:v1' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>"
        "<email>a@b.co</email><phone>1</phone><phone>2</phone><phone>3</phone><last_name xsi:nil='true'/><x><y/></x>"
        "<billing_address><city>A &amp; B</city></billing_address><metadata><entry key='a&amp;b' type='array'><entry type='number'>1.5</entry>"
        "<entry type='string'>x<![CDATA[<]]></entry></entry><entry key='o' type='object'><entry key='n' type='null'/></entry></metadata></c>";
    json_t *value;
    ms_rc_t rc = ms_xml_read(c, &value, text, sizeof text - 1, ms_customer_update_body.rules);

    tell_value(c, rc, value);
    if (rc == MS_INVALID_DATA) { /* libxml2 now and then takes a failure for bad XML: no worse a problem */
        strcpy(outcome, "UNEXPECTED");
    }
}

static void writes_xml(ms_ctx_t *c)
{
    json_t *answer = read_body(c, "{\"customer\":{\"id\":\"cus_1\",\"email\":\"a@b.co\",\"first_name\":\"A & \\u0001\",\"has_account\":true,"
                                  "\"metadata\":{\"a\":[1.5,{\"b\":null}]}}}");
    size_t length;
    const char *text = answer ? ms_xml_write(c->pool, &ms_customer_row_answer, answer, &length) : NULL;

    tell(c, c->rc, text);
}

static void writes_a_list_as_xml(ms_ctx_t *c)
{
    size_t length;
    const char *text;

    ms_answer_list(c, "orders", json_array(), 3, 2, 1);
    text = c->answer ? ms_xml_write(c->pool, &ms_order_list_answer, c->answer, &length) : NULL;
    tell(c, c->rc, text);
}

static void reads_a_query(ms_ctx_t *c)
{
    json_t *query = NULL;
    ms_rc_t rc = ms_query_parse(c, &query, "status[]=pending,completed&payment_status=captured&payment_status=awaiting&created_at[gte]=2026&"
                                           "limit=10&offset=5&id=a%C3%A4&fields=id,+total,items.title&expand=items,region");
    ms_select_t select;

    rc = rc == MS_OK ? ms_validate_query(c, ms_order_list_query, query) : rc;
    rc = rc == MS_OK ? ms_select_read(c, &select, &ms_order_select, ms_json_text(query, "fields"), ms_json_text(query, "expand")) : rc;
    tell_value(c, rc, query);
    if (rc == MS_OK) {
        apr_snprintf(outcome + strlen(outcome), 100, " %d %d", select.fields->nelts, select.relations->nelts);
    }
}

static void answers(ms_ctx_t *c)
{
    json_t *row = read_body(c, "{\"id\":\"cus_1\",\"email\":\"a@b.co\",\"first_name\":null,\"has_account\":true}"), *shown = NULL;

    if (row) {
        shown = ms_resource_show(&ms_customer, row);
        ms_answer(c, "customer", shown);
    }
    tell_value(c, c->rc, c->answer);
}

static void overlays(ms_ctx_t *c)
{
    json_t *row = read_body(c, "{\"id\":\"cus_1\",\"email\":\"a@b.co\"}"), *changes = row ? read_body(c, "{\"first_name\":\"x\",\"metadata\":{}}") : NULL;

    if (changes && !ms_resource_overlay(&ms_customer, row, changes)) {
        ms_fail(c, MS_UNEXPECTED, NULL);
    }
    tell_value(c, c->rc, c->rc == MS_OK ? row : NULL);
}

static void tells_a_problem(ms_ctx_t *c)
{
    json_t *problem;
    const char *text;

    ms_fail(c, MS_DUPLICATE, "there is %s", "one");
    c->request_id = "abc";
    problem = ms_own(c->pool, ms_problem_body(c));
    text = problem ? ms_json_write(c->pool, problem, NULL) : NULL;
    ms_forgive(c);
    tell(c, MS_OK, text);
}

static void lowers_text(ms_ctx_t *c)
{
    static const char text[] = "\xC3\x84\xCE\xA3 \xC4\xB0@B.CO";
    const char *lower = ms_text_lower(c->pool, text);

    tell(c, MS_OK, lower);
}

static void signs_a_token(ms_ctx_t *c)
{
    const ms_claims_t claims = { "cus_1", "a token of forty-three bytes, or about that" };
    const char *token = ms_token_sign(c, &claims, c->now, c->now + apr_time_from_sec(60));

    tell(c, MS_OK, token);
}

static const char *a_token(void)
{
    static char text[1000];
    ms_ctx_t c = { .shop = &shop, .now = apr_time_from_sec(1800000000) };
    const ms_claims_t claims = { "cus_1", "a token of forty-three bytes, or about that" };

    apr_pool_create(&c.pool, NULL);
    snprintf(text, sizeof text, "%s", ms_token_sign(&c, &claims, c.now, c.now + apr_time_from_sec(60)));
    apr_pool_destroy(c.pool);
    return text;
}

static const char *a_reset_token(void)
{
    static char text[1000];
    ms_ctx_t c = { .shop = &shop, .now = apr_time_from_sec(1800000000) };

    apr_pool_create(&c.pool, NULL);
    snprintf(text, sizeof text, "%s", ms_reset_sign(&c, "cus_1", "a hash"));
    apr_pool_destroy(c.pool);
    return text;
}

static const char *token, *reset_token;

static void reads_a_token(ms_ctx_t *c)
{
    ms_claims_t claims;
    int good = ms_token_read(c, &claims, token);

    tell(c, c->rc, good ? apr_pstrcat(c->pool, claims.customer_id, " ", claims.jti, NULL) : NONE);
}

static void checks_a_reset(ms_ctx_t *c)
{
    int good = ms_reset_check(c, reset_token, "cus_1", "a hash"), wrong = ms_reset_check(c, reset_token, "cus_1", "another hash");

    assert_false(wrong);
    tell(c, c->rc, good ? "good" : NONE);
}

static void seals_and_opens(ms_ctx_t *c)
{
    ms_cookie_keys_t keys;
    const char *text;

    ms_cookie_keys(&keys, account.secrets);
    text = ms_cookie_open(c->pool, &keys, "sid", ms_cookie_seal(c->pool, &keys, "sid", "medusa-session=x"));
    tell(c, MS_OK, text ? ms_cookie_entry(c->pool, text, "medusa-session") : NULL);
}

/* As Medusa v1 stores it, at its costs; of another password than ours. */
static const char scrypt[] =
    "c2NyeXB0AAEAAAABAAAAAWBW5kzaQRUEfUIE2j5mORY6H7+RjO/TkN6VKTBANFYQpBlXxXM3BVQuyeHNaIJwgbs1w28v4e8BzXnTS5WpoBqexig3FAqlsV1PCbFTQ9RY";

/* Of Argon2's reference implementation, which libsodium checks in another way than its own; of "password". */
static const char foreign[] = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";

static void check(ms_ctx_t *c, const char *hash, const char *sent)
{
    int good = 7, weak = 0;
    ms_rc_t rc = ms_password_check(c, &good, &weak, hash, sent, strlen(sent));

    assert_true(rc == MS_OK || !good);
    assert_true(!good || !strcmp(sent, password) || hash == foreign);
    tell(c, rc, good ? "good" : "wrong");
}

static void takes_a_password(ms_ctx_t *c)
{
    check(c, argon2, password);
}

static void refuses_a_password(ms_ctx_t *c)
{
    check(c, argon2, "wrong horse");
}

static void takes_a_foreign_password(ms_ctx_t *c)
{
    check(c, foreign, "password");
}

static void refuses_a_stranger(ms_ctx_t *c)
{
    check(c, NULL, password);
}

static void refuses_an_old_password(ms_ctx_t *c)
{
    check(c, scrypt, "wrong horse");
}

static void hashes_a_password(ms_ctx_t *c)
{
    const char *hash = NULL;
    ms_rc_t rc = ms_password_hash(c, &hash, password, sizeof password - 1);

    scarce_end();
    tell(c, rc, rc == MS_OK && !crypto_pwhash_str_verify(hash, password, sizeof password - 1) ? "fits" : NONE);
}

typedef struct {
    const char *text;
    size_t length;
} input_t;

static long give(void *baton, char *buffer, size_t size)
{
    input_t *in = baton;
    size_t n = in->length < size ? in->length : size;

    memcpy(buffer, in->text, n);
    in->text += n;
    in->length -= n;
    return (long)n;
}

static void judges(ms_ctx_t *c, const char *sent)
{
    static const char words[] = "123456\nCorrect Horse\nbattery\n";
    ms_account_t strict = account;
    ms_shop_t other = shop;

    strict.common_passwords = ms_wordlist_make(c->pool, c->pool, words, strlen(words));
    if (!strict.common_passwords) {
        tell(c, MS_UNEXPECTED, NULL);
        return;
    }
    other.account = &strict;
    c->shop = &other;
    tell(c, ms_password_judge(c, sent), "may be chosen");
}

static void refuses_a_common_password(ms_ctx_t *c)
{
    judges(c, "CORRECT horse");
}

static void takes_an_uncommon_password(ms_ctx_t *c)
{
    judges(c, "correct pony");
}

static void takes_a_row(ms_ctx_t *c)
{
    static const char row[] = "cus_1,\xC3\x84@b.co,J,,,,,t,\"{\"\"a\"\": [1.5, \"\"a text of more than a few bytes\"\"]}\",2023-01-02 03:04:05+02,"
                              "2023-01-02 03:04:05+02,\n";
    const char *values[MS_TRANSFER_COLUMNS_MAX], *why, *all = "";
    input_t in = { row, sizeof row - 1 };
    ms_csv_t *csv = ms_csv_make(c->pool, give, &in);
    ms_csv_record_t record;
    int i;

    assert_int_equal(ms_csv_next(csv, &record), 1);
    why = ms_transfer_read(values, c->pool, &ms_transfer_customer, record.fields, record.lengths);
    for (i = 0; !why && i < record.count; i++) {
        all = apr_pstrcat(c->pool, all, values[i] ? ms_csv_field(c->pool, values[i]) : "-", "|", NULL);
    }
    tell(c, MS_OK, why ? NULL : all);
}

static const struct {
    const char *name;
    void (*run)(ms_ctx_t *c);
    int lasting; /* 1: only where memory does not come back at once */
} tries[] = {
    { "JSON is read", reads_json, 0 },
    { "JSON is written", writes_json, 0 },
    { "a body is checked", checks_a_registration, 0 },
    { "a body is refused", refuses_a_registration, 0 },
    { "XML is read", reads_xml, 0 },
    { "XML is written", writes_xml, 0 },
    { "a list is written as XML", writes_a_list_as_xml, 0 },
    { "a query is read", reads_a_query, 0 },
    { "an answer is made", answers, 0 },
    { "a row is changed", overlays, 0 },
    { "a problem is told", tells_a_problem, 0 },
    { "text is lowered", lowers_text, 0 },
    { "a token is signed", signs_a_token, 0 },
    { "a token is read", reads_a_token, 0 },
    { "a reset token is checked", checks_a_reset, 0 },
    { "a cookie is sealed and opened", seals_and_opens, 0 },
    { "a password is taken", takes_a_password, 0 },
    { "a password is refused", refuses_a_password, 0 },
    { "a password of another maker's is taken", takes_a_foreign_password, 1 },
    { "a stranger is refused", refuses_a_stranger, 0 },
    { "an old password is refused", refuses_an_old_password, 0 },
    { "a password is hashed", hashes_a_password, 0 },
    { "a common password is refused", refuses_a_common_password, 0 },
    { "an uncommon one is taken", takes_an_uncommon_password, 0 },
    { "a row is imported", takes_a_row, 0 },
};

/* ---- how ---- */

/* Returns 0 where no allocation failed. */
static long run(void (*what)(ms_ctx_t *), long n, int for_good)
{
    apr_pool_t *pool = scarce_pool(end_process);
    ms_ctx_t c = { .pool = pool, .shop = &shop, .log = &sink, .now = apr_time_from_sec(1800000000), .method = "GET", .mount = "/store", .path = "/" };
    volatile long failed = 0;

    if (!setjmp(end_of_process)) {
        scarce_begin(n, for_good);
        what(&c);
        failed = scarce_end();
    }
    else {
        failed = scarce_end();
        strcpy(outcome, ENDED);
    }
    apr_pool_destroy(pool);
    return failed;
}

static int is_problem(const char *text)
{
    return !strcmp(text, "UNEXPECTED") || !strcmp(text, "BUSY") || !strcmp(text, NONE) || !strcmp(text, ENDED);
}

static long points, ended, told;

static void try_all(const char *name, void (*what)(ms_ctx_t *), int for_good)
{
    char want[sizeof outcome];
    long n;

    run(what, 0, 0);
    strcpy(want, outcome);
    assert_false(is_problem(want));
    for (n = 1; run(what, n, for_good); n++) {
        if (strcmp(outcome, want) && !is_problem(outcome)) {
            fail_msg("%s, allocation %ld: %.1000s", name, n, outcome);
        }
        points++;
        ended += !strcmp(outcome, ENDED);
        told += is_problem(outcome) && strcmp(outcome, ENDED);
    }
    assert_string_equal(outcome, want);
}

static void once(void **state)
{
    size_t i;

    for (i = 0; i < sizeof tries / sizeof *tries; i++) {
        if (!tries[i].lasting) {
            try_all(tries[i].name, tries[i].run, 0);
        }
    }
}

static void for_good(void **state)
{
    size_t i;

    for (i = 0; i < sizeof tries / sizeof *tries; i++) {
        try_all(tries[i].name, tries[i].run, 1);
    }
}

static void there_were_many(void **state)
{
    print_message("# %ld points: %ld told as a problem, %ld ended the process\n", points, told, ended);
    assert_true(points > 300);
    assert_true(told > 200);
}

static void say_nothing(void *baton, const char *format, ...)
{
}

static int start(void **state)
{
    ms_xml_start();
    xmlSetGenericErrorFunc(NULL, say_nothing);
    if (sodium_init() < 0 || apr_initialize() || crypto_pwhash_str(argon2, password, sizeof password - 1, 1, 8192)) {
        return 1;
    }
    account.decoy_hash = argon2;
    token = a_token();
    reset_token = a_reset_token();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(once), cmocka_unit_test(for_good), cmocka_unit_test(there_were_many) };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, start, NULL);
}
