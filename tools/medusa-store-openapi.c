/* medusa-store-openapi.c: writes doc/openapi.json and doc/store.xsd from the module's tables.
 *
 * Knows the tables and nothing else: what stands in the documents is what the module does. Called by `make doc`; a test of
 * t/00-lint compares its output with the files. The XML schema is made in xsd.c. */
#include "config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "account/replay.h"
#include "api/api.h"
#include "core/problem.h"
#include "resource/resources.h"
#include "tools/xsd.h"

#define SCHEMA_PATH "#/components/schemas/"

static json_t *schemas; /* by name, as they are met */

static void put(json_t *object, const char *key, json_t *value)
{
    if (json_object_set_new(object, key, value)) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
}

static void put_text(json_t *object, const char *key, const char *text)
{
    put(object, key, json_string(text));
}

static json_t *describe(json_t *schema, const char *doc)
{
    put_text(schema, "description", doc);
    return schema;
}

/* ---- values ---- */

static json_t *typed(const char *type, const char *format)
{
    json_t *schema = json_object();

    put_text(schema, "type", type);
    if (format) {
        put_text(schema, "format", format);
    }
    return schema;
}

static json_t *reference(const char *name)
{
    return json_pack("{s:s+}", "$ref", SCHEMA_PATH, name);
}

static json_t *array_of(json_t *items)
{
    return json_pack("{s:s, s:o}", "type", "array", "items", items);
}

static json_t *any_object(void)
{
    return json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 1);
}

static json_t *schema_of_type(ms_type_t type)
{
    switch (type) {
    case MS_BOOL: return typed("boolean", NULL);
    case MS_INT:  return typed("integer", "int64");
    case MS_TIME: return typed("string", "date-time");
    case MS_JSON: return any_object();
    default:      return typed("string", NULL);
    }
}

/* An object that holds no other keys than these. */
static json_t *closed_object(const char *doc, json_t *properties, json_t *required)
{
    json_t *object = describe(typed("object", NULL), doc);

    if (json_array_size(required)) {
        put(object, "required", required);
    }
    else {
        json_decref(required);
    }
    put(object, "properties", properties);
    put(object, "additionalProperties", json_false());
    return object;
}

/* ---- answers ---- */

static json_t *refer_to_shape(const ms_shape_t *shape);

static json_t *schema_of_member(const ms_member_t *member)
{
    json_t *schema;

    if (member->kind == MS_SCALAR) {
        return schema_of_type(member->type);
    }
    if (member->kind == MS_MANY) {
        schema = array_of(member->shape ? refer_to_shape(member->shape) : any_object());
        if (!member->shape) {
            put(schema, "maxItems", json_integer(0));
        }
        return schema;
    }
    return json_pack("{s:s, s:[o]}", "type", "object", "allOf", refer_to_shape(member->shape));
}

static void add_property(json_t *properties, const char *name, json_t *schema, unsigned use, const char *doc)
{
    if (use & MS_NULL) {
        put(schema, "nullable", json_true());
    }
    put(properties, name, describe(schema, doc));
}

static json_t *schema_of_shape(const ms_shape_t *shape)
{
    json_t *properties = json_object(), *required = json_array();
    const ms_member_t *m;
    const ms_field_t *f;

    for (f = shape->resource ? shape->resource->fields : NULL; f && f->name; f++) {
        if (f->use & MS_SHOW) {
            add_property(properties, f->name, schema_of_type(f->type), f->use, f->doc);
            json_array_append_new(required, json_string(f->name));
        }
    }
    for (m = shape->members; m && m->name; m++) {
        add_property(properties, m->name, schema_of_member(m), m->use, m->doc);
        if (!(m->use & MS_ABSENT)) {
            json_array_append_new(required, json_string(m->name));
        }
    }
    return closed_object(shape->doc, properties, required);
}

