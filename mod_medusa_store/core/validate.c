/* validate.c: the engine behind the rules of a body.
 *
 * Knows JSON, text and e-mail, not the operations: those are tables in resource/. Called by api/dispatch.c before any
 * action runs, so that an action only ever sees a body that fits. */
#include "core/validate.h"
#include "core/email.h"
#include "core/json.h"
#include "core/query.h"
#include "core/text.h"
#include "core/time.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Messages of one request, in order. */
typedef struct {
    apr_pool_t *pool;
    apr_array_header_t *list; /* const char * */
    unsigned unknown;         /* fields with one of these flags are not known here */
    int no_memory;            /* 1: the body could not be judged, or not be made what it stands for */
} messages_t;

static void complain(messages_t *m, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void complain(messages_t *m, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    APR_ARRAY_PUSH(m->list, const char *) = apr_pvsprintf(m->pool, format, args);
    va_end(args);
}

static int is_known(const messages_t *m, const ms_rule_t *rules, const char *field)
{
    for (; rules->field; rules++) {
        if (!strcmp(rules->field, field)) {
            return !(rules->flags & m->unknown);
        }
    }
    return 0;
}

/* JavaScript puts integer-like keys ("0" to "4294967294", no leading zero) before all others. */
static int is_index(const char *key)
{
    size_t n = strlen(key);

    if (!n || n > 10 || strspn(key, "0123456789") != n || (n > 1 && *key == '0')) {
        return 0;
    }
    return n < 10 || strcmp(key, "4294967294") <= 0;
}

static int compare_index(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = strlen(x), m = strlen(y);

    return n != m ? (n < m ? -1 : 1) : strcmp(x, y);
}

static void check_unknown(messages_t *m, const ms_rule_t *rules, json_t *object)
{
    apr_array_header_t *indexes = apr_array_make(m->pool, 4, sizeof(const char *));
    apr_array_header_t *others = apr_array_make(m->pool, 4, sizeof(const char *));
    const char *key;
    json_t *value;
    int i;

    json_object_foreach(object, key, value) {
        if (!is_known(m, rules, key)) {
            APR_ARRAY_PUSH(is_index(key) ? indexes : others, const char *) = key;
        }
    }
    if (indexes->nelts) { /* qsort(NULL, 0, …) is undefined */
        qsort(indexes->elts, (size_t)indexes->nelts, sizeof(const char *), compare_index);
    }
    apr_array_cat(indexes, others);
    for (i = 0; i < indexes->nelts; i++) {
        complain(m, "property %s should not exist", APR_ARRAY_IDX(indexes, i, const char *));
    }
}

static int has_nul(const json_t *string)
{
    return memchr(json_string_value(string), '\0', json_string_length(string)) != NULL;
}

static void check_string(messages_t *m, const char *field, const json_t *value)
{
    if (!json_is_string(value)) {
        complain(m, "%s must be a string", field);
    }
    else if (has_nul(value)) {
        complain(m, "%s must not contain null characters", field);
    }
    else if (ms_utf8_length(json_string_value(value), json_string_length(value)) > MS_TEXT_MAX) {
        complain(m, "%s must be shorter than or equal to %d characters", field, MS_TEXT_MAX);
    }
}

static void check_password(messages_t *m, const char *field, const json_t *value)
{
    if (!json_is_string(value)) {
        complain(m, "%s must be a string", field);
    }
    else if (!json_string_length(value)) {
        complain(m, "%s should not be empty", field);
    }
    else if (has_nul(value)) {
        complain(m, "%s must not contain null characters", field);
    }
}

static void check_email(messages_t *m, const char *field, json_t *value)
{
    const char *lower;

    if (!json_is_string(value) || !ms_email_check(json_string_value(value), json_string_length(value))) {
        complain(m, "%s must be an email", field);
        return;
    }
    lower = ms_text_lower(m->pool, json_string_value(value));
    m->no_memory |= !lower || json_string_set(value, lower);
}

static void check_not_empty(messages_t *m, const char *field, const json_t *value)
{
    if (!value || json_is_null(value) || (json_is_string(value) && !json_string_length(value))) {
        complain(m, "%s should not be empty", field);
    }
}

/* 1: a null character stands somewhere in the value. It is no deeper than a body can be. */
static int hides_nul(const json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_string(value)) {
        return has_nul(value);
    }
    json_array_foreach(value, i, item) {
        if (hides_nul(item)) {
            return 1;
        }
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, item) { /* takes no const, but changes nothing */
        if (hides_nul(item)) {
            return 1;
        }
    }
    return 0;
}

static void check_metadata(messages_t *m, const char *field, const json_t *value)
{
    size_t length = 0;

    if (!json_is_object(value)) {
        complain(m, "%s must be an object", field);
    }
    else if (hides_nul(value)) {
        complain(m, "%s must not contain null characters", field);
    }
    else if (!ms_json_write(m->pool, value, &length) || length > MS_JSON_MAX) {
        complain(m, "%s must be shorter than or equal to %d bytes", field, MS_JSON_MAX);
    }
}

static void check_object(messages_t *m, const ms_rule_t *rules, json_t *object);

