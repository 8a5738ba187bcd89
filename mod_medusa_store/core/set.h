/* set.h: which of very many texts were seen already. */
#ifndef MS_CORE_SET_H
#define MS_CORE_SET_H

#include <apr_pools.h>

typedef struct ms_set_t ms_set_t;

/** An empty set. It keeps 64 bits of a keyed hash for each text, 11 to 21 bytes with the gaps: of a million texts, two
 *  different ones are taken for the same with a chance of 1 in 37 million. */
ms_set_t *ms_set_make(apr_pool_t *pool);

/** Add a text; 1: it is new, 0: it was there. */
int ms_set_add(ms_set_t *set, const char *text);

/** 1 if it is there. */
int ms_set_has(const ms_set_t *set, const char *text);

#endif
