/* directives.c: the table of directives, and what judges their values.
 *
 * A wrong value is an error here, with its directive, at `apachectl -t`; what depends on several directives is judged in
 * check.c. The names stand in conf/medusa_store.conf and README too; a test holds the three together. */
#include "account/password.h"
#include "core/setting.h"
#include "httpd/config.h"
#include "httpd/limits.h"
#include "httpd/policy.h"
#include "httpd/secret.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>
#include <stddef.h>
#include <string.h>

/* ---- servers: numbers and durations by table ---- */

typedef struct {
    size_t offset; /* in ms_server_t */
    apr_int64_t min, max;
} slot_t;

#define SLOT(field, min, max) { offsetof(ms_server_t, field), min, max }
#define MS(n) apr_time_from_msec(n)

static const slot_t db_max = SLOT(db.max, 1, 10000);
static const slot_t db_keep = SLOT(db.keep, 1, 10000);
static const slot_t hash_slots = SLOT(gate.slots, 1, 1000);
static const slot_t hash_queue = SLOT(gate.queue, 1, 30000);
static const slot_t db_exptime = SLOT(db.exptime, MS(1000), MS(86400000));
static const slot_t db_wait = SLOT(db.wait, MS(10), MS(60000));
static const slot_t db_timeout = SLOT(db.timeout, MS(100), MS(300000));
static const slot_t deadline = SLOT(deadline, MS(500), MS(300000));
static const slot_t hash_wait = SLOT(gate.wait, MS(10), MS(60000));
static const slot_t session_life = SLOT(account.session_life, MS(1000), MS(1000) * 86400 * 400);
static const slot_t session_max = SLOT(account.session_max, MS(1000), MS(1000) * 86400 * 3650);
static const slot_t password_length = SLOT(account.password_length, 1, 128);
static const slot_t confirm = SLOT(account.confirm, 0, 1);
static const slot_t token_life = SLOT(account.token_life, MS(1000), MS(1000) * 86400 * 400);
static const slot_t key_life = SLOT(account.key_life, MS(1000), MS(1000) * 86400 * 30);

static const char *complain(cmd_parms *cmd, const char *text)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", text, NULL);
}

static void *slot_of(cmd_parms *cmd)
{
    return (char *)ms_server_get(cmd->server) + ((const slot_t *)cmd->info)->offset;
}

static const char *set_number(cmd_parms *cmd, void *dir, const char *arg)
{
    const slot_t *slot = cmd->info;
    apr_int64_t value;

    if (!ms_setting_number(&value, arg) || value < slot->min || value > slot->max) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is no number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT,
                                          arg, slot->min, slot->max));
    }
    *(int *)slot_of(cmd) = (int)value;
    return NULL;
}

static const char *set_switch(cmd_parms *cmd, void *dir, int on)
{
    *(int *)slot_of(cmd) = on;
    return NULL;
}

/* Judged here where both stand in one place, so that the line is told; else in check.c. */
static const char *set_connections(cmd_parms *cmd, void *dir, const char *arg)
{
    const ms_db_conf_t *db = &ms_server_get(cmd->server)->db;
    const char *error = set_number(cmd, dir, arg);

    if (!error && db->max != MS_UNSET && db->keep > db->max) {
        error = complain(cmd, apr_psprintf(cmd->pool, "MedusaStoreDBKeep %d is more than MedusaStoreDBMax %d", db->keep, db->max));
    }
    return error;
}

static const char *set_duration(cmd_parms *cmd, void *dir, const char *arg)
{
    const slot_t *slot = cmd->info;
    apr_interval_time_t value;

    if (!ms_setting_duration(&value, arg) || value < slot->min || value > slot->max) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is no duration from %" APR_TIME_T_FMT " ms to %" APR_TIME_T_FMT
                                          " s; write 500ms, 3s, 10mi or 10h", arg, apr_time_as_msec(slot->min), apr_time_sec(slot->max)));
    }
    *(apr_interval_time_t *)slot_of(cmd) = value;
    return NULL;
}

static const char *set_duration_or_off(cmd_parms *cmd, void *dir, const char *arg)
{
    if (strcasecmp(arg, "Off")) {
        return set_duration(cmd, dir, arg);
    }
    *(apr_interval_time_t *)slot_of(cmd) = 0;
    return NULL;
}

/* The hashing slots are the server's, not a virtual host's. */
static const char *main_only(cmd_parms *cmd)
{
    return cmd->server->is_virtual ? complain(cmd, "it belongs in the main server, outside of <VirtualHost>") : NULL;
}

