/* time.c: times on the wire and in the database.
 *
 * Owns both forms, which differ in two characters only. Knows the Gregorian calendar by arithmetic: no locale, no zone, no
 * libc, so that it costs nothing and is the same everywhere. Called by db/ for each DATETIME(3), and by whoever shows a time. */
#include "core/time.h"

#include <stdint.h>
#include <string.h>

enum { YEAR_MIN = 1970, YEAR_MAX = 9999 };

#define DAY_MS INT64_C(86400000)
#define LAST_MS INT64_C(253402300799999) /* 9999-12-31 23:59:59.999 */

typedef struct {
    int year, month, day, hour, minute, second, ms;
} civil_t;

static int is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int month_days(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days since 1970-01-01. Years begin in March here, so that the leap day is the last of its year and month lengths follow
 * one straight line (153 days in 5 months). */
static int64_t civil_days(int year, int month, int day)
{
    int y = month > 2 ? year : year - 1;
    int m = month > 2 ? month - 3 : month + 9;

    return INT64_C(365) * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* And back, for days from 1970 to 9999. */
static void civil_from_days(civil_t *t, int64_t days)
{
    int64_t z = days + 719468, era = z / 146097, of_era = z % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int m = (int)((5 * of_year + 2) / 153);

    t->day = (int)(of_year - (153 * m + 2) / 5 + 1);
    t->month = m < 10 ? m + 3 : m - 9;
    t->year = (int)(year + era * 400) + (t->month <= 2);
}

static void civil_from_time(civil_t *t, apr_time_t time)
{
    int64_t ms = time > 0 ? time / 1000 : 0;
    int of_day;

    if (ms > LAST_MS) {
        ms = LAST_MS;
    }
    civil_from_days(t, ms / DAY_MS);
    of_day = (int)(ms % DAY_MS);
    t->ms = of_day % 1000;
    t->second = of_day / 1000 % 60;
    t->minute = of_day / 60000 % 60;
    t->hour = of_day / 3600000;
}

static void put_digits(char *out, int count, int value)
{
    for (; count > 0; value /= 10) {
        out[--count] = (char)('0' + value % 10);
    }
}

/* Both forms but for the separator and what follows the milliseconds. */
static void put_civil(char *out, apr_time_t time)
{
    civil_t t;

    civil_from_time(&t, time);
    memcpy(out, "0000-00-00 00:00:00.000", MS_TIME_SQL_LENGTH + 1);
    put_digits(out, 4, t.year);
    put_digits(out + 5, 2, t.month);
    put_digits(out + 8, 2, t.day);
    put_digits(out + 11, 2, t.hour);
    put_digits(out + 14, 2, t.minute);
    put_digits(out + 17, 2, t.second);
    put_digits(out + 20, 3, t.ms);
}

/* Step over `count` digits and the character behind them, but never over a NUL. */
static int get_digits(const char **s, int count, char behind, int *value)
{
    for (*value = 0; count > 0; count--, ++*s) {
        if (**s < '0' || **s > '9') {
            return 0;
        }
        *value = *value * 10 + (**s - '0');
    }
    if (**s != behind) {
        return 0;
    }
    *s += behind != '\0';
    return 1;
}

static int get_civil(civil_t *t, const char *s, char separator, char last)
{
    return get_digits(&s, 4, '-', &t->year) && get_digits(&s, 2, '-', &t->month) &&
           get_digits(&s, 2, separator, &t->day) && get_digits(&s, 2, ':', &t->hour) &&
           get_digits(&s, 2, ':', &t->minute) && get_digits(&s, 2, '.', &t->second) &&
           get_digits(&s, 3, last, &t->ms) && *s == '\0' && t->year >= YEAR_MIN && t->month >= 1 && t->month <= 12 &&
           t->day >= 1 && t->day <= month_days(t->year, t->month) && t->hour <= 23 && t->minute <= 59 && t->second <= 59;
}

static int get_iso(civil_t *t, const char *s)
{
    return get_civil(t, s, 'T', 'Z');
}

static int get_sql(civil_t *t, const char *s)
{
    return get_civil(t, s, ' ', '\0');
}

static void make_iso(char *text)
{
    text[10] = 'T';
    memcpy(text + MS_TIME_SQL_LENGTH, "Z", 2);
}

const char *ms_time_iso(apr_pool_t *pool, apr_time_t t)
{
    char *iso = apr_palloc(pool, MS_TIME_ISO_LENGTH + 1);

    if (iso) {
        put_civil(iso, t);
        make_iso(iso);
    }
    return iso;
}

const char *ms_time_sql(apr_pool_t *pool, apr_time_t t)
{
    char *sql = apr_palloc(pool, MS_TIME_SQL_LENGTH + 1);

    if (sql) {
        put_civil(sql, t);
    }
    return sql;
}

int ms_time_sql_to_iso(char *iso, const char *sql)
{
    civil_t t;

    if (!get_sql(&t, sql)) {
        return 0;
    }
    memcpy(iso, sql, MS_TIME_SQL_LENGTH);
    make_iso(iso);
    return 1;
}

int ms_time_iso_to_sql(char *sql, const char *iso)
{
    civil_t t;

    if (!get_iso(&t, iso)) {
        return 0;
    }
    memcpy(sql, iso, MS_TIME_SQL_LENGTH);
    sql[10] = ' ';
    sql[MS_TIME_SQL_LENGTH] = '\0';
    return 1;
}

static int get_pair(const char **s, int max, int *value)
{
    if ((*s)[0] < '0' || (*s)[0] > '9' || (*s)[1] < '0' || (*s)[1] > '9') {
        return 0;
    }
    *value = ((*s)[0] - '0') * 10 + (*s)[1] - '0';
    *s += 2;
    return *value <= max;
}

/* ".678901", or nothing. */
static int get_fraction(const char **s, int *ms)
{
    int unit = 100;

    *ms = 0;
    if (**s != '.') {
        return 1;
    }
    for (++*s; **s >= '0' && **s <= '9'; ++*s, unit /= 10) {
        *ms += (**s - '0') * unit;
    }
    return (*s)[-1] != '.';
}

/* "+05", "-03:30", "+00:19:32" or "Z", and the end of the text. */
static int get_offset(const char *s, int64_t *seconds)
{
    int hour, minute = 0, second = 0, west = *s == '-';

    *seconds = 0;
    if (*s == 'Z') {
        return s[1] == '\0';
    }
    if ((*s != '+' && *s != '-') || (s++, !get_pair(&s, 23, &hour))) {
        return 0;
    }
    if (*s == ':' && (s++, !get_pair(&s, 59, &minute))) {
        return 0;
    }
    if (*s == ':' && (s++, !get_pair(&s, 59, &second))) {
        return 0;
    }
    *seconds = (hour * INT64_C(60) + minute) * 60 + second;
    *seconds = west ? -*seconds : *seconds;
    return *s == '\0';
}

int ms_time_parse_zoned(apr_time_t *t, const char *text)
{
    char civil_text[MS_TIME_SQL_LENGTH + 1];
    enum { UP_TO_SECONDS = 19 };
    const char *s = text + UP_TO_SECONDS;
    int64_t seconds;
    int ms;

    if (memchr(text, '\0', UP_TO_SECONDS) || !get_fraction(&s, &ms) || !get_offset(s, &seconds)) {
        return 0;
    }
    memcpy(civil_text, text, UP_TO_SECONDS);
    memcpy(civil_text + UP_TO_SECONDS, ".000", 5);
    if (text[10] == 'T') {
        civil_text[10] = ' ';
    }
    if (!ms_time_parse(t, civil_text)) {
        return 0;
    }
    *t += (ms - seconds * 1000) * 1000;
    return *t >= 0 && *t / 1000 <= LAST_MS;
}

const char *ms_time_zoned(apr_pool_t *pool, apr_time_t t)
{
    char *text = apr_palloc(pool, MS_TIME_SQL_LENGTH + sizeof("+00"));
    int length = MS_TIME_SQL_LENGTH;

    put_civil(text, t);
    while (text[length - 1] == '0') {
        length--;
    }
    length -= text[length - 1] == '.';
    memcpy(text + length, "+00", sizeof("+00"));
    return text;
}

int ms_time_parse(apr_time_t *t, const char *text)
{
    civil_t civil;
    int64_t ms;

    if (!get_sql(&civil, text) && !get_iso(&civil, text)) {
        return 0;
    }
    ms = civil_days(civil.year, civil.month, civil.day) * DAY_MS +
         ((civil.hour * INT64_C(60) + civil.minute) * 60 + civil.second) * 1000 + civil.ms;
    *t = ms * 1000;
    return 1;
}
