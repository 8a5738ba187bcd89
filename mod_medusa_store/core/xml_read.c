/* xml_read.c: from XML to the JSON value that the rules of an operation check.
 *
 * libxml2 parses, and calls us for each element; no tree is made, so that a body costs no more memory than it is long. What a
 * hostile body can do is bounded before: depth, attributes, no document type (and so no entities). Called by httpd/body.c. */
#include "core/xml.h"
#include "core/json.h"
#include "core/text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <string.h>

#define XSI "http://www.w3.org/2001/XMLSchema-instance"
#define BAD "Request body is not valid XML"

static const char no_memory[] = "memory ran out"; /* as a problem of the reader; nobody is told so */

typedef enum {
    FIELDS,  /* an object, held against rules; or text, where it has no children */
    TEXT,    /* text; where it has children, an object that no rule wants */
    ENTRIES, /* an object or array of the shop's own */
    VALUE,   /* an entry that is neither */
    IGNORED  /* below what no rule wants */
} kind_t;

/* An element that is open. */
typedef struct {
    kind_t kind;
    const ms_rule_t *rules; /* of FIELDS */
    const char *name;       /* field or key; NULL: an item of an array */
    const char *type;       /* of an entry */
    json_t *value;          /* object or array being filled; NULL: none yet */
    int entry, nil, children;
} frame_t;

typedef struct {
    ms_ctx_t *c;
    xmlParserCtxtPtr parser;
    const ms_rule_t *rules;
    frame_t frames[MS_XML_DEPTH_MAX];
    int depth;
    char *text; /* of the innermost element, since its last child */
    size_t length;
    json_t *result;
    const char *problem; /* why we stopped */
} reader_t;

void ms_xml_start(void)
{
    xmlInitParser();
}

static void stop(reader_t *r, const char *problem)
{
    if (!r->problem) {
        r->problem = problem;
    }
    xmlStopParser(r->parser);
}

/* ---- before libxml2 sees it ---- */

/* The encoding that the XML declaration names, or NULL. */
static const char *declared_encoding(apr_pool_t *pool, const char *s)
{
    const char *end = strncmp(s, "<?xml", 5) ? NULL : strstr(s, "?>"), *p;

    if (!end || !(p = strstr(s, "encoding")) || p > end) {
        return NULL;
    }
    p += strlen("encoding");
    p += strspn(p, " \t\r\n=");
    if (*p != '"' && *p != '\'') {
        return NULL;
    }
    return apr_pstrmemdup(pool, p + 1, strcspn(p + 1, "\"'?"));
}

/* Values in quotes up to the end of a tag; *s is moved there. */
static int count_attributes(const char **s)
{
    int n = 0;

    for (*s += strcspn(*s, "\"'>"); **s && **s != '>'; *s += strcspn(*s, "\"'>")) {
        const char *close = strchr(*s + 1, **s);

        if (!close) {
            *s += strlen(*s);
            break;
        }
        *s = close + 1;
        n++;
    }
    return n;
}

static const char *behind(const char *s, const char *end)
{
    s = strstr(s, end);
    return s ? s + strlen(end) : "";
}

/* libxml2 compares each attribute of an element with each other one. */
static int has_too_many_attributes(const char *s)
{
    while ((s = strchr(s, '<'))) {
        if (!strncmp(s, "<!--", 4)) {
            s = behind(s + 4, "-->");
        }
        else if (!strncmp(s, "<![CDATA[", 9)) {
            s = behind(s, "]]>");
        }
        else if (s[1] == '?') {
            s = behind(s, "?>");
        }
        else if (count_attributes(&s) > MS_XML_ATTRIBUTES_MAX) {
            return 1;
        }
    }
    return 0;
}

/* ---- values ---- */

static int is_blank(const char *s, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        if (!strchr(" \t\r\n", s[i])) {
            return 0;
        }
    }
    return 1;
}

/* A new value, or memory ran out. */
static json_t *made(reader_t *r, json_t *value)
{
    if (!value) {
        stop(r, no_memory);
    }
    return value;
}

