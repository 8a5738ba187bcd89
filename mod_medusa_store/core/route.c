/* route.c: matches a request against the route tables.
 *
 * Paths come percent-decoded by httpd and without the mount point. Called once a request by api/dispatch.c. */
#include "core/route.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

/* Length of the segment at s, which stands behind a slash. */
static size_t segment_length(const char *s)
{
    return strcspn(s, "/");
}

/* A route's method "GET" answers HEAD too; HTTP methods are case-sensitive (RFC 9110, 9.1). */
static int method_fits(const char *wanted, const char *method)
{
    return !strcmp(wanted, "*") || !strcmp(wanted, method)
        || (!strcmp(wanted, "GET") && !strcmp(method, "HEAD"));
}

static int path_fits(ms_ctx_t *c, const char *pattern, const char *path)
{
    int n = 0;

    while (*pattern == '/') {
        size_t want = segment_length(++pattern);
        size_t have;

        if (want == 2 && !strncmp(pattern, "**", 2)) {
            return 1;
        }
        if (*path != '/') {
            return 0;
        }
        have = segment_length(++path);
        if (*pattern == '{') {
            if (!have || n == MS_PARAMS_MAX) {
                return 0;
            }
            c->params[n++] = apr_pstrmemdup(c->pool, path, have);
        }
        else if (want != have || strncasecmp(pattern, path, want)) {
            return 0;
        }
        pattern += want;
        path += have;
    }
    return !*path || !strcmp(path, "/");
}

ms_rc_t ms_route_missing(ms_ctx_t *c)
{
    return ms_fail(c, MS_NOT_FOUND, "Cannot %s %s%s", c->method, c->mount, c->path);
}

const ms_route_t *ms_route_search(ms_ctx_t *c, const ms_route_t *const *tables)
{
    const ms_route_t *r;

    for (; *tables; tables++) {
        for (r = *tables; r->method; r++) {
            if (method_fits(r->method, c->method) && path_fits(c, r->path, c->path)) {
                return r;
            }
        }
    }
    return NULL;
}

ms_rc_t ms_route_find(ms_ctx_t *c, const ms_route_t *const *tables)
{
    c->route = ms_route_search(c, tables);
    return c->route ? MS_OK : ms_route_missing(c);
}
