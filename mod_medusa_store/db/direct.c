/* direct.c: one connection for an administrator's tool.
 *
 * Knows apr_dbd and MySQL's error numbers; called by what stands beside it for the admin tool: migrate.c, outbox.c, …; and by
 * schema.c. */
#include "db/direct.h"

#include <apr_dbd.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "db/error.h"

struct ms_direct_t {
    apr_pool_t *pool;
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;
    int code; /* of the last failure */
};

struct ms_direct_stmt_t {
    ms_direct_t *direct;
    apr_dbd_prepared_t *prepared;
    int values;
};

/* TRADITIONAL: strict, with the same meaning on MySQL and MariaDB whatever the server's own default is; and without
 * ANSI_QUOTES and NO_BACKSLASH_ESCAPES, on which script.c's reading of quotes rests. */
static const char *const session_setup[] = {
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
    "SET SESSION time_zone = '+00:00'",
    "SET SESSION sql_mode = 'TRADITIONAL'",
    "SET SESSION autocommit = 1", /* a server may begin without it, and the end of the connection would undo the last rows */
    NULL
};

static apr_status_t close_connection(void *baton)
{
    ms_direct_t *d = baton;

    return apr_dbd_close(d->driver, d->handle);
}

/* Servers quote the statement, line breaks and all; a message is one line. */
static const char *one_line(apr_pool_t *pool, const char *text)
{
    char *line = apr_pstrdup(pool, text ? text : "no reason given");
    char *s;

    for (s = line; *s; s++) {
        if (apr_iscntrl(*s)) {
            *s = ' ';
        }
    }
    return line;
}

static const char *failure(ms_direct_t *d, int code)
{
    d->code = code;
    return apr_psprintf(d->pool, "error %d: %s", code, one_line(d->pool, apr_dbd_error(d->driver, d->handle, code)));
}

static const char *set_up(ms_direct_t *d)
{
    const char *const *sql, *problem, *name;

    for (sql = session_setup; *sql; sql++) {
        if ((problem = ms_direct_run(d, NULL, *sql))) {
            return apr_psprintf(d->pool, "can't set up the connection: %s", problem);
        }
    }
    if ((problem = ms_direct_value(&name, d, d->pool, "SELECT DATABASE()"))) {
        return apr_psprintf(d->pool, "can't set up the connection: %s", problem);
    }
    return name ? NULL : "the connection parameters name no database (dbname=)";
}

const char *ms_direct_open(ms_direct_t **direct, apr_pool_t *pool, const char *params)
{
    ms_direct_t *d = apr_pcalloc(pool, sizeof(*d));
    const char *reason = NULL;

    d->pool = pool;
    if (apr_dbd_init(pool) != APR_SUCCESS || apr_dbd_get_driver(pool, "mysql", &d->driver) != APR_SUCCESS) {
        return "can't load APR's database driver for MySQL (apr_dbd_mysql)";
    }
    /* Of a name given twice the driver takes the last, so what is added wins. */
    params = apr_pstrcat(pool, params, ",reconnect=0", NULL);
    if (apr_dbd_open_ex(d->driver, pool, params, &d->handle, &reason) != APR_SUCCESS) {
        return apr_psprintf(pool, "can't connect to the database: %s", one_line(pool, reason));
    }
    apr_pool_cleanup_register(pool, d, close_connection, apr_pool_cleanup_null);
    *direct = d;
    return set_up(d);
}

const char *ms_direct_run(ms_direct_t *d, int *changed, const char *sql)
{
    int rows = 0;
    int code = apr_dbd_query(d->driver, d->handle, &rows, sql);

    if (code) {
        return failure(d, code);
    }
    if (changed) {
        *changed = rows;
    }
    return NULL;
}

const char *ms_direct_read(apr_array_header_t **rows, ms_direct_t *d, apr_pool_t *pool, int columns, const char *sql)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;
    /* random access: the driver then fetches all rows at once and leaves none on the wire for the next statement */
    int code = apr_dbd_select(d->driver, pool, d->handle, &results, sql, 1);
    int n; /* such rows are asked for by number, from 1 */

    *rows = apr_array_make(pool, 8, sizeof(const char *const *));
    if (code) {
        return failure(d, code);
    }
    for (n = 1; apr_dbd_get_row(d->driver, pool, results, &row, n) == 0; n++) {
        const char **texts = apr_palloc(pool, sizeof(*texts) * (size_t)columns);
        int i;

        for (i = 0; i < columns; i++) {
            texts[i] = apr_pstrdup(pool, apr_dbd_get_entry(d->driver, row, i));
        }
        APR_ARRAY_PUSH(*rows, const char *const *) = texts;
    }
    return NULL;
}

const char *ms_direct_value(const char **value, ms_direct_t *d, apr_pool_t *pool, const char *sql)
{
    apr_array_header_t *rows;
    const char *problem = ms_direct_read(&rows, d, pool, 1, sql);

    *value = NULL;
    if (!problem && rows->nelts > 0) {
        *value = APR_ARRAY_IDX(rows, 0, const char *const *)[0];
    }
    return problem;
}

const char *ms_direct_quote(ms_direct_t *d, apr_pool_t *pool, const char *text)
{
    return text ? apr_pstrcat(pool, "'", apr_dbd_escape(d->driver, pool, text, d->handle), "'", NULL) : "NULL";
}

static int count_values(const char *sql)
{
    int count = 0;

    for (; *sql; sql++) {
        if (sql[0] == '%' && sql[1]) {
            count += sql[1] == 's';
            sql++;
        }
    }
    return count;
}

const char *ms_direct_prepare(ms_direct_stmt_t **stmt, ms_direct_t *d, const char *sql)
{
    ms_direct_stmt_t *s = apr_pcalloc(d->pool, sizeof(*s));
    int code = apr_dbd_prepare(d->driver, d->pool, d->handle, sql, NULL, &s->prepared);

    s->direct = d;
    s->values = count_values(sql);
    *stmt = s;
    return code ? failure(d, code) : NULL;
}

const char *ms_direct_execute(int *changed, ms_direct_stmt_t *s, apr_pool_t *pool, const char **values)
{
    ms_direct_t *d = s->direct;
    int rows = 0;
    int code = apr_dbd_pquery(d->driver, pool, d->handle, &rows, s->prepared, s->values, values);

    if (code) {
        return failure(d, code);
    }
    if (changed) {
        *changed = rows;
    }
    return NULL;
}

int ms_direct_error(const ms_direct_t *d)
{
    return d->code;
}

int ms_direct_raced(const ms_direct_t *d)
{
    return ms_error_is_race(d->code);
}

int ms_direct_lost(const ms_direct_t *d)
{
    return ms_error_is_lost(d->code);
}

int ms_direct_unable(const ms_direct_t *d)
{
    return ms_error_is_unable(d->code);
}
