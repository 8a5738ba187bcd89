/* customers.c: the operations under /customers. */
#include "account/address.h"
#include "account/customer.h"
#include "account/outbox.h"
#include "account/password.h"
#include "account/replay.h"
#include "account/session.h"
#include "api/api.h"
#include "core/id.h"
#include "core/json.h"
#include "core/time.h"
#include "core/validate.h"
#include "db/db.h"
#include "resource/resources.h"

#include <string.h>

/* ---- POST /customers ---- */

/* Only spares the hash: the unique key has the last word. */
static ms_rc_t check_free(ms_ctx_t *c, const char *email)
{
    ms_row_t *row;
    ms_rc_t rc = ms_db_find(c, &row, "customer.account_exists", MS_ARGS(email));

    return rc == MS_OK && row ? ms_customer_taken(c) : rc;
}

/* What the rules let through and the customer has as a column is the customer's. */
static json_t *make_customer(ms_ctx_t *c, const char *hash)
{
    const char *now = ms_time_iso(c->pool, c->now);
    json_t *row = ms_own(c->pool, json_pack("{s:s, s:s, s:s, s:s, s:b}",
        "id", ms_id_make(c->pool, ms_customer.prefix, c->now), "created_at", now, "updated_at", now,
        "password_hash", hash, "has_account", 1));

    return row && ms_resource_overlay(&ms_customer, row, c->body) ? row : NULL;
}

typedef struct {
    json_t *row;
    ms_replay_t first;
} registration_t;

static ms_rc_t save_new(ms_ctx_t *c, void *baton)
{
    registration_t *new = baton;
    json_t *row = new->row, *event = ms_own(c->pool, ms_resource_show(&ms_customer, row));
    ms_rc_t rc = ms_db_insert(c, "customer.create", row);

    if (rc == MS_DUPLICATE) {
        return ms_customer_taken(c);
    }
    if (rc == MS_OK) {
        rc = ms_session_start_first(c, ms_json_text(row, "id"));
    }
    if (rc == MS_OK) {
        rc = ms_outbox_add(c, "customer.created", event);
    }
    if (rc == MS_OK) {
        rc = ms_customer_answer_new(c, row);
    }
    return rc == MS_OK ? ms_replay_save(c, &new->first, ms_json_text(row, "id")) : rc;
}

static ms_rc_t make(ms_ctx_t *c, registration_t *new)
{
    const char *password = ms_body_text(c, "password"), *hash;
    ms_rc_t rc = ms_password_judge(c, password);

    if (rc == MS_OK) {
        rc = check_free(c, ms_body_text(c, "email"));
    }
    if (rc == MS_OK) {
        rc = ms_password_hash(c, &hash, password, strlen(password));
    }
    if (rc != MS_OK) {
        return rc;
    }
    new->row = make_customer(c, hash);
    rc = new->row ? ms_db_transaction(c, save_new, new) : ms_fail(c, MS_UNEXPECTED, NULL);
    if (rc == MS_OK) {
        ms_log(c->log, MS_LINE_SIGNED_IN, ms_json_text(new->row, "id"), "registration");
    }
    return rc;
}

/* The same registration, once more: a session of its own for whoever knows the password, as it is now. */
static ms_rc_t make_again(ms_ctx_t *c, const ms_replay_t *first)
{
    const char *password = ms_body_text(c, "password"), *id = ms_object_text(first->customer, &ms_customer, "id");
    int good = 0;
    ms_rc_t rc = ms_password_check(c, &good, NULL, first->hash, password, strlen(password));

    if (rc == MS_OK) {
        rc = good ? ms_session_start(c, id, first->hash) : ms_fail(c, MS_UNAUTHORIZED, NULL);
    }
    if (rc == MS_OK) {
        ms_log(c->log, MS_LINE_SIGNED_IN, id, "registration, sent again");
    }
    if (rc == MS_UNAUTHORIZED) { /* also where it was changed just now */
        ms_log(c->log, MS_LINE_NOT_LET_IN, "a registration was sent again with another password", id);
        ms_forgive(c);
        return ms_fail(c, MS_KEY_REUSED, NULL);
    }
    return rc != MS_OK || ms_replay_answer(c, first) ? rc : ms_customer_answer(c, first->customer);
}

