/* session.c: the module as a provider of mod_session, and as its user.
 *
 * As provider: one cookie, sealed with XChaCha20-Poly1305, that holds mod_session's key=value pairs, so that other modules
 * may keep entries there too. As user: the entry "medusa-session" holds the token of the session row.
 * The session object of a request is kept in its notes: mod_session makes a new one at every load of an expired or tampered
 * cookie, and what was set on one would be lost with it. Its hook registrars are looked up once all modules are loaded: in
 * whatever order that was, and so that the module can say what is missing. */
#include "httpd/session.h"
#include "httpd/log.h"

#include <http_protocol.h>
#include <mod_session.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <dlfcn.h>
#include <sodium.h>
#include <string.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    SEAL = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    COOKIE_MAX = 4096, /* what browsers keep */
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING
};

static const char entry[] = "medusa-session";
static const char note[] = "medusa-store-session";

static APR_OPTIONAL_FN_TYPE(ap_session_load) *session_load;
static APR_OPTIONAL_FN_TYPE(ap_session_get) *session_get;
static APR_OPTIONAL_FN_TYPE(ap_session_set) *session_set;
static APR_OPTIONAL_FN_TYPE(ap_session_save) *session_save;

/* ---- keys and seals ---- */

void ms_session_keys(ms_server_t *server)
{
    static const char purpose[] = "medusa-store session cookie";
    int i;

    for (i = 0; i < 2 && server->account.secrets[i]; i++) {
        const char *secret = server->account.secrets[i];
        crypto_auth_hmacsha256_state state;

        crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret, strlen(secret));
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, strlen(purpose));
        crypto_auth_hmacsha256_final(&state, server->seal_keys[i]);
    }
}

/* The cookie's name is part of what is sealed: a value is good under its own name only. */
static const char *seal(request_rec *r, const char *name, const char *text)
{
    const ms_server_t *server = ms_server_get(r->server);
    size_t length = strlen(text), size;
    unsigned char *box = apr_palloc(r->pool, NONCE + length + SEAL);
    unsigned long long sealed;

    randombytes_buf(box, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, &sealed, (const unsigned char *)text, length,
        (const unsigned char *)name, strlen(name), NULL, box, server->seal_keys[0]);
    size = sodium_base64_encoded_len(NONCE + sealed, BASE64);
    return sodium_bin2base64(apr_palloc(r->pool, size), size, box, NONCE + sealed, BASE64);
}

static const char *unseal(request_rec *r, const char *name, const char *value)
{
    const ms_server_t *server = ms_server_get(r->server);
    size_t length = strlen(value), size;
    unsigned char *box = apr_palloc(r->pool, length + 1);
    char *text = apr_palloc(r->pool, length + 1);
    unsigned long long opened;
    int i;

    if (length > COOKIE_MAX || sodium_base642bin(box, length, value, length, NULL, &size, NULL, BASE64) || size < NONCE + SEAL) {
        return NULL;
    }
    for (i = 0; i < 2 && server->account.secrets[i]; i++) {
        if (!crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)text, &opened, NULL, box + NONCE, size - NONCE,
                (const unsigned char *)name, strlen(name), box, server->seal_keys[i])) {
            text[opened] = '\0';
            return text;
        }
    }
    return NULL;
}

/* ---- the cookie ---- */

static const char *cookie_name(const ms_place_t *place)
{
    return place->cookie ? place->cookie : "connect.sid";
}

/* Value of a request's cookie, or NULL; the first of equal names, as the most specific is sent first (RFC 6265, 5.4).
 * Not ap_cookie_read: that writes cookies into the debug log. */
static const char *cookie_read(request_rec *r, const char *name)
{
    const char *s = apr_table_get(r->headers_in, "Cookie");
    size_t n = strlen(name);

    while (s && *s) {
        s += strspn(s, "; \t");
        if (!strncmp(s, name, n) && s[n] == '=') {
            return apr_pstrmemdup(r->pool, s + n + 1, strcspn(s + n + 1, "; \t"));
        }
        s += strcspn(s, ";");
    }
    return NULL;
}

