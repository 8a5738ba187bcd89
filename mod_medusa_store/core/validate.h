/* validate.h: holds a request body against the rules of its operation. */
#ifndef MS_CORE_VALIDATE_H
#define MS_CORE_VALIDATE_H

#include "core/ctx.h"
#include "core/resource.h"

/** Check c->body against the rules; e-mail addresses in it are lower-cased in place.
 *  MS_INVALID_DATA with all messages joined by ", ": unknown fields first (integer-like keys ascending, then as sent),
 *  then the known ones in the order of the rules. */
ms_rc_t ms_validate(ms_ctx_t *c, const ms_rule_t *rules);

/** The same for the parsed query string of a list (query.h); values are made what they stand for, in place. */
ms_rc_t ms_validate_query(ms_ctx_t *c, const ms_rule_t *rules, json_t *query);

/** Text of a string field of the body, or NULL where it is absent, null or no string. Lives as long as the body. */
const char *ms_body_text(const ms_ctx_t *c, const char *field);

#endif
