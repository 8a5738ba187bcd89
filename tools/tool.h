/* tool.h: what the commands of medusa-store-admin share: exit status, words for the user, connection parameters.
 *
 * Each command is a file beside this one and a row of the table in medusa-store-admin.c. */
#ifndef MS_TOOLS_TOOL_H
#define MS_TOOLS_TOOL_H

#include <apr_getopt.h>
#include <apr_pools.h>

#define PROGRAM "medusa-store-admin"
#define PARAMS_VARIABLE "MEDUSA_STORE_DB_PARAMS"

enum { GOOD = 0, FAILED = 1, USAGE = 2 }; /* exit status */

typedef struct {
    apr_pool_t *pool;
    const char *params_file; /* or NULL: the environment has them */
    int argc;                /* the command's own arguments; argv[0] is the program */
    const char **argv;
} call_t;

/** Say on standard error what is wrong, in one line; returns `status`. Nothing said may hold a secret, a hash or an e-mail. */
int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The whole help. */
int help(void);

/** Find the connection parameters: in the file that the call names, or in the environment. */
int find_params(const char **params, const call_t *call);

/** Complain about arguments behind the last option. */
int has_more(const apr_getopt_t *os);

/** Read a whole number from `min` to `max`; complains about another in the name of `option`. */
int read_number(int *number, const char *option, const char *text, int min, int max);

/** Read a time in seconds from `min` to `max`: 30, 30s, 5m or 1h. */
int read_seconds(int *seconds, const char *option, const char *text, int min, int max);

/* The commands. */
int run_migrate(call_t *call);
int run_sessions_purge(call_t *call);
int run_keys_purge(call_t *call);
int run_outbox(call_t *call);
int run_import(call_t *call);
int run_export(call_t *call);

#endif
