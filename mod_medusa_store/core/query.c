/* query.c: reads query strings of lists.
 *
 * Knows no entity: what may be asked for stands in resource/. Called by the list operations of api/ and by validate.c. */
#include "core/query.h"
#include "core/text.h"
#include "core/time.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARAMETERS_MAX = 1000, BAD_NAMES_MAX = 50, DEPTH_MAX = 5 };

/* ---- parsing ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : apr_isxdigit(c) ? (apr_tolower(c) - 'a') + 10 : -1;
}

/* Decode %XX and + in place; 0 where an escape is broken, or the result is no text. */
static int decode(char *s)
{
    char *out = s, *start = s;

    for (; *s; s++) {
        if (*s != '%') {
            *out++ = *s == '+' ? ' ' : *s;
            continue;
        }
        if (hex_digit(s[1]) < 0 || hex_digit(s[2]) < 0) {
            return 0;
        }
        *out++ = (char)(hex_digit(s[1]) << 4 | hex_digit(s[2]));
        s += 2;
    }
    *out = '\0';
    return ms_utf8_valid(start, (size_t)(out - start)) && strlen(start) == (size_t)(out - start);
}

/* Divide "a[b][]" into "a", "b", ""; returns how many, or 1 with the whole name where brackets don't pair. */
static int split_name(char *name, char *parts[DEPTH_MAX])
{
    char *open = strchr(name, '['), *p = open;
    int n = 1;

    parts[0] = name;
    if (!open || open == name) {
        return 1;
    }
    while (*p == '[' && n < DEPTH_MAX) {
        char *close = strchr(p, ']');

        if (!close) {
            return 1;
        }
        parts[n++] = p + 1;
        p = close + 1;
    }
    if (*p) {
        return 1;
    }
    for (p = open; p; p = strchr(p + 1, '[')) {
        *p = '\0';
        *strchr(p + 1, ']') = '\0';
        p += strlen(p + 1) + 1;
    }
    return n;
}

static int is_array_index(const char *part)
{
    return !*part || strspn(part, "0123456789") == strlen(part);
}

/* Put a value beside what has that name already: two of them are an array. 0: out of memory, as below. */
static int add_value(json_t *object, const char *key, json_t *value)
{
    json_t *there = json_object_get(object, key);

    if (json_is_array(there)) {
        return !json_array_append_new(there, value);
    }
    return !json_object_set_new(object, key, there ? json_pack("[O, o]", there, value) : value);
}

static json_t *object_at(json_t *object, const char *key)
{
    json_t *there = json_object_get(object, key);

    if (!json_is_object(there)) {
        there = json_object();
        return json_object_set_new(object, key, there) ? NULL : there;
    }
    return there;
}

static int add(json_t *query, char *name, const char *text)
{
    char *parts[DEPTH_MAX];
    int n = split_name(name, parts), i, array = n > 1 && is_array_index(parts[n - 1]);
    json_t *object = query;

    for (i = 0; object && i < n - 1 - array; i++) {
        object = object_at(object, parts[i]);
    }
    if (array && object && !json_object_get(object, parts[i]) && json_object_set_new(object, parts[i], json_array())) {
        return 0;
    }
    return object && add_value(object, parts[i], json_string(text));
}

json_t *ms_query_divide(const char *text)
{
    json_t *list = json_array();
    const char *comma;
    int failed = 0;

    for (; !failed && (comma = strchr(text, ',')); text = comma + 1) {
        failed = json_array_append_new(list, json_stringn(text, (size_t)(comma - text)));
    }
    if (failed || json_array_append_new(list, json_string(text))) {
        json_decref(list);
        return NULL;
    }
    return list;
}

/* ["a,b"] means ["a", "b"]. */
static int divide_single(json_t *query)
{
    const char *key;
    json_t *value;
    void *next;

    json_object_foreach_safe(query, next, key, value) {
        const char *text = json_string_value(json_array_get(value, 0));

        if (json_array_size(value) == 1 && text && json_object_set_new(query, key, ms_query_divide(text))) {
            return 0;
        }
    }
    return 1;
}

ms_rc_t ms_query_parse(ms_ctx_t *c, json_t **query, const char *text)
{
    char *copy = apr_pstrdup(c->pool, text ? text : ""), *last, *pair;
    int n = 0;

    *query = ms_own(c->pool, json_object());
    for (pair = apr_strtok(copy, "&", &last); pair; pair = apr_strtok(NULL, "&", &last)) {
        char *value = strchr(pair, '=');

        if (value) {
            *value++ = '\0';
        }
        if (++n > PARAMETERS_MAX) {
            return ms_fail(c, MS_INVALID_DATA, "Query string has more than %d parameters", PARAMETERS_MAX);
        }
        if (!decode(pair) || (value && !decode(value))) {
            return ms_fail(c, MS_INVALID_DATA, "Query string can't be decoded");
        }
        if (*pair && !add(*query, pair, value ? value : "")) { /* what has no name is nothing */
            return ms_fail(c, MS_UNEXPECTED, NULL);
        }
    }
    return divide_single(*query) ? MS_OK : ms_fail(c, MS_UNEXPECTED, NULL);
}

