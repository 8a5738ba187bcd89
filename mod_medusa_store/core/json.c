/* json.c: JSON out: jansson's values, written straight into a pool.
 *
 * Every answer passes through here, and what db/ keeps in JSON columns. Reading is json_read.c's. */
#include "core/json.h"
#include "core/out.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void put_integer(ms_out_t *out, json_int_t integer)
{
    unsigned long long rest = integer < 0 ? 0ULL - (unsigned long long)integer : (unsigned long long)integer;
    char digits[24], *p = digits + sizeof digits;

    do {
        *--p = (char)('0' + rest % 10);
    } while ((rest /= 10) > 0);
    if (integer < 0) {
        *--p = '-';
    }
    ms_out_put(out, p, digits + sizeof digits - p);
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
static void put_real(ms_out_t *out, double real)
{
    static const char zeros[] = "00000000000000000000";
    char digits[17];
    int n, point;

    if (signbit(real)) {
        ms_out_char(out, '-');
    }
    real = fabs(real);
    if (!isfinite(real)) { /* jansson makes none; JSON has no word for it */
        out->failed = 1;
        return;
    }
    if (real == 0) {
        ms_out_put(out, "0.0", 3);
        return;
    }
    n = real_digits(digits, &point, real);
    if (point > 21 || point < -5) {
        ms_out_char(out, digits[0]);
        ms_out_put(out, ".", n > 1);
        ms_out_put(out, digits + 1, n - 1);
        ms_out_char(out, 'e');
        put_integer(out, point - 1);
    } else if (point <= 0) {
        ms_out_put(out, "0.", 2);
        ms_out_put(out, zeros, -point);
        ms_out_put(out, digits, n);
    } else if (n <= point) {
        ms_out_put(out, digits, n);
        ms_out_put(out, zeros, point - n);
        ms_out_put(out, ".0", 2);
    } else {
        ms_out_put(out, digits, point);
        ms_out_char(out, '.');
        ms_out_put(out, digits + point, n - point);
    }
}

static void put_value(ms_out_t *out, const json_t *value, int depth);

static void put_object(ms_out_t *out, json_t *object, int depth)
{
    char before = '{';
    void *i;

    if (json_object_size(object) == 0) {
        ms_out_char(out, before);
    }
    for (i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
        const char *key = json_object_iter_key(i);

        ms_out_char(out, before);
        ms_out_string(out, key, strlen(key)); /* a key holds no NUL: jansson refuses it */
        ms_out_char(out, ':');
        put_value(out, json_object_iter_value(i), depth);
        before = ',';
    }
    ms_out_char(out, '}');
}

static void put_array(ms_out_t *out, const json_t *array, int depth)
{
    size_t i, n = json_array_size(array);

    ms_out_char(out, '[');
    for (i = 0; i < n; i++) {
        if (i > 0) {
            ms_out_char(out, ',');
        }
        put_value(out, json_array_get(array, i), depth);
    }
    ms_out_char(out, ']');
}

static void put_value(ms_out_t *out, const json_t *value, int depth)
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
        ms_out_string(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        put_integer(out, json_integer_value(value));
        break;
    case JSON_REAL:
        put_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
        ms_out_put(out, "true", 4);
        break;
    case JSON_FALSE:
        ms_out_put(out, "false", 5);
        break;
    case JSON_NULL:
        ms_out_put(out, "null", 4);
        break;
    }
}

const char *ms_json_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

const char *ms_json_write(apr_pool_t *pool, const json_t *value, size_t *length)
{
    ms_out_t out = { pool, NULL, 0, 0, 0 };

    put_value(&out, value, 0);
    return ms_out_end(&out, length);
}
