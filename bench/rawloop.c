/* rawloop.c: the plan's queries by the client library alone, without httpd: the most that the database gives.
 *
 * usage: rawloop PLAN PARAMS_FILE THREADS SECONDS TARGETS NUMBER. One connection a thread; "once" means all steps of the plan. PARAMS_FILE
 * holds apr_dbd parameters of a local server: sock=, user=, pass=, dbname=. TARGETS and NUMBER: as for load.lua. */
#include "pace.h"
#include "plan.h"

#include <mysql.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 64, COLUMN_BYTES = 1024, SQL_BYTES = 16384, COUNTER_DIGITS = 100000000 };

typedef struct {
    plan_t plan;
    char sock[256], user[64], pass[128], dbname[64];
    plan_target_t *targets;
    long count, number;
} setting_t;

typedef struct {
    const setting_t *setting;
    MYSQL *mysql;
    MYSQL_STMT *stmts[PLAN_LINES_MAX];
    MYSQL_BIND values[PLAN_LINES_MAX][PLAN_VALUES_MAX];
    plan_values_t filled[PLAN_LINES_MAX];
    char columns[COLUMNS_MAX][COLUMN_BYTES];
    unsigned long lengths[COLUMNS_MAX];
} link_t;

static atomic_long sent;

/* %s of the catalogue are ? on the wire, and %% are %. */
static void to_wire(char *wire, const char *sql)
{
    for (; *sql; sql++) {
        if (*sql == '%') {
            sql++;
            *wire++ = *sql == 's' ? '?' : '%';
        }
        else {
            *wire++ = *sql;
        }
    }
    *wire = '\0';
}

/* Where the values will stand; what they are is filled in for each request. */
static int bind_values(MYSQL_STMT *stmt, MYSQL_BIND *binds, const plan_line_t *step, const plan_values_t *filled)
{
    int i;

    for (i = 0; i < step->n; i++) {
        binds[i].buffer_type = filled->value[i] ? MYSQL_TYPE_STRING : MYSQL_TYPE_NULL;
        binds[i].buffer = (void *)filled->value[i];
        binds[i].buffer_length = filled->value[i] ? strlen(filled->value[i]) : 0;
    }
    return (int)mysql_stmt_param_count(stmt) != step->n || mysql_stmt_bind_param(stmt, binds);
}

static int bind_columns(MYSQL_STMT *stmt, link_t *l)
{
    MYSQL_BIND binds[COLUMNS_MAX];
    unsigned i, n = mysql_stmt_field_count(stmt);

    memset(binds, 0, sizeof binds);
    for (i = 0; i < n && i < COLUMNS_MAX; i++) {
        binds[i].buffer_type = MYSQL_TYPE_STRING;
        binds[i].buffer = l->columns[i];
        binds[i].buffer_length = COLUMN_BYTES;
        binds[i].length = &l->lengths[i];
    }
    return n > COLUMNS_MAX || mysql_stmt_bind_result(stmt, binds);
}

static int prepare(link_t *l, int i, const plan_line_t *step)
{
    MYSQL_STMT *stmt = mysql_stmt_init(l->mysql);
    char wire[SQL_BYTES];

    to_wire(wire, step->sql);
    l->stmts[i] = stmt;
    if (!stmt || mysql_stmt_prepare(stmt, wire, strlen(wire)) || (step->kind == PLAN_QUERY && bind_columns(stmt, l))) {
        fprintf(stderr, "rawloop: %s: %s\n", wire, stmt ? mysql_stmt_error(stmt) : "no memory");
        return 1;
    }
    return 0;
}

static void *start(const void *baton)
{
    const setting_t *s = baton;
    MYSQL *mysql = mysql_init(NULL);
    link_t *l = calloc(1, sizeof *l);
    int i, bad;

    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!l || !mysql_real_connect(mysql, "localhost", s->user, s->pass, s->dbname, 0, s->sock, 0)) {
        fprintf(stderr, "rawloop: %s\n", mysql_error(mysql));
        return NULL;
    }
    l->setting = s;
    l->mysql = mysql;
    for (i = bad = 0; i < s->plan.begins && !bad; i++) {
        bad = mysql_query(mysql, s->plan.begin[i]);
    }
    for (i = 0; i < s->plan.steps && !bad; i++) {
        bad = s->plan.step[i].kind != PLAN_TEXT && prepare(l, i, &s->plan.step[i]);
    }
    return bad ? NULL : l;
}

