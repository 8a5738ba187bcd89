/* rawloop.c: the plan's queries by the client library alone, without httpd: the most that the database gives.
 *
 * usage: rawloop PLAN PARAMS_FILE THREADS SECONDS. One connection a thread; "once" means all queries of the plan. The file holds
 * apr_dbd parameters of a local server: sock=, user=, pass=, dbname=. */
#include "pace.h"
#include "plan.h"

#include <mysql.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 64, COLUMN_BYTES = 1024, SQL_BYTES = 16384 };

typedef struct {
    plan_t plan;
    char sock[256], user[64], pass[128], dbname[64];
} setting_t;

typedef struct {
    int queries;
    MYSQL_STMT *stmts[PLAN_LINES_MAX];
    char columns[COLUMNS_MAX][COLUMN_BYTES];
    unsigned long lengths[COLUMNS_MAX];
} link_t;

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

static int bind_values(MYSQL_STMT *stmt, const plan_line_t *line)
{
    MYSQL_BIND binds[PLAN_VALUES_MAX];
    int i;

    memset(binds, 0, sizeof binds);
    for (i = 0; i < line->n; i++) {
        binds[i].buffer_type = MYSQL_TYPE_STRING;
        binds[i].buffer = (void *)line->values[i];
        binds[i].buffer_length = strlen(line->values[i]);
    }
    return (int)mysql_stmt_param_count(stmt) != line->n || mysql_stmt_bind_param(stmt, binds);
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

static int prepare(MYSQL *mysql, link_t *l, const plan_line_t *line)
{
    MYSQL_STMT *stmt = mysql_stmt_init(mysql);
    char wire[SQL_BYTES];

    to_wire(wire, line->sql);
    l->stmts[l->queries++] = stmt;
    if (!stmt || mysql_stmt_prepare(stmt, wire, strlen(wire)) || bind_values(stmt, line) || bind_columns(stmt, l)) {
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
    for (i = bad = 0; i < s->plan.begins && !bad; i++) {
        bad = mysql_query(mysql, s->plan.begin[i].sql);
    }
    for (i = 0; i < s->plan.queries && !bad; i++) {
        bad = prepare(mysql, l, &s->plan.query[i]);
    }
    return bad ? NULL : l;
}

static int step(void *own)
{
    link_t *l = own;
    int i, rv = MYSQL_NO_DATA;

    for (i = 0; i < l->queries && rv == MYSQL_NO_DATA; i++) {
        if (mysql_stmt_execute(l->stmts[i]) || mysql_stmt_store_result(l->stmts[i])) {
            return 1;
        }
        do {
            rv = mysql_stmt_fetch(l->stmts[i]);
        } while (rv == 0);
        mysql_stmt_free_result(l->stmts[i]);
    }
    return rv != MYSQL_NO_DATA;
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

    if (argc != 5) {
        fputs("usage: rawloop PLAN PARAMS_FILE THREADS SECONDS\n", stderr);
        return 2;
    }
    error = plan_read(&setting.plan, argv[1]);
    if (error || !params_read(&setting, argv[2])) {
        fprintf(stderr, "rawloop: %s\n", error ? error : "the parameters can't be read");
        return 1;
    }
    pace.threads = pace_number("THREADS", argv[3], 1, 1024);
    pace.seconds = pace_number("SECONDS", argv[4], 1, 600);
    mysql_library_init(0, NULL, NULL);
    return pace_run(&pace);
}
