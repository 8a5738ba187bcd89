/* retained.h: what outlives restarts, which unload the module and load it again. Inside httpd/ only. */
#ifndef MS_HTTPD_RETAINED_H
#define MS_HTTPD_RETAINED_H

#include <httpd.h>

/** The memory of this key, zeroed when it is first asked for; never freed. Data only: after a restart the module may lie elsewhere. */
void *ms_retained_get(const char *key, apr_size_t size);

/** Begin a retained pool anew (NULL: there was none), in that of the process: what it held is gone. *pool is NULL where that fails. */
apr_status_t ms_retained_renew(apr_pool_t **pool, apr_pool_t *process);

#endif
