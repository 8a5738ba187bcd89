/* count.h: the server's counters: which shops and routes are counted, and what a request adds. Inside httpd/ only. */
#ifndef MS_HTTPD_COUNT_H
#define MS_HTTPD_COUNT_H

#include <httpd.h>

#include "core/counters.h"
#include "core/ctx.h"
#include "httpd/config.h"

/** Number and name the shops, and make the counters that they share; in post_config. Counts go on over restarts as long as shops and
 *  routes stay the same. The text says what is wrong; NULL: all is well. */
const char *ms_count_start(apr_pool_t *pconf, server_rec *main_server);

/** Count a request that the handler has ended with `status`, after `took` microseconds. Costs no memory and no lock. */
void ms_count_request(request_rec *r, ms_ctx_t *c, int status, apr_interval_time_t took);

/** The counters of all processes. */
const ms_counters_t *ms_count_get(void);

/** How many routes are counted, and what they are called; the last two are no rows of a table: preflights, and what fits no route. */
int ms_count_routes(void);
const char *ms_count_method(int route);
const char *ms_count_path(int route);

/** The shops that a status handler tells of: in a virtual host that is a shop that one, elsewhere, and where r is NULL, all in the order of
 *  the configuration. The next one after `previous` (NULL: the first); NULL: no more. */
server_rec *ms_count_next_shop(const request_rec *r, const server_rec *previous);

#endif
