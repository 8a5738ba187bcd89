/* xml_write.c: from a JSON value and its shape to XML.
 *
 * Knows jansson and the tables; libxml2 lends its buffer. Called by httpd/reply.c where a client asks for XML. */
#include "core/xml.h"
#include "core/json.h"

#include <apr_strings.h>
#include <libxml/tree.h>
#include <string.h>

/* A guard for the stack, as that of json.c. */
enum { WRITE_DEPTH_MAX = 128 };

const char *const ms_xml_entry_types[] = { "string", "number", "boolean", "null", "object", "array", NULL };

typedef struct {
    apr_pool_t *pool;
    xmlBufferPtr buffer;
    int failed;
} out_t;

static void put(out_t *out, const char *s, size_t n)
{
    if (n && xmlBufferAdd(out->buffer, (const xmlChar *)s, (int)n)) {
        out->failed = 1;
    }
}

static void puts_all(out_t *out, const char *s)
{
    put(out, s, strlen(s));
}

/* ---- text ---- */

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

/* What stands for the character at s, or NULL where it may stand itself. *length: its bytes. */
static const char *escape(const char *s, const char *end, size_t *length)
{
    *length = 1;
    switch (*s) {
    case '&':  return "&amp;";
    case '<':  return "&lt;";
    case '>':  return "&gt;";
    case '"':  return "&quot;";
    case '\t': return "&#9;"; /* in attributes, and harmless elsewhere */
    case '\n': return "&#10;";
    case '\r': return "&#13;";
    }
    if ((unsigned char)*s < 0x20) {
        return replacement;
    }
    if (end - s >= 3 && !memcmp(s, "\xEF\xBF", 2) && (unsigned char)s[2] >= 0xBE) { /* U+FFFE and U+FFFF are no characters */
        *length = 3;
        return replacement;
    }
    return NULL;
}

static void put_escaped(out_t *out, const char *s, size_t length)
{
    const char *end = s + length, *plain = s;

    while (s < end) {
        size_t n;
        const char *instead = escape(s, end, &n);

        if (instead) {
            put(out, plain, (size_t)(s - plain));
            puts_all(out, instead);
            plain = s + n;
        }
        s += n;
    }
    put(out, plain, (size_t)(end - plain));
}

static void put_attribute(out_t *out, const char *name, const char *value)
{
    puts_all(out, " ");
    puts_all(out, name);
    puts_all(out, "=\"");
    put_escaped(out, value, strlen(value));
    puts_all(out, "\"");
}

static void put_scalar(out_t *out, const json_t *value)
{
    const char *text;

    if (json_is_string(value)) {
        put_escaped(out, json_string_value(value), json_string_length(value));
        return;
    }
    text = ms_json_write(out->pool, value, NULL);
    if (!text) {
        out->failed = 1;
        return;
    }
    puts_all(out, text);
}

/* ---- elements ---- */

static void open_tag(out_t *out, const char *name)
{
    puts_all(out, "<");
    puts_all(out, name);
}

static void close_tag(out_t *out, const char *name)
{
    puts_all(out, "</");
    puts_all(out, name);
    puts_all(out, ">");
}

/* The rest of an element without content, or null. */
static void put_null(out_t *out)
{
    puts_all(out, " xsi:nil=\"true\"/>");
}

/* ---- values of the shop's own ---- */

static const char *entry_type(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:  return "object";
    case JSON_ARRAY:   return "array";
    case JSON_STRING:  return "string";
    case JSON_INTEGER:
    case JSON_REAL:    return "number";
    case JSON_NULL:    return "null";
    default:           return "boolean";
    }
}

static void put_entries(out_t *out, json_t *value, int depth);

static void put_entry(out_t *out, const char *key, json_t *value, int depth)
{
    open_tag(out, "entry");
    if (key) {
        put_attribute(out, "key", key);
    }
    put_attribute(out, "type", entry_type(value));
    puts_all(out, ">");
    if (json_is_object(value) || json_is_array(value)) {
        put_entries(out, value, depth);
    }
    else if (!json_is_null(value)) {
        put_scalar(out, value);
    }
    close_tag(out, "entry");
}

/* What is neither object nor array is written as the only entry. */
static void put_entries(out_t *out, json_t *value, int depth)
{
    const char *key;
    json_t *item;
    size_t i;

    if (depth > WRITE_DEPTH_MAX) {
        out->failed = 1;
        return;
    }
    if (!json_is_object(value) && !json_is_array(value)) {
        put_entry(out, NULL, value, depth + 1);
        return;
    }
    json_object_foreach(value, key, item) {
        put_entry(out, key, item, depth + 1);
    }
    json_array_foreach(value, i, item) {
        put_entry(out, NULL, item, depth + 1);
    }
}