static int forwarded_https(request_rec *r, const ms_place_t *place)
{
    const char *proto = apr_table_get(r->headers_in, "X-Forwarded-Proto");

    return place->trust_forwarded_proto == 1 && proto && !strncasecmp(proto, "https", 5)
        && (!proto[5] || proto[5] == ',' || apr_isspace(proto[5]));
}

static int is_secure(request_rec *r, const ms_place_t *place)
{
    switch (ms_place_number(place->cookie_secure, MS_SECURE_AUTO)) {
    case MS_SECURE_ON:  return 1;
    case MS_SECURE_OFF: return 0;
    default:            return !strcmp(ap_http_scheme(r), "https") || forwarded_https(r, place);
    }
}

/* Not ap_cookie_write, for the same reason. err_headers_out: also errors may carry it. */
static void cookie_write(request_rec *r, const ms_place_t *place, const char *value, long max_age)
{
    const char *same_site = place->cookie_same_site ? place->cookie_same_site : "Lax";

    apr_table_addn(r->err_headers_out, "Set-Cookie",
        apr_psprintf(r->pool, "%s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=%s%s", cookie_name(place), value, max_age,
                     same_site, is_secure(r, place) ? "; Secure" : ""));
}

/* ---- as provider ---- */

static request_rec *first_request(request_rec *r)
{
    while (r->prev || r->main) {
        r = r->prev ? r->prev : r->main;
    }
    return r;
}

/* Without a secret there is no key, and what a key of zeros seals is open. */
static int provides(request_rec *r, const ms_place_t *place)
{
    return ms_place_number(place->session_provider, place->on == 1) && ms_server_get(r->server)->account.secrets[0];
}

static session_rec *make_session(request_rec *r, const ms_place_t *place)
{
    const char *value = cookie_read(r, cookie_name(place));
    session_rec *z = apr_pcalloc(r->pool, sizeof *z);
    ms_sink_t log = ms_log_of_request(r);

    z->pool = r->pool;
    z->entries = apr_table_make(r->pool, 4);
    if (value && !(z->encoded = unseal(r, cookie_name(place), value))) {
        ms_log(&log, MS_LINE_SESSION_BAD);
    }
    return z;
}

/* Ours is kept for the whole request, subrequests and redirects included, under the cookie that it comes from; that of another
 * provider, once ms_session_open() has noted it, for this very request. */
static apr_status_t provide_load(request_rec *r, session_rec **z)
{
    const ms_place_t *place = ms_place_get(r);
    request_rec *first = first_request(r);
    session_rec *kept = (session_rec *)apr_table_get(r->notes, note);
    const char *key;

    if (!kept && !provides(r, place)) {
        return DECLINED;
    }
    if (!kept) {
        key = apr_pstrcat(first->pool, note, ":", cookie_name(place), NULL);
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
    z->encoded = n > 0 ? seal(r, cookie_name(place), z->encoded) : "";
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
        if (strlen(z->encoded) > COOKIE_MAX) {
            return APR_ENOSPC;
        }
        cookie_write(r, place, z->encoded, life);
    }
    else if (cookie_read(first_request(r), cookie_name(place))) {
        cookie_write(r, place, "", 0);
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

int ms_session_hooks(void)
{
    static const char *const after[] = { "mod_session.c", NULL };
    const char *previous = apr_hook_debug_current;

    apr_hook_debug_current = "mod_medusa_store.c"; /* whose hooks they are; around register_hooks() httpd says it */
    REGISTER(load, provide_load, NULL, APR_HOOK_REALLY_FIRST);
    REGISTER(save, provide_save, NULL, APR_HOOK_FIRST);
    REGISTER(encode, provide_encode, after, APR_HOOK_LAST);
    REGISTER(decode, after_decode, after, APR_HOOK_REALLY_LAST);
    apr_hook_debug_current = previous;
    return 1;
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
