/* token.c: what a bearer token of the Store API says.
 *
 * A token stands for a session row and is worth nothing without it. Used by session.c. */
#include "account/token.h"
#include "account/account.h"
#include "account/jwt.h"

#include <string.h>

/* The server has made them at start; elsewhere they are made for each token. */
static const ms_jwt_keys_t *keys_of(const ms_ctx_t *c, ms_jwt_keys_t *made)
{
    if (c->shop->account->token_keys) {
        return c->shop->account->token_keys;
    }
    ms_jwt_keys(made, c->shop->account->secrets);
    return made;
}

const char *ms_token_sign(ms_ctx_t *c, const ms_claims_t *claims, apr_time_t issued, apr_time_t expires)
{
    json_t *payload = ms_own(c->pool, json_pack("{s:s, s:s, s:I, s:I, s:s}",
        "customer_id", claims->customer_id, "domain", "store", "iat", (json_int_t)apr_time_sec(issued),
        "exp", (json_int_t)apr_time_sec(expires), "jti", claims->jti));
    ms_jwt_keys_t made;

    return ms_jwt_sign(c, payload, keys_of(c, &made));
}

int ms_token_read(ms_ctx_t *c, ms_claims_t *claims, const char *token)
{
    ms_jwt_keys_t made;
    const json_t *payload = ms_jwt_read(c, token, keys_of(c, &made));

    if (strcmp(ms_jwt_text(payload, "domain"), "store")) {
        return 0;
    }
    claims->customer_id = ms_jwt_text(payload, "customer_id");
    claims->jti = ms_jwt_text(payload, "jti");
    return *claims->customer_id && *claims->jti;
}
