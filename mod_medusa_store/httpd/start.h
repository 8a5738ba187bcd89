/* start.h: what happens while the server and its children start. Inside httpd/ only. */
#ifndef MS_HTTPD_START_H
#define MS_HTTPD_START_H

#include <httpd.h>

/** Derive keys, make the hashing slots. */
int ms_start_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

/** Make this child's connection pools; none connects yet. */
void ms_start_child(apr_pool_t *pchild, server_rec *s);

#endif
