/* direct.h: one connection for an administrator's tool, or for a question while the server starts: no pool, no retries.
 *
 * What serves requests goes through db.h. Failures come back as text: NULL means that all is well. No text holds the
 * connection parameters, for they hold the password. */
#ifndef MS_DB_DIRECT_H
#define MS_DB_DIRECT_H

#include <apr_pools.h>
#include <apr_tables.h>

typedef struct ms_direct_t ms_direct_t;

/** Connect and choose UTF-8, UTC, strict SQL and autocommit. The connection ends with `pool`.
 *
 *  `params` are apr_dbd_mysql's, as in MedusaStoreDBParams: NAME=VALUE, joined by commas, of host, port, sock, user, pass,
 *  dbname (needed), flags, fldsz and group. No value can hold a comma, a semicolon, a bar or a blank. reconnect=0 is added:
 *  a connection made anew would have lost its locks and settings without a word. */
const char *ms_direct_open(ms_direct_t **direct, apr_pool_t *pool, const char *params);

/** Run one statement that gives back no rows; *changed (may be NULL) is the number of rows that it changed. */
const char *ms_direct_run(ms_direct_t *direct, int *changed, const char *sql);

/** Read all rows of a select into an array of `const char *const *`, each `columns` texts (NULL: SQL NULL), in `pool`. */
const char *ms_direct_read(apr_array_header_t **rows, ms_direct_t *direct, apr_pool_t *pool, int columns, const char *sql);

/** Read the first column of the first row; *value is NULL where there is no row, or SQL NULL in it. */
const char *ms_direct_value(const char **value, ms_direct_t *direct, apr_pool_t *pool, const char *sql);

/** A text as an SQL literal, quotes and all; NULL becomes NULL. */
const char *ms_direct_quote(ms_direct_t *direct, apr_pool_t *pool, const char *text);

/** A statement that gives back no rows, prepared to run many times; each value is %s. Lives as long as the connection. */
typedef struct ms_direct_stmt_t ms_direct_stmt_t;

/** Prepare a statement. */
const char *ms_direct_prepare(ms_direct_stmt_t **stmt, ms_direct_t *direct, const char *sql);

/** Run it with its values, as many as it has %s (NULL: SQL NULL); *changed (may be NULL) as for ms_direct_run().
 *  `pool` is for what the driver needs meanwhile. */
const char *ms_direct_execute(int *changed, ms_direct_stmt_t *stmt, apr_pool_t *pool, const char **values);

/** MySQL's number of the last failure; 0: none yet. */
int ms_direct_error(const ms_direct_t *direct);

/** 1 if the last failure was a race for a lock that was lost: its transaction, if it was in one, is to be repeated. */
int ms_direct_raced(const ms_direct_t *direct);

/** 1 if the last failure was that of the connection: what became of the statement is unknown. */
int ms_direct_lost(const ms_direct_t *direct);

/** 1 if the last failure was the server's, which can't, or not any more: a connection made anew may find a better one. */
int ms_direct_unable(const ms_direct_t *direct);

#endif
