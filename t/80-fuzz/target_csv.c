/* target_csv.c: a CSV file for import. However its bytes come, its records are the same; written again they read the same; a row that is
 * taken is taken again when it was exported. The first byte chooses the table, the second in what pieces bytes come. */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "account/transfer.h"
#include "core/csv.h"

typedef struct {
    const char *data;
    size_t size, piece;
} input_t;

typedef struct {
    const char **fields;
    size_t *lengths;
    int count;
} row_t;

static long give(void *baton, char *buffer, size_t size)
{
    input_t *in = baton;
    size_t n = in->size < in->piece ? in->size : in->piece;

    n = n < size ? n : size;
    if (n) {
        memcpy(buffer, in->data, n);
    }
    in->data += n;
    in->size -= n;
    return (long)n;
}

static void keep(apr_pool_t *pool, apr_array_header_t *rows, const ms_csv_record_t *record)
{
    row_t *row = apr_array_push(rows);
    int i;

    row->count = record->count;
    row->fields = apr_pcalloc(pool, (size_t)record->count * sizeof *row->fields);
    row->lengths = apr_pcalloc(pool, (size_t)record->count * sizeof *row->lengths);
    for (i = 0; i < record->count; i++) {
        row->lengths[i] = record->lengths[i];
        row->fields[i] = record->fields[i] ? apr_pstrmemdup(pool, record->fields[i], record->lengths[i]) : NULL;
    }
}

/* All rows of a file up to its end, or to the first problem. */
static apr_array_header_t *read_all(ms_ctx_t *c, const char **problem, const char *data, size_t size, size_t piece)
{
    input_t in = { data, size, piece };
    ms_csv_t *csv = ms_csv_make(c->pool, give, &in);
    apr_array_header_t *rows = apr_array_make(c->pool, 8, sizeof(row_t));
    ms_csv_record_t record;
    int more;

    while ((more = ms_csv_next(csv, &record)) > 0) {
        MUST(record.count > 0 && record.count <= MS_CSV_FIELDS_MAX && record.raw_length);
        keep(c->pool, rows, &record);
    }
    *problem = more < 0 ? ms_csv_problem(csv) : NULL;
    MUST(more == 0 || *problem);
    return rows;
}

static int same_text(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : !a && !b;
}

static void compare(const apr_array_header_t *a, const apr_array_header_t *b)
{
    int i, f;

    MUST(a->nelts == b->nelts);
    for (i = 0; i < a->nelts; i++) {
        const row_t *x = &APR_ARRAY_IDX(a, i, row_t), *y = &APR_ARRAY_IDX(b, i, row_t);

        MUST(x->count == y->count);
        for (f = 0; f < x->count; f++) {
            MUST(same_text(x->fields[f], y->fields[f]));
        }
    }
}

/* As export writes it. Values end at their first NUL; a row of one NULL would be an empty line, and no table has but one column. */
static void check_export(ms_ctx_t *c, const apr_array_header_t *rows)
{
    apr_array_header_t *pieces = apr_array_make(c->pool, 64, sizeof(const char *));
    const char *text, *problem;
    int i, f;

    for (i = 0; i < rows->nelts; i++) {
        const row_t *row = &APR_ARRAY_IDX(rows, i, row_t);

        for (f = 0; f < row->count; f++) {
            APR_ARRAY_PUSH(pieces, const char *) = f ? "," : "";
            APR_ARRAY_PUSH(pieces, const char *) = ms_csv_field(c->pool, row->fields[f]);
        }
        if (row->count == 1 && !row->fields[0]) {
            return;
        }
        APR_ARRAY_PUSH(pieces, const char *) = "\n";
    }
    text = apr_array_pstrcat(c->pool, pieces, 0);
    if (!strncmp(text, "\xef\xbb\xbf", 3)) { /* a mark at the very beginning would be skipped; export writes a head first */
        return;
    }
    compare(rows, read_all(c, &problem, text, strlen(text), 100));
    MUST(!problem);
}

/* What the database has of a row, exported and imported again, is the same. */
static void check_row(ms_ctx_t *c, const ms_transfer_t *transfer, const row_t *row)
{
    const char *fields[MS_TRANSFER_COLUMNS_MAX] = { NULL }, *values[MS_TRANSFER_COLUMNS_MAX], *again[MS_TRANSFER_COLUMNS_MAX];
    size_t lengths[MS_TRANSFER_COLUMNS_MAX] = { 0 };
    int i;

    for (i = 0; i < transfer->count && i < row->count; i++) {
        fields[i] = row->fields[i];
        lengths[i] = row->lengths[i];
    }
    if (ms_transfer_read(values, c->pool, transfer, fields, lengths)) {
        return;
    }
    for (i = 0; i < transfer->count; i++) {
        fields[i] = ms_transfer_write(c->pool, transfer, i, values[i]);
        lengths[i] = fields[i] ? strlen(fields[i]) : 0;
    }
    MUST(!ms_transfer_read(again, c->pool, transfer, fields, lengths));
    for (i = 0; i < transfer->count; i++) {
        MUST(same_text(values[i], again[i]));
    }
}

void fuzz_csv(ms_ctx_t *c, const uint8_t *data, size_t size)
{
    const ms_transfer_t *transfer;
    apr_array_header_t *rows;
    const char *problem, *again, *text;
    int i;

    if (size < 2) {
        return;
    }
    transfer = data[0] & 1 ? &ms_transfer_address : &ms_transfer_customer;
    text = fuzz_bytes(c, data + 2, size - 2);
    rows = read_all(c, &problem, text, size - 2, 4096);
    compare(rows, read_all(c, &again, text, size - 2, 1 + data[1] % 7));
    MUST(same_text(problem, again));
    check_export(c, rows);
    for (i = 0; i < rows->nelts; i++) {
        check_row(c, transfer, &APR_ARRAY_IDX(rows, i, row_t));
    }
}
