/* test_transfer.c: account/transfer.c: which rows of Medusa v1 are taken, what becomes of their values, and the way back; and
 * core/set.c, which remembers them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

#include "account/password.h"
#include "account/transfer.h"
#include "core/set.h"
#include "resource/resources.h"
#include "fixture.h"

static char *scrypt_hash; /* of "s3cret", as Medusa v1 makes it */

/* The header of the scrypt file format, with any costs. */
static char *make_scrypt(const char *password, int log_n, unsigned r, unsigned p)
{
    unsigned char header[96] = "scrypt", key[64], sum[32];
    crypto_auth_hmacsha256_state state;
    char *text = apr_palloc(pool, 129);

    header[7] = (unsigned char)log_n;
    header[11] = (unsigned char)r;
    header[15] = (unsigned char)p;
    randombytes_buf(header + 16, 32);
    crypto_hash_sha256(sum, header, 48);
    memcpy(header + 48, sum, 16);
    if (log_n < 10) {
        assert_int_equal(crypto_pwhash_scryptsalsa208sha256_ll((const unsigned char *)password, strlen(password), header + 16, 32,
                                                               (uint64_t)1 << log_n, r, p, key, sizeof key), 0);
        crypto_auth_hmacsha256_init(&state, key + 32, 32);
        crypto_auth_hmacsha256_update(&state, header, 64);
        crypto_auth_hmacsha256_final(&state, header + 64);
    }
    return sodium_bin2base64(text, 129, header, sizeof header, sodium_base64_VARIANT_ORIGINAL);
}

static int begin(void **state)
{
    int failed = start(state);

    scrypt_hash = failed ? NULL : make_scrypt("s3cret", 1, 1, 1);
    return failed;
}

static const char *const good_customer[] = {
    "cus_1", "Melody@Example.COM", "Mel", "", NULL, NULL, "+49 1", "t", "{\"a\": 1.50}", "2023-01-02 03:04:05.678901+00",
    "2023-01-02 03:04:05+00", NULL
};

/* The verdict on a good customer with one field changed; *value: what became of the field. */
static const char *judge(const char **value, const char *column, const char *field)
{
    const char *fields[MS_TRANSFER_COLUMNS_MAX], *values[MS_TRANSFER_COLUMNS_MAX], *why;
    size_t lengths[MS_TRANSFER_COLUMNS_MAX];
    int place = ms_transfer_column(&ms_transfer_customer, column), i;

    assert_true(place >= 0);
    memcpy(fields, good_customer, sizeof good_customer);
    fields[place] = field;
    for (i = 0; i < ms_transfer_customer.count; i++) {
        lengths[i] = fields[i] ? strlen(fields[i]) : 0;
    }
    why = ms_transfer_read(values, pool, &ms_transfer_customer, fields, lengths);
    *value = values[place];
    return why;
}

static void takes(const char *column, const char *field, const char *want)
{
    const char *value;

    assert_null(judge(&value, column, field));
    if (want) {
        assert_string_equal(value, want);
    }
    else {
        assert_null(value);
    }
}

static void refuses(const char *column, const char *field)
{
    const char *value, *why = judge(&value, column, field);

    assert_non_null(why);
    assert_int_equal(strncmp(why, column, strlen(column)), 0);
}

static void all_columns_are_there(void **state)
{
    const ms_resource_t *const resources[] = { &ms_customer, &ms_address };
    const ms_transfer_t *const transfers[] = { &ms_transfer_customer, &ms_transfer_address };
    const ms_field_t *f;
    int i, count;

    for (i = 0; i < 2; i++) {
        for (f = resources[i]->fields, count = 0; f->name; f++, count++) {
            assert_true(ms_transfer_column(transfers[i], f->name) >= 0);
        }
        assert_int_equal(count, transfers[i]->count);
        assert_string_equal(resources[i]->name, transfers[i]->table);
    }
    assert_int_equal(ms_transfer_column(&ms_transfer_customer, "company"), -1);
}

static void customers_are_judged(void **state)
{
    char *long_text = apr_palloc(pool, 16385);

    memset(long_text, 'x', 16384);
    long_text[16384] = '\0';
    takes("id", "cus_01H", "cus_01H");
    refuses("id", NULL);
    refuses("id", "");
    refuses("id", "a b");
    takes("email", "\xc3\x84.B@Example.com", "\xc3\xa4.b@example.com");
    refuses("email", NULL);
    refuses("email", "nobody");
    takes("first_name", NULL, NULL);
    takes("first_name", "", "");
    refuses("first_name", long_text);
    long_text[16383] = '\0';
    takes("first_name", long_text, long_text);
    takes("billing_address_id", "addr_1", "addr_1");
    refuses("billing_address_id", "");
    takes("has_account", "true", "1");
    takes("has_account", "f", "0");
    takes("has_account", "false", "0");
    refuses("has_account", "1");
    refuses("has_account", NULL);
}