static json_t *text_value(reader_t *r)
{
    return made(r, json_stringn_nocheck(r->text, r->length));
}

/* A number as JSON writes it; NULL: it is none. */
static json_t *number_value(reader_t *r, char *text)
{
    json_t *value;

    if (ms_json_parse(&value, text, strlen(text), 0, 0) == MS_JSON_NO_MEMORY) {
        stop(r, no_memory);
    }
    if (value && !json_is_number(value)) {
        json_decref(value);
        return NULL;
    }
    return value;
}

static char *trimmed(const reader_t *r)
{
    const char *start = r->text, *end = start + r->length;

    while (start < end && is_blank(start, 1)) {
        start++;
    }
    while (start < end && is_blank(end - 1, 1)) {
        end--;
    }
    return apr_pstrmemdup(r->c->pool, start, (apr_size_t)(end - start));
}

/* The value of an entry of that type; NULL: its text is none. */
static json_t *typed_value(reader_t *r, const char *type)
{
    char *text;

    if (!strcmp(type, "string")) {
        return text_value(r);
    }
    text = trimmed(r);
    if (!strcmp(type, "number")) {
        return number_value(r, text);
    }
    if (!strcmp(type, "null")) {
        return *text ? NULL : json_null();
    }
    return !strcmp(text, "true") ? json_true() : !strcmp(text, "false") ? json_false() : NULL;
}

/* ---- elements ---- */

static const ms_rule_t *find_rule(const ms_rule_t *rules, const char *field)
{
    for (; rules->field; rules++) {
        if (!strcmp(rules->field, field)) {
            return rules;
        }
    }
    return NULL;
}

static int is_ours(const xmlChar *uri)
{
    return !uri || !strcmp((const char *)uri, MS_XML_NAMESPACE);
}

/* What the JSON key would be; that of a foreign element can be none of ours. */
static const char *field_name(reader_t *r, const xmlChar *name, const xmlChar *uri)
{
    return is_ours(uri) ? apr_pstrdup(r->c->pool, (const char *)name)
                        : apr_pstrcat(r->c->pool, "{", (const char *)uri, "}", (const char *)name, NULL);
}

/* Five words an attribute: name, prefix, namespace, value and its end. */
static const char *attribute(reader_t *r, const xmlChar **attributes, int n, const char *uri, const char *name)
{
    for (; n > 0; n--, attributes += 5) {
        const char *space = (const char *)attributes[2];

        if (!strcmp((const char *)attributes[0], name) && (uri ? space && !strcmp(space, uri) : !space)) {
            return apr_pstrmemdup(r->c->pool, (const char *)attributes[3], (apr_size_t)(attributes[4] - attributes[3]));
        }
    }
    return NULL;
}

static void begin_field(frame_t *f, const ms_rule_t *rules, const char *name)
{
    const ms_rule_t *rule = find_rule(rules, name);

    f->name = name;
    f->kind = TEXT;
    if (rule && rule->check == MS_CHECK_METADATA) {
        f->kind = ENTRIES;
        f->type = "object";
    }
    else if (rule && rule->nested) {
        f->kind = FIELDS;
        f->rules = rule->nested;
    }
}

static int begin_entry(frame_t *f, const frame_t *parent, const char *name, const char *key, const char *type)
{
    int i;

    for (i = 0; type && ms_xml_entry_types[i] && strcmp(type, ms_xml_entry_types[i]); i++) {
    }
    f->type = type ? ms_xml_entry_types[i] : "string";
    if (strcmp(name, "entry") || !f->type || json_is_object(parent->value) != (key != NULL)) {
        return 0;
    }
    f->name = key;
    f->entry = 1;
    f->kind = !strcmp(f->type, "object") || !strcmp(f->type, "array") ? ENTRIES : VALUE;
    return 1;
}

static json_t *empty_value(const frame_t *f)
{
    return f->type && !strcmp(f->type, "array") ? json_array() : json_object();
}

