/* db.c: runs named statements and transactions, and turns MySQL's errors into problems.
 *
 * Knows the catalogue, rows, connections and errors of its folder. Called by resource-minded code: api/ and account/. */
#include "core/json.h"
#include "core/time.h"
#include "db/error.h"
#include "db/pool.h"
#include "db/row.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stdint.h>
#include <string.h>

/* "… for key 'customer.customer_email_account'" on MySQL; MariaDB leaves the table out. */
static const char *key_name(apr_pool_t *pool, const char *text)
{
    const char *key = NULL, *next = text, *end, *dot;

    while ((next = strstr(next, "for key '"))) { /* the last one: the value before it may hold anything */
        key = next += strlen("for key '");
    }
    if (!key || !(end = strchr(key, '\''))) {
        return "";
    }
    dot = memchr(key, '.', (size_t)(end - key));
    key = dot ? dot + 1 : key;
    return apr_pstrmemdup(pool, key, (apr_size_t)(end - key));
}

/* Customers' data has no place in a log. */
static void log_refusal(ms_ctx_t *c, const char *label, int error, const char *text)
{
    text = ms_error_quotes_value(error) ? "a value was refused" : text;
    if (ms_error_is_unable(error)) {
        ms_log_rarely_for(c->log, error, MS_LINE_DB_STATEMENT, label, error, text, "");
    }
    else {
        ms_log(c->log, MS_LINE_DB_STATEMENT, label, error, text, ms_error_advice(error));
    }
}

/* Was the connection out of date when it was taken: gone, or to a server that is not the one to ask any more? */
static int is_stale(const ms_conn_t *conn)
{
    return (ms_error_is_lost(conn->error) || ms_error_is_elsewhere(conn->error)) && !conn->fresh && !conn->cut;
}

static int has_time(const ms_ctx_t *c)
{
    return ms_time_left(c, MS_TIME_FLOOR) >= MS_TIME_FLOOR;
}

/* Is there time for another try? Who has waited for a lock in vain will do so again. */
static int has_time_again(const ms_ctx_t *c, const ms_conn_t *conn, int error)
{
    apr_interval_time_t needed = MS_TIME_FLOOR + (error == MS_ER_LOCK_WAIT_TIMEOUT ? ms_conn_lock_wait(conn) : 0);

    return ms_time_left(c, needed) >= needed;
}

/* Make a problem of conn->error. */
static ms_rc_t fail(ms_ctx_t *c, const ms_conn_t *conn, const char *label)
{
    const char *text = conn->handle ? apr_dbd_error(ms_dbd_driver, conn->handle, conn->error) : "";
    int error = conn->error;

    if (ms_error_is_lost(error) || is_stale(conn)) {
        ms_log(c->log, MS_LINE_DB_LOST, error);
        return ms_fail(c, MS_DB_DOWN, NULL);
    }
    if (error == MS_ER_LOCK_WAIT_TIMEOUT && !c->transaction) {
        ms_log_rarely(c->log, MS_LINE_DB_LOCKED, label);
        return ms_fail(c, MS_BUSY, NULL); /* one statement races nobody: its table is locked */
    }
    if (ms_error_is_race(error)) {
        return ms_fail(c, MS_CONFLICT, NULL);
    }
    if (error == MS_ER_DUP_ENTRY) {
        c->duplicate_key = key_name(c->pool, text);
        return ms_fail(c, MS_DUPLICATE, "The row exists already.");
    }
    log_refusal(c, label, error, text);
    return ms_fail(c, ms_error_is_unable(error) ? MS_DB_DOWN : ms_error_is_unmigrated(error) ? MS_DB_SCHEMA : MS_DB_FAULT, NULL);
}

/* ---- one statement on one connection ---- */

typedef struct {
    const ms_entry_t *entry;
    const char *const *args;
    int changed;               /* out, of a change */
    apr_dbd_results_t *result; /* out, of a select; in the connection's pool for results */
} call_t;

