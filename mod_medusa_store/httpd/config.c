/* config.c: makes and merges the settings of servers and places.
 *
 * Values stay unset until all is read, so that a virtual host inherits what it does not say. Directives are in directives.c. */
#include "httpd/config.h"
#include "httpd/limits.h"

#include <apr_strings.h>

void *ms_server_make(apr_pool_t *pool, server_rec *s)
{
    ms_server_t *server = apr_pcalloc(pool, sizeof *server);

    server->db.max = server->db.keep = MS_UNSET;
    server->db.exptime = server->db.wait = server->db.timeout = MS_UNSET;
    server->account.session_life = server->account.token_life = server->account.key_life = MS_UNSET;
    server->account.session_max = server->account.password_length = server->account.confirm = MS_UNSET;
    server->gate.wait = server->deadline = MS_UNSET;
    ms_limits_make(&server->throttle);
    return server;
}

static const ms_server_t defaults = {
    .db = { .max = 8, .keep = 8, .exptime = apr_time_from_sec(300), .wait = apr_time_from_sec(2), .timeout = apr_time_from_sec(3) },
    .account = { .session_life = apr_time_from_sec(36000), .token_life = apr_time_from_sec(2592000),
                 .key_life = apr_time_from_sec(86400), .password_length = 1,
                 .password_passes = 2, .password_memory = (size_t)19456 << 10 },
    .gate = { .wait = apr_time_from_sec(2) },
    .deadline = apr_time_from_sec(3)
};

#define DEFAULT_NUMBER(field) if (server->field == MS_UNSET) server->field = defaults.field
#define DEFAULT_WAIT(field) if (server->field == MS_UNSET) server->field = defaults.field < server->deadline ? defaults.field : server->deadline
#define DEFAULT_SIZE(field) if (!server->field) server->field = defaults.field

void ms_server_fill_in(ms_server_t *server)
{
    int only_the_limit = server->db.keep == MS_UNSET;

    DEFAULT_NUMBER(deadline); /* first: those below are no longer */
    DEFAULT_NUMBER(db.max);
    DEFAULT_NUMBER(db.keep);
    DEFAULT_NUMBER(db.exptime);
    DEFAULT_WAIT(db.wait);
    DEFAULT_WAIT(db.timeout);
    DEFAULT_NUMBER(account.session_life);
    DEFAULT_NUMBER(account.session_max);
    DEFAULT_NUMBER(account.token_life);
    DEFAULT_NUMBER(account.key_life);
    DEFAULT_NUMBER(account.password_length);
    DEFAULT_NUMBER(account.confirm);
    DEFAULT_SIZE(account.password_passes);
    DEFAULT_SIZE(account.password_memory);
    DEFAULT_WAIT(gate.wait);
    ms_limits_fill_in(&server->throttle);
    if (only_the_limit && server->db.keep > server->db.max) {
        server->db.keep = server->db.max;
    }
}

#define PICK_NUMBER(field) merged->field = add->field == MS_UNSET ? base->field : add->field
#define PICK_SET(field) merged->field = add->field ? add->field : base->field

void *ms_server_merge(apr_pool_t *pool, void *base_conf, void *add_conf)
{
    const ms_server_t *base = base_conf, *add = add_conf;
    ms_server_t *merged = apr_pmemdup(pool, add, sizeof *add);

    PICK_SET(db.params);
    PICK_NUMBER(db.max);
    PICK_NUMBER(db.keep);
    PICK_NUMBER(db.exptime);
    PICK_NUMBER(db.wait);
    PICK_NUMBER(db.timeout);
    PICK_NUMBER(deadline);
    PICK_NUMBER(account.session_life);
    PICK_NUMBER(account.session_max);
    PICK_NUMBER(account.token_life);
    PICK_NUMBER(account.key_life);
    PICK_NUMBER(account.password_length);
    PICK_NUMBER(account.confirm);
    PICK_SET(account.common_passwords);
    PICK_SET(account.password_passes);
    PICK_SET(account.password_memory);
    if (!add->account.secrets[0]) { /* the pair is one setting */
        merged->account.secrets[0] = base->account.secrets[0];
        merged->account.secrets[1] = base->account.secrets[1];
    }
    merged->gate = base->gate;
    ms_limits_merge(&merged->throttle, &base->throttle);
    PICK_SET(seals_at);
    PICK_SET(guards_at);
    if (!add->used) { /* an inherited API must be able to serve as well */
        merged->used = base->used;
        merged->used_at = base->used_at;
    }
    return merged;
}

void *ms_place_make(apr_pool_t *pool, char *path)
{
    ms_place_t *place = apr_pcalloc(pool, sizeof *place);

    place->on = place->credentials_always = place->body_limit = MS_UNSET;
    place->csrf = place->xml = place->email_exists = place->pass_unserved = MS_UNSET;
    place->cookie_secure = place->trust_forwarded_proto = place->session_provider = MS_UNSET;
    return place;
}

void *ms_place_merge(apr_pool_t *pool, void *base_conf, void *add_conf)
{
    const ms_place_t *base = base_conf, *add = add_conf;
    ms_place_t *merged = apr_pmemdup(pool, add, sizeof *add);

    PICK_NUMBER(on);
    if (add->on == MS_UNSET) { /* where the API begins is a matter of the section that turned it on */
        merged->section = base->section;
        merged->path = base->path;
    }
    PICK_SET(base);
    PICK_SET(origins);
    PICK_NUMBER(credentials_always);
    PICK_NUMBER(csrf);
    PICK_NUMBER(body_limit);
    PICK_NUMBER(xml);
    PICK_NUMBER(email_exists);
    PICK_NUMBER(pass_unserved);
    PICK_SET(cookie);
    PICK_NUMBER(cookie_secure);
    PICK_SET(cookie_same_site);
    PICK_NUMBER(trust_forwarded_proto);
    PICK_NUMBER(session_provider);
    PICK_SET(guarded);
    PICK_SET(sign_in_page);
    return merged;
}

ms_server_t *ms_server_get(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &medusa_store_module);
}

const ms_place_t *ms_place_get(const request_rec *r)
{
    return ap_get_module_config(r->per_dir_config, &medusa_store_module);
}

int ms_place_number(int value, int unset)
{
    return value == MS_UNSET ? unset : value;
}
