/* password.c: choosing a new password without knowing the old one. */
#include "account/customer.h"
#include "account/outbox.h"
#include "account/password.h"
#include "account/reset.h"
#include "api/api.h"
#include "core/json.h"
#include "core/validate.h"
#include "db/db.h"
#include "resource/resources.h"

#include <string.h>

/* ---- ask for a token ---- */

static ms_rc_t add_event(ms_ctx_t *c, void *baton)
{
    return ms_outbox_add(c, "customer.password_reset", baton);
}

static const char *text_of(const ms_object_t *customer, const char *field)
{
    return ms_object_text(customer, &ms_customer, field);
}

static ms_rc_t send_token(ms_ctx_t *c, const ms_object_t *customer, const char *hash)
{
    json_t *event = ms_own(c->pool, json_pack("{s:s, s:s, s:s?, s:s?, s:s}", "id", text_of(customer, "id"),
        "email", text_of(customer, "email"), "first_name", text_of(customer, "first_name"),
        "last_name", text_of(customer, "last_name"), "token", ms_reset_sign(c, text_of(customer, "id"), hash)));

    return event ? ms_db_transaction(c, add_event, event) : ms_fail(c, MS_UNEXPECTED, NULL);
}

/* The answer does not tell whether anybody has the e-mail. */
static ms_rc_t ask_token(ms_ctx_t *c)
{
    ms_row_t *row;
    ms_rc_t rc = ms_db_find(c, &row, "customer.account_by_email", MS_ARGS(ms_body_text(c, "email")));

    c->personal = 1;
    return rc == MS_OK && row && row->extra ? send_token(c, row->part[0], row->extra) : rc;
}

/* ---- use it ---- */

typedef struct {
    const char *id, *hash;
    json_t *row; /* out: the customer as saved */
} reset_t;

static ms_rc_t refuse(ms_ctx_t *c)
{
    return ms_fail(c, MS_BAD_TOKEN, "Invalid or expired password reset token");
}

/* Of several at once only the first finds the hash that the token was made for. */
static ms_rc_t save_reset(ms_ctx_t *c, void *baton)
{
    reset_t *reset = baton;
    const char *stored = NULL;
    ms_rc_t rc = ms_customer_lock(c, &reset->row, &stored, reset->id);

    if (rc == MS_OK && (!stored || !ms_reset_check(c, ms_body_text(c, "token"), reset->id, stored))) {
        rc = refuse(c);
    }
    if (rc == MS_OK) {
        rc = ms_customer_set_password(c, reset->row, reset->hash, NULL);
    }
    if (rc == MS_OK) {
        rc = ms_outbox_add(c, "customer.updated", ms_own(c->pool, ms_resource_show(&ms_customer, reset->row)));
    }
    return rc;
}

static ms_rc_t use_token(ms_ctx_t *c)
{
    const char *password = ms_body_text(c, "password"), *token = ms_body_text(c, "token");
    reset_t reset = { NULL, NULL, NULL };
    ms_row_t *row;
    ms_rc_t rc = ms_db_find(c, &row, "customer.account_by_email", MS_ARGS(ms_body_text(c, "email")));

    if (rc != MS_OK) {
        return rc;
    }
    reset.id = row ? text_of(row->part[0], "id") : "";
    if (!row || !row->extra || !ms_reset_check(c, token, reset.id, row->extra)) {
        return refuse(c);
    }
    rc = ms_password_hash(c, &reset.hash, password, strlen(password));
    if (rc == MS_OK) {
        rc = ms_db_transaction(c, save_reset, &reset);
    }
    c->personal = 1;
    return rc == MS_OK ? ms_answer(c, ms_customer.name, ms_resource_show(&ms_customer, reset.row)) : rc;
}

const ms_route_t ms_password_routes[] = {
    { "POST", "/customers/password-token", MS_ANYONE, ask_token, &ms_password_token_body, NULL, &ms_empty_answer, 0, MS_TRY_RESET_MAIL,
      "PostCustomersCustomerPasswordToken", "Ask for a token to choose a new password" },
    { "POST", "/customers/password-reset", MS_ANYONE, use_token, &ms_password_reset_body, NULL, &ms_customer_row_answer, MS_MAY(BAD_TOKEN), MS_TRY_RESET,
      "PostCustomersResetPassword", "Choose a new password by a token" },
    { NULL, NULL, MS_ANYONE, NULL, NULL, NULL, NULL, 0, MS_TRY_NONE, NULL, NULL }
};
