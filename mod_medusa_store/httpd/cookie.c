/* cookie.c: the session cookie as it travels: which one a request brings, and its attributes on the way back.
 *
 * Knows nothing of what is sealed in it; that is account/cookie.c. Called by session.c. */
#include "httpd/cookie.h"

#include <http_protocol.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

const char *ms_cookie_name(const ms_place_t *place)
{
    return place->cookie ? place->cookie : "connect.sid";
}

/* Not ap_cookie_read: that writes cookies into the debug log. */
const char *ms_cookie_read(request_rec *r, const char *name)
{
    return ms_cookie_find(r->pool, apr_table_get(r->headers_in, "Cookie"), name);
}

static int forwarded_https(request_rec *r, const ms_place_t *place)
{
    const char *proto = apr_table_get(r->headers_in, "X-Forwarded-Proto");

    return place->trust_forwarded_proto == 1 && proto && !strncasecmp(proto, "https", 5)
        && (!proto[5] || proto[5] == ',' || apr_isspace(proto[5]));
}

static int is_secure(request_rec *r, const ms_place_t *place)
{
    switch (ms_place_number(place->cookie_secure, MS_SECURE_AUTO)) {
    case MS_SECURE_ON:  return 1;
    case MS_SECURE_OFF: return 0;
    default:            return !strcmp(ap_http_scheme(r), "https") || forwarded_https(r, place);
    }
}

/* Not ap_cookie_write, for the same reason. err_headers_out: also errors may carry it. */
void ms_cookie_write(request_rec *r, const ms_place_t *place, const char *value, long max_age)
{
    const char *same_site = place->cookie_same_site ? place->cookie_same_site : "Lax";

    apr_table_addn(r->err_headers_out, "Set-Cookie",
        apr_psprintf(r->pool, "%s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=%s%s", ms_cookie_name(place), value, max_age,
                     same_site, is_secure(r, place) ? "; Secure" : ""));
}