/* Text beside elements is nothing that JSON has; nor is anything in a value. */
static int may_have_child(const reader_t *r, const frame_t *parent)
{
    return parent->kind == IGNORED || (is_blank(r->text, r->length) && parent->kind != VALUE);
}

static void on_start(void *baton, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_count,
                     const xmlChar **namespaces, int n, int defaulted, const xmlChar **attributes)
{
    reader_t *r = baton;
    frame_t *parent = r->depth ? &r->frames[r->depth - 1] : NULL, *f = &r->frames[r->depth];
    const char *nil;

    if (r->problem) {
        return;
    }
    if (r->depth == MS_XML_DEPTH_MAX) {
        stop(r, apr_psprintf(r->c->pool, "Request body is nested deeper than %d levels", MS_XML_DEPTH_MAX));
        return;
    }
    if (parent ? !may_have_child(r, parent) : !is_ours(uri)) {
        stop(r, parent ? BAD : "Request body is not of the namespace " MS_XML_NAMESPACE);
        return;
    }
    memset(f, 0, sizeof *f);
    if (!parent) {
        f->kind = FIELDS;
        f->rules = r->rules;
    }
    else if (parent->kind == FIELDS) {
        begin_field(f, parent->rules, field_name(r, name, uri));
    }
    else if (parent->kind == ENTRIES) {
        if (!begin_entry(f, parent, field_name(r, name, uri), attribute(r, attributes, n, NULL, "key"), attribute(r, attributes, n, NULL, "type"))) {
            stop(r, "Request body has values that are not of the form <entry key=\"…\" type=\"…\">");
            return;
        }
    }
    else {
        f->kind = IGNORED;
    }
    nil = attribute(r, attributes, n, XSI, "nil");
    f->nil = nil && (!strcmp(nil, "true") || !strcmp(nil, "1"));
    f->value = f->kind == FIELDS || f->kind == ENTRIES ? made(r, empty_value(f)) : NULL;
    if (parent) {
        parent->children = 1;
    }
    r->depth++;
    r->length = 0;
}

/* What the element comes to, as a new reference; NULL: it is malformed. */
static json_t *value_of(reader_t *r, frame_t *f)
{
    int blank = is_blank(r->text, r->length);
    json_t *value = f->value;

    f->value = NULL;
    if (f->nil || f->kind == VALUE || !blank || (f->kind == TEXT && !f->children)) {
        json_decref(value);
        value = NULL;
    }
    if (f->nil) {
        return f->children || !blank ? NULL : json_null();
    }
    if (f->kind == VALUE) {
        return typed_value(r, f->type);
    }
    if (value) {
        return value;
    }
    if (f->children) { /* text beside elements */
        return blank ? made(r, json_object()) : NULL;
    }
    return f->entry ? NULL : text_value(r);
}

/* A second element of a name makes an array of both. 0: out of memory; the reference is taken over in any case. */
static int add_field(json_t *object, const char *name, json_t *value)
{
    json_t *there = json_object_get(object, name);

    if (json_is_array(there)) {
        return !json_array_append_new(there, value);
    }
    return !json_object_set_new(object, name, there ? json_pack("[O, o]", there, value) : value);
}

static int attach(const frame_t *parent, const frame_t *f, json_t *value)
{
    if (parent->kind == FIELDS) {
        return add_field(parent->value, f->name, value);
    }
    return json_is_array(parent->value) ? !json_array_append_new(parent->value, value)
                                        : !json_object_set_new(parent->value, f->name, value);
}

static void on_end(void *baton, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    reader_t *r = baton;
    frame_t *f;
    json_t *value;

    if (r->problem) {
        return;
    }
    f = &r->frames[--r->depth];
    if (f->kind != IGNORED) {
        value = value_of(r, f);
        if (!value || (!r->depth && !json_is_object(value))) {
            json_decref(value);
            stop(r, f->kind == VALUE ? apr_psprintf(r->c->pool, "Request body has an entry that is no %s", f->type) : BAD);
        }
        else if (r->depth && !attach(f - 1, f, value)) {
            stop(r, no_memory);
        }
        else if (r->depth) {
            /* it is where it belongs */
        }
        else {
            r->result = value;
        }
    }
    r->length = 0;
}

