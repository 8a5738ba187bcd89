/* source.h: a CSV file of customers or addresses, record by record; what is refused of it; and how far it is read. */
#ifndef MS_TOOLS_SOURCE_H
#define MS_TOOLS_SOURCE_H

#include <apr_pools.h>

#include "account/transfer.h"
#include "core/csv.h"

typedef struct source_t source_t;

/** Open the file and read its header: each of the columns must be there, in any order, and no other but "reason", which a file
 *  of refused rows has. NULL, or text that says what is wrong. */
const char *source_open(source_t **source, apr_pool_t *pool, const char *path, const ms_transfer_t *transfer);

/** Read the next record; good until the next call. *problem: NULL, or why its fields are none of a row.
 *  1: here it is, 0: the end, -1: the file can't be read on, *problem says why. */
int source_next(source_t *source, const char **problem);

/** The record's fields in the order of the columns, and their lengths. */
const char *const *source_fields(const source_t *source);
const size_t *source_lengths(const source_t *source);

/** The record as it stands in the file. */
const char *source_raw(const source_t *source, size_t *length);

/** The header as it stands in the file. */
const char *source_header(const source_t *source);

/** 1 if this is the same file. */
int source_is(const source_t *source, const char *path);

/** 0 to 100. */
int source_percent(const source_t *source);

void source_close(source_t *source);

#endif
