/* checkup.h: how the shops are, now: their databases and outboxes. Inside httpd/ only. */
#ifndef MS_HTTPD_CHECKUP_H
#define MS_HTTPD_CHECKUP_H

#include <httpd.h>

#include "account/outbox.h"
#include "httpd/config.h"

/** What was found of a shop. */
typedef struct {
    const server_rec *s;
    const ms_server_t *server;
    int asked;                      /* 0: there was no time left for it, and nothing below is known */
    ms_rc_t rc;                     /* MS_OK: the database told its schema */
    int schema;                     /* number of its last migration */
    apr_interval_time_t round_trip; /* how long that took, in microseconds */
    int has_outbox;                 /* 1: `outbox` is known */
    ms_outbox_state_t outbox;
} ms_checkup_t;

/** When whoever asks must have an answer, on the steady clock: as long as a request of r's server may take, from now on. */
apr_time_t ms_checkup_deadline(const request_rec *r);

/** Ask a shop's database for its schema: one statement, through the pool of this child, until that time. */
ms_checkup_t ms_checkup_schema(apr_pool_t *pool, const server_rec *s, apr_time_t deadline);

/** Why a shop can't serve, in words that tell nothing secret, or NULL: it can. A schema that is newer than the module is no reason:
 *  migrations leave what the version before them needs. */
const char *ms_checkup_complaint(apr_pool_t *pool, const ms_checkup_t *found);

/** All shops that r's server tells of (ms_checkup_t), with their outboxes. Those that share a database are asked once. At the
 *  deadline, the rest is not asked any more. */
apr_array_header_t *ms_checkup_all(const request_rec *r);

#endif
