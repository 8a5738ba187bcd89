/* reject.h: rows that were refused: counted by reason, and written to a file where one is wanted. */
#ifndef MS_TOOLS_REJECT_H
#define MS_TOOLS_REJECT_H

#include <apr_pools.h>

#include "tools/source.h"

typedef struct reject_t reject_t;

/** `path`: of the file, made with the first row that is refused, for its owner's eyes only; NULL: none. An older one is
 *  replaced. */
reject_t *reject_make(apr_pool_t *pool, const char *path);

/** Delete an older file. NULL, or what is wrong. */
const char *reject_start(reject_t *reject);

/** Refuse a record of that header. NULL, or why it can't be written. */
const char *reject_row(reject_t *reject, const char *header, const char *raw, size_t length, const char *reason);

/** Write out what is left. NULL, or why it can't be. */
const char *reject_end(reject_t *reject);

/** Print how many were refused for which reason, and where they are. */
void reject_tell(const reject_t *reject, const char *what);

#endif
