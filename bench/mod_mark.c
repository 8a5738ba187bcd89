/* mod_mark.c: a request for /mark/NAME makes callgrind write down, under that name, what it has counted since the last one.
 *
 * So a client can divide what a server under callgrind does, without signals or a debugger. Serves t/95-cost; knows nothing of the
 * module. */
#include "httpd.h"
#include "http_config.h"
#include "http_protocol.h"

#include <string.h>
#include <valgrind/callgrind.h>

static const char path[] = "/mark/";

static int is_mark(const request_rec *r)
{
    return !strncmp(r->uri, path, strlen(path));
}

/* Not a file, so that httpd asks the file system nothing. */
static int translate(request_rec *r)
{
    if (!is_mark(r)) {
        return DECLINED;
    }
    r->filename = r->uri;
    return OK;
}

static int map(request_rec *r)
{
    return is_mark(r) ? OK : DECLINED;
}

static int handle(request_rec *r)
{
    if (!is_mark(r)) {
        return DECLINED;
    }
    CALLGRIND_DUMP_STATS_AT(r->uri + strlen(path));
    ap_set_content_type(r, "text/plain; charset=utf-8");
    ap_rputs("OK\n", r);
    return OK;
}

static void hooks(apr_pool_t *pool)
{
    ap_hook_translate_name(translate, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_map_to_storage(map, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_REALLY_FIRST);
}

AP_DECLARE_MODULE(mark) = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks, 0 };