/* ---- shapes ---- */

static void put_content(out_t *out, const ms_shape_t *shape, json_t *object);

static void put_value(out_t *out, const char *name, ms_type_t type, json_t *value)
{
    open_tag(out, name);
    if (!value || json_is_null(value)) {
        put_null(out);
        return;
    }
    puts_all(out, ">");
    if (type == MS_JSON) {
        put_entries(out, value, 0);
    }
    else {
        put_scalar(out, value);
    }
    close_tag(out, name);
}

static void put_items(out_t *out, const ms_shape_t *shape, json_t *array)
{
    json_t *item;
    size_t i;

    if (!shape) { /* there are none yet */
        return;
    }
    json_array_foreach(array, i, item) {
        open_tag(out, shape->element);
        puts_all(out, ">");
        put_content(out, shape, item);
        close_tag(out, shape->element);
    }
}

/* What is behind the name of an element: `>`, its content and its end. */
static void put_rest(out_t *out, const ms_member_t *m, json_t *value)
{
    if (!value || json_is_null(value)) {
        put_null(out);
        return;
    }
    puts_all(out, ">");
    if (m->kind == MS_MANY) {
        put_items(out, m->shape, value);
    }
    else if (m->kind == MS_ONE) {
        put_content(out, m->shape, value);
    }
    else if (m->type == MS_JSON) {
        put_entries(out, value, 0);
    }
    else {
        put_scalar(out, value);
    }
    close_tag(out, m->name);
}

static void put_member(out_t *out, const ms_member_t *m, json_t *value)
{
    if (!value && (m->use & MS_ABSENT)) {
        return;
    }
    open_tag(out, m->name);
    put_rest(out, m, value);
}

/* Columns, then members. */
static void put_content(out_t *out, const ms_shape_t *shape, json_t *object)
{
    const ms_field_t *f;
    const ms_member_t *m;

    for (f = shape->resource ? shape->resource->fields : NULL; f && f->name; f++) {
        if (f->use & MS_SHOW) {
            put_value(out, f->name, f->type, json_object_get(object, f->name));
        }
    }
    for (m = shape->members; m && m->name; m++) {
        put_member(out, m, json_object_get(object, m->name));
    }
}

/* ---- the document ---- */

static void open_root(out_t *out, const char *name)
{
    puts_all(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    open_tag(out, name);
    put_attribute(out, "xmlns", MS_XML_NAMESPACE);
    put_attribute(out, "xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance");
}

/* The first member is the root, the others are its attributes. */
static void put_wrapped(out_t *out, const ms_member_t *root, json_t *value)
{
    const ms_member_t *m;

    open_root(out, root->name);
    for (m = root + 1; m->name; m++) {
        const json_t *scalar = json_object_get(value, m->name);
        const char *text = ms_json_write(out->pool, scalar, NULL);

        if (text) {
            put_attribute(out, m->name, text);
        }
        else if (scalar) {
            out->failed = 1;
        }
    }
    put_rest(out, root, json_object_get(value, root->name));
}

static void put_document(out_t *out, const ms_shape_t *shape, json_t *value)
{
    if (!shape->element) {
        put_wrapped(out, shape->members, value);
        return;
    }
    open_root(out, shape->element);
    puts_all(out, ">");
    if (shape->text) {
        put_escaped(out, shape->text, strlen(shape->text));
    }
    else {
        put_content(out, shape, value);
    }
    close_tag(out, shape->element);
}

const char *ms_xml_write(apr_pool_t *pool, const ms_shape_t *shape, json_t *value, size_t *length)
{
    out_t out = { pool, xmlBufferCreateSize(4096), 0 };
    const char *text = NULL;

    if (!out.buffer) {
        return NULL;
    }
#if LIBXML_VERSION < 21300 /* later ones always grow so */
    xmlBufferSetAllocationScheme(out.buffer, XML_BUFFER_ALLOC_DOUBLEIT);
#endif
    put_document(&out, shape, value);
    if (!out.failed) {
        *length = (size_t)xmlBufferLength(out.buffer);
        text = apr_pstrmemdup(pool, (const char *)xmlBufferContent(out.buffer), *length);
    }
    xmlBufferFree(out.buffer);
    return text;
}
