/* json.c: JSON in and out, on jansson.
 *
 * Owns what jansson leaves open: which bodies are refused in which words, numbers that it can't hold, and a writer straight
 * into the pool, which every answer passes through. Knows jansson and core/text.h. Called by httpd/ for bodies and answers,
 * by db/ for JSON columns. */
#include "core/json.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

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

/* ---- reading ---- */

/* What has to be done about a number before jansson sees it. */
typedef enum {
    FITS,       /* nothing; also where it is no number at all, which is left to jansson to say */
    NO_INTEGER, /* an integer beyond 64 bits: to be read as a double */
    NO_DOUBLE   /* beyond a double: the largest counts */
} fit_t;

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int in_number(char c)
{
    return is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static const char *digits_end(const char *s, const char *end)
{
    while (s < end && is_digit(*s)) {
        s++;
    }
    return s;
}

/* The parts of a number: WHOLE.FRACTIONeEXPONENT. */
typedef struct {
    const char *whole, *whole_end;
    const char *fraction_end; /* whole_end if there is none */
    long long exponent;       /* stops short of overflow, far above any length of text */
    int integer, negative;
} number_t;

/* Reads e+123 up to `end`. 0 if it is anything else. */
static int exponent_read(long long *exponent, const char *s, const char *end)
{
    int minus;

    if (*s != 'e' && *s != 'E') {
        return 0;
    }
    s++;
    minus = s < end && *s == '-';
    s += s < end && (*s == '-' || *s == '+');
    if (s == end || digits_end(s, end) != end) {
        return 0;
    }
    for (*exponent = 0; s < end && *exponent < 1000000000000000LL; s++) {
        *exponent = *exponent * 10 + (*s - '0');
    }
    if (minus) {
        *exponent = -*exponent;
    }
    return 1;
}

/* 0 if the text is not exactly one number (RFC 8259, section 6). */
static int number_split(number_t *n, const char *s, const char *end)
{
    n->negative = *s == '-';
    n->whole = s + n->negative;
    n->fraction_end = n->whole_end = digits_end(n->whole, end);
    n->exponent = 0;
    n->integer = n->whole_end == end;
    if (n->whole_end == n->whole || (*n->whole == '0' && n->whole_end - n->whole > 1)) {
        return 0;
    }
    if (n->whole_end < end && *n->whole_end == '.') {
        n->fraction_end = digits_end(n->whole_end + 1, end);
        if (n->fraction_end == n->whole_end + 1) {
            return 0;
        }
    }
    return n->fraction_end == end || exponent_read(&n->exponent, n->fraction_end, end);
}

static int beyond_integer(const number_t *n)
{
    const char *largest = n->negative ? "9223372036854775808" : "9223372036854775807";
    size_t length = n->whole_end - n->whole;

    return n->integer && (length > 19 || (length == 19 && memcmp(n->whole, largest, 19) > 0));
}

/* Decided on the digits, since strtod() knows locales and costs. Numbers from 1.7976931348623158e308 on are either over the
 * largest double or rounded to it: the same to us. */
static int beyond_double(const number_t *n)
{
    static const char limit[] = "17976931348623158";
    const char *p = n->whole, *l;
    long long point; /* where it stands before the first digit that counts: the number is 0.DIGITS times ten to it */

    while (p < n->fraction_end && (*p == '0' || *p == '.')) {
        p++;
    }
    if (p == n->fraction_end) {
        return 0;
    }
    point = (p < n->whole_end ? n->whole_end - p : n->whole_end + 1 - p) + n->exponent;
    if (point != DBL_MAX_10_EXP + 1) {
        return point > DBL_MAX_10_EXP + 1;
    }
    for (l = limit; *l; l++) {
        char digit = '0';

        if (p < n->fraction_end && *p == '.') {
            p++;
        }
        if (p < n->fraction_end) {
            digit = *p++;
        }
        if (digit != *l) {
            return digit > *l;
        }
    }
    return 1;
}

static fit_t number_fit(const char *s, const char *end)
{
    number_t n;

    if (!number_split(&n, s, end)) {
        return FITS;
    }
    return beyond_double(&n) ? NO_DOUBLE : beyond_integer(&n) ? NO_INTEGER : FITS;
}

static const char *string_end(const char *s, const char *end)
{
    for (s++; s < end && *s != '"'; s++) {
        if (*s == '\\' && s + 1 < end) {
            s++;
        }
    }
    return s < end ? s + 1 : end;
}

/* One look at the text before jansson's, without recursion: is it too deep (0), and are there numbers to replace? If so
 * `out` gets the whole text with other numbers in their place, else nothing. Bad syntax stays bad: only whole numbers are
 * replaced, by numbers. */
static int prescan(out_t *out, const char *s, const char *end)
{
    const char *kept = s, *number;
    int depth = 0;
    fit_t fit;

    while (s < end) {
        if (*s == '"') {
            s = string_end(s, end);
        } else if (*s == '-' || is_digit(*s)) {
            for (number = s; s < end && in_number(*s); s++) {
            }
            fit = number_fit(number, s);
            if (fit == FITS) {
                continue;
            }
            put(out, kept, (fit == NO_DOUBLE ? number + (*number == '-') : s) - kept);
            put(out, fit == NO_DOUBLE ? "1.7976931348623157e308" : "e0", fit == NO_DOUBLE ? 22 : 2);
            kept = s;
        } else {
            if ((*s == '[' || *s == '{') && ++depth > MS_JSON_DEPTH_MAX) {
                return 0;
            }
            depth -= depth > 0 && (*s == ']' || *s == '}');
            s++;
        }
    }
    if (out->used > 0) {
        put(out, kept, end - kept);
    }
    return 1;
}

static int starts_container(const char *s, const char *end)
{
    while (s < end && (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\r')) {
        s++;
    }
    return s < end && (*s == '{' || *s == '[');
}

static ms_rc_t load(ms_ctx_t *c, json_t **value, const char *text, size_t length)
{
    json_error_t error = { 0 };

    *value = json_loadb(text, length, JSON_ALLOW_NUL, &error);
    if (*value) {
        *value = ms_own(c->pool, *value);
        return *value ? MS_OK : ms_fail(c, MS_UNEXPECTED, NULL);
    }
    /* jansson has no words for most cases of memory running out */
    if (error.text[0] == '\0' || json_error_code(&error) == json_error_out_of_memory) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    return ms_fail(c, MS_INVALID_DATA, "Request body is not valid JSON");
}

ms_rc_t ms_json_read(ms_ctx_t *c, json_t **value, char *text, size_t length)
{
    out_t out = { c->pool, NULL, 0, 0, 0 };

    *value = NULL;
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        length -= 3;
    }
    if (length == 0) {
        return ms_fail(c, MS_INVALID_DATA, "Request body is not valid JSON");
    }
    if (!ms_utf8_valid(text, length)) {
        return ms_fail(c, MS_INVALID_DATA, "Request body is not valid UTF-8");
    }
    if (!starts_container(text, text + length)) {
        return ms_fail(c, MS_INVALID_DATA, "Request body is not valid JSON");
    }
    if (!prescan(&out, text, text + length)) {
        return ms_fail(c, MS_INVALID_DATA, "Request body is nested deeper than %d levels", MS_JSON_DEPTH_MAX);
    }
    if (out.failed) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    return out.used > 0 ? load(c, value, out.data, out.used) : load(c, value, text, length);
}

/* ---- writing ---- */

/* A guard for the stack alone: bodies are refused above MS_JSON_DEPTH_MAX, answers wrap them a few times. */
enum { WRITE_DEPTH_MAX = 128 };

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
    if (!value || depth > WRITE_DEPTH_MAX) {
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
