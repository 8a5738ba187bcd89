/* jwt.c: signs and reads JSON Web Tokens.
 *
 * One algorithm, taken from nowhere but this file: a token can't choose how it is checked. Used by token.c and reset.c. */
#include "account/jwt.h"
#include "account/base64.h"
#include "core/json.h"

#include <apr_strings.h>
#include <string.h>

enum { TOKEN_MAX = 4096, BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

/* {"alg":"HS256","typ":"JWT"}, encoded */
static const char header[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";

static const char *encode(apr_pool_t *pool, const void *data, size_t length)
{
    size_t size = sodium_base64_encoded_len(length, BASE64);

    return sodium_bin2base64(apr_palloc(pool, size), size, data, length, BASE64);
}

void ms_jwt_keys(ms_jwt_keys_t *keys, const char *const *secrets)
{
    for (keys->count = 0; keys->count < 2 && secrets[keys->count]; keys->count++) {
        const char *secret = secrets[keys->count];

        crypto_auth_hmacsha256_init(&keys->key[keys->count], (const unsigned char *)secret, strlen(secret));
    }
}

static void sign(unsigned char *mac, const crypto_auth_hmacsha256_state *key, const char *input, size_t length)
{
    crypto_auth_hmacsha256_state state = *key;

    crypto_auth_hmacsha256_update(&state, (const unsigned char *)input, length);
    crypto_auth_hmacsha256_final(&state, mac);
}

const char *ms_jwt_sign(ms_ctx_t *c, const json_t *payload, const ms_jwt_keys_t *keys)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    const char *text, *input;
    size_t length;

    text = payload ? ms_json_write(c->pool, payload, &length) : NULL;
    if (!text) {
        return NULL;
    }
    input = apr_pstrcat(c->pool, header, ".", encode(c->pool, text, length), NULL);
    sign(mac, &keys->key[0], input, strlen(input));
    return apr_pstrcat(c->pool, input, ".", encode(c->pool, mac, sizeof mac), NULL);
}

static json_t *decode(ms_ctx_t *c, const char *text, size_t length)
{
    char *json = apr_palloc(c->pool, length + 1);
    json_t *value;
    size_t size;

    if (!ms_base64_read((unsigned char *)json, length, &size, text, length, BASE64)) {
        return NULL;
    }
    json[size] = '\0';
    if (ms_json_parse(&value, json, size, MS_JSON_DEPTH_MAX, 0) == MS_JSON_NO_MEMORY) {
        ms_fail(c, MS_UNEXPECTED, NULL);
    }
    return ms_own(c->pool, value);
}

/* Tokens of others who know the secret may say it in other words. */
static int says_hs256(ms_ctx_t *c, const char *text, size_t length)
{
    return (length == strlen(header) && !memcmp(text, header, length)) || !strcmp(ms_jwt_text(decode(c, text, length), "alg"), "HS256");
}

static int signature_fits(const char *input, size_t length, const char *signature, const ms_jwt_keys_t *keys)
{
    unsigned char given[crypto_auth_hmacsha256_BYTES], mac[crypto_auth_hmacsha256_BYTES];
    size_t size;
    int fits = 0, i;

    if (!ms_base64_read(given, sizeof given, &size, signature, strlen(signature), BASE64) || size != sizeof given) {
        return 0;
    }
    for (i = 0; i < keys->count; i++) {
        sign(mac, &keys->key[i], input, length);
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

const char *ms_jwt_text(const json_t *payload, const char *claim)
{
    const char *text = json_string_value(json_object_get(payload, claim));

    return text ? text : "";
}

json_t *ms_jwt_peek(ms_ctx_t *c, const char *token)
{
    const char *dot1 = strchr(token, '.'), *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;

    return dot2 && strlen(token) <= TOKEN_MAX ? decode(c, dot1 + 1, (size_t)(dot2 - dot1 - 1)) : NULL;
}

json_t *ms_jwt_read(ms_ctx_t *c, const char *token, const ms_jwt_keys_t *keys)
{
    const char *dot1 = strchr(token, '.'), *dot2 = dot1 ? strchr(dot1 + 1, '.') : NULL;
    json_t *payload;

    if (!dot2 || strlen(token) > TOKEN_MAX || !signature_fits(token, (size_t)(dot2 - token), dot2 + 1, keys)
        || !says_hs256(c, token, (size_t)(dot1 - token))) {
        return NULL;
    }
    payload = decode(c, dot1 + 1, (size_t)(dot2 - dot1 - 1));
    return json_is_object(payload) && in_time(payload, (double)c->now / APR_USEC_PER_SEC) ? payload : NULL;
}
