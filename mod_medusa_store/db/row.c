/* row.c: what each type of column looks like in JSON, and back.
 *
 * Knows types, not statements. Used by db.c for every value that goes in or out. */
#include "db/row.h"
#include "core/json.h"
#include "core/time.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static json_t *read_time(const char *text)
{
    char iso[MS_TIME_ISO_LENGTH + 1];

    return ms_time_sql_to_iso(iso, text) ? json_string(iso) : NULL;
}

static json_t *read_json(apr_pool_t *pool, const char *text)
{
    size_t length = strlen(text);
    json_t *value;

    ms_json_parse(&value, apr_pstrmemdup(pool, text, length), length, MS_JSON_WRITE_MAX, 1);
    return value;
}

json_t *ms_value_read(apr_pool_t *pool, ms_type_t type, const char *text)
{
    if (!text) {
        return json_null();
    }
    switch (type) {
    case MS_ID:
    case MS_TEXT:
    case MS_DIGEST: return json_string(text);
    case MS_BOOL:   return json_boolean(*text != '0');
    case MS_INT:    return json_integer(strtoll(text, NULL, 10));
    case MS_TIME:   return read_time(text);
    case MS_JSON:   return read_json(pool, text);
    }
    return NULL;
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
