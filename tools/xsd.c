/* xsd.c: the XML schema, made from the same tables as XML itself (core/xml.c).
 *
 * A global element for each root of an answer, for each body, and for errors; a type for each object within them. Answers of
 * one root that differ, such as those about a customer, share one element: what is not in all of them may be left out. */
#include "tools/xsd.h"

#include <stdarg.h>
#include <string.h>

#include "api/api.h"
#include "core/xml.h"
#include "resource/resources.h"

enum { MAX = 32 };

static FILE *file;
static int depth;
static const char *written[4 * MAX]; /* names of types and global elements that are done */
static size_t written_count;

static void line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void line(const char *format, ...)
{
    va_list args;

    fprintf(file, "%*s", 2 * depth, "");
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fputc('\n', file);
}

static void enter(const char *tag)
{
    line("<xs:%s>", tag);
    depth++;
}

static void leave(const char *tag)
{
    depth--;
    line("</xs:%s>", tag);
}

/* 1 at the first call for a name. */
static int is_new(const char *name)
{
    size_t i;

    for (i = 0; i < written_count; i++) {
        if (!strcmp(written[i], name)) {
            return 0;
        }
    }
    if (written_count < sizeof written / sizeof *written) {
        written[written_count++] = name;
    }
    return 1;
}

static const char *type_name(ms_type_t type)
{
    switch (type) {
    case MS_BOOL: return "xs:boolean";
    case MS_INT:  return "xs:long";
    case MS_TIME: return "xs:dateTime";
    case MS_JSON: return "entries";
    default:      return "xs:string";
    }
}

/* ---- answers ---- */

static const char *nillable(unsigned use)
{
    return use & MS_NULL ? " nillable=\"true\"" : "";
}

static const char *optional(unsigned use)
{
    return use & MS_ABSENT ? " minOccurs=\"0\"" : "";
}

static void write_many(const ms_member_t *m, unsigned use)
{
    line("<xs:element name=\"%s\"%s>", m->name, optional(use));
    depth++;
    if (m->shape) {
        enter("complexType");
        enter("sequence");
        line("<xs:element name=\"%s\" type=\"%s\" minOccurs=\"0\" maxOccurs=\"unbounded\"/>", m->shape->element, m->shape->name);
        leave("sequence");
        leave("complexType");
    }
    else {
        line("<xs:complexType/>");
    }
    leave("element");
}

static void write_member(const ms_member_t *m, unsigned use)
{
    if (m->kind == MS_MANY) {
        write_many(m, use);
        return;
    }
    line("<xs:element name=\"%s\" type=\"%s\"%s%s/>", m->name, m->kind == MS_ONE ? m->shape->name : type_name(m->type), nillable(use),
         optional(use));
}

static const ms_member_t *find_member(const ms_shape_t *shape, const char *name)
{
    const ms_member_t *m;

    for (m = shape->members; m && m->name; m++) {
        if (!strcmp(m->name, name)) {
            return m;
        }
    }
    return NULL;
}

typedef struct {
    const ms_member_t *list[MAX];
    size_t count;
} members_t;

static size_t place_of(const members_t *all, const char *name)
{
    size_t i;

    for (i = 0; i < all->count && strcmp(all->list[i]->name, name); i++) {
    }
    return i;
}

/* Add the members of a shape where they are missing, each before the next one of the shape that is there. */
static void merge(members_t *all, const ms_shape_t *shape)
{
    const ms_member_t *m, *next;
    size_t place;

    for (m = shape->members; m && m->name; m++) {
        if (place_of(all, m->name) < all->count || all->count == MAX) {
            continue;
        }
        for (next = m, place = all->count; next->name && place == all->count; next++) {
            place = place_of(all, next->name);
        }
        memmove(all->list + place + 1, all->list + place, (all->count - place) * sizeof *all->list);
        all->list[place] = m;
        all->count++;
    }
}

/* The type of an object that has one of these shapes; they share a resource. */
static void write_object(const ms_shape_t *const *shapes, size_t count)
{
    members_t all = { { NULL }, 0 };
    const ms_field_t *f;
    size_t i, k;

    enter("sequence");
    for (f = shapes[0]->resource ? shapes[0]->resource->fields : NULL; f && f->name; f++) {
        if (f->use & MS_SHOW) {
            line("<xs:element name=\"%s\" type=\"%s\"%s/>", f->name, type_name(f->type), nillable(f->use));
        }
    }
    for (i = 0; i < count; i++) {
        merge(&all, shapes[i]);
    }
    for (i = 0; i < all.count; i++) {
        unsigned use = all.list[i]->use;

        for (k = 0; k < count; k++) {
            use |= find_member(shapes[k], all.list[i]->name) ? 0 : MS_ABSENT;
        }
        write_member(all.list[i], use);
    }
    leave("sequence");
}

