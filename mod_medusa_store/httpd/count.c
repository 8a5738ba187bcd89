/* count.c: gives shops and routes their numbers and names, and keeps the block of counters over restarts.
 *
 * What is kept beyond one life of the module holds data only: this code may lie elsewhere after a restart, or nowhere. Children of
 * the last generation go on counting in the same block, or, where shops or routes are others now, in their own that ends with them. */
#include "httpd/count.h"
#include "api/api.h"
#include "core/text.h"
#include "httpd/retained.h"

#include <apr_lib.h>
#include <apr_shm.h>
#include <apr_strings.h>
#include <string.h>

static const char kept_as[] = "mod_medusa_store counters";

/* In the memory of the process, which no restart clears. */
typedef struct {
    apr_pool_t *pool; /* of the block; NULL: there is none */
    apr_uint64_t layout;
    ms_counters_t *counters;
} kept_t;

/* Set in post_config and read-only afterwards. */
static ms_counters_t *counters;
static apr_array_header_t *routes; /* const ms_route_t *, by number */
static apr_array_header_t *shops;  /* server_rec *, by number: in the order of the configuration */

/* ---- routes ---- */

static const ms_route_t *route_get(int number)
{
    return number < routes->nelts ? APR_ARRAY_IDX(routes, number, const ms_route_t *) : NULL;
}

static int preflights(void) { return routes->nelts; }
static int unrouted(void) { return routes->nelts + 1; }

int ms_count_routes(void)
{
    return routes->nelts + 2;
}

const char *ms_count_method(int number)
{
    const ms_route_t *route = route_get(number);

    return route ? route->method : number == preflights() ? "OPTIONS" : "*";
}

const char *ms_count_path(int number)
{
    const ms_route_t *route = route_get(number);

    return route ? route->path : number == preflights() ? "(preflight)" : "(no route)";
}

static void number_routes(apr_pool_t *pool)
{
    const ms_route_t *const *table, *row;

    routes = apr_array_make(pool, 32, sizeof(const ms_route_t *));
    for (table = ms_routes; *table; table++) {
        for (row = *table; row->method; row++) {
            APR_ARRAY_PUSH(routes, const ms_route_t *) = row;
        }
    }
}

static int number_of(const ms_route_t *route)
{
    int i;

    for (i = 0; i < routes->nelts && APR_ARRAY_IDX(routes, i, const ms_route_t *) != route; i++) {
    }
    return i < routes->nelts ? i : unrouted();
}

/* ---- shops ---- */

static int is_shop(const server_rec *s)
{
    return ms_server_get(s)->number >= 0;
}

static server_rec *shop_get(int number)
{
    return number < shops->nelts ? APR_ARRAY_IDX(shops, number, server_rec *) : NULL;
}

/* As it can stand in any answer: UTF-8, in one line. */
static const char *clean(apr_pool_t *pool, const char *host)
{
    char *text = apr_pstrdup(pool, host ? host : "(unnamed)"), *p;
    int valid = ms_utf8_valid(text, strlen(text));

    for (p = text; *p; p++) {
        if (apr_iscntrl(*p) || (!valid && !apr_isascii(*p))) {
            *p = '?';
        }
    }
    return text;
}

static int is_taken(const char *name)
{
    int i;

    for (i = 0; i < shops->nelts; i++) {
        const char *label = ms_server_get(shop_get(i))->label;

        if (label && !strcmp(label, name)) {
            return 1;
        }
    }
    return 0;
}

static int count_namesakes(const server_rec *s)
{
    int i, n = 0;

    for (i = 0; i < shops->nelts; i++) {
        const char *host = shop_get(i)->server_hostname;

        n += host && s->server_hostname && !strcasecmp(host, s->server_hostname);
    }
    return n;
}

/* The server name, with its port where several shops have that name, and with a number where that is not enough. */
static const char *name_shop(apr_pool_t *pool, const server_rec *s)
{
    const char *name = clean(pool, s->server_hostname), *base;
    int port = s->addrs ? s->addrs->host_port : s->port, n;

    if (port > 0 && count_namesakes(s) > 1) {
        name = apr_psprintf(pool, "%s:%d", name, port);
    }
    for (n = 2, base = name; is_taken(name); n++) {
        name = apr_psprintf(pool, "%s (%d)", base, n);
    }
    return name;
}

/* httpd lists virtual hosts backwards. Those that say nothing of their own have the settings of the main server: the same shop. */
static void list_shops(apr_pool_t *pool, server_rec *main_server)
{
    apr_array_header_t *backwards = apr_array_make(pool, 8, sizeof(server_rec *));
    server_rec *s;

    for (s = main_server; s; s = s->next) {
        ms_server_get(s)->number = MS_UNSET;
        if (s != main_server) {
            APR_ARRAY_PUSH(backwards, server_rec *) = s;
        }
    }
    shops = apr_array_make(pool, backwards->nelts + 1, sizeof(server_rec *));
    for (s = main_server; s; s = backwards->nelts ? *(server_rec **)apr_array_pop(backwards) : NULL) {
        if (ms_server_get(s)->shop.account && !is_shop(s)) {
            ms_server_get(s)->number = shops->nelts;
            APR_ARRAY_PUSH(shops, server_rec *) = s;
        }
    }
}