static int execute(ms_conn_t *conn, call_t *call)
{
    apr_dbd_prepared_t *stmt;
    const char **args = (const char **)(uintptr_t)call->args; /* apr_dbd takes no const, but changes nothing */

    conn->error = 0;
    ms_conn_watch(conn);
    stmt = ms_conn_prepare(conn, call->entry);
    if (stmt && call->entry->def->kind == MS_SELECT) {
        call->result = NULL;
        conn->error = apr_dbd_pselect(ms_dbd_driver, conn->results, conn->handle, &call->result, stmt, 0, call->entry->nargs, args);
    }
    else if (stmt) {
        conn->error = apr_dbd_pquery(ms_dbd_driver, conn->results, conn->handle, &call->changed, stmt, call->entry->nargs, args);
    }
    ms_conn_unwatch(conn);
    return conn->error;
}

static ms_rc_t replace(ms_ctx_t *c, ms_conn_t *conn)
{
    ms_log(c->log, MS_LINE_DB_LOST, conn->error);
    return ms_conn_replace(c, conn);
}

/* Run a statement that is a transaction of its own. A stale connection is replaced, once; a deadlock has undone all of it. */
static ms_rc_t run_alone(ms_ctx_t *c, call_t *call, ms_conn_t *conn)
{
    ms_rc_t rc = MS_OK;
    int n = 1;

    execute(conn, call);
    while (rc == MS_OK && has_time(c) && (is_stale(conn) || (conn->error == MS_ER_LOCK_DEADLOCK && n < MS_TRIES_MAX))) {
        if (is_stale(conn)) {
            rc = replace(c, conn);
        }
        else {
            ms_log(c->log, MS_LINE_DB_RETRY, ++n, MS_TRIES_MAX);
        }
        if (rc == MS_OK) {
            execute(conn, call);
        }
    }
    return rc;
}

/* Run a statement of the running transaction: some errors leave no way to commit it. */
static void run_within(ms_conn_t *conn, call_t *call)
{
    execute(conn, call);
    if (ms_error_is_lost(conn->error) || ms_error_is_race(conn->error) || is_stale(conn)) {
        conn->doomed = conn->error;
    }
    conn->spoilt |= ms_error_is_unable(conn->error);
}

/* Run a call, on the running transaction's connection or on one of its own, which the caller must finish(). */
static ms_rc_t run(ms_ctx_t *c, call_t *call, ms_conn_t **conn)
{
    ms_rc_t rc = MS_OK;

    *conn = c->transaction;
    if (*conn) {
        run_within(*conn, call);
    }
    else {
        rc = ms_conn_acquire(c, conn);
        if (rc != MS_OK) {
            *conn = NULL;
            return rc;
        }
        rc = run_alone(c, call, *conn);
    }
    return rc == MS_OK && (*conn)->error ? fail(c, *conn, call->entry->def->label) : rc;
}

/* Forget the result of a call, and give back its connection; one that was lost, or whose server should be looked for anew, is
 * closed first. */
static void finish(ms_ctx_t *c, ms_conn_t *conn)
{
    if (conn && conn->pool) {
        apr_pool_clear(conn->results);
    }
    if (!conn || conn == c->transaction) {
        return;
    }
    if (conn->cut || conn->spoilt || ms_error_is_lost(conn->error) || ms_error_is_unable(conn->error)) {
        ms_conn_drop(conn);
    }
    ms_conn_release(conn);
}