/* References only shrink: the text of all elements is shorter than the body. */
static void on_text(void *baton, const xmlChar *text, int length)
{
    reader_t *r = baton;

    if (!r->problem) {
        memcpy(r->text + r->length, text, (size_t)length);
        r->length += (size_t)length;
    }
}

static void on_document_type(void *baton, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
    stop(baton, "Request body must not have a document type");
}

#if LIBXML_VERSION >= 21200
typedef const xmlError *parse_error_t;
#else
typedef xmlErrorPtr parse_error_t;
#endif

static void on_error(void *baton, parse_error_t error)
{
    /* told by the parser's state; nothing goes to standard error */
}

/* ---- together ---- */

static const xmlSAXHandler handler = {
    .initialized = XML_SAX2_MAGIC,
    .internalSubset = on_document_type,
    .startElementNs = on_start,
    .endElementNs = on_end,
    .characters = on_text,
    .cdataBlock = on_text,
    .ignorableWhitespace = on_text,
    .serror = on_error
};

static ms_rc_t judge(reader_t *r, json_t **value)
{
    const xmlParserCtxt *parser = r->parser;

    if (!r->problem && parser->wellFormed && parser->nsWellFormed && r->result) {
        *value = ms_own(r->c->pool, r->result);
        return MS_OK;
    }
    json_decref(r->result);
    while (r->depth) {
        json_decref(r->frames[--r->depth].value);
    }
    if (r->problem == no_memory || parser->errNo == XML_ERR_NO_MEMORY) {
        return ms_fail(r->c, MS_UNEXPECTED, NULL);
    }
    return ms_fail(r->c, MS_INVALID_DATA, "%s", r->problem ? r->problem : BAD);
}

static ms_rc_t parse(ms_ctx_t *c, json_t **value, const char *text, size_t length, const ms_rule_t *rules)
{
    static const ms_rule_t none[] = { MS_RULES_END };
    reader_t *r = apr_pcalloc(c->pool, sizeof *r);
    ms_rc_t rc;

    r->c = c;
    r->rules = rules ? rules : none;
    r->text = apr_palloc(c->pool, length + 1);
    r->parser = xmlCreateMemoryParserCtxt(text, (int)length);
    if (!r->parser) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    *r->parser->sax = handler;
    r->parser->userData = r;
    /* NOENT: else &amp; in an attribute would come as &#38;. There is nothing else to replace, without a document type. */
    xmlCtxtUseOptions(r->parser, XML_PARSE_NONET | XML_PARSE_IGNORE_ENC | XML_PARSE_NOENT);
    xmlParseDocument(r->parser);
    rc = judge(r, value);
    xmlFreeParserCtxt(r->parser);
    return rc;
}

ms_rc_t ms_xml_read(ms_ctx_t *c, json_t **value, const char *text, size_t length, const ms_rule_t *rules)
{
    const char *encoding;

    *value = NULL;
    if (length >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3)) {
        text += 3;
        length -= 3;
    }
    if (!ms_utf8_valid(text, length)) {
        return ms_fail(c, MS_INVALID_DATA, "Request body is not valid UTF-8");
    }
    if (!length || memchr(text, '\0', length)) {
        return ms_fail(c, MS_INVALID_DATA, BAD);
    }
    encoding = declared_encoding(c->pool, text);
    if (encoding && strcasecmp(encoding, "utf-8") && strcasecmp(encoding, "us-ascii")) {
        return ms_fail(c, MS_UNSUPPORTED, "unsupported charset \"%s\"", encoding);
    }
    if (has_too_many_attributes(text)) {
        return ms_fail(c, MS_INVALID_DATA, "Request body has an element with more than %d attributes", MS_XML_ATTRIBUTES_MAX);
    }
    return parse(c, value, text, length, rules);
}