static void write_types(const ms_shape_t *shape)
{
    const ms_member_t *m;

    for (m = shape->members; m && m->name; m++) {
        if (m->shape && is_new(m->shape->name)) {
            write_types(m->shape);
            line("<xs:complexType name=\"%s\">", m->shape->name);
            depth++;
            write_object(&m->shape, 1);
            leave("complexType");
        }
    }
}

/* ---- requests ---- */

static void write_rules(const ms_rule_t *rules);

static const char *occurs(const ms_rule_t *rule)
{
    return rule->flags & MS_OPTIONAL ? " minOccurs=\"0\" nillable=\"true\"" : rule->flags & MS_NOT_NULL ? " minOccurs=\"0\"" : "";
}

static const char *rule_type(const ms_rule_t *rule)
{
    switch (rule->check) {
    case MS_CHECK_METADATA:  return "entries";
    case MS_CHECK_EMAIL:
    case MS_CHECK_PASSWORD:
    case MS_CHECK_NOT_EMPTY: return "some_text";
    default:                 return "text";
    }
}

/* Where an id may stand instead of the object, there may be text: XML Schema can't say "either". */
static void write_rule(const ms_rule_t *rule)
{
    if (!rule->nested) {
        line("<xs:element name=\"%s\" type=\"%s\"%s/>", rule->field, rule_type(rule), occurs(rule));
        return;
    }
    line("<xs:element name=\"%s\"%s>", rule->field, occurs(rule));
    depth++;
    line("<xs:complexType%s>", rule->check == MS_CHECK_NESTED_OR_ID ? " mixed=\"true\"" : "");
    depth++;
    write_rules(rule->nested);
    leave("complexType");
    leave("element");
}

static void write_rules(const ms_rule_t *rules)
{
    enter("all");
    for (; rules->field; rules++) {
        write_rule(rules);
    }
    leave("all");
}

static void write_body(const ms_body_t *body)
{
    if (!is_new(body->element)) {
        return;
    }
    line("<xs:element name=\"%s\">", body->element);
    depth++;
    enter("complexType");
    write_rules(body->rules);
    leave("complexType");
    leave("element");
}

/* ---- roots of answers ---- */

static const ms_route_t *next_route(const ms_route_t *route, const ms_route_t *const **table)
{
    if (route) {
        route++;
    }
    else {
        route = **table;
    }
    while (!route->method) {
        if (!*++*table) {
            return NULL;
        }
        route = **table;
    }
    return route;
}

/* The first member of an answer, which is its root; NULL where the answer is an element itself, or nothing. */
static const ms_member_t *root_of(const ms_route_t *route)
{
    const ms_shape_t *shape = route->answer;

    return shape && !shape->element ? shape->members : NULL;
}

/* All shapes that the answers with this root have. */
static size_t shapes_of(const ms_shape_t *found[MAX], const char *root)
{
    const ms_route_t *const *table = ms_routes, *route = NULL;
    size_t count = 0, i;

    while ((route = next_route(route, &table))) {
        const ms_member_t *m = root_of(route);

        if (!m || strcmp(m->name, root) || !m->shape || count == MAX) {
            continue;
        }
        for (i = 0; i < count && found[i] != m->shape; i++) {
        }
        if (i == count) {
            found[count++] = m->shape;
        }
    }
    return count;
}

static void write_attributes(const ms_member_t *m)
{
    for (; m->name; m++) {
        line("<xs:attribute name=\"%s\" type=\"%s\"%s/>", m->name, type_name(m->type), m->use & MS_ABSENT ? "" : " use=\"required\"");
    }
}

