/* session.h: sign-ins: rows of the table session, and the tokens that stand for them. */
#ifndef MS_ACCOUNT_SESSION_H
#define MS_ACCOUNT_SESSION_H

#include "core/ctx.h"

/** Find out who asks: by the session cookie, else by the bearer token; fills c->who. Signed out is MS_OK with no id.
 *  A cookie's session is extended now and then (c->session_change). Fails only where the database does. */
ms_rc_t ms_session_identify(ms_ctx_t *c);

/** The two halves of it, for who can't send a cookie at once: find out, which writes nothing; and extend the session that was found, if
 *  that is due. */
ms_rc_t ms_session_find(ms_ctx_t *c);
ms_rc_t ms_session_extend(ms_ctx_t *c);

/** Sign a customer in on the visitor's session: a new row and a new token; the row of a session that was presented ends.
 *  `hash` is the stored one that their password was checked against: MS_UNAUTHORIZED where it is no longer theirs.
 *  May be part of a transaction. httpd/ keeps c->session_new in the cookie. */
ms_rc_t ms_session_start(ms_ctx_t *c, const char *customer_id, const char *hash);

/** The same for a customer whom the running transaction makes: there is no password yet that anybody could have changed. */
ms_rc_t ms_session_start_first(ms_ctx_t *c, const char *customer_id);

/** The same as the first by a bearer token; *token is in c->pool. */
ms_rc_t ms_session_start_bearer(ms_ctx_t *c, const char **token, const char *customer_id, const char *hash);

/** End all of a customer's sign-ins but the one of session row `keep` (NULL: all). */
ms_rc_t ms_session_end_others(ms_ctx_t *c, const char *customer_id, const char *keep);

/** End what the request presents: the cookie's session, and the one that a good bearer token names. */
ms_rc_t ms_session_end(ms_ctx_t *c);

#endif
