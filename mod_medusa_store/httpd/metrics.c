/* metrics.c: all counters and what the databases say, in Prometheus' text format (0.0.4).
 *
 * One row a metric; labels are names of shops, routes and problems, and so of a fixed number. Routes that nobody has called are left
 * out. A browser gets page.c instead. */
#ifdef HAVE_CONFIG_H
#include <config.h> /* not the one beside this file */
#endif
#include "account/gate.h"
#include "db/schema.h"
#include "httpd/accept.h"
#include "httpd/checkup.h"
#include "httpd/count.h"
#include "httpd/status.h"

#include <http_protocol.h>

#include <apr_strings.h>
#include <string.h>

typedef struct {
    request_rec *r;
    const apr_array_header_t *shops; /* ms_checkup_t */
    const ms_gate_t *gate;           /* NULL: there is no shop */
    const char *name;                /* of the metric that is written */
} scrape_t;

/* ---- values ---- */

/* A label's value: any UTF-8, with these three escaped. */
static const char *quote(apr_pool_t *pool, const char *text)
{
    char *quoted = apr_palloc(pool, 2 * strlen(text) + 1), *to = quoted;

    for (; *text; text++) {
        if (*text == '\\' || *text == '"' || *text == '\n') {
            *to++ = '\\';
        }
        *to++ = *text == '\n' ? 'n' : *text;
    }
    *to = '\0';
    return quoted;
}

/* Microseconds as seconds, without zeros at the end. */
static const char *seconds(apr_pool_t *pool, apr_uint64_t time)
{
    char *text = apr_psprintf(pool, "%" APR_UINT64_T_FMT ".%06d", time / APR_USEC_PER_SEC, (int)(time % APR_USEC_PER_SEC));
    char *end = text + strlen(text);

    while (end[-1] == '0') {
        *--end = '\0';
    }
    if (end[-1] == '.') {
        end[-1] = '\0';
    }
    return text;
}

static void write_number(const scrape_t *s, const char *suffix, const char *labels, apr_uint64_t value)
{
    ap_rprintf(s->r, "%s%s{%s} %" APR_UINT64_T_FMT "\n", s->name, suffix, labels, value);
}

static void write_seconds(const scrape_t *s, const char *suffix, const char *labels, apr_uint64_t time)
{
    ap_rprintf(s->r, "%s%s{%s} %s\n", s->name, suffix, labels, seconds(s->r->pool, time));
}

/* ---- walks ---- */

static const char *label_shop(const scrape_t *s, const ms_checkup_t *shop)
{
    return apr_psprintf(s->r->pool, "shop=\"%s\"", quote(s->r->pool, shop->server->label));
}

typedef void (*write_shop_t)(const scrape_t *s, const ms_checkup_t *shop, const char *labels);

static void each_shop(const scrape_t *s, write_shop_t write)
{
    int i;

    for (i = 0; i < s->shops->nelts; i++) {
        const ms_checkup_t *shop = &APR_ARRAY_IDX(s->shops, i, ms_checkup_t);

        write(s, shop, label_shop(s, shop));
    }
}

typedef void (*write_route_t)(const scrape_t *s, const ms_route_counts_t *counts, const char *labels);

static void each_route(const scrape_t *s, write_route_t write)
{
    ms_route_counts_t counts;
    int i, route;

    for (i = 0; i < s->shops->nelts; i++) {
        const ms_checkup_t *shop = &APR_ARRAY_IDX(s->shops, i, ms_checkup_t);
        const char *label = label_shop(s, shop);

        for (route = 0; route < ms_count_routes(); route++) {
            ms_counters_route(ms_count_get(), &counts, shop->server->number, route);
            if (counts.handler.count) {
                write(s, &counts, apr_psprintf(s->r->pool, "%s,method=\"%s\",route=\"%s\"", label, ms_count_method(route), ms_count_path(route)));
            }
        }
    }
}

/* ---- requests ---- */

/* The classes that the API answers with are there from the first request on: a rate needs a beginning. */
static void write_requests(const scrape_t *s, const ms_route_counts_t *counts, const char *labels)
{
    int i;

    for (i = 0; i < MS_CLASSES; i++) {
        if (counts->requests[i] || i == 1 || i == 3 || i == 4) {
            write_number(s, "", apr_psprintf(s->r->pool, "%s,status=\"%dxx\"", labels, i + 1), counts->requests[i]);
        }
    }
}

static void requests(const scrape_t *s) { each_route(s, write_requests); }

