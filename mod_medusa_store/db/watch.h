/* watch.h: the thread that cuts statements which outlive their time; one a pool. Inside db/ only. */
#ifndef MS_DB_WATCH_H
#define MS_DB_WATCH_H

#include <apr_pools.h>

#include "db/pool.h"

typedef struct ms_watch_t ms_watch_t;

/** Begin to watch; `cut` is called for each connection that was cut, `tick` ten times a second or more often, both by the watch's thread. */
apr_status_t ms_watch_start(ms_watch_t **watch, apr_pool_t *pool, void (*cut)(ms_conn_t *conn), void (*tick)(ms_db_t *db), ms_db_t *db);

/** Watch a connection from now on, and no longer. */
void ms_watch_add(ms_watch_t *watch, ms_conn_t *conn);
void ms_watch_remove(ms_watch_t *watch, ms_conn_t *conn);

/** End the thread: it looks at no connection any more. */
void ms_watch_stop(ms_watch_t *watch);

#endif
