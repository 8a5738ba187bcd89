/* outbox.c: claims events, and says what became of them.
 *
 * Knows the table outbox. A claim is a date: due_at is set ahead, so that a worker that dies leaves nothing to tidy up, and
 * no transaction is open while a command runs. Called by tools/outbox.c. */
#include "db/outbox.h"

#include <stdlib.h>

#include <apr_strings.h>

const char *ms_event_due(apr_array_header_t **seqs, ms_direct_t *db, apr_pool_t *pool, int limit)
{
    apr_array_header_t *rows;
    const char *sql = apr_psprintf(pool, "SELECT seq FROM outbox WHERE state = 'waiting' AND due_at <= UTC_TIMESTAMP(3) "
                                   "ORDER BY seq LIMIT %d", limit);
    const char *problem = ms_direct_read(&rows, db, pool, 1, sql);
    int i;

    *seqs = apr_array_make(pool, limit, sizeof(const char *));
    for (i = 0; !problem && i < rows->nelts; i++) {
        APR_ARRAY_PUSH(*seqs, const char *) = APR_ARRAY_IDX(rows, i, const char *const *)[0];
    }
    return problem;
}

static ms_event_t *make_event(apr_pool_t *pool, const char *const *row)
{
    ms_event_t *event = apr_pcalloc(pool, sizeof(*event));

    event->seq = row[0];
    event->id = row[1];
    event->name = row[2];
    event->data = row[3];
    event->created_at = row[4];
    event->attempts = atoi(row[5]);
    event->lease = row[6];
    return event;
}

/* By its key: a search for "the first that is due" would lock every row that it looks at. */
static const char *lock(ms_event_t **event, ms_direct_t *db, apr_pool_t *pool, const char *seq, int lease)
{
    apr_array_header_t *rows;
    const char *problem = ms_direct_read(
        &rows, db, pool, 7,
        apr_psprintf(pool, "SELECT seq, id, event_name, data, created_at, attempts, UTC_TIMESTAMP(3) + INTERVAL %d SECOND "
                     "FROM outbox WHERE seq = %s AND state = 'waiting' AND due_at <= UTC_TIMESTAMP(3) "
                     "FOR UPDATE SKIP LOCKED", lease, seq));

    *event = !problem && rows->nelts ? make_event(pool, APR_ARRAY_IDX(rows, 0, const char *const *)) : NULL;
    return problem;
}

static const char *set_lease(ms_direct_t *db, apr_pool_t *pool, const ms_event_t *event)
{
    return ms_direct_run(db, NULL, apr_psprintf(pool, "UPDATE outbox SET due_at = '%s' WHERE seq = %s", event->lease, event->seq));
}

const char *ms_event_claim(ms_event_t **event, ms_direct_t *db, apr_pool_t *pool, const char *seq, int lease)
{
    const char *problem = ms_direct_run(db, NULL, "START TRANSACTION");

    *event = NULL;
    if (!problem) {
        problem = lock(event, db, pool, seq, lease);
    }
    if (!problem && *event) {
        problem = set_lease(db, pool, *event);
    }
    if (!problem) {
        return ms_direct_run(db, NULL, "COMMIT");
    }
    ms_direct_run(db, NULL, "ROLLBACK"); /* what went wrong before is what to tell */
    return problem;
}

const char *ms_event_delivered(ms_direct_t *db, apr_pool_t *pool, const ms_event_t *event)
{
    return ms_direct_run(db, NULL, apr_psprintf(pool, "DELETE FROM outbox WHERE seq = %s", event->seq));
}

const char *ms_event_failed(ms_direct_t *db, apr_pool_t *pool, const ms_event_t *event, const char *error,
                            apr_interval_time_t delay, int dead)
{
    return ms_direct_run(db, NULL,
                         apr_psprintf(pool, "UPDATE outbox SET attempts = attempts + 1, state = '%s', last_error = %s, "
                                      "due_at = UTC_TIMESTAMP(3) + INTERVAL %" APR_TIME_T_FMT " MICROSECOND "
                                      "WHERE seq = %s AND state = 'waiting' AND due_at = '%s'",
                                      dead ? "dead" : "waiting", ms_direct_quote(db, pool, error), delay, event->seq,
                                      event->lease));
}

const char *ms_event_revive(int *count, ms_direct_t *db)
{
    return ms_direct_run(db, count, "UPDATE outbox SET state = 'waiting', attempts = 0, due_at = UTC_TIMESTAMP(3) "
                                    "WHERE state = 'dead'");
}

const char *ms_event_summary(ms_event_summary_t *summary, ms_direct_t *db, apr_pool_t *pool)
{
    apr_array_header_t *rows;
    const char *problem = ms_direct_read(
        &rows, db, pool, 4,
        "SELECT COUNT(CASE WHEN state = 'waiting' THEN 1 END),"
        " COUNT(CASE WHEN state = 'waiting' AND due_at <= UTC_TIMESTAMP(3) THEN 1 END),"
        " COUNT(CASE WHEN state = 'dead' THEN 1 END),"
        " TIMESTAMPDIFF(SECOND, MIN(CASE WHEN state = 'waiting' THEN created_at END), UTC_TIMESTAMP(3)) FROM outbox");

    if (!problem) {
        const char *const *row = APR_ARRAY_IDX(rows, 0, const char *const *);

        summary->waiting = row[0];
        summary->due = row[1];
        summary->dead = row[2];
        summary->oldest = row[3];
        problem = ms_direct_read(&summary->errors, db, pool, 5,
                                 "SELECT id, event_name, state, attempts, last_error FROM outbox "
                                 "WHERE last_error IS NOT NULL ORDER BY seq DESC LIMIT 10");
    }
    return problem;
}
