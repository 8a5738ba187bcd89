/* health.c: is the process alive, and can the shop serve? For load balancers and whoever restarts servers.
 *
 * The first asks nothing: a database that is away is no reason to restart httpd. The second keeps requests from where they would fail. */
#include "httpd/checkup.h"
#include "httpd/count.h"
#include "httpd/status.h"

#include <apr_strings.h>

static const char retry_after[] = "1"; /* seconds */

int ms_health_answer(request_rec *r)
{
    return ms_status_text(r, HTTP_OK, "OK");
}

/* One shop that can't serve is enough; where there are several, it is named. Shops with one pool are asked once. */
static const char *complaint(request_rec *r)
{
    const char *why = "no shop is configured";
    const struct ms_db_t *good = NULL;
    apr_time_t deadline = ms_checkup_deadline(r);
    const server_rec *s = NULL;

    while ((s = ms_count_next_shop(r, s))) {
        const ms_server_t *server = ms_server_get(s);
        ms_checkup_t found;

        if (good && server->shop.db == good) {
            continue;
        }
        found = ms_checkup_schema(r->pool, s, deadline);
        why = ms_checkup_complaint(r->pool, &found);
        if (why) {
            return s == r->server ? why : apr_pstrcat(r->pool, server->label, ": ", why, NULL);
        }
        good = server->shop.db;
    }
    return why;
}

int ms_ready_answer(request_rec *r)
{
    const char *why = complaint(r);

    if (!why) {
        return ms_status_text(r, HTTP_OK, "OK");
    }
    apr_table_setn(r->err_headers_out, "Retry-After", retry_after);
    return ms_status_text(r, HTTP_SERVICE_UNAVAILABLE, apr_pstrcat(r->pool, why, "\n", NULL));
}
