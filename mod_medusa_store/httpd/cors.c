/* cors.c: which origins may use the API from a browser.
 *
 * Answered by the module itself: mod_headers can't compare an origin with a list and leave the rest alone. */
#include "httpd/cors.h"

#include <string.h>

static int is_allowed(const ms_place_t *place, const char *origin)
{
    int i;

    for (i = 0; place->origins && i < place->origins->nelts; i++) {
        const ms_origin_t *o = &APR_ARRAY_IDX(place->origins, i, ms_origin_t);

        if (o->regex ? !ap_regexec(o->regex, origin, 0, NULL, 0) : !strcmp(o->text, origin)) {
            return 1;
        }
    }
    return 0;
}

static int may_use(request_rec *r, const ms_place_t *place)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");

    return origin && is_allowed(place, origin);
}

void ms_cors_headers(request_rec *r, const ms_place_t *place, const ms_sink_t *log)
{
    const char *origin = apr_table_get(r->headers_in, "Origin");
    int allowed = may_use(r, place);

    apr_table_mergen(r->err_headers_out, "Vary", "Origin");
    if (allowed) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin", origin);
    }
    else if (origin) {
        ms_log(log, MS_LINE_ORIGIN_REFUSED, origin);
    }
    if (allowed || place->credentials_always == 1) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Credentials", "true");
    }
}

/* ---- forgery ---- */

/* scheme://host[:port] of the request itself; behind a proxy that ends TLS only the host can be told. */
static int is_own_origin(request_rec *r, const char *origin)
{
    const char *host = apr_table_get(r->headers_in, "Host"), *there = strstr(origin, "://");

    return host && (!strncasecmp(origin, "http://", 7) || !strncasecmp(origin, "https://", 8)) && !strcasecmp(there + 3, host);
}

static int has_body(request_rec *r)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    return apr_table_get(r->headers_in, "Transfer-Encoding") || (length && strcmp(length, "0"));
}

/* Types that a form can't send, and that are read here. */
static int is_data(request_rec *r, const ms_place_t *place)
{
    const char *type = apr_table_get(r->headers_in, "Content-Type");

    return type && (!strncasecmp(type, "application/json", strlen("application/json"))
                    || (place->xml == 1 && !strncasecmp(type, "application/xml", strlen("application/xml"))));
}

const char *ms_cors_forgery(request_rec *r, const ms_place_t *place)
{
    const char *origin = apr_table_get(r->headers_in, "Origin"), *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    int mode = ms_place_number(place->csrf, MS_CSRF_STRICT);

    if (mode == MS_CSRF_OFF || r->method_number == M_GET) { /* HEAD has that number too */
        return NULL;
    }
    if (origin && !is_allowed(place, origin) && !is_own_origin(r, origin)) {
        return "the request comes from an origin that is not allowed";
    }
    if (!origin && site && strcasecmp(site, "same-origin") && strcasecmp(site, "none")) {
        return "the request comes from another site";
    }
    if (mode == MS_CSRF_STRICT && has_body(r) && !is_data(r, place)) {
        return "a request by the session cookie must have Content-Type: application/json";
    }
    return NULL;
}

/* ---- preflight ---- */

int ms_cors_preflight(request_rec *r, const ms_place_t *place)
{
    const char *wanted = apr_table_get(r->headers_in, "Access-Control-Request-Headers");

    if (may_use(r, place) || place->credentials_always == 1) {
        apr_table_setn(r->err_headers_out, "Access-Control-Allow-Methods", "GET,HEAD,PUT,PATCH,POST,DELETE");
        if (wanted) {
            apr_table_setn(r->err_headers_out, "Access-Control-Allow-Headers", wanted);
        }
    }
    apr_table_mergen(r->err_headers_out, "Vary", "Access-Control-Request-Headers");
    r->status = HTTP_NO_CONTENT;
    return OK;
}
