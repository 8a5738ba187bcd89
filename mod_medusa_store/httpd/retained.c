/* retained.c: memory of the process, by key.
 *
 * Called in post_config by those who keep something over restarts: start.c, count.c, survey.c. */
#include "httpd/retained.h"

#include <http_core.h>

void *ms_retained_get(const char *key, apr_size_t size)
{
    void *kept = ap_retained_data_get(key);

    return kept ? kept : ap_retained_data_create(key, size);
}

apr_status_t ms_retained_renew(apr_pool_t **pool, apr_pool_t *process)
{
    if (*pool) {
        apr_pool_destroy(*pool);
        *pool = NULL;
    }
    return apr_pool_create(pool, process);
}
