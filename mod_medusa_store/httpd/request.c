/* request.c: what the API and the guard both make of a request before they ask who sent it.
 *
 * Called by handler.c and visitor.c. */
#include "httpd/request.h"
#include "core/time.h"
#include "httpd/config.h"
#include "httpd/log.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* Text behind the scheme of `Authorization: Bearer …`; scheme in any case, any blanks. */
static const char *bearer_of(request_rec *r)
{
    const char *value = apr_table_get(r->headers_in, "Authorization");
    static const char scheme[] = "bearer";

    if (!value) {
        return NULL;
    }
    value += strspn(value, " \t");
    if (strncasecmp(value, scheme, strlen(scheme)) || !apr_isspace(value[strlen(scheme)])) {
        return NULL;
    }
    value += strlen(scheme);
    value += strspn(value, " \t");
    return apr_pstrmemdup(r->pool, value, strcspn(value, " \t"));
}

ms_ctx_t *ms_request_ctx(request_rec *r)
{
    ms_ctx_t *c = apr_pcalloc(r->pool, sizeof *c);
    ms_sink_t *log = apr_palloc(r->pool, sizeof *log);

    *log = ms_log_of_request(r);
    c->pool = r->pool;
    c->shop = &ms_server_get(r->server)->shop;
    c->log = log;
    c->asks_password = c->shop->account && c->shop->account->confirm == 1;
    c->now = r->request_time;
    c->client = r->useragent_ip;
    c->method = r->method;
    c->query = r->args;
    c->bearer = bearer_of(r);
    c->idempotency_key = apr_table_get(r->headers_in, "Idempotency-Key");
    return c;
}

static const char *what_is_missing(const ms_server_t *server)
{
    return !server->db.params ? "MedusaStoreDBParams" : !server->account.secrets[0] ? "MedusaStoreSecret" : NULL;
}

int ms_request_is_ready(request_rec *r, ms_ctx_t *c, ms_line_t line)
{
    const char *missing = what_is_missing(ms_server_get(r->server));

    if (missing) { /* apachectl -t refuses that; only an .htaccess gets here */
        ms_log(c->log, line, missing);
        ms_fail(c, MS_MISCONFIGURED, NULL);
    }
    else if (!c->shop->db) {
        ms_fail(c, MS_DB_DOWN, NULL);
    }
    return c->rc == MS_OK;
}

static const char time_left[] = "medusa-store-time-left"; /* a note of the first request: notes are handed on by all redirects */

void ms_request_resume(request_rec *r, ms_ctx_t *c)
{
    const apr_interval_time_t *left = (const apr_interval_time_t *)apr_table_get(ms_request_first(r)->notes, time_left);

    c->deadline = ms_steady_now() + (left ? *left : c->shop->deadline);
}

void ms_request_pause(request_rec *r, const ms_ctx_t *c)
{
    request_rec *first = ms_request_first(r);
    apr_interval_time_t *left = apr_palloc(first->pool, sizeof *left);

    *left = ms_time_left(c, c->shop->deadline);
    apr_table_setn(first->notes, time_left, (const char *)left);
}

request_rec *ms_request_first(request_rec *r)
{
    while (r->prev || r->main) {
        r = r->prev ? r->prev : r->main;
    }
    return r;
}
