/* dispatch.c: the way of every request: route, caller, body and query, action.
 *
 * Knows the tables, not what they are about. Called by httpd/handler.c. */
#include "account/replay.h"
#include "account/session.h"
#include "account/throttle.h"
#include "api/api.h"
#include "core/query.h"
#include "core/validate.h"

const ms_route_t *const ms_routes[] = {
    ms_customer_routes, ms_address_routes, ms_order_routes, ms_password_routes, ms_auth_routes, ms_customer_last_routes, NULL
};

int ms_serves(ms_ctx_t *c)
{
    const ms_route_t *route = ms_route_search(c, ms_routes);

    return route && route->action;
}

const ms_rule_t *ms_body_rules(ms_ctx_t *c)
{
    const ms_route_t *route = ms_route_search(c, ms_routes);

    return route && route->body ? route->body->rules : NULL;
}

/* Signed out is answered before anything is looked up; that the customer is gone only after the body was judged. */
static ms_rc_t check_caller(ms_ctx_t *c)
{
    ms_rc_t rc;

    if (c->route->caller != MS_CUSTOMER) {
        return MS_OK;
    }
    c->personal = 1;
    rc = ms_session_identify(c);
    return rc == MS_OK && !c->who.id ? ms_fail(c, MS_UNAUTHORIZED, NULL) : rc;
}

/* A cookie is sent by the browser, whoever wrote the page; a bearer token only by who knows it. */
static ms_rc_t check_forgery(ms_ctx_t *c)
{
    int by_cookie = c->route->caller == MS_CUSTOMER ? c->who.cookie : c->route->caller == MS_VISITOR && c->session_token;

    if (!c->forgery || !by_cookie) {
        return MS_OK;
    }
    ms_log(c->log, MS_LINE_FORGERY, c->forgery);
    return ms_fail(c, MS_FORBIDDEN, "%s", c->forgery);
}

/* Body and query, each if the route has rules for it. */
static ms_rc_t check_input(ms_ctx_t *c)
{
    ms_rc_t rc = c->route->body ? ms_validate(c, c->route->body->rules) : MS_OK;

    if (rc == MS_OK && c->route->query) {
        rc = ms_query_parse(c, &c->asked, c->query);
        rc = rc == MS_OK ? ms_validate_query(c, c->route->query, c->asked) : rc;
    }
    return rc;
}

static ms_rc_t check_alive(ms_ctx_t *c)
{
    if (c->route->caller != MS_CUSTOMER || c->who.row) {
        return MS_OK;
    }
    return ms_fail(c, MS_NOT_FOUND, "Customer with id: %s was not found", c->who.id);
}

/* As other headers, it means nothing where there is no use for it. */
static ms_rc_t check_key(ms_ctx_t *c)
{
    if (!(c->route->may & MS_KEYED)) {
        c->idempotency_key = NULL;
    }
    return c->idempotency_key ? ms_replay_check(c) : MS_OK;
}

/* What a try is counted by, beside the client: the account that the body names. Who is signed in can only guess their own password; counted by
 * session, so that whoever has stolen one does not keep the owner from changing the password. */
static const char *tried(const ms_ctx_t *c)
{
    if (c->route->caller != MS_CUSTOMER) {
        return ms_body_text(c, "email");
    }
    return c->asks_password && ms_body_text(c, "old_password") ? c->who.session : NULL;
}

/* Counted before it is made; one that did not fail, say, is taken back. */
static ms_rc_t try_action(ms_ctx_t *c)
{
    ms_rc_t rc = ms_throttle_begin(c, tried(c));

    if (rc == MS_OK) {
        rc = c->route->action(c);
        ms_throttle_end(c);
    }
    return rc;
}

ms_rc_t ms_admit(ms_ctx_t *c)
{
    c->route = ms_route_search(c, ms_routes);
    return ms_throttle_look(c);
}

ms_rc_t ms_dispatch(ms_ctx_t *c)
{
    ms_rc_t rc = c->route ? MS_OK : ms_route_find(c, ms_routes);

    if (rc == MS_OK) {
        rc = check_caller(c);
    }
    if (rc == MS_OK) {
        rc = check_forgery(c);
    }
    if (rc == MS_OK && !c->route->action) {
        rc = ms_route_missing(c);
    }
    if (rc == MS_OK) {
        rc = check_input(c);
    }
    if (rc == MS_OK) {
        rc = check_alive(c);
    }
    if (rc == MS_OK) {
        rc = check_key(c);
    }
    return rc == MS_OK ? try_action(c) : rc;
}
