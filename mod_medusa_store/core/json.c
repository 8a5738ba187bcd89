/* json.c: JSON out: jansson's values, written straight into a pool.
 *
 * Every answer passes through here, and what db/ keeps in JSON columns. Reading is json_read.c's. */
#include "core/json.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text that grows in a pool. Once memory ran out all writing is without effect. */
typedef struct {
    apr_pool_t *pool;
    char *data;
    size_t used, size;
    int failed;
} out_t;

/* Make room for n bytes more. Doubling leaves at most as much again behind in the pool. */
static int grow(out_t *out, size_t n)
{
    size_t size = out->size ? out->size : 1024;
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

static void put(out_t *out, const char *s, size_t n)
{
    if (n == 0 || (out->size - out->used < n && !grow(out, n))) {
        return;
    }
    memcpy(out->data + out->used, s, n);
    out->used += n;
}

static void put_char(out_t *out, char c)
{
    if (out->used == out->size && !grow(out, 1)) {
        return;
    }
    out->data[out->used++] = c;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void put_escape(out_t *out, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF", letters[] = "btn?fr"; /* U+0008 to U+000D; U+000B has no letter */
    char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] };

    if (c == '"' || c == '\\') {
        escape[1] = (char)c;
    } else if (c >= '\b' && c <= '\r' && c != '\v') {
        escape[1] = letters[c - '\b'];
    }
    put(out, escape, escape[1] == 'u' ? 6 : 2);
}

static void put_string(out_t *out, const char *s, size_t length)
{
    const char *end = s + length, *plain;

    put_char(out, '"');
    while (s < end) {
        for (plain = s; s < end && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\'; s++) {
        }
        put(out, plain, s - plain);
        if (s < end) {
            put_escape(out, (unsigned char)*s++);
        }
    }
    put_char(out, '"');
}

static void put_integer(out_t *out, json_int_t integer)
{
    unsigned long long rest = integer < 0 ? 0ULL - (unsigned long long)integer : (unsigned long long)integer;
    char digits[24], *p = digits + sizeof digits;

    do {
        *--p = (char)('0' + rest % 10);
    } while ((rest /= 10) > 0);
    if (integer < 0) {
        *--p = '-';
    }
    put(out, p, digits + sizeof digits - p);
}

/* The fewest digits that read back as `real` (positive), which is 0.DIGITS times ten to *point. Returns their number. */
static int real_digits(char digits[17], int *point, double real)
{
    /* 15 digits survive the way to a double and back, 17 always tell doubles apart; below DBL_MIN there are fewer to tell */
    int n = 0, precision = real < DBL_MIN ? 1 : 15;
    char text[40], *p;

    for (;; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, real);
        if (precision == 17 || strtod(text, NULL) == real) {
            break;
        }
    }
    for (p = text; *p != 'e'; p++) { /* the decimal point is the locale's, whatever that is */
        if (is_digit(*p)) {
            digits[n++] = *p;
        }
    }
    *point = atoi(p + 1) + 1;
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    return n;
}

/* As JavaScript writes numbers, but that a real stays a real: 5.0 is not 5, and jansson alone can read 1e20 again. */
static void put_real(out_t *out, double real)
{
    static const char zeros[] = "00000000000000000000";
    char digits[17];
    int n, point;

    if (signbit(real)) {
        put_char(out, '-');
    }
    real = fabs(real);
    if (!isfinite(real)) { /* jansson makes none; JSON has no word for it */
        out->failed = 1;
        return;
    }
    if (real == 0) {
        put(out, "0.0", 3);
        return;
    }
    n = real_digits(digits, &point, real);
    if (point > 21 || point < -5) {
        put_char(out, digits[0]);
        put(out, ".", n > 1);
        put(out, digits + 1, n - 1);
        put_char(out, 'e');
        put_integer(out, point - 1);
    } else if (point <= 0) {
        put(out, "0.", 2);
        put(out, zeros, -point);
        put(out, digits, n);
    } else if (n <= point) {
        put(out, digits, n);
        put(out, zeros, point - n);
        put(out, ".0", 2);
    } else {
        put(out, digits, point);
        put_char(out, '.');
        put(out, digits + point, n - point);
    }
}

static void put_value(out_t *out, const json_t *value, int depth);

static void put_object(out_t *out, json_t *object, int depth)
{
    char before = '{';
    void *i;

    if (json_object_size(object) == 0) {
        put_char(out, before);
    }
    for (i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const char *key = json_object_iter_key(i);

        put_char(out, before);
        put_string(out, key, strlen(key)); /* a key holds no NUL: jansson refuses it */
        put_char(out, ':');
        put_value(out, json_object_iter_value(i), depth);
        before = ',';
    }
    put_char(out, '}');
}

static void put_array(out_t *out, const json_t *array, int depth)
{
    size_t i, n = json_array_size(array);

    put_char(out, '[');
    for (i = 0; i < n; i++) {
        if (i > 0) {
            put_char(out, ',');
        }
        put_value(out, json_array_get(array, i), depth);
    }
    put_char(out, ']');
}

static void put_value(out_t *out, const json_t *value, int depth)
{
    if (!value || depth > MS_JSON_WRITE_MAX) {
        out->failed = 1;
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        put_object(out, (json_t *)value, depth + 1); /* jansson's iterators take no const; nothing is changed */
        break;
    case JSON_ARRAY:
        put_array(out, value, depth + 1);
        break;
    case JSON_STRING:
        put_string(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        put_integer(out, json_integer_value(value));
        break;
    case JSON_REAL:
        put_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        put(out, "true", 4);
        break;
    case JSON_FALSE:
        put(out, "false", 5);
        break;
    case JSON_NULL:
        put(out, "null", 4);
        break;
    }
}

const char *ms_json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

const char *ms_json_write(apr_pool_t *pool, const json_t *value, size_t *length)
{
    out_t out = { pool, NULL, 0, 0, 0 };

    put_value(&out, value, 0);
    if (length) {
        *length = out.used;
    }
    put_char(&out, '\0');
    return out.failed ? NULL : out.data;
}
