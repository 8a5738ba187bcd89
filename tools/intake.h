/* intake.h: takes in the rows of one file, batch by batch: reads, judges, asks the database, writes, counts. */
#ifndef MS_TOOLS_INTAKE_H
#define MS_TOOLS_INTAKE_H

#include <apr_hash.h>
#include <apr_pools.h>

#include "core/set.h"
#include "db/bulk.h"
#include "tools/reject.h"
#include "tools/source.h"

typedef struct intake_t {
    /* the caller's */
    apr_pool_t *pool;
    ms_direct_t *db;
    const ms_transfer_t *transfer;
    const char *what; /* "customers" */
    const char *path;
    int batch, dry_run;
    apr_hash_t *countries;
    const struct intake_t *customers; /* of addresses; NULL: these are the customers */
    reject_t *reject;

    /* what came of it */
    long read, imported, there, rejected;
    long billed, unbilled;
    ms_set_t *good; /* ids that are in the database now, or would be */

    /* its own */
    source_t *source;
    ms_set_t *ids, *emails; /* of the file so far; e-mails as ms_bulk_emails() has them */
    ms_bulk_writer_t *writer;
} intake_t;

/** Take in the whole file. NULL, or text that says what is wrong: what was written before stays. */
const char *intake_run(intake_t *intake);

/** Set the billing addresses of customers, once the addresses are in. */
const char *intake_bill(intake_t *customers, const intake_t *addresses);

#endif