static void write_root(const ms_member_t *m)
{
    const ms_shape_t *shapes[MAX];
    size_t count = shapes_of(shapes, m->name);

    if (m->kind == MS_SCALAR) {
        line("<xs:element name=\"%s\" type=\"%s\"/>", m->name, type_name(m->type));
        return;
    }
    line("<xs:element name=\"%s\">", m->name);
    depth++;
    enter("complexType");
    if (m->kind == MS_ONE) {
        write_object(shapes, count);
    }
    else if (m->shape) {
        enter("sequence");
        line("<xs:element name=\"%s\" type=\"%s\" minOccurs=\"0\" maxOccurs=\"unbounded\"/>", m->shape->element, m->shape->name);
        leave("sequence");
    }
    write_attributes(m + 1);
    leave("complexType");
    leave("element");
}

static void write_text(const ms_shape_t *shape)
{
    line("<xs:element name=\"%s\">", shape->element);
    depth++;
    enter("simpleType");
    line("<xs:restriction base=\"xs:string\"><xs:enumeration value=\"%s\"/></xs:restriction>", shape->text);
    leave("simpleType");
    leave("element");
}

static void write_answer(const ms_route_t *route)
{
    const ms_member_t *root = root_of(route);

    if (root && is_new(root->name)) {
        if (root->kind == MS_MANY && root->shape && is_new(root->shape->name)) {
            line("<xs:complexType name=\"%s\">", root->shape->name);
            depth++;
            write_object(&root->shape, 1);
            leave("complexType");
        }
        if (root->shape) {
            const ms_shape_t *shapes[MAX];
            size_t i, count = shapes_of(shapes, root->name);

            for (i = 0; i < count; i++) {
                write_types(shapes[i]);
            }
        }
        write_root(root);
    }
    else if (route->answer && route->answer->text && is_new(route->answer->element)) {
        write_text(route->answer);
    }
}

/* ---- the document ---- */

static const char head[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns=\"" MS_XML_NAMESPACE "\" targetNamespace=\"" MS_XML_NAMESPACE "\""
    " elementFormDefault=\"qualified\">\n"
    "  <xs:annotation>\n"
    "    <xs:documentation xml:lang=\"en\">The XML that mod_medusa_store speaks where MedusaStoreXML is On: what it answers, and what it"
    " accepts.</xs:documentation>\n"
    "  </xs:annotation>\n"
    "  <xs:simpleType name=\"some_text\">\n"
    "    <xs:restriction base=\"xs:string\"><xs:minLength value=\"1\"/></xs:restriction>\n"
    "  </xs:simpleType>\n"
    "  <xs:complexType name=\"entries\">\n"
    "    <xs:sequence>\n"
    "      <xs:element name=\"entry\" type=\"entry\" minOccurs=\"0\" maxOccurs=\"unbounded\"/>\n"
    "    </xs:sequence>\n"
    "  </xs:complexType>\n"
    "  <xs:complexType name=\"entry\" mixed=\"true\">\n"
    "    <xs:sequence>\n"
    "      <xs:element name=\"entry\" type=\"entry\" minOccurs=\"0\" maxOccurs=\"unbounded\"/>\n"
    "    </xs:sequence>\n"
    "    <xs:attribute name=\"key\" type=\"xs:string\"/>\n"
    "    <xs:attribute name=\"type\" type=\"entry_type\" default=\"string\"/>\n"
    "  </xs:complexType>\n";

static void write_constants(void)
{
    const char *const *name;

    fputs(head, file);
    depth = 1;
    enter("simpleType name=\"entry_type\"");
    enter("restriction base=\"xs:string\"");
    for (name = ms_xml_entry_types; *name; name++) {
        line("<xs:enumeration value=\"%s\"/>", *name);
    }
    leave("restriction");
    leave("simpleType");
    enter("simpleType name=\"text\"");
    line("<xs:restriction base=\"xs:string\"><xs:maxLength value=\"%d\"/></xs:restriction>", MS_TEXT_MAX);
    leave("simpleType");
}

int ms_xsd_write(FILE *out)
{
    const ms_route_t *const *table = ms_routes, *route = NULL;

    file = out;
    write_constants();
    while ((route = next_route(route, &table))) {
        write_answer(route);
    }
    line("<xs:element name=\"%s\">", ms_error_answer.element);
    depth++;
    enter("complexType");
    write_object((const ms_shape_t *const[]){ &ms_error_answer }, 1);
    leave("complexType");
    leave("element");
    for (table = ms_routes, route = NULL; (route = next_route(route, &table));) {
        if (route->body) {
            write_body(route->body);
        }
    }
    depth = 0;
    line("</xs:schema>");
    return ferror(out);
}
