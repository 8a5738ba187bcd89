/* addresses.c: the operations under /customers/me/addresses. Each answers with the whole customer. */
#include "account/address.h"
#include "account/customer.h"
#include "account/replay.h"
#include "api/api.h"
#include "core/id.h"
#include "core/time.h"
#include "db/db.h"
#include "resource/resources.h"

/* ---- add ---- */

static ms_rc_t save_new(ms_ctx_t *c)
{
    json_t *body = json_object_get(c->body, "address"), *row;
    ms_slot_t list;
    ms_rc_t rc = ms_db_list(c, &list, "address.of_customer", MS_ARGS(c->who.id));

    return rc != MS_OK || ms_address_is_known(&list, body) ? rc : ms_address_create(c, &row, body, c->who.id);
}

static ms_rc_t answer_all(ms_ctx_t *c)
{
    return ms_customer_answer(c, c->who.row);
}

/* Two equal ones at once must see each other: the customer is locked first. */
static ms_rc_t add_once(ms_ctx_t *c, void *baton)
{
    ms_replay_t *first = baton;
    json_t *customer;
    ms_rc_t rc = ms_customer_lock(c, &customer, NULL, c->who.id);

    if (rc == MS_OK) {
        rc = ms_replay_find(c, first);
    }
    if (rc != MS_OK || first->customer) {
        return rc;
    }
    rc = save_new(c);
    if (rc == MS_OK && c->idempotency_key) {
        rc = answer_all(c);
        rc = rc == MS_OK ? ms_replay_save(c, first, c->who.id) : rc;
    }
    return rc;
}

static ms_rc_t add(ms_ctx_t *c)
{
    ms_replay_t first;
    ms_rc_t rc = ms_address_check_country(c, json_object_get(c->body, "address"));

    if (rc == MS_OK) {
        rc = ms_db_transaction(c, add_once, &first);
    }
    if (rc != MS_OK || (first.customer && ms_replay_answer(c, &first))) {
        return rc;
    }
    return c->object ? MS_OK : answer_all(c);
}

/* ---- change ---- */

static ms_rc_t find_mine(ms_ctx_t *c, json_t **row)
{
    ms_row_t *found = NULL;
    ms_rc_t rc = ms_id_check(c->params[0]) ? ms_db_find(c, &found, "address.lock_mine", MS_ARGS(c->params[0], c->who.id)) : MS_OK;

    if (rc == MS_OK && !found) {
        return ms_fail(c, MS_INVALID_DATA, "Could not find address for customer");
    }
    return rc == MS_OK ? ms_address_row(c, row, found->part[0]) : rc;
}

static ms_rc_t save_change(ms_ctx_t *c, void *baton)
{
    json_t *row = NULL;
    ms_rc_t rc = find_mine(c, &row);

    if (rc == MS_OK) {
        rc = ms_address_check_country(c, c->body);
    }
    return rc == MS_OK ? ms_address_edit(c, row, c->body) : rc;
}

static ms_rc_t change(ms_ctx_t *c)
{
    ms_rc_t rc = ms_db_transaction(c, save_change, NULL);

    return rc == MS_OK ? ms_customer_answer(c, c->who.row) : rc;
}

/* ---- delete ---- */

/* The row stays, for the orders that name it; a customer who was billed there is billed nowhere. */
static ms_rc_t save_delete(ms_ctx_t *c, void *baton)
{
    const char *now = ms_time_sql(c->pool, c->now), *id = c->params[0];
    const ms_object_t **customer = baton;
    json_t *row;
    int deleted = 0;
    ms_rc_t rc = ms_customer_lock(c, &row, NULL, c->who.id);

    if (rc == MS_OK) {
        rc = ms_db_change(c, &deleted, "address.delete_mine", MS_ARGS(now, now, id, c->who.id));
    }
    if (rc == MS_OK && deleted) {
        rc = ms_db_change(c, &deleted, "customer.unbill", MS_ARGS(now, c->who.id, id));
        if (rc == MS_OK && deleted) {
            rc = ms_put(c, row, "billing_address_id", json_null());
            rc = rc == MS_OK ? ms_put(c, row, "updated_at", json_string(ms_time_iso(c->pool, c->now))) : rc;
        }
    }
    if (rc == MS_OK) {
        *customer = ms_object_of_row(c->pool, &ms_customer, row);
    }
    return rc;
}

static ms_rc_t remove_mine(ms_ctx_t *c)
{
    const ms_object_t *customer = c->who.row;
    ms_rc_t rc = ms_id_check(c->params[0]) ? ms_db_transaction(c, save_delete, &customer) : MS_OK;

    return rc == MS_OK ? ms_customer_answer(c, customer) : rc;
}

const ms_route_t ms_address_routes[] = {
    { "POST", "/customers/me/addresses", MS_CUSTOMER, add, &ms_address_add_body, NULL, &ms_customer_profile_answer, 0, MS_KEYED, MS_TRY_NONE,
      "PostCustomersCustomerAddresses", "Add an address to my address book" },
    { "POST", "/customers/me/addresses/{address_id}", MS_CUSTOMER, change, &ms_address_edit_body, NULL, &ms_customer_profile_answer, 0, 0, MS_TRY_NONE,
      "PostCustomersCustomerAddressesAddress", "Change one of my addresses" },
    { "DELETE", "/customers/me/addresses/{address_id}", MS_CUSTOMER, remove_mine, NULL, NULL, &ms_customer_profile_answer, 0, 0, MS_TRY_NONE,
      "DeleteCustomersCustomerAddressesAddress", "Delete one of my addresses" },
    { NULL, NULL, MS_ANYONE, NULL, NULL, NULL, NULL, 0, 0, MS_TRY_NONE, NULL, NULL }
};
