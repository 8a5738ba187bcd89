/* statement.h: the catalogue: every statement of the module, completed and numbered. Inside db/ only. */
#ifndef MS_DB_STATEMENT_H
#define MS_DB_STATEMENT_H

#include <apr_pools.h>

#include "core/statement.h"

typedef struct {
    const ms_stmt_t *def;
    const char *sql; /* complete, with a %s for each value */
    int nargs;
    int index;       /* its place in a connection's list of prepared statements */
} ms_entry_t;

/** Complete all statements of `tables` (the list ends with NULL). The text says what is wrong; NULL: all is well. */
const char *ms_catalogue_make(apr_pool_t *pool, const ms_stmt_t *const *tables);

/** The statement of that label, or NULL. */
const ms_entry_t *ms_catalogue_find(const char *label);

/** The n-th statement, or NULL past the end; for tests and for those who prepare all. */
const ms_entry_t *ms_catalogue_get(int n);

/** How many there are. */
int ms_catalogue_size(void);

#endif
