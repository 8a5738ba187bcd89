/* request_id.c: one name for a request in the answer, in our lines of the error log and in the access log.
 *
 * Called by reply.c and log.c, where something went wrong. */
#include "httpd/request_id.h"

#include <http_log.h>

#include <apr_lib.h>
#include <string.h>

enum { LEAST = 8, MOST = 64 };

static const char note[] = "medusa-request-id";

/* A peer may name a request, but not write into our logs. */
static int is_harmless(const char *id)
{
    size_t length = strlen(id), i;

    for (i = 0; i < length; i++) {
        if (!apr_isalnum(id[i]) && id[i] != '-') {
            return 0;
        }
    }
    return length >= LEAST && length <= MOST;
}

static const char *find(request_rec *r)
{
    const char *sent = apr_table_get(r->headers_in, "X-Request-Id"), *unique = apr_table_get(r->subprocess_env, "UNIQUE_ID");

    if (sent && is_harmless(sent)) {
        return sent;
    }
    if (unique) {
        return unique;
    }
    if (!r->log_id) {
        ap_run_generate_log_id(r->connection, r, &r->log_id);
    }
    return r->log_id ? r->log_id : "-";
}

const char *ms_request_id(request_rec *r)
{
    const char *id = apr_table_get(r->notes, note);

    if (!id) {
        id = find(r);
        apr_table_setn(r->notes, note, id);
    }
    return id;
}
