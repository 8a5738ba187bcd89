/* tool.c: what the commands of medusa-store-admin share.
 *
 * Knows how to speak to the user, and where connection parameters come from: never from the command line, which every user of
 * the machine can read. Knows no httpd and no database. */
#include "tools/tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_env.h>
#include <apr_file_io.h>
#include <apr_strings.h>

int complain(int status, const char *format, ...)
{
    va_list args;

    fflush(stdout); /* what was done stands before what went wrong, also where both go to one file */
    fputs(PROGRAM ": ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\n", stderr);
    return status;
}

static int read_params_line(const char **params, apr_pool_t *pool, apr_file_t *file)
{
    char line[4096];

    while (apr_file_gets(line, sizeof(line), file) == APR_SUCCESS) {
        char *start = line + strspn(line, " \t\r\n");
        size_t length = strlen(start);

        if (strlen(line) == sizeof(line) - 1) {
            return 0; /* cut: better none than a part */
        }
        while (length && strchr(" \t\r\n", start[length - 1])) {
            length--;
        }
        if (length && *start != '#') {
            *params = apr_pstrmemdup(pool, start, length);
            return 1;
        }
    }
    return 0;
}

static int read_params_file(const char **params, const call_t *call)
{
    char reason[200];
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t status = apr_file_open(&file, call->params_file, APR_FOPEN_READ, APR_OS_DEFAULT, call->pool);

    if (status == APR_SUCCESS) {
        status = apr_file_info_get(&info, APR_FINFO_PROT, file); /* of the open file: its name may mean another by now */
    }
    if (status != APR_SUCCESS) {
        return complain(FAILED, "can't read %s: %s", call->params_file, apr_strerror(status, reason, sizeof(reason)));
    }
    if (info.protection & (APR_FPROT_WREAD | APR_FPROT_WWRITE)) {
        return complain(FAILED, "%s holds a password and is open to every user: chmod 640 it", call->params_file);
    }
    if (!read_params_line(params, call->pool, file)) {
        return complain(FAILED, "%s holds no connection parameters (one line, up to 4,000 bytes)", call->params_file);
    }
    return GOOD;
}

int find_params(const char **params, const call_t *call)
{
    char *value;

    if (call->params_file) {
        return read_params_file(params, call);
    }
    if (apr_env_get(&value, PARAMS_VARIABLE, call->pool) != APR_SUCCESS || !*value) {
        return complain(USAGE, "no connection parameters: give --params-file FILE or set " PARAMS_VARIABLE);
    }
    *params = value;
    return GOOD;
}

int has_more(const apr_getopt_t *os)
{
    return os->ind < os->argc ? complain(USAGE, "unexpected argument '%s' (see --help)", os->argv[os->ind]) : GOOD;
}

int read_number(int *number, const char *option, const char *text, int min, int max)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || value < min || value > max) {
        return complain(USAGE, "%s takes a whole number from %d to %d, not '%s'", option, min, max, text);
    }
    *number = (int)value;
    return GOOD;
}

int read_seconds(int *seconds, const char *option, const char *text, int min, int max)
{
    char *end;
    long value = strtol(text, &end, 10), unit = 1;

    if (*end && !end[1]) {
        unit = *end == 's' ? 1 : *end == 'm' ? 60 : *end == 'h' ? 3600 : 0;
        end++;
    }
    if (*text < '0' || *text > '9' || *end || !unit || value > max || value * unit < min || value * unit > max) {
        return complain(USAGE, "%s takes a time of %d to %d seconds, as 30, 30s, 5m or 1h, not '%s'", option, min, max, text);
    }
    *seconds = (int)(value * unit);
    return GOOD;
}
