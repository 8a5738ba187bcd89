/* orders.c: the customer's orders. There are none before there are carts; what may be asked is judged all the same. */
#include "api/api.h"
#include "core/query.h"
#include "core/validate.h"
#include "resource/resources.h"

enum { LIMIT = 10 };

static json_int_t number_of(const json_t *query, const char *key, json_int_t unset)
{
    const json_t *value = json_object_get(query, key);

    return value ? json_integer_value(value) : unset;
}

static const char *text_of(const json_t *query, const char *key)
{
    return json_string_value(json_object_get(query, key));
}

static ms_rc_t list_mine(ms_ctx_t *c)
{
    ms_select_t select;
    json_t *query;
    ms_rc_t rc = ms_query_parse(c, &query, c->query);

    if (rc == MS_OK) {
        rc = ms_validate_query(c, ms_order_list_query, query);
    }
    if (rc == MS_OK) {
        rc = ms_select_read(c, &select, &ms_order_select, text_of(query, "fields"), text_of(query, "expand"));
    }
    return rc == MS_OK ? ms_answer_list(c, "orders", json_array(), 0, number_of(query, "offset", 0), number_of(query, "limit", LIMIT)) : rc;
}

const ms_route_t ms_order_routes[] = {
    { "GET", "/customers/me/orders", MS_CUSTOMER, list_mine, NULL, "List my orders" },
    { NULL, NULL, MS_ANYONE, NULL, NULL, NULL }
};
