/* bulk.c: customers and addresses in bulk: many rows a statement, many statements a transaction.
 *
 * Knows the tables customer, address and country, and MySQL's error numbers. Called by the commands import and export of
 * medusa-store-admin. */
#include "db/bulk.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

enum {
    DUPLICATE = 1062, NO_PARENT = 1452, /* MySQL's numbers */
    WIDTH = 100,           /* rows of one INSERT: more bring no more speed */
    BYTES_MAX = 4 << 20,   /* and of its values: servers take 16 MiB at once */
    TRIES = 3
};

struct ms_bulk_writer_t {
    ms_direct_t *db;
    const char *table;
    int columns;
    ms_direct_stmt_t *wide, *single;
};

/* ---- questions ---- */

static const char *join(apr_pool_t *pool, const apr_array_header_t *texts)
{
    return apr_array_pstrcat(pool, texts, ',');
}

static const char *read_keys(apr_hash_t **keys, ms_direct_t *db, apr_pool_t *pool, const char *sql)
{
    apr_array_header_t *rows;
    const char *problem = ms_direct_read(&rows, db, pool, 1, sql);
    int i;

    *keys = apr_hash_make(pool);
    for (i = 0; !problem && i < rows->nelts; i++) {
        const char *key = APR_ARRAY_IDX(rows, i, const char *const *)[0];

        apr_hash_set(*keys, key, APR_HASH_KEY_STRING, key);
    }
    return problem;
}

static const char *read_known(apr_hash_t **keys, ms_direct_t *db, apr_pool_t *pool, const char *select,
                              const apr_array_header_t *texts)
{
    apr_array_header_t *quoted = apr_array_make(pool, texts->nelts + 1, sizeof(const char *));
    int i;

    if (!texts->nelts) {
        *keys = apr_hash_make(pool);
        return NULL;
    }
    for (i = 0; i < texts->nelts; i++) {
        APR_ARRAY_PUSH(quoted, const char *) = ms_direct_quote(db, pool, APR_ARRAY_IDX(texts, i, const char *));
    }
    return read_keys(keys, db, pool, apr_pstrcat(pool, select, " IN (", join(pool, quoted), ")", NULL));
}

const char *ms_bulk_countries(apr_hash_t **codes, ms_direct_t *db, apr_pool_t *pool)
{
    return read_keys(codes, db, pool, "SELECT iso_2 FROM country");
}

const char *ms_bulk_ids(apr_hash_t **found, ms_direct_t *db, apr_pool_t *pool, const char *table, const apr_array_header_t *ids)
{
    return read_known(found, db, pool, apr_pstrcat(pool, "SELECT id FROM ", table, " WHERE id", NULL), ids);
}

const char *ms_bulk_emails(apr_hash_t **found, ms_direct_t *db, apr_pool_t *pool, const apr_array_header_t *emails)
{
    return read_known(found, db, pool, "SELECT CONCAT(has_account, email) FROM customer WHERE live = 1 AND email", emails);
}

const char *ms_bulk_count(long *count, ms_direct_t *db, apr_pool_t *pool, const char *table)
{
    const char *value, *problem = ms_direct_value(&value, db, pool, apr_pstrcat(pool, "SELECT COUNT(*) FROM ", table, NULL));

    *count = problem ? 0 : strtol(value, NULL, 10);
    return problem;
}

/* ---- writing ---- */

/* "INSERT INTO t (a,b) VALUES (%s,%s),(%s,%s)" for two rows. */
static const char *insert_sql(apr_pool_t *pool, const char *table, const char *const *columns, int count, int rows)
{
    apr_array_header_t *names = apr_array_make(pool, count, sizeof(const char *));
    apr_array_header_t *values = apr_array_make(pool, count, sizeof(const char *));
    apr_array_header_t *groups = apr_array_make(pool, rows, sizeof(const char *));
    const char *group;
    int i;

    for (i = 0; i < count; i++) {
        APR_ARRAY_PUSH(names, const char *) = columns[i];
        APR_ARRAY_PUSH(values, const char *) = "%s";
    }
    group = apr_pstrcat(pool, "(", join(pool, values), ")", NULL);
    for (i = 0; i < rows; i++) {
        APR_ARRAY_PUSH(groups, const char *) = group;
    }
    return apr_pstrcat(pool, "INSERT INTO ", table, " (", join(pool, names), ") VALUES ", join(pool, groups), NULL);
}

