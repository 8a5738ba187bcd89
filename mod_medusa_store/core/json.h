/* json.h: JSON in and out, on jansson. */
#ifndef MS_CORE_JSON_H
#define MS_CORE_JSON_H

#include "core/ctx.h"

enum { MS_JSON_DEPTH_MAX = 64 };

/** Read a request body: an object or array. `text` is `length` bytes and may be changed.
 *  A leading byte order mark is skipped; of equal keys the last counts. Numbers beyond 64 bits are read as doubles, those
 *  beyond doubles as the largest one. The value is tied to c->pool.
 *  MS_INVALID_DATA: not JSON, no object or array, invalid UTF-8, unpaired surrogates, deeper than MS_JSON_DEPTH_MAX. */
ms_rc_t ms_json_read(ms_ctx_t *c, json_t **value, char *text, size_t length);

/** The text at a key of an object; NULL where it is absent, null or no string. Lives as long as the object. */
const char *ms_json_text(const json_t *object, const char *key);

/** Write compact UTF-8 JSON into the pool, with a NUL behind; *length (may be NULL) its bytes without that. No escapes but
 *  the necessary ones; reals in the shortest form that reads back the same (15 to 17 digits), and never look like an integer.
 *  NULL when out of memory, for a value of NULL, and for one nested deeper than 128. */
const char *ms_json_write(apr_pool_t *pool, const json_t *value, size_t *length);

#endif