static const char *nested(int depth)
{
    const char *text = "{}";

    for (; depth > 1; depth--) {
        text = apr_pstrcat(pool, "{\"a\":", text, "}", NULL);
    }
    return text;
}

static void json_and_times_are_judged(void **state)
{
    char *large = apr_palloc(pool, 65537);

    memset(large, 'x', 65537);
    memcpy(large, "{\"a\":\"", 6);
    memcpy(large + 65533, "\"}", 3);
    takes("metadata", large, large);
    memcpy(large + 65534, "\"}", 3);
    large[65533] = 'x';
    refuses("metadata", large);
    takes("metadata", NULL, NULL);
    takes("metadata", "{\"a\": 1.50, \"a b\": [null]}", "{\"a\": 1.50, \"a b\": [null]}");
    refuses("metadata", "");
    refuses("metadata", "[1]");
    refuses("metadata", "null");
    refuses("metadata", "{\"a\": 1");
    refuses("metadata", "{} x");
    takes("metadata", "{\"a\": 1e999, \"b\": 12345678901234567890}", "{\"a\": 1e999, \"b\": 12345678901234567890}");
    takes("metadata", nested(64), nested(64));
    refuses("metadata", nested(65)); /* no answer could show it */
    refuses("metadata", "{\"a\": \"\\u0000\"}");
    takes("created_at", "2023-01-02 03:04:05.678901+00", "2023-01-02 03:04:05.678");
    takes("created_at", "2023-01-02 03:04:05.6+05:30", "2023-01-01 21:34:05.600");
    takes("created_at", "2023-01-02 03:04:05-03", "2023-01-02 06:04:05.000");
    takes("created_at", "1970-01-01 00:19:32+00:19:32", "1970-01-01 00:00:00.000");
    takes("created_at", "9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999");
    takes("deleted_at", NULL, NULL);
    refuses("created_at", NULL);
    refuses("created_at", "");
    refuses("created_at", "2023-01-02 03:04:05");
    refuses("created_at", "2023-01-02 03:04:05.+00");
    refuses("created_at", "2023-02-29 03:04:05+00");
    refuses("created_at", "2023-01-02 03:04:05+24");
    refuses("created_at", "2023-01-02 03:04:05+00 BC");
    refuses("created_at", "2023-01-02 03:04:05+0");
    refuses("created_at", "1970-01-01 00:00:00+00:00:01");
    refuses("created_at", "9999-12-31 23:59:59-01");
    refuses("created_at", "10000-01-01 00:00:00+00");
    refuses("created_at", "infinity");
    refuses("deleted_at", "-infinity");
}

static void hashes_are_judged(void **state)
{
    char argon2[crypto_pwhash_STRBYTES];
    const char *costly = make_scrypt("x", 14, 8, 1);

    takes("password_hash", NULL, NULL);
    takes("password_hash", scrypt_hash, scrypt_hash);
    assert_int_equal(crypto_pwhash_str(argon2, "s3cret", 6, 1, 8192 * 8), 0);
    takes("password_hash", argon2, argon2);
    takes("password_hash", costly, costly);
}

static void hashes_too_bad_are_refused(void **state)
{
    char *broken = apr_pstrdup(pool, scrypt_hash);

    broken[20] = broken[20] == 'A' ? 'B' : 'A';
    refuses("password_hash", "");
    refuses("password_hash", broken);
    refuses("password_hash", apr_pstrcat(pool, scrypt_hash, "AAAA", NULL));
    refuses("password_hash", make_scrypt("x", 30, 8, 1));
    refuses("password_hash", "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy");
    refuses("password_hash", "$argon2id$v=19$m=65536,t=2,p=1$");
    refuses("password_hash", "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g");
    refuses("password_hash", "$argon2id$v=19$m=7,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g");
    refuses("password_hash", "$argon2id$v=19$m=65536,t=0,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g");
    refuses("password_hash", "$argon2id$v=19$m=65536,t=999,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g");
}

/* What is imported signs in: the text that goes to the database is the one that fits the password. */
static void imported_hashes_fit(void **state)
{
    const char *value;

    assert_null(judge(&value, "password_hash", scrypt_hash));
    assert_int_equal(ms_scrypt_check(value, "s3cret", 6), 1);
    assert_int_equal(ms_scrypt_check(value, "s3creT", 6), 0);
    assert_int_equal(ms_scrypt_known(value), 1);
}

