/* plan.c: reads the plan file. Knows plain C only, so that a module of httpd and a program can share it. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_BYTES = 16384 };

static const char *take_line(plan_t *plan, char *text)
{
    char *word = strsep(&text, "\t"), *sql = strsep(&text, "\t");
    plan_line_t *line;

    if (!sql) {
        return "a line of the plan has no SQL";
    }
    if (plan->begins == PLAN_LINES_MAX || plan->queries == PLAN_LINES_MAX) {
        return "the plan has too many lines";
    }
    line = !strcmp(word, "begin") ? &plan->begin[plan->begins++] : &plan->query[plan->queries++];
    line->sql = sql;
    for (line->n = 0; text; line->n++) {
        if (line->n == PLAN_VALUES_MAX) {
            return "a line of the plan has too many values";
        }
        line->values[line->n] = strsep(&text, "\t");
    }
    return NULL;
}

const char *plan_read(plan_t *plan, const char *file)
{
    FILE *in = fopen(file, "r");
    static char buffer[LINE_MAX_BYTES];
    const char *error = NULL;

    memset(plan, 0, sizeof *plan);
    if (!in) {
        return "the plan can't be read";
    }
    while (!error && fgets(buffer, sizeof buffer, in)) {
        size_t length = strcspn(buffer, "\n");

        error = buffer[length] ? take_line(plan, strndup(buffer, length)) : "a line of the plan is too long";
    }
    fclose(in);
    return error || plan->queries ? error : "the plan asks nothing";
}
