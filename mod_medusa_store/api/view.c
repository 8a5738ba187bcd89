/* view.c: what answers about a customer show beside the row: whatever of it the route's shape names.
 *
 * Knows the relations of a customer; called by the actions that answer with one. */
#include "api/api.h"
#include "core/answer.h"
#include "db/db.h"
#include "resource/resources.h"

#include <apr_strings.h>
#include <string.h>

static const char *text_of(const ms_object_t *customer, const char *field)
{
    return ms_object_text(customer, &ms_customer, field);
}

/* The address book, and the billing address, in one statement; either may hold the other. */
static ms_rc_t load_addresses(ms_ctx_t *c, ms_slot_t *all, const ms_object_t *row)
{
    const char *id = text_of(row, "id"), *billing = text_of(row, "billing_address_id");

    return billing ? ms_db_list(c, all, "address.of_customer_and_one", MS_ARGS(id, billing))
                   : ms_db_list(c, all, "address.of_customer", MS_ARGS(id));
}

static int has(const ms_object_t *address, const char *field, const char *value)
{
    const char *text = ms_object_text(address, &ms_address, field);

    return text && value && !strcmp(text, value);
}

static const ms_object_t *find_by_id(const ms_slot_t *addresses, const char *id)
{
    int i;

    for (i = 0; i < addresses->count; i++) {
        if (has(&addresses->objects[i], "id", id)) {
            return &addresses->objects[i];
        }
    }
    return NULL;
}

static ms_slot_t only_of(ms_ctx_t *c, const ms_slot_t *addresses, const char *customer_id)
{
    ms_object_t *mine = apr_palloc(c->pool, sizeof *mine * (size_t)(addresses->count + 1));
    ms_slot_t only = { NULL, mine, 0 };
    int i;

    for (i = 0; i < addresses->count; i++) {
        if (has(&addresses->objects[i], "customer_id", customer_id)) {
            mine[only.count++] = addresses->objects[i];
        }
    }
    return only;
}

/* Orders stay as they are made, empty: there are none before there are carts. */
static ms_rc_t answer(ms_ctx_t *c, const ms_object_t *row, const ms_slot_t *addresses)
{
    const ms_shape_t *shape = c->route->answer->members[0].shape;
    ms_slot_t *slots = ms_slots_make(c->pool, shape);
    ms_slot_t *billing = ms_slots_find(slots, shape, "billing_address"), *shipping = ms_slots_find(slots, shape, "shipping_addresses");
    ms_object_t *shown = apr_palloc(c->pool, sizeof *shown);

    if (billing) {
        billing->objects = find_by_id(addresses, text_of(row, "billing_address_id"));
    }
    if (shipping) {
        *shipping = only_of(c, addresses, text_of(row, "id"));
    }
    shown->columns = row->columns;
    shown->slots = slots;
    c->personal = 1;
    return ms_answer_object(c, shown);
}

ms_rc_t ms_customer_answer(ms_ctx_t *c, const ms_object_t *row)
{
    ms_slot_t addresses;
    ms_rc_t rc = row ? load_addresses(c, &addresses, row) : ms_fail(c, MS_UNEXPECTED, NULL);

    return rc == MS_OK ? answer(c, row, &addresses) : rc;
}

ms_rc_t ms_customer_answer_new(ms_ctx_t *c, const json_t *row)
{
    const ms_object_t *object = ms_object_of_row(c->pool, &ms_customer, row);
    ms_slot_t none = { NULL, NULL, 0 };

    return object ? answer(c, object, &none) : ms_fail(c, MS_UNEXPECTED, NULL);
}
