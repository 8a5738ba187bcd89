/* answer.h: what a request is answered with, whatever it was made of. */
#ifndef MS_CORE_ANSWER_H
#define MS_CORE_ANSWER_H

#include "core/ctx.h"
#include "core/object.h"

/** Answer 200 with {"NAME": object}, NAME being the first member of the route's shape. */
ms_rc_t ms_answer_object(ms_ctx_t *c, const ms_object_t *object);

/** The JSON of the answer, in c->pool; NULL when out of memory, or where it is none. */
const char *ms_answer_write(ms_ctx_t *c, size_t *length);

/** The answer as a value of jansson's, tied to c->pool; NULL when out of memory, or where it is no JSON. */
json_t *ms_answer_tree(ms_ctx_t *c);

#endif
