/* medusa-store-admin.c: what an administrator does to a shop's database: which commands there are, and which one is meant.
 *
 * Each command is a row of `commands` and a file beside this one; the work is done in db/. Knows no httpd. */
#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include "tools/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif
#ifndef MS_SQL_DIR
#define MS_SQL_DIR "sql"
#endif

enum { OPT_HELP = 256, OPT_VERSION, OPT_PARAMS_FILE };

typedef struct {
    const char *noun;
    const char *verb; /* NULL: the noun says it all */
    int (*run)(call_t *call);
    const char *options; /* with a blank before each */
    const char *help;
} command_t;

static const command_t commands[] = {
    { "migrate", NULL, run_migrate, " [--plan] [--sql DIR]", "bring the schema up to date; --plan: only tell what would be applied" },
    { "sessions", "purge", run_sessions_purge, "", "delete expired sessions" },
    { "keys", "purge", run_keys_purge, "", "delete expired idempotency keys, and the answers that are kept with them" },
    { "outbox", NULL, run_outbox, " --exec COMMAND [--follow] [--timeout 30s] [--retries 12] [--interval 1s]",
        "hand each waiting event to COMMAND, as a line of JSON on its standard input; exit status 0: delivered.\n"
        "      COMMAND is a program and its arguments, without a shell. --once (default): end when nothing is due;\n"
        "      --follow: wait for more until SIGTERM" },
    { "outbox", NULL, run_outbox, " --list | --retry-dead", "tell what waits and what failed; make dead events due again" },
    { "import", NULL, run_import, " CUSTOMERS.csv ADDRESSES.csv [--dry-run] [--reject NAME] [--batch 500]",
        "bring customers and addresses over from Medusa v1; rows that are there already are left alone.\n"
        "      --dry-run: only check; --reject: write refused rows to NAME.customers.csv and NAME.addresses.csv" },
    { "export", NULL, run_export, " CUSTOMERS.csv ADDRESSES.csv", "write all customers and addresses, in the form that import reads" },
    { NULL, NULL, NULL, NULL, NULL }
};

int help(void)
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

/* A command of two words of which only the first fits. */
static const command_t *find_noun(const char *noun)
{
    const command_t *c;

    for (c = commands; c->noun && strcmp(c->noun, noun); c++) {
    }
    return c->noun && c->verb ? c : NULL;
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
        const command_t *near = find_noun(argv[0]);

        if (near) {
            return complain(USAGE, "%s takes: %s (see --help)", near->noun, near->verb);
        }
    }
    if (!command) {
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

/* Pools get no memory. What was begun in the database is undone there. */
static int no_memory(int status)
{
    exit(complain(FAILED, "out of memory"));
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
    if (apr_pool_create_ex(&pool, NULL, no_memory, NULL) != APR_SUCCESS) {
        return no_memory(APR_ENOMEM);
    }
    arguments = apr_pmemdup(pool, argv, sizeof(*argv) * (size_t)(argc + 1));
    status = run(pool, argc, arguments);
    apr_pool_destroy(pool);
    if (fflush(stdout) || ferror(stdout)) {
        return complain(FAILED, "can't write to the standard output");
    }
    return status;
}
