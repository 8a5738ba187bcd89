/* plan.h: what the bare handler and the raw loop ask the database for one request: a file of lines, made by bench/lib/plans.
 *
 *   begin TAB sql                  once, when a connection is made
 *   query TAB sql TAB value ...    in this order, for each request; each value stands for a %s of the SQL
 *   change TAB sql TAB value ...   the same, of what returns no rows
 *   text TAB sql                   the same, not prepared
 * In values, {customer}, {email}, {address} and {digest} are those of whom the request is about, {n} is a number that comes once, as 16
 * digits, and {now} is the time. */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include <stddef.h>

enum { PLAN_VALUES_MAX = 24, PLAN_LINES_MAX = 24, PLAN_VALUE_BYTES = 4096 };

typedef enum { PLAN_QUERY, PLAN_CHANGE, PLAN_TEXT } plan_kind_t;

typedef struct {
    plan_kind_t kind;
    char *sql;
    int n; /* values */
    const char *values[PLAN_VALUES_MAX]; /* NULL: NULL */
} plan_line_t;

typedef struct {
    int begins, steps;
    const char *begin[PLAN_LINES_MAX];
    plan_line_t step[PLAN_LINES_MAX];
    int changes; /* 1: a step changes something */
} plan_t;

/** Whom a request is about. */
typedef struct {
    const char *customer, *email, *address, *digest;
    long n;
} plan_target_t;

/** The values of a step for one request. */
typedef struct {
    char text[PLAN_VALUES_MAX][PLAN_VALUE_BYTES];
    const char *value[PLAN_VALUES_MAX];
} plan_values_t;

/** Read a plan; the text says what is wrong, NULL: all is well. What it holds is never freed. */
const char *plan_read(plan_t *plan, const char *file);

/** Fill in the values of a step. */
void plan_fill(plan_values_t *values, const plan_line_t *step, const plan_target_t *target);

#endif
