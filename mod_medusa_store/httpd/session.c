/* session.c: the module as a provider of mod_session, and as its user.
 *
 * As provider: one sealed cookie (cookie.c) that holds mod_session's key=value pairs, so that other modules may keep entries
 * there too. As user: the entry "medusa-session" holds the token of the session row.
 * The session object of a request is kept in its notes: mod_session makes a new one at every load of an expired or tampered
 * cookie, and what was set on one would be lost with it. Its hook registrars are looked up once all modules are loaded: in
 * whatever order that was, and so that the module can say what is missing. */
#include "httpd/session.h"
#include "httpd/cookie.h"
#include "httpd/log.h"
#include "httpd/request.h"

#include <mod_session.h>

#include <apr_dso.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <dlfcn.h>
#include <string.h>

static const char entry[] = "medusa-session";
static const char note[] = "medusa-store-session";

static APR_OPTIONAL_FN_TYPE(ap_session_load) *session_load;
static APR_OPTIONAL_FN_TYPE(ap_session_get) *session_get;
static APR_OPTIONAL_FN_TYPE(ap_session_set) *session_set;
static APR_OPTIONAL_FN_TYPE(ap_session_save) *session_save;

/* ---- as provider ---- */

/* Without a secret there is no key, and what a key of zeros seals is open. */
static int provides(request_rec *r, const ms_place_t *place)
{
    return ms_place_number(place->session_provider, place->on == 1) && ms_server_get(r->server)->account.secrets[0];
}

static const char *seal(request_rec *r, const ms_place_t *place, const char *text)
{
    return ms_cookie_seal(r->pool, &ms_server_get(r->server)->cookie_keys, ms_cookie_name(place), text);
}

/* What the cookie of a place holds, or NULL. */
static const char *cookie_text(request_rec *r, const ms_place_t *place)
{
    const char *name = ms_cookie_name(place), *value = ms_cookie_read(ms_request_first(r), name);
    const char *text = value ? ms_cookie_open(r->pool, &ms_server_get(r->server)->cookie_keys, name, value) : NULL;
    ms_sink_t log = ms_log_of_request(r);

    if (value && !text) {
        ms_log(&log, MS_LINE_SESSION_BAD);
    }
    return text;
}

/* Most sessions hold our entry alone, with nothing in it to decode: mod_session would take ten times as long for that. */
static int take_own_entry(session_rec *z, const char *text)
{
    const char *value = text + sizeof entry, *p = value;

    if (strncmp(text, entry, sizeof entry - 1) || value[-1] != '=') {
        return 0;
    }
    while (apr_isalnum(*p) || *p == '-' || *p == '_') {
        p++;
    }
    if (*p || p == value) {
        return 0;
    }
    apr_table_setn(z->entries, entry, value);
    return 1;
}

static session_rec *make_session(request_rec *r, const ms_place_t *place)
{
    session_rec *z = apr_pcalloc(r->pool, sizeof *z);
    const char *text = cookie_text(r, place);

    z->pool = r->pool;
    z->entries = apr_table_make(r->pool, 4);
    z->encoded = text && !take_own_entry(z, text) ? text : NULL;
    return z;
}

/* Ours is kept for the whole request, subrequests and redirects included, under the cookie that it comes from; that of another
 * provider, once ms_session_open() has noted it, for this very request. */
static apr_status_t provide_load(request_rec *r, session_rec **z)
{
    const ms_place_t *place = ms_place_get(r);
    request_rec *first = ms_request_first(r);
    session_rec *kept = (session_rec *)apr_table_get(r->notes, note);
    const char *key;

    if (!kept && !provides(r, place)) {
        return DECLINED;
    }
    if (!kept) {
        key = apr_pstrcat(first->pool, note, ":", ms_cookie_name(place), NULL);
        kept = (session_rec *)apr_table_get(first->notes, key);
        if (!kept) {
            kept = make_session(first, place);
            apr_table_setn(first->notes, key, (const char *)kept);
        }
    }
    *z = kept;
    return OK;
}

/* mod_session's own encoder has put the entries into z->encoded. A session without entries is no session: no cookie. */
static apr_status_t provide_encode(request_rec *r, session_rec *z)
{
    const ms_place_t *place = ms_place_get(r);
    int n = apr_table_elts(z->entries)->nelts - (apr_table_get(z->entries, "expiry") != NULL);

    if (!provides(r, place) || !z->encoded) {
        return DECLINED;
    }
    z->encoded = n > 0 ? seal(r, place, z->encoded) : "";
    return OK;
}

static apr_status_t provide_save(request_rec *r, session_rec *z)
{
    const ms_place_t *place = ms_place_get(r);
    long life = z->maxage ? z->maxage : (long)apr_time_sec(ms_server_get(r->server)->account.session_life);

    if (!provides(r, place)) {
        return DECLINED;
    }
    if (z->encoded && *z->encoded) {
        if (strlen(z->encoded) > MS_COOKIE_MAX) {
            return APR_ENOSPC;
        }
        ms_cookie_write(r, place, z->encoded, life);
    }
    else if (ms_cookie_read(ms_request_first(r), ms_cookie_name(place))) {
        ms_cookie_write(r, place, "", 0);
    }
    return OK;
}

/* mod_session drops an expired session for a new object that nobody else sees; emptied in place it can be used again. And what
 * another provider has found first is kept: it may not find it twice (SessionCookieRemove). */
