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
