/* shape.h: what an operation answers. Data only; the writers of JSON and XML and the generators of doc/ read it.
 *
 * A resource names the columns of a row; a shape names what stands beside them in an answer, and which of them are objects
 * themselves. Answers that are no rows are built by api/ and only have to agree: tests hold every answer against
 * its shape. */
#ifndef MS_CORE_SHAPE_H
#define MS_CORE_SHAPE_H

#include "core/resource.h"

struct ms_shape_t;

typedef enum {
    MS_SCALAR, /* a value of the member's type */
    MS_ONE,    /* an object of the member's shape */
    MS_MANY    /* an array of such */
} ms_member_kind_t;

typedef struct ms_member_t {
    const char *name; /* JSON key; NULL ends the list */
    ms_member_kind_t kind;
    ms_type_t type;                 /* of MS_SCALAR */
    unsigned use;                   /* MS_NULL, MS_ABSENT */
    const struct ms_shape_t *shape; /* of MS_ONE and MS_MANY; NULL: an array that is empty, because there are none yet */
    const char *doc;
} ms_member_t;

#define MS_MEMBER(name, type, use, doc) { name, MS_SCALAR, type, use, NULL, doc }
#define MS_MEMBER_ONE(name, shape, use, doc) { name, MS_ONE, MS_ID, use, shape, doc }
#define MS_MEMBER_MANY(name, shape, doc) { name, MS_MANY, MS_ID, 0, shape, doc }
#define MS_MEMBERS_END { NULL, MS_SCALAR, MS_ID, 0, NULL, NULL }

/** An object: the shown columns of a resource, then the members. Or a plain text; or, with neither, no body at all (204). */
typedef struct ms_shape_t {
    const char *name;              /* of its schema */
    const char *element;           /* of its XML element; NULL: the first member is the element, scalars beside it are its attributes */
    const ms_resource_t *resource; /* NULL: no columns */
    const ms_member_t *members;    /* NULL: none */
    const char *text;              /* NULL: no plain text */
    const char *doc;
} ms_shape_t;

#endif
