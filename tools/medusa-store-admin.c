/* medusa-store-admin.c: what an administrator does to a shop's database: migrate it, purge sessions.
 *
 * Knows options, words and exit status; the work is done in db/. Each command is a row of `commands`. Knows no httpd. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <apr_env.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>

#include "db/migrate.h"
#include "db/purge.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif
#ifndef MS_SQL_DIR
#define MS_SQL_DIR "sql"
#endif

#define PROGRAM "medusa-store-admin"
#define PARAMS_VARIABLE "MEDUSA_STORE_DB_PARAMS"

enum { GOOD = 0, FAILED = 1, USAGE = 2 }; /* exit status */
enum { OPT_HELP = 256, OPT_VERSION, OPT_PARAMS_FILE, OPT_PLAN, OPT_SQL };

typedef struct {
    apr_pool_t *pool;
    const char *params_file; /* or NULL: the environment has them */
    int argc;                /* the command's own arguments; argv[0] is the program */
    const char **argv;
} call_t;

typedef struct {
    const char *noun;
    const char *verb; /* NULL: the noun says it all */
    int (*run)(call_t *call);
    const char *options; /* with a blank before each */
    const char *help;
} command_t;

static int migrate(call_t *call);
static int sessions_purge(call_t *call);

static const command_t commands[] = {
    { "migrate", NULL, migrate, " [--plan] [--sql DIR]", "bring the schema up to date; --plan: only tell what would be applied" },
    { "sessions", "purge", sessions_purge, "", "delete expired sessions" },
    { NULL, NULL, NULL, NULL, NULL }
};

static int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(int status, const char *format, ...)
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

static int help(void)
{
    const command_t *c;

    puts("Usage: " PROGRAM " [--params-file FILE] COMMAND [OPTIONS]\n\nCommands:");
    for (c = commands; c->noun; c++) {
        printf("  %s%s%s%s\n      %s\n", c->noun, c->verb ? " " : "", c->verb ? c->verb : "", c->options, c->help);
    }
    puts("\nOptions:\n"
         "  --params-file FILE  file with the connection parameters, in the form of MedusaStoreDBParams, in its first\n"
         "                      line that is neither empty nor a # comment; others must not be able to read it.\n"
         "                      Without it: the environment variable " PARAMS_VARIABLE "\n"
         "  --sql DIR           folder of the migrations; default: " MS_SQL_DIR "\n"
         "  --help, --version\n\n"
         "Exit status: 0 all is well, 1 it failed, 2 it was called wrongly.");
    return GOOD;
}

/* ---- connection parameters: never from the command line, which every user of the machine can read ---- */

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

static int find_params(const char **params, const call_t *call)
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

/* ---- commands ---- */

static int has_more(const apr_getopt_t *os)
{
    return os->ind < os->argc ? complain(USAGE, "unexpected argument '%s' (see --help)", os->argv[os->ind]) : GOOD;
}

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

static int run_migration(call_t *call, ms_migrate_t *wish)
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

static int migrate(call_t *call)
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
    return run_migration(call, &wish);
}

static int sessions_purge(call_t *call)
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
    problem = ms_purge_sessions(&count, call->pool, params);
    if (problem && count == 0) {
        return complain(FAILED, "%s", problem);
    }
    printf("deleted %" APR_INT64_T_FMT " expired session%s\n", count, count == 1 ? "" : "s");
    return problem ? complain(FAILED, "%s", problem) : GOOD;
}

/* ---- which command ---- */

static const command_t *find_command(int argc, const char *const *argv)
{
    const command_t *c;

    for (c = commands; c->noun; c++) {
        if (!strcmp(c->noun, argv[0]) && (!c->verb || (argc > 1 && !strcmp(c->verb, argv[1])))) {
            return c;
        }
    }
    return NULL;
}

/* The command and its arguments begin at argv[0]. */
static int run_command(call_t *call, int argc, const char *const *argv)
{
    const command_t *command;
    int words;

    if (argc == 0) {
        return complain(USAGE, "no command given (see --help)");
    }
    if (!(command = find_command(argc, argv))) {
        int two = argc > 1 && argv[1][0] != '-';

        return complain(USAGE, "unknown command '%s%s%s' (see --help)", argv[0], two ? " " : "", two ? argv[1] : "");
    }
    words = command->verb ? 2 : 1;
    call->argc = argc - words + 1;
    call->argv = apr_pcalloc(call->pool, sizeof(*call->argv) * (size_t)(call->argc + 1));
    call->argv[0] = PROGRAM; /* apr_getopt begins its messages with it */
    memcpy(call->argv + 1, argv + words, sizeof(*argv) * (size_t)(argc - words));
    return command->run(call);
}

static int run(apr_pool_t *pool, int argc, const char **argv)
{
    static const apr_getopt_option_t options[] = {
        { "params-file", OPT_PARAMS_FILE, 1, NULL }, { "help", OPT_HELP, 0, NULL }, { "version", OPT_VERSION, 0, NULL },
        { NULL, 0, 0, NULL }
    };
    call_t call = { .pool = pool };
    const char *value;
    apr_getopt_t *os;
    apr_status_t status;
    int option;

    argv[0] = PROGRAM;
    apr_getopt_init(&os, pool, argc, argv);
    while ((status = apr_getopt_long(os, options, &option, &value)) == APR_SUCCESS) {
        switch (option) {
        case OPT_PARAMS_FILE:
            call.params_file = value;
            break;
        case OPT_VERSION:
            puts(PROGRAM " " PACKAGE_VERSION);
            return GOOD;
        default:
            return help();
        }
    }
    return status == APR_EOF ? run_command(&call, argc - os->ind, argv + os->ind) : USAGE;
}

int main(int argc, const char *const argv[])
{
    apr_pool_t *pool;
    const char **arguments;
    int status;

    if (apr_app_initialize(&argc, &argv, NULL) != APR_SUCCESS) {
        return complain(FAILED, "APR does not start");
    }
    /* No apr_terminate(): it unloads the database client, whose own memory nobody frees, and leak checkers would tell of
     * nothing else. The pool's end closes the connection. */
    apr_pool_create(&pool, NULL);
    arguments = apr_pmemdup(pool, argv, sizeof(*argv) * (size_t)(argc + 1));
    status = run(pool, argc, arguments);
    apr_pool_destroy(pool);
    if (fflush(stdout) || ferror(stdout)) {
        return complain(FAILED, "can't write to the standard output");
    }
    return status;
}
