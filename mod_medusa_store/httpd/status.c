/* status.c: the table of status handlers, and what they have in common.
 *
 * They have no session and set no cookie, and nobody may keep their answers. */
#include "httpd/status.h"

#include <ap_expr.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include <string.h>

static const struct {
    const char *name;
    int (*answer)(request_rec *r);
} handlers[] = {
    { "medusa-store-health",  ms_health_answer },
    { "medusa-store-ready",   ms_ready_answer },
    { "medusa-store-metrics", ms_metrics_answer },
};

enum { HANDLERS = sizeof handlers / sizeof *handlers, NONE = -1 };

static int find(const char *name)
{
    int i;

    for (i = 0; name && i < HANDLERS; i++) {
        if (!strcmp(handlers[i].name, name)) {
            return i;
        }
    }
    return NONE;
}

/* Asked before httpd gets to know it: SetHandler takes an expression, which comes to a text when it is needed. */
static int find_set(request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    const char *name = core->handler;
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 53) /* httpd 2.4.19 */
    const char *error = NULL;

    name = core->expr_handler ? ap_expr_str_exec(r, core->expr_handler, &error) : name;
#endif
    return find(name);
}

int ms_status_is_set(request_rec *r)
{
    return find_set(r) != NONE;
}

/* Where there is no file, mod_negotiation would look for a page with a similar name; and mod_proxy may have its eye on all paths. */
int ms_status_type(request_rec *r)
{
    int i = r->finfo.filetype == APR_NOFILE ? find_set(r) : NONE;

    if (i == NONE) {
        return DECLINED;
    }
    r->handler = handlers[i].name;
    r->proxyreq = PROXYREQ_NONE;
    return OK;
}

/* mod_dir would send it to the address with a slash at its end. */
int ms_status_fixup(request_rec *r)
{
    if (find(r->handler) != NONE) {
        r->finfo.filetype = APR_NOFILE;
    }
    return DECLINED;
}

int ms_status_text(request_rec *r, int status, const char *text)
{
    r->status = status;
    ap_set_content_type(r, "text/plain; charset=utf-8");
    ap_set_content_length(r, (apr_off_t)strlen(text));
    ap_rputs(text, r);
    return OK;
}

int ms_status_run(request_rec *r)
{
    int i = find(r->handler);

    if (i == NONE) {
        return DECLINED;
    }
    if (r->method_number != M_GET) {
        ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, -1);
        return HTTP_METHOD_NOT_ALLOWED;
    }
    apr_table_unset(r->headers_in, "Range");
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    return handlers[i].answer(r);
}
