/* migration.c: what a database says of its own schema: statements. Data only.
 *
 * The table is made and written by medusa-store-admin migrate (db/migrate.c). */
#include "resource/resources.h"

#include <stddef.h>

const ms_stmt_t ms_migration_stmts[] = {
    { "migration.version", MS_SELECT, { { NULL, NULL } }, "COALESCE(MAX(version), 0)", "FROM migration" },
    { NULL, MS_SELECT, { { NULL, NULL } }, NULL, NULL }
};
