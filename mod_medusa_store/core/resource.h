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
    MS_SHOW = 1 << 0,  /* selected and answered */
    MS_HIDDEN = 1 << 1 /* stored, never selected with the row, never answered */
};

typedef struct {
    const char *name; /* JSON key and column */
    ms_type_t type;
    unsigned use;     /* MS_SHOW or MS_HIDDEN */
    const char *doc;
} ms_field_t;

typedef struct ms_resource_t {
    const char *name;         /* table; also the key of an answer: {"customer": …} */
    const char *prefix;       /* of its ids: "cus" */
    const ms_field_t *fields; /* in the order of the answer; ends with a NULL name */
} ms_resource_t;

/** What a field of a body must be; the message of each is in validate.c. */
typedef enum {
    MS_CHECK_STRING,    /* at most MS_TEXT_MAX characters */
    MS_CHECK_EMAIL,     /* the e-mail rule; lower-cased in place */
    MS_CHECK_PASSWORD,  /* a string, not empty; of any length */
    MS_CHECK_NOT_EMPTY, /* any value but absent, null and "" */
    MS_CHECK_OBJECT     /* a JSON object */
} ms_check_t;

enum { MS_REQUIRED = 0, MS_OPTIONAL = 1 << 0 /* absent and null pass unchecked */ };
enum { MS_TEXT_MAX = 16383 }; /* characters: the most that always fits a TEXT column */

/** One field that an operation accepts, in the order of its messages. */
typedef struct ms_rule_t {
    const char *field; /* NULL ends the list */
    ms_check_t check;
    unsigned flags;
    const char *doc;
} ms_rule_t;

/** The object that holds only the fields of `row` that are shown, in the resource's order; a missing one is null.
 *  The caller owns the reference; NULL when out of memory. */
json_t *ms_resource_show(const ms_resource_t *resource, json_t *row);

/** The field of that name, or NULL. */
const ms_field_t *ms_field_find(const ms_resource_t *resource, const char *name);

#endif
