/* handler.c: one request: from request_rec to ms_ctx_t, through the operation, and back.
 *
 * Knows httpd; what an operation does, api/ knows. */
#include "httpd/handler.h"
#include "api/api.h"
#include "core/text.h"
#include "core/time.h"
#include "httpd/body.h"
#include "httpd/claim.h"
#include "httpd/config.h"
#include "httpd/count.h"
#include "httpd/cors.h"
#include "httpd/identity.h"
#include "httpd/mount.h"
#include "httpd/reply.h"
#include "httpd/request.h"
#include "httpd/session.h"

#include <apr_strings.h>
#include <string.h>

enum { BODY_LIMIT = 102400 };

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

static void serve(request_rec *r, ms_ctx_t *c)
{
    if (ms_dispatch(c) != MS_OK) {
        c->session_change = MS_SESSION_KEEP;
    }
    if (c->who.row) {
        ms_identity_tell(r, c->who.id);
    }
}

static int answer(request_rec *r, ms_ctx_t *c, const ms_place_t *place)
{
    int status;

    if (!find_mount(r, c, place, &status)) {
        return status;
    }
    apr_table_unset(r->headers_in, "Range"); /* an answer is small, and no file: parts of it are nobody's business */
    ms_cors_headers(r, place, c->log);
    if (r->method_number == M_OPTIONS) {
        return ms_cors_preflight(r, place);
    }
    if (!ms_utf8_valid(c->path, strlen(c->path))) {
        refuse_path(r, c);
    }
    else if (ms_request_is_ready(r, c, MS_LINE_NOT_CONFIGURED)) {
        c->body = ms_own(c->pool, json_object());
        if (ms_admit(c) != MS_OK) {
            ms_body_skip(r);
            return ms_reply(r, c, place->xml == 1);
        }
        status = body_counts(r) ? ms_body_read(r, c, ms_place_number(place->body_limit, BODY_LIMIT), place->xml == 1) : OK;
        if (status != OK) {
            return status;
        }
        ms_request_resume(r, c); /* a slow body is mod_reqtimeout's business */
        c->forgery = ms_cors_forgery(r, place);
        if (c->rc == MS_OK && ms_session_open(r, c)) {
            serve(r, c);
        }
        ms_session_close(r, c);
        ms_request_pause(r, c);
    }
    return ms_reply(r, c, place->xml == 1);
}

int ms_handler_run(request_rec *r)
{
    const ms_place_t *place = ms_place_get(r);
    apr_time_t start;
    ms_ctx_t *c;
    int status;

    if (!r->handler || strcmp(r->handler, ms_handler_name) || place->on != 1) {
        return DECLINED;
    }
    start = ms_steady_now(); /* only now: every request of the server comes by */
    c = ms_request_ctx(r);
    c->hides_accounts = place->email_exists == 0;
    status = answer(r, c, place);
    ms_count_request(r, c, status, ms_steady_now() - start);
    return status;
}
