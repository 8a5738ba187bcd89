/* test_seals.c: account/cookie.c, account/jwt.c, account/token.c and account/base64.c: what was sealed or signed is good as it is, and
 * with no other bit; the texts around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

#include "account/account.h"
#include "account/base64.h"
#include "account/cookie.h"
#include "account/reset.h"
#include "account/token.h"
#include "fixture.h"

#define NAME "connect.sid"

static const ms_account_t account = { .secrets = { "the secret of this unit test, and long enough", "the one that was before it, and long enough", NULL } };
static const ms_shop_t shop = { .account = &account };
static ms_ctx_t context = { .shop = &shop };

static int begin(void **state)
{
    int failed = start(state);

    context.pool = pool;
    context.now = apr_time_from_sec(1800000000);
    return failed;
}

static void base64_has_one_text_for_each_value(void **state)
{
    static const int variants[] = {
        sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING, sodium_base64_VARIANT_URLSAFE,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING
    };
    unsigned char bytes[4];
    char text[] = "AAAA";
    size_t i, size;
    int c;

    for (i = 0; i < 4; i++) {
        const char *more = i < 2 ? "+/" : "-_";

        for (c = 1; c < 256; c++) {
            text[2] = (char)c;
            assert_int_equal(ms_base64_read(bytes, sizeof bytes, &size, text, 4, variants[i]),
                             (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr(more, c) != NULL);
        }
    }
    assert_int_equal(ms_base64_read(bytes, 2, &size, "AAAA", 4, variants[0]), 0); /* no room */
    assert_int_equal(ms_base64_read(bytes, 4, &size, "AB", 2, variants[1]), 0);   /* bits that count for nothing */
    assert_int_equal(ms_base64_read(bytes, 4, &size, "", 0, variants[0]) && size == 0, 1);
}

/* Every length, every last letter, and room that is one too small: as libsodium reads it. */
static void our_base64_is_libsodiums(void **state)
{
    enum { URL = sodium_base64_VARIANT_URLSAFE_NO_PADDING };
    unsigned char bytes[40], ours[40], theirs[40];
    char text[64];
    size_t length, most, size, size2;
    int c;

    for (most = 0; most < 30; most++) {
        randombytes_buf(bytes, sizeof bytes);
        sodium_bin2base64(text, sizeof text, bytes, most, URL);
        length = strlen(text);
        assert_int_equal(ms_base64_read(ours, most, &size, text, length, URL), 1);
        assert_int_equal(size, most);
        assert_memory_equal(ours, bytes, most);
        assert_int_equal(most && ms_base64_read(ours, most - 1, &size, text, length, URL), 0);
        for (c = 1; length > 0 && c < 128; c++) {
            int good;

            text[length - 1] = (char)c;
            good = !sodium_base642bin(theirs, sizeof theirs, text, length, NULL, &size2, NULL, URL);
            assert_int_equal(ms_base64_read(ours, sizeof ours, &size, text, length, URL), good);
            assert_int_equal(good && (size != size2 || memcmp(ours, theirs, size)), 0);
        }
    }
    assert_int_equal(ms_base64_read(ours, sizeof ours, &size, "AAAAA", 5, URL), 0);
    assert_int_equal(ms_base64_read(ours, sizeof ours, &size, "AA==", 4, URL), 0);
    assert_int_equal(ms_base64_read(ours, sizeof ours, &size, "AAAA\xFF\xFF", 6, URL), 0);
}

static const ms_cookie_keys_t *keys(void)
{
    static ms_cookie_keys_t made;

    ms_cookie_keys(&made, account.secrets);
    assert_int_equal(made.count, 2);
    return &made;
}

