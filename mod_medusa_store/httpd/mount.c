/* mount.c: divides an address into mount point and path.
 *
 * path_info can't be trusted for it: where it begins depends on which files exist. A <Location> is its own mount point; for a
 * directory, what follows it in the file name is also the end of the address, whatever alias led there. */
#include "httpd/mount.h"

#include <http_core.h>

#include <apr_strings.h>
#include <string.h>

static int below(ms_mount_t *m, request_rec *r, const char *mount)
{
    size_t n = strlen(mount);

    if (strncmp(r->uri, mount, n) || (r->uri[n] && r->uri[n] != '/')) {
        return 0;
    }
    m->mount = mount;
    m->path = r->uri[n] ? r->uri + n : "/";
    return 1;
}

static int below_directory(ms_mount_t *m, request_rec *r, const char *directory)
{
    const char *file = apr_pstrcat(r->pool, r->filename, r->path_info, NULL);
    size_t n = strlen(directory), length = strlen(r->uri), tail;

    if (strncmp(file, directory, n) || (file[n] && file[n] != '/')) {
        return -1;
    }
    tail = strlen(file + n);
    if (!tail) { /* the directory itself, without a slash */
        m->mount = r->uri;
        m->path = "/";
        return 1;
    }
    if (length < tail || strcmp(r->uri + length - tail, file + n)) {
        return -1;
    }
    m->mount = apr_pstrmemdup(r->pool, r->uri, length - tail);
    m->path = r->uri + length - tail;
    return 1;
}

int ms_mount_find(ms_mount_t *m, request_rec *r, const ms_place_t *place)
{
    if (place->base) {
        return below(m, r, place->base);
    }
    switch (place->section) {
    case MS_IN_SERVER:    return below(m, r, "/store");
    case MS_IN_LOCATION:  return below(m, r, place->path);
    case MS_IN_DIRECTORY: return below_directory(m, r, place->path);
    default:              return -1;
    }
}

static const char *describe(apr_pool_t *pool, const ms_place_t *place)
{
    if (place->base) {
        return *place->base ? place->base : "/";
    }
    switch (place->section) {
    case MS_IN_SERVER:    return "/store";
    case MS_IN_LOCATION:  return *place->path ? place->path : "/";
    case MS_IN_DIRECTORY: return apr_pstrcat(pool, "the folder ", place->path, NULL);
    default:              return NULL;
    }
}

static void add(apr_array_header_t *mounts, ap_conf_vector_t *section)
{
    const ms_place_t *place = ap_get_module_config(section, &medusa_store_module);
    const char *mount = place && place->on == 1 ? describe(mounts->pool, place) : NULL;

    if (mount) {
        APR_ARRAY_PUSH(mounts, const char *) = mount;
    }
}

apr_array_header_t *ms_mount_list(apr_pool_t *pool, const server_rec *s)
{
    const core_server_config *core = ap_get_core_module_config(s->module_config);
    const apr_array_header_t *sections[] = { core->sec_url, core->sec_dir };
    apr_array_header_t *mounts = apr_array_make(pool, 4, sizeof(const char *));
    int list, i;

    add(mounts, s->lookup_defaults);
    for (list = 0; list < 2; list++) {
        for (i = 0; i < sections[list]->nelts; i++) {
            add(mounts, APR_ARRAY_IDX(sections[list], i, ap_conf_vector_t *));
        }
    }
    return mounts;
}