const char *ms_bulk_writer(ms_bulk_writer_t **writer, ms_direct_t *db, apr_pool_t *pool, const char *table,
                           const char *const *columns, int count)
{
    ms_bulk_writer_t *w = apr_pcalloc(pool, sizeof(*w));
    const char *problem;

    w->db = db;
    w->table = table;
    w->columns = count;
    *writer = w;
    problem = ms_direct_prepare(&w->wide, db, insert_sql(pool, table, columns, count, WIDTH));
    return problem ? problem : ms_direct_prepare(&w->single, db, insert_sql(pool, table, columns, count, 1));
}

/* MySQL's texts of these quote the value that was refused. */
static const char *discreet(ms_direct_t *db, apr_pool_t *pool, const char *problem)
{
    static const int quoting[] = { DUPLICATE, 1264, 1292, 1366, 1406, 4025, 0 };
    const int *code;

    for (code = quoting; *code; code++) {
        if (*code == ms_direct_error(db)) {
            return apr_psprintf(pool, "the database refused a value (error %d)", *code);
        }
    }
    return problem;
}

static size_t bytes_of(const ms_bulk_writer_t *w, ms_bulk_row_t *const *rows, int count)
{
    size_t bytes = 0;
    int i, j;

    for (i = 0; i < count; i++) {
        for (j = 0; j < w->columns; j++) {
            bytes += rows[i]->values[j] ? strlen(rows[i]->values[j]) : 0;
        }
    }
    return bytes;
}

/* The server's text ends with the key's name. */
static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);

    return length >= end_length && !strcmp(text + length - end_length, end);
}

static const char *insert_one(ms_bulk_writer_t *w, apr_pool_t *pool, ms_bulk_row_t *row)
{
    const char *problem = ms_direct_execute(NULL, w->single, pool, row->values);

    if (!problem) {
        return NULL;
    }
    switch (ms_direct_error(w->db)) {
    case DUPLICATE:
        if (ends_with(problem, "PRIMARY'")) {
            row->there = 1;
        }
        else {
            row->refused = "email is that of another live customer";
        }
        return NULL;
    case NO_PARENT:
        row->refused = "customer_id or country_code is not in the database";
        return NULL;
    default:
        return problem;
    }
}

/* *done: all are in; else they are to be tried one by one: a key refused one of them, and no one says which. */
static const char *insert_wide(int *done, ms_bulk_writer_t *w, apr_pool_t *pool, ms_bulk_row_t *const *rows)
{
    const char **values = apr_palloc(pool, sizeof(*values) * (size_t)(w->columns * WIDTH)), *problem;
    int i;

    *done = 0;
    if (bytes_of(w, rows, WIDTH) > BYTES_MAX) {
        return NULL;
    }
    for (i = 0; i < WIDTH; i++) {
        memcpy(values + i * w->columns, rows[i]->values, sizeof(*values) * (size_t)w->columns);
    }
    problem = ms_direct_execute(NULL, w->wide, pool, values);
    *done = problem == NULL;
    return problem && (ms_direct_error(w->db) == DUPLICATE || ms_direct_error(w->db) == NO_PARENT) ? NULL : problem;
}

static const char *insert_all(ms_bulk_writer_t *w, apr_pool_t *pool, ms_bulk_row_t *const *rows, int count)
{
    const char *problem = NULL;
    int i, j, width, done;

    for (i = 0; i < count; i++) {
        rows[i]->refused = NULL;
        rows[i]->there = 0;
    }
    for (i = 0; i < count && !problem; i += width) {
        width = count - i < WIDTH ? count - i : WIDTH;
        done = 0;
        if (width == WIDTH) {
            problem = insert_wide(&done, w, pool, rows + i);
        }
        for (j = i; j < i + width && !done && !problem; j++) {
            problem = insert_one(w, pool, rows[j]);
        }
    }
    return problem;
}

