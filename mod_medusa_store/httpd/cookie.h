/* cookie.h: the session cookie of a request and its answer. Inside httpd/ only. */
#ifndef MS_HTTPD_COOKIE_H
#define MS_HTTPD_COOKIE_H

#include "account/cookie.h"
#include "httpd/config.h"

/** What the cookie of a place is called. */
const char *ms_cookie_name(const ms_place_t *place);

/** Value of a cookie that the client sent, or NULL. */
const char *ms_cookie_read(request_rec *r, const char *name);

/** Set the cookie of a place on the answer, errors too; `max_age` in seconds. */
void ms_cookie_write(request_rec *r, const ms_place_t *place, const char *value, long max_age);

#endif