/* Of the reference implementation: lanes and lengths that libsodium itself never writes; and one of libsodium's. */
static void argon2_of_any_maker_fits(void **state)
{
    static const char foreign[] = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
    char own[crypto_pwhash_STRBYTES];

    assert_int_equal(ms_password_known(foreign), 1);
    assert_int_equal(ms_argon2_check(foreign, "password", 8), 1);
    assert_int_equal(ms_argon2_check(foreign, "passwore", 8), 0);
    assert_int_equal(crypto_pwhash_str(own, "password", 8, 1, 8192), 0);
    assert_int_equal(ms_argon2_check(own, "password", 8), 1);
    assert_int_equal(ms_argon2_check(own, "password", 7), 0);
    assert_int_equal(ms_argon2_check(own, "", 0), 0);
    assert_int_equal(ms_argon2_check("$argon2id$v=19$m=7,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g", "x", 1), 0);
    assert_int_equal(ms_argon2_check("$argon2id$v=19$m=64", "x", 1), 0);
    assert_int_equal(ms_argon2_check("$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$", "x", 1), 0);
    assert_int_equal(ms_argon2_check("$argon2id$v=19$m=64,t=1,p=9$c2FsdHNhbHRzYWx0c2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g", "x", 1), 0);
    own[strlen(own) - 1] ^= 4;
    assert_int_equal(ms_argon2_check(own, "password", 8) > 0, 0);
}

static void bytes_are_judged(void **state)
{
    const char *values[MS_TRANSFER_COLUMNS_MAX], *fields[MS_TRANSFER_COLUMNS_MAX], *value;
    size_t lengths[MS_TRANSFER_COLUMNS_MAX] = { 0 };
    int i;

    assert_string_equal(judge(&value, "first_name", "\xff"), "a field is not valid UTF-8");
    memcpy(fields, good_customer, sizeof good_customer);
    for (i = 0; i < ms_transfer_customer.count; i++) {
        lengths[i] = fields[i] ? strlen(fields[i]) : 0;
    }
    fields[2] = "a\0b";
    lengths[2] = 3;
    assert_string_equal(ms_transfer_read(values, pool, &ms_transfer_customer, fields, lengths), "a field holds a NUL byte");
}

static void addresses_are_judged(void **state)
{
    const char *fields[] = { "addr_1", NULL, NULL, "", NULL, NULL, NULL, NULL, "DE", NULL, NULL, NULL, NULL,
                             "2023-01-02 03:04:05+00", "2023-01-02 03:04:05+00", NULL };
    const char *values[MS_TRANSFER_COLUMNS_MAX];
    size_t lengths[MS_TRANSFER_COLUMNS_MAX] = { 6, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 22, 22, 0 };

    assert_null(ms_transfer_read(values, pool, &ms_transfer_address, fields, lengths));
    assert_string_equal(values[8], "de");
    fields[8] = "d1";
    assert_string_equal(ms_transfer_read(values, pool, &ms_transfer_address, fields, lengths), "country_code is no country");
}

static void values_are_written_back(void **state)
{
    static const struct { const char *column, *value, *field; } cases[] = {
        { "has_account", "1", "t" }, { "has_account", "0", "f" }, { "id", "cus_1", "cus_1" }, { "metadata", "{ }", "{ }" },
        { "created_at", "2023-01-02 03:04:05.678", "2023-01-02 03:04:05.678+00" },
        { "created_at", "2023-01-02 03:04:05.600", "2023-01-02 03:04:05.6+00" },
        { "created_at", "2023-01-02 03:04:00.000", "2023-01-02 03:04:00+00" },
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(ms_transfer_write(pool, &ms_transfer_customer, ms_transfer_column(&ms_transfer_customer, cases[i].column),
                                              cases[i].value), cases[i].field);
    }
    assert_null(ms_transfer_write(pool, &ms_transfer_customer, ms_transfer_column(&ms_transfer_customer, "deleted_at"), NULL));
}

static void sets_remember(void **state)
{
    ms_set_t *set = ms_set_make(pool);
    int i;

    for (i = 0; i < 20000; i++) {
        assert_int_equal(ms_set_add(set, apr_psprintf(pool, "cus_%d", i)), 1);
    }
    for (i = 0; i < 20000; i++) {
        assert_int_equal(ms_set_add(set, apr_psprintf(pool, "cus_%d", i)), 0);
        assert_int_equal(ms_set_has(set, apr_psprintf(pool, "cus_%d", i + 20000)), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_columns_are_there), cmocka_unit_test(customers_are_judged),
        cmocka_unit_test(json_and_times_are_judged), cmocka_unit_test(hashes_are_judged),
        cmocka_unit_test(hashes_too_bad_are_refused), cmocka_unit_test(imported_hashes_fit), cmocka_unit_test(argon2_of_any_maker_fits), cmocka_unit_test(bytes_are_judged),
        cmocka_unit_test(addresses_are_judged), cmocka_unit_test(values_are_written_back), cmocka_unit_test(sets_remember),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin, stop);
}
