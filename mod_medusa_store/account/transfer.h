/* transfer.h: customers and addresses as rows of a CSV file, in Medusa v1's columns. */
#ifndef MS_ACCOUNT_TRANSFER_H
#define MS_ACCOUNT_TRANSFER_H

#include <stddef.h>

#include <apr_pools.h>

enum { MS_TRANSFER_COLUMNS_MAX = 16 };

typedef struct {
    const char *table;
    const char *const *columns; /* in the order of the file; "id" is the first */
    int count;
} ms_transfer_t;

extern const ms_transfer_t ms_transfer_customer;
extern const ms_transfer_t ms_transfer_address;

/** The place of a column; -1: there is none of that name. */
int ms_transfer_column(const ms_transfer_t *transfer, const char *name);

/** Judge a row: its fields in the order of the columns (NULL: NULL), each of so many bytes. `values` are then what the database
 *  takes. What only the database knows (is it there, is the e-mail free) is not asked.
 *  Returns NULL, or why it can't be taken, without quoting it: a static text. */
const char *ms_transfer_read(const char **values, apr_pool_t *pool, const ms_transfer_t *transfer, const char *const *fields,
                             const size_t *lengths);

/** And back: the field of a column's text as it stands in the database. NULL: NULL. */
const char *ms_transfer_write(apr_pool_t *pool, const ms_transfer_t *transfer, int column, const char *value);

#endif