/* ---- values ---- */

/* What follows 0x, 0o or 0b; gives where it ends, or NULL where there is no digit. */
static const char *read_radix(double *number, const char *s, int radix)
{
    const char *start = s;

    for (*number = 0; hex_digit(*s) >= 0 && hex_digit(*s) < radix; s++) {
        *number = *number * radix + hex_digit(*s);
    }
    return s > start ? s : NULL;
}

static int radix_of(const char *s)
{
    return *s != '0' || !s[1] ? 0 : strchr("xX", s[1]) ? 16 : strchr("oO", s[1]) ? 8 : strchr("bB", s[1]) ? 2 : 0;
}

/* strtod() also reads hexadecimal fractions, infinities and what is no number; JavaScript does not. */
static const char *read_decimal(double *number, const char *s)
{
    size_t sign = *s == '+' || *s == '-';
    char *end;

    if (!strchr(".0123456789", s[sign]) || (sign && radix_of(s + sign))) {
        return NULL;
    }
    *number = strtod(s, &end);
    return end;
}

/* JavaScript's Number(text): blanks around, nothing is 0, 0x… 0o… 0b…, decimal with an exponent. */
static int read_double(double *number, const char *text)
{
    const char *end;
    int radix;

    while (apr_isspace(*text)) {
        text++;
    }
    if (!*text) {
        *number = 0;
        return 1;
    }
    radix = radix_of(text);
    end = radix ? read_radix(number, text + 2, radix) : read_decimal(number, text);
    while (end && apr_isspace(*end)) {
        end++;
    }
    return end && !*end;
}

int ms_query_number(json_int_t *number, const json_t *value)
{
    double d;

    if (!json_is_string(value) || !read_double(&d, json_string_value(value))
        || !(d >= 0 && d < 9223372036854775808.0) || d != floor(d)) {
        return 0;
    }
    *number = (json_int_t)d;
    return 1;
}

/* "+02:00", "-0330", "Z", or nothing, at the end of a time; microseconds east of Greenwich. */
static int read_zone(apr_interval_time_t *offset, const char *s)
{
    int hours, minutes, sign = *s == '-' ? -1 : 1;

    *offset = 0;
    if (!*s || !strcasecmp(s, "Z")) {
        return 1;
    }
    if (*s != '+' && *s != '-') {
        return 0;
    }
    s++;
    if (strspn(s, "0123456789") < 2) {
        return 0;
    }
    hours = (s[0] - '0') * 10 + (s[1] - '0');
    s += 2 + (s[2] == ':');
    if (strspn(s, "0123456789") != 2 || s[2]) {
        return 0;
    }
    minutes = (s[0] - '0') * 10 + (s[1] - '0');
    *offset = sign * apr_time_from_sec(hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

/* Length of the clock of a time, "hh:mm", "hh:mm:ss" or "hh:mm:ss.…"; 0: there is none. */
static size_t clock_length(const char *s)
{
    size_t n = strspn(s, "0123456789:"), fraction = n == 8 && s[n] == '.' ? strspn(s + n + 1, "0123456789") : 0;

    return n == 5 || (n == 8 && s[n] != '.') ? n : fraction ? n + 1 + fraction : 0;
}

/* Filters may name times before 1970, when there was nothing to find: they count as its beginning. */
static int parse_full(apr_time_t *time, char *full)
{
    int early = strncmp(full, "1970", 4) < 0, leap = !strncmp(full + 5, "02-29", 5);

    if (early) {
        memcpy(full, leap ? "1972" : "1970", 4);
    }
    if (!ms_time_parse(time, full)) {
        return 0;
    }
    *time = early ? 0 : *time;
    return 1;
}

/* Fill "YYYY-MM-DD", with or without a clock, up to "YYYY-MM-DD hh:mm:ss.mmm"; the zone is what is left behind a clock. */
static int read_iso(apr_time_t *time, const char *s)
{
    char full[MS_TIME_SQL_LENGTH + 1] = "0000-01-01 00:00:00.000";
    apr_interval_time_t offset = 0;
    size_t n = strspn(s, "0123456789-"), clock = 0;

    if (n != 4 && n != 7 && n != 10) {
        return 0;
    }
    memcpy(full, s, n);
    s += n;
    if (n == 10 && *s && strchr("Tt ", *s)) {
        clock = clock_length(++s);
        if (!clock) {
            return 0;
        }
        memcpy(full + 11, s, clock > 12 ? 12 : clock);
        s += clock;
    }
    if ((!clock && *s) || !parse_full(time, full) || !read_zone(&offset, s)) {
        return 0;
    }
    *time -= offset;
    return 1;
}

int ms_query_time(apr_time_t *time, const json_t *value)
{
    double seconds;

    if (!json_is_string(value)) {
        return 0;
    }
    if (read_iso(time, json_string_value(value))) {
        return 1;
    }
    if (!*json_string_value(value) || !read_double(&seconds, json_string_value(value)) || !(fabs(seconds) < 253402300800.0)) {
        return 0;
    }
    *time = (apr_time_t)(seconds * APR_USEC_PER_SEC);
    return 1;
}

/* ---- fields and expand ---- */

typedef apr_array_header_t *names_t; /* of const char * */

static int is_in(const char *const *list, const char *name)
{
    for (; *list; list++) {
        if (!strcmp(*list, name)) {
            return 1;
        }
    }
    return 0;
}

static int find(names_t names, const char *name)
{
    int i;

    for (i = 0; i < names->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(names, i, const char *), name)) {
            return i;
        }
    }
    return -1;
}