static void name_shops(apr_pool_t *pool)
{
    int i;

    for (i = 0; i < shops->nelts; i++) {
        ms_server_get(shop_get(i))->label = name_shop(pool, shop_get(i));
    }
}

server_rec *ms_count_next_shop(const request_rec *r, const server_rec *previous)
{
    if (r && is_shop(r->server)) {
        return previous ? NULL : r->server;
    }
    return shop_get(previous ? ms_server_get(previous)->number + 1 : 0);
}

/* ---- the block ---- */

/* FNV-1a; the zero at its end keeps texts apart. */
static void mix(apr_uint64_t *hash, const char *text)
{
    do {
        *hash = (*hash ^ (unsigned char)*text) * APR_UINT64_C(1099511628211);
    } while (*text++);
}

/* What the numbers mean: blocks of the same layout can go on. */
static apr_uint64_t layout_of(apr_pool_t *pool, size_t size)
{
    apr_uint64_t hash = APR_UINT64_C(14695981039346656037);
    int i;

    mix(&hash, apr_psprintf(pool, "%" APR_SIZE_T_FMT " %d %d", size, MS_BUCKETS, MS_LATELY));
    for (i = 0; i < MS_BUCKETS - 1; i++) {
        mix(&hash, apr_psprintf(pool, "%" APR_TIME_T_FMT, ms_bucket_bounds[i]));
    }
    for (i = 0; i < MS_PROBLEM_COUNT; i++) {
        mix(&hash, ms_problem_get((ms_rc_t)i)->name);
    }
    for (i = 0; i < ms_count_routes(); i++) {
        mix(&hash, ms_count_method(i));
        mix(&hash, ms_count_path(i));
    }
    for (i = MS_TRY_NONE + 1; i < MS_TRY_COUNT; i++) {
        mix(&hash, ms_try_get((ms_try_t)i)->label);
    }
    for (i = 0; i < shops->nelts; i++) {
        mix(&hash, ms_server_get(shop_get(i))->label);
    }
    return hash;
}

static apr_status_t renew(kept_t *kept, apr_pool_t *process, size_t size)
{
    apr_shm_t *memory;
    apr_status_t rv = ms_retained_renew(&kept->pool, process);

    rv = rv ? rv : apr_shm_create(&memory, size, NULL, kept->pool);
    if (!rv) {
        kept->counters = ms_counters_make(apr_shm_baseaddr_get(memory), shops->nelts, ms_count_routes(), apr_time_now());
    }
    return rv;
}

const char *ms_count_start(apr_pool_t *pconf, server_rec *main_server)
{
    kept_t *kept = ms_retained_get(kept_as, sizeof *kept);
    apr_uint64_t layout;
    size_t size;

    number_routes(pconf);
    list_shops(pconf, main_server);
    name_shops(pconf);
    size = ms_counters_size(shops->nelts, ms_count_routes());
    layout = layout_of(pconf, size);
    if (!kept->pool || kept->layout != layout) {
        kept->layout = 0;
        if (renew(kept, main_server->process->pool, size)) {
            return "no shared memory can be had for the counters";
        }
        kept->layout = layout;
    }
    counters = kept->counters;
    return NULL;
}

const ms_counters_t *ms_count_get(void)
{
    return counters;
}

/* ---- requests ---- */

/* The status that the client sees, of what a handler returned. */
static int status_of(const request_rec *r, int status)
{
    if (status == OK || status == DONE) {
        return r->status;
    }
    return status > 0 ? status : r->status >= HTTP_BAD_REQUEST ? r->status : HTTP_BAD_REQUEST; /* a filter refused the body */
}

static int route_number(const request_rec *r, ms_ctx_t *c)
{
    if (r->method_number == M_OPTIONS) {
        return preflights();
    }
    if (!c->route && c->path) { /* refused for its body, before anybody looked */
        return number_of(ms_route_search(c, ms_routes));
    }
    return number_of(c->route);
}

void ms_count_request(request_rec *r, ms_ctx_t *c, int status, apr_interval_time_t took)
{
    const ms_server_t *server = ms_server_get(r->server);
    ms_seen_t seen = { .problem = c->rc, .at = c->now, .took = took > 0 ? took : 0, .in_db = c->db_time };

    if (status == DECLINED || server->number < 0) {
        return;
    }
    seen.route = route_number(r, c);
    seen.status = status_of(r, status);
    seen.tries = c->route ? c->route->tries : MS_TRY_NONE;
    seen.throttled = c->throttled;
    seen.hashes = c->hashes;
    seen.refused = c->rc == MS_UNAUTHORIZED && c->route && (c->route->may & MS_MAY(UNAUTHORIZED));
    ms_counters_add(counters, server->number, &seen);
}
