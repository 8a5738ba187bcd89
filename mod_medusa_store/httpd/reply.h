/* reply.h: from a context to an answer on the wire. Inside httpd/ only. */
#ifndef MS_HTTPD_REPLY_H
#define MS_HTTPD_REPLY_H

#include <httpd.h>

#include "core/ctx.h"

/** Send what c holds: its answer, or the failure recorded in it; as XML if that is offered and the client prefers it. Returns what the handler returns. */
int ms_reply(request_rec *r, ms_ctx_t *c, int xml_offered);

/** The headers that the answer to the failure recorded in c has, set on errors too. */
void ms_reply_problem_headers(request_rec *r, ms_ctx_t *c);

/** The body of that answer for who reads JSON, in c->pool; its type and its length in bytes. NULL when out of memory. */
const char *ms_reply_problem_text(ms_ctx_t *c, const char **type, size_t *length);

#endif
