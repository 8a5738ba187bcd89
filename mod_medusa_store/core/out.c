/* out.c: text that grows in a pool, and JSON strings in it.
 *
 * Most of what an answer costs passes through here, so that whole words are looked at. Called by json.c and object.c. */
#include "core/out.h"

#include <stddef.h>
#include <stdint.h>

enum { FIRST = 4000 }; /* most answers fit, and an answer with what it is made of fits a block of the pool */

/* Doubling leaves at most as much again behind in the pool. */
int ms_out_grow(ms_out_t *out, size_t n)
{
    size_t size = out->size ? out->size : FIRST;
    char *data;

    while (!out->failed && size - out->used < n) {
        if (size > SIZE_MAX / 4) {
            out->failed = 1;
        }
        size *= 2;
    }
    data = out->failed ? NULL : apr_palloc(out->pool, size);
    if (!data) {
        out->failed = 1;
        return 0;
    }
    if (out->used > 0) {
        memcpy(data, out->data, out->used);
    }
    out->data = data;
    out->size = size;
    return 1;
}

/* ---- strings ---- */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The top bit of each byte that is below n (n <= 128); behind the first of them others may be marked, too. */
static uint64_t below(uint64_t word, unsigned char n)
{
    return (word - EACH(n)) & ~word & EACH(0x80);
}

const char *ms_out_plain(const char *s, const char *end)
{
    uint64_t word;

    for (; end - s >= (ptrdiff_t)sizeof word; s += sizeof word) {
        memcpy(&word, s, sizeof word);
        if (below(word, 0x20) | below(word ^ EACH('"'), 1) | below(word ^ EACH('\\'), 1)) {
            break;
        }
    }
    while (s < end && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\') {
        s++;
    }
    return s;
}

static void put_escape(ms_out_t *out, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF", letters[] = "btn?fr"; /* U+0008 to U+000D; U+000B has no letter */
    char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

    if (c == '"' || c == '\\') {
        escape[1] = (char)c;
    }
    else if (c >= '\b' && c <= '\r' && c != '\v') {
        escape[1] = letters[c - '\b'];
    }
    ms_out_put(out, escape, escape[1] == 'u' ? 6 : 2);
}

void ms_out_string(ms_out_t *out, const char *s, size_t length)
{
    const char *end = s + length, *plain;

    ms_out_char(out, '"');
    while (s < end) {
        plain = s;
        s = ms_out_plain(s, end);
        ms_out_put(out, plain, (size_t)(s - plain));
        if (s < end) {
            put_escape(out, (unsigned char)*s++);
        }
    }
    ms_out_char(out, '"');
}

void ms_out_name(ms_out_t *out, char before, const char *name)
{
    ms_out_char(out, before);
    ms_out_char(out, '"');
    ms_out_put(out, name, strlen(name));
    ms_out_put(out, "\":", 2);
}

const char *ms_out_end(ms_out_t *out, size_t *length)
{
    if (length) {
        *length = out->used;
    }
    ms_out_char(out, '\0');
    return out->failed ? NULL : out->data;
}
