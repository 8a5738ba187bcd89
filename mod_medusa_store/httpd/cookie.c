/* cookie.c: the session cookie: sealed with XChaCha20-Poly1305, bound to its name and to the shop's secret; its attributes.
 *
 * Knows nothing of what is sealed in it. Called by session.c. */
#include "httpd/cookie.h"

#include <http_protocol.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    SEAL = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING
};

/* ---- keys and seals ---- */

void ms_cookie_keys(ms_server_t *server)
{
    static const char purpose[] = "medusa-store session cookie";
    int i;

    for (i = 0; i < 2 && server->account.secrets[i]; i++) {
        const char *secret = server->account.secrets[i];
        crypto_auth_hmacsha256_state state;

        crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, strlen(purpose));
        crypto_auth_hmacsha256_final(&state, server->seal_keys[i]);
    }
}

/* The cookie's name is part of what is sealed: a value is good under its own name only. */
const char *ms_cookie_seal(request_rec *r, const char *name, const char *text)
{
    const ms_server_t *server = ms_server_get(r->server);
    size_t length = strlen(text), size;
    unsigned char *box = apr_palloc(r->pool, NONCE + length + SEAL);
    unsigned long long sealed;

    randombytes_buf(box, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, &sealed, (const unsigned char *)text, length,
        (const unsigned char *)name, strlen(name), NULL, box, server->seal_keys[0]);
    size = sodium_base64_encoded_len(NONCE + sealed, BASE64);
    return sodium_bin2base64(apr_palloc(r->pool, size), size, box, NONCE + sealed, BASE64);
}

const char *ms_cookie_unseal(request_rec *r, const char *name, const char *value)
{
    const ms_server_t *server = ms_server_get(r->server);
    size_t length = strlen(value), size;
    unsigned char *box = apr_palloc(r->pool, length + 1);
    char *text = apr_palloc(r->pool, length + 1);
    unsigned long long opened;
    int i;

    if (length > MS_COOKIE_MAX || sodium_base642bin(box, length, value, length, NULL, &size, NULL, BASE64) || size < NONCE + SEAL) {
        return NULL;
    }
    for (i = 0; i < 2 && server->account.secrets[i]; i++) {
        if (!crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)text, &opened, NULL, box + NONCE, size - NONCE,
                (const unsigned char *)name, strlen(name), box, server->seal_keys[i])) {
            text[opened] = '\0';
            return text;
        }
    }
    return NULL;
}

/* ---- the cookie ---- */

const char *ms_cookie_name(const ms_place_t *place)
{
    return place->cookie ? place->cookie : "connect.sid";
}

/* Value of a request's cookie, or NULL; the first of equal names, as the most specific is sent first (RFC 6265, 5.4).
 * Not ap_cookie_read: that writes cookies into the debug log. */
const char *ms_cookie_read(request_rec *r, const char *name)
{
    const char *s = apr_table_get(r->headers_in, "Cookie");
    size_t n = strlen(name);

    while (s && *s) {
        s += strspn(s, "; \t");
        if (!strncmp(s, name, n) && s[n] == '=') {
            return apr_pstrmemdup(r->pool, s + n + 1, strcspn(s + n + 1, "; \t"));
        }
        s += strcspn(s, ";");
    }
    return NULL;
}

static int forwarded_https(request_rec *r, const ms_place_t *place)
{
    const char *proto = apr_table_get(r->headers_in, "X-Forwarded-Proto");

    return place->trust_forwarded_proto == 1 && proto && !strncasecmp(proto, "https", 5)
        && (!proto[5] || proto[5] == ',' || apr_isspace(proto[5]));
}

static int is_secure(request_rec *r, const ms_place_t *place)
{
    switch (ms_place_number(place->cookie_secure, MS_SECURE_AUTO)) {
    case MS_SECURE_ON:  return 1;
    case MS_SECURE_OFF: return 0;
    default:            return !strcmp(ap_http_scheme(r), "https") || forwarded_https(r, place);
    }
}

/* Not ap_cookie_write, for the same reason. err_headers_out: also errors may carry it. */
void ms_cookie_write(request_rec *r, const ms_place_t *place, const char *value, long max_age)
{
    const char *same_site = place->cookie_same_site ? place->cookie_same_site : "Lax";

    apr_table_addn(r->err_headers_out, "Set-Cookie",
        apr_psprintf(r->pool, "%s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=%s%s", ms_cookie_name(place), value, max_age,
                     same_site, is_secure(r, place) ? "; Secure" : ""));
}
