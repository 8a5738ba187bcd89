/* orders.c: the customer's orders. There are none before there are carts; what may be asked is judged all the same. */
#include "api/api.h"
#include "core/json.h"
#include "core/query.h"
#include "resource/resources.h"

enum { LIMIT = 10 };

static json_int_t number_of(const json_t *query, const char *key, json_int_t unset)
{
    const json_t *value = json_object_get(query, key);

    return value ? json_integer_value(value) : unset;
}

static ms_rc_t list_mine(ms_ctx_t *c)
{
    const json_t *asked = c->asked;
    ms_select_t select;
    ms_rc_t rc = ms_select_read(c, &select, &ms_order_select, ms_json_text(asked, "fields"), ms_json_text(asked, "expand"));

    return rc == MS_OK ? ms_answer_list(c, "orders", json_array(), 0, number_of(asked, "offset", 0), number_of(asked, "limit", LIMIT)) : rc;
}

const ms_route_t ms_order_routes[] = {
    { "GET", "/customers/me/orders", MS_CUSTOMER, list_mine, NULL, ms_order_list_query, &ms_order_list_answer, 0, 0, MS_TRY_NONE,
      "GetCustomersCustomerOrders", "List my orders" },
    { NULL, NULL, MS_ANYONE, NULL, NULL, NULL, NULL, 0, 0, MS_TRY_NONE, NULL, NULL }
};