static int fetch_all(MYSQL_STMT *stmt)
{
    int rv;

    if (mysql_stmt_store_result(stmt)) {
        return 1;
    }
    do {
        rv = mysql_stmt_fetch(stmt);
    } while (rv == 0);
    mysql_stmt_free_result(stmt);
    return rv != MYSQL_NO_DATA;
}

static int run(link_t *l, int i, const plan_target_t *target)
{
    const plan_line_t *step = &l->setting->plan.step[i];
    MYSQL_STMT *stmt = l->stmts[i];

    if (step->kind == PLAN_TEXT) {
        return mysql_query(l->mysql, step->sql);
    }
    plan_fill(&l->filled[i], step, target);
    return bind_values(stmt, l->values[i], step, &l->filled[i]) || mysql_stmt_execute(stmt) || (step->kind == PLAN_QUERY && fetch_all(stmt));
}

static int step(void *own, double due)
{
    link_t *l = own;
    const setting_t *s = l->setting;
    long n = atomic_fetch_add(&sent, 1);
    plan_target_t target = s->targets[n % s->count];
    int i, bad = 0;

    target.n = s->number * COUNTER_DIGITS + n;
    for (i = 0; i < s->plan.steps && !bad; i++) {
        bad = run(l, i, &target);
    }
    return bad;
}

static int targets_read(setting_t *s, const char *file)
{
    FILE *in = fopen(file, "r");
    char *line = NULL;
    size_t size = 0;

    while (in && getline(&line, &size, in) > 0) {
        char *rest = strdup(line);
        plan_target_t *target;

        s->targets = realloc(s->targets, ((size_t)s->count + 1) * sizeof *s->targets);
        if (!rest || !s->targets) {
            return 0;
        }
        target = &s->targets[s->count++];
        target->customer = strsep(&rest, "\t");
        target->email = strsep(&rest, "\t");
        target->address = strsep(&rest, "\t");
        target->digest = strsep(&rest, "\t");
    }
    return s->count > 0;
}

/* The value of a key among key=value,key=value; passwords made by ./run hold no comma. */
static void take_value(char *out, size_t size, const char *params, const char *key)
{
    const char *at = strstr(params, key);

    *out = '\0';
    if (at) {
        at += strlen(key);
        snprintf(out, size, "%.*s", (int)strcspn(at, ",\n"), at);
    }
}

static int params_read(setting_t *s, const char *file)
{
    char line[1024] = "";
    FILE *in = fopen(file, "r");

    if (!in || !fgets(line, sizeof line, in)) {
        return 0;
    }
    fclose(in);
    take_value(s->sock, sizeof s->sock, line, "sock=");
    take_value(s->user, sizeof s->user, line, "user=");
    take_value(s->pass, sizeof s->pass, line, "pass=");
    take_value(s->dbname, sizeof s->dbname, line, "dbname=");
    return 1;
}

int main(int argc, char **argv)
{
    static setting_t setting;
    pace_t pace = { .start = start, .step = step, .baton = &setting };
    const char *error;

    if (argc != 7) {
        fputs("usage: rawloop PLAN PARAMS_FILE THREADS SECONDS TARGETS NUMBER\n", stderr);
        return 2;
    }
    error = plan_read(&setting.plan, argv[1]);
    if (error || !params_read(&setting, argv[2]) || !targets_read(&setting, argv[5])) {
        fprintf(stderr, "rawloop: %s\n", error ? error : "the parameters or the targets can't be read");
        return 1;
    }
    pace.threads = pace_number("THREADS", argv[3], 1, 1024);
    pace.seconds = pace_number("SECONDS", argv[4], 1, 600);
    setting.number = pace_number("NUMBER", argv[6], 0, 1000000);
    mysql_library_init(0, NULL, NULL);
    return pace_run(&pace);
}
