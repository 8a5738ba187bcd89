/* time.h: times on the wire and in the database, both UTC with milliseconds; and a clock to measure by.
 *
 * Both forms know the years 1970 to 9999: a time outside is written as the nearest of these, a text outside is refused. */
#ifndef MS_CORE_TIME_H
#define MS_CORE_TIME_H

#include <apr_pools.h>
#include <apr_time.h>
#include <time.h>

enum { MS_TIME_ISO_LENGTH = 24, MS_TIME_SQL_LENGTH = 23 };

/** Microseconds on a clock that nobody sets. */
static inline apr_time_t ms_steady_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return apr_time_from_sec(now.tv_sec) + now.tv_nsec / 1000;
}

/** "2026-11-23T08:43:37.023Z": ISO 8601, always UTC, always three decimals, cut (not rounded). */
const char *ms_time_iso(apr_pool_t *pool, apr_time_t t);

/** "2026-11-23 08:43:37.023": the same as a DATETIME(3). */
const char *ms_time_sql(apr_pool_t *pool, apr_time_t t);

/** Turn "2026-11-23 08:43:37.023" into its wire form. `iso` has MS_TIME_ISO_LENGTH + 1 bytes. 0 if the text is no DATETIME(3). */
int ms_time_sql_to_iso(char *iso, const char *sql);

/** And back; `sql` has MS_TIME_SQL_LENGTH + 1 bytes. 0 if the text is no such time. */
int ms_time_iso_to_sql(char *sql, const char *iso);

/** Read PostgreSQL's timestamptz, "2023-01-02 03:04:05.678901+05:30": any number of decimals (cut, not rounded) or none,
 *  and an offset of hours, minutes and seconds; "T" and "Z" are taken, too. 0 if the text is no such time, has no offset, or
 *  lies before 1970 or after 9999. */
int ms_time_parse_zoned(apr_time_t *t, const char *text);

/** As PostgreSQL in UTC writes it: "2023-01-02 03:04:05.67+00", without final zeros. */
const char *ms_time_zoned(apr_pool_t *pool, apr_time_t t);

/** Read either form. 0 if the text is neither. */
int ms_time_parse(apr_time_t *t, const char *text);

#endif