static apr_status_t after_decode(request_rec *r, session_rec *z)
{
    const ms_place_t *place = ms_place_get(r);

    if (place->on == 1 && z->expiry && z->expiry < apr_time_now()) {
        apr_table_clear(z->entries);
        z->expiry = 0;
    }
    if (place->on == 1 && !provides(r, place)) {
        apr_table_setn(r->notes, note, (const char *)z);
    }
    return OK;
}

/* What mod_session.so calls its registrar of a hook; linked into httpd itself, it is there for all. */
static void *registrar(const char *name)
{
    module *session = ap_find_linked_module("mod_session.c");
    apr_dso_handle_sym_t symbol = NULL;

    if (!session) {
        return NULL;
    }
    if (!session->dynamic_load_handle) {
        return dlsym(RTLD_DEFAULT, name);
    }
    return apr_dso_sym(&symbol, session->dynamic_load_handle, name) ? NULL : symbol;
}

#define REGISTER(name, function, after, order) do { \
        void (*hook)(ap_HOOK_session_##name##_t *, const char *const *, const char *const *, int); \
        *(void **)&hook = registrar("ap_hook_session_" #name); \
        if (!hook) { \
            return 0; \
        } \
        hook(function, after, NULL, order); \
    } while (0)

static int register_all(void)
{
    static const char *const after[] = { "mod_session.c", NULL };

    REGISTER(load, provide_load, NULL, APR_HOOK_REALLY_FIRST);
    REGISTER(save, provide_save, NULL, APR_HOOK_FIRST);
    REGISTER(encode, provide_encode, after, APR_HOOK_LAST);
    REGISTER(decode, after_decode, after, APR_HOOK_REALLY_LAST);
    return 1;
}

int ms_session_hooks(void)
{
    const char *previous = apr_hook_debug_current;
    int registered;

    apr_hook_debug_current = "mod_medusa_store.c"; /* whose hooks they are; around register_hooks() httpd says it */
    registered = register_all();
    apr_hook_debug_current = previous;
    return registered;
}

/* ---- as user ---- */

int ms_session_functions(void)
{
    session_load = APR_RETRIEVE_OPTIONAL_FN(ap_session_load);
    session_get = APR_RETRIEVE_OPTIONAL_FN(ap_session_get);
    session_set = APR_RETRIEVE_OPTIONAL_FN(ap_session_set);
    session_save = APR_RETRIEVE_OPTIONAL_FN(ap_session_save);
    return session_load && session_get && session_set && session_save;
}

static session_rec *session_of(request_rec *r)
{
    session_rec *z = NULL;

    return session_load && !session_load(r, &z) ? z : NULL;
}

int ms_session_open(request_rec *r, ms_ctx_t *c)
{
    session_rec *z = session_of(r);

    if (!z) {
        ms_log_rarely(c->log, MS_LINE_SESSION_OFF);
        ms_fail(c, MS_MISCONFIGURED, NULL);
        return 0;
    }
    if (!provides(r, ms_place_get(r))) {
        apr_table_setn(r->notes, note, (const char *)z);
    }
    session_get(r, z, entry, &c->session_token);
    return 1;
}

void ms_session_close(request_rec *r, ms_ctx_t *c)
{
    session_rec *z;

    if (c->rc != MS_OK || c->session_change == MS_SESSION_KEEP) {
        return;
    }
    z = session_of(r);
    if (z && c->session_change != MS_SESSION_EXTEND) {
        session_set(r, z, entry, c->session_change == MS_SESSION_START ? c->session_new : NULL);
    }
    if (z) {
        z->dirty = 1;
    }
    if (!z || session_save(r, z)) {
        ms_log(c->log, MS_LINE_SESSION_SAVE);
        ms_fail(c, MS_BUSY, NULL);
        return;
    }
    z->encoded = NULL; /* sealed now: a later load must not read it as entries */
}

/* ---- as a guest: in places that are no API ---- */

/* What our own cookie holds, without asking mod_session. */
static const char *own_text(request_rec *r, const ms_place_t *place)
{
    const char *text = ms_server_get(r->server)->account.secrets[0] ? cookie_text(r, place) : NULL;
    const char *expiry = ms_cookie_entry(r->pool, text, "expiry"); /* where SessionMaxAge is set */

    return expiry && apr_atoi64(expiry) < apr_time_now() ? NULL : text;
}

int ms_session_peek(request_rec *r, ms_ctx_t *c)
{
    const ms_place_t *place = ms_place_get(r);
    session_rec *z = session_of(r);
    const char *token = NULL;

    if (z) {
        session_get(r, z, entry, &token);
        c->session_token = token ? apr_pstrdup(c->pool, token) : NULL;
    }
    if (!c->session_token && !(z && provides(r, place))) {
        c->session_token = ms_cookie_entry(c->pool, own_text(r, place), entry);
        return c->session_token != NULL;
    }
    return 0;
}

/* One that ends by SessionMaxAge is left to places that know that directive. */
void ms_session_renew_own(request_rec *r)
{
    const ms_place_t *place = ms_place_get(r);
    const char *text = own_text(r, place);

    if (text && !ms_cookie_entry(r->pool, text, "expiry")) {
        ms_cookie_write(r, place, seal(r, place, text), (long)apr_time_sec(ms_server_get(r->server)->account.session_life));
    }
}
