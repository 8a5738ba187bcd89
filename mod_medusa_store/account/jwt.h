/* jwt.h: JSON Web Tokens (RFC 7519), HS256 (RFC 7518, 3.2) and nothing else. */
#ifndef MS_ACCOUNT_JWT_H
#define MS_ACCOUNT_JWT_H

#include "core/ctx.h"

#include <sodium.h>

/** What tokens are signed with (the first), and what they may have been signed with; begun, which is a fifth of the work for each. */
typedef struct ms_jwt_keys_t {
    int count;
    crypto_auth_hmacsha256_state key[2];
} ms_jwt_keys_t;

/** Make keys of the first two of the secrets (the list ends with NULL). */
void ms_jwt_keys(ms_jwt_keys_t *keys, const char *const *secrets);

/** Sign a payload; `payload` stays the caller's. NULL when out of memory. */
const char *ms_jwt_sign(ms_ctx_t *c, const json_t *payload, const ms_jwt_keys_t *keys);

/** The payload of a token signed with one of the keys, whose times are good: `exp` and `nbf` are numbers
 *  where they are there, no leeway. NULL: not to be relied upon, or
 *  memory ran out, which is recorded (MS_UNEXPECTED). Tied to c->pool. */
json_t *ms_jwt_read(ms_ctx_t *c, const char *token, const ms_jwt_keys_t *keys);

/** The payload of a token, unchecked: anybody can have written it. Good for finding what it has to be checked by, and nothing else.
 *  NULL where there is none, or memory ran out, which is recorded. Tied to c->pool. */
json_t *ms_jwt_peek(ms_ctx_t *c, const char *token);

/** A claim that is a string; "" where it is absent or of another type. */
const char *ms_jwt_text(const json_t *payload, const char *claim);

#endif
