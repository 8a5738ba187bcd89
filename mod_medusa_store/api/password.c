/* password.c: choosing a new password without knowing the old one. */
#include "account/account.h"
#include "account/customer.h"
#include "account/outbox.h"
#include "account/password.h"
#include "account/reset.h"
#include "api/api.h"
#include "core/id.h"
#include "core/json.h"
#include "core/validate.h"
#include "db/db.h"
#include "resource/resources.h"

#include <string.h>

/* ---- ask for a token ---- */

static const char *text_of(const ms_object_t *customer, const char *field)
{
    return ms_object_text(customer, &ms_customer, field);
}

typedef struct {
    json_t *event;
    int keep;
} asked_t;

static ms_rc_t add_event(ms_ctx_t *c, void *baton)
{
    asked_t *asked = baton;

    return ms_outbox_add_if(c, "customer.password_reset", asked->event, asked->keep);
}

/* What the event for nobody would hold: a token like any other, that opens nothing. */
static json_t *make_event(ms_ctx_t *c, const ms_object_t *customer, const char *hash)
{
    const char *id = customer ? text_of(customer, "id") : ms_id_make(c->pool, ms_customer.prefix, c->now);

    return ms_own(c->pool, json_pack("{s:s, s:s, s:s?, s:s?, s:s}", "id", id, "email", ms_body_text(c, "email"),
        "first_name", customer ? text_of(customer, "first_name") : NULL,
        "last_name", customer ? text_of(customer, "last_name") : NULL, "token", ms_reset_sign(c, id, hash)));
}

/* Neither the answer nor its time tells whether anybody has the e-mail: for nobody the same is written, and taken back in the same
 * transaction. */
static ms_rc_t ask_token(ms_ctx_t *c)
{
    ms_row_t *row;
    ms_rc_t rc = ms_db_find(c, &row, "customer.account_by_email", MS_ARGS(ms_body_text(c, "email")));
    int known = rc == MS_OK && row && row->extra;
    asked_t asked = { NULL, known };

    c->personal = 1;
    if (rc != MS_OK) {
        return rc;
    }
    asked.event = make_event(c, known ? row->part[0] : NULL, known ? row->extra : c->shop->account->decoy_hash);
    return asked.event ? ms_db_transaction(c, add_event, &asked) : ms_fail(c, MS_UNEXPECTED, NULL);
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

/* The customer that the token names, if it is good for them and the e-mail is theirs. Found by the token and not by the e-mail: so
 * who has no good token is answered in the same time, whether anybody has the e-mail or not. MS_BAD_TOKEN otherwise. */
static ms_rc_t find_owner(ms_ctx_t *c, const char **id)
{
    const char *token = ms_body_text(c, "token"), *email;
    ms_row_t *row = NULL;
    ms_rc_t rc = MS_OK;

    *id = ms_reset_customer(c, token);
    if (ms_id_check(*id)) {
        rc = ms_db_find(c, &row, "customer.account_by_id", MS_ARGS(*id));
    }
    if (rc != MS_OK) {
        return rc;
    }
    if (!row || !row->extra || !ms_reset_check(c, token, *id, row->extra)) {
        return refuse(c);
    }
    email = text_of(row->part[0], "email");
    return email && !strcmp(email, ms_body_text(c, "email")) ? MS_OK : refuse(c);
}

static ms_rc_t use_token(ms_ctx_t *c)
{
    const char *password = ms_body_text(c, "password");
    reset_t reset = { NULL, NULL, NULL };
    ms_rc_t rc = ms_password_judge(c, password);

    if (rc == MS_OK) {
        rc = find_owner(c, &reset.id);
    }
    if (rc == MS_OK) {
        rc = ms_password_hash(c, &reset.hash, password, strlen(password));
    }
    if (rc == MS_OK) {
        rc = ms_db_transaction(c, save_reset, &reset);
    }
    if (rc == MS_OK) {
        ms_log(c->log, MS_LINE_NEW_PASSWORD, reset.id, "a reset");
    }
    else if (rc == MS_BAD_TOKEN) {
        ms_log(c->log, MS_LINE_NOT_LET_IN, "no good token for a new password", "-");
    }
    c->personal = 1;
    return rc == MS_OK ? ms_answer(c, ms_customer.name, ms_resource_show(&ms_customer, reset.row)) : rc;
}

const ms_route_t ms_password_routes[] = {
    { "POST", "/customers/password-token", MS_ANYONE, ask_token, &ms_password_token_body, NULL, &ms_empty_answer, 0, 0, MS_TRY_RESET_MAIL,
      "PostCustomersCustomerPasswordToken", "Ask for a token to choose a new password" },
    { "POST", "/customers/password-reset", MS_ANYONE, use_token, &ms_password_reset_body, NULL, &ms_customer_row_answer, 0, MS_MAY(BAD_TOKEN), MS_TRY_RESET,
      "PostCustomersResetPassword", "Choose a new password by a token" },
    { NULL, NULL, MS_ANYONE, NULL, NULL, NULL, NULL, 0, 0, MS_TRY_NONE, NULL, NULL }
};