static void write_histogram(const scrape_t *s, const ms_histogram_t *h, const char *labels)
{
    apr_uint64_t below = 0;
    int i;

    if (!h->count) {
        return;
    }
    for (i = 0; i < MS_BUCKETS; i++) {
        const char *bound = i < MS_BUCKETS - 1 ? seconds(s->r->pool, (apr_uint64_t)ms_bucket_bounds[i]) : "+Inf";

        below += h->bucket[i];
        write_number(s, "_bucket", apr_psprintf(s->r->pool, "%s,le=\"%s\"", labels, bound), below);
    }
    write_seconds(s, "_sum", labels, h->sum);
    write_number(s, "_count", labels, h->count);
}

static void write_handler_time(const scrape_t *s, const ms_route_counts_t *counts, const char *labels)
{
    write_histogram(s, &counts->handler, labels);
}

static void write_database_time(const scrape_t *s, const ms_route_counts_t *counts, const char *labels)
{
    write_histogram(s, &counts->database, labels);
}

static void handler_time(const scrape_t *s) { each_route(s, write_handler_time); }
static void database_time(const scrape_t *s) { each_route(s, write_database_time); }

static void write_problems(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    int i;

    for (i = MS_OK + 1; i < MS_PROBLEM_COUNT; i++) {
        write_number(s, "", apr_psprintf(s->r->pool, "%s,problem=\"%s\"", labels, ms_problem_get((ms_rc_t)i)->name),
                     ms_counters_problem(ms_count_get(), shop->server->number, (ms_rc_t)i));
    }
}

static void write_refused(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    write_number(s, "", labels, ms_counters_refused(ms_count_get(), shop->server->number));
}

static void write_hashes(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    write_number(s, "", labels, ms_counters_hashes(ms_count_get(), shop->server->number));
}

static void write_throttled(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    static const char *const modes[MS_THROTTLED_COUNT] = { [MS_THROTTLED] = "refused", [MS_THROTTLED_DRY] = "dry_run" };
    int kind, how;

    for (kind = MS_TRY_NONE + 1; kind < MS_TRY_COUNT; kind++) {
        for (how = MS_THROTTLED; how < MS_THROTTLED_COUNT; how++) {
            write_number(s, "", apr_psprintf(s->r->pool, "%s,kind=\"%s\",mode=\"%s\"", labels, ms_try_get((ms_try_t)kind)->label, modes[how]),
                         ms_counters_throttled(ms_count_get(), shop->server->number, (ms_try_t)kind, (enum ms_throttled_t)how));
        }
    }
}

static void problems(const scrape_t *s) { each_shop(s, write_problems); }
static void refused(const scrape_t *s) { each_shop(s, write_refused); }
static void hashes(const scrape_t *s) { each_shop(s, write_hashes); }
static void throttled(const scrape_t *s) { each_shop(s, write_throttled); }

/* ---- databases: what is not known is left out ---- */

static void write_up(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    if (shop->asked) {
        write_number(s, "", labels, shop->rc == MS_OK);
    }
}

static void write_schema(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    if (shop->rc == MS_OK || shop->server->newer) {
        write_number(s, "", labels, (apr_uint64_t)shop->schema);
    }
}

static void write_round_trip(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    if (shop->rc == MS_OK) {
        write_seconds(s, "", labels, (apr_uint64_t)shop->round_trip);
    }
}

static void write_events(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    if (shop->has_outbox) {
        write_number(s, "", apr_pstrcat(s->r->pool, labels, ",state=\"waiting\"", NULL), (apr_uint64_t)shop->outbox.waiting);
        write_number(s, "", apr_pstrcat(s->r->pool, labels, ",state=\"dead\"", NULL), (apr_uint64_t)shop->outbox.dead);
    }
}

static void write_oldest(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    if (shop->has_outbox) {
        write_seconds(s, "", labels, (apr_uint64_t)shop->outbox.oldest);
    }
}

static void write_open(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    write_number(s, "", labels, (apr_uint64_t)ms_breaker_is_open(shop->server->breaker));
}

static void write_opened(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    write_number(s, "", labels, shop->server->breaker->opened);
}

static void write_turned_away(const scrape_t *s, const ms_checkup_t *shop, const char *labels)
{
    write_number(s, "", labels, shop->server->breaker->refused);
}

static void is_open(const scrape_t *s) { each_shop(s, write_open); }
static void opened(const scrape_t *s) { each_shop(s, write_opened); }
static void turned_away(const scrape_t *s) { each_shop(s, write_turned_away); }
static void up(const scrape_t *s) { each_shop(s, write_up); }
static void schema(const scrape_t *s) { each_shop(s, write_schema); }
static void round_trip(const scrape_t *s) { each_shop(s, write_round_trip); }
static void events(const scrape_t *s) { each_shop(s, write_events); }
static void oldest(const scrape_t *s) { each_shop(s, write_oldest); }

