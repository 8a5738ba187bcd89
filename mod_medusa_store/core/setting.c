/* setting.c: reads the values of directives.
 *
 * Knows texts only: which values are allowed, and in which words they are refused, is known by httpd/directives.c, which calls this. */
#include "core/setting.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

/* Digits, with or without a sign, at the beginning of a text: where they end, or NULL. */
static const char *read_number(apr_int64_t *value, const char *text)
{
    size_t sign = *text == '-' || *text == '+';
    char *end;

    if (text[sign] < '0' || text[sign] > '9') { /* blanks and the like would be skipped */
        return NULL;
    }
    errno = 0;
    *value = apr_strtoi64(text, &end, 10);
    return errno ? NULL : end;
}

int ms_setting_number(apr_int64_t *value, const char *text)
{
    const char *end = read_number(value, text);

    return end && !*end;
}

int ms_setting_duration(apr_interval_time_t *value, const char *text)
{
    static const struct {
        const char *name;
        apr_interval_time_t length;
    } units[] = {
        { "", APR_USEC_PER_SEC }, { "s", APR_USEC_PER_SEC }, { "ms", 1000 }, { "mi", 60 * APR_USEC_PER_SEC },
        { "min", 60 * APR_USEC_PER_SEC }, { "h", 3600 * APR_USEC_PER_SEC }, { NULL, 0 }
    };
    apr_int64_t number;
    const char *unit = read_number(&number, text);
    int i;

    if (!unit || number < 0) {
        return 0;
    }
    for (i = 0; units[i].name && strcasecmp(units[i].name, unit); i++) {
    }
    return units[i].name && !__builtin_mul_overflow(number, units[i].length, value);
}

int ms_setting_rate(apr_int64_t *count, apr_interval_time_t *period, const char *text)
{
    const char *end = read_number(count, text);

    return end && *end == '/' && ms_setting_duration(period, end + 1);
}

int ms_setting_origin(const char *text)
{
    const char *p = text, *host;

    while (apr_isalnum(*p) || *p == '+' || *p == '-' || *p == '.') {
        p++;
    }
    if (p == text || strncmp(p, "://", 3)) {
        return 0;
    }
    for (p = host = p + 3; *p > ' ' && *p < 127 && !strchr("/?#@*\"\\", *p); p++) {
    }
    return p != host && !*p;
}

int ms_setting_address(const char *text)
{
    const char *p;

    for (p = text; *p > ' ' && *p < 127 && !strchr("\"<>\\", *p); p++) {
    }
    if (*p) {
        return 0;
    }
    return (*text == '/' && text[1] != '/') || (!strncasecmp(text, "http://", 7) && text[7])
        || (!strncasecmp(text, "https://", 8) && text[8]);
}

int ms_setting_base(const char *text)
{
    return *text == '/' && !strstr(text, "//") && !strstr(text, "/.");
}

int ms_setting_cookie(const char *text)
{
    const char *p;

    for (p = text; *p > ' ' && *p < 127 && !strchr("()<>@,;:\\\"/[]?={}", *p); p++) {
    }
    return p != text && !*p;
}
