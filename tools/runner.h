/* runner.h: runs a program with a text on its standard input, for so long and no longer. */
#ifndef MS_TOOLS_RUNNER_H
#define MS_TOOLS_RUNNER_H

#include <apr_pools.h>
#include <apr_time.h>

enum { RUNNER_ERROR_MAX = 500 }; /* bytes kept of the program's first error line */

/** Take over the signals: SIGTERM and SIGINT from here on only ask for an end (the second one of them ends the tool at once),
 *  SIGPIPE is ignored. Before any other call. */
void runner_start(void);

/** 1 once SIGTERM or SIGINT came. */
int runner_stopping(void);

/** Wait; ends early when SIGTERM or SIGINT comes. */
void runner_pause(apr_interval_time_t time);

/** The program's path, found as a shell finds it; NULL: there is none that can be run. */
const char *runner_find(apr_pool_t *pool, const char *program);

/** Run argv in a process group of its own, with `input` on its standard input, and wait until it ends; after `timeout`
 *  the whole group is killed. It gets none of our files, and not the connection parameters.
 *  NULL: it ended with exit status 0. Else text in `pool`: how it ended and the first line of its standard error. */
const char *runner_run(apr_pool_t *pool, const char *const *argv, const char *input, apr_interval_time_t timeout);

#endif
