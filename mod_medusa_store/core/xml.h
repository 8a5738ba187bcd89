/* xml.h: XML in and out, on libxml2: a second representation of what the tables describe.
 *
 * An object is an element with a child for each key, in the order of the table; null is xsi:nil="true"; an array is an element
 * that holds one element for each item, named by the item's shape; values of the shop's own (metadata) are
 * <entry key="…" type="string|number|boolean|null|object|array">. doc/store.xsd says it in full. */
#ifndef MS_CORE_XML_H
#define MS_CORE_XML_H

#include "core/ctx.h"
#include "core/shape.h"

#define MS_XML_NAMESPACE "urn:medusa-store:v1"

enum { MS_XML_DEPTH_MAX = 64, MS_XML_ATTRIBUTES_MAX = 32 };

/** What `type` of an entry can be; ends with NULL. */
extern const char *const ms_xml_entry_types[];

/** Make libxml2 ready for threads; once, before there are any. */
void ms_xml_start(void);

/** Read a request body into the object that `rules` (NULL: none) then check; `text` is `length` bytes with a NUL behind.
 *  Elements are taken in our namespace or in none, the root's name as it comes; unknown elements become unknown fields, repeated
 *  ones an array, attributes but xsi:nil and those of entries are ignored. The value is tied to c->pool.
 *  MS_INVALID_DATA: not well-formed, not UTF-8, a document type, deeper than MS_XML_DEPTH_MAX, more than MS_XML_ATTRIBUTES_MAX
 *  attributes. MS_UNSUPPORTED: another encoding is declared. No entity but the five of XML, no file and no network is ever read. */
ms_rc_t ms_xml_read(ms_ctx_t *c, json_t **value, const char *text, size_t length, const ms_rule_t *rules);

/** Write an answer of that shape (`value` is not looked at where the shape is a text), as a document with a NUL behind; *length its
 *  bytes without that. Characters that XML can't carry become U+FFFD. NULL when out of memory, or where a value is nested deeper
 *  than 128. */
const char *ms_xml_write(apr_pool_t *pool, const ms_shape_t *shape, json_t *value, size_t *length);

#endif
