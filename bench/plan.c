/* plan.c: reads the plan file, and fills it in. Knows plain C only, so that a module of httpd and a program can share it. */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum { LINE_MAX_BYTES = 16384 };

static const char *take_values(plan_line_t *line, char *text)
{
    for (line->n = 0; text; line->n++) {
        char *value = strsep(&text, "\t");

        if (line->n == PLAN_VALUES_MAX || strlen(value) > PLAN_VALUE_BYTES / 2) {
            return "a line of the plan has too many values, or too long ones";
        }
        line->values[line->n] = strcmp(value, "\\N") ? value : NULL;
    }
    return NULL;
}

/* %s stands for a value, %% for a percent sign. */
static int count_values(const char *sql)
{
    int n = 0;

    for (; (sql = strchr(sql, '%')); sql += sql[1] ? 2 : 1) {
        n += sql[1] == 's';
    }
    return n;
}

static const char *take_line(plan_t *plan, char *text)
{
    static const char *const words[] = { "query", "change", "text", NULL };
    char *word = strsep(&text, "\t"), *sql = strsep(&text, "\t");
    const char *error;
    plan_line_t *line;
    int kind;

    if (!sql || plan->begins == PLAN_LINES_MAX || plan->steps == PLAN_LINES_MAX) {
        return "a line of the plan has no SQL, or there are too many";
    }
    if (!strcmp(word, "begin")) {
        plan->begin[plan->begins++] = sql;
        return NULL;
    }
    for (kind = 0; words[kind] && strcmp(word, words[kind]); kind++) {
    }
    if (!words[kind]) {
        return "a line of the plan begins with an unknown word";
    }
    line = &plan->step[plan->steps++];
    line->kind = (plan_kind_t)kind;
    line->sql = sql;
    plan->changes |= kind == PLAN_CHANGE;
    error = take_values(line, text);
    if (!error && kind != PLAN_TEXT && line->n != count_values(sql)) {
        error = "a line of the plan has more or fewer values than its SQL takes"; /* the driver would take what lies behind them */
    }
    return error;
}

const char *plan_read(plan_t *plan, const char *file)
{
    FILE *in = fopen(file, "r");
    char *buffer = malloc(LINE_MAX_BYTES);
    const char *error = NULL;

    memset(plan, 0, sizeof *plan);
    if (!in || !buffer) {
        return "the plan can't be read";
    }
    while (!error && fgets(buffer, LINE_MAX_BYTES, in)) {
        size_t length = strcspn(buffer, "\n");

        error = buffer[length] ? take_line(plan, strndup(buffer, length)) : "a line of the plan is too long";
    }
    fclose(in);
    free(buffer);
    return error || plan->steps ? error : "the plan asks nothing";
}

static const char *now_text(char *text, size_t size)
{
    struct timeval now;
    struct tm parts;
    size_t length;

    gettimeofday(&now, NULL);
    length = strftime(text, size, "%Y-%m-%d %H:%M:%S", gmtime_r(&now.tv_sec, &parts));
    snprintf(text + length, size - length, ".%03d", (int)(now.tv_usec / 1000) % 1000);
    return text;
}

/* What stands for the name in braces; `room` is for what has to be written down first. */
static const char *meaning(const char *name, size_t length, const plan_target_t *target, char *room, size_t size)
{
    const struct {
        const char *name, *value;
    } known[] = { { "customer", target->customer }, { "email", target->email }, { "address", target->address }, { "digest", target->digest } };
    size_t i;

    for (i = 0; i < sizeof known / sizeof *known; i++) {
        if (strlen(known[i].name) == length && !memcmp(name, known[i].name, length)) {
            return known[i].value ? known[i].value : "";
        }
    }
    if (length == 1 && *name == 'n') {
        snprintf(room, size, "%016ld", target->n);
        return room;
    }
    return length == 3 && !memcmp(name, "now", 3) ? now_text(room, size) : NULL;
}

static void fill(char *out, size_t size, const char *text, const plan_target_t *target)
{
    char room[64], *end = out + size - 1;

    while (*text && out < end) {
        size_t length = *text == '{' ? strcspn(text + 1, "}") : 0;
        const char *value = length ? meaning(text + 1, length, target, room, sizeof room) : NULL;

        if (value) {
            out += snprintf(out, (size_t)(end - out) + 1, "%s", value);
            out = out < end ? out : end;
            text += length + 2;
        }
        else {
            *out++ = *text++;
        }
    }
    *out = '\0';
}

void plan_fill(plan_values_t *values, const plan_line_t *step, const plan_target_t *target)
{
    int i;

    for (i = 0; i < step->n; i++) {
        values->value[i] = step->values[i];
        if (step->values[i] && strchr(step->values[i], '{')) {
            fill(values->text[i], sizeof values->text[i], step->values[i], target);
            values->value[i] = values->text[i];
        }
    }
}