static const char *set_gate_number(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *error = main_only(cmd);

    return error ? error : set_number(cmd, dir, arg);
}

static const char *set_gate_duration(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *error = main_only(cmd);

    return error ? error : set_duration(cmd, dir, arg);
}

/* ---- servers: the rest ---- */

static const char *set_db_params(cmd_parms *cmd, void *dir, const char *arg)
{
    const char *error = NULL, *params = arg;

    if (!strncmp(arg, "file:", 5)) {
        error = ms_secret_read(cmd->pool, cmd->temp_pool, &params, arg);
    }
    if (!error) {
        error = ms_db_params_check(cmd->pool, params);
    }
    ms_server_get(cmd->server)->db.params = params;
    return error ? complain(cmd, error) : NULL;
}

static const char *set_secret(cmd_parms *cmd, void *dir, const char *current, const char *older)
{
    ms_server_t *server = ms_server_get(cmd->server);
    const char *sources[] = { current, older }, *error;
    int i;

    for (i = 0; i < 2 && sources[i]; i++) {
        error = ms_secret_read(cmd->pool, cmd->temp_pool, &server->account.secrets[i], sources[i]);
        if (!error && strlen(server->account.secrets[i]) < MS_SECRET_MIN) {
            error = apr_psprintf(cmd->pool, "the secret of %s is shorter than %d characters; make one with: openssl rand -hex 32",
                                 sources[i], MS_SECRET_MIN);
        }
        if (error) {
            return complain(cmd, error);
        }
    }
    return NULL;
}

static const char *set_password_cost(cmd_parms *cmd, void *dir, const char *memory, const char *passes)
{
    ms_account_t *account = &ms_server_get(cmd->server)->account;
    apr_int64_t kib, t;

    if (!ms_setting_number(&kib, memory) || kib < MS_HASH_MEMORY_MIN || kib > MS_HASH_MEMORY_MAX) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is no memory from %d to %d KiB; 19456 is recommended", memory, MS_HASH_MEMORY_MIN,
                                          MS_HASH_MEMORY_MAX));
    }
    if (!ms_setting_number(&t, passes) || t < 1 || t > MS_HASH_PASSES_MAX) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is no number of passes from 1 to %d; 2 is recommended", passes, MS_HASH_PASSES_MAX));
    }
    if (kib * t > MS_HASH_WORK_MAX) {
        return complain(cmd, apr_psprintf(cmd->pool, "%s KiB times %s passes is more than %d: a hash would take a quarter of a minute", memory,
                                          passes, MS_HASH_WORK_MAX));
    }
    account->password_memory = (size_t)kib << 10;
    account->password_passes = (unsigned long long)t;
    return NULL;
}

/* ---- places ---- */

/* Where `On` stands without being able to tell its own mount point; judged when all is read. */
typedef struct {
    const ms_place_t *place;
    const char *at;
} pending_t;

static apr_array_header_t *pending;

void ms_directives_reset(apr_pool_t *pool)
{
    pending = apr_array_make(pool, 4, sizeof(pending_t));
}

const char *ms_pattern_without_base(void)
{
    int i;

    for (i = 0; pending && i < pending->nelts; i++) {
        const pending_t *p = &APR_ARRAY_IDX(pending, i, pending_t);

        if (!p->place->base) {
            return p->at;
        }
    }
    return NULL;
}

const char *ms_directive_line(cmd_parms *cmd)
{
    return apr_psprintf(cmd->pool, "%s:%d", cmd->directive->filename, cmd->directive->line_num);
}

static int in_htaccess(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_HTACCESS) != NULL;
}

static ms_section_t section_of(cmd_parms *cmd)
{
    const ap_directive_t *parent = cmd->directive->parent;
    const char *name = parent ? parent->directive : "";

    if (!cmd->path) {
        return MS_IN_SERVER;
    }
    if (in_htaccess(cmd)) {
        return *name == '<' ? MS_IN_PATTERN : MS_IN_DIRECTORY;
    }
    if (parent && parent->args[strspn(parent->args, " \t")] == '~') { /* <Location ~ "…"> */
        return MS_IN_PATTERN;
    }
    if (!strcasecmp(name, "<Location") && !apr_fnmatch_test(cmd->path)) {
        return MS_IN_LOCATION;
    }
    if (!strcasecmp(name, "<Directory") && !apr_fnmatch_test(cmd->path)) {
        return MS_IN_DIRECTORY;
    }
    return MS_IN_PATTERN;
}

static const char *without_slash(apr_pool_t *pool, const char *path)
{
    size_t n = path ? strlen(path) : 0;

    while (n && path[n - 1] == '/') {
        n--;
    }
    return apr_pstrmemdup(pool, path ? path : "", n);
}

