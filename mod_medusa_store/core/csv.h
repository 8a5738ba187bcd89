/* csv.h: records of a CSV file, one after the other (RFC 4180, as PostgreSQL's COPY … CSV writes it).
 *
 * Fields are separated by commas and may be quoted; a quote within is doubled; line breaks within are kept. An unquoted empty
 * field is NULL, a quoted one is "". Records end with LF or CRLF; empty lines and a leading byte order mark are skipped. */
#ifndef MS_CORE_CSV_H
#define MS_CORE_CSV_H

#include <stddef.h>

#include <apr_pools.h>

enum {
    MS_CSV_RECORD_MAX = 4 << 20, /* bytes of a record as it stands in the file */
    MS_CSV_FIELDS_MAX = 100
};

typedef struct ms_csv_t ms_csv_t;

/** Gives up to `size` bytes more into `buffer`: their number, 0 at the end, -1: can't be read. */
typedef long (*ms_csv_read_t)(void *baton, char *buffer, size_t size);

typedef struct {
    const char *const *fields; /* NUL-terminated; NULL: NULL */
    const size_t *lengths;     /* in bytes; more than strlen() where a field holds NUL */
    int count;
    const char *raw; /* the record as it stands in the file, without its line end; not NUL-terminated */
    size_t raw_length;
    long line; /* where it begins, from 1 */
} ms_csv_record_t;

/** Make a reader. Its memory is that of the longest record, three times at most. */
ms_csv_t *ms_csv_make(apr_pool_t *pool, ms_csv_read_t read, void *baton);

/** Read the next record; it is good until the next call. 1: here it is, 0: the end, -1: see ms_csv_problem(); no record comes
 *  after either. */
int ms_csv_next(ms_csv_t *csv, ms_csv_record_t *record);

/** What is wrong, with the line's number and nothing of the file's contents. */
const char *ms_csv_problem(const ms_csv_t *csv);

/** A value as a field, quoted where it must be; NULL gives an empty one. In `pool`, unless it is `value` itself. */
const char *ms_csv_field(apr_pool_t *pool, const char *value);

#endif