static void insert(names_t names, const char *name)
{
    if (find(names, name) < 0) {
        APR_ARRAY_PUSH(names, const char *) = name;
    }
}

static void take_away(names_t names, const char *name)
{
    const char **all = (const char **)names->elts;
    int i = find(names, name);

    if (i >= 0) {
        memmove(all + i, all + i + 1, sizeof *all * (size_t)(names->nelts - i - 1));
        names->nelts--;
    }
}

static names_t copy_list(apr_pool_t *pool, const char *const *list)
{
    names_t names = apr_array_make(pool, 16, sizeof(const char *));

    for (; list && *list; list++) {
        insert(names, *list);
    }
    return names;
}

/* The entries of a comma list; empty ones are dropped. */
static names_t split_list(apr_pool_t *pool, const char *text)
{
    names_t names = apr_array_make(pool, 8, sizeof(const char *));
    char *copy = apr_pstrdup(pool, text ? text : ""), *last, *name;

    for (name = apr_strtok(copy, ",", &last); name; name = apr_strtok(NULL, ",", &last)) {
        APR_ARRAY_PUSH(names, const char *) = name;
    }
    return names;
}

static int has_prefix(const char *name)
{
    return strchr("+-*", *name) != NULL;
}

static int replaces(names_t names)
{
    int i;

    for (i = 0; i < names->nelts; i++) {
        if (!has_prefix(APR_ARRAY_IDX(names, i, const char *))) {
            return 1;
        }
    }
    return 0;
}

static int is_column(const char *s)
{
    return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

/* One entry of `fields`; 0: there is no such name. Only names that are there are kept, so that the lists stay short. */
static int take_field(ms_select_t *select, const ms_select_conf_t *conf, apr_pool_t *pool, const char *entry)
{
    const char *name = entry + has_prefix(entry), *dot = strrchr(name, '.'), *relation;
    int minus = *entry == '-', whole = *entry == '*' || (!dot && is_in(conf->relations, name));

    relation = whole ? name : dot ? apr_pstrmemdup(pool, name, (apr_size_t)(dot - name)) : NULL;
    if (relation ? !is_in(conf->relations, relation) || !(whole || is_column(dot + 1)) : !is_in(conf->fields, name)) {
        return 0;
    }
    if (minus) { /* of a relation's columns none is taken away: it comes as a whole */
        take_away(whole ? select->relations : select->fields, name);
    }
    else {
        insert(relation ? select->relations : select->fields, relation ? relation : name);
    }
    return 1;
}

/* Name the ones that are not there, each once; of many the first tell enough. */
static void note_bad(names_t bad, const char *name)
{
    if (bad->nelts < BAD_NAMES_MAX) {
        insert(bad, name);
    }
}

ms_rc_t ms_select_read(ms_ctx_t *c, ms_select_t *select, const ms_select_conf_t *conf, const char *fields, const char *expand)
{
    names_t asked = split_list(c->pool, fields), relations = split_list(c->pool, expand);
    names_t bad = apr_array_make(c->pool, 2, sizeof(const char *));
    int i;

    select->fields = copy_list(c->pool, replaces(asked) ? NULL : conf->default_fields);
    select->relations = copy_list(c->pool, expand ? NULL : conf->default_relations);
    for (i = 0; i < asked->nelts; i++) {
        const char *entry = APR_ARRAY_IDX(asked, i, const char *);

        if (!take_field(select, conf, c->pool, entry)) {
            note_bad(bad, entry + has_prefix(entry));
        }
    }
    insert(select->fields, "id"); /* in any case, and whatever was taken away */
    insert(select->fields, "created_at");
    for (i = 0; i < relations->nelts; i++) {
        const char *name = APR_ARRAY_IDX(relations, i, const char *);

        if (is_in(conf->relations, name)) {
            insert(select->relations, name);
        }
        else {
            note_bad(bad, name);
        }
    }
    return bad->nelts ? ms_fail(c, MS_INVALID_DATA, "Requested fields [%s] are not valid", ms_text_join(c->pool, bad, ", ")) : MS_OK;
}
