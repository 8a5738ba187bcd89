/* text.h: UTF-8 text: is it valid, how long is it, what is its lower case. */
#ifndef MS_CORE_TEXT_H
#define MS_CORE_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <apr_pools.h>
#include <apr_tables.h>

/** Read one code point at *s (end: one past the last byte) and step over it. Returns -1, stepping nowhere, at the end or
 *  where the bytes are not valid UTF-8 (RFC 3629: no overlong form, no surrogate, nothing over U+10FFFF). */
int32_t ms_utf8_next(const char **s, const char *end);

/** 1 if all of it is valid UTF-8 (RFC 3629). NUL is valid. */
int ms_utf8_valid(const char *s, size_t length);

/** Number of code points of valid UTF-8. */
size_t ms_utf8_length(const char *s, size_t length);

/** Lower case by the full Unicode mapping, as JavaScript's toLowerCase(): U+0130 gives two code points, a final sigma
 *  its final form; no locale. Takes valid, NUL-terminated UTF-8. NULL when out of memory. */
const char *ms_text_lower(apr_pool_t *pool, const char *s);

/** The texts of an array (const char *) with a separator between them, in one allocation: a hostile request can bring thousands. */
const char *ms_text_join(apr_pool_t *pool, const apr_array_header_t *texts, const char *separator);

#endif
