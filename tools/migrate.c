/* migrate.c: medusa-store-admin migrate. The work is done by db/migrate.c. */
#include "tools/tool.h"

#include <stdio.h>

#include "db/migrate.h"

#ifndef MS_SQL_DIR
#define MS_SQL_DIR "sql"
#endif

enum { OPT_HELP = 256, OPT_PLAN, OPT_SQL };

static void tell_migration(void *baton, const char *name, apr_interval_time_t took)
{
    int *count = baton;

    (*count)++;
    if (took == MS_MIGRATE_PLANNED) {
        printf("would apply %s\n", name);
    }
    else {
        printf("applied %s (%.2f s)\n", name, (double)took / APR_USEC_PER_SEC);
    }
    fflush(stdout); /* the next one may take its time */
}

static int bring_up(call_t *call, ms_migrate_t *wish)
{
    int count = 0, version, status = find_params(&wish->params, call);
    const char *problem;

    if (status != GOOD) {
        return status;
    }
    wish->tell = tell_migration;
    wish->baton = &count;
    if ((problem = ms_migrate_run(&version, call->pool, wish))) {
        return complain(FAILED, "%s", problem);
    }
    printf(count ? "schema is at %d\n" : "nothing to do: schema is at %d\n", version);
    return GOOD;
}

int run_migrate(call_t *call)
{
    static const apr_getopt_option_t options[] = {
        { "plan", OPT_PLAN, 0, NULL }, { "sql", OPT_SQL, 1, NULL }, { "help", OPT_HELP, 0, NULL }, { NULL, 0, 0, NULL }
    };
    ms_migrate_t wish = { .dir = MS_SQL_DIR };
    const char *value;
    apr_getopt_t *os;
    apr_status_t status;
    int option;

    apr_getopt_init(&os, call->pool, call->argc, call->argv);
    while ((status = apr_getopt_long(os, options, &option, &value)) == APR_SUCCESS) {
        switch (option) {
        case OPT_PLAN:
            wish.plan = 1;
            break;
        case OPT_SQL:
            wish.dir = value;
            break;
        default:
            return help();
        }
    }
    if (status != APR_EOF || has_more(os) != GOOD) {
        return USAGE;
    }
    return bring_up(call, &wish);
}