/* It failed; but was it by its own twin, which was faster? */
static ms_rc_t look_again(ms_ctx_t *c, ms_replay_t *first, ms_rc_t failure)
{
    const char *message = c->message;
    ms_rc_t rc;

    ms_forgive(c);
    rc = ms_replay_find(c, first);
    return rc == MS_OK && !first->customer ? ms_fail(c, failure, "%s", message) : rc;
}

static ms_rc_t create(ms_ctx_t *c)
{
    registration_t new = { NULL };
    ms_rc_t rc = ms_replay_find(c, &new.first);

    if (rc == MS_OK && !new.first.customer) {
        rc = make(c, &new);
        if (c->idempotency_key && (rc == MS_DUPLICATE || rc == MS_CONFLICT)) {
            rc = look_again(c, &new.first, rc);
        }
    }
    return rc == MS_OK && new.first.customer ? make_again(c, &new.first) : rc;
}

/* ---- /customers/me ---- */

typedef struct {
    const char *confirmed; /* hash of the password that was shown, or NULL: none was asked for */
    const char *hash;      /* of the new password, or NULL */
    json_t *row;           /* out: the customer as saved */
    int moved;             /* out: 1: to another e-mail address */
} update_t;

/* Whoever holds a session could else take the account over. An e-mail that stays the same is no change. */
static int must_confirm(const ms_ctx_t *c, const char *email_now)
{
    const char *email = ms_body_text(c, "email");

    return c->asks_password && (ms_body_text(c, "password") || (email && (!email_now || strcmp(email, email_now))));
}

/* The row as it is now, locked: is what was confirmed, or had not to be, still so? */
static int is_confirmed(const ms_ctx_t *c, const update_t *update, const char *hash)
{
    return update->confirmed ? hash && !strcmp(hash, update->confirmed) : !must_confirm(c, ms_json_text(update->row, "email"));
}

static int has_moved(json_t *before, json_t *after)
{
    return !json_equal(json_object_get(before, "email"), json_object_get(after, "email"));
}

/* The event tells the row, and the address that the update made. */
static ms_rc_t tell(ms_ctx_t *c, json_t *row, json_t *created)
{
    json_t *event = ms_own(c->pool, ms_resource_show(&ms_customer, row));

    if (created && ms_put(c, event, "billing_address", ms_resource_show(&ms_address, created)) != MS_OK) {
        return c->rc;
    }
    return ms_outbox_add(c, "customer.updated", event);
}

static ms_rc_t save_update(ms_ctx_t *c, void *baton)
{
    update_t *update = baton;
    json_t *billing = json_object_get(c->body, "billing_address"), *created = NULL, *before;
    const char *hash;
    ms_rc_t rc = ms_customer_lock(c, &update->row, &hash, c->who.id);

    if (rc == MS_OK && !is_confirmed(c, update, hash)) {
        rc = ms_fail(c, MS_CONFLICT, NULL); /* it was changed meanwhile */
    }
    if (rc != MS_OK) {
        return rc;
    }
    before = ms_copy(c->pool, update->row);
    rc = !before ? ms_fail(c, MS_UNEXPECTED, NULL) : ms_customer_edit(c, update->row, c->body);
    if (rc == MS_OK && billing) {
        rc = ms_address_bill(c, &created, update->row, billing);
    }
    if (rc == MS_OK) {
        rc = ms_customer_save(c, update->row, before);
    }
    update->moved = rc == MS_OK && has_moved(before, update->row);
    if (rc == MS_OK && update->hash) {
        rc = ms_customer_set_password(c, update->row, update->hash, c->who.session);
    }
    return rc == MS_OK ? tell(c, update->row, created) : rc;
}

