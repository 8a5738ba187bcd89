/* cookie.h: the sealed session cookie. Inside httpd/ only. */
#ifndef MS_HTTPD_COOKIE_H
#define MS_HTTPD_COOKIE_H

#include "httpd/config.h"

enum { MS_COOKIE_MAX = 4096 }; /* bytes of a value: what browsers keep */

/** Derive the keys that seal a shop's cookie from its secrets. */
void ms_cookie_keys(ms_server_t *server);

/** What the cookie of a place is called. */
const char *ms_cookie_name(const ms_place_t *place);

/** Value of a cookie that the client sent, or NULL. */
const char *ms_cookie_read(request_rec *r, const char *name);

/** Seal a text as the value of a cookie of this name; the result is in r->pool. */
const char *ms_cookie_seal(request_rec *r, const char *name, const char *text);

/** What was sealed under this name with one of the shop's secrets, in r->pool; NULL: it wasn't. */
const char *ms_cookie_unseal(request_rec *r, const char *name, const char *value);

/** Set the cookie of a place on the answer, errors too; `max_age` in seconds. */
void ms_cookie_write(request_rec *r, const ms_place_t *place, const char *value, long max_age);

#endif
