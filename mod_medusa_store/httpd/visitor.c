/* visitor.c: finds out who asks, for guarded places: from what the request brings to the row in the database.
 *
 * Kept with the first request: rules ask several times, and parts of a page too. Called by guard.c. */
#include "httpd/visitor.h"
#include "account/customer.h"
#include "account/session.h"
#include "httpd/request.h"
#include "httpd/session.h"

#include <string.h>

static const char note[] = "medusa-store-visitors"; /* the list of them */

static int is_same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static ms_visitor_t *look_up(request_rec *first, ms_ctx_t *c)
{
    ms_visitor_t *list = (ms_visitor_t *)apr_table_get(first->notes, note), *visitor;

    for (visitor = list; visitor; visitor = visitor->next) {
        if (is_same(visitor->c->session_token, c->session_token)) {
            return visitor;
        }
    }
    visitor = apr_pcalloc(c->pool, sizeof *visitor);
    visitor->next = list;
    visitor->c = c;
    visitor->groups = apr_hash_make(c->pool);
    apr_table_setn(first->notes, note, (const char *)visitor);
    if (ms_request_is_ready(first, c, MS_LINE_GUARD_NO_SHOP)) {
        ms_session_find(c);
    }
    return visitor;
}

/* Only where a cookie can be set: part of a page has no headers. */
static void keep_alive(request_rec *r, ms_ctx_t *c, int by_own_cookie)
{
    if (r->main || c->rc != MS_OK || !c->who.row || !c->who.due) {
        return;
    }
    ms_session_extend(c);
    if (by_own_cookie && c->rc == MS_OK) {
        ms_session_renew_own(r);
    }
    else {
        ms_session_close(r, c);
    }
}

ms_visitor_t *ms_visitor_find(request_rec *r)
{
    request_rec *first = ms_request_first(r);
    ms_ctx_t *c = ms_request_ctx(first);
    int by_own_cookie = ms_session_peek(r, c);
    ms_visitor_t *visitor;

    ms_request_resume(r, c);
    visitor = look_up(first, c);
    visitor->c->deadline = c->deadline;
    keep_alive(r, visitor->c, by_own_cookie);
    ms_request_pause(r, c);
    return visitor;
}

int ms_visitor_in_group(request_rec *r, ms_visitor_t *visitor, const char *group)
{
    const char *known = apr_hash_get(visitor->groups, group, APR_HASH_KEY_STRING);
    int member = 0;

    if (!known) {
        ms_request_resume(r, visitor->c);
        ms_customer_in_group(visitor->c, &member, visitor->c->who.id, group);
        ms_request_pause(r, visitor->c);
        known = member ? "1" : "";
        apr_hash_set(visitor->groups, group, APR_HASH_KEY_STRING, known);
    }
    return *known != '\0';
}
