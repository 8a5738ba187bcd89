/* guard.c: other places of the server that only customers, or those of some group, may see.
 *
 * mod_authz_core asks the two providers, as often as its rules need it. Knows httpd's order of checks: access without a user,
 * authentication, access with one, fixups. Who asks, visitor.c finds out; what those get who are not let in, refusal.c knows. */
#include "httpd/guard.h"
#include "core/text.h"
#include "httpd/config.h"
#include "httpd/identity.h"
#include "httpd/privacy.h"
#include "httpd/refusal.h"
#include "httpd/visitor.h"

#include <ap_provider.h>
#include <http_core.h>
#include <http_request.h>
#include <mod_auth.h>

#include <apr_strings.h>
#include <string.h>

enum { GROUP_MAX = 255 }; /* characters of a name, as the table has it */

static const char note[] = "medusa-store-guard";

/* What a request, subrequest or internal redirect has to do with it. */
typedef struct {
    ms_visitor_t *visitor; /* NULL: no rule has asked */
    int inside;            /* 1: the checks run that ours are around of */
    int told;              /* 1: it was let in, and told who asks */
} guard_t;

/* In the notes, which go with a request where httpd puts another in its place (mod_dir). */
static const guard_t *guard_get(const request_rec *r)
{
    static const guard_t none;
    const guard_t *guard = (const guard_t *)apr_table_get(r->notes, note);

    return guard ? guard : &none;
}

static guard_t *guard_make(request_rec *r)
{
    guard_t *guard = (guard_t *)apr_table_get(r->notes, note);

    if (!guard) {
        guard = apr_pcalloc(r->pool, sizeof *guard);
        apr_table_setn(r->notes, note, (const char *)guard);
    }
    return guard;
}

/* Asked once a request, however many rules there are. */
static ms_visitor_t *who_asks(request_rec *r)
{
    guard_t *guard = guard_make(r);

    if (!guard->visitor) {
        guard->visitor = ms_visitor_find(r);
        ms_privacy_note(r);
    }
    return guard->visitor;
}

/* ---- the providers ---- */

/* What can't be told is an error and no "no": a rule may turn that round. */
static authz_status judge(const ms_visitor_t *visitor)
{
    return visitor->c->rc != MS_OK ? AUTHZ_GENERAL_ERROR : visitor->c->who.row ? AUTHZ_GRANTED : AUTHZ_DENIED_NO_USER;
}

static authz_status check_customer(request_rec *r, const char *line, const void *parsed)
{
    return judge(who_asks(r));
}

static authz_status check_group(request_rec *r, const char *line, const void *parsed)
{
    const apr_array_header_t *groups = parsed;
    ms_visitor_t *visitor = who_asks(r);
    authz_status status = judge(visitor);
    int i, member = 0;

    for (i = 0; status == AUTHZ_GRANTED && !member && i < groups->nelts; i++) {
        member = ms_visitor_in_group(r, visitor, APR_ARRAY_IDX(groups, i, const char *));
        status = judge(visitor);
    }
    return status == AUTHZ_GRANTED && !member ? AUTHZ_DENIED : status;
}

/* httpd makes a module's settings of a section or virtual host when it reads a directive of that module; Require is none of ours. */
static ms_place_t *place_of(cmd_parms *cmd)
{
    if (!ap_get_module_config(cmd->context, &medusa_store_module)) {
        ap_set_module_config(cmd->context, &medusa_store_module, ms_place_make(cmd->pool, cmd->path));
    }
    return ap_get_module_config(cmd->context, &medusa_store_module);
}

static ms_server_t *server_of(cmd_parms *cmd)
{
    if (!ms_server_get(cmd->server)) {
        ap_set_module_config(cmd->server->module_config, &medusa_store_module, ms_server_make(cmd->pool, cmd->server));
    }
    return ms_server_get(cmd->server);
}

/* For the section, that ours are asked there; and for the server, that it has to be a shop. (An .htaccess is read while the server runs:
 * nothing shared may change then. And an <AuthzProviderAlias> may be meant for virtual hosts.) */
static void note_use(cmd_parms *cmd)
{
    place_of(cmd)->guarded = 1;
    if (!ap_check_cmd_context(cmd, NOT_IN_HTACCESS) && *cmd->directive->directive != '<') {
        server_of(cmd)->guards_at = ms_directive_line(cmd);
    }
}

