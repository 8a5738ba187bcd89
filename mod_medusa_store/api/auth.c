/* auth.c: the operations under /auth. */
#include "account/password.h"
#include "account/session.h"
#include "api/api.h"
#include "core/email.h"
#include "core/json.h"
#include "core/text.h"
#include "core/validate.h"
#include "db/db.h"
#include "resource/resources.h"

#include <string.h>

/* Hash a good password anew whose hash is old or too cheap; that it could not be done is no reason to refuse. */
static const char *rehash(ms_ctx_t *c, const char *id, const char *old, const char *password, size_t length)
{
    const char *hash;
    int changed = 0;

    if (ms_password_hash(c, &hash, password, length) != MS_OK
        || ms_db_change(c, &changed, "customer.rehash", MS_ARGS(hash, id, old)) != MS_OK) {
        ms_forgive(c);
    }
    return changed ? hash : old;
}

static const char *id_of(const ms_object_t *customer)
{
    return ms_object_text(customer, &ms_customer, "id");
}

/* The log may tell why, the answer never does. */
static ms_rc_t refuse(ms_ctx_t *c, const char *id, const char *why)
{
    ms_log(c->log, MS_LINE_NOT_LET_IN, why, id ? id : "-");
    return ms_fail(c, MS_UNAUTHORIZED, NULL);
}

/* The account that the body's e-mail and password open, and its hash. MS_UNAUTHORIZED says no more than that. */
static ms_rc_t check_credentials(ms_ctx_t *c, const ms_object_t **customer, const char **hash)
{
    const json_t *password = json_object_get(c->body, "password");
    const char *text = json_string_value(password);
    size_t length = json_string_length(password);
    int good = 0, weak = 0;
    ms_row_t *row;
    ms_rc_t rc;

    if (!text) {
        return refuse(c, NULL, "the password is no text");
    }
    rc = ms_db_find(c, &row, "customer.account_by_email", MS_ARGS(ms_body_text(c, "email")));
    if (rc == MS_OK) {
        rc = ms_password_check(c, &good, &weak, row ? row->extra : NULL, text, length);
    }
    if (rc == MS_OK && !good) {
        rc = refuse(c, row ? id_of(row->part[0]) : NULL, row ? "a wrong password" : "no account has that e-mail address");
    }
    if (rc != MS_OK) {
        return rc;
    }
    *customer = row->part[0];
    *hash = weak ? rehash(c, id_of(*customer), row->extra, text, length) : row->extra;
    return MS_OK;
}

/* On a session, or by a token if there is a place for one. The hash may be replaced between check and start: by another sign-in,
 * which hashed the same password anew, or by a change of password. A second check tells which. */
static ms_rc_t check_and_start(ms_ctx_t *c, const ms_object_t **customer, const char **token)
{
    const char *hash = NULL;
    ms_rc_t rc;
    int again;

    for (again = 0; ; again++) {
        rc = check_credentials(c, customer, &hash);
        if (rc != MS_OK) {
            return rc;
        }
        rc = token ? ms_session_start_bearer(c, token, id_of(*customer), hash) : ms_session_start(c, id_of(*customer), hash);
        if (rc == MS_OK) {
            ms_log(c->log, MS_LINE_SIGNED_IN, id_of(*customer), token ? "token" : "cookie");
        }
        if (rc != MS_UNAUTHORIZED || again) {
            return rc;
        }
        ms_forgive(c);
    }
}

static ms_rc_t sign_in(ms_ctx_t *c)
{
    const ms_object_t *customer;
    ms_rc_t rc = check_and_start(c, &customer, NULL);

    return rc == MS_OK ? ms_customer_answer(c, customer) : rc;
}

static ms_rc_t issue_token(ms_ctx_t *c)
{
    const char *token;
    const ms_object_t *customer;
    ms_rc_t rc = check_and_start(c, &customer, &token);

    c->personal = 1;
    return rc == MS_OK ? ms_answer(c, "access_token", json_string(token)) : rc;
}

static ms_rc_t sign_out(ms_ctx_t *c)
{
    ms_rc_t rc = ms_session_end(c);

    c->personal = 1;
    return rc == MS_OK ? ms_answer_text(c, "OK") : rc;
}

/* What is no e-mail address is nobody's: no question to the database, which would ignore blanks at its end. Nor one where the
 * administrator keeps it to himself. */
static ms_rc_t exists(ms_ctx_t *c)
{
    const char *email = ms_text_lower(c->pool, c->params[0]);
    ms_row_t *row = NULL;
    ms_rc_t rc = email ? MS_OK : ms_fail(c, MS_UNEXPECTED, NULL);

    if (rc == MS_OK && !c->hides_accounts && ms_email_check(email, strlen(email))) {
        rc = ms_db_find(c, &row, "customer.account_exists", MS_ARGS(email));
    }
    return rc == MS_OK ? ms_answer(c, "exists", json_boolean(row != NULL)) : rc;
}

const ms_route_t ms_auth_routes[] = {
    { "POST", "/auth", MS_ANYONE, sign_in, &ms_sign_in_body, NULL, &ms_customer_sign_in_answer, 0, MS_MAY(UNAUTHORIZED), MS_TRY_SIGN_IN,
      "PostAuth", "Sign in on a session" },
    { "POST", "/auth/token", MS_ANYONE, issue_token, &ms_sign_in_body, NULL, &ms_access_token_answer, 0, MS_MAY(UNAUTHORIZED), MS_TRY_SIGN_IN,
      "PostToken", "Sign in by a bearer token" },
    { "GET", "/auth", MS_CUSTOMER, ms_customer_answer_me, NULL, NULL, &ms_customer_sign_in_answer, MS_BOOK, 0, MS_TRY_NONE,
      "GetAuth", "Show who is signed in" },
    { "DELETE", "/auth", MS_VISITOR, sign_out, NULL, NULL, &ms_ok_answer, 0, 0, MS_TRY_NONE,
      "DeleteAuth", "Sign out" },
    { "GET", "/auth/{email}", MS_ANYONE, exists, NULL, NULL, &ms_exists_answer, 0, 0, MS_TRY_EXISTENCE,
      "GetAuthEmail", "Tell whether an e-mail has an account" },
    { NULL, NULL, MS_ANYONE, NULL, NULL, NULL, NULL, 0, 0, MS_TRY_NONE, NULL, NULL }
};
