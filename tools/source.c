/* source.c: a CSV file of customers or addresses.
 *
 * Knows files and their header; core/csv.c cuts the records, account/transfer.c judges them. Called by import.c and intake.c. */
#include "tools/source.h"

#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>

enum { IGNORED = -1 };

struct source_t {
    apr_pool_t *pool;
    apr_file_t *file;
    apr_finfo_t info;
    apr_off_t taken;
    ms_csv_t *csv;
    ms_csv_record_t record;
    const ms_transfer_t *transfer;
    const char *header;
    int fields;                    /* of the header */
    int places[MS_CSV_FIELDS_MAX]; /* of each field: its column, or IGNORED */
    const char *texts[MS_TRANSFER_COLUMNS_MAX];
    size_t lengths[MS_TRANSFER_COLUMNS_MAX];
};

static long read_more(void *baton, char *buffer, size_t size)
{
    source_t *s = baton;
    apr_status_t status = apr_file_read(s->file, buffer, &size);

    if (status != APR_SUCCESS && !APR_STATUS_IS_EOF(status)) {
        return -1;
    }
    s->taken += (apr_off_t)size;
    return (long)size;
}

static const char *open_file(source_t *s, const char *path)
{
    char reason[200];
    apr_status_t status = apr_file_open(&s->file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_OS_DEFAULT, s->pool);

    if (status == APR_SUCCESS) {
        status = apr_file_info_get(&s->info, APR_FINFO_SIZE | APR_FINFO_TYPE | APR_FINFO_IDENT, s->file);
    }
    if (status != APR_SUCCESS) {
        return apr_psprintf(s->pool, "can't read %s: %s", path, apr_strerror(status, reason, sizeof(reason)));
    }
    return s->info.filetype == APR_REG ? NULL : apr_psprintf(s->pool, "%s is no regular file: it is read more than once", path);
}

static const char *unknown_columns(const source_t *s)
{
    const char *list = "";
    int i;

    for (i = 0; i < s->record.count; i++) {
        const char *name = s->record.fields[i];

        if (!name || (ms_transfer_column(s->transfer, name) < 0 && strcmp(name, "reason"))) {
            list = apr_pstrcat(s->pool, list, *list ? ", " : "", name ? name : "(without a name)", NULL);
        }
    }
    return *list ? apr_psprintf(s->pool, "unknown columns: %.500s", list) : NULL;
}

static const char *missing_columns(const source_t *s, const int *times)
{
    const char *list = "";
    int i;

    for (i = 0; i < s->transfer->count; i++) {
        if (!times[i]) {
            list = apr_pstrcat(s->pool, list, *list ? ", " : "", s->transfer->columns[i], NULL);
        }
        else if (times[i] > 1) {
            return apr_psprintf(s->pool, "column %s is there twice", s->transfer->columns[i]);
        }
    }
    return *list ? apr_psprintf(s->pool, "missing columns: %s", list) : NULL;
}

static const char *read_header(source_t *s)
{
    int times[MS_TRANSFER_COLUMNS_MAX] = { 0 }, found = ms_csv_next(s->csv, &s->record), i;
    const char *problem;

    if (found <= 0) {
        return found ? ms_csv_problem(s->csv) : "it is empty; its first line must be the header (COPY … CSV HEADER)";
    }
    if ((problem = unknown_columns(s))) {
        return problem;
    }
    s->header = apr_pstrmemdup(s->pool, s->record.raw, s->record.raw_length);
    s->fields = s->record.count;
    for (i = 0; i < s->fields; i++) {
        s->places[i] = ms_transfer_column(s->transfer, s->record.fields[i]);
        if (s->places[i] != IGNORED) {
            times[s->places[i]]++;
        }
    }
    return missing_columns(s, times);
}

const char *source_open(source_t **source, apr_pool_t *pool, const char *path, const ms_transfer_t *transfer)
{
    source_t *s;
    const char *problem;
    apr_pool_t *own;

    apr_pool_create(&own, pool);
    s = *source = apr_pcalloc(own, sizeof(*s));
    s->pool = own;
    s->transfer = transfer;
    if ((problem = open_file(s, path))) {
        return problem;
    }
    s->csv = ms_csv_make(own, read_more, s);
    return (problem = read_header(s)) ? apr_psprintf(own, "%s: %s", path, problem) : NULL;
}

int source_next(source_t *s, const char **problem)
{
    int found = ms_csv_next(s->csv, &s->record), i;

    *problem = found < 0 ? ms_csv_problem(s->csv) : NULL;
    if (found <= 0) {
        return found;
    }
    memset(s->texts, 0, sizeof(s->texts));
    memset(s->lengths, 0, sizeof(s->lengths));
    if (s->record.count != s->fields) {
        *problem = "the row has more or fewer fields than the header";
    }
    for (i = 0; i < s->fields && !*problem; i++) {
        if (s->places[i] != IGNORED) {
            s->texts[s->places[i]] = s->record.fields[i];
            s->lengths[s->places[i]] = s->record.lengths[i];
        }
    }
    return 1;
}

const char *const *source_fields(const source_t *s)
{
    return s->texts;
}

const size_t *source_lengths(const source_t *s)
{
    return s->lengths;
}

const char *source_raw(const source_t *s, size_t *length)
{
    *length = s->record.raw_length;
    return s->record.raw;
}

const char *source_header(const source_t *s)
{
    return s->header;
}

int source_is(const source_t *s, const char *path)
{
    apr_finfo_t info;

    return apr_stat(&info, path, APR_FINFO_IDENT, s->pool) == APR_SUCCESS && info.inode == s->info.inode
           && info.device == s->info.device;
}

int source_percent(const source_t *s)
{
    return s->info.size ? (int)(s->taken * 100 / s->info.size) : 100;
}

void source_close(source_t *s)
{
    apr_pool_destroy(s->pool);
}
