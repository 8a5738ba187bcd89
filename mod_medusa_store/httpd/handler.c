/* handler.c: one request: from request_rec to ms_ctx_t, through the operation, and back.
 *
 * Knows httpd; what an operation does, api/ knows. */
#include "httpd/handler.h"
#include "api/api.h"
#include "core/text.h"
#include "httpd/body.h"
#include "httpd/claim.h"
#include "httpd/config.h"
#include "httpd/cors.h"
#include "httpd/log.h"
#include "httpd/mount.h"
#include "httpd/reply.h"
#include "httpd/session.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

enum { BODY_LIMIT = 102400 };

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

static ms_ctx_t *make_ctx(request_rec *r, const ms_sink_t *log)
{
    ms_ctx_t *c = apr_pcalloc(r->pool, sizeof *c);

    c->pool = r->pool;
    c->shop = &ms_server_get(r->server)->shop;
    c->log = log;
    c->now = r->request_time;
    c->method = r->method;
    c->query = r->args;
    c->bearer = bearer_of(r);
    c->hides_accounts = ms_place_get(r)->email_exists == 0;
    return c;
}

/* 1: c->mount and c->path are set. Else httpd answers with *status, or the failure is recorded. */
static int find_mount(request_rec *r, ms_ctx_t *c, const ms_place_t *place, int *status)
{
    ms_mount_t m;
    int found = ms_mount_find(&m, r, place);

    *status = DECLINED;
    if (!found) {
        return 0;
    }
    if (found < 0) {
        ms_log(c->log, MS_LINE_NO_MOUNT);
        *status = HTTP_INTERNAL_SERVER_ERROR;
        return 0;
    }
    c->mount = m.mount;
    c->path = m.path;
    return 1;
}

static const char *what_is_missing(const ms_server_t *server)
{
    return !server->db.params ? "MedusaStoreDBParams" : !server->account.secrets[0] ? "MedusaStoreSecret" : NULL;
}

static int is_ready(const ms_server_t *server, ms_ctx_t *c)
{
    const char *missing = what_is_missing(server);

    if (missing) { /* apachectl -t refuses that; only an .htaccess gets here */
        ms_log(c->log, MS_LINE_NOT_CONFIGURED, missing);
        ms_fail(c, MS_MISCONFIGURED, NULL);
    }
    else if (!c->shop->db) {
        ms_fail(c, MS_DB_DOWN, NULL);
    }
    return c->rc == MS_OK;
}

/* The last segment that can't be read, as it was sent. */
static void refuse_path(request_rec *r, ms_ctx_t *c)
{
    const char *sent = r->unparsed_uri ? r->unparsed_uri : "", *path = apr_pstrmemdup(r->pool, sent, strcspn(sent, "?"));
    const char *slash = strrchr(path, '/');

    c->path = "/";
    ms_fail(c, MS_INVALID_DATA, "Failed to decode param '%s'", slash ? slash + 1 : path);
}

/* Clients send bodies with GET and DELETE too; they mean nothing. httpd reads them away. */
static int body_counts(const request_rec *r)
{
    return r->method_number != M_GET && r->method_number != M_DELETE;
}

static void serve(ms_ctx_t *c)
{
    if (ms_dispatch(c) != MS_OK) {
        c->session_change = MS_SESSION_KEEP;
    }
}

int ms_handler_run(request_rec *r)
{
    const ms_place_t *place = ms_place_get(r);
    ms_sink_t *log = apr_palloc(r->pool, sizeof *log);
    ms_ctx_t *c;
    int status;

    if (!r->handler || strcmp(r->handler, ms_handler_name) || place->on != 1) {
        return DECLINED;
    }
    *log = ms_log_of_request(r);
    c = make_ctx(r, log);
    if (!find_mount(r, c, place, &status)) {
        return status;
    }
    apr_table_unset(r->headers_in, "Range"); /* an answer is small, and no file: parts of it are nobody's business */
    ms_cors_headers(r, place, log);
    if (r->method_number == M_OPTIONS) {
        return ms_cors_preflight(r, place);
    }
    if (!ms_utf8_valid(c->path, strlen(c->path))) {
        refuse_path(r, c);
    }
    else if (is_ready(ms_server_get(r->server), c)) {
        c->body = ms_own(c->pool, json_object());
        status = body_counts(r) ? ms_body_read(r, c, ms_place_number(place->body_limit, BODY_LIMIT), place->xml == 1) : OK;
        if (status != OK) {
            return status;
        }
        c->forgery = ms_cors_forgery(r, place);
        if (c->rc == MS_OK && ms_session_open(r, c)) {
            serve(c);
        }
        ms_session_close(r, c);
    }
    return ms_reply(r, c, place->xml == 1);
}
