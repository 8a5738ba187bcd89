/* problem.c: the table of problems, made from MS_PROBLEMS.
 *
 * Knows nothing but its own header; everybody who answers or logs a failure asks it. */
#include "core/problem.h"

#include <stddef.h>

static const ms_problem_t problems[MS_PROBLEM_COUNT] = {
    [MS_OK] = { "OK", 200, NULL, NULL, "" },
#define X(name, http, code, type, message) [MS_##name] = { #name, http, code, type, message },
    MS_PROBLEMS(X)
#undef X
};

const ms_problem_t *ms_problem_get(ms_rc_t rc)
{
    unsigned i = (unsigned)rc;

    return &problems[i > MS_OK && i < MS_PROBLEM_COUNT ? i : MS_UNEXPECTED];
}
