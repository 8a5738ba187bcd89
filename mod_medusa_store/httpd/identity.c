/* identity.c: the names under which the rest of the server, and what is behind it, learns who the customer is.
 *
 * What comes in under such a name is a lie. Called by guard.c and handler.c for what goes out. */
#include "httpd/identity.h"

#include <apr_lib.h>
#include <apr_tables.h>

static const char variable[] = "MEDUSA_CUSTOMER_ID";
static const char header[] = "Medusa-Customer-Id";

/* Whatever stands between the words: some servers make the same variable of a dash, an underscore or a dot. */
static int is_ours(const char *name)
{
    const char *ours = header;

    for (; *name && *ours; name++, ours++) {
        if (apr_tolower(*name) != apr_tolower(*ours) && (apr_isalnum(*name) || apr_isalnum(*ours))) {
            return 0;
        }
    }
    return !*name && !*ours;
}

static const char *find_lie(const apr_table_t *headers)
{
    const apr_array_header_t *list = apr_table_elts(headers);
    int i;

    for (i = 0; i < list->nelts; i++) {
        const char *name = APR_ARRAY_IDX(list, i, apr_table_entry_t).key;

        if (name && is_ours(name)) {
            return name;
        }
    }
    return NULL;
}

/* The hook runs for internal redirects too: what was told before is told again (ms_guard_tell). */
int ms_identity_forget(request_rec *r)
{
    const char *name;

    while ((name = find_lie(r->headers_in))) {
        apr_table_unset(r->headers_in, name);
    }
    return DECLINED;
}

void ms_identity_tell(request_rec *r, const char *id)
{
    apr_table_setn(r->subprocess_env, variable, id);
    if (r->main) { /* with some versions of httpd, the headers are those of the main request, which go to others too */
        r->headers_in = apr_table_copy(r->pool, r->headers_in);
    }
    apr_table_setn(r->headers_in, header, id);
    if (!r->user) {
        r->user = (char *)id;
        r->ap_auth_type = (char *)MS_AUTH_TYPE;
    }
}
