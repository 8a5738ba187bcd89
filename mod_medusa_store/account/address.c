/* address.c: what makes an address the customer's own, one of the known, or the one to bill.
 *
 * Knows the tables address and country. Called by api/. */
#include "account/address.h"
#include "core/id.h"
#include "core/json.h"
#include "core/text.h"
#include "core/time.h"
#include "db/db.h"
#include "resource/resources.h"

#include <string.h>

static int same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

/* Codes are two letters: anything else would only trouble the database. */
static ms_rc_t find_country(ms_ctx_t *c, ms_row_t **row, const char *code)
{
    *row = NULL;
    return strlen(code) == 2 && ms_id_check(code) ? ms_db_find(c, row, "country.exists", MS_ARGS(code)) : MS_OK;
}

ms_rc_t ms_address_check_country(ms_ctx_t *c, json_t *address)
{
    json_t *value = json_object_get(address, "country_code");
    const char *code;
    ms_row_t *row;
    ms_rc_t rc;

    if (!json_is_string(value)) {
        json_object_del(address, "country_code");
        return MS_OK;
    }
    code = ms_text_lower(c->pool, json_string_value(value));
    if (!code || json_string_set(value, code)) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    rc = find_country(c, &row, code);
    return rc == MS_OK && !row ? ms_fail(c, MS_NOT_FOUND, "Country with country_code %s does not exist.", code) : rc;
}

ms_rc_t ms_address_create(ms_ctx_t *c, json_t **row, json_t *body, const char *customer_id)
{
    const char *now = ms_time_iso(c->pool, c->now);

    *row = ms_own(c->pool, json_pack("{s:s, s:s, s:s, s:s?}", "id", ms_id_make(c->pool, ms_address.prefix, c->now),
                                     "created_at", now, "updated_at", now, "customer_id", customer_id));
    if (!*row || !ms_resource_overlay(&ms_address, *row, body)) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    return ms_db_insert(c, "address.create", *row);
}

ms_rc_t ms_address_edit(ms_ctx_t *c, json_t *row, json_t *body)
{
    json_t *before = ms_copy(c->pool, row);
    ms_rc_t rc;

    if (!before || !ms_resource_overlay(&ms_address, row, body)) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    if (json_equal(before, row)) {
        return MS_OK;
    }
    rc = ms_put(c, row, "updated_at", json_string(ms_time_iso(c->pool, c->now)));
    return rc == MS_OK ? ms_db_update(c, "address.save", row) : rc;
}

static int is_same(const ms_object_t *row, const json_t *body)
{
    static const char *const counts[] = {
        "country_code", "address_1", "address_2", "city", "phone", "postal_code", "province", "first_name", "last_name", NULL
    };
    int i;

    for (i = 0; counts[i]; i++) {
        if (!same_text(ms_object_text(row, &ms_address, counts[i]), ms_json_text(body, counts[i]))) {
            return 0;
        }
    }
    return 1;
}

int ms_address_is_known(const ms_slot_t *list, json_t *body)
{
    int i;

    for (i = 0; i < list->count; i++) {
        if (is_same(&list->objects[i], body)) {
            return 1;
        }
    }
    return 0;
}

ms_rc_t ms_address_row(ms_ctx_t *c, json_t **row, const ms_object_t *address)
{
    *row = ms_own(c->pool, ms_columns_tree(c->pool, &ms_address, address));
    return *row ? MS_OK : ms_fail(c, MS_UNEXPECTED, NULL);
}

/* ---- the billing address ---- */

static ms_rc_t lock(ms_ctx_t *c, json_t **row, const char *id)
{
    ms_row_t *found = NULL;
    ms_rc_t rc = ms_id_check(id) ? ms_db_find(c, &found, "address.lock", MS_ARGS(id)) : MS_OK;

    *row = NULL;
    return rc == MS_OK && found ? ms_address_row(c, row, found->part[0]) : rc;
}

/* By id: one of the address book, or the one that is billed already. Other people's addresses are not there. */
static ms_rc_t bill_existing(ms_ctx_t *c, json_t *customer, const char *id)
{
    json_t *row;
    ms_rc_t rc = lock(c, &row, id);

    if (rc != MS_OK) {
        return rc;
    }
    if (!row || (!same_text(ms_json_text(row, "customer_id"), ms_json_text(customer, "id"))
                 && !same_text(id, ms_json_text(customer, "billing_address_id")))) {
        return ms_fail(c, MS_NOT_FOUND, "Address with id %s was not found", id);
    }
    return ms_put(c, customer, "billing_address_id", json_string(id));
}

/* By value: the present one is changed in place, else one is made. */
static ms_rc_t bill_value(ms_ctx_t *c, json_t **created, json_t *customer, json_t *value)
{
    const char *id = ms_json_text(customer, "billing_address_id");
    json_t *row = NULL;
    ms_rc_t rc = id ? lock(c, &row, id) : MS_OK;

    if (rc == MS_OK && row) {
        return ms_address_edit(c, row, value);
    }
    if (rc == MS_OK) {
        rc = ms_address_create(c, created, value, NULL);
    }
    if (rc == MS_OK) {
        rc = ms_put(c, customer, "billing_address_id", json_incref(json_object_get(*created, "id")));
    }
    return rc;
}

ms_rc_t ms_address_bill(ms_ctx_t *c, json_t **created, json_t *customer, json_t *value)
{
    *created = NULL;
    if (json_is_string(value)) {
        return bill_existing(c, customer, json_string_value(value));
    }
    if (json_is_object(value)) {
        return bill_value(c, created, customer, value);
    }
    return ms_put(c, customer, "billing_address_id", json_null());
}
