/* body.h: the request's body. Inside httpd/ only. */
#ifndef MS_HTTPD_BODY_H
#define MS_HTTPD_BODY_H

#include <httpd.h>

#include "core/ctx.h"

/** Read the body into c->body, if it is JSON, or XML where that is `xml_taken`; what is of another type, or empty, leaves c->body as it is.
 *  `limit` bounds its bytes, as sent and after inflating. Returns OK, with a failure recorded in c where the body is refused, or the
 *  status that httpd has to answer with itself (the client went away, or a filter has answered). */
int ms_body_read(request_rec *r, ms_ctx_t *c, int limit, int xml_taken);

/** Leave the body unread. Over HTTP/2 some of it is read away: a stream that ends unread is reset, and some clients then drop the answer. */
void ms_body_skip(request_rec *r);

#endif
