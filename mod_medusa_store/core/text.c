/* text.c: UTF-8 text.
 *
 * Owns the module's only UTF-8 decoder, and lower case, for which it knows libunistring. Knows nothing of requests.
 * Called by core/email.c, core/json.c, core/validate.c and whoever compares e-mail addresses. */
#include "core/text.h"

#include <apr_strings.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>

int32_t ms_utf8_next(const char **s, const char *end)
{
    static const int32_t lowest[] = { 0, 0x80, 0x800, 0x10000 };
    const unsigned char *p = (const unsigned char *)*s;
    int32_t c;
    int i, more;

    if (*s >= end) {
        return -1;
    }
    c = p[0];
    if (c < 0x80) {
        ++*s;
        return c;
    }
    if (c < 0xC2 || c > 0xF4) {
        return -1;
    }
    more = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    if (end - *s <= more) {
        return -1;
    }
    c &= 0x3F >> more;
    for (i = 1; i <= more; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return -1;
        }
        c = c << 6 | (p[i] & 0x3F);
    }
    if (c < lowest[more] || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) {
        return -1;
    }
    *s += more + 1;
    return c;
}

/* Number of leading ASCII bytes. Eight at a time, because nearly all text is nothing else. */
static size_t ascii_run(const char *s, size_t length)
{
    size_t n = 0;
    uint64_t eight;

    for (; length - n >= sizeof eight; n += sizeof eight) {
        memcpy(&eight, s + n, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080)) {
            break;
        }
    }
    while (n < length && !(s[n] & 0x80)) {
        n++;
    }
    return n;
}

int ms_utf8_valid(const char *s, size_t length)
{
    const char *p = s, *end;

    if (length == 0) {
        return 1;
    }
    end = s + length;
    while ((p += ascii_run(p, end - p)) < end) {
        if (ms_utf8_next(&p, end) < 0) {
            return 0;
        }
    }
    return 1;
}

size_t ms_utf8_length(const char *s, size_t length)
{
    size_t i, n = 0;

    for (i = 0; i < length; i++) {
        n += (s[i] & 0xC0) != 0x80;
    }
    return n;
}

static const char *lower_ascii(apr_pool_t *pool, const char *s, size_t length)
{
    char *lower = apr_palloc(pool, length + 1);
    size_t i;

    if (!lower) {
        return NULL;
    }
    for (i = 0; i < length; i++) {
        lower[i] = s[i] >= 'A' && s[i] <= 'Z' ? s[i] + ('a' - 'A') : s[i];
    }
    lower[length] = '\0';
    return lower;
}

/* The first small sigma of either form (they differ in their second byte), or NULL. */
static char *find_sigma(char *lower)
{
    while ((lower = strchr(lower, '\xCF')) && lower[1] != '\x82' && lower[1] != '\x83') {
        lower++;
    }
    return lower;
}

/* Give each capital sigma of `s` its final form in `lower` where the nearest letters say so: one before it, none behind,
 * whatever ignorable stands between. libunistring does so too, but not as JavaScript for the apostrophe, U+02B0 and their
 * like. The sigmas of both texts are the same in number and order. */
static void place_final_sigmas(const char *s, const char *end, char *lower)
{
    char *pending = NULL;
    int32_t c;
    int cased = 0;

    while ((c = ms_utf8_next(&s, end)) >= 0) {
        if (uc_is_property_case_ignorable(c)) {
            continue;
        }
        if (pending) {
            pending[1] = uc_is_property_cased(c) ? '\x83' : '\x82';
        }
        pending = NULL;
        if (c == 0x3A3 || c == 0x3C2 || c == 0x3C3) {
            lower = find_sigma(lower);
            if (!lower) {
                return;
            }
            if (c == 0x3A3) {
                lower[1] = '\x83';
                pending = cased ? lower : NULL;
            }
            lower += 2;
        }
        cased = uc_is_property_cased(c);
    }
    if (pending) {
        pending[1] = '\x82';
    }
}

static const char *lower_unicode(apr_pool_t *pool, const char *s, size_t length)
{
    /* No mapping grows by more than a half (U+0130: 2 bytes to 3); should one ever, libunistring answers in memory of its own. */
    size_t room = length + length / 2 + 8, n = room;
    uint8_t *own = apr_palloc(pool, room + 1), *found;
    char *lower = (char *)own;

    if (!own) {
        return NULL;
    }
    found = u8_tolower((const uint8_t *)s, length, NULL, NULL, own, &n);
    if (!found) {
        return NULL;
    }
    if (found != own) {
        lower = apr_palloc(pool, n + 1);
        if (lower) {
            memcpy(lower, found, n);
        }
        free(found);
    }
    if (!lower) {
        return NULL;
    }
    lower[n] = '\0';
    if (strstr(s, "\xCE\xA3")) { /* a capital sigma */
        place_final_sigmas(s, s + length, lower);
    }
    return lower;
}

const char *ms_text_lower(apr_pool_t *pool, const char *s)
{
    size_t length = strlen(s);

    return ascii_run(s, length) == length ? lower_ascii(pool, s, length) : lower_unicode(pool, s, length);
}

const char *ms_text_join(apr_pool_t *pool, const apr_array_header_t *texts, const char *separator)
{
    struct iovec *pieces = apr_palloc(pool, (2 * (size_t)texts->nelts + 1) * sizeof *pieces);
    int i, n = 0;

    for (i = 0; i < texts->nelts; i++) {
        char *text = APR_ARRAY_IDX(texts, i, char *);

        if (i) {
            pieces[n++] = (struct iovec){ (char *)(uintptr_t)separator, strlen(separator) };
        }
        pieces[n++] = (struct iovec){ text, strlen(text) };
    }
    return apr_pstrcatv(pool, pieces, (apr_size_t)n, NULL);
}
