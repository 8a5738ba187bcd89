/* json_read.c: JSON in: a strict reader (RFC 8259) that builds jansson's values.
 *
 * jansson's own goes on where memory for a string could not be had, and may so lose a part of it; it also refuses numbers that it
 * can't hold. Here each step is checked, and all is bounded: depth, and memory by the length of the text, in which strings are
 * decoded. Called by httpd/ for bodies, by db/ for JSON columns, by account/ for tokens and rows of files. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* strtod_l */
#endif
#include "core/json.h"

#include <errno.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

typedef struct {
    char *at, *end; /* there is a NUL at the end */
    int depth_max, nul, left; /* left: values that may still come; -1: any number */
    ms_json_found_t found;
} reader_t;

/* The first reason stays. */
static void *stop(reader_t *r, ms_json_found_t why)
{
    if (r->found == MS_JSON_GOOD) {
        r->found = why;
    }
    return NULL;
}

/* A new value, or memory ran out. */
static json_t *made(reader_t *r, json_t *value)
{
    return value ? value : stop(r, MS_JSON_NO_MEMORY);
}

static void skip_blanks(reader_t *r)
{
    while (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t') {
        r->at++;
    }
}

/* Step over blanks, and over that character if it is the next. The NUL at the end is no character of any text. */
static int take(reader_t *r, char c)
{
    skip_blanks(r);
    if (*r->at != c) {
        return 0;
    }
    r->at++;
    return 1;
}

/* ---- numbers ---- */

static const char *digits_end(const char *s)
{
    while (*s >= '0' && *s <= '9') {
        s++;
    }
    return s;
}

/* The end of the number at s, or NULL; *whole: it has neither fraction nor exponent. */
static const char *number_end(const char *s, int *whole)
{
    const char *start = s += *s == '-', *end;

    end = digits_end(s);
    if (end == s || (*start == '0' && end - start > 1)) {
        return NULL;
    }
    *whole = *end != '.' && *end != 'e' && *end != 'E';
    if (*end == '.') {
        s = end + 1;
        end = digits_end(s);
        if (end == s) {
            return NULL;
        }
    }
    if (*end == 'e' || *end == 'E') {
        s = end + 1;
        s += *s == '-' || *s == '+';
        end = digits_end(s);
        if (end == s) {
            return NULL;
        }
    }
    return end;
}

/* Whatever the server's locale. What is beyond a double is read as the largest. */
static double read_double(const char *s)
{
    static const locale_t unset;
    locale_t c = newlocale(LC_ALL_MASK, "C", unset); /* one that is always there */
    double value = strtod_l(s, NULL, c);

    return isfinite(value) ? value : copysign(DBL_MAX, value);
}

static json_t *read_number(reader_t *r)
{
    int whole;
    const char *start = r->at, *end = number_end(start, &whole);

    if (!end) {
        return stop(r, MS_JSON_BAD);
    }
    r->at += end - start;
    if (whole) {
        long long value;

        errno = 0;
        value = strtoll(start, NULL, 10);
        if (errno != ERANGE) {
            return made(r, json_integer(value));
        }
    }
    return made(r, json_real(read_double(start)));
}

/* ---- strings ---- */

/* Four hexadecimal digits, or -1. */
static int32_t read_hex(const char *s)
{
    int32_t value = 0;
    int i;

    for (i = 0; i < 4; i++) {
        char c = s[i], letter = (char)(c | 0x20);

        if (c >= '0' && c <= '9') {
            value = value << 4 | (c - '0');
        }
        else if (letter >= 'a' && letter <= 'f') {
            value = value << 4 | (letter - 'a' + 10);
        }
        else {
            return -1;
        }
    }
    return value;
}

/* The character that \uXXXX (or two of them) stands for; -1: none. */
static int32_t read_unicode(reader_t *r)
{
    int32_t c = read_hex(r->at), low;

    if (c < 0 || (c >= 0xDC00 && c <= 0xDFFF)) {
        return -1;
    }
    r->at += 4;
    if (c < 0xD800 || c > 0xDBFF) {
        return c;
    }
    low = r->at[0] == '\\' && r->at[1] == 'u' ? read_hex(r->at + 2) : -1;
    if (low < 0xDC00 || low > 0xDFFF) {
        return -1;
    }
    r->at += 6;
    return 0x10000 + ((c - 0xD800) << 10 | (low - 0xDC00));
}

static char *put_utf8(char *out, int32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xC0 | c >> 6);
    }
    else {
        if (c < 0x10000) {
            *out++ = (char)(0xE0 | c >> 12);
        }
        else {
            *out++ = (char)(0xF0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (c & 0x3F));
    return out;
}

/* What stands behind a backslash; it is never longer than it is written. NULL: it is no escape. */
static char *read_escape(reader_t *r, char *out)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *letter;
    int32_t c;

    if (*r->at == 'u') {
        r->at++;
        c = read_unicode(r);
        return c < 0 || (c == 0 && !r->nul) ? stop(r, MS_JSON_BAD) : put_utf8(out, c);
    }
    letter = *r->at ? strchr(letters, *r->at) : NULL;
    if (!letter) {
        return stop(r, MS_JSON_BAD);
    }
    r->at++;
    *out++ = meant[letter - letters];
    return out;
}

