/* checkup.c: asks the shops' databases how they are, outside of any operation.
 *
 * What fails here is told in the answer and not in the error log: it is asked again and again. Called by the status handlers. */
#include "httpd/checkup.h"
#include "core/time.h"
#include "db/schema.h"
#include "httpd/count.h"

#include <apr_strings.h>

static ms_ctx_t *make_ctx(apr_pool_t *pool, const ms_server_t *server, apr_time_t deadline)
{
    ms_ctx_t *c = apr_pcalloc(pool, sizeof *c);

    c->pool = pool;
    c->shop = &server->shop;
    c->now = apr_time_now();
    c->deadline = deadline;
    return c;
}

apr_time_t ms_checkup_deadline(const request_rec *r)
{
    return ms_steady_now() + ms_server_get(r->server)->deadline;
}

ms_checkup_t ms_checkup_schema(apr_pool_t *pool, const server_rec *s, apr_time_t deadline)
{
    ms_checkup_t found = { .s = s, .server = ms_server_get(s), .asked = 1, .rc = MS_DB_DOWN };
    apr_time_t start = ms_steady_now();

    if (found.server->newer) {
        found.schema = found.server->newer;
    }
    else if (found.server->shop.db) {
        found.rc = ms_schema_load(make_ctx(pool, found.server, deadline), &found.schema);
    }
    found.round_trip = ms_steady_now() - start;
    return found;
}

const char *ms_checkup_complaint(apr_pool_t *pool, const ms_checkup_t *found)
{
    if (found->server->newer) {
        return apr_psprintf(pool, "the schema of the database (%d) is newer than this module (%d): update the module", found->schema, MS_SCHEMA);
    }
    switch (found->rc) {
    case MS_OK:
        return found->schema < MS_SCHEMA ? apr_psprintf(pool, "the schema of the database (%d) is older than this module (%d): run medusa-store-admin migrate",
                                                        found->schema, MS_SCHEMA) : NULL;
    case MS_BUSY:
        return "no connection to the database came free";
    case MS_DB_SCHEMA:
    case MS_DB_FAULT:
        return "the database does not tell its schema: run medusa-store-admin migrate, and see to the rights of its user";
    default:
        return "the database does not answer";
    }
}

/* The one of those before that has the same pool, or NULL. */
static const ms_checkup_t *same_pool(const apr_array_header_t *all, const ms_server_t *server)
{
    int i;

    for (i = 0; server->shop.db && i < all->nelts; i++) {
        const ms_checkup_t *other = &APR_ARRAY_IDX(all, i, ms_checkup_t);

        if (other->server->shop.db == server->shop.db) {
            return other;
        }
    }
    return NULL;
}

static ms_checkup_t check(apr_pool_t *pool, const server_rec *s, apr_time_t deadline)
{
    ms_checkup_t found = ms_checkup_schema(pool, s, deadline);

    if (found.rc == MS_OK) {
        found.has_outbox = ms_outbox_load(make_ctx(pool, found.server, deadline), &found.outbox) == MS_OK;
    }
    return found;
}

apr_array_header_t *ms_checkup_all(const request_rec *r)
{
    apr_array_header_t *all = apr_array_make(r->pool, 4, sizeof(ms_checkup_t));
    apr_time_t deadline = ms_checkup_deadline(r);
    const server_rec *s = NULL;

    while ((s = ms_count_next_shop(r, s))) {
        const ms_checkup_t *same = same_pool(all, ms_server_get(s));
        ms_checkup_t found = { .rc = MS_DB_DOWN };

        if (same) {
            found = *same;
        }
        else if (ms_steady_now() < deadline) {
            found = check(r->pool, s, deadline);
        }
        found.s = s;
        found.server = ms_server_get(s);
        APR_ARRAY_PUSH(all, ms_checkup_t) = found;
    }
    return all;
}
