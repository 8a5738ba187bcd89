/* intake.c: takes in the rows of one file, batch by batch.
 *
 * Knows what makes a row acceptable beyond itself: an id and an e-mail of its own, a country, a customer. Of what it has read it
 * keeps hashes only. Called by import.c; billing.c does the second pass. */
#include "tools/intake.h"

#include <string.h>

#include <apr_strings.h>

#include "tools/progress.h"

enum { BATCH_BYTES = 16 << 20 }; /* a batch of large rows ends earlier */

typedef struct {
    ms_bulk_row_t row; /* values in the order of the file's columns */
    const char *raw;
    size_t raw_length;
    const char *reason; /* NULL: good so far */
    int there;
} item_t;

typedef struct {
    intake_t *in;
    apr_pool_t *pool;
    apr_array_header_t *items; /* item_t * */
    size_t bytes;
} batch_t;

static int column(const intake_t *in, const char *name)
{
    return ms_transfer_column(in->transfer, name);
}

static const char *value_of(const batch_t *batch, const item_t *item, const char *name)
{
    return item->row.values[column(batch->in, name)];
}

static int is_open(const item_t *item)
{
    return !item->reason && !item->there;
}

static item_t *item_at(const batch_t *batch, int i)
{
    return APR_ARRAY_IDX(batch->items, i, item_t *);
}

/* ---- reading ---- */

/* The file's text goes with the next record: the row keeps its own. */
static void keep_values(item_t *item, apr_pool_t *pool, const char *const *fields, int count)
{
    int i;

    for (i = 0; i < count; i++) {
        if (item->row.values[i] && item->row.values[i] == fields[i]) {
            item->row.values[i] = apr_pstrdup(pool, fields[i]);
        }
    }
}

static void take_record(batch_t *batch, const char *problem)
{
    intake_t *in = batch->in;
    item_t *item = apr_pcalloc(batch->pool, sizeof(*item));
    const char *const *fields = source_fields(in->source);
    const char *raw = source_raw(in->source, &item->raw_length);

    item->raw = apr_pmemdup(batch->pool, raw, item->raw_length);
    item->row.values = apr_pcalloc(batch->pool, sizeof(*item->row.values) * (size_t)in->transfer->count);
    item->reason = problem;
    if (!problem) {
        item->reason = ms_transfer_read(item->row.values, batch->pool, in->transfer, fields, source_lengths(in->source));
        keep_values(item, batch->pool, fields, in->transfer->count);
    }
    if (item->row.values[0] && !ms_set_add(in->ids, item->row.values[0]) && !item->reason) {
        item->reason = "id is that of a row before it in the file";
    }
    APR_ARRAY_PUSH(batch->items, item_t *) = item;
    batch->bytes += 2 * item->raw_length;
    in->read++;
}

/* 1: full, 0: the file's end, -1: *problem. */
static int read_batch(batch_t *batch, const char **problem)
{
    int found = 1;

    while (batch->items->nelts < batch->in->batch && batch->bytes < BATCH_BYTES
           && (found = source_next(batch->in->source, problem)) > 0) {
        take_record(batch, *problem);
        *problem = NULL;
    }
    return found;
}

/* ---- judging ---- */

/* The values of a column, of rows that are still open. */
static apr_array_header_t *collect(const batch_t *batch, const char *name)
{
    apr_array_header_t *values = apr_array_make(batch->pool, batch->items->nelts, sizeof(const char *));
    int i;

    for (i = 0; i < batch->items->nelts; i++) {
        item_t *item = item_at(batch, i);

        if (is_open(item) && value_of(batch, item, name)) {
            APR_ARRAY_PUSH(values, const char *) = value_of(batch, item, name);
        }
    }
    return values;
}

static const char *mark_there(batch_t *batch)
{
    intake_t *in = batch->in;
    apr_hash_t *found;
    const char *problem = ms_bulk_ids(&found, in->db, batch->pool, in->transfer->table, collect(batch, "id"));
    int i;

    for (i = 0; i < batch->items->nelts && !problem; i++) {
        item_t *item = item_at(batch, i);

        item->there = is_open(item) && apr_hash_get(found, value_of(batch, item, "id"), APR_HASH_KEY_STRING);
    }
    return problem;
}

/* One account and one guest an e-mail, among those that are not deleted. */
static const char *check_emails(batch_t *batch)
{
    intake_t *in = batch->in;
    apr_hash_t *found;
    const char *problem = ms_bulk_emails(&found, in->db, batch->pool, collect(batch, "email"));
    int i;

    for (i = 0; i < batch->items->nelts && !problem; i++) {
        item_t *item = item_at(batch, i);
        const char *key;

        if (!is_open(item) || value_of(batch, item, "deleted_at")) {
            continue;
        }
        key = apr_pstrcat(batch->pool, value_of(batch, item, "has_account"), value_of(batch, item, "email"), NULL);
        if (apr_hash_get(found, key, APR_HASH_KEY_STRING)) {
            item->reason = "email is that of another live customer in the database";
        }
        else if (!ms_set_add(in->emails, key)) {
            item->reason = "email is that of another live customer in the file";
        }
    }
    return problem;
}

