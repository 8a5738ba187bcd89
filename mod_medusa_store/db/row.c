/* row.c: what stands in each type of column, as the rest of the module sees it, and back.
 *
 * Knows types, not statements. Used by db.c for every value that goes in or out. */
#include "db/row.h"
#include "core/json.h"
#include "core/text.h"
#include "core/time.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

/* The server sends nothing else, but what is longer than fldsz is cut at any byte. */
static const char *read_text(apr_pool_t *pool, const char *column)
{
    size_t length = strlen(column);

    return ms_utf8_valid(column, length) ? apr_pstrmemdup(pool, column, length) : NULL;
}

static const char *read_time(apr_pool_t *pool, const char *column)
{
    char *iso = apr_palloc(pool, MS_TIME_ISO_LENGTH + 1);

    return ms_time_sql_to_iso(iso, column) ? iso : NULL;
}

/* Others may write there, too: what an answer holds is what we would have written. */
static const char *read_json(apr_pool_t *pool, const char *column)
{
    size_t length = strlen(column);
    char *text = apr_pstrmemdup(pool, column, length);
    json_t *value;

    if (ms_json_is_plain(text, length)) {
        return text;
    }
    ms_json_parse(&value, text, length, MS_JSON_WRITE_MAX, 1);
    column = ms_json_write(pool, value, NULL);
    json_decref(value);
    return column;
}

int ms_value_read(apr_pool_t *pool, const char **text, ms_type_t type, const char *column)
{
    *text = NULL;
    if (!column) {
        return 1;
    }
    switch (type) {
    case MS_ID:
    case MS_TEXT:
    case MS_DIGEST: *text = read_text(pool, column); break;
    case MS_BOOL:   *text = *column != '0' ? "true" : "false"; break;
    case MS_INT:    *text = apr_psprintf(pool, "%" JSON_INTEGER_FORMAT, (json_int_t)strtoll(column, NULL, 10)); break;
    case MS_TIME:   *text = read_time(pool, column); break;
    case MS_JSON:   *text = read_json(pool, column); break;
    }
    return *text != NULL;
}

/* Values are bound up to their first NUL: one that holds a NUL would be cut there without a word. */
static const char *write_text(const json_t *value)
{
    const char *text = json_string_value(value);

    return text && strlen(text) == json_string_length(value) ? text : NULL;
}

static const char *write_time(apr_pool_t *pool, const json_t *value)
{
    char *sql = apr_palloc(pool, MS_TIME_SQL_LENGTH + 1);

    return json_is_string(value) && ms_time_iso_to_sql(sql, json_string_value(value)) ? sql : NULL;
}

int ms_value_write(apr_pool_t *pool, const char **text, ms_type_t type, const json_t *value)
{
    *text = NULL;
    if (!value || json_is_null(value)) {
        return 1;
    }
    switch (type) {
    case MS_ID:
    case MS_TEXT:
    case MS_DIGEST: *text = write_text(value); break;
    case MS_BOOL:   *text = json_is_true(value) ? "1" : json_is_false(value) ? "0" : NULL; break;
    case MS_INT:    *text = json_is_integer(value) ? apr_psprintf(pool, "%" JSON_INTEGER_FORMAT, json_integer_value(value)) : NULL; break;
    case MS_TIME:   *text = write_time(pool, value); break;
    case MS_JSON:   *text = ms_json_write(pool, value, NULL); break;
    }
    return *text != NULL;
}
