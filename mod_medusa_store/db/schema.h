/* schema.h: does the database have the tables that this module was written for? */
#ifndef MS_DB_SCHEMA_H
#define MS_DB_SCHEMA_H

#include "core/ctx.h"

/** The last migration of sql/ that the module knows: its statements need it, and nothing after it. */
enum { MS_SCHEMA = 5 };

/** Load the number of the last migration that was applied; 0: none. Fails as any statement, with MS_DB_SCHEMA where there is no table of
 *  migrations, MS_DB_FAULT where there is no right to read it. */
ms_rc_t ms_schema_load(ms_ctx_t *c, int *version);

/** Ask for the same on a connection of its own, which ends with `pool`; no table means 0. There is no limit on how long that takes.
 *  NULL: *version is set; else text that says what is wrong, without the parameters. */
const char *ms_schema_ask(int *version, apr_pool_t *pool, const char *params);

#endif
