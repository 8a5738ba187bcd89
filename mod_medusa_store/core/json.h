/* json.h: JSON in and out, on jansson. */
#ifndef MS_CORE_JSON_H
#define MS_CORE_JSON_H

#include "core/ctx.h"

enum {
    MS_JSON_DEPTH_MAX = 64,  /* of what is taken in */
    MS_JSON_VALUES_MAX = 10000, /* of a request body: each takes up to 250 bytes, however short its text */
    MS_JSON_WRITE_MAX = 128  /* of what is written, and read from the database: answers wrap values a few times */
};

/** What a text turned out to be. */
typedef enum { MS_JSON_GOOD, MS_JSON_BAD, MS_JSON_NO_UTF8, MS_JSON_DEEP, MS_JSON_MANY, MS_JSON_NO_MEMORY } ms_json_found_t;

/** Read any JSON value (RFC 8259), nested at most `depth_max` containers deep. `text` is `length` bytes with a NUL behind them, and is
 *  changed: strings are decoded in it. Of equal keys the last counts, keys hold no NUL, strings only where `nul` is 1. Integers beyond
 *  64 bits are read as doubles, numbers beyond doubles as the largest one. The caller owns *value; NULL unless MS_JSON_GOOD. */
ms_json_found_t ms_json_parse(json_t **value, char *text, size_t length, int depth_max, int nul);

/** Read a request body: an object or array, as ms_json_parse() does. A leading byte order mark is skipped. The value is tied to c->pool.
 *  MS_INVALID_DATA: not JSON, no object or array, invalid UTF-8, unpaired surrogates, deeper than MS_JSON_DEPTH_MAX,
 *  more than MS_JSON_VALUES_MAX values. */
ms_rc_t ms_json_read(ms_ctx_t *c, json_t **value, char *text, size_t length);

/** The text at a key of an object; NULL where it is absent, null or no string. Lives as long as the object. */
const char *ms_json_text(const json_t *object, const char *key);

/** 1: the text is an object of a few members, none of them a container, and ms_json_write() would write it just so: what most JSON
 *  columns hold. 0 says nothing. */
int ms_json_is_plain(const char *text, size_t length);

/** Write compact UTF-8 JSON into the pool, with a NUL behind; *length (may be NULL) its bytes without that. No escapes but
 *  the necessary ones; reals in the shortest form that reads back the same (15 to 17 digits), and never look like an integer.
 *  NULL when out of memory, for a value of NULL, and for one nested deeper than MS_JSON_WRITE_MAX. */
const char *ms_json_write(apr_pool_t *pool, const json_t *value, size_t *length);

#endif
