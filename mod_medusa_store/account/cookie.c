/* cookie.c: the session cookie's text, sealed with XChaCha20-Poly1305, bound to its name and to the shop's secret.
 *
 * Knows neither requests nor what else stands in a session: httpd/cookie.c takes it from a request and writes it into an answer,
 * httpd/session.c knows mod_session. */
#include "account/cookie.h"
#include "account/base64.h"

#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    SEAL = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING
};

/* ---- keys and seals ---- */

void ms_cookie_keys(ms_cookie_keys_t *keys, const char *const *secrets)
{
    static const char purpose[] = "medusa-store session cookie";

    for (keys->count = 0; keys->count < 2 && secrets[keys->count]; keys->count++) {
        const char *secret = secrets[keys->count];
        crypto_auth_hmacsha256_state state;

        crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, strlen(purpose));
        crypto_auth_hmacsha256_final(&state, keys->key[keys->count]);
    }
}

/* The cookie's name is part of what is sealed: a value is good under its own name only. */
const char *ms_cookie_seal(apr_pool_t *pool, const ms_cookie_keys_t *keys, const char *name, const char *text)
{
    size_t length = strlen(text), size;
    unsigned char *box = apr_palloc(pool, NONCE + length + SEAL);
    unsigned long long sealed;

    randombytes_buf(box, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, &sealed, (const unsigned char *)text, length,
        (const unsigned char *)name, strlen(name), NULL, box, keys->key[0]);
    size = sodium_base64_encoded_len(NONCE + sealed, BASE64);
    return sodium_bin2base64(apr_palloc(pool, size), size, box, NONCE + sealed, BASE64);
}

const char *ms_cookie_open(apr_pool_t *pool, const ms_cookie_keys_t *keys, const char *name, const char *value)
{
    size_t length = strlen(value), size;
    unsigned char *box;
    char *text;
    unsigned long long opened;
    int i;

    if (length > MS_COOKIE_MAX) {
        return NULL;
    }
    box = apr_palloc(pool, length + 1);
    text = apr_palloc(pool, length + 1);
    if (!ms_base64_read(box, length, &size, value, length, BASE64) || size < NONCE + SEAL) {
        return NULL;
    }
    for (i = 0; i < keys->count; i++) {
        if (!crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)text, &opened, NULL, box + NONCE, size - NONCE,
                (const unsigned char *)name, strlen(name), box, keys->key[i])) {
            text[opened] = '\0';
            return text;
        }
    }
    return NULL;
}

/* ---- texts ---- */

/* The first of equal names, as the most specific is sent first (RFC 6265, 5.4). */
const char *ms_cookie_find(apr_pool_t *pool, const char *field, const char *name)
{
    size_t n = strlen(name);

    while (field && *field) {
        field += strspn(field, "; \t");
        if (!strncmp(field, name, n) && field[n] == '=') {
            return apr_pstrmemdup(pool, field + n + 1, strcspn(field + n + 1, "; \t"));
        }
        field += strcspn(field, ";");
    }
    return NULL;
}

/* mod_session writes pairs with & between them. */
const char *ms_cookie_entry(apr_pool_t *pool, const char *text, const char *key)
{
    size_t n = strlen(key);

    while (text && *text) {
        if (!strncmp(text, key, n) && text[n] == '=') {
            return apr_pstrmemdup(pool, text + n + 1, strcspn(text + n + 1, "&"));
        }
        text += strcspn(text, "&");
        text += *text == '&';
    }
    return NULL;
}
