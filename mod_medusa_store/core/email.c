/* email.c: the e-mail rule of the Store API, kept to the letter: a stricter or laxer one would lock customers out or in.
 *
 * Owns nothing but the rule (contract 1.6: a reading of JavaScript's validator.js, hence the UTF-16 units and the odd
 * ranges). Knows UTF-8 through core/text.h. Called by core/validate.c. */
#include "core/email.h"

#include <string.h>

#include "core/text.h"

/* Longest text, in UTF-16 units, and longest domain and local part, in bytes of UTF-8. */
enum { UNITS_MAX = 254, DOMAIN_MAX = 254, LOCAL_MAX = 64, LABEL_MAX = 63 };

static int units(int32_t c)
{
    return c > 0xFFFF ? 2 : 1;
}

static int is_alpha(int32_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int is_alnum(int32_t c)
{
    return is_alpha(c) || (c >= '0' && c <= '9');
}

/* The ranges of the rule above ASCII; they hold no surrogate, so that nothing beyond U+FFFF is in them. */
static int is_high(int32_t c, int32_t first)
{
    return (c >= first && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFDCF) || (c >= 0xFDF0 && c <= 0xFFEF);
}

/* White space to JavaScript that the ranges of a last label would let through. */
static int is_high_space(int32_t c)
{
    return c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000 || c == 0xFEFF;
}

static int in_atom(int32_t c)
{
    return is_alnum(c) || (c > 0 && c < 0x80 && strchr("!#$%&'*+-/=?^_{|}~`", c)) || is_high(c, 0xA1);
}

static int in_quotes(int32_t c)
{
    return (c >= 0x01 && c <= 0x7F && c != '"' && c != '\\') || is_high(c, 0xA0);
}

static int after_backslash(int32_t c)
{
    return (c >= 0x01 && c <= 0x7F && c != '\n') || is_high(c, 0xA0);
}

static int in_label(int32_t c)
{
    return is_alnum(c) || c == '-' || (c >= 0xA1 && !(c >= 0xFF01 && c <= 0xFF5E));
}

static int in_last_label(int32_t c)
{
    return is_alpha(c) || (is_high(c, 0xA1) && c != 0xA9 && !is_high_space(c));
}

/* Quotes around plain characters and pairs of a backslash and another. The quotes may be the same one: `"@b.co` passes. */
static int quoted_check(const char *s, const char *end)
{
    int32_t c;

    end--;
    for (s++; s < end;) {
        c = ms_utf8_next(&s, end);
        if (c == '\\' ? !after_backslash(ms_utf8_next(&s, end)) : !in_quotes(c)) {
            return 0;
        }
    }
    return 1;
}

static int atoms_check(const char *s, const char *end)
{
    int32_t c, before = '.';

    for (; s < end; before = c) {
        c = ms_utf8_next(&s, end);
        if (c == '.' ? before == '.' : !in_atom(c)) {
            return 0;
        }
    }
    return before != '.';
}

static int local_check(const char *s, const char *end)
{
    if (end - s > LOCAL_MAX) {
        return 0;
    }
    return s < end && *s == '"' && end[-1] == '"' ? quoted_check(s, end) : atoms_check(s, end);
}

static int label_check(const char *s, const char *end)
{
    int32_t c;
    int length = 0;

    if (s == end || *s == '-' || end[-1] == '-') {
        return 0;
    }
    while (s < end) {
        c = ms_utf8_next(&s, end);
        length += units(c);
        if (!in_label(c)) {
            return 0;
        }
    }
    return length <= LABEL_MAX;
}

/* What the last label must be besides a label: letters, or an internationalized one in its ASCII form. */
static int last_label_check(const char *s, const char *end)
{
    const char *p = s;
    int length = 0, letters = 1;

    for (; p < end && letters; length++) {
        letters = in_last_label(ms_utf8_next(&p, end));
    }
    if (letters && length >= 2) {
        return 1;
    }
    if (end - s < 4 || (s[0] | 0x20) != 'x' || (s[1] | 0x20) != 'n') {
        return 0;
    }
    for (p = s + 2; p < end && (is_alnum(*p) || *p == '-'); p++) {
    }
    return p == end;
}

static int domain_check(const char *s, const char *end)
{
    const char *dot;

    if (end - s > DOMAIN_MAX || !memchr(s, '.', end - s)) {
        return 0;
    }
    while ((dot = memchr(s, '.', end - s))) {
        if (!label_check(s, dot)) {
            return 0;
        }
        s = dot + 1;
    }
    return label_check(s, end) && last_label_check(s, end);
}

int ms_email_check(const char *s, size_t length)
{
    const char *p, *at, *end;
    int32_t c;
    int n = 0;

    if (length == 0 || length > 3 * UNITS_MAX) { /* no unit takes more than 3 bytes */
        return 0;
    }
    end = s + length;
    for (p = s, at = NULL; p < end; n += units(c)) {
        if (*p == '@') {
            at = p;
        }
        c = ms_utf8_next(&p, end);
        if (c < 0) {
            return 0;
        }
    }
    return at && n <= UNITS_MAX && local_check(s, at) && domain_check(at + 1, end);
}