static const char *set_on(cmd_parms *cmd, void *dir, int on)
{
    ms_server_t *server = ms_server_get(cmd->server);
    ms_place_t *place = dir;

    place->on = on;
    place->section = on ? section_of(cmd) : MS_IN_NOWHERE;
    place->path = without_slash(cmd->pool, cmd->path);
    place->at = ms_directive_line(cmd);
    if (on && !in_htaccess(cmd)) { /* an .htaccess is read while the server runs: nothing shared may change then */
        server->used = 1;
        server->used_at = place->at;
        if (place->section == MS_IN_PATTERN) {
            *(pending_t *)apr_array_push(pending) = (pending_t){ place, place->at };
        }
    }
    return NULL;
}

/* Sessions can be kept for other places too; their cookies need a secret all the same. */
static const char *set_provider(cmd_parms *cmd, void *dir, int on)
{
    ((ms_place_t *)dir)->session_provider = on;
    if (on && !in_htaccess(cmd)) {
        ms_server_get(cmd->server)->seals_at = ms_directive_line(cmd);
    }
    return NULL;
}

static const char *set_base(cmd_parms *cmd, void *dir, const char *arg)
{
    if (!ms_setting_base(arg)) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is no path as httpd sees it: it begins with / and has no // or /.", arg));
    }
    ((ms_place_t *)dir)->base = without_slash(cmd->pool, arg);
    return NULL;
}

static const char *add_origin(cmd_parms *cmd, void *dir, const char *arg)
{
    ms_place_t *place = dir;
    size_t n = strlen(arg);
    ms_origin_t origin = { arg, NULL };

    if (!place->origins) {
        place->origins = apr_array_make(cmd->pool, 4, sizeof(ms_origin_t));
    }
    if (!strcasecmp(arg, "None")) {
        apr_array_clear(place->origins);
        return NULL;
    }
    if (n > 2 && *arg == '/' && arg[n - 1] == '/') {
        origin.regex = ap_pregcomp(cmd->pool, apr_pstrmemdup(cmd->pool, arg + 1, n - 2), AP_REG_EXTENDED);
    }
    if (!origin.regex && !ms_setting_origin(arg)) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is no origin; write https://shop.example, /regular expression/, or None", arg));
    }
    APR_ARRAY_PUSH(place->origins, ms_origin_t) = origin;
    return NULL;
}

static const char *set_credentials(cmd_parms *cmd, void *dir, const char *arg)
{
    int always = !strcasecmp(arg, "Always");

    if (!always && strcasecmp(arg, "Allowed")) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is neither Allowed nor Always", arg));
    }
    ((ms_place_t *)dir)->credentials_always = always;
    return NULL;
}

static const char *set_unserved(cmd_parms *cmd, void *dir, const char *arg)
{
    int pass = !strcasecmp(arg, "Pass");

    if (!pass && strcasecmp(arg, "Refuse")) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is neither Refuse nor Pass", arg));
    }
    ((ms_place_t *)dir)->pass_unserved = pass;
    return NULL;
}

static const char *set_body_limit(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t value;

    if (!ms_setting_number(&value, arg) || value < 1024 || value > 16777216) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is no number of bytes from 1024 to 16777216", arg));
    }
    ((ms_place_t *)dir)->body_limit = (int)value;
    return NULL;
}

/* Browsers drop such a cookie without a word. */
static const char *judge_cookie(cmd_parms *cmd, const ms_place_t *place)
{
    if (place->cookie_secure != MS_SECURE_OFF) {
        return NULL;
    }
    if (place->cookie_same_site && !strcmp(place->cookie_same_site, "None")) {
        return complain(cmd, "MedusaStoreCookieSameSite None needs a Secure cookie: browsers drop it with MedusaStoreCookieSecure Off");
    }
    if (place->cookie && (!strncmp(place->cookie, "__Host-", 7) || !strncmp(place->cookie, "__Secure-", 9))) {
        return complain(cmd, apr_psprintf(cmd->pool, "browsers drop %s with MedusaStoreCookieSecure Off", place->cookie));
    }
    return NULL;
}

static const char *set_cookie(cmd_parms *cmd, void *dir, const char *arg)
{
    if (!ms_setting_cookie(arg)) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is no cookie name (RFC 6265: letters, digits, . - _)", arg));
    }
    ((ms_place_t *)dir)->cookie = arg;
    return judge_cookie(cmd, dir);
}

