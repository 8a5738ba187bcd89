/* privacy.c: Cache-Control and Vary of guarded answers.
 *
 * Set by a filter: the content's own headers must be known, and a proxied answer brings a new set of them. Called by guard.c. */
#include "httpd/privacy.h"

#include <util_filter.h>

#include <apr_strings.h>

static const char filter_name[] = "MEDUSA_PRIVACY";
static const char note[] = "medusa-store-guarded";

/* Does the content itself say who may keep it? */
static int says(const char *control)
{
    return ap_strcasestr(control, "public") || ap_strcasestr(control, "private") || ap_strcasestr(control, "no-store")
        || ap_strcasestr(control, "s-maxage");
}

static apr_status_t write_headers(ap_filter_t *f, apr_bucket_brigade *content)
{
    request_rec *r = f->r;
    const char *here = apr_table_getm(r->pool, r->headers_out, "Cache-Control");
    const char *always = apr_table_getm(r->pool, r->err_headers_out, "Cache-Control");

    ap_remove_output_filter(f);
    if (!(here && says(here)) && !(always && says(always))) {
        apr_table_mergen(r->headers_out, "Cache-Control", "private");
    }
    apr_table_mergen(r->headers_out, "Vary", "Cookie, Authorization"); /* httpd takes out what is there twice */
    return ap_pass_brigade(f->next, content);
}

/* On what is sent in the end, of which r may be a part. It may have begun already: a list of a folder asks for each file, and can still
 * be told; a page of server-side includes can't, as mod_include sends what stands before a part first. */
void ms_privacy_note(request_rec *r)
{
    request_rec *top = r;

    while (top->main) {
        top = top->main;
    }
    apr_table_setn(top->notes, note, "1");
    if (top != r) {
        ap_add_output_filter(filter_name, NULL, top, top->connection);
    }
}

void ms_privacy_add(request_rec *r)
{
    request_rec *before;

    for (before = r; before && !r->main; before = before->prev) {
        if (apr_table_get(before->notes, note)) {
            ap_add_output_filter(filter_name, NULL, r, r->connection);
            return;
        }
    }
}

void ms_privacy_register(void)
{
    ap_register_output_filter(filter_name, write_headers, NULL, AP_FTYPE_RESOURCE);
}