/* ---- transactions ---- */

typedef const char *(*step_t)(void *baton, apr_pool_t *pool);

static const char *try_once(ms_direct_t *db, apr_pool_t *pool, step_t step, void *baton)
{
    const char *problem = ms_direct_run(db, NULL, "START TRANSACTION");

    if (!problem && !(problem = step(baton, pool))) {
        return ms_direct_run(db, NULL, "COMMIT");
    }
    if (!ms_direct_lost(db) && !ms_direct_raced(db)) {
        problem = discreet(db, pool, problem);
        ms_direct_run(db, NULL, "ROLLBACK");
    }
    return problem;
}

static const char *transaction(ms_direct_t *db, apr_pool_t *pool, step_t step, void *baton)
{
    const char *problem = try_once(db, pool, step, baton);
    int tries;

    for (tries = 1; problem && tries < TRIES && ms_direct_raced(db); tries++) {
        ms_direct_run(db, NULL, "ROLLBACK"); /* after a lock wait it is still open */
        problem = try_once(db, pool, step, baton);
    }
    return problem;
}

typedef struct {
    ms_bulk_writer_t *writer;
    ms_bulk_row_t *const *rows;
    int count;
} insert_t;

static const char *insert_step(void *baton, apr_pool_t *pool)
{
    insert_t *insert = baton;

    return insert_all(insert->writer, pool, insert->rows, insert->count);
}

const char *ms_bulk_insert(ms_bulk_writer_t *writer, apr_pool_t *pool, ms_bulk_row_t *const *rows, int count)
{
    insert_t insert = { writer, rows, count };

    return count ? transaction(writer->db, pool, insert_step, &insert) : NULL;
}

typedef struct {
    ms_direct_t *db;
    ms_bulk_billing_t *billings;
    int count;
} bill_t;

static const char *bill_step(void *baton, apr_pool_t *pool)
{
    bill_t *bill = baton;
    const char *problem = NULL;
    int i;

    for (i = 0; i < bill->count && !problem; i++) {
        ms_bulk_billing_t *b = &bill->billings[i];

        b->refused = NULL;
        b->set = 0;
        problem = ms_direct_run(bill->db, &b->set,
                                apr_psprintf(pool, "UPDATE customer SET billing_address_id = '%s' WHERE id = '%s' "
                                             "AND billing_address_id IS NULL AND updated_at = '%s'",
                                             b->address, b->customer, b->updated_at));
        if (problem && ms_direct_error(bill->db) == DUPLICATE) {
            b->refused = "billing_address_id is that of another customer";
        }
        else if (problem && ms_direct_error(bill->db) == NO_PARENT) {
            b->refused = "billing_address_id is no address";
        }
        problem = b->refused ? NULL : problem;
    }
    return problem;
}

const char *ms_bulk_bill(ms_direct_t *db, apr_pool_t *pool, ms_bulk_billing_t *billings, int count)
{
    bill_t bill = { db, billings, count };

    return count ? transaction(db, pool, bill_step, &bill) : NULL;
}

/* ---- reading ---- */

const char *ms_bulk_snapshot(ms_direct_t *db)
{
    const char *problem = ms_direct_run(db, NULL, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");

    return problem ? problem : ms_direct_run(db, NULL, "START TRANSACTION WITH CONSISTENT SNAPSHOT");
}

const char *ms_bulk_page(apr_array_header_t **rows, ms_direct_t *db, apr_pool_t *pool, const char *table,
                         const char *const *columns, int count, const char *after, int limit)
{
    apr_array_header_t *names = apr_array_make(pool, count, sizeof(const char *));
    int i;

    for (i = 0; i < count; i++) {
        APR_ARRAY_PUSH(names, const char *) = columns[i];
    }
    return ms_direct_read(rows, db, pool, count,
                          apr_psprintf(pool, "SELECT %s FROM %s%s%s ORDER BY id LIMIT %d", join(pool, names), table,
                                       after ? " WHERE id > " : "", after ? ms_direct_quote(db, pool, after) : "", limit));
}
