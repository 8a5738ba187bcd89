/* refusal.c: the answers of a guarded place to who is not let in: 401, the way to the sign-in page, 503.
 *
 * A hook can only return a status: httpd then looks for an ErrorDocument and else writes a page of its own, which a filter replaces by
 * what the API says in such a case. Called by guard.c. */
#include "httpd/refusal.h"
#include "httpd/accept.h"
#include "httpd/config.h"
#include "httpd/identity.h"
#include "httpd/reply.h"
#include "httpd/request.h"

#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>

#include <apr_hash.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

enum { ADDRESS_MAX = 2000 }; /* bytes of an address that a sign-in page may bring back; in a Location they are up to thrice as many */

static const char filter_name[] = "MEDUSA_REFUSAL";
static const char note[] = "medusa-store-refusal"; /* the ms_ctx_t whose failure is to be told */

/* ---- the sign-in page ---- */

/* The address that the client asked for, as it was sent, for this host and no other: a page that goes "back" to what begins with two
 * slashes (or backslashes, which browsers take for slashes) would go to a host of somebody's choice. */
static const char *address_of(request_rec *r)
{
    const char *sent = ms_request_first(r)->unparsed_uri, *host = sent ? strstr(sent, "://") : NULL;

    if (host && *sent != '/') {
        sent = host + 3 + strcspn(host + 3, "/?");
    }
    sent = sent ? sent + strspn(sent, "/\\") : "";
    return strlen(sent) > ADDRESS_MAX ? "/" : apr_pstrcat(r->pool, "/", sent, NULL);
}

static const char *percent_encode(apr_pool_t *pool, const char *text)
{
    char *encoded = apr_palloc(pool, 3 * strlen(text) + 1), *p = encoded;

    for (; *text; text++) {
        if (apr_isalnum(*text) || strchr("-._~", *text)) {
            *p++ = *text;
        }
        else {
            p += apr_snprintf(p, 4, "%%%02X", (unsigned char)*text);
        }
    }
    *p = '\0';
    return encoded;
}

/* %u stands for the address. */
static const char *fill_in(request_rec *r, const char *page)
{
    const char *address = percent_encode(r->pool, address_of(r)), *place, *filled = "";

    while ((place = strstr(page, "%u"))) {
        filled = apr_pstrcat(r->pool, filled, apr_pstrmemdup(r->pool, page, (apr_size_t)(place - page)), address, NULL);
        page = place + 2;
    }
    return apr_pstrcat(r->pool, filled, page, NULL);
}

/* A page that is guarded itself would send the browser round and round. */
static int is_this(request_rec *r, const char *page)
{
    apr_uri_t uri;
    const request_rec *first = ms_request_first(r);

    if (apr_uri_parse(r->pool, apr_pstrmemdup(r->pool, page, strcspn(page, "?#")), &uri) || !uri.path) {
        return 0;
    }
    return !strcmp(uri.path, first->uri) && (!uri.hostname || !first->hostname || !strcasecmp(uri.hostname, first->hostname));
}

/* A browser that goes to a page, and no script's request, nor that of a program with a token. */
static int is_navigation(request_rec *r, const ms_ctx_t *c)
{
    const char *mode = apr_table_get(r->headers_in, "Sec-Fetch-Mode");

    return r->method_number == M_GET && !c->bearer && (!mode || !strcasecmp(mode, "navigate"))
        && ms_accept_page(apr_table_get(r->headers_in, "Accept"));
}

/* ---- answers ---- */

/* The failure of a copy: the context goes on to be used. */
static int refuse(request_rec *r, const ms_ctx_t *c, ms_rc_t rc)
{
    ms_ctx_t *refusal = apr_pmemdup(c->pool, c, sizeof *c);
    const ms_problem_t *problem = ms_problem_get(rc);

    if (rc != c->rc) {
        ms_forgive(refusal);
        ms_fail(refusal, rc, NULL);
    }
    ms_reply_problem_headers(r, refusal);
    apr_table_setn(r->notes, note, (const char *)refusal);
    apr_table_setn(r->notes, "medusa-problem", problem->name);
    return problem->http;
}

static void challenge(request_rec *r, const char *error)
{
    const char *realm = ap_auth_name(r);

    apr_table_setn(r->err_headers_out, "WWW-Authenticate",
                   apr_psprintf(r->pool, "Bearer realm=\"%s\"%s", realm ? realm : "medusa-store", error));
}

int ms_refusal_sign_in(request_rec *r, const ms_ctx_t *c)
{
    const char *page = ms_place_get(r)->sign_in_page;
    int status;

    if (page && *page && is_navigation(r, c) && !is_this(r, page)) {
        apr_table_setn(r->headers_out, "Location", fill_in(r, page));
        apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
        status = HTTP_MOVED_TEMPORARILY;
    }
    else {
        challenge(r, c->bearer ? ", error=\"invalid_token\"" : "");
        status = refuse(r, c, MS_UNAUTHORIZED);
    }
    ms_log(c->log, MS_LINE_GUARD_NOBODY, status);
    return status;
}

int ms_refusal_failure(request_rec *r, const ms_ctx_t *c)
{
    ms_rc_t rc = ms_problem_get(c->rc)->http < HTTP_INTERNAL_SERVER_ERROR ? MS_BUSY : c->rc; /* a lost race is nothing to the client here */
    int status = refuse(r, c, rc);

    ms_log(c->log, MS_LINE_GUARD_FAILED, ms_problem_get(c->rc)->name, status);
    return status;
}

int ms_refusal_challenge(request_rec *r, const char *auth_type)
{
    if (strcasecmp(auth_type, MS_AUTH_TYPE)) {
        return DECLINED;
    }
    challenge(r, "");
    return OK;
}

/* ---- words ---- */

/* All of httpd's page is dropped; its end brings our words. */
static apr_status_t write_words(ap_filter_t *f, apr_bucket_brigade *page)
{
    request_rec *r = f->r;
    const char *type, *text;
    size_t length;
    int ends = !APR_BRIGADE_EMPTY(page) && APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(page));

    apr_brigade_cleanup(page);
    if (!ends) {
        return APR_SUCCESS;
    }
    ap_remove_output_filter(f);
    text = ms_reply_problem_text(f->ctx, &type, &length);
    if (text) {
        ap_set_content_type(r, type);
        ap_set_content_length(r, (apr_off_t)length);
        APR_BRIGADE_INSERT_TAIL(page, apr_bucket_pool_create(text, length, r->pool, page->bucket_alloc));
    }
    APR_BRIGADE_INSERT_TAIL(page, apr_bucket_eos_create(page->bucket_alloc));
    return ap_pass_brigade(f->next, page);
}

/* Also `ErrorDocument 401 default`, which asks for httpd's page. */
static int has_document(const request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(r->per_dir_config);
    int index = ap_index_of_response(r->status);

    return core->response_code_exprs && apr_hash_get(core->response_code_exprs, &index, sizeof index);
}

void ms_refusal_add_words(request_rec *r)
{
    ms_ctx_t *c = (ms_ctx_t *)apr_table_get(r->notes, note);

    if (c && ms_problem_get(c->rc)->http == r->status && !has_document(r)) {
        ap_add_output_filter(filter_name, c, r, r->connection);
    }
}

void ms_refusal_register(void)
{
    ap_register_output_filter(filter_name, write_words, NULL, AP_FTYPE_RESOURCE);
}
