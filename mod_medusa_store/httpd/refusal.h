/* refusal.h: how a guarded place says no. Inside httpd/ only. */
#ifndef MS_HTTPD_REFUSAL_H
#define MS_HTTPD_REFUSAL_H

#include <httpd.h>

#include "core/ctx.h"

/** Nobody is signed in, which would help: browsers that go to a page are sent to MedusaStoreSignInPage, where that is set; all others get
 *  401 with a challenge for a bearer token. Returns the status that httpd is to answer with. */
int ms_refusal_sign_in(request_rec *r, const ms_ctx_t *c);

/** It can't be told who asks, as c says: 503, or 500 where that won't pass. Returns the status. */
int ms_refusal_failure(request_rec *r, const ms_ctx_t *c);

/** Note auth failure: a challenge where AuthType is ours, and somebody is signed in who may not do this. */
int ms_refusal_challenge(request_rec *r, const char *auth_type);

/** Insert error filter: our words in place of httpd's page, unless ErrorDocument gives others. */
void ms_refusal_add_words(request_rec *r);

/** Make the filter of these words known to httpd, while hooks are registered. */
void ms_refusal_register(void);

#endif
