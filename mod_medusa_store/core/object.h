/* object.h: an object of an answer as texts, for what is read, answered and not changed on the way: rows as they come from the
 * database, and what stands beside them. What the texts mean, the resource and the shape (shape.h) tell. */
#ifndef MS_CORE_OBJECT_H
#define MS_CORE_OBJECT_H

#include <apr_pools.h>

#include "core/shape.h"

struct ms_object_t;

/** What is at a member: by its kind a text (NULL: null), one object (NULL: null), or `count` of them, one behind the other. */
typedef struct ms_slot_t {
    const char *text;
    const struct ms_object_t *objects;
    int count;
} ms_slot_t;

/** The columns of a resource, and the members of a shape. Texts are as in JSON, strings without quotes and escapes: "true", "12",
 *  "2026-11-23T08:43:37.023Z"; NULL is null. */
typedef struct ms_object_t {
    const char *const *columns; /* one for each field of the resource, in its order; NULL where it is not shown. NULL: there are none */
    const ms_slot_t *slots;     /* one for each member, in the shape's order; NULL: there are none */
} ms_object_t;

/** The text of a column, which must be one of the resource's; NULL where it is null. */
const char *ms_object_text(const ms_object_t *object, const ms_resource_t *resource, const char *field);

/** Slots for the members of a shape, all null or empty. */
ms_slot_t *ms_slots_make(apr_pool_t *pool, const ms_shape_t *shape);

/** The slot of a member; NULL where the shape has none of that name. */
ms_slot_t *ms_slots_find(ms_slot_t *slots, const ms_shape_t *shape, const char *member);

/** Write an object as ms_json_write() would write its tree. NULL when out of memory. */
const char *ms_object_write(apr_pool_t *pool, const ms_shape_t *shape, const ms_object_t *object, size_t *length);

/** The same object as a value of jansson's; the caller owns it. NULL when out of memory. */
json_t *ms_object_tree(apr_pool_t *pool, const ms_shape_t *shape, const ms_object_t *object);

/** The columns alone, for who wants to change them; the caller owns the value. NULL when out of memory. */
json_t *ms_columns_tree(apr_pool_t *pool, const ms_resource_t *resource, const ms_object_t *object);

/** And back: an object without members, of a row's shown columns. NULL where a value is not what its column says. */
const ms_object_t *ms_object_of_row(apr_pool_t *pool, const ms_resource_t *resource, const json_t *row);

#endif
