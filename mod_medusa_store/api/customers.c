/* customers.c: the operations under /customers. */
#include "account/outbox.h"
#include "account/password.h"
#include "account/session.h"
#include "api/api.h"
#include "core/id.h"
#include "core/time.h"
#include "core/validate.h"
#include "db/db.h"
#include "resource/resources.h"

#include <string.h>

static ms_rc_t taken(ms_ctx_t *c)
{
    ms_forgive(c);
    return ms_fail(c, MS_DUPLICATE, "A customer with the given email already has an account. Log in instead");
}

/* Only spares the hash: the unique key has the last word. */
static ms_rc_t check_free(ms_ctx_t *c, const char *email)
{
    ms_row_t *row;
    ms_rc_t rc = ms_db_find(c, &row, "customer.account_exists", MS_ARGS(email));

    return rc == MS_OK && row ? taken(c) : rc;
}

static json_t *make_customer(ms_ctx_t *c, const char *hash)
{
    const char *now = ms_time_iso(c->pool, c->now);

    return ms_own(c->pool, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:O?, s:b}",
        "id", ms_id_make(c->pool, ms_customer.prefix, c->now), "created_at", now, "updated_at", now,
        "email", ms_body_text(c, "email"), "first_name", ms_body_text(c, "first_name"),
        "last_name", ms_body_text(c, "last_name"), "password_hash", hash,
        "phone", json_object_get(c->body, "phone"), "has_account", 1));
}

static ms_rc_t save_new(ms_ctx_t *c, void *baton)
{
    json_t *row = baton, *event = ms_own(c->pool, ms_resource_show(&ms_customer, row));
    ms_rc_t rc = ms_db_insert(c, "customer.create", row);

    if (rc == MS_DUPLICATE) {
        return taken(c);
    }
    if (rc == MS_OK) {
        rc = ms_session_start(c, json_string_value(json_object_get(row, "id")));
    }
    return rc == MS_OK ? ms_outbox_add(c, "customer.created", event) : rc;
}

static ms_rc_t create(ms_ctx_t *c)
{
    const char *password = ms_body_text(c, "password"), *hash;
    ms_rc_t rc = check_free(c, ms_body_text(c, "email"));
    json_t *row;

    if (rc == MS_OK) {
        rc = ms_password_hash(c, &hash, password, strlen(password));
    }
    if (rc != MS_OK) {
        return rc;
    }
    row = make_customer(c, hash);
    rc = row ? ms_db_transaction(c, save_new, row) : ms_fail(c, MS_UNEXPECTED, NULL);
    return rc == MS_OK ? ms_customer_answer_new(c, row, MS_VIEW_PROFILE) : rc;
}

static ms_rc_t show_me(ms_ctx_t *c)
{
    return ms_customer_answer(c, c->who.row, MS_VIEW_PROFILE);
}

const ms_route_t ms_customer_routes[] = {
    { "POST", "/customers",    MS_ANYONE,   create,  ms_customer_create_body, "Register a customer and sign them in" },
    { "GET",  "/customers/me", MS_CUSTOMER, show_me, NULL,                    "Show my account" },
    /* nobody who is signed out learns what there is and what not */
    { "*",    "/customers/**", MS_CUSTOMER, NULL,    NULL,                    "Anything else here" },
    { NULL, NULL, MS_ANYONE, NULL, NULL, NULL }
};