/* Check old_password; *hash: what it fits. */
static ms_rc_t confirm(ms_ctx_t *c, const char **hash)
{
    const char *password = ms_body_text(c, "old_password");
    ms_row_t *row;
    int good = 0;
    ms_rc_t rc;

    if (!password) {
        return ms_fail(c, MS_INVALID_DATA, "old_password should not be empty");
    }
    rc = ms_db_find(c, &row, "customer.account_by_id", MS_ARGS(c->who.id));
    if (rc == MS_OK) {
        rc = ms_password_check(c, &good, NULL, row ? row->extra : NULL, password, strlen(password));
    }
    if (rc == MS_OK && !good) {
        ms_log(c->log, MS_LINE_NOT_LET_IN, "a wrong old_password", c->who.id);
        rc = ms_fail(c, MS_WRONG_PASSWORD, NULL);
    }
    *hash = rc == MS_OK ? row->extra : NULL;
    return rc;
}

static void tell_log(const ms_ctx_t *c, ms_rc_t rc, const update_t *update)
{
    if (rc == MS_OK && update->hash) {
        ms_log(c->log, MS_LINE_NEW_PASSWORD, c->who.id, "a change");
    }
    if (rc == MS_OK && update->moved) {
        ms_log(c->log, MS_LINE_NEW_EMAIL, c->who.id);
    }
}

static ms_rc_t update_me(ms_ctx_t *c)
{
    const char *password = ms_body_text(c, "password");
    update_t update = { NULL, NULL, NULL, 0 };
    ms_rc_t rc = ms_address_check_country(c, json_object_get(c->body, "billing_address"));

    if (rc == MS_OK && password) {
        rc = ms_password_judge(c, password);
    }
    if (rc == MS_OK && must_confirm(c, ms_object_text(c->who.row, &ms_customer, "email"))) {
        rc = confirm(c, &update.confirmed);
    }
    if (rc == MS_OK && password) {
        rc = ms_password_hash(c, &update.hash, password, strlen(password));
    }
    if (rc == MS_OK) {
        rc = ms_db_transaction(c, save_update, &update);
    }
    tell_log(c, rc, &update);
    return rc == MS_OK ? ms_customer_answer(c, ms_object_of_row(c->pool, &ms_customer, update.row)) : rc;
}

/* Every installed payment provider would be asked; there is none yet that keeps methods. */
static ms_rc_t list_payment_methods(ms_ctx_t *c)
{
    return ms_answer(c, "payment_methods", json_array());
}

const ms_route_t ms_customer_routes[] = {
    { "POST", "/customers", MS_ANYONE, create, &ms_customer_create_body, NULL, &ms_customer_profile_answer, 0, MS_MAY(DUPLICATE) | MS_KEYED, MS_TRY_REGISTRATION,
      "PostCustomers", "Register a customer and sign them in" },
    { "GET", "/customers/me", MS_CUSTOMER, ms_customer_answer_me, NULL, NULL, &ms_customer_profile_answer, MS_BOOK, 0, MS_TRY_NONE,
      "GetCustomersCustomer", "Show my account" },
    { "POST", "/customers/me", MS_CUSTOMER, update_me, &ms_customer_update_body, NULL, &ms_customer_profile_answer, 0, MS_MAY(DUPLICATE) | MS_MAY(WRONG_PASSWORD), MS_TRY_CHANGE,
      "PostCustomersCustomer", "Change my account" },
    { "GET", "/customers/me/payment-methods", MS_CUSTOMER, list_payment_methods, NULL, NULL, &ms_payment_methods_answer, 0, 0, MS_TRY_NONE,
      "GetCustomersCustomerPaymentMethods", "List my saved payment methods" },
    { NULL, NULL, MS_ANYONE, NULL, NULL, NULL, NULL, 0, 0, MS_TRY_NONE, NULL, NULL }
};

/* Behind all others: nobody who is signed out learns what there is here and what not. */
const ms_route_t ms_customer_last_routes[] = {
    { "*", "/customers/**", MS_CUSTOMER, NULL, NULL, NULL, NULL, 0, 0, MS_TRY_NONE, NULL, "Anything else here" },
    { NULL, NULL, MS_ANYONE, NULL, NULL, NULL, NULL, 0, 0, MS_TRY_NONE, NULL, NULL }
};
