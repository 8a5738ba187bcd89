/* out.h: text that grows in a pool, and JSON strings in it. What answers are written with. */
#ifndef MS_CORE_OUT_H
#define MS_CORE_OUT_H

#include <apr_pools.h>
#include <string.h>

/** Begin with { pool }. Once memory ran out all writing is without effect. */
typedef struct {
    apr_pool_t *pool;
    char *data;
    size_t used, size;
    int failed;
} ms_out_t;

/** Make room for n bytes more; 0 when out of memory. For the functions below. */
int ms_out_grow(ms_out_t *out, size_t n);

/** n bytes as they are. */
static inline void ms_out_put(ms_out_t *out, const char *s, size_t n)
{
    if (n == 0 || (out->size - out->used < n && !ms_out_grow(out, n))) {
        return;
    }
    memcpy(out->data + out->used, s, n);
    out->used += n;
}

static inline void ms_out_char(ms_out_t *out, char c)
{
    if (out->used == out->size && !ms_out_grow(out, 1)) {
        return;
    }
    out->data[out->used++] = c;
}

/** The first character up to `end` that needs an escape in a JSON string: a control character, a quote, a backslash; or `end`. */
const char *ms_out_plain(const char *s, const char *end);

/** A JSON string of UTF-8, with the necessary escapes and no others. */
void ms_out_string(ms_out_t *out, const char *s, size_t length);

/** What stands before the value of a member: `before` ('{' or ','), and the name, which needs no escapes. */
void ms_out_name(ms_out_t *out, char before, const char *name);

/** The text, with a NUL behind; *length (may be NULL) its bytes without that. NULL when memory ran out. */
const char *ms_out_end(ms_out_t *out, size_t *length);

#endif