/* ---- the server ---- */

static void build_info(const scrape_t *s)
{
    write_number(s, "", apr_psprintf(s->r->pool, "version=\"%s\",schema=\"%d\"", MS_VERSION, MS_SCHEMA), 1);
}

/* -1: not known. */
static void write_plain(const scrape_t *s, int value)
{
    if (value >= 0) {
        ap_rprintf(s->r, "%s %d\n", s->name, value);
    }
}

static void schema_known(const scrape_t *s) { write_plain(s, MS_SCHEMA); }

static void hashes_running(const scrape_t *s)
{
    int running = -1, waiting;

    if (s->gate) {
        ms_gate_look(s->gate, &running, &waiting);
    }
    write_plain(s, running);
}

static void hashes_waiting(const scrape_t *s)
{
    int running, waiting = -1;

    if (s->gate) {
        ms_gate_look(s->gate, &running, &waiting);
    }
    write_plain(s, waiting);
}

static void hash_slots(const scrape_t *s) { write_plain(s, s->gate ? ms_gate_slots(s->gate) : -1); }
static void hash_queue(const scrape_t *s) { write_plain(s, s->gate ? ms_gate_queue(s->gate) : -1); }

/* ---- all of it ---- */

static const struct {
    const char *name, *type, *help;
    void (*write)(const scrape_t *s);
} metrics[] = {
    { "medusa_store_build_info", "gauge", "Version of the module, and the schema that it was written for.", build_info },
    { "medusa_store_schema_known", "gauge", "The last migration that the module knows.", schema_known },
    { "medusa_store_requests_total", "counter", "Requests of the Store API that were answered.", requests },
    { "medusa_store_problems_total", "counter", "Requests that failed, by the problem (see the error log).", problems },
    { "medusa_store_refused_sign_ins_total", "counter", "Sign-ins with a wrong e-mail or password.", refused },
    { "medusa_store_throttled_total", "counter", "Tries that were one too many, refused or only counted (DryRun).", throttled },
    { "medusa_store_request_duration_seconds", "histogram", "Time that the handler took.", handler_time },
    { "medusa_store_database_duration_seconds", "histogram", "Time of it with the database, of requests that asked it.", database_time },
    { "medusa_store_hashes_total", "counter", "Passwords that were hashed.", hashes },
    { "medusa_store_hashes_running", "gauge", "Passwords that are hashed now, by all processes.", hashes_running },
    { "medusa_store_hashes_waiting", "gauge", "Requests that wait for a hashing slot.", hashes_waiting },
    { "medusa_store_hash_slots", "gauge", "Passwords that may be hashed at once.", hash_slots },
    { "medusa_store_hash_queue_limit", "gauge", "Requests that may wait for a hashing slot.", hash_queue },
    { "medusa_store_database_up", "gauge", "1 if the database answered this scrape.", up },
    { "medusa_store_database_open", "gauge", "1 if the database is known to be down, or lets nobody in.", is_open },
    { "medusa_store_database_opened_total", "counter", "How often it came to that, since the last reload.", opened },
    { "medusa_store_database_refused_total", "counter", "Requests that were refused so, since the last reload.", turned_away },
    { "medusa_store_database_schema", "gauge", "The last migration that the database has.", schema },
    { "medusa_store_database_round_trip_seconds", "gauge", "Time of one statement, asked by this scrape.", round_trip },
    { "medusa_store_outbox_events", "gauge", "Events in the outbox, waiting for delivery or given up.", events },
    { "medusa_store_outbox_oldest_seconds", "gauge", "Age of the oldest event that waits; 0 if none does.", oldest },
};

static void write_all(scrape_t *s)
{
    size_t i;

    for (i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        ap_rprintf(s->r, "# HELP %s %s\n# TYPE %s %s\n", metrics[i].name, metrics[i].help, metrics[i].name, metrics[i].type);
        s->name = metrics[i].name;
        metrics[i].write(s);
    }
}

int ms_metrics_answer(request_rec *r)
{
    scrape_t scrape = { .r = r, .shops = ms_checkup_all(r) };

    apr_table_mergen(r->err_headers_out, "Vary", "Accept");
    if (ms_accept_html(apr_table_get(r->headers_in, "Accept"))) {
        return ms_page_answer(r, scrape.shops);
    }
    if (scrape.shops->nelts) {
        scrape.gate = APR_ARRAY_IDX(scrape.shops, 0, ms_checkup_t).server->account.gate;
    }
    ap_set_content_type(r, "text/plain; version=0.0.4; charset=utf-8");
    write_all(&scrape);
    return OK;
}
