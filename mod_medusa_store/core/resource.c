/* resource.c: questions about the tables of resource/ that need no database.
 *
 * Called by db/ (columns) and api/ (answers). */
#include "core/resource.h"

json_t *ms_resource_show(const ms_resource_t *resource, json_t *row)
{
    json_t *shown = json_object();
    const ms_field_t *f;

    for (f = resource->fields; f->name; f++) {
        json_t *value = json_object_get(row, f->name);

        if (!(f->use & MS_SHOW)) {
            continue;
        }
        if (json_object_set_new_nocheck(shown, f->name, value ? json_incref(value) : json_null())) {
            json_decref(shown);
            return NULL;
        }
    }
    return shown;
}

int ms_resource_overlay(const ms_resource_t *resource, json_t *row, json_t *changes)
{
    const ms_field_t *f;

    for (f = resource->fields; f->name; f++) {
        json_t *value = json_object_get(changes, f->name);

        if ((f->use & MS_EDIT) && value && json_object_set_nocheck(row, f->name, value)) {
            return 0;
        }
    }
    return 1;
}
