/* page.c: the status of the shops as one HTML page, for people: no script, nothing loaded from anywhere, light or dark as they like it.
 *
 * Shows what metrics.c tells to machines, and the latest requests: never an address as it was sent, nor anything of a customer. All
 * text that comes from a configuration is escaped. */
#ifdef HAVE_CONFIG_H
#include <config.h> /* not the one beside this file */
#endif
#include "account/gate.h"
#include "core/time.h"
#include "db/schema.h"
#include "httpd/checkup.h"
#include "httpd/count.h"
#include "httpd/mount.h"
#include "httpd/page_style.h"
#include "httpd/status.h"

#include <http_protocol.h>

#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

typedef struct {
    request_rec *r;
    apr_pool_t *pool;
    const apr_array_header_t *shops; /* ms_checkup_t */
} page_t;

/* What was counted of a shop, over all routes. */
typedef struct {
    ms_route_counts_t all;
    apr_uint64_t failed, refused, throttled;
} totals_t;

#define PUT(...) ap_rvputs(p->r, __VA_ARGS__, NULL)

/* ---- words ---- */

static const char *escaped(const page_t *p, const char *text)
{
    return ap_escape_html(p->pool, text);
}

/* 1,234,567 */
static const char *number(const page_t *p, apr_uint64_t n)
{
    const char *digits = apr_psprintf(p->pool, "%" APR_UINT64_T_FMT, n);
    size_t length = strlen(digits), i;
    char *text = apr_palloc(p->pool, 2 * length), *to = text;

    for (i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) {
            *to++ = ',';
        }
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

static const char *duration(const page_t *p, apr_interval_time_t time)
{
    double ms = (double)time / 1000;

    if (time == MS_NO_QUANTILE) {
        return "–";
    }
    if (time < 100) {
        return "&lt;0.1\u00a0ms";
    }
    return ms < 10 ? apr_psprintf(p->pool, "%.1f\u00a0ms", ms) : ms < 1000 ? apr_psprintf(p->pool, "%.0f\u00a0ms", ms) : apr_psprintf(p->pool, "%.1f\u00a0s", ms / 1000);
}

static const char *quantile(const page_t *p, const ms_histogram_t *h, double share)
{
    apr_interval_time_t time = ms_histogram_quantile(h, share);

    return time >= ms_bucket_bounds[MS_BUCKETS - 2] ? apr_psprintf(p->pool, "over\u00a0%s", duration(p, time)) : duration(p, time);
}

static const char *age(const page_t *p, apr_interval_time_t time)
{
    static const struct {
        int seconds;
        const char *unit;
    } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
    apr_time_t s = apr_time_sec(time);
    int i;

    for (i = 0; i < 3 && s < 2 * units[i].seconds; i++) {
    }
    return apr_psprintf(p->pool, "%" APR_TIME_T_FMT "\u00a0%s", s / units[i].seconds, units[i].unit);
}

/* The whole time for machines, `length` characters of it from `from` on for people. */
static const char *moment(const page_t *p, apr_time_t time, int from, int length)
{
    const char *iso = ms_time_iso(p->pool, time);
    char *text = apr_pstrmemdup(p->pool, iso + from, (apr_size_t)length), *t = strchr(text, 'T');

    if (t) {
        *t = ' ';
    }
    return apr_psprintf(p->pool, "<time datetime=\"%s\">%s</time>", iso, text);
}

/* A route's path, which may break behind each slash but the first. */
static const char *path(const page_t *p, int route)
{
    const char *rest = escaped(p, ms_count_path(route)), *text = "";
    size_t n;

    for (; *rest; rest += n) {
        n = strcspn(rest, "/");
        n += rest[n] == '/';
        text = apr_pstrcat(p->pool, text, apr_pstrmemdup(p->pool, rest, n), *text && rest[n - 1] == '/' ? "<wbr>" : "", NULL);
    }
    return apr_pstrcat(p->pool, "<b>", ms_count_method(route), "</b> <code>", text, "</code>", NULL);
}

/* ---- cards ---- */

static void put_card(const page_t *p, const char *name, const char *state, const char *value, const char *more)
{
    PUT("<li class=\"card ", state, "\"><h3>", name, "</h3><p class=\"value\">", value, "</p><p>", more, "</p></li>\n");
}

static void put_database(const page_t *p, const ms_checkup_t *shop)
{
    const char *why = shop->asked ? ms_checkup_complaint(p->pool, shop) : "there was no time left to ask";
    apr_time_t since = shop->server->breaker->since;

    if (since) {
        why = apr_psprintf(p->pool, "%s, for %s now; requests that need it are refused at once, and it is asked once a second",
                           why && shop->rc != MS_OK ? why : "the database takes no more connections", age(p, ms_steady_now() - since));
    }
    if (shop->rc != MS_OK) {
        put_card(p, "Database", "bad", shop->server->newer ? "refused" : shop->asked ? "down" : "unknown", why);
        return;
    }
    put_card(p, "Database", why ? "bad" : "good", "up",
             why ? why : apr_psprintf(p->pool, "schema %d, answers in %s", shop->schema, duration(p, shop->round_trip)));
}

static void put_requests(const page_t *p, const totals_t *totals)
{
    put_card(p, "Requests", totals->failed ? "odd" : "", number(p, totals->all.handler.count),
             apr_psprintf(p->pool, "5xx:\u00a0%s; refused sign-ins:\u00a0%s; throttled:\u00a0%s", number(p, totals->failed), number(p, totals->refused),
                          number(p, totals->throttled)));
}

static void put_times(const page_t *p, const totals_t *totals)
{
    if (!totals->all.handler.count) {
        return;
    }
    put_card(p, "Time", "", quantile(p, &totals->all.handler, 0.95),
             apr_psprintf(p->pool, "for 95 of 100 requests; %s for half of them", quantile(p, &totals->all.handler, 0.5)));
}

static const char *events(const page_t *p, apr_int64_t n)
{
    return apr_pstrcat(p->pool, number(p, (apr_uint64_t)n), n < MS_OUTBOX_COUNTED ? "" : "+", NULL);
}

static void put_events(const page_t *p, const ms_checkup_t *shop)
{
    const ms_outbox_state_t *outbox = &shop->outbox;

    if (!shop->has_outbox) {
        put_card(p, "Events", "", "–", "unknown without the database");
        return;
    }
    put_card(p, "Events", outbox->dead ? "odd" : "", events(p, outbox->waiting),
             apr_psprintf(p->pool, "waiting%s; given up:\u00a0%s", outbox->waiting ? apr_psprintf(p->pool, ", the oldest for %s", age(p, outbox->oldest)) : "",
                          events(p, outbox->dead)));
}

/* One gate for all shops. */
static void put_hashing(const page_t *p, const ms_gate_t *gate)
{
    int running, waiting;

    ms_gate_look(gate, &running, &waiting);
    if (running < 0) { /* this child is about to end */
        return;
    }
    put_card(p, "Hashing", waiting ? "odd" : "", apr_psprintf(p->pool, "%d of %d", running, ms_gate_slots(gate)),
             apr_psprintf(p->pool, "slots in use; waiting: %d of\u00a0%d", waiting, ms_gate_queue(gate)));
}

/* ---- tables ---- */

/* The histogram as bars, the highest for the fullest bucket; numbers stand beside it. */
static void put_bars(const page_t *p, const ms_histogram_t *h)
{
    apr_uint64_t most = 1;
    int i;

    for (i = 0; i < MS_BUCKETS; i++) {
        most = h->bucket[i] > most ? h->bucket[i] : most;
    }
    PUT("<svg viewBox=\"0 0 88 20\" aria-hidden=\"true\"><path d=\"M0 20h88v-1h-88z");
    for (i = 0; i < MS_BUCKETS; i++) {
        if (h->bucket[i]) {
            double height = 2 + 17 * (double)h->bucket[i] / (double)most;

            ap_rprintf(p->r, "M%d 20h4v-%.1fh-4z", 6 * i, height);
        }
    }
    PUT("\"/></svg>");
}

static void put_route(const page_t *p, int route, const ms_route_counts_t *counts)
{
    PUT("<tr><th scope=\"row\">", path(p, route), "</th><td>", number(p, counts->handler.count), "</td><td", counts->requests[3] ? "" : " class=\"none\"", ">",
        number(p, counts->requests[3]), "</td><td class=\"", counts->requests[4] ? "bad" : "none", "\">", number(p, counts->requests[4]), "</td>");
    PUT("<td>", quantile(p, &counts->handler, 0.5), "</td><td>", quantile(p, &counts->handler, 0.95), "</td><td class=\"wide\">",
        quantile(p, &counts->database, 0.95), "</td><td class=\"wide\">");
    put_bars(p, &counts->handler);
    PUT("</td></tr>\n");
}

static void put_routes(const page_t *p, const ms_checkup_t *shop)
{
    ms_route_counts_t counts;
    int route;

    PUT("<h3>Routes</h3>\n<table class=\"routes\"><thead><tr><th scope=\"col\">Route</th><th scope=\"col\">Requests</th>"
        "<th scope=\"col\">4xx</th><th scope=\"col\">5xx</th><th scope=\"col\"><abbr title=\"half of the requests took no longer\">p50</abbr></th>"
        "<th scope=\"col\"><abbr title=\"95 of 100 requests took no longer\">p95</abbr></th>"
        "<th scope=\"col\" class=\"wide\"><abbr title=\"of the time with the database\">p95 database</abbr></th>"
        "<th scope=\"col\" class=\"wide\"><abbr title=\"from under 0.5 ms, on the left, to over 10 s\">Spread</abbr></th></tr></thead><tbody>\n");
    for (route = 0; route < ms_count_routes(); route++) {
        ms_counters_route(ms_count_get(), &counts, shop->server->number, route);
        if (counts.handler.count) {
            put_route(p, route, &counts);
        }
    }
    PUT("</tbody></table>\n");
}

static void put_seen(const page_t *p, const ms_seen_t *seen)
{
    const char *class = seen->status >= 500 ? "bad" : seen->status >= 400 ? "odd" : "good";

    PUT("<tr><td>", moment(p, seen->at, 11, 8), "</td><td>", path(p, seen->route), "</td><td><span class=\"status ", class, "\">",
        apr_itoa(p->pool, seen->status), "</span>", seen->problem == MS_OK ? "" : " <small>", seen->problem == MS_OK ? "" : ms_problem_get(seen->problem)->name,
        seen->problem == MS_OK ? "" : "</small>", "</td><td>", duration(p, seen->took), "</td><td>", seen->in_db ? duration(p, seen->in_db) : "–",
        "</td></tr>\n");
}

static void put_lately(const page_t *p, const ms_checkup_t *shop)
{
    ms_seen_t seen[MS_LATELY];
    int i, n = ms_counters_lately(ms_count_get(), seen, shop->server->number);

    PUT("<h3>What came in lately</h3>\n<table class=\"lately\"><thead><tr><th scope=\"col\">UTC</th><th scope=\"col\">Route</th>"
        "<th scope=\"col\">Status</th><th scope=\"col\">Took</th><th scope=\"col\">Database</th></tr></thead><tbody>\n");
    for (i = 0; i < n; i++) {
        if (seen[i].route < ms_count_routes() && seen[i].problem < MS_PROBLEM_COUNT) {
            put_seen(p, &seen[i]);
        }
    }
    PUT("</tbody></table>\n");
}

/* ---- shops ---- */

static totals_t add_up(const ms_checkup_t *shop)
{
    totals_t totals = { .refused = ms_counters_refused(ms_count_get(), shop->server->number) };
    ms_route_counts_t counts;
    int route;

    for (route = 0; route < ms_count_routes(); route++) {
        ms_counters_route(ms_count_get(), &counts, shop->server->number, route);
        ms_route_counts_merge(&totals.all, &counts);
    }
    totals.failed = totals.all.requests[4];
    totals.throttled = ms_counters_throttled_all(ms_count_get(), shop->server->number);
    return totals;
}

static void put_mounts(const page_t *p, const ms_checkup_t *shop)
{
    const apr_array_header_t *mounts = ms_mount_list(p->pool, shop->s);
    int i;

    PUT("<p class=\"mounts\">", mounts->nelts ? "Served at" : "The configuration turns the API on nowhere; an .htaccess may.");
    for (i = 0; i < mounts->nelts; i++) {
        PUT(i ? ", " : " ", "<code>", escaped(p, APR_ARRAY_IDX(mounts, i, const char *)), "</code>");
    }
    PUT("</p>\n");
}

static void put_shop(const page_t *p, const ms_checkup_t *shop)
{
    totals_t totals = add_up(shop);

    PUT("<section><h2>", escaped(p, shop->server->label), "</h2>\n");
    put_mounts(p, shop);
    PUT("<ul class=\"cards\">\n");
    put_database(p, shop);
    put_requests(p, &totals);
    put_times(p, &totals);
    put_events(p, shop);
    if (p->shops->nelts == 1) {
        put_hashing(p, shop->server->account.gate);
    }
    PUT("</ul>\n");
    if (totals.all.handler.count) {
        put_routes(p, shop);
        put_lately(p, shop);
    }
    else {
        PUT("<p class=\"empty\">Nobody has called yet.</p>\n");
    }
    PUT("</section>\n");
}

/* ---- the page ---- */

static int count_trouble(const page_t *p)
{
    int i, n = 0;

    for (i = 0; i < p->shops->nelts; i++) {
        n += ms_checkup_complaint(p->pool, &APR_ARRAY_IDX(p->shops, i, ms_checkup_t)) != NULL;
    }
    return n;
}

static void put_head(const page_t *p)
{
    int trouble = count_trouble(p), shops = p->shops->nelts;
    const char *state = !shops ? "No shop is configured." : !trouble ? "All is well."
                      : shops == 1 ? "The shop can't serve." : apr_psprintf(p->pool, "%d of %d shops can't serve.", trouble, shops);

    PUT("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
        "<title>", !shops || trouble ? "Trouble – " : "", "Store API</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>", ms_page_style, "</style>\n</head>\n");
    PUT("<body>\n<header><h1>Store API</h1><p class=\"state ", !shops || trouble ? "bad" : "good", "\">", state, "</p></header>\n<main>\n");
}

static void put_foot(const page_t *p)
{
    PUT("</main>\n<footer><p>mod_medusa_store " MS_VERSION ", for schema ", apr_itoa(p->pool, MS_SCHEMA), ". Counted since ",
        moment(p, ms_counters_since(ms_count_get()), 0, 16), ", over all processes; as of ", moment(p, apr_time_now(), 0, 19),
        " (UTC).</p><p>This address gives the same to Prometheus, as text.</p></footer>\n</body>\n</html>\n");
}

/* Nothing but this very style may be used; and the page stands in nobody's frame. */
static void put_policy(const page_t *p)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof digest, sodium_base64_VARIANT_ORIGINAL)];

    crypto_hash_sha256(digest, (const unsigned char *)ms_page_style, strlen(ms_page_style));
    sodium_bin2base64(text, sizeof text, digest, sizeof digest, sodium_base64_VARIANT_ORIGINAL);
    apr_table_setn(p->r->err_headers_out, "Content-Security-Policy",
                   apr_psprintf(p->pool, "default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", text));
    apr_table_setn(p->r->err_headers_out, "Referrer-Policy", "no-referrer");
}

int ms_page_answer(request_rec *r, const apr_array_header_t *shops)
{
    page_t page = { r, r->pool, shops }, *p = &page;
    int i;

    ap_set_content_type(r, "text/html; charset=utf-8");
    put_policy(p);
    put_head(p);
    if (shops->nelts > 1) {
        PUT("<ul class=\"cards\">\n");
        put_hashing(p, APR_ARRAY_IDX(shops, 0, ms_checkup_t).server->account.gate);
        PUT("</ul>\n");
    }
    for (i = 0; i < shops->nelts; i++) {
        put_shop(p, &APR_ARRAY_IDX(shops, i, ms_checkup_t));
    }
    put_foot(p);
    return OK;
}
