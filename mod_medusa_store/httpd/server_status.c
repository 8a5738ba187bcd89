/* server_status.c: our part of mod_status' page: short, of all shops, from the counters alone.
 *
 * mod_status need not be loaded: its hook is an optional one. */
#include "account/gate.h"
#include "httpd/count.h"
#include "httpd/status.h"

#include <http_protocol.h>
#include <mod_status.h>

#include <apr_strings.h>

/* What is told of a shop, or of all together. */
typedef struct {
    ms_route_counts_t counts;
    apr_uint64_t refused, throttled;
    apr_uint64_t open; /* shops whose database is known to be down */
} row_t;

static apr_uint64_t requests(const row_t *row) { return row->counts.handler.count; }
static apr_uint64_t requests_4xx(const row_t *row) { return row->counts.requests[3]; }
static apr_uint64_t requests_5xx(const row_t *row) { return row->counts.requests[4]; }
static apr_uint64_t refused_sign_ins(const row_t *row) { return row->refused; }
static apr_uint64_t throttled(const row_t *row) { return row->throttled; }
static apr_uint64_t databases_down(const row_t *row) { return row->open; }
static apr_uint64_t median(const row_t *row) { return requests(row) ? (apr_uint64_t)ms_histogram_quantile(&row->counts.handler, 0.5) : 0; }
static apr_uint64_t p95(const row_t *row) { return requests(row) ? (apr_uint64_t)ms_histogram_quantile(&row->counts.handler, 0.95) : 0; }

static const struct {
    const char *title, *key;
    apr_uint64_t (*get)(const row_t *row);
} columns[] = {
    { "Requests",              "Requests",       requests },
    { "4xx",                   "Requests4xx",    requests_4xx },
    { "5xx",                   "Requests5xx",    requests_5xx },
    { "Refused sign-ins",      "RefusedSignIns", refused_sign_ins },
    { "Throttled",             "Throttled",      throttled },
    { "Databases down",        "DatabasesDown",  databases_down },
    { "Median, microseconds",  "MedianUs",       median },
    { "95 %, microseconds",    "P95Us",          p95 },
};

enum { COLUMNS = sizeof columns / sizeof *columns };

static row_t read_shop(const ms_server_t *server)
{
    row_t row = {
        .refused = ms_counters_refused(ms_count_get(), server->number), .throttled = ms_counters_throttled_all(ms_count_get(), server->number),
        .open = (apr_uint64_t)ms_breaker_is_open(server->breaker)
    };
    ms_route_counts_t counts;
    int route;

    for (route = 0; route < ms_count_routes(); route++) {
        ms_counters_route(ms_count_get(), &counts, server->number, route);
        ms_route_counts_merge(&row.counts, &counts);
    }
    return row;
}

static const ms_server_t *next_shop(const server_rec **s)
{
    *s = ms_count_next_shop(NULL, *s);
    return *s ? ms_server_get(*s) : NULL;
}

/* ---- for machines ---- */

static void write_lines(request_rec *r, const char *prefix, const row_t *row)
{
    int i;

    for (i = 0; i < COLUMNS; i++) {
        ap_rprintf(r, "MedusaStore%s%s: %" APR_UINT64_T_FMT "\n", prefix, columns[i].key, columns[i].get(row));
    }
}

static void write_short(request_rec *r)
{
    const server_rec *s = NULL;
    const ms_server_t *server;
    row_t all = { .refused = 0 };
    int running, waiting, shops = 0;

    while ((server = next_shop(&s))) {
        row_t row = read_shop(server);

        ap_rprintf(r, "MedusaStoreShop[%d]Name: %s\n", shops, server->label);
        write_lines(r, apr_psprintf(r->pool, "Shop[%d]", shops), &row);
        ms_route_counts_merge(&all.counts, &row.counts);
        all.refused += row.refused;
        all.throttled += row.throttled;
        all.open += row.open;
        if (!shops++) {
            ms_gate_look(server->account.gate, &running, &waiting);
            ap_rprintf(r, "MedusaStoreHashSlots: %d\nMedusaStoreHashesRunning: %d\nMedusaStoreHashesWaiting: %d\n",
                       ms_gate_slots(server->account.gate), running, waiting);
        }
    }
    ap_rprintf(r, "MedusaStoreShops: %d\n", shops);
    write_lines(r, "", &all);
}

/* ---- for people ---- */

static void write_table(request_rec *r)
{
    const server_rec *s = NULL;
    const ms_server_t *server;
    int i;

    ap_rputs("<table border=\"0\"><tr><th>Shop</th>", r);
    for (i = 0; i < COLUMNS; i++) {
        ap_rprintf(r, "<th>%s</th>", columns[i].title);
    }
    while ((server = next_shop(&s))) {
        row_t row = read_shop(server);

        ap_rprintf(r, "</tr>\n<tr><td>%s</td>", ap_escape_html(r->pool, server->label));
        for (i = 0; i < COLUMNS; i++) {
            ap_rprintf(r, "<td align=\"right\">%" APR_UINT64_T_FMT "</td>", columns[i].get(&row));
        }
    }
    ap_rputs("</tr></table>\n", r);
}

static void write_list(request_rec *r)
{
    const server_rec *s = NULL;
    const ms_server_t *server;
    int i;

    ap_rputs("<ul>\n", r);
    while ((server = next_shop(&s))) {
        row_t row = read_shop(server);

        ap_rprintf(r, "<li>%s:", ap_escape_html(r->pool, server->label));
        for (i = 0; i < COLUMNS; i++) {
            ap_rprintf(r, "%s %s %" APR_UINT64_T_FMT, i ? ";" : "", columns[i].title, columns[i].get(&row));
        }
        ap_rputs("</li>\n", r);
    }
    ap_rputs("</ul>\n", r);
}

static void write_gate(request_rec *r)
{
    const server_rec *s = NULL;
    const ms_server_t *server = next_shop(&s);
    int running, waiting;

    if (!server) {
        ap_rputs("<p>No shop is configured.</p>\n", r);
        return;
    }
    ms_gate_look(server->account.gate, &running, &waiting);
    if (running >= 0) {
        ap_rprintf(r, "<p>%d of %d hashing slots in use, %d requests wait for one.</p>\n", running, ms_gate_slots(server->account.gate), waiting);
    }
}

int ms_server_status(request_rec *r, int flags)
{
    if (flags & AP_STATUS_SHORT) {
        write_short(r);
        return OK;
    }
    ap_rputs("<hr />\n<h2>mod_medusa_store</h2>\n", r);
    write_gate(r);
    if (flags & AP_STATUS_NOTABLE) {
        write_list(r);
    }
    else {
        write_table(r);
    }
    return OK;
}
