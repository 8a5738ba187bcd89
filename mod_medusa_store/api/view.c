/* view.c: what answers about a customer show beside the row.
 *
 * Knows the relations of a customer; called by customers.c and auth.c. */
#include "api/api.h"
#include "core/json.h"
#include "db/db.h"
#include "resource/resources.h"

#include <string.h>

/* The address book, and the billing address, in one statement; either may hold the other. */
static ms_rc_t load_addresses(ms_ctx_t *c, json_t **all, const json_t *row)
{
    const char *id = ms_json_text(row, "id"), *billing = ms_json_text(row, "billing_address_id");

    return billing ? ms_db_list(c, all, "address.of_customer_and_one", MS_ARGS(id, billing))
                   : ms_db_list(c, all, "address.of_customer", MS_ARGS(id));
}

static json_t *find_by_id(json_t *rows, const char *id)
{
    json_t *row;
    size_t i;

    json_array_foreach(rows, i, row) {
        if (id && !strcmp(id, ms_json_text(row, "id"))) {
            return row;
        }
    }
    return NULL;
}

static json_t *only_of(json_t *addresses, const char *customer_id)
{
    json_t *mine = json_array(), *row;
    size_t i;

    json_array_foreach(addresses, i, row) {
        const char *owner = ms_json_text(row, "customer_id");

        if (owner && !strcmp(owner, customer_id)) {
            json_array_append(mine, row);
        }
    }
    return mine;
}

static ms_rc_t answer(ms_ctx_t *c, json_t *row, ms_view_t view, json_t *addresses)
{
    json_t *shown = ms_resource_show(&ms_customer, row), *billing;
    int failed = 0;

    if (view == MS_VIEW_PROFILE) {
        billing = find_by_id(addresses, ms_json_text(row, "billing_address_id"));
        failed |= json_object_set_new(shown, "billing_address", billing ? json_incref(billing) : json_null());
    }
    else {
        failed |= json_object_set_new(shown, "orders", json_array()); /* there are none before there are carts */
    }
    failed |= json_object_set_new(shown, "shipping_addresses", only_of(addresses, ms_json_text(row, "id")));
    if (failed) {
        json_decref(shown);
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    c->personal = 1;
    return ms_answer(c, ms_customer.name, shown);
}

ms_rc_t ms_customer_answer(ms_ctx_t *c, json_t *row, ms_view_t view)
{
    json_t *addresses;
    ms_rc_t rc = load_addresses(c, &addresses, row);

    return rc == MS_OK ? answer(c, row, view, addresses) : rc;
}

ms_rc_t ms_customer_answer_new(ms_ctx_t *c, json_t *row, ms_view_t view)
{
    return answer(c, row, view, NULL);
}
