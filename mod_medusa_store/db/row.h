/* row.h: one column value, between the database's text and what the rest of the module sees. Inside db/ only. */
#ifndef MS_DB_ROW_H
#define MS_DB_ROW_H

#include <apr_pools.h>

#include "core/resource.h"

/** The text (object.h) of what stands in a column; NULL where that is SQL NULL. 0 where it is no such value, or memory ran out. */
int ms_value_read(apr_pool_t *pool, const char **text, ms_type_t type, const char *column);

/** The text to bind for a JSON value; *text is NULL for SQL NULL. 0 where the value does not fit the type. */
int ms_value_write(apr_pool_t *pool, const char **text, ms_type_t type, const json_t *value);

#endif
