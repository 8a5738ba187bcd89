/* ctx.c: what every layer does to a request's context: fail, answer, own; how much time it has left.
 *
 * Knows jansson and pools; called by all layers above core/. */
#include "core/ctx.h"
#include "core/text.h"
#include "core/time.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

/* A message can quote what was sent, and that need not be UTF-8. */
static char *readable(char *text)
{
    char *p;

    if (!ms_utf8_valid(text, strlen(text))) {
        for (p = text; *p; p++) {
            *p = (*p & 0x80) ? '?' : *p;
        }
    }
    return text;
}

ms_rc_t ms_fail(ms_ctx_t *c, ms_rc_t rc, const char *format, ...)
{
    va_list args;

    if (c->rc != MS_OK) {
        return c->rc;
    }
    c->rc = rc;
    if (!format) {
        c->message = ms_problem_get(rc)->message;
        return rc;
    }
    va_start(args, format);
    c->message = readable(apr_pvsprintf(c->pool, format, args));
    va_end(args);
    return rc;
}

apr_interval_time_t ms_time_left(const ms_ctx_t *c, apr_interval_time_t limit)
{
    apr_interval_time_t left = c->deadline ? c->deadline - ms_steady_now() : limit;

    return left < 0 ? 0 : left < limit ? left : limit;
}

void ms_forgive(ms_ctx_t *c)
{
    c->rc = MS_OK;
    c->message = NULL;
}

static apr_status_t release(void *value)
{
    json_decref(value);
    return APR_SUCCESS;
}

json_t *ms_own(apr_pool_t *pool, json_t *value)
{
    if (value) {
        apr_pool_cleanup_register(pool, value, release, apr_pool_cleanup_null);
    }
    return value;
}

json_t *ms_copy(apr_pool_t *pool, json_t *object)
{
    json_t *copy = ms_own(pool, json_copy(object));

    return json_object_size(copy) == json_object_size(object) ? copy : NULL;
}

ms_rc_t ms_put(ms_ctx_t *c, json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) ? ms_fail(c, MS_UNEXPECTED, NULL) : MS_OK;
}

ms_rc_t ms_answer(ms_ctx_t *c, const char *name, json_t *value)
{
    json_t *answer = ms_own(c->pool, json_object());

    if (json_object_set_new(answer, name, value)) { /* takes the reference in any case */
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    c->answer = answer;
    return MS_OK;
}

ms_rc_t ms_answer_list(ms_ctx_t *c, const char *name, json_t *rows, json_int_t count, json_int_t offset, json_int_t limit)
{
    c->answer = ms_own(c->pool, json_pack("{s:o, s:I, s:I, s:I}", name, rows, "count", count, "offset", offset, "limit", limit));
    return c->answer ? MS_OK : ms_fail(c, MS_UNEXPECTED, NULL);
}

void ms_answer_forget(ms_ctx_t *c)
{
    c->object = NULL;
    c->answer = NULL;
    c->text = NULL;
    c->session_change = MS_SESSION_KEEP;
    c->session_new = NULL;
}

ms_rc_t ms_answer_text(ms_ctx_t *c, const char *text)
{
    c->text = text;
    return MS_OK;
}

static const char *lower(apr_pool_t *pool, const char *name)
{
    char *text = apr_pstrdup(pool, name), *p;

    for (p = text; *p; p++) {
        *p = (char)apr_tolower(*p);
    }
    return text;
}

json_t *ms_problem_body(const ms_ctx_t *c)
{
    const ms_problem_t *problem = ms_problem_get(c->rc);
    json_t *body = json_object();
    int failed = 0;

    if (problem->code) {
        failed |= json_object_set_new(body, "code", json_string(problem->code));
    }
    failed |= json_object_set_new(body, "type", json_string(problem->type ? problem->type : lower(c->pool, problem->name)));
    failed |= json_object_set_new(body, "message", json_string(c->message ? c->message : ""));
    if (c->request_id) {
        failed |= json_object_set_new(body, "request_id", json_string(c->request_id));
    }
    if (failed) {
        json_decref(body);
        return NULL;
    }
    return body;
}
