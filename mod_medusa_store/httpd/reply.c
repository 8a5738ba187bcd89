/* reply.c: writes the answer: JSON or text, or XML where it is On and asked for, always with its length and never for a shared cache.
 *
 * Statuses are set on the request and the body is written by us: a returned status would bring httpd's error page. */
#include "httpd/reply.h"
#include "core/answer.h"
#include "core/json.h"
#include "core/route.h"
#include "core/xml.h"
#include "httpd/accept.h"
#include "httpd/config.h"
#include "httpd/request_id.h"
#include "resource/resources.h"

#include <http_protocol.h>

#include <apr_strings.h>
#include <string.h>

enum { RETRY_AFTER = 1 /* second; the database is probed more often than that */ };

static const char plain_text[] = "text/plain; charset=utf-8";
static const char utf8_json[] = "application/json; charset=utf-8";

static int write_body(request_rec *r, const char *type, const char *body, size_t length)
{
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)length);
    return ap_rwrite(body, (int)length, r) < 0 && !r->connection->aborted ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

static int send_text(request_rec *r, const char *text)
{
    return write_body(r, plain_text, text, strlen(text));
}

static int send_json(request_rec *r, ms_ctx_t *c)
{
    size_t length;
    const char *text = ms_answer_write(c, &length);

    return text ? write_body(r, utf8_json, text, length) : HTTP_INTERNAL_SERVER_ERROR;
}

static int send_xml(request_rec *r, const ms_shape_t *shape, json_t *value)
{
    size_t length;
    const char *text = ms_xml_write(r->pool, shape, value, &length);

    return text ? write_body(r, "application/xml; charset=utf-8", text, length) : HTTP_INTERNAL_SERVER_ERROR;
}

void ms_reply_problem_headers(request_rec *r, ms_ctx_t *c)
{
    const ms_problem_t *problem = ms_problem_get(c->rc);

    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    if (problem->http >= HTTP_INTERNAL_SERVER_ERROR) {
        c->request_id = ms_request_id(r);
        apr_table_setn(r->err_headers_out, "X-Request-Id", c->request_id);
    }
    if (c->retry_after || problem->http == HTTP_SERVICE_UNAVAILABLE || problem->http == HTTP_CONFLICT) {
        apr_table_setn(r->err_headers_out, "Retry-After", apr_itoa(r->pool, c->retry_after ? c->retry_after : RETRY_AFTER));
        if (apr_table_get(r->err_headers_out, "Access-Control-Allow-Origin")) { /* scripts of other origins see no header that is not named */
            apr_table_mergen(r->err_headers_out, "Access-Control-Expose-Headers", "Retry-After");
        }
    }
}

const char *ms_reply_problem_text(ms_ctx_t *c, const char **type, size_t *length)
{
    const ms_problem_t *problem = ms_problem_get(c->rc);

    if (!problem->type) {
        *type = plain_text;
        *length = strlen(c->message);
        return c->message;
    }
    *type = utf8_json;
    return ms_json_write(c->pool, ms_own(c->pool, ms_problem_body(c)), length);
}

static int reply_problem(request_rec *r, ms_ctx_t *c, int xml)
{
    const ms_problem_t *problem = ms_problem_get(c->rc);
    const char *type, *text;
    size_t length;

    ms_log(c->log, MS_LINE_PROBLEM, c->method, c->route ? c->route->path : "(no route)", problem->http, problem->name);
    if (c->rc == MS_UNEXPECTED) { /* the one that nothing else tells of */
        ms_log_rarely(c->log, MS_LINE_UNEXPECTED, c->method, c->route ? c->route->path : "(no route)");
    }
    r->status = problem->http;
    ms_reply_problem_headers(r, c);
    if (xml) {
        return send_xml(r, &ms_error_answer, ms_own(c->pool, ms_problem_body(c)));
    }
    text = ms_reply_problem_text(c, &type, &length);
    return text ? write_body(r, type, text, length) : HTTP_INTERNAL_SERVER_ERROR;
}

/* Which of the two is sent is told to caches whenever there is a choice. */
static int choose_xml(request_rec *r, int offered)
{
    if (!offered) {
        return 0;
    }
    apr_table_mergen(r->err_headers_out, "Vary", "Accept");
    return ms_accept_xml(apr_table_get(r->headers_in, "Accept"));
}

/* For LogFormat: %{medusa-route}n, %{medusa-problem}n, %{medusa-db-us}n. */
static void note(request_rec *r, const ms_ctx_t *c)
{
    apr_table_setn(r->notes, "medusa-route", c->route ? c->route->path : "-");
    apr_table_setn(r->notes, "medusa-problem", c->rc == MS_OK ? "-" : ms_problem_get(c->rc)->name);
    apr_table_setn(r->notes, "medusa-db-us", apr_psprintf(r->pool, "%" APR_TIME_T_FMT, c->db_time));
}

/* Medusa's own switch against compression, in the words of mod_deflate and mod_brotli. */
static void heed_compression(request_rec *r)
{
    if (apr_table_get(r->headers_in, "x-no-compression")) {
        apr_table_setn(r->subprocess_env, "no-gzip", "1");
        apr_table_setn(r->subprocess_env, "no-brotli", "1");
    }
}

int ms_reply(request_rec *r, ms_ctx_t *c, int xml_offered)
{
    int xml = choose_xml(r, xml_offered);

    note(r, c);
    heed_compression(r);
    if (c->rc != MS_OK) {
        return reply_problem(r, c, xml);
    }
    apr_table_setn(r->err_headers_out, "X-Content-Type-Options", "nosniff");
    if (c->personal) {
        apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    }
    if (c->replayed) {
        apr_table_setn(r->err_headers_out, "Idempotent-Replayed", "true");
    }
    if (xml && (c->object || c->answer || c->text)) {
        return send_xml(r, c->route->answer, ms_answer_tree(c));
    }
    if (c->object || c->answer) {
        return send_json(r, c);
    }
    if (c->text) {
        return send_text(r, c->text);
    }
    r->status = HTTP_NO_CONTENT;
    return OK;
}
