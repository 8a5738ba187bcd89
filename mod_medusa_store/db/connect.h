/* connect.h: one attempt to connect and to make the connection ready, in a thread of its own. Inside db/ only. */
#ifndef MS_DB_CONNECT_H
#define MS_DB_CONNECT_H

#include <apr_dbd.h>
#include <apr_pools.h>
#include <apr_time.h>

typedef struct ms_attempt_t ms_attempt_t;

/** Begin to connect, and to run the statements of `setup` (it ends with NULL); NULL: no memory or thread to be had. It ends by ms_attempt_take() or ms_attempt_leave();
 *  `no_memory` ends the process where its pool gets none. */
ms_attempt_t *ms_attempt_start(apr_abortfunc_t no_memory, const apr_dbd_driver_t *driver, const char *params, const char *const *setup);

/** Wait for its end, until a time on the steady clock; 1: it is over. */
int ms_attempt_wait(ms_attempt_t *attempt, apr_time_t until);

/** 1: it is over, and has brought a connection. */
int ms_attempt_is_good(ms_attempt_t *attempt);

/** When it began, on the steady clock. */
apr_time_t ms_attempt_since(const ms_attempt_t *attempt);

/** What came of it, once it is over: a pool, now the caller's, and in it the connection, or NULL and why there is none. */
void ms_attempt_take(ms_attempt_t *attempt, apr_pool_t **pool, apr_dbd_t **handle, const char **why);

/** Leave it to itself: it closes what it may still open. */
void ms_attempt_leave(ms_attempt_t *attempt);

#endif
