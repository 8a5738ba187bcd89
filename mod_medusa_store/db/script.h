/* script.h: migrations as files: sql/NNNN_verb_noun.sql.
 *
 * Statements end with ';' at the end of a line; comments begin with "--". Failures come back as text that names the file;
 * NULL means that all is well. */
#ifndef MS_DB_SCRIPT_H
#define MS_DB_SCRIPT_H

#include <apr_pools.h>
#include <apr_tables.h>

typedef struct {
    int version;          /* 1 to 9999 */
    const char *name;     /* "0001_create_country" */
    const char *checksum; /* SHA-256 of the file, 64 hex digits */
    const char *text;     /* the file */
} ms_script_t;

/** Read the migrations of a folder into an array of ms_script_t, in the order of their versions, in `pool`.
 *  Fails for a *.sql that is not named as a migration, for two of the same version, and for a folder without any: a file
 *  passed over in silence would be a table missed at night. */
const char *ms_script_list(apr_array_header_t **scripts, apr_pool_t *pool, const char *dir);

/** Cut a migration into its statements, an array of `const char *` without their ';' and comments, in `pool`.
 *  Fails for an unfinished statement or quote, for comments of another kind, and for a statement that is not one of
 *  those that change something and give back no rows. */
const char *ms_script_split(apr_array_header_t **statements, apr_pool_t *pool, const ms_script_t *script);

#endif
