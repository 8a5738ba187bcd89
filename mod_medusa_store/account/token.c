/* token.c: signs and reads bearer tokens.
 *
 * One algorithm, taken from nowhere but this file: a token can't choose how it is checked. Used by session.c. */
#include "account/token.h"
#include "account/account.h"
#include "core/json.h"

#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

enum { TOKEN_MAX = 4096, BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

static const char header[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";

static const char *encode(apr_pool_t *pool, const void *data, size_t length)
{
    size_t size = sodium_base64_encoded_len(length, BASE64);

    return sodium_bin2base64(apr_palloc(pool, size), size, data, length, BASE64);
}

static void sign(unsigned char *mac, const char *secret, const char *input, size_t length)
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)input, length);
    crypto_auth_hmacsha256_final(&state, mac);
}

const char *ms_token_sign(ms_ctx_t *c, const ms_claims_t *claims, apr_time_t issued, apr_time_t expires)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    json_t *payload = ms_own(c->pool, json_pack("{s:s, s:s, s:I, s:I, s:s}",
        "customer_id", claims->customer_id, "domain", "store", "iat", (json_int_t)apr_time_sec(issued),
        "exp", (json_int_t)apr_time_sec(expires), "jti", claims->jti));
    const char *text, *input;
    size_t length;

    if (!payload || !(text = ms_json_write(c->pool, payload, &length))) {
        return NULL;
    }
    input = apr_pstrcat(c->pool, encode(c->pool, header, strlen(header)), ".", encode(c->pool, text, length), NULL);
    sign(mac, c->shop->account->secrets[0], input, strlen(input));
    return apr_pstrcat(c->pool, input, ".", encode(c->pool, mac, sizeof mac), NULL);
}

static json_t *decode(ms_ctx_t *c, const char *text, size_t length)
{
    char *json = apr_palloc(c->pool, length + 1);
    size_t size;

    if (sodium_base642bin((unsigned char *)json, length, text, length, NULL, &size, NULL, BASE64)) {
        return NULL;
    }
    return ms_own(c->pool, json_loadb(json, size, 0, NULL));
}

static int signature_fits(ms_ctx_t *c, const char *input, size_t length, const char *signature)
{
    unsigned char given[crypto_auth_hmacsha256_BYTES], mac[crypto_auth_hmacsha256_BYTES];
    size_t size;
    int i, fits = 0;

    if (sodium_base642bin(given, sizeof given, signature, strlen(signature), NULL, &size, NULL, BASE64) || size != sizeof given) {
        return 0;
    }
    for (i = 0; i < 2 && c->shop->account->secrets[i]; i++) {
        sign(mac, c->shop->account->secrets[i], input, length);
        fits |= !sodium_memcmp(mac, given, sizeof mac);
    }
    return fits;
}

/* exp and nbf may be absent; there, they must be numbers (RFC 7519, 4.1.4 and 4.1.5). No leeway. */
static int in_time(const json_t *payload, double now)
{
    const json_t *exp = json_object_get(payload, "exp"), *nbf = json_object_get(payload, "nbf");

    return (!exp || (json_is_number(exp) && now < json_number_value(exp)))
        && (!nbf || (json_is_number(nbf) && now >= json_number_value(nbf)));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

int ms_token_read(ms_ctx_t *c, ms_claims_t *claims, const char *token)
{
    const char *dot1 = strchr(token, '.'), *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;
    json_t *head, *payload;

    if (!dot2 || strlen(token) > TOKEN_MAX || !signature_fits(c, token, (size_t)(dot2 - token), dot2 + 1)) {
        return 0;
    }
    head = decode(c, token, (size_t)(dot1 - token));
    payload = decode(c, dot1 + 1, (size_t)(dot2 - dot1 - 1));
    if (strcmp(text_of(head, "alg"), "HS256") || !in_time(payload, (double)c->now / APR_USEC_PER_SEC)
        || strcmp(text_of(payload, "domain"), "store")) {
        return 0;
    }
    claims->customer_id = text_of(payload, "customer_id");
    claims->jti = text_of(payload, "jti");
    return *claims->customer_id && *claims->jti;
}
