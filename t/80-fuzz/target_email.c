/* target_email.c: any text as an e-mail address: what passes has the few things that all addresses have; lower case is lower case. */
#include "fuzz.h"

#include <string.h>

#include "core/email.h"
#include "core/text.h"

enum { UNITS_MAX = 254 };

static const char *check_lower(ms_ctx_t *c, const char *text)
{
    const char *lower = ms_text_lower(c->pool, text), *again;

    MUST(lower && ms_utf8_valid(lower, strlen(lower)));
    again = ms_text_lower(c->pool, lower);
    MUST(again && !strcmp(again, lower));
    return lower;
}

/* In UTF-16. */
static size_t units_of(const char *text, size_t length)
{
    size_t units = ms_utf8_length(text, length), i;

    for (i = 0; i < length; i++) {
        units += (unsigned char)text[i] >= 0xF0;
    }
    return units;
}

static void check_good(ms_ctx_t *c, const char *text, size_t size)
{
    const char *at = memrchr(text, '@', size), *lower;

    MUST(ms_utf8_valid(text, size) && !memchr(text, '\0', size));
    MUST(at && at != text && at - text <= 64 && memchr(at, '.', (size_t)(text + size - at)) && units_of(text, size) <= UNITS_MAX);
    lower = check_lower(c, fuzz_text(c, text, size));
    MUST(ms_email_check(lower, strlen(lower)) || strlen(lower) > size || units_of(lower, strlen(lower)) > units_of(text, size)); /* a few letters grow */
}

void fuzz_email(ms_ctx_t *c, const uint8_t *data, size_t size)
{
    const char *text = fuzz_bytes(c, data, size);

    if (ms_email_check(text, size)) {
        check_good(c, text, size);
    }
    else if (ms_utf8_valid(text, size)) {
        check_lower(c, fuzz_text(c, text, size));
    }
}
