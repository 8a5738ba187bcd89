/* secret.h: reading a secret from where the administrator keeps it. Inside httpd/ only. */
#ifndef MS_HTTPD_SECRET_H
#define MS_HTTPD_SECRET_H

#include <apr_pools.h>

/** Read "file:PATH" (one line; refused if others can read it) or "exec:COMMAND ARGUMENTS" (its first line of output; no shell).
 *  NULL: *text is it, without the line's end; else what is wrong, naming the source but never the secret. */
const char *ms_secret_read(apr_pool_t *pool, apr_pool_t *temp, const char **text, const char *source);

#endif