static json_t *refer_to_shape(const ms_shape_t *shape)
{
    if (!json_object_get(schemas, shape->name)) {
        put(schemas, shape->name, json_null()); /* holds the place, before those that it refers to */
        put(schemas, shape->name, schema_of_shape(shape));
    }
    return reference(shape->name);
}

/* ---- bodies and queries ---- */

static json_t *refer_to_rules(const char *name, const char *doc, const ms_rule_t *rules);

static json_t *values_of(const ms_rule_t *rule)
{
    json_t *schema = typed("string", NULL), *list = json_array();
    const char *const *value;

    for (value = rule->values; *value; value++) {
        json_array_append_new(list, json_string(*value));
    }
    put(schema, "enum", list);
    return schema;
}

static json_t *bounded(json_t *schema, const char *key, json_int_t bound)
{
    put(schema, key, json_integer(bound));
    return schema;
}

static json_t *schema_of_rule(const ms_rule_t *rule)
{
    switch (rule->check) {
    case MS_CHECK_EMAIL:        return typed("string", "email");
    case MS_CHECK_PASSWORD:     return bounded(typed("string", "password"), "minLength", 1);
    case MS_CHECK_NOT_EMPTY:    return bounded(typed("string", NULL), "minLength", 1);
    case MS_CHECK_METADATA:     return any_object();
    case MS_CHECK_NESTED:       return json_pack("{s:s, s:[o]}", "type", "object", "allOf",
                                                 refer_to_rules(rule->type, rule->doc, rule->nested));
    case MS_CHECK_NESTED_OR_ID: return json_pack("{s:[o, o]}", "oneOf", refer_to_rules(rule->type, rule->doc, rule->nested),
                                                 typed("string", NULL));
    case MS_CHECK_NUMBER:       return bounded(typed("integer", "int64"), "minimum", 0);
    case MS_CHECK_ONE_OF:       return array_of(values_of(rule));
    case MS_CHECK_DATE:         return typed("string", NULL);
    case MS_CHECK_STRING:       break;
    }
    return bounded(typed("string", NULL), "maxLength", MS_TEXT_MAX);
}

static json_t *schema_of_rules(const char *doc, const ms_rule_t *rules)
{
    json_t *properties = json_object(), *required = json_array();
    const ms_rule_t *rule;

    for (rule = rules; rule->field; rule++) {
        add_property(properties, rule->field, schema_of_rule(rule), rule->flags & MS_OPTIONAL ? MS_NULL : 0, rule->doc);
        if (!(rule->flags & (MS_OPTIONAL | MS_NOT_NULL))) {
            json_array_append_new(required, json_string(rule->field));
        }
    }
    return closed_object(doc, properties, required);
}

static json_t *refer_to_rules(const char *name, const char *doc, const ms_rule_t *rules)
{
    if (!json_object_get(schemas, name)) {
        put(schemas, name, json_null());
        put(schemas, name, schema_of_rules(doc, rules));
    }
    return reference(name);
}

/* ---- operations ---- */

static int is_write(const ms_route_t *route)
{
    return strcmp(route->method, "GET") != 0;
}

/* Bodies of GET and DELETE are not read. */
static int reads_body(const ms_route_t *route)
{
    return is_write(route) && strcmp(route->method, "DELETE");
}

/* Bits of the problems that a request of this route can end in. */
static unsigned problems_of(const ms_route_t *route)
{
    unsigned bits = route->may | MS_MAY(UNEXPECTED) | MS_MAY(DB_FAULT) | MS_MAY(DB_DOWN) | MS_MAY(DB_SCHEMA) | MS_MAY(BUSY);

    if (reads_body(route)) {
        bits |= MS_MAY(INVALID_DATA) | MS_MAY(TOO_LARGE) | MS_MAY(UNSUPPORTED);
    }
    if (route->query || strchr(route->path, '{')) {
        bits |= MS_MAY(INVALID_DATA);
    }
    if (route->caller == MS_CUSTOMER) {
        bits |= MS_MAY(UNAUTHORIZED) | MS_MAY(NOT_FOUND);
    }
    if (route->caller != MS_ANYONE && is_write(route)) {
        bits |= MS_MAY(FORBIDDEN);
    }
    if (route->tries != MS_TRY_NONE) {
        bits |= MS_MAY(TOO_MANY);
    }
    if (is_write(route)) {
        bits |= MS_MAY(CONFLICT);
    }
    return bits;
}

