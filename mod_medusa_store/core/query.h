/* query.h: the query string of a list: parsing, paging, `fields` and `expand`. */
#ifndef MS_CORE_QUERY_H
#define MS_CORE_QUERY_H

#include <apr_tables.h>

#include "core/ctx.h"
#include "core/resource.h"

/** Parse a query string (NULL: empty) into an object of strings, arrays and objects, as storefronts write them: a=1, a[]=1,
 *  a[0]=1, a[gt]=1, a repeated a. An array of exactly one element is divided at its commas. Tied to c->pool.
 *  MS_INVALID_DATA: a broken escape, or what is no UTF-8, or more than 1,000 parameters. */
ms_rc_t ms_query_parse(ms_ctx_t *c, json_t **query, const char *text);

/** The parts of a comma list, as an array that the caller owns; always one or more. NULL when out of memory. */
json_t *ms_query_divide(const char *text);

/** Read a number as JavaScript's Number(text) does; 1 if it is a whole one from 0 to 2^63 - 1. */
int ms_query_number(json_int_t *number, const json_t *value);

/** Read a time: ISO 8601 (a year, a month, a date, or a date and time with an optional zone), or seconds since 1970; 1 if it is one.
 *  A date before 1970 counts as the beginning of that year. */
int ms_query_time(apr_time_t *time, const json_t *value);

/** What a list may be asked for, by name; the lists end with NULL. */
typedef struct {
    const char *const *fields;            /* columns of the entity */
    const char *const *relations;         /* dotted paths: "items", "items.variant" */
    const char *const *default_fields;
    const char *const *default_relations;
} ms_select_conf_t;

/** What is asked for; both are arrays of const char *. */
typedef struct {
    apr_array_header_t *fields;
    apr_array_header_t *relations;
} ms_select_t;

/** Read `fields` and `expand` (NULL where absent). A list replaces the default fields if one entry has no prefix; otherwise +x adds,
 *  -x removes, *x adds a whole relation; x.y selects a column of a relation and so adds it. `expand` replaces the default relations.
 *  MS_INVALID_DATA, `Requested fields [x, y] are not valid`, for names that are not there. */
ms_rc_t ms_select_read(ms_ctx_t *c, ms_select_t *select, const ms_select_conf_t *conf, const char *fields, const char *expand);

#endif
