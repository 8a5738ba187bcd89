/* config.h: what the directives come to. Inside httpd/ only. */
#ifndef MS_HTTPD_CONFIG_H
#define MS_HTTPD_CONFIG_H

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>

#include "account/account.h"
#include "account/cookie.h"
#include "account/gate.h"
#include "account/throttle.h"
#include "core/ctx.h"
#include "db/db.h"

extern module AP_MODULE_DECLARE_DATA medusa_store_module;
APLOG_USE_MODULE(medusa_store);

enum { MS_UNSET = -1 };

/** A virtual host's settings: the shop. Numbers are MS_UNSET, texts NULL, until defaults are filled in at start. */
typedef struct {
    ms_db_conf_t db;
    ms_account_t account;
    ms_gate_conf_t gate; /* main server only */
    apr_interval_time_t deadline; /* of a request, microseconds */
    ms_throttle_t throttle;
    int used;            /* 1: MedusaStore is On somewhere in the server's configuration files */
    const char *used_at; /* "file:line" of it */
    const char *guards_at; /* "file:line" of a Require medusa-customer or medusa-group, or NULL */
    const char *seals_at; /* "file:line" of MedusaStoreSessionProvider On, or NULL */

    /* made at start */
    ms_cookie_keys_t cookie_keys;
    ms_sink_t sink;
    ms_shop_t shop;
    ms_breaker_t *breaker; /* of its database; NULL: it is no shop */
    int number;        /* of the shop, in the counters; MS_UNSET: it is none */
    const char *label; /* what it is called there: the server name */
    int newer;         /* 0, or the schema of its database, which this module does not know: the shop has no connections */
} ms_server_t;

/** Where the place that holds `MedusaStore On` is, and so how its mount point is found. */
typedef enum {
    MS_IN_NOWHERE,
    MS_IN_SERVER,    /* main server or virtual host: MedusaStoreBase, or /store */
    MS_IN_LOCATION,  /* <Location /path>: the section's path */
    MS_IN_DIRECTORY, /* <Directory> or .htaccess: what the directory is to the address */
    MS_IN_PATTERN    /* regular expressions, wildcards, <If>: MedusaStoreBase only */
} ms_section_t;

enum ms_csrf_t { MS_CSRF_STRICT, MS_CSRF_ORIGIN, MS_CSRF_OFF };
enum ms_secure_t { MS_SECURE_AUTO, MS_SECURE_ON, MS_SECURE_OFF };

/** One entry of MedusaStoreAllowOrigin: a text, or a regular expression. */
typedef struct {
    const char *text;
    ap_regex_t *regex;
} ms_origin_t;

/** A directory's settings. */
typedef struct {
    int on;
    ms_section_t section;         /* of the On that counts */
    const char *path;             /* the section's own path, without a slash at its end */
    const char *at;               /* "file:line" of it */
    const char *base;             /* MedusaStoreBase */
    apr_array_header_t *origins;  /* ms_origin_t; NULL: none */
    int credentials_always;
    int csrf;                     /* enum ms_csrf_t */
    int body_limit;               /* bytes */
    int xml;                      /* 1: XML is spoken beside JSON */
    int email_exists;             /* 0: nobody is told whether an e-mail has an account */
    int pass_unserved;            /* 1: what no operation answers is left to other modules */
    const char *cookie;
    int cookie_secure;            /* enum ms_secure_t */
    const char *cookie_same_site;
    int trust_forwarded_proto;
    int session_provider;
    int guarded;                  /* 1: a Require medusa-… stands here, or around here */
    const char *sign_in_page;     /* with %u for the address that was asked for; NULL or "": none */
} ms_place_t;

extern const command_rec ms_directives[];

void *ms_server_make(apr_pool_t *pool, server_rec *s);
void *ms_server_merge(apr_pool_t *pool, void *base, void *add);
void *ms_place_make(apr_pool_t *pool, char *path);
void *ms_place_merge(apr_pool_t *pool, void *base, void *add);

/** Give a server's unset values their defaults. */
void ms_server_fill_in(ms_server_t *server);

/** The settings in force; values of a place that are unset have their defaults. */
ms_server_t *ms_server_get(const server_rec *s);
const ms_place_t *ms_place_get(const request_rec *r);

/** "file:line" of a directive. */
const char *ms_directive_line(cmd_parms *cmd);

/** A place's number, or its default where unset. */
int ms_place_number(int value, int unset);

/** Places in a pattern section need MedusaStoreBase: the first such without it, as "file:line", or NULL.
 *  Filled while the configuration is read, judged after it. */
const char *ms_pattern_without_base(void);

/** Forget what was noted while an earlier configuration was read. */
void ms_directives_reset(apr_pool_t *pool);

#endif