static json_t *content_of(const char *type, json_t *schema)
{
    return json_pack("{s:{s:o}}", type, "schema", schema);
}

static json_t *text_content(const char *text)
{
    return content_of("text/plain", json_pack("{s:s, s:[s]}", "type", "string", "enum", text));
}

/* "invalid_data" or "not_allowed, not_found": what the problems of one status are called. */
static void add_problem(json_t *responses, const ms_problem_t *problem)
{
    const char *name = problem->type ? problem->type : problem->message, *known;
    json_t *response, *content;
    char status[12];

    snprintf(status, sizeof status, "%d", problem->http);
    response = json_object_get(responses, status);
    if (!response) {
        response = json_pack("{s:s, s:{}}", "description", name, "content");
        put(responses, status, response);
    }
    known = json_string_value(json_object_get(response, "description"));
    if (!strstr(known, name)) {
        put(response, "description", json_pack("s++", known, ", ", name));
    }
    content = problem->type ? content_of("application/json", refer_to_shape(&ms_error_answer)) : text_content(problem->message);
    json_object_update(json_object_get(response, "content"), content);
    json_decref(content);
}

static json_t *responses_of(const ms_route_t *route)
{
    json_t *responses = json_object(), *good = json_pack("{s:s}", "description", route->answer->doc);
    const ms_shape_t *shape = route->answer;
    unsigned bits = problems_of(route);
    int rc;

    if (shape->text) {
        put(good, "content", text_content(shape->text));
    }
    else if (shape->members || shape->resource) {
        put(good, "content", content_of("application/json", refer_to_shape(shape)));
    }
    put(responses, json_object_get(good, "content") ? "200" : "204", good);
    for (rc = MS_OK + 1; rc < MS_PROBLEM_COUNT; rc++) { /* in the order of the table: ascending statuses */
        if (bits & 1u << rc) {
            add_problem(responses, ms_problem_get((ms_rc_t)rc));
        }
    }
    return responses;
}

static json_t *query_parameter(const ms_rule_t *rule)
{
    json_t *p = json_pack("{s:s, s:s, s:s, s:b}", "name", rule->field, "in", "query", "description", rule->doc,
                          "required", !(rule->flags & (MS_OPTIONAL | MS_NOT_NULL)));

    if (rule->check == MS_CHECK_NESTED) {
        put_text(p, "style", "deepObject");
        put(p, "explode", json_true());
        put(p, "schema", refer_to_rules(rule->type, "Bounds of a time: ISO 8601, or seconds since 1970", rule->nested));
    }
    else {
        put(p, "schema", schema_of_rule(rule));
    }
    return p;
}

static json_t *parameters_of(const ms_route_t *route)
{
    json_t *list = json_array();
    const ms_rule_t *rule;
    const char *p = route->path;

    while ((p = strchr(p, '{'))) {
        size_t length = strcspn(++p, "}");

        json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", p, length, "in", "path", "required", 1,
                                              "schema", "type", "string"));
    }
    for (rule = route->query; rule && rule->field; rule++) {
        json_array_append_new(list, query_parameter(rule));
    }
    if (route->may & MS_KEYED) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b, s:{s:s, s:i, s:i, s:s}}", "name", "Idempotency-Key", "in", "header",
            "description", "Of the client's own making: the same request with the same key is answered as the first time, and not done again",
            "required", 0, "schema", "type", "string", "minLength", MS_KEY_MIN, "maxLength", MS_KEY_MAX, "pattern", "^[!-~]+$"));
    }
    return list;
}

