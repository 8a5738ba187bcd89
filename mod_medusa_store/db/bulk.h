/* bulk.h: customers and addresses in bulk, for import and export.
 *
 * Tables and columns are named by the caller, out of tables of its own. Failures come back as text that quotes no value, see
 * db/direct.h; NULL means that all is well. */
#ifndef MS_DB_BULK_H
#define MS_DB_BULK_H

#include <apr_hash.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "db/direct.h"

/** All countries' codes, as keys. */
const char *ms_bulk_countries(apr_hash_t **codes, ms_direct_t *db, apr_pool_t *pool);

/** Which of `ids` (`const char *`, each a proper id) are in the table, as keys. */
const char *ms_bulk_ids(apr_hash_t **found, ms_direct_t *db, apr_pool_t *pool, const char *table, const apr_array_header_t *ids);

/** Which live rows have one of `emails` (`const char *`), as keys: "0" or "1" (has_account), then the e-mail. */
const char *ms_bulk_emails(apr_hash_t **found, ms_direct_t *db, apr_pool_t *pool, const apr_array_header_t *emails);

/** Number of rows of a table. */
const char *ms_bulk_count(long *count, ms_direct_t *db, apr_pool_t *pool, const char *table);

typedef struct {
    const char **values; /* of all columns; NULL: SQL NULL */
    const char *refused; /* then: why the database did not take it, a static text */
    int there;           /* then: 1: a row of this id was there already */
} ms_bulk_row_t;

typedef struct ms_bulk_writer_t ms_bulk_writer_t;

/** Prepare to insert rows of these columns; lives as long as the connection. */
const char *ms_bulk_writer(ms_bulk_writer_t **writer, ms_direct_t *db, apr_pool_t *pool, const char *table,
                           const char *const *columns, int count);

/** Insert rows in one transaction, and repeat it where it lost a race for a lock. Rows that a key refuses are marked; any other
 *  refusal is a problem, and none is written. */
const char *ms_bulk_insert(ms_bulk_writer_t *writer, apr_pool_t *pool, ms_bulk_row_t *const *rows, int count);

typedef struct {
    const char *customer, *address, *updated_at; /* ids; only where the customer has not changed since, nor has one */
    const char *refused; /* then: why not, a static text */
    int set;             /* then: 1 */
} ms_bulk_billing_t;

/** Set billing addresses, in one transaction as above. */
const char *ms_bulk_bill(ms_direct_t *db, apr_pool_t *pool, ms_bulk_billing_t *billings, int count);

/** From here on, all reads of this connection see the database as it is now. */
const char *ms_bulk_snapshot(ms_direct_t *db);

/** Up to `limit` rows whose id comes after `after` (NULL: from the first), in the order of their ids: `const char *const *`. */
const char *ms_bulk_page(apr_array_header_t **rows, ms_direct_t *db, apr_pool_t *pool, const char *table,
                         const char *const *columns, int count, const char *after, int limit);

#endif
