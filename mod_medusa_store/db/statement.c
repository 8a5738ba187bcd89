/* statement.c: makes SQL text from the statement and resource tables, once, at start.
 *
 * Nothing else in the module puts SQL together, and nothing does so while a request runs. Used by db.c and pool.c. */
#include "db/statement.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_tables.h>
#include <string.h>

/* Written by ms_catalogue_make() while the server starts, read-only for all requests. */
static apr_hash_t *by_label;
static apr_array_header_t *entries;

/* A time comes as text: the client library would make it from numbers, more slowly, and twice. */
static const char *column(apr_pool_t *pool, const ms_field_t *f, const char *alias)
{
    const char *format = f->type == MS_DIGEST ? "LOWER(HEX(%s.`%s`))"
                       : f->type == MS_TIME   ? "CAST(%s.`%s` AS CHAR)" : "%s.`%s`";

    return apr_psprintf(pool, format, alias, f->name);
}

static const char *make_select(apr_pool_t *pool, const ms_stmt_t *def)
{
    apr_array_header_t *columns = apr_array_make(pool, 32, sizeof(const char *));
    const ms_field_t *f;
    int i;

    for (i = 0; i < MS_PARTS_MAX && def->parts[i].resource; i++) {
        for (f = def->parts[i].resource->fields; f->name; f++) {
            if (f->use & MS_SHOW) {
                APR_ARRAY_PUSH(columns, const char *) = column(pool, f, def->parts[i].alias);
            }
        }
    }
    if (def->extra) {
        APR_ARRAY_PUSH(columns, const char *) = def->extra;
    }
    return apr_pstrcat(pool, "SELECT ", apr_array_pstrcat(pool, columns, ','), " ", def->tail, NULL);
}

static const char *make_insert(apr_pool_t *pool, const ms_stmt_t *def)
{
    const ms_resource_t *resource = def->parts[0].resource;
    const char *names = "", *values = "", *comma = "";
    const ms_field_t *f;

    for (f = resource->fields; f->name; f++) {
        names = apr_pstrcat(pool, names, comma, "`", f->name, "`", NULL);
        values = apr_pstrcat(pool, values, comma, f->type == MS_DIGEST ? "UNHEX(%s)" : "%s", NULL);
        comma = ",";
    }
    return apr_pstrcat(pool, "INSERT INTO `", resource->name, "` (", names, ") VALUES (", values, ")",
                       def->tail ? " " : "", def->tail ? def->tail : "", NULL);
}

static const char *make_update(apr_pool_t *pool, const ms_stmt_t *def)
{
    const ms_resource_t *resource = def->parts[0].resource;
    const char *columns = "", *comma = "";
    const ms_field_t *f;

    for (f = resource->fields; f->name; f++) {
        if (f->use & MS_EDIT) {
            columns = apr_pstrcat(pool, columns, comma, "`", f->name, "` = %s", NULL);
            comma = ", ";
        }
    }
    return apr_pstrcat(pool, "UPDATE `", resource->name, "` SET ", columns, " WHERE id = %s", NULL);
}

static const char *make_sql(apr_pool_t *pool, const ms_stmt_t *def)
{
    switch (def->kind) {
    case MS_SELECT: return make_select(pool, def);
    case MS_INSERT: return make_insert(pool, def);
    case MS_UPDATE: return make_update(pool, def);
    case MS_CHANGE: return def->tail;
    }
    return NULL;
}

static int count_values(const char *sql)
{
    int n = 0;

    for (; (sql = strchr(sql, '%')); sql += sql[1] ? 2 : 1) {
        n += sql[1] == 's';
    }
    return n;
}

static void add(apr_pool_t *pool, const ms_stmt_t *def)
{
    ms_entry_t *e = apr_array_push(entries);

    e->def = def;
    e->index = entries->nelts - 1;
    e->sql = make_sql(pool, def);
    e->nargs = count_values(e->sql);
}

const char *ms_catalogue_make(apr_pool_t *pool, const ms_stmt_t *const *tables)
{
    const ms_stmt_t *def;
    int i;

    entries = apr_array_make(pool, 64, sizeof(ms_entry_t));
    by_label = apr_hash_make(pool);
    for (; *tables; tables++) {
        for (def = *tables; def->label; def++) {
            add(pool, def);
        }
    }
    for (i = 0; i < entries->nelts; i++) { /* only now: pushing moves the entries */
        ms_entry_t *e = &APR_ARRAY_IDX(entries, i, ms_entry_t);

        if (apr_hash_get(by_label, e->def->label, APR_HASH_KEY_STRING)) {
            return apr_pstrcat(pool, "two statements are called ", e->def->label, NULL);
        }
        apr_hash_set(by_label, e->def->label, APR_HASH_KEY_STRING, e);
    }
    return NULL;
}

const ms_entry_t *ms_catalogue_find(const char *label)
{
    return apr_hash_get(by_label, label, APR_HASH_KEY_STRING);
}

const ms_entry_t *ms_catalogue_get(int n)
{
    return n >= 0 && n < entries->nelts ? &APR_ARRAY_IDX(entries, n, ms_entry_t) : NULL;
}

int ms_catalogue_size(void)
{
    return entries->nelts;
}
