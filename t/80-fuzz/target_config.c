/* target_config.c: any text as the value of a directive: a number is the one that it says, a name of a cookie names a cookie, an address
 * fits a header. */
#include "fuzz.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "account/cookie.h"
#include "core/setting.h"
#include "db/db.h"

static void check_numbers(ms_ctx_t *c, const char *text)
{
    apr_int64_t number, again;
    apr_interval_time_t duration, other;

    if (ms_setting_rate(&number, &duration, text)) {
        MUST(ms_setting_rate(&again, &other, apr_psprintf(c->pool, "%" APR_INT64_T_FMT "/%" APR_INT64_T_FMT "ms", number, duration / 1000)));
        MUST(again == number && other == duration);
    }
    if (ms_setting_number(&number, text)) {
        MUST(ms_setting_number(&again, apr_psprintf(c->pool, "%" APR_INT64_T_FMT, number)) && again == number);
        MUST(number < 0 || !ms_setting_duration(&duration, text) || duration == apr_time_from_sec(number));
    }
    if (ms_setting_duration(&duration, text)) {
        MUST(duration >= 0 && duration % 1000 == 0 && (apr_isdigit(*text) || *text == '+' || *text == '-'));
        MUST(ms_setting_duration(&other, apr_psprintf(c->pool, "%" APR_INT64_T_FMT "ms", duration / 1000)) && other == duration);
    }
}

static void check_names(ms_ctx_t *c, const char *text)
{
    const char *p, *found;

    if (ms_setting_cookie(text)) {
        found = ms_cookie_find(c->pool, apr_pstrcat(c->pool, "a=b; ", text, "=value; c=d", NULL), text);
        MUST(found && (!strcmp(found, "value") || !strcmp(text, "a")));
    }
    if (ms_setting_address(text)) {
        for (p = text; *p; p++) {
            MUST(*p > ' ' && *p < 127 && *p != '"' && *p != '\\');
        }
        MUST(strncmp(text, "//", 2));
    }
    MUST(!ms_setting_base(text) || (*text == '/' && !strstr(text, "/..")));
    MUST(!ms_setting_origin(text) || (strstr(text, "://") && !strpbrk(text, " \t\r\n\"") && text[strlen(text) - 1] != '/'));
}

void fuzz_config(ms_ctx_t *c, const uint8_t *data, size_t size)
{
    const char *text = fuzz_text(c, data, size);

    check_numbers(c, text);
    check_names(c, text);
    MUST(ms_db_params_check(c->pool, text) || strstr(text, "dbname="));
}