static void check_nested(messages_t *m, const ms_rule_t *rule, json_t *value)
{
    if (json_is_object(value)) {
        check_object(m, rule->nested, value);
    }
    else if (rule->check == MS_CHECK_NESTED_OR_ID) {
        if (!json_is_string(value)) {
            complain(m, "%s must be one of %s or String", rule->field, rule->type);
        }
        else if (has_nul(value)) {
            complain(m, "%s must not contain null characters", rule->field);
        }
    }
    else if (json_is_array(value)) {
        complain(m, "%s must be an object", rule->field);
    }
    else {
        complain(m, "nested property %s must be either object or array", rule->field);
    }
}

static void check_number(messages_t *m, const ms_rule_t *rule, json_t *object)
{
    json_int_t number;

    if (!ms_query_number(&number, json_object_get(object, rule->field))) {
        complain(m, "%s must be a number conforming to the specified constraints", rule->field);
        return;
    }
    m->no_memory |= json_object_set_new(object, rule->field, json_integer(number));
}

static void check_date(messages_t *m, const ms_rule_t *rule, json_t *object)
{
    apr_time_t time;

    if (!ms_query_time(&time, json_object_get(object, rule->field))) {
        complain(m, "%s must be a Date instance", rule->field);
        return;
    }
    m->no_memory |= json_object_set_new(object, rule->field, json_string(ms_time_iso(m->pool, time)));
}

static int is_one_of(const char *const *values, const json_t *value)
{
    for (; json_is_string(value) && *values; values++) {
        if (!strcmp(*values, json_string_value(value))) {
            return 1;
        }
    }
    return 0;
}

static const char *list_of(apr_pool_t *pool, const char *const *values)
{
    const char *list = *values;

    while (*++values) {
        list = apr_pstrcat(pool, list, ", ", *values, NULL);
    }
    return list;
}

static void check_one_of(messages_t *m, const ms_rule_t *rule, json_t *object)
{
    json_t *value = json_object_get(object, rule->field), *list, *item;
    int good = !json_is_object(value);
    size_t i;

    if (!json_is_array(value)) { /* a=b,c: as Medusa documents it, though it only takes a[]=b,c */
        list = json_is_string(value) ? ms_query_divide(json_string_value(value)) : json_pack("[O]", value);
        m->no_memory |= json_object_set_new(object, rule->field, list);
    }
    json_array_foreach(json_object_get(object, rule->field), i, item) {
        good = good && is_one_of(rule->values, item);
    }
    if (!good) {
        complain(m, "each value in %s must be one of the following values: %s", rule->field, list_of(m->pool, rule->values));
    }
}

static int is_skipped(const ms_rule_t *rule, const json_t *value)
{
    return (!value && (rule->flags & (MS_OPTIONAL | MS_NOT_NULL))) || (json_is_null(value) && (rule->flags & MS_OPTIONAL));
}

static void check_field(messages_t *m, const ms_rule_t *rule, json_t *object)
{
    json_t *value = json_object_get(object, rule->field);

    if (is_skipped(rule, value)) {
        return;
    }
    switch (rule->check) {
    case MS_CHECK_STRING:       check_string(m, rule->field, value); break;
    case MS_CHECK_EMAIL:        check_email(m, rule->field, value); break;
    case MS_CHECK_PASSWORD:     check_password(m, rule->field, value); break;
    case MS_CHECK_NOT_EMPTY:    check_not_empty(m, rule->field, value); break;
    case MS_CHECK_METADATA:     check_metadata(m, rule->field, value); break;
    case MS_CHECK_NESTED:
    case MS_CHECK_NESTED_OR_ID: check_nested(m, rule, value); break;
    case MS_CHECK_NUMBER:       check_number(m, rule, object); break;
    case MS_CHECK_ONE_OF:       check_one_of(m, rule, object); break;
    case MS_CHECK_DATE:         check_date(m, rule, object); break;
    }
}

/* Rules nest no deeper than the tables say. */
static void check_object(messages_t *m, const ms_rule_t *rules, json_t *object)
{
    const ms_rule_t *rule;

    check_unknown(m, rules, object);
    for (rule = rules; rule->field; rule++) {
        if (!(rule->flags & m->unknown)) {
            check_field(m, rule, object);
        }
    }
}

ms_rc_t ms_validate_query(ms_ctx_t *c, const ms_rule_t *rules, json_t *query)
{
    messages_t m = { c->pool, apr_array_make(c->pool, 4, sizeof(const char *)), c->asks_password ? 0 : MS_CONFIRMS, 0 };

    check_object(&m, rules, query);
    if (m.no_memory) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    return m.list->nelts ? ms_fail(c, MS_INVALID_DATA, "%s", ms_text_join(c->pool, m.list, ", ")) : MS_OK;
}

ms_rc_t ms_validate(ms_ctx_t *c, const ms_rule_t *rules)
{
    if (!json_is_object(c->body)) {
        return ms_fail(c, MS_INVALID_DATA, "an unknown value was passed to the validate function");
    }
    return ms_validate_query(c, rules, c->body);
}

const char *ms_body_text(const ms_ctx_t *c, const char *field)
{
    return json_string_value(json_object_get(c->body, field));
}
