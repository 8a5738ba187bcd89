/* mount.h: where the API begins, for a request. Inside httpd/ only. */
#ifndef MS_HTTPD_MOUNT_H
#define MS_HTTPD_MOUNT_H

#include "httpd/config.h"

typedef struct {
    const char *mount; /* "/store"; "" at the root */
    const char *path;  /* what is below it: "/customers/me"; "/" for the mount point itself */
} ms_mount_t;

/** Divide r->uri. 1: *m is set; 0: the address is not below the mount point; -1: it can't be told (MedusaStoreBase is missing). */
int ms_mount_find(ms_mount_t *m, request_rec *r, const ms_place_t *place);

/** Where the configuration files of a server turn the API on (const char *): paths of addresses, and folders, of which it can't be told
 *  what they are to addresses. */
apr_array_header_t *ms_mount_list(apr_pool_t *pool, const server_rec *s);

#endif
