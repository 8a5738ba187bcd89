/* export.c: medusa-store-admin export: writes all customers and addresses, in the form that import reads.
 *
 * Knows files; db/bulk.c has the rows, account/transfer.c their form. Both files show the database at one moment, and take
 * their names when they are whole. */
#include "tools/tool.h"

#include <stdio.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "account/transfer.h"
#include "core/csv.h"
#include "db/bulk.h"
#include "tools/progress.h"

enum { OPT_HELP = 256, PAGE = 200 };

typedef struct {
    apr_pool_t *pool;
    ms_direct_t *db;
    const ms_transfer_t *transfer;
    const char *what, *path, *new_path;
    apr_file_t *file;
    long written, total;
} outlet_t;

static const char *file_problem(const outlet_t *o, apr_status_t status)
{
    char reason[200];

    return apr_psprintf(o->pool, "can't write %s: %s", o->new_path, apr_strerror(status, reason, sizeof(reason)));
}

/* It holds hashes: for its owner's eyes only. */
static const char *open_file(outlet_t *o)
{
    apr_status_t status;

    o->new_path = apr_pstrcat(o->pool, o->path, ".new", NULL);
    apr_file_remove(o->new_path, o->pool); /* of a run that was broken off */
    status = apr_file_open(&o->file, o->new_path,
                           APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_EXCL | APR_FOPEN_BUFFERED | APR_FOPEN_BINARY,
                           APR_FPROT_UREAD | APR_FPROT_UWRITE, o->pool);
    return status == APR_SUCCESS ? NULL : file_problem(o, status);
}

static const char *close_file(outlet_t *o)
{
    apr_status_t status = apr_file_sync(o->file), closed = apr_file_close(o->file);

    status = status == APR_SUCCESS ? closed : status;
    if (status == APR_SUCCESS) {
        status = apr_file_rename(o->new_path, o->path, o->pool);
    }
    return status == APR_SUCCESS ? NULL : file_problem(o, status);
}

static apr_status_t put_header(outlet_t *o)
{
    apr_status_t status = APR_SUCCESS;
    int i;

    for (i = 0; i < o->transfer->count && status == APR_SUCCESS; i++) {
        status = apr_file_printf(o->file, "%s%s", i ? "," : "", o->transfer->columns[i]) < 0 ? APR_EGENERAL : APR_SUCCESS;
    }
    return status == APR_SUCCESS ? apr_file_putc('\n', o->file) : status;
}

static apr_status_t put_row(outlet_t *o, apr_pool_t *pool, const char *const *row)
{
    apr_status_t status = APR_SUCCESS;
    int i;

    for (i = 0; i < o->transfer->count && status == APR_SUCCESS; i++) {
        if (i) {
            apr_file_putc(',', o->file);
        }
        status = apr_file_puts(ms_csv_field(pool, ms_transfer_write(pool, o->transfer, i, row[i])), o->file);
    }
    return status == APR_SUCCESS ? apr_file_putc('\n', o->file) : status;
}

/* *after: the last id written; NULL at the end. */
static const char *write_page(outlet_t *o, apr_pool_t *pool, const char **after)
{
    apr_array_header_t *rows;
    apr_status_t status = APR_SUCCESS;
    const char *problem = ms_bulk_page(&rows, o->db, pool, o->transfer->table, o->transfer->columns, o->transfer->count, *after, PAGE);
    int i;

    for (i = 0; !problem && i < rows->nelts && status == APR_SUCCESS; i++) {
        status = put_row(o, pool, APR_ARRAY_IDX(rows, i, const char *const *));
        o->written++;
    }
    if (problem || status != APR_SUCCESS) {
        return problem ? problem : file_problem(o, status);
    }
    *after = rows->nelts == PAGE ? APR_ARRAY_IDX(rows, PAGE - 1, const char *const *)[0] : NULL;
    return NULL;
}

static const char *write_all(outlet_t *o)
{
    apr_pool_t *pages[2]; /* the last id of one is needed for the next */
    apr_status_t status = put_header(o);
    const char *problem = status == APR_SUCCESS ? NULL : file_problem(o, status), *after = NULL;
    progress_t progress;
    int turn = 0;

    apr_pool_create(&pages[0], o->pool);
    apr_pool_create(&pages[1], o->pool);
    progress_begin(&progress, o->what);
    while (!problem) {
        apr_pool_clear(pages[turn]);
        if ((problem = write_page(o, pages[turn], &after)) || !after) {
            break;
        }
        progress_tell(&progress, o->total ? (int)(o->written * 100 / o->total) : 100, o->written);
        turn = !turn;
    }
    progress_end(&progress, o->written);
    return problem;
}

static const char *export_table(outlet_t *o)
{
    const char *problem = ms_bulk_count(&o->total, o->db, o->pool, o->transfer->table);

    if (problem || (problem = open_file(o)) || (problem = write_all(o))) {
        return problem;
    }
    return close_file(o);
}

static int export(call_t *call, const char *customers, const char *addresses)
{
    outlet_t outlets[] = {
        { .pool = call->pool, .transfer = &ms_transfer_customer, .what = "customers", .path = customers },
        { .pool = call->pool, .transfer = &ms_transfer_address, .what = "addresses", .path = addresses },
    };
    const char *params, *problem;
    ms_direct_t *db;
    int i, status = find_params(&params, call);

    if (status != GOOD) {
        return status;
    }
    if ((problem = ms_direct_open(&db, call->pool, params)) || (problem = ms_bulk_snapshot(db))) {
        return complain(FAILED, "%s", problem);
    }
    for (i = 0; i < 2; i++) {
        outlets[i].db = db;
        if ((problem = export_table(&outlets[i]))) {
            return complain(FAILED, "%s", problem);
        }
        printf("%s: %ld rows in %s\n", outlets[i].what, outlets[i].written, outlets[i].path);
    }
    return GOOD;
}

int run_export(call_t *call)
{
    static const apr_getopt_option_t options[] = { { "help", OPT_HELP, 0, NULL }, { NULL, 0, 0, NULL } };
    const char *value;
    apr_getopt_t *os;
    apr_status_t status;
    int option;

    apr_getopt_init(&os, call->pool, call->argc, call->argv);
    if ((status = apr_getopt_long(os, options, &option, &value)) == APR_SUCCESS) {
        return help();
    }
    if (status != APR_EOF) {
        return USAGE;
    }
    if (os->argc - os->ind != 2) {
        return complain(USAGE, "export takes two files: customers, then addresses (see --help)");
    }
    return export(call, os->argv[os->ind], os->argv[os->ind + 1]);
}
