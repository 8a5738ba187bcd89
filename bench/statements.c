/* statements.c: prints the module's catalogue of statements, a line each: label TAB SQL.
 *
 * Linked with the module's own library, so that what is measured against it can't drift from what the module sends. */
#include "db/statement.h"
#include "resource/resources.h"

#include <apr_general.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    const ms_entry_t *entry;
    const char *error;
    apr_pool_t *pool;
    int i;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    error = ms_catalogue_make(pool, ms_statements);
    if (error) {
        fprintf(stderr, "statements: %s\n", error);
        return 1;
    }
    for (i = 0; (entry = ms_catalogue_get(i)); i++) {
        printf("%s\t%s\n", entry->def->label, entry->sql);
    }
    return 0;
}
