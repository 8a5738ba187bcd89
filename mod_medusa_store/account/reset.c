/* reset.c: reset tokens: signed with a key made of the server's secret and the customer's stored hash.
 *
 * Knowing the secret is not enough without the hash, nor the hash without the secret. Used by api/password.c. */
#include "account/reset.h"
#include "account/account.h"
#include "account/jwt.h"

#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

enum { LIFE = 15 * 60 /* seconds */ };

/* In hexadecimal: keys of tokens are texts. */
static const char *key_of(ms_ctx_t *c, const char *secret, const char *hash)
{
    static const char purpose[] = "medusa-store password reset ";
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char *key = apr_palloc(c->pool, 2 * sizeof mac + 1);
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, strlen(purpose));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)hash, strlen(hash));
    crypto_auth_hmacsha256_final(&state, mac);
    return sodium_bin2hex(key, 2 * sizeof mac + 1, mac, sizeof mac);
}

const char *ms_reset_sign(ms_ctx_t *c, const char *customer_id, const char *hash)
{
    json_int_t now = (json_int_t)apr_time_sec(c->now);
    json_t *payload = ms_own(c->pool, json_pack("{s:s, s:I, s:I}", "customer_id", customer_id, "exp", now + LIFE, "iat", now));
    const char *const secrets[] = { key_of(c, c->shop->account->secrets[0], hash), NULL };
    ms_jwt_keys_t keys;

    ms_jwt_keys(&keys, secrets);
    return ms_jwt_sign(c, payload, &keys);
}

const char *ms_reset_customer(ms_ctx_t *c, const char *token)
{
    return ms_jwt_text(ms_jwt_peek(c, token), "customer_id");
}

int ms_reset_check(ms_ctx_t *c, const char *token, const char *customer_id, const char *hash)
{
    const char *secrets[3] = { NULL };
    const json_t *payload;
    ms_jwt_keys_t keys;
    int i;

    for (i = 0; c->shop->account->secrets[i]; i++) {
        secrets[i] = key_of(c, c->shop->account->secrets[i], hash);
    }
    ms_jwt_keys(&keys, secrets);
    payload = ms_jwt_read(c, token, &keys);
    return json_object_get(payload, "exp") && !strcmp(ms_jwt_text(payload, "customer_id"), customer_id);
}
