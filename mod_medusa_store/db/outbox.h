/* outbox.h: the events that wait in the table outbox, for whoever delivers them.
 *
 * Events get there in the transaction of the change they tell of (account/outbox.h). A worker asks which are due, claims one
 * after the other and says what became of each. Failures come back as text, see db/direct.h; NULL means that all is well. */
#ifndef MS_DB_OUTBOX_H
#define MS_DB_OUTBOX_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

#include "db/direct.h"

typedef struct {
    const char *seq; /* its place in the order */
    const char *id;
    const char *name;
    const char *data;       /* JSON text */
    const char *created_at; /* as in the database: UTC */
    const char *lease;      /* until when it is the claimer's, by the database's clock */
    int attempts;           /* that failed so far */
} ms_event_t;

/** The seq texts (`const char *`) of the first `limit` events that are due, in order. */
const char *ms_event_due(apr_array_header_t **seqs, ms_direct_t *db, apr_pool_t *pool, int limit);

/** Take an event for `lease` seconds: until then it is due for no one else. *event is NULL where another worker was faster.
 *  No transaction is open afterwards. */
const char *ms_event_claim(ms_event_t **event, ms_direct_t *db, apr_pool_t *pool, const char *seq, int lease);

/** It was delivered: delete it. Safe to repeat. */
const char *ms_event_delivered(ms_direct_t *db, apr_pool_t *pool, const ms_event_t *event);

/** It was not: count the attempt, keep `error`, and make it due again after `delay` microseconds, or never where `dead`.
 *  Changes nothing where the claim ran out and another worker has it. Safe to repeat. */
const char *ms_event_failed(ms_direct_t *db, apr_pool_t *pool, const ms_event_t *event, const char *error,
                            apr_interval_time_t delay, int dead);

/** Make all dead events due now, as if new; *count is their number. */
const char *ms_event_revive(int *count, ms_direct_t *db);

typedef struct {
    const char *waiting, *due, *dead; /* counts; due ones wait, too */
    const char *oldest;               /* age of the oldest that waits, in seconds; NULL: none waits */
    apr_array_header_t *errors;       /* texts id, event_name, state, attempts, last_error: the last 10 that failed */
} ms_event_summary_t;

/** How things stand. */
const char *ms_event_summary(ms_event_summary_t *summary, ms_direct_t *db, apr_pool_t *pool);

#endif
