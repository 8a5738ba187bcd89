/* start.c: from directives to shops.
 *
 * The server starts without the database, if need be, and answers 503 until it is there. What the directives come to was judged
 * before, by check.c. */
#include "httpd/start.h"
#include "account/jwt.h"
#include "account/password.h"
#include "core/xml.h"
#include "httpd/config.h"
#include "httpd/cookie.h"
#include "httpd/count.h"
#include "httpd/limits.h"
#include "httpd/log.h"
#include "httpd/retained.h"
#include "httpd/session.h"
#include "httpd/survey.h"
#include "resource/resources.h"

#include <ap_mpm.h>
#include <http_core.h>
#include <unixd.h>

#include <apr_shm.h>

#include <sodium.h>
#include <string.h>

static int is_shop(const ms_server_t *server)
{
    return server->db.params && server->account.secrets[0];
}

/* The decoy of a host before this one whose passwords cost the same, or NULL: each is a hash, and hosts may be many. */
static const char *same_decoy(server_rec *first, const server_rec *s)
{
    const ms_account_t *mine = &ms_server_get(s)->account;

    for (; first != s; first = first->next) {
        const ms_account_t *other = &ms_server_get(first)->account;

        if (other->decoy_hash && other->password_passes == mine->password_passes && other->password_memory == mine->password_memory) {
            return other->decoy_hash;
        }
    }
    return NULL;
}

static const ms_jwt_keys_t *token_keys(apr_pool_t *pool, const ms_server_t *server)
{
    ms_jwt_keys_t *keys = apr_palloc(pool, sizeof *keys);

    ms_jwt_keys(keys, server->account.secrets);
    return keys;
}

static const char *make_shop(apr_pool_t *pool, server_rec *main_server, server_rec *s, ms_gate_t *gate)
{
    ms_server_t *server = ms_server_get(s);
    const char *decoy = same_decoy(main_server, s);

    server->sink = ms_log_of_server(s);
    server->account.gate = gate;
    server->account.token_keys = token_keys(pool, server);
    server->account.decoy_hash = decoy ? decoy : ms_password_decoy(pool, server->account.password_passes, server->account.password_memory);
    server->shop.account = &server->account;
    server->shop.deadline = server->deadline;
    return server->account.decoy_hash ? NULL : "not enough memory for one password hash (MedusaStorePasswordCost)";
}

/* Restarts unload this module and load it again; httpd keeps this for it. */
static ms_gate_set_t *kept_set(server_rec *main_server)
{
    ms_gate_set_t *set = ms_retained_get("medusa-store-gate", sizeof *set);

    set->home = main_server->process->pool;
    return set;
}

/* What the children of one generation tell each other; those of the last one go on with their own. */
typedef struct {
    ms_log_memory_t log;
    ms_breaker_t breaker[]; /* one a shop */
} shared_t;

static apr_status_t forget_shared(void *unused)
{
    ms_log_share(NULL);
    return APR_SUCCESS;
}

static const char *share(apr_pool_t *pconf, server_rec *main_server)
{
    server_rec *s;
    apr_shm_t *memory;
    shared_t *shared;
    size_t size = sizeof *shared;
    int n = 0;

    for (s = main_server; s; s = s->next) {
        size += sizeof *shared->breaker;
    }
    if (apr_shm_create(&memory, size, NULL, pconf)) {
        return "no shared memory can be had for the state of the databases";
    }
    shared = memset(apr_shm_baseaddr_get(memory), 0, size);
    ms_log_share(&shared->log);
    apr_pool_cleanup_register(pconf, NULL, forget_shared, apr_pool_cleanup_null);
    for (s = main_server; s; s = s->next) {
        if (is_shop(ms_server_get(s))) {
            ms_server_get(s)->breaker = &shared->breaker[n++];
        }
    }
    return NULL;
}

static const char *start(apr_pool_t *pconf, server_rec *main_server)
{
    uid_t uid = geteuid() ? (uid_t)-1 : ap_unixd_config.user_id;
    const char *error = ms_db_init(pconf, ms_statements);
    ms_sink_t log = ms_log_of_server(main_server);
    ms_gate_t *gate;
    server_rec *s;
    int shops = 0;

    if (error) {
        return error;
    }
    if (ms_gate_make(&gate, pconf, kept_set(main_server), &ms_server_get(main_server)->gate, uid)) {
        return "no System V semaphores can be had for the hashing slots";
    }
    for (s = main_server; s && !error; s = s->next) {
        ms_cookie_keys(&ms_server_get(s)->cookie_keys, ms_server_get(s)->account.secrets); /* also where there is a secret and no shop */
        if (is_shop(ms_server_get(s)) && !ms_server_get(s)->shop.account) { /* a host without settings of its own has the main server's */
            error = make_shop(pconf, main_server, s, gate);
            shops++;
        }
    }
    ms_log(&log, MS_LINE_STARTED, shops, ms_gate_slots(gate));
    return error;
}

int ms_start_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const char *error;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
        return OK; /* all of it is done again in a moment */
    }
    if (sodium_init() < 0) {
        error = "libsodium can't be initialised";
    }
    else {
        ms_session_functions();
        ms_xml_start();
        error = start(pconf, s);
        error = error ? error : share(pconf, s);
        error = error ? error : ms_count_start(pconf, s);
        error = error ? error : ms_limits_start(s);
        error = error ? error : ms_survey(ptemp, s);
    }
    if (error) {
        ms_log_start_error(s, error);
    }
    return error ? HTTP_INTERNAL_SERVER_ERROR : OK;
}

/* Shops with the same database and limits share a pool. */
static const ms_server_t *same_pool(server_rec *first, const server_rec *s)
{
    const ms_db_conf_t *mine = &ms_server_get(s)->db;

    for (; first != s; first = first->next) {
        const ms_server_t *other = ms_server_get(first);

        if (other->shop.db && !strcmp(other->db.params, mine->params) && other->db.max == mine->max && other->db.keep == mine->keep
            && other->db.exptime == mine->exptime && other->db.wait == mine->wait && other->db.timeout == mine->timeout) {
            return other;
        }
    }
    return NULL;
}

static void make_pool(ms_server_t *server, apr_pool_t *pchild, ms_room_t *room)
{
    ms_db_share_t share = { room, server->breaker };

    if (ms_db_make(&server->shop.db, pchild, &server->db, &share, &server->sink)) {
        server->shop.db = NULL;
        ms_log(&server->sink, MS_LINE_START_FAILED, "no memory or threads for the database pool of this child");
    }
}

static int count_threads(void)
{
    int threads;

    return ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads) || threads < 1 ? 1 : threads;
}

void ms_start_child(apr_pool_t *pchild, server_rec *main_server)
{
    ms_room_t *room = ms_room_make(pchild, count_threads());
    server_rec *s;

    for (s = main_server; s; s = s->next) {
        ms_server_t *server = ms_server_get(s);
        const ms_server_t *same;

        if (!is_shop(server) || server->newer) {
            continue;
        }
        same = same_pool(main_server, s);
        if (same) {
            server->shop.db = same->shop.db;
            server->breaker = same->breaker;
        }
        else {
            make_pool(server, pchild, room);
        }
    }
}
