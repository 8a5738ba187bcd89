/* session.h: the visitor's session, on mod_session. Inside httpd/ only. */
#ifndef MS_HTTPD_SESSION_H
#define MS_HTTPD_SESSION_H

#include "core/ctx.h"
#include "httpd/config.h"

/** Hook into mod_session as its first provider; in pre_config, when all modules are loaded and httpd has yet to sort their hooks.
 *  0: mod_session isn't loaded. */
int ms_session_hooks(void);

/** Find mod_session's functions; in post_config. 0: they are not there. */
int ms_session_functions(void);

/** Fill c->session_token from the visitor's session. OK, or 500 where no session can be had here. */
int ms_session_open(request_rec *r, ms_ctx_t *c);

/** Do to the cookie what c->session_change says; before any output. A session that can't be kept fails the request (503). */
void ms_session_close(request_rec *r, ms_ctx_t *c);

/** The same where no session need be had: c->session_token out of mod_session's session where `Session On` is in force; or else, and if
 *  that holds none, out of our own cookie. 1: it came from the cookie itself. */
int ms_session_peek(request_rec *r, ms_ctx_t *c);

/** Send our own cookie once more, for another life. */
void ms_session_renew_own(request_rec *r);

#endif
