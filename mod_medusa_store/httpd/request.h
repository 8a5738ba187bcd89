/* request.h: from a request to what the layers below work on. Inside httpd/ only. */
#ifndef MS_HTTPD_REQUEST_H
#define MS_HTTPD_REQUEST_H

#include <httpd.h>

#include "core/ctx.h"

/** The context of a request, in its pool: shop, clock, log, method, query, bearer token; nothing else is set. */
ms_ctx_t *ms_request_ctx(request_rec *r);

/** 1: the virtual host is a shop that can be asked. Else the failure is recorded in c; `line`, with the name of a directive, is
 *  logged where that is missing. */
int ms_request_is_ready(request_rec *r, ms_ctx_t *c, ms_line_t line);

/** Begin a piece of work that may wait for the database or a hash: sets c->deadline. All pieces of a request, with those of its subrequests and
 *  internal redirects, have MedusaStoreDeadline together; what others do between them (a body, a page) does not count. */
void ms_request_resume(request_rec *r, ms_ctx_t *c);

/** End it: the time that it left is kept for the next one. */
void ms_request_pause(request_rec *r, const ms_ctx_t *c);

/** The request that the client sent, of which r is a subrequest or an internal redirect, or r itself. */
request_rec *ms_request_first(request_rec *r);

#endif
