/* target_token.c: a bearer token. The first byte chooses: a token as it comes, which can't be good; or "header\npayload", signed with
 * one of the shop's secrets, which is good only if it says all that it must, and no more once a bit is another. */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>
#include <jansson.h>
#include <sodium.h>

#include "account/account.h"
#include "account/jwt.h"
#include "account/token.h"

enum { BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

static const char *encode(ms_ctx_t *c, const void *data, size_t length)
{
    size_t size = sodium_base64_encoded_len(length, BASE64);

    return sodium_bin2base64(apr_palloc(c->pool, size), size, data, length, BASE64);
}

static const char *sign(ms_ctx_t *c, const char *header, size_t header_length, const char *payload, size_t payload_length, const char *secret)
{
    const char *input = apr_pstrcat(c->pool, encode(c, header, header_length), ".", encode(c, payload, payload_length), NULL);
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)input, strlen(input));
    crypto_auth_hmacsha256_final(&state, mac);
    return apr_pstrcat(c->pool, input, ".", encode(c, mac, sizeof mac), NULL);
}

/* What a good token must be, by jansson's reading of it. */
static void check_good(ms_ctx_t *c, const ms_claims_t *claims, const char *header, size_t header_length, const char *payload, size_t payload_length)
{
    json_error_t error = { 0 };
    json_t *head = ms_own(c->pool, json_loadb(header, header_length, 0, &error));
    json_t *said = head ? ms_own(c->pool, json_loadb(payload, payload_length, 0, &error)) : NULL;

    if (json_error_code(&error) == json_error_numeric_overflow) { /* it can't read that */
        return;
    }
    MUST(!strcmp(ms_jwt_text(head, "alg"), "HS256") && !strcmp(ms_jwt_text(said, "domain"), "store"));
    MUST(!strcmp(claims->customer_id, ms_jwt_text(said, "customer_id")) && *claims->customer_id);
    MUST(!strcmp(claims->jti, ms_jwt_text(said, "jti")) && *claims->jti);
    MUST(!json_object_get(said, "exp") || json_number_value(json_object_get(said, "exp")) > (double)apr_time_sec(c->now));
    MUST(!json_object_get(said, "nbf") || json_number_value(json_object_get(said, "nbf")) <= (double)apr_time_sec(c->now));
}

static void check_flipped(ms_ctx_t *c, const char *token, unsigned at)
{
    char *flipped = apr_pstrdup(c->pool, token);
    ms_claims_t claims;

    flipped[at / 8 % strlen(flipped)] ^= (char)(1 << at % 8);
    MUST(!ms_token_read(c, &claims, flipped));
}

static void check_signed(ms_ctx_t *c, const char *text, size_t size, int old, unsigned at)
{
    const char *line = memchr(text, '\n', size), *token;
    size_t header = line ? (size_t)(line - text) : 0;
    ms_claims_t claims;

    if (!line) {
        return;
    }
    token = sign(c, text, header, line + 1, size - header - 1, c->shop->account->secrets[old]);
    if (ms_token_read(c, &claims, token)) {
        check_good(c, &claims, text, header, line + 1, size - header - 1);
        check_flipped(c, token, at);
        MUST(!ms_token_read(c, &claims, sign(c, text, header, line + 1, size - header - 1, "another secret of thirty-two bytes")));
    }
}

static void check_raw(ms_ctx_t *c, const char *token)
{
    ms_claims_t claims;

    MUST(!ms_token_read(c, &claims, token));
}

void fuzz_token(ms_ctx_t *c, const uint8_t *data, size_t size)
{
    if (size < 3) {
        return;
    }
    if (data[0] % 3) {
        check_signed(c, fuzz_bytes(c, data + 3, size - 3), size - 3, data[0] % 3 - 1, (unsigned)data[1] << 8 | data[2]);
    }
    else {
        check_raw(c, fuzz_text(c, data + 3, size - 3));
    }
}