static void a_cookie_opens_as_it_is(void **state)
{
    const char *text = "medusa-session=abc&expiry=12", *value = ms_cookie_seal(context.pool, keys(), NAME, text);
    const ms_cookie_keys_t none = { .count = 0 };
    ms_cookie_keys_t later = *keys();

    assert_string_equal(ms_cookie_open(context.pool, keys(), NAME, value), text);
    assert_null(ms_cookie_open(context.pool, keys(), "other", value));
    assert_null(ms_cookie_open(context.pool, &none, NAME, value));
    memcpy(later.key[1], later.key[0], MS_COOKIE_KEY);
    memset(later.key[0], 7, MS_COOKIE_KEY);
    assert_string_equal(ms_cookie_open(context.pool, &later, NAME, value), text); /* the secret before this one */
    assert_null(ms_cookie_open(context.pool, keys(), NAME, ""));
    assert_null(ms_cookie_open(context.pool, keys(), NAME, apr_pstrcat(context.pool, value, "=", NULL)));
    memset(later.key[1], 8, MS_COOKIE_KEY);
    assert_null(ms_cookie_open(context.pool, &later, NAME, value));
}

/* Each bit, and each cut. */
static void check_flips(int (*is_good)(const char *), const char *text)
{
    size_t bits = 8 * strlen(text), i;

    assert_int_equal(is_good(text), 1);
    for (i = 0; i < bits; i++) {
        char *flipped = apr_pstrdup(context.pool, text);

        flipped[i / 8] ^= (char)(1 << i % 8);
        if (is_good(flipped)) {
            fail_msg("good with bit %zu flipped", i);
        }
        flipped[i / 8] = '\0';
        assert_int_equal(is_good(flipped), 0);
    }
}

static int cookie_opens(const char *value)
{
    return ms_cookie_open(context.pool, keys(), NAME, value) != NULL;
}

static int token_is_good(const char *token)
{
    ms_claims_t claims;

    return ms_token_read(&context, &claims, token);
}

static int reset_is_good(const char *token)
{
    return ms_reset_check(&context, token, "cus_1", "a hash");
}

/* Each letter of the alphabet comes up in one of the seals. */
static void no_other_bit(void **state)
{
    const ms_claims_t claims = { "cus_1", "a token of forty-three bytes, or about that" };
    int i;

    for (i = 0; i < 20; i++) {
        check_flips(cookie_opens, ms_cookie_seal(context.pool, keys(), NAME, "medusa-session=abc"));
        check_flips(token_is_good, ms_token_sign(&context, &claims, context.now, context.now + apr_time_from_sec(60 + i)));
    }
    check_flips(reset_is_good, ms_reset_sign(&context, "cus_1", "a hash"));
}

static const char *found(const char *field)
{
    return ms_cookie_find(context.pool, field, NAME);
}

static void cookies_are_found(void **state)
{
    assert_null(found(NULL));
    assert_null(found(""));
    assert_null(found("connect.sid"));
    assert_null(found("a=connect.sid=1; xconnect.sid=2; connect.sidx=3"));
    assert_string_equal(found("connect.sid="), "");
    assert_string_equal(found("connect.sid=1;connect.sid=2"), "1");
    assert_string_equal(found("a=b;;\t connect.sid=x=y; c"), "x=y");
    assert_string_equal(found("a; connect.sid=1 2"), "1");
}

static const char *entry(const char *text)
{
    return ms_cookie_entry(context.pool, text, "expiry");
}

static void entries_are_found(void **state)
{
    assert_null(entry(NULL));
    assert_null(entry(""));
    assert_null(entry("expiry"));
    assert_null(entry("xexpiry=1&a=expiry=2&expiry2=3"));
    assert_string_equal(entry("expiry="), "");
    assert_string_equal(entry("&&a=b&expiry=12&expiry=13"), "12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_has_one_text_for_each_value),
        cmocka_unit_test(our_base64_is_libsodiums),
        cmocka_unit_test(a_cookie_opens_as_it_is),
        cmocka_unit_test(no_other_bit),
        cmocka_unit_test(cookies_are_found),
        cmocka_unit_test(entries_are_found),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin, stop);
}
