/* visitor.h: who asks for a place that is no API. Inside httpd/ only. */
#ifndef MS_HTTPD_VISITOR_H
#define MS_HTTPD_VISITOR_H

#include <httpd.h>

#include <apr_hash.h>

#include "core/ctx.h"

/** A visitor, known by a session token (or none) and the request's bearer token: the same for the whole request, with its subrequests and
 *  internal redirects, in whose first pool it lives. */
typedef struct ms_visitor_t {
    struct ms_visitor_t *next;
    ms_ctx_t *c;        /* c->who.row: the customer, NULL: nobody; c->rc: why that can't be told */
    apr_hash_t *groups; /* name => "1": is in it, "": is not; as far as it was asked */
} ms_visitor_t;

/** Find out who asks for r, once for each token; extends the session as its use in the API does. Never NULL. */
ms_visitor_t *ms_visitor_find(request_rec *r);

/** 1: the customer is in the group; asked for r. A failure is recorded in visitor->c. */
int ms_visitor_in_group(request_rec *r, ms_visitor_t *visitor, const char *group);

#endif
