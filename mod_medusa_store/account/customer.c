/* customer.c: the rules of changing a customer, beyond writing columns; and what groups they are in.
 *
 * Knows the tables of customers and groups, and sessions. Called by api/ and by httpd/visitor.c. */
#include "account/customer.h"
#include "account/session.h"
#include "core/json.h"
#include "core/time.h"
#include "db/db.h"
#include "resource/resources.h"

#include <string.h>

/* The database takes blanks at the end for nothing. */
ms_rc_t ms_customer_in_group(ms_ctx_t *c, int *member, const char *id, const char *group)
{
    ms_row_t *row;
    ms_rc_t rc = ms_db_find(c, &row, "customer.group", MS_ARGS(group, id));

    *member = rc == MS_OK && row && !strcmp(row->extra, group);
    return rc;
}

ms_rc_t ms_customer_taken(ms_ctx_t *c)
{
    ms_forgive(c);
    return ms_fail(c, MS_DUPLICATE, "A customer with the given email already has an account. Log in instead");
}

ms_rc_t ms_customer_lock(ms_ctx_t *c, json_t **row, const char **hash, const char *id)
{
    ms_row_t *found;
    ms_rc_t rc = ms_db_find(c, &found, "customer.lock", MS_ARGS(id));

    if (rc == MS_OK && !found) {
        rc = ms_fail(c, MS_NOT_FOUND, "Customer with id: %s was not found", id);
    }
    if (rc != MS_OK) {
        return rc;
    }
    if (hash) {
        *hash = found->extra;
    }
    *row = ms_own(c->pool, ms_columns_tree(c->pool, &ms_customer, found->part[0]));
    return *row ? MS_OK : ms_fail(c, MS_UNEXPECTED, NULL);
}

/* NULL when out of memory. */
static json_t *merge(apr_pool_t *pool, json_t *stored, json_t *changes)
{
    json_t *merged = json_is_object(stored) ? ms_copy(pool, stored) : ms_own(pool, json_object()), *value;
    const char *key;

    json_object_foreach(changes, key, value) {
        if (json_is_string(value) && !json_string_length(value)) {
            json_object_del(merged, key);
        }
        else if (json_object_set(merged, key, value)) {
            return NULL;
        }
    }
    return merged;
}

/* Metadata merges; the rest of the body replaces. Metadata of null means no change. */
ms_rc_t ms_customer_edit(ms_ctx_t *c, json_t *row, json_t *body)
{
    json_t *changes = ms_copy(c->pool, body), *metadata = json_object_get(body, "metadata");
    size_t length = 0;

    json_object_del(changes, "metadata");
    if (!changes || !ms_resource_overlay(&ms_customer, row, changes)) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    if (!json_is_object(metadata)) {
        return MS_OK;
    }
    metadata = merge(c->pool, json_object_get(row, "metadata"), metadata);
    if (json_object_set(row, "metadata", metadata) || !ms_json_write(c->pool, metadata, &length)) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    return length <= MS_JSON_MAX ? MS_OK
         : ms_fail(c, MS_INVALID_DATA, "metadata must be shorter than or equal to %d bytes", MS_JSON_MAX);
}

/* Beside e-mails, an address to bill is one customer's only; in data from elsewhere it may be another's. */
static ms_rc_t refuse_duplicate(ms_ctx_t *c, json_t *row)
{
    if (strcmp(c->duplicate_key, "customer_billing_address")) {
        return ms_customer_taken(c);
    }
    ms_forgive(c);
    return ms_fail(c, MS_DUPLICATE, "Customer with billing_address_id %s already exists.",
                   ms_json_text(row, "billing_address_id"));
}

ms_rc_t ms_customer_save(ms_ctx_t *c, json_t *row, json_t *before)
{
    ms_rc_t rc;

    if (json_equal(row, before)) {
        return MS_OK;
    }
    rc = ms_put(c, row, "updated_at", json_string(ms_time_iso(c->pool, c->now)));
    rc = rc == MS_OK ? ms_db_update(c, "customer.save", row) : rc;
    return rc == MS_DUPLICATE ? refuse_duplicate(c, row) : rc;
}

ms_rc_t ms_customer_set_password(ms_ctx_t *c, json_t *row, const char *hash, const char *keep)
{
    const char *id = ms_json_text(row, "id");
    ms_rc_t rc = ms_db_change(c, NULL, "customer.set_password", MS_ARGS(hash, ms_time_sql(c->pool, c->now), id));

    rc = rc == MS_OK ? ms_put(c, row, "updated_at", json_string(ms_time_iso(c->pool, c->now))) : rc;
    return rc == MS_OK ? ms_session_end_others(c, id, keep) : rc;
}
