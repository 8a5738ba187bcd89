/* resource.h: what an entity is made of. Data only; the engines in core/ and db/ read it.
 *
 * A resource names its columns (ms_field_t); a body names what an operation accepts (ms_rule_t). Both stand in one
 * resource/ file per entity. */
#ifndef MS_CORE_RESOURCE_H
#define MS_CORE_RESOURCE_H

#include <jansson.h>

/** How a column is stored and shown. */
typedef enum {
    MS_ID,     /* prefix_ULID, ascii */
    MS_TEXT,   /* UTF-8 text */
    MS_BOOL,   /* 0 or 1; true or false in JSON */
    MS_INT,    /* 64-bit integer */
    MS_TIME,   /* DATETIME(3) in UTC; "2026-11-23T08:43:37.023Z" in JSON */
    MS_JSON,   /* JSON text; a JSON value in JSON */
    MS_DIGEST  /* BINARY(32); 64 hex digits in memory */
} ms_type_t;

enum {
    MS_SHOW = 1 << 0,   /* selected and answered */
    MS_HIDDEN = 1 << 1, /* stored, never selected with the row, never answered */
    MS_EDIT = 1 << 2,   /* written by an MS_UPDATE statement */
    MS_NULL = 1 << 3,   /* may be null; all other columns never are */
    MS_ABSENT = 1 << 4  /* of a member (shape.h): may be left out */
};

typedef struct {
    const char *name; /* JSON key and column */
    ms_type_t type;
    unsigned use;     /* MS_SHOW or MS_HIDDEN, MS_EDIT, MS_NULL */
    const char *doc;
} ms_field_t;

typedef struct ms_resource_t {
    const char *name;         /* table; also the key of an answer: {"customer": …} */
    const char *prefix;       /* of its ids: "cus" */
    const ms_field_t *fields; /* in the order of the answer; ends with a NULL name */
} ms_resource_t;

/** What a field of a body or query must be; the message of each is in validate.c. */
typedef enum {
    MS_CHECK_STRING,       /* at most MS_TEXT_MAX characters */
    MS_CHECK_EMAIL,        /* the e-mail rule; lower-cased in place */
    MS_CHECK_PASSWORD,     /* a string, not empty; of any length */
    MS_CHECK_NOT_EMPTY,    /* any value but absent, null and "" */
    MS_CHECK_METADATA,     /* a JSON object of at most MS_JSON_MAX bytes, without null characters */
    MS_CHECK_NESTED,       /* an object, held against `nested` */
    MS_CHECK_NESTED_OR_ID, /* the same, or a string */
    MS_CHECK_NUMBER,       /* a number of a query: no fraction, from 0 to 2^63 - 1; made an integer in place */
    MS_CHECK_ONE_OF,       /* of a query: one or more of `values`; made an array in place */
    MS_CHECK_DATE          /* of a query: ISO 8601, or seconds since 1970; made an ISO 8601 time in place */
} ms_check_t;

enum {
    MS_REQUIRED = 0,
    MS_OPTIONAL = 1 << 0, /* absent and null pass unchecked */
    MS_NOT_NULL = 1 << 1, /* absent passes unchecked, null does not */
    MS_CONFIRMS = 1 << 2  /* known only where c->asks_password */
};
enum {
    MS_TEXT_MAX = 16383, /* characters: the most that always fits a TEXT column */
    MS_JSON_MAX = 65535  /* bytes of a JSON column */
};

/** One field that an operation accepts, in the order of its messages. */
typedef struct ms_rule_t {
    const char *field; /* NULL ends the list */
    ms_check_t check;
    unsigned flags;
    const char *doc;
    const struct ms_rule_t *nested; /* rules of the object; NULL unless MS_CHECK_NESTED or MS_CHECK_NESTED_OR_ID */
    const char *const *values;      /* ends with NULL; NULL unless MS_CHECK_ONE_OF */
    const char *type;               /* what messages and documents call the nested object */
} ms_rule_t;

#define MS_RULE(field, check, flags, doc) { field, check, flags, doc, NULL, NULL, NULL }
#define MS_RULE_NESTED(field, check, flags, doc, rules, type) { field, check, flags, doc, rules, NULL, type }
#define MS_RULE_ONE_OF(field, flags, doc, values) { field, MS_CHECK_ONE_OF, flags, doc, NULL, values, NULL }
#define MS_RULES_END { NULL, MS_CHECK_STRING, 0, NULL, NULL, NULL, NULL }

/** What an operation accepts. */
typedef struct ms_body_t {
    const char *name;    /* of its schema */
    const char *element; /* what the XML schema calls its root element */
    const ms_rule_t *rules;
} ms_body_t;

/** The object that holds only the fields of `row` that are shown, in the resource's order; a missing one is null.
 *  The caller owns the reference; NULL when out of memory. */
json_t *ms_resource_show(const ms_resource_t *resource, json_t *row);

/** Put what `changes` has of the editable fields over those of a row; null counts as a value. 0 when out of memory. */
int ms_resource_overlay(const ms_resource_t *resource, json_t *row, json_t *changes);

#endif