static const char *parse_customer(cmd_parms *cmd, const char *line, const void **parsed)
{
    note_use(cmd);
    return *line ? apr_psprintf(cmd->pool, "Require medusa-customer takes no \"%s\"; groups are a matter of Require medusa-group", line) : NULL;
}

static int is_group_name(const char *name, size_t length)
{
    return length && ms_utf8_valid(name, length) && ms_utf8_length(name, length) <= GROUP_MAX;
}

static const char *parse_group(cmd_parms *cmd, const char *line, const void **parsed)
{
    apr_array_header_t *groups = apr_array_make(cmd->pool, 2, sizeof(const char *));
    const char *name;

    note_use(cmd);
    while (*line) {
        name = ap_getword_conf(cmd->pool, &line);
        if (!is_group_name(name, strlen(name))) {
            return apr_psprintf(cmd->pool, "Require medusa-group: \"%s\" is no name of a group: 1 to %d characters, in UTF-8", name, GROUP_MAX);
        }
        APR_ARRAY_PUSH(groups, const char *) = name;
    }
    *parsed = groups;
    return groups->nelts ? NULL : "Require medusa-group takes one name or several, with quotes around one that has blanks";
}

static const authz_provider customer_provider = { check_customer, parse_customer };
static const authz_provider group_provider = { check_group, parse_group };

void ms_guard_register(apr_pool_t *pool)
{
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "medusa-customer", AUTHZ_PROVIDER_VERSION, &customer_provider, AP_AUTH_INTERNAL_PER_CONF);
    ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "medusa-group", AUTHZ_PROVIDER_VERSION, &group_provider, AP_AUTH_INTERNAL_PER_CONF);
    ms_privacy_register();
    ms_refusal_register();
}

/* ---- the checks ---- */

/* A provider can say that something is wrong, not what: mod_authz_core makes 500 of it. And somebody that another module has found
 * may still be asked to sign in here. (What the checks decline, httpd lets them decline once more.) */
static int around(request_rec *r, int (*checks)(request_rec *))
{
    guard_t *guard;
    int status;

    if (!ms_place_get(r)->guarded || (guard = guard_make(r))->inside) {
        return DECLINED;
    }
    guard->inside = 1;
    status = checks(r);
    guard->inside = 0;
    if (!guard->visitor) {
        return status;
    }
    if (status == HTTP_INTERNAL_SERVER_ERROR && guard->visitor->c->rc != MS_OK) {
        return ms_refusal_failure(r, guard->visitor->c);
    }
    return status == HTTP_UNAUTHORIZED && !guard->visitor->c->who.row ? ms_refusal_sign_in(r, guard->visitor->c) : status;
}

int ms_guard_access(request_rec *r)
{
    return around(r, ap_run_access_checker_ex);
}

int ms_guard_authorize(request_rec *r)
{
    return around(r, ap_run_auth_checker);
}

int ms_guard_authenticate(request_rec *r)
{
    const char *type = ap_auth_type(r);
    ms_ctx_t *c;

    if (type ? strcasecmp(type, MS_AUTH_TYPE) : !guard_get(r)->visitor) {
        return DECLINED;
    }
    c = who_asks(r)->c;
    if (c->rc != MS_OK) {
        return ms_refusal_failure(r, c);
    }
    if (!c->who.row) {
        return ms_refusal_sign_in(r, c);
    }
    r->user = (char *)c->who.id;
    r->ap_auth_type = (char *)MS_AUTH_TYPE;
    return OK;
}

/* Who was let in here, or before an internal redirect to here (whose checks are skipped where the configuration is the same). */
static const ms_ctx_t *let_in(request_rec *r)
{
    const guard_t *guard = guard_get(r);

    while (!guard->visitor && (r = r->prev)) {
        guard = guard_get(r);
        if (!guard->told) {
            return NULL;
        }
    }
    return guard->visitor && guard->visitor->c->who.row ? guard->visitor->c : NULL;
}

int ms_guard_tell(request_rec *r)
{
    const ms_ctx_t *c = let_in(r);

    if (c) {
        guard_make(r)->told = 1;
        ms_identity_tell(r, c->who.id);
    }
    return DECLINED;
}
