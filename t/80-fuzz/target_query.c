/* target_query.c: an address, "METHOD /path?query": which route it is depends on neither case nor a last slash; what a query comes to
 * is text, numbers and times, and the same each time. */
#include "fuzz.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "api/api.h"
#include "core/json.h"
#include "core/query.h"
#include "core/text.h"
#include "core/time.h"
#include "core/validate.h"
#include "resource/resources.h"

static const char *swap_case(ms_ctx_t *c, const char *text)
{
    char *swapped = apr_pstrdup(c->pool, text), *p;

    for (p = swapped; *p; p++) {
        *p = (char)(apr_isupper(*p) ? apr_tolower(*p) : apr_toupper(*p));
    }
    return swapped;
}

static void check_route(ms_ctx_t *c, const char *path)
{
    const ms_route_t *route;
    const ms_rule_t *rules;
    int i;

    c->path = path;
    route = ms_route_search(c, ms_routes);
    MUST((ms_route_find(c, ms_routes) == MS_OK) == (route != NULL) && c->route == route && (route || c->rc == MS_NOT_FOUND));
    MUST(!ms_serves(c) || route);
    rules = ms_body_rules(c);
    MUST(!rules || (route && route->body && route->body->rules == rules));
    for (i = 0; route && i < MS_PARAMS_MAX && c->params[i]; i++) {
        MUST(*c->params[i] && !strchr(c->params[i], '/') && strstr(path, c->params[i]));
    }
    c->path = swap_case(c, path);
    MUST(ms_route_search(c, ms_routes) == route);
    c->path = apr_pstrcat(c->pool, path, "/", NULL);
    MUST(path[strlen(path) - 1] == '/' || ms_route_search(c, ms_routes) == route);
}

static void check_texts(const json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;

    if (json_is_string(value)) {
        MUST(ms_utf8_valid(json_string_value(value), json_string_length(value)) && strlen(json_string_value(value)) == json_string_length(value));
        return;
    }
    MUST(json_is_array(value) || json_is_object(value));
    json_array_foreach(value, i, item) {
        check_texts(item);
    }
    json_object_foreach((json_t *)value, key, item) {
        check_texts(item);
    }
}

static void check_values(const json_t *query)
{
    static const char *const numbers[] = { "limit", "offset" }, *const times[] = { "created_at", "updated_at", "canceled_at" };
    const char *key;
    json_t *value;
    apr_time_t t;
    size_t i;

    for (i = 0; i < 2; i++) {
        value = json_object_get(query, numbers[i]);
        MUST(!value || (json_is_integer(value) && json_integer_value(value) >= 0));
    }
    for (i = 0; i < 3; i++) {
        json_object_foreach(json_object_get(query, times[i]), key, value) {
            MUST(json_is_string(value) && ms_time_parse(&t, json_string_value(value)));
        }
    }
}

static void check_query(ms_ctx_t *c, const char *text)
{
    json_t *query, *again;
    ms_select_t select;
    ms_rc_t rc;

    fuzz_forget(c);
    rc = ms_query_parse(c, &query, text);
    MUST(rc == MS_OK || rc == MS_INVALID_DATA);
    if (rc != MS_OK) {
        return;
    }
    check_texts(query);
    MUST(ms_query_parse(c, &again, text) == MS_OK && json_equal(query, again));
    rc = ms_validate_query(c, ms_order_list_query, query);
    MUST(rc == MS_OK || rc == MS_INVALID_DATA);
    if (rc == MS_OK) {
        check_values(query);
        rc = ms_select_read(c, &select, &ms_order_select, ms_json_text(query, "fields"), ms_json_text(query, "expand"));
        MUST(rc == MS_OK || rc == MS_INVALID_DATA);
    }
}

void fuzz_query(ms_ctx_t *c, const uint8_t *data, size_t size)
{
    char *text = fuzz_text(c, data, size), *path = strchr(text, '/'), *query = path ? strchr(path, '?') : NULL;

    if (query) {
        *query++ = '\0';
        check_query(c, fuzz_text(c, query, strlen(query)));
    }
    fuzz_forget(c);
    if (path && ms_utf8_valid(path, strlen(path))) { /* httpd and request.c see to it */
        c->method = apr_pstrmemdup(c->pool, text, strcspn(text, " /"));
        check_route(c, fuzz_text(c, path, strlen(path)));
    }
}