/* Decode the string at the opening quote where it stands, with a NUL behind. NULL: it is none. */
static char *read_string(reader_t *r, size_t *length)
{
    char *start = ++r->at, *out = start;

    for (;;) {
        char *plain = r->at;

        while ((unsigned char)*r->at >= 0x20 && *r->at != '"' && *r->at != '\\') {
            r->at++;
        }
        if (out != plain) {
            memmove(out, plain, (size_t)(r->at - plain));
        }
        out += r->at - plain;
        if (*r->at != '\\') {
            break;
        }
        r->at++;
        out = read_escape(r, out);
        if (!out) {
            return NULL;
        }
    }
    if (*r->at != '"') {
        return stop(r, MS_JSON_BAD);
    }
    r->at++;
    *out = '\0'; /* at the latest where the quote was */
    *length = (size_t)(out - start);
    return start;
}

/* ---- values ---- */

static json_t *read_value(reader_t *r, int depth);

/* One member, from its key on. 0: there is none. */
static int read_member(reader_t *r, json_t *object, int depth)
{
    size_t length;
    const char *key;
    json_t *value;

    skip_blanks(r);
    key = *r->at == '"' ? read_string(r, &length) : NULL;
    if (!key || strlen(key) != length || !take(r, ':')) {
        stop(r, MS_JSON_BAD);
        return 0;
    }
    value = read_value(r, depth);
    if (value && json_object_set_new_nocheck(object, key, value)) { /* takes the reference in any case */
        stop(r, MS_JSON_NO_MEMORY);
    }
    return r->found == MS_JSON_GOOD;
}

static int read_item(reader_t *r, json_t *array, int depth)
{
    json_t *value = read_value(r, depth);

    if (value && json_array_append_new(array, value)) {
        stop(r, MS_JSON_NO_MEMORY);
    }
    return r->found == MS_JSON_GOOD;
}

/* What is between the brackets, up to the closing one. */
static json_t *read_content(reader_t *r, json_t *container, int depth)
{
    int (*read_one)(reader_t *, json_t *, int) = json_is_object(container) ? read_member : read_item;
    char close = json_is_object(container) ? '}' : ']';

    if (!container) {
        return stop(r, MS_JSON_NO_MEMORY);
    }
    r->at++;
    if (take(r, close)) {
        return container;
    }
    while (read_one(r, container, depth)) {
        if (take(r, close)) {
            return container;
        }
        if (!take(r, ',')) {
            stop(r, MS_JSON_BAD);
            break;
        }
    }
    json_decref(container);
    return NULL;
}

static json_t *read_word(reader_t *r, const char *word, json_t *value)
{
    size_t length = strlen(word);

    if (strncmp(r->at, word, length)) {
        return stop(r, MS_JSON_BAD);
    }
    r->at += length;
    return value;
}

/* `depth`: how many containers it stands in. */
static json_t *read_value(reader_t *r, int depth)
{
    size_t length;
    const char *text;

    skip_blanks(r);
    if (r->left >= 0 && r->left-- == 0) {
        return stop(r, MS_JSON_MANY);
    }
    switch (*r->at) {
    case '{':
    case '[':
        if (depth == r->depth_max) {
            return stop(r, MS_JSON_DEEP);
        }
        return read_content(r, *r->at == '{' ? json_object() : json_array(), depth + 1);
    case '"':
        text = read_string(r, &length);
        return text ? made(r, json_stringn_nocheck(text, length)) : NULL;
    case 't': return read_word(r, "true", json_true());
    case 'f': return read_word(r, "false", json_false());
    case 'n': return read_word(r, "null", json_null());
    default:  return read_number(r);
    }
}

static ms_json_found_t parse(json_t **value, char *text, size_t length, reader_t r)
{
    *value = NULL;
    if (!ms_utf8_valid(text, length)) {
        return MS_JSON_NO_UTF8;
    }
    *value = read_value(&r, 0);
    skip_blanks(&r);
    if (*value && r.at != r.end) {
        json_decref(*value);
        *value = NULL;
        return MS_JSON_BAD;
    }
    return r.found;
}

ms_json_found_t ms_json_parse(json_t **value, char *text, size_t length, int depth_max, int nul)
{
    return parse(value, text, length, (reader_t){ text, text + length, depth_max, nul, -1, MS_JSON_GOOD });
}

ms_rc_t ms_json_read(ms_ctx_t *c, json_t **value, char *text, size_t length)
{
    ms_json_found_t found;

    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        length -= 3;
    }
    found = parse(value, text, length, (reader_t){ text, text + length, MS_JSON_DEPTH_MAX, 1, MS_JSON_VALUES_MAX, MS_JSON_GOOD });
    if (*value && !json_is_object(*value) && !json_is_array(*value)) {
        json_decref(*value);
        *value = NULL;
        found = MS_JSON_BAD;
    }
    switch (found) {
    case MS_JSON_GOOD:
        *value = ms_own(c->pool, *value);
        return MS_OK;
    case MS_JSON_BAD:
        return ms_fail(c, MS_INVALID_DATA, "Request body is not valid JSON");
    case MS_JSON_NO_UTF8:
        return ms_fail(c, MS_INVALID_DATA, "Request body is not valid UTF-8");
    case MS_JSON_DEEP:
        return ms_fail(c, MS_INVALID_DATA, "Request body is nested deeper than %d levels", MS_JSON_DEPTH_MAX);
    case MS_JSON_MANY:
        return ms_fail(c, MS_INVALID_DATA, "Request body holds more than %d values", MS_JSON_VALUES_MAX);
    case MS_JSON_NO_MEMORY:
        break;
    }
    return ms_fail(c, MS_UNEXPECTED, NULL);
}
