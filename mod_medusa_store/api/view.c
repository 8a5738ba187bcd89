/* view.c: what answers about a customer show beside the row: whatever of it the route's shape names.
 *
 * Knows the relations of a customer; called by the actions that answer with one. */
#include "api/api.h"
#include "core/answer.h"
#include "db/db.h"
#include "resource/resources.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const ms_object_t *customer, const char *field)
{
    return ms_object_text(customer, &ms_customer, field);
}

/* The address book, and the billing address, in one statement; either may hold the other. In no order. */
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

/* Oldest first. The texts of times and ids are in the order of what they say. */
static int by_age(const void *a, const void *b)
{
    int order = strcmp(ms_object_text(a, &ms_address, "created_at"), ms_object_text(b, &ms_address, "created_at"));

    return order ? order : strcmp(ms_object_text(a, &ms_address, "id"), ms_object_text(b, &ms_address, "id"));
}

static ms_slot_t book_of(ms_ctx_t *c, const ms_slot_t *addresses, const char *customer_id)
{
    ms_object_t *mine = apr_palloc(c->pool, sizeof *mine * (size_t)(addresses->count + 1));
    ms_slot_t only = { NULL, mine, 0 };
    int i;

    for (i = 0; i < addresses->count; i++) {
        if (has(&addresses->objects[i], "customer_id", customer_id)) {
            mine[only.count++] = addresses->objects[i];
        }
    }
    qsort(mine, (size_t)only.count, sizeof *mine, by_age);
    return only;
}

/* It need not be in the address book; `book_alone`: that is all that was loaded. */
static ms_rc_t find_billing(ms_ctx_t *c, const ms_object_t **found, const ms_slot_t *addresses, int book_alone, const char *id)
{
    ms_row_t *row = NULL;
    ms_rc_t rc = MS_OK;

    *found = find_by_id(addresses, id);
    if (!*found && id && book_alone) {
        rc = ms_db_find(c, &row, "address.by_id", MS_ARGS(id));
        *found = row ? row->part[0] : NULL;
    }
    return rc;
}

/* Orders stay as they are made, empty: there are none before there are carts. */
static ms_rc_t answer(ms_ctx_t *c, const ms_object_t *row, const ms_slot_t *addresses, int book_alone)
{
    const ms_shape_t *shape = c->route->answer->members[0].shape;
    ms_slot_t *slots = ms_slots_make(c->pool, shape);
    ms_slot_t *billing = ms_slots_find(slots, shape, "billing_address"), *shipping = ms_slots_find(slots, shape, "shipping_addresses");
    ms_object_t *shown = apr_palloc(c->pool, sizeof *shown);
    ms_rc_t rc = billing ? find_billing(c, &billing->objects, addresses, book_alone, text_of(row, "billing_address_id")) : MS_OK;

    if (rc != MS_OK) {
        return rc;
    }
    if (shipping) {
        *shipping = book_of(c, addresses, text_of(row, "id"));
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

    return rc == MS_OK ? answer(c, row, &addresses, 0) : rc;
}

ms_rc_t ms_customer_answer_me(ms_ctx_t *c)
{
    return c->who.row && c->who.book ? answer(c, c->who.row, c->who.book, 1) : ms_customer_answer(c, c->who.row);
}

ms_rc_t ms_customer_answer_new(ms_ctx_t *c, const json_t *row)
{
    const ms_object_t *object = ms_object_of_row(c->pool, &ms_customer, row);
    ms_slot_t none = { NULL, NULL, 0 };

    return object ? answer(c, object, &none, 0) : ms_fail(c, MS_UNEXPECTED, NULL);
}