static const char *check_references(batch_t *batch)
{
    intake_t *in = batch->in;
    apr_hash_t *found;
    const char *problem = ms_bulk_ids(&found, in->db, batch->pool, "customer", collect(batch, "customer_id"));
    int i;

    for (i = 0; i < batch->items->nelts && !problem; i++) {
        item_t *item = item_at(batch, i);
        const char *customer, *country;

        if (!is_open(item)) {
            continue;
        }
        customer = value_of(batch, item, "customer_id");
        country = value_of(batch, item, "country_code");
        if (country && !apr_hash_get(in->countries, country, APR_HASH_KEY_STRING)) {
            item->reason = "country_code is no country";
        }
        else if (customer && !apr_hash_get(found, customer, APR_HASH_KEY_STRING) && !ms_set_has(in->customers->good, customer)) {
            item->reason = "customer_id is no customer";
        }
    }
    return problem;
}

/* ---- writing ---- */

/* billing_address_id refers to rows that are not there yet. */
static const char *const *columns_written(const intake_t *in, apr_pool_t *pool, int *count)
{
    const char **names = apr_palloc(pool, sizeof(*names) * (size_t)in->transfer->count);
    int i;

    for (i = *count = 0; i < in->transfer->count; i++) {
        if (strcmp(in->transfer->columns[i], "billing_address_id")) {
            names[(*count)++] = in->transfer->columns[i];
        }
    }
    return names;
}

static ms_bulk_row_t *row_written(const batch_t *batch, const item_t *item)
{
    ms_bulk_row_t *row = apr_pcalloc(batch->pool, sizeof(*row));
    const char *const *names;
    int count, i;

    names = columns_written(batch->in, batch->pool, &count);
    row->values = apr_palloc(batch->pool, sizeof(*row->values) * (size_t)count);
    for (i = 0; i < count; i++) {
        row->values[i] = value_of(batch, item, names[i]);
    }
    return row;
}

static const char *write_batch(batch_t *batch)
{
    ms_bulk_row_t **rows = apr_palloc(batch->pool, sizeof(*rows) * (size_t)(batch->items->nelts + 1));
    const char *problem;
    int count = 0, i;

    for (i = 0; i < batch->items->nelts; i++) {
        if (is_open(item_at(batch, i))) {
            rows[count++] = row_written(batch, item_at(batch, i));
        }
    }
    problem = ms_bulk_insert(batch->in->writer, batch->pool, rows, count);
    for (i = count = 0; i < batch->items->nelts && !problem; i++) {
        item_t *item = item_at(batch, i);

        if (is_open(item)) {
            item->reason = rows[count]->refused;
            item->there = rows[count]->there;
            count++;
        }
    }
    return problem;
}

/* ---- all together ---- */

static const char *settle_item(intake_t *in, const item_t *item)
{
    if (item->reason) {
        in->rejected++;
        return reject_row(in->reject, source_header(in->source), item->raw, item->raw_length, item->reason);
    }
    in->there += item->there;
    in->imported += !item->there;
    ms_set_add(in->good, item->row.values[0]);
    return NULL;
}

static const char *take_batch(batch_t *batch)
{
    intake_t *in = batch->in;
    const char *problem = mark_there(batch);
    int i;

    if (!problem) {
        problem = in->customers ? check_references(batch) : check_emails(batch);
    }
    if (!problem && !in->dry_run) {
        problem = write_batch(batch);
    }
    for (i = 0; i < batch->items->nelts && !problem; i++) {
        problem = settle_item(in, item_at(batch, i));
    }
    return problem;
}

static const char *take_all(intake_t *in, apr_pool_t *pool)
{
    batch_t batch = { .in = in, .pool = pool };
    progress_t progress;
    const char *problem = NULL;
    int more = 1;

    progress_begin(&progress, in->what);
    while (more > 0 && !problem) {
        const char *unreadable = NULL;

        apr_pool_clear(pool);
        batch.items = apr_array_make(pool, in->batch, sizeof(item_t *));
        batch.bytes = 0;
        more = read_batch(&batch, &unreadable);
        problem = take_batch(&batch);
        if (!problem && more < 0) {
            problem = apr_psprintf(in->pool, "%s, %s", in->path, unreadable);
        }
        if (!problem) {
            progress_tell(&progress, source_percent(in->source), in->read);
        }
    }
    progress_end(&progress, in->read);
    return problem ? apr_pstrdup(in->pool, problem) : NULL;
}

static const char *prepare(intake_t *in)
{
    const char *const *names;
    int count;

    in->ids = ms_set_make(in->pool);
    in->good = ms_set_make(in->pool);
    in->emails = ms_set_make(in->pool);
    if (in->dry_run) {
        return NULL;
    }
    names = columns_written(in, in->pool, &count);
    return ms_bulk_writer(&in->writer, in->db, in->pool, in->transfer->table, names, count);
}

const char *intake_run(intake_t *in)
{
    apr_pool_t *pool;
    const char *problem = prepare(in);

    if (!problem && !(problem = source_open(&in->source, in->pool, in->path, in->transfer))) {
        apr_pool_create(&pool, in->pool);
        problem = take_all(in, pool);
        apr_pool_destroy(pool);
        source_close(in->source);
    }
    return problem;
}
