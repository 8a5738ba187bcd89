/* object.c: rows and what stands beside them, as texts, and as JSON.
 *
 * Most requests only show what they read: a tree of values, made and freed for each, cost half of all that such a request does.
 * Made by db/ and api/; written here, by the same tables that XML is written by. */
#include "core/object.h"
#include "core/json.h"
#include "core/out.h"

#include <apr_strings.h>

/* ---- parts ---- */

const char *ms_object_text(const ms_object_t *object, const ms_resource_t *resource, const char *field)
{
    int i;

    for (i = 0; resource->fields[i].name; i++) {
        if (!strcmp(resource->fields[i].name, field)) {
            return object->columns[i];
        }
    }
    return NULL;
}

ms_slot_t *ms_slots_make(apr_pool_t *pool, const ms_shape_t *shape)
{
    size_t n = 0;

    while (shape->members && shape->members[n].name) {
        n++;
    }
    return apr_pcalloc(pool, sizeof(ms_slot_t) * (n + 1));
}

ms_slot_t *ms_slots_find(ms_slot_t *slots, const ms_shape_t *shape, const char *member)
{
    int i;

    for (i = 0; shape->members && shape->members[i].name; i++) {
        if (!strcmp(shape->members[i].name, member)) {
            return &slots[i];
        }
    }
    return NULL;
}

/* ---- as text ---- */

static void put_text(ms_out_t *out, ms_type_t type, const char *text)
{
    if (!text) {
        ms_out_put(out, "null", 4);
    }
    else if (type == MS_BOOL || type == MS_INT || type == MS_JSON) {
        ms_out_put(out, text, strlen(text));
    }
    else {
        ms_out_string(out, text, strlen(text));
    }
}

static void put_object(ms_out_t *out, const ms_shape_t *shape, const ms_object_t *object);

/* An array without a shape is empty: there are none yet. */
static void put_slot(ms_out_t *out, const ms_member_t *m, const ms_slot_t *slot)
{
    int i;

    if (m->kind == MS_MANY) {
        ms_out_char(out, '[');
        for (i = 0; m->shape && i < slot->count; i++) {
            ms_out_put(out, ",", i > 0);
            put_object(out, m->shape, &slot->objects[i]);
        }
        ms_out_char(out, ']');
    }
    else if (m->kind == MS_ONE && slot->objects) {
        put_object(out, m->shape, slot->objects);
    }
    else {
        put_text(out, m->type, m->kind == MS_SCALAR ? slot->text : NULL);
    }
}

static void put_object(ms_out_t *out, const ms_shape_t *shape, const ms_object_t *object)
{
    const ms_field_t *f = shape->resource ? shape->resource->fields : NULL;
    const ms_member_t *m = shape->members;
    char before = '{';
    int i;

    for (i = 0; f && f[i].name; i++) {
        if (f[i].use & MS_SHOW) {
            ms_out_name(out, before, f[i].name);
            put_text(out, f[i].type, object->columns[i]);
            before = ',';
        }
    }
    for (i = 0; m && m[i].name; i++) {
        if (m[i].kind != MS_SCALAR || object->slots[i].text || !(m[i].use & MS_ABSENT)) {
            ms_out_name(out, before, m[i].name);
            put_slot(out, &m[i], &object->slots[i]);
            before = ',';
        }
    }
    ms_out_put(out, "{", before == '{');
    ms_out_char(out, '}');
}

const char *ms_object_write(apr_pool_t *pool, const ms_shape_t *shape, const ms_object_t *object, size_t *length)
{
    ms_out_t out = { pool, NULL, 0, 0, 0 };

    put_object(&out, shape, object);
    return ms_out_end(&out, length);
}

/* ---- as a tree ---- */

static json_t *parse(apr_pool_t *pool, const char *text)
{
    size_t length = strlen(text);
    json_t *value;

    ms_json_parse(&value, apr_pstrmemdup(pool, text, length), length, MS_JSON_WRITE_MAX, 1);
    return value;
}

static json_t *tree_of_text(apr_pool_t *pool, ms_type_t type, const char *text)
{
    if (!text) {
        return json_null();
    }
    return type == MS_BOOL || type == MS_INT || type == MS_JSON ? parse(pool, text) : json_string(text);
}

/* 1: something could not be made. */
static int add_columns(apr_pool_t *pool, json_t *tree, const ms_resource_t *resource, const ms_object_t *object)
{
    const ms_field_t *f = resource->fields;
    int i, failed = !tree;

    for (i = 0; f[i].name; i++) {
        if (f[i].use & MS_SHOW) {
            failed |= json_object_set_new_nocheck(tree, f[i].name, tree_of_text(pool, f[i].type, object->columns[i]));
        }
    }
    return failed;
}

static json_t *tree_of_slot(apr_pool_t *pool, const ms_member_t *m, const ms_slot_t *slot)
{
    json_t *array;
    int i, failed = 0;

    if (m->kind == MS_ONE) {
        return slot->objects ? ms_object_tree(pool, m->shape, slot->objects) : json_null();
    }
    if (m->kind == MS_SCALAR) {
        return tree_of_text(pool, m->type, slot->text);
    }
    array = json_array();
    for (i = 0; m->shape && i < slot->count; i++) {
        failed |= json_array_append_new(array, ms_object_tree(pool, m->shape, &slot->objects[i]));
    }
    if (failed) {
        json_decref(array);
        return NULL;
    }
    return array;
}

static json_t *whole(json_t *tree, int failed)
{
    if (failed) {
        json_decref(tree);
        return NULL;
    }
    return tree;
}

json_t *ms_object_tree(apr_pool_t *pool, const ms_shape_t *shape, const ms_object_t *object)
{
    const ms_member_t *m = shape->members;
    json_t *tree = json_object();
    int i, failed = shape->resource ? add_columns(pool, tree, shape->resource, object) : 0;

    for (i = 0; m && m[i].name; i++) {
        if (m[i].kind != MS_SCALAR || object->slots[i].text || !(m[i].use & MS_ABSENT)) {
            failed |= json_object_set_new_nocheck(tree, m[i].name, tree_of_slot(pool, &m[i], &object->slots[i]));
        }
    }
    return whole(tree, failed);
}

json_t *ms_columns_tree(apr_pool_t *pool, const ms_resource_t *resource, const ms_object_t *object)
{
    json_t *tree = json_object();

    return whole(tree, add_columns(pool, tree, resource, object));
}

/* ---- of a tree ---- */

/* 0: the value is not what the column says. Strings are the tree's own: a row lives as long as its request. */
static int text_of(apr_pool_t *pool, const char **text, ms_type_t type, const json_t *value)
{
    *text = NULL;
    if (!value || json_is_null(value)) {
        return 1;
    }
    if (type == MS_BOOL || type == MS_INT || type == MS_JSON) {
        *text = ms_json_write(pool, value, NULL);
    }
    else {
        *text = json_string_value(value);
    }
    return *text != NULL;
}

const ms_object_t *ms_object_of_row(apr_pool_t *pool, const ms_resource_t *resource, const json_t *row)
{
    const ms_field_t *f = resource->fields;
    ms_object_t *object = apr_pcalloc(pool, sizeof *object);
    const char **columns;
    int i, n = 0;

    while (f[n].name) {
        n++;
    }
    columns = apr_pcalloc(pool, sizeof *columns * (size_t)n);
    for (i = 0; i < n; i++) {
        if ((f[i].use & MS_SHOW) && !text_of(pool, &columns[i], f[i].type, json_object_get(row, f[i].name))) {
            return NULL;
        }
    }
    object->columns = columns;
    return object;
}
