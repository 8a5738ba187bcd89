/* problem.c: the table of problems, made from MS_PROBLEMS.
 *
 * Knows nothing but its own header and the log levels; everybody who answers or logs a failure asks it. */
#include "core/problem.h"
#include "core/log.h"

#include <stddef.h>

static const ms_problem_t problems[MS_PROBLEM_COUNT] = {
    [MS_OK] = { "OK", 200, NULL, NULL, MS_LOG_DEBUG, "" },
#define X(name, http, code, type, log, message) [MS_##name] = { #name, http, code, type, MS_LOG_##log, message },
    MS_PROBLEMS(X)
#undef X
};

const ms_problem_t *ms_problem_get(ms_rc_t rc)
{
    unsigned i = (unsigned)rc;

    return &problems[i > MS_OK && i < MS_PROBLEM_COUNT ? i : MS_UNEXPECTED];
}