static json_t *security_of(const ms_route_t *route)
{
    if (route->caller == MS_CUSTOMER) {
        return json_pack("[{s:[]}, {s:[]}]", "cookie_auth", "jwt_token");
    }
    return route->caller == MS_VISITOR ? json_pack("[{s:[]}, {s:[]}, {}]", "cookie_auth", "jwt_token") : json_array();
}

/* "/customers/me" is of "Customers". */
static json_t *tags_of(const ms_route_t *route)
{
    size_t length = strcspn(route->path + 1, "/");
    char *tag = strndup(route->path + 1, length);
    json_t *tags;

    if (*tag >= 'a' && *tag <= 'z') {
        *tag = (char)(*tag - 'a' + 'A');
    }
    tags = json_pack("[s]", tag);
    free(tag);
    return tags;
}

static json_t *operation_of(const ms_route_t *route)
{
    json_t *operation = json_pack("{s:s, s:s, s:o}", "operationId", route->name, "summary", route->doc, "tags", tags_of(route));
    json_t *parameters = parameters_of(route);

    put(operation, "security", security_of(route));
    if (json_array_size(parameters)) {
        put(operation, "parameters", parameters);
    }
    else {
        json_decref(parameters);
    }
    if (route->body) {
        put(operation, "requestBody", json_pack("{s:b, s:o}", "required", 1, "content",
            content_of("application/json", refer_to_rules(route->body->name, route->doc, route->body->rules))));
    }
    put(operation, "responses", responses_of(route));
    return operation;
}

static void add_operation(json_t *paths, const ms_route_t *route)
{
    char path[256], method[16];
    json_t *item;
    size_t i;

    snprintf(path, sizeof path, "/store%s", route->path);
    for (i = 0; route->method[i] && i < sizeof method - 1; i++) {
        method[i] = (char)(route->method[i] - 'A' + 'a');
    }
    method[i] = '\0';
    item = json_object_get(paths, path);
    if (!item) {
        item = json_object();
        put(paths, path, item);
    }
    put(item, method, operation_of(route));
}

static json_t *paths_of(const ms_route_t *const *tables)
{
    json_t *paths = json_object();
    const ms_route_t *route;

    for (; *tables; tables++) {
        for (route = *tables; route->method; route++) {
            if (route->action) {
                add_operation(paths, route);
            }
        }
    }
    return paths;
}

/* ---- the document ---- */

static json_t *make_document(void)
{
    json_t *paths, *document;

    schemas = json_object();
    paths = paths_of(ms_routes);
    document = json_pack("{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:{s:{s:s, s:s, s:s}, s:{s:s, s:s, s:s}}}}",
        "openapi", "3.0.3",
        "info", "title", "Medusa v1 Store API, by mod_medusa_store", "version", MS_VERSION, "description",
            "The operations that the module answers. Where MedusaStoreXML is On, they speak XML too: see store.xsd.",
        "paths", paths,
        "components", "securitySchemes",
            "cookie_auth", "type", "apiKey", "in", "cookie", "name", "connect.sid",
            "jwt_token", "type", "http", "scheme", "bearer", "bearerFormat", "JWT");
    put(json_object_get(document, "components"), "schemas", schemas);
    return document;
}

static int write_openapi(FILE *out)
{
    json_t *document = make_document();
    int failed = json_dumpf(document, out, JSON_INDENT(2)) || putc('\n', out) == EOF;

    json_decref(document);
    return failed;
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    int failed = 1;

    if (!strcmp(what, "openapi")) {
        failed = write_openapi(stdout);
    }
    else if (!strcmp(what, "xsd")) {
        failed = ms_xsd_write(stdout);
    }
    else {
        fprintf(stderr, "usage: medusa-store-openapi openapi|xsd\n");
        return 2;
    }
    return failed || fflush(stdout) ? 1 : 0;
}
