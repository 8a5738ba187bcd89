/* purge.c: medusa-store-admin sessions purge, and keys purge. The work is done by db/purge.c. */
#include "tools/tool.h"

#include <stdio.h>

#include "db/purge.h"

enum { OPT_HELP = 256 };

static int run(call_t *call, ms_purge_t what)
{
    static const apr_getopt_option_t options[] = { { "help", OPT_HELP, 0, NULL }, { NULL, 0, 0, NULL } };
    const char *value, *params, *problem;
    apr_getopt_t *os;
    apr_status_t status;
    apr_int64_t count;
    int option, found;

    apr_getopt_init(&os, call->pool, call->argc, call->argv);
    if ((status = apr_getopt_long(os, options, &option, &value)) == APR_SUCCESS) {
        return help();
    }
    if (status != APR_EOF || has_more(os) != GOOD) {
        return USAGE;
    }
    if ((found = find_params(&params, call)) != GOOD) {
        return found;
    }
    problem = ms_purge(&count, call->pool, params, what);
    if (problem && count == 0) {
        return complain(FAILED, "%s", problem);
    }
    printf("deleted %" APR_INT64_T_FMT " expired %s%s\n", count, ms_purge_name(what), count == 1 ? "" : "s");
    return problem ? complain(FAILED, "%s", problem) : GOOD;
}

int run_sessions_purge(call_t *call)
{
    return run(call, MS_PURGE_SESSIONS);
}

int run_keys_purge(call_t *call)
{
    return run(call, MS_PURGE_KEYS);
}
