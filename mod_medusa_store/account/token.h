/* token.h: bearer tokens: JSON Web Tokens (RFC 7519) of one kind, HS256. */
#ifndef MS_ACCOUNT_TOKEN_H
#define MS_ACCOUNT_TOKEN_H

#include "core/ctx.h"

/** What a bearer token says. `jti` is the token of the session row that it stands for. */
typedef struct {
    const char *customer_id;
    const char *jti;
} ms_claims_t;

/** Sign a token for the Store API: {"customer_id", "domain":"store", "iat", "exp", "jti"}; times in whole seconds.
 *  NULL when out of memory. */
const char *ms_token_sign(ms_ctx_t *c, const ms_claims_t *claims, apr_time_t issued, apr_time_t expires);

/** Read a token. 1: its signature (by either secret of the shop), algorithm, times and domain are good and both claims
 *  are strings; 0: it is not to be relied upon, or memory ran out,
 *  which is recorded (MS_UNEXPECTED). Says nothing about the session row. */
int ms_token_read(ms_ctx_t *c, ms_claims_t *claims, const char *token);

#endif