/* Place of a word among three, in any case; -1: it is none of them. */
static int choose(const char *const words[3], const char *arg)
{
    int i;

    for (i = 0; i < 3; i++) {
        if (!strcasecmp(arg, words[i])) {
            return i;
        }
    }
    return -1;
}

static const char *none_of(cmd_parms *cmd, const char *const words[3], const char *arg)
{
    return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is neither %s, %s nor %s", arg, words[0], words[1], words[2]));
}

static const char *set_cookie_secure(cmd_parms *cmd, void *dir, const char *arg)
{
    static const char *const words[3] = { [MS_SECURE_AUTO] = "Auto", [MS_SECURE_ON] = "On", [MS_SECURE_OFF] = "Off" };
    int chosen = choose(words, arg);

    ((ms_place_t *)dir)->cookie_secure = chosen;
    return chosen < 0 ? none_of(cmd, words, arg) : judge_cookie(cmd, dir);
}

static const char *set_same_site(cmd_parms *cmd, void *dir, const char *arg)
{
    static const char *const words[3] = { "Lax", "Strict", "None" };
    int chosen = choose(words, arg);

    if (chosen < 0) {
        return none_of(cmd, words, arg);
    }
    ((ms_place_t *)dir)->cookie_same_site = words[chosen];
    return judge_cookie(cmd, dir);
}

static const char *set_csrf(cmd_parms *cmd, void *dir, const char *arg)
{
    static const char *const words[3] = { [MS_CSRF_STRICT] = "Strict", [MS_CSRF_ORIGIN] = "Origin", [MS_CSRF_OFF] = "Off" };
    int chosen = choose(words, arg);

    ((ms_place_t *)dir)->csrf = chosen;
    return chosen < 0 ? none_of(cmd, words, arg) : NULL;
}

static const char *set_sign_in_page(cmd_parms *cmd, void *dir, const char *arg)
{
    int none = !strcasecmp(arg, "None");

    if (!none && !ms_setting_address(arg)) {
        return complain(cmd, apr_psprintf(cmd->pool, "\"%s\" is no address of a page; write /login?back=%%u, https://shop.example/login, or None", arg));
    }
    ((ms_place_t *)dir)->sign_in_page = none ? "" : arg;
    return NULL;
}

#define FLAG(field) (void *)offsetof(ms_place_t, field)
#define HERE (RSRC_CONF | OR_AUTHCFG)

