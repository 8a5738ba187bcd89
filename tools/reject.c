/* reject.c: rows that were refused.
 *
 * The file is the input's own records with one column more, so that it can be mended and given to import again. It holds what
 * the input held, hashes and all: nobody but its owner may read it. Called by intake.c. */
#include "tools/reject.h"

#include <stdio.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_hash.h>
#include <apr_strings.h>

typedef struct {
    const char *text;
    const char *field; /* of the file */
    long count;
} reason_t;

struct reject_t {
    apr_pool_t *pool;
    const char *path;
    apr_file_t *file;    /* NULL: nothing was refused yet, or no file is wanted */
    apr_hash_t *reasons;       /* reason_t, by text */
    apr_array_header_t *order; /* the same, as they came */
};

reject_t *reject_make(apr_pool_t *pool, const char *path)
{
    reject_t *r = apr_pcalloc(pool, sizeof(*r));

    r->pool = pool;
    r->path = path;
    r->reasons = apr_hash_make(pool);
    r->order = apr_array_make(pool, 8, sizeof(reason_t *));
    return r;
}

static const char *file_problem(const reject_t *r, apr_status_t status)
{
    char reason[200];

    return apr_psprintf(r->pool, "can't write %s: %s", r->path, apr_strerror(status, reason, sizeof(reason)));
}

const char *reject_start(reject_t *r)
{
    apr_status_t status = r->path ? apr_file_remove(r->path, r->pool) : APR_SUCCESS;

    return status == APR_SUCCESS || APR_STATUS_IS_ENOENT(status) ? NULL : file_problem(r, status);
}

static apr_status_t put(reject_t *r, const char *raw, size_t length, const char *last)
{
    apr_status_t status = apr_file_write_full(r->file, raw, length, NULL);

    if (status == APR_SUCCESS) {
        status = apr_file_puts(",", r->file);
    }
    if (status == APR_SUCCESS) {
        status = apr_file_puts(last, r->file);
    }
    return status == APR_SUCCESS ? apr_file_puts("\n", r->file) : status;
}

static apr_status_t begin(reject_t *r, const char *header)
{
    apr_status_t status = apr_file_open(&r->file, r->path,
                                        APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_EXCL | APR_FOPEN_BUFFERED | APR_FOPEN_BINARY,
                                        APR_FPROT_UREAD | APR_FPROT_UWRITE, r->pool);

    return status == APR_SUCCESS ? put(r, header, strlen(header), "reason") : status;
}

static reason_t *find_reason(reject_t *r, const char *text)
{
    reason_t *reason = apr_hash_get(r->reasons, text, APR_HASH_KEY_STRING);

    if (!reason) {
        reason = apr_pcalloc(r->pool, sizeof(*reason));
        reason->text = apr_pstrdup(r->pool, text);
        reason->field = ms_csv_field(r->pool, reason->text);
        apr_hash_set(r->reasons, reason->text, APR_HASH_KEY_STRING, reason);
        APR_ARRAY_PUSH(r->order, reason_t *) = reason;
    }
    return reason;
}

const char *reject_row(reject_t *r, const char *header, const char *raw, size_t length, const char *text)
{
    reason_t *reason = find_reason(r, text);
    apr_status_t status = APR_SUCCESS;

    reason->count++;
    if (r->path && !r->file) {
        status = begin(r, header);
    }
    if (r->path && status == APR_SUCCESS) {
        status = put(r, raw, length, reason->field);
    }
    return status == APR_SUCCESS ? NULL : file_problem(r, status);
}

const char *reject_end(reject_t *r)
{
    apr_status_t status = r->file ? apr_file_close(r->file) : APR_SUCCESS;

    return status == APR_SUCCESS ? NULL : file_problem(r, status);
}

void reject_tell(const reject_t *r, const char *what)
{
    int i;

    for (i = 0; i < r->order->nelts; i++) {
        const reason_t *reason = APR_ARRAY_IDX(r->order, i, const reason_t *);

        printf("  %ld %s: %s\n", reason->count, what, reason->text);
    }
    if (r->file) {
        printf("  the refused %s are in %s\n", what, r->path);
    }
}
