/* plan.h: what the bare handler and the raw loop ask the database for one request: a file of lines that bench/run makes.
 *
 *   begin TAB sql                  once, when a connection is made
 *   query TAB sql TAB value ...    in this order, for each request; each value stands for a %s of the SQL */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

enum { PLAN_VALUES_MAX = 8, PLAN_LINES_MAX = 16 };

typedef struct {
    char *sql;
    int n; /* values */
    const char *values[PLAN_VALUES_MAX];
} plan_line_t;

typedef struct {
    int begins, queries;
    plan_line_t begin[PLAN_LINES_MAX], query[PLAN_LINES_MAX];
} plan_t;

/** Read a plan; the text says what is wrong, NULL: all is well. What it holds is never freed. */
const char *plan_read(plan_t *plan, const char *file);

#endif