static ms_rc_t prepare_call(ms_ctx_t *c, call_t *call, const char *label, int n, const char *const *args)
{
    call->entry = ms_catalogue_find(label);
    call->args = args;
    if (!call->entry || call->entry->nargs != n) {
        ms_log(c->log, MS_LINE_DB_ARGS, label, call->entry ? call->entry->nargs : -1, n);
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    return MS_OK;
}

ms_rc_t ms_db_change(ms_ctx_t *c, int *changed, const char *label, int n, const char *const *args)
{
    apr_time_t start = ms_steady_now();
    call_t call = { 0 };
    ms_conn_t *conn = NULL;
    ms_rc_t rc = prepare_call(c, &call, label, n, args);

    if (rc == MS_OK) {
        rc = run(c, &call, &conn);
        finish(c, conn);
    }
    if (changed) {
        *changed = call.changed;
    }
    c->db_time += ms_steady_now() - start;
    return rc;
}

/* Bind the fields of a row that have one of these uses, in the order of the statement, and run it. */
static ms_rc_t write_row(ms_ctx_t *c, const char *label, json_t *row, unsigned use, const char *last)
{
    const ms_entry_t *entry = ms_catalogue_find(label);
    const ms_field_t *f;
    const char **args;
    int n = 0;

    if (!entry) {
        ms_log(c->log, MS_LINE_DB_ARGS, label, -1, 0);
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    args = apr_palloc(c->pool, sizeof *args * ((size_t)entry->nargs + 1));
    for (f = entry->def->parts[0].resource->fields; f->name; f++) {
        if ((f->use & use) && !ms_value_write(c->pool, &args[n++], f->type, json_object_get(row, f->name))) {
            ms_log(c->log, MS_LINE_DB_VALUE, f->name, label);
            return ms_fail(c, MS_UNEXPECTED, NULL);
        }
    }
    if (last) {
        args[n++] = last;
    }
    return ms_db_change(c, NULL, label, n, args);
}

ms_rc_t ms_db_insert(ms_ctx_t *c, const char *label, json_t *row)
{
    return write_row(c, label, row, MS_SHOW | MS_HIDDEN, NULL);
}

ms_rc_t ms_db_update(ms_ctx_t *c, const char *label, json_t *row)
{
    return write_row(c, label, row, MS_EDIT, ms_json_text(row, "id"));
}

/* ---- reading ---- */

/* Text of a column, or NULL. apr_dbd_get_entry() would leave a value longer than fldsz without an end; this cuts it. */
static const char *column_text(apr_dbd_row_t *row, int n)
{
    char *text = NULL;

    return apr_dbd_datum_get(ms_dbd_driver, row, n, APR_DBD_TYPE_STRING, &text) ? NULL : text;
}

static int count_fields(const ms_resource_t *resource)
{
    int n = 0;

    while (resource->fields[n].name) {
        n++;
    }
    return n;
}

static int count_parts(const ms_stmt_t *def)
{
    int n = 0;

    while (n < MS_PARTS_MAX && def->parts[n].resource) {
        n++;
    }
    return n;
}

/* How many columns the first parts of a row have. */
static int count_columns(const ms_stmt_t *def, int parts)
{
    const ms_field_t *f;
    int i, n = 0;

    for (i = 0; i < parts; i++) {
        for (f = def->parts[i].resource->fields; f->name; f++) {
            n += (f->use & MS_SHOW) != 0;
        }
    }
    return n;
}

/* Read one part of a row; *found: its first column (the key) is there. It is NULL where an outer join found none. */
static ms_rc_t read_part(ms_ctx_t *c, ms_object_t *object, int *found, apr_dbd_row_t *row, const ms_resource_t *resource, int *column)
{
    const ms_field_t *f = resource->fields;
    const char **columns = apr_pcalloc(c->pool, sizeof *columns * (size_t)count_fields(resource));
    int i, first = *column;

    for (i = 0; f[i].name; i++) {
        if ((f[i].use & MS_SHOW) && !ms_value_read(c->pool, &columns[i], f[i].type, column_text(row, (*column)++))) {
            ms_log(c->log, MS_LINE_DB_VALUE, f[i].name, resource->name);
            return ms_fail(c, MS_DB_FAULT, NULL);
        }
    }
    *found = column_text(row, first) != NULL;
    object->columns = columns;
    object->slots = NULL;
    return MS_OK;
}

/* Read a part that begins at a column, and add it to a list if it is there. */
static ms_rc_t add_part(ms_ctx_t *c, apr_array_header_t *list, apr_dbd_row_t *row, const ms_resource_t *resource, int column)
{
    ms_object_t object;
    int found;
    ms_rc_t rc = read_part(c, &object, &found, row, resource, &column);

    if (rc == MS_OK && found) {
        APR_ARRAY_PUSH(list, ms_object_t) = object;
    }
    return rc;
}

/* Step to the next row; 1: there is one. Ends with conn->error set when reading failed. */
static int next_row(ms_conn_t *conn, call_t *call, apr_dbd_row_t **row)
{
    int rv = apr_dbd_get_row(ms_dbd_driver, conn->results, call->result, row, -1);

    if (rv > 0) {
        conn->error = rv;
    }
    return rv == 0;
}

/* Read the first parts of a row, and the extra column. */
static ms_rc_t read_parts(ms_ctx_t *c, ms_row_t **out, apr_dbd_row_t *row, const ms_stmt_t *def, int parts)
{
    ms_row_t *r = apr_pcalloc(c->pool, sizeof *r);
    ms_object_t *objects = apr_palloc(c->pool, sizeof *objects * MS_PARTS_MAX);
    ms_rc_t rc = MS_OK;
    int i, found, column = 0;

    for (i = 0; rc == MS_OK && i < parts; i++) {
        rc = read_part(c, &objects[i], &found, row, def->parts[i].resource, &column);
        r->part[i] = rc == MS_OK && found ? &objects[i] : NULL;
    }
    if (rc == MS_OK && def->extra) {
        r->extra = apr_pstrdup(c->pool, column_text(row, count_columns(def, count_parts(def))));
    }
    *out = rc == MS_OK ? r : NULL;
    return rc;
}

static ms_rc_t read_one(ms_ctx_t *c, ms_conn_t *conn, call_t *call, ms_row_t **out)
{
    const ms_stmt_t *def = call->entry->def;
    apr_dbd_row_t *row = NULL;
    ms_rc_t rc;

    if (!next_row(conn, call, &row)) {
        return conn->error ? fail(c, conn, def->label) : MS_OK;
    }
    rc = read_parts(c, out, row, def, count_parts(def));
    while (next_row(conn, call, &row)) { /* a connection is only clean at the end of its result */
    }
    return rc;
}

/* Read the last part of all rows that have it, and the rest of the first row if that is asked for; in later ones it is passed over. */
static ms_rc_t read_all(ms_ctx_t *c, ms_conn_t *conn, call_t *call, ms_row_t **first, ms_slot_t *rows)
{
    const ms_stmt_t *def = call->entry->def;
    apr_array_header_t *objects = apr_array_make(c->pool, 4, sizeof(ms_object_t));
    int last = count_parts(def) - 1, before = count_columns(def, last);
    apr_dbd_row_t *row = NULL;
    ms_rc_t rc = MS_OK;

    while (next_row(conn, call, &row)) {
        if (rc == MS_OK && first && !*first) {
            rc = read_parts(c, first, row, def, last);
        }
        if (rc == MS_OK) {
            rc = add_part(c, objects, row, def->parts[last].resource, before);
        }
    }
    rows->objects = (const ms_object_t *)objects->elts;
    rows->count = objects->nelts;
    return conn->error ? fail(c, conn, def->label) : rc;
}

/* One row, all rows, or both: see ms_db_find(), ms_db_list() and ms_db_find_with(). */
static ms_rc_t select_rows(ms_ctx_t *c, ms_row_t **one, ms_slot_t *all, const char *label, int n, const char *const *args)
{
    apr_time_t start = ms_steady_now();
    call_t call = { 0 };
    ms_conn_t *conn = NULL;
    ms_rc_t rc = prepare_call(c, &call, label, n, args);

    if (rc != MS_OK) {
        return rc;
    }
    rc = run(c, &call, &conn);
    if (rc == MS_OK) {
        rc = all ? read_all(c, conn, &call, one, all) : read_one(c, conn, &call, one);
    }
    finish(c, conn);
    c->db_time += ms_steady_now() - start;
    return rc;
}

ms_rc_t ms_db_find(ms_ctx_t *c, ms_row_t **row, const char *label, int n, const char *const *args)
{
    *row = NULL;
    return select_rows(c, row, NULL, label, n, args);
}

ms_rc_t ms_db_list(ms_ctx_t *c, ms_slot_t *rows, const char *label, int n, const char *const *args)
{
    memset(rows, 0, sizeof *rows);
    return select_rows(c, NULL, rows, label, n, args);
}

ms_rc_t ms_db_find_with(ms_ctx_t *c, ms_row_t **row, ms_slot_t *many, const char *label, int n, const char *const *args)
{
    *row = NULL;
    memset(many, 0, sizeof *many);
    return select_rows(c, row, many, label, n, args);
}

/* ---- transactions ---- */

static ms_rc_t begin(ms_ctx_t *c)
{
    ms_conn_t *conn;
    ms_rc_t rc = ms_conn_acquire(c, &conn);

    if (rc != MS_OK) {
        return rc;
    }
    ms_conn_command(conn, "START TRANSACTION");
    while (rc == MS_OK && is_stale(conn) && has_time(c)) {
        rc = replace(c, conn);
        if (rc == MS_OK) {
            ms_conn_command(conn, "START TRANSACTION");
        }
    }
    if (rc == MS_OK && conn->error) {
        rc = fail(c, conn, "START TRANSACTION");
    }
    if (rc != MS_OK) {
        finish(c, conn);
        return rc;
    }
    conn->doomed = 0;
    c->transaction = conn;
    return MS_OK;
}

/* Undo; the server itself rolls back what a closed connection leaves behind. */
static void roll_back(const ms_ctx_t *c, ms_conn_t *conn)
{
    if (ms_error_is_lost(conn->doomed) || !has_time(c) || ms_conn_command(conn, "ROLLBACK")) {
        ms_conn_drop(conn);
    }
    conn->error = 0;
}

/* Commit; *retry: it was refused, or lost a race even now, so that nothing of it is kept. Any other failure, and most of all that of
 * the connection, leaves it open what became of it. */
static ms_rc_t commit(ms_ctx_t *c, ms_conn_t *conn, int *retry)
{
    ms_rc_t rc;

    if (!ms_conn_command(conn, "COMMIT")) {
        return MS_OK;
    }
    *retry = (ms_error_is_race(conn->error) || (ms_error_is_elsewhere(conn->error) && !conn->fresh)) && has_time_again(c, conn, conn->error);
    if (!ms_error_is_race(conn->error) && !ms_error_is_elsewhere(conn->error)) {
        ms_log(c->log, MS_LINE_DB_COMMIT, conn->error);
    }
    rc = fail(c, conn, "COMMIT");
    if (ms_error_is_race(conn->error)) {
        roll_back(c, conn);
    }
    return rc;
}

/* Is it worth another try at once? Who waits for a lock with an Idempotency-Key waits for its twin, most likely, and comes again by
 * itself: that is better than to hold a connection three times as long. */
static int may_retry(const ms_ctx_t *c, const ms_conn_t *conn)
{
    return conn->doomed && !conn->cut && !(c->idempotency_key && conn->doomed == MS_ER_LOCK_WAIT_TIMEOUT)
        && has_time_again(c, conn, conn->doomed);
}

/* End it as the step says; *retry: the whole step may be tried again, for nothing of it was kept. */
static ms_rc_t end(ms_ctx_t *c, ms_rc_t rc, int *retry)
{
    ms_conn_t *conn = c->transaction;

    *retry = may_retry(c, conn);
    if (rc == MS_OK && !conn->doomed && !has_time(c)) { /* better nothing than who knows what */
        ms_log_rarely(c->log, MS_LINE_DEADLINE, (int)apr_time_as_msec(c->shop->deadline));
        rc = ms_fail(c, MS_BUSY, NULL);
    }
    if (rc != MS_OK || conn->doomed) {
        rc = rc != MS_OK ? rc : ms_fail(c, MS_CONFLICT, NULL);
        roll_back(c, conn);
    }
    else {
        rc = commit(c, conn, retry);
    }
    c->transaction = NULL;
    finish(c, conn);
    return rc;
}

ms_rc_t ms_db_transaction(ms_ctx_t *c, ms_rc_t (*step)(ms_ctx_t *c, void *baton), void *baton)
{
    apr_time_t start = ms_steady_now();
    apr_interval_time_t before = c->db_time;
    int retry = 1, n;
    ms_rc_t rc = MS_OK;

    for (n = 1; retry && n <= MS_TRIES_MAX; n++) {
        if (n > 1) {
            ms_log(c->log, MS_LINE_DB_RETRY, n, MS_TRIES_MAX);
            ms_forgive(c);
        }
        retry = 0;
        rc = begin(c);
        if (rc == MS_OK) {
            rc = step(c, baton);
            rc = end(c, rc, &retry);
        }
        if (rc != MS_OK) {
            ms_answer_forget(c); /* another try, or another request, may have a different one */
        }
        retry = retry && rc != MS_OK;
    }
    c->db_time = before + (ms_steady_now() - start);
    return rc;
}