const command_rec ms_directives[] = {
    /* the shop: main server and virtual hosts */
    AP_INIT_TAKE1("MedusaStoreDeadline", set_duration, (void *)&deadline, RSRC_CONF, "longest time that a request may wait for database and hashing slots together (3s)"),
    AP_INIT_TAKE1("MedusaStoreDBParams", set_db_params, NULL, RSRC_CONF, "parameters of the MySQL connection, or file:PATH that holds them"),
    AP_INIT_TAKE1("MedusaStoreDBMax", set_connections, (void *)&db_max, RSRC_CONF, "most connections a child may hold (8)"),
    AP_INIT_TAKE1("MedusaStoreDBKeep", set_connections, (void *)&db_keep, RSRC_CONF, "idle connections that are kept (8)"),
    AP_INIT_TAKE1("MedusaStoreDBExptime", set_duration, (void *)&db_exptime, RSRC_CONF, "when idle connections above MedusaStoreDBKeep are closed (300s)"),
    AP_INIT_TAKE1("MedusaStoreDBWait", set_duration, (void *)&db_wait, RSRC_CONF, "longest wait for a free connection (2s)"),
    AP_INIT_TAKE1("MedusaStoreDBTimeout", set_duration, (void *)&db_timeout, RSRC_CONF, "longest time a statement may take (3s)"),
    AP_INIT_TAKE12("MedusaStoreSecret", set_secret, NULL, RSRC_CONF, "file:PATH or exec:COMMAND of the secret, and of the one before it"),
    AP_INIT_TAKE1("MedusaStoreSessionLife", set_duration, (void *)&session_life, RSRC_CONF, "life of a session since its last use (10h)"),
    AP_INIT_TAKE1("MedusaStoreSessionMaxLife", set_duration_or_off, (void *)&session_max, RSRC_CONF, "life of a session since sign-in, however much it is used; Off (Off)"),
    AP_INIT_TAKE1("MedusaStoreTokenLife", set_duration, (void *)&token_life, RSRC_CONF, "life of a bearer token (720h)"),
    AP_INIT_TAKE1("MedusaStoreIdempotencyLife", set_duration, (void *)&key_life, RSRC_CONF, "how long an Idempotency-Key answers the same request again (24h)"),
    AP_INIT_TAKE2("MedusaStorePasswordCost", set_password_cost, NULL, RSRC_CONF, "memory in KiB and passes of Argon2id (19456 2)"),
    AP_INIT_TAKE1("MedusaStorePasswordLength", set_number, (void *)&password_length, RSRC_CONF, "characters that a new password must have (1)"),
    AP_INIT_TAKE1("MedusaStorePasswordList", ms_policy_set_list, NULL, RSRC_CONF, "file:PATH of passwords that nobody may choose, one a line; None"),
    AP_INIT_FLAG("MedusaStoreConfirmPassword", set_switch, (void *)&confirm, RSRC_CONF, "On: a change of e-mail or password asks for old_password (Off)"),
    AP_INIT_TAKE1("MedusaStoreHashSlots", set_gate_number, (void *)&hash_slots, RSRC_CONF, "passwords hashed at once, over all children (number of processors)"),
    AP_INIT_TAKE1("MedusaStoreHashQueue", set_gate_number, (void *)&hash_queue, RSRC_CONF, "requests that may wait for a hashing slot (64)"),
    AP_INIT_TAKE1("MedusaStoreHashWait", set_gate_duration, (void *)&hash_wait, RSRC_CONF, "longest wait for a hashing slot (2s)"),

    AP_INIT_TAKE1("MedusaStoreThrottle", ms_limits_set_mode, NULL, RSRC_CONF, "On, DryRun or Off: refuse those who try too often (On)"),
    AP_INIT_TAKE3("MedusaStoreThrottleLimit", ms_limits_set, NULL, RSRC_CONF, "kind of try, by what it is counted, and how many are free in a time: SignIn Both 10/10mi"),
    AP_INIT_ITERATE("MedusaStoreThrottleExempt", ms_limits_add_exempt, NULL, RSRC_CONF, "addresses and networks that are no single client; None"),

    /* the place: also <Location>, <Directory>, .htaccess */
    AP_INIT_FLAG("MedusaStore", set_on, NULL, HERE, "On: this place is the Store API"),
    AP_INIT_TAKE1("MedusaStoreBase", set_base, NULL, HERE, "path where the API begins, where the section can't tell (/store in a virtual host)"),
    AP_INIT_ITERATE("MedusaStoreAllowOrigin", add_origin, NULL, HERE, "origins whose pages may use the API with credentials; None"),
    AP_INIT_TAKE1("MedusaStoreAllowCredentials", set_credentials, NULL, HERE, "Allowed: CORS credentials for allowed origins only; Always: as Medusa"),
    AP_INIT_TAKE1("MedusaStoreCSRF", set_csrf, NULL, HERE, "Strict, Origin or Off: what a write by the cookie alone must prove (Strict)"),
    AP_INIT_TAKE1("MedusaStoreBodyLimit", set_body_limit, NULL, HERE, "largest request body in bytes, inflated (102400)"),
    AP_INIT_FLAG("MedusaStoreXML", ap_set_flag_slot, FLAG(xml), HERE, "On: XML is spoken beside JSON, by Accept and Content-Type"),
    AP_INIT_FLAG("MedusaStoreEmailExists", ap_set_flag_slot, FLAG(email_exists), HERE, "Off: GET /auth/{email} answers false for all"),
    AP_INIT_TAKE1("MedusaStoreUnserved", set_unserved, NULL, HERE, "Refuse: 404; Pass: what no operation answers is left to other modules (Refuse)"),
    AP_INIT_TAKE1("MedusaStoreCookie", set_cookie, NULL, HERE, "name of the session cookie (connect.sid)"),
    AP_INIT_TAKE1("MedusaStoreCookieSecure", set_cookie_secure, NULL, HERE, "Auto, On or Off: the cookie's Secure attribute (Auto: over TLS)"),
    AP_INIT_TAKE1("MedusaStoreCookieSameSite", set_same_site, NULL, HERE, "Lax, Strict or None (Lax)"),
    AP_INIT_FLAG("MedusaStoreTrustForwardedProto", ap_set_flag_slot, FLAG(trust_forwarded_proto), HERE, "On: a proxy in front sets X-Forwarded-Proto"),
    AP_INIT_FLAG("MedusaStoreSessionProvider", set_provider, NULL, HERE, "Off: sessions are kept by mod_session_cookie or mod_session_dbd instead"),
    AP_INIT_TAKE1("MedusaStoreSignInPage", set_sign_in_page, NULL, HERE, "where Require medusa-… sends browsers that nobody is signed in by (None)"),
    { .name = NULL }
};
