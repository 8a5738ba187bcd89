/* claim.c: takes the requests of a place with `MedusaStore On`, before and beside the other modules that could.
 *
 * A place that is no directory takes them before httpd looks for files. In a directory httpd has looked already: what lies
 * there (a folder, a page with a similar name) must not answer. mod_proxy has its say before both, and loses it here. What
 * mod_rewrite's rules for a directory do comes later, and stays. */
#include "httpd/claim.h"
#include "api/api.h"
#include "httpd/config.h"
#include "httpd/mount.h"
#include "httpd/status.h"

#include <apr_strings.h>
#include <string.h>

const char ms_handler_name[] = "medusa-store";

static const char no_file[] = "medusa-store:"; /* begins the file name of a request that has none */

/* A preflight asks for the request that it comes before. */
static int is_served(request_rec *r, const ms_mount_t *mount)
{
    const char *method = r->method_number == M_OPTIONS ? apr_table_get(r->headers_in, "Access-Control-Request-Method") : r->method;
    ms_ctx_t c = { .pool = r->pool, .method = method ? method : "GET", .path = mount->path };

    return ms_serves(&c);
}

static int is_api(request_rec *r, const ms_place_t *place)
{
    ms_mount_t mount;
    int found = place->on == 1 ? ms_mount_find(&mount, r, place) : 0;

    return found > 0 && place->pass_unserved == 1 ? is_served(r, &mount) : found != 0;
}

int ms_claim_translate(request_rec *r)
{
    const ms_place_t *place = ms_place_get(r);

    /* of the status handlers, those of a <Location>: what folders say is not known yet */
    if (!ms_status_is_set(r) && (place->section == MS_IN_DIRECTORY || !is_api(r, place))) {
        return DECLINED;
    }
    r->filename = apr_pstrcat(r->pool, no_file, r->uri, NULL);
    return OK;
}

/* By what translate left: at this point httpd has set the section's configuration aside. */
int ms_claim_map(request_rec *r)
{
    return r->filename && !strncmp(r->filename, no_file, strlen(no_file)) ? OK : DECLINED;
}

/* As type checker, it keeps mod_negotiation and mod_mime away, too: the end of an address is no file name extension. Once more among
 * the fixups, against a SetHandler of a section around, but for those of our own. */
int ms_claim(request_rec *r)
{
    if (!is_api(r, ms_place_get(r)) || ms_status_is_set(r)) {
        return DECLINED;
    }
    r->handler = ms_handler_name;
    r->proxyreq = PROXYREQ_NONE;
    r->finfo.filetype = APR_NOFILE; /* mod_dir must not care */
    return OK;
}
