/* dial.h: how a child reaches its database: one attempt at a time, made by a request, or by a probe while it is known to be down. Inside
 * db/ only. */
#ifndef MS_DB_DIAL_H
#define MS_DB_DIAL_H

#include "db/breaker.h"
#include "db/db.h"

#include <apr_dbd.h>

enum { MS_TRIES_MAX = 3 /* of a transaction that loses races */ };

typedef struct ms_dial_t ms_dial_t;

/** A connection that was brought. All of it is the caller's. */
typedef struct {
    apr_pool_t *pool;  /* its life; the handle closes before it */
    apr_dbd_t *handle;
    int socket;        /* a descriptor of its own, of the handle's socket */
    int fresh;         /* 0: it was brought some time ago, and may have died since */
} ms_call_t;

/** Make it, in `pool`; conf, breaker and sink must live as long. */
ms_dial_t *ms_dial_make(apr_pool_t *pool, const apr_dbd_driver_t *driver, const ms_db_conf_t *conf, ms_breaker_t *breaker, const ms_sink_t *sink);

/** Connect, until a time on the steady clock. 1: *call is good; 0: the database is down, which the breaker knows, or there was no time
 *  for more. Threads take turns. */
int ms_dial_connect(ms_dial_t *dial, apr_time_t until, ms_call_t *call);

/** A step of a probe, where the breaker is open: begin an attempt, or look what became of it. Never waits. */
void ms_dial_probe(ms_dial_t *dial);

/** End it; nobody may be in it any more. */
void ms_dial_end(ms_dial_t *dial);

/** Longest wait of a connection's statements for a lock, in seconds: all tries of a transaction together take no longer than one
 *  statement may. */
int ms_dial_lock_seconds(const ms_db_conf_t *conf);

#endif
