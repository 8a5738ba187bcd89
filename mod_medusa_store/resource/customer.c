/* customer.c: a customer: columns, what operations accept, statements. Data only.
 *
 * A new field of the customer is added here (and as a column in a new file of sql/); answers, inserts and checks follow. */
#include "resource/resources.h"

#include <stddef.h>

static const ms_field_t fields[] = {
    { "id",                 MS_ID,   MS_SHOW,   "Identifier, cus_…" },
    { "created_at",         MS_TIME, MS_SHOW,   "When it was registered" },
    { "updated_at",         MS_TIME, MS_SHOW,   "When a column of this row last changed" },
    { "deleted_at",         MS_TIME, MS_SHOW,   "When it was deleted; null while it lives" },
    { "email",              MS_TEXT, MS_SHOW,   "E-mail address in lower case; unique among live accounts" },
    { "first_name",         MS_TEXT, MS_SHOW,   "First name" },
    { "last_name",          MS_TEXT, MS_SHOW,   "Last name" },
    { "billing_address_id", MS_ID,   MS_SHOW,   "Address to bill" },
    { "password_hash",      MS_TEXT, MS_HIDDEN, "Argon2id string, or scrypt as Medusa stores it" },
    { "phone",              MS_TEXT, MS_SHOW,   "Phone number, in any form" },
    { "has_account",        MS_BOOL, MS_SHOW,   "true: registered; false: a guest" },
    { "metadata",           MS_JSON, MS_SHOW,   "Key-value pairs of the shop's own" },
    { NULL, MS_ID, 0, NULL }
};

const ms_resource_t ms_customer = { "customer", "cus", fields };

const ms_rule_t ms_customer_create_body[] = {
    { "first_name", MS_CHECK_STRING,   MS_REQUIRED, "First name" },
    { "last_name",  MS_CHECK_STRING,   MS_REQUIRED, "Last name" },
    { "email",      MS_CHECK_EMAIL,    MS_REQUIRED, "E-mail address; stored in lower case" },
    { "password",   MS_CHECK_PASSWORD, MS_REQUIRED, "Password, of any length" },
    { "phone",      MS_CHECK_STRING,   MS_OPTIONAL, "Phone number" },
    { NULL, MS_CHECK_STRING, 0, NULL }
};

const ms_rule_t ms_sign_in_body[] = {
    { "email",    MS_CHECK_EMAIL,     MS_REQUIRED, "E-mail address" },
    { "password", MS_CHECK_NOT_EMPTY, MS_REQUIRED, "Password; what is no string is a wrong one" },
    { NULL, MS_CHECK_STRING, 0, NULL }
};

/* An account is what can sign in: registered and alive. Guests of the same e-mail are other rows. */
const ms_stmt_t ms_customer_stmts[] = {
    { "customer.account_exists", MS_SELECT, { { NULL, NULL } }, "1",
        "FROM customer WHERE email = %s AND has_account = 1 AND live = 1" },
    { "customer.account_by_email", MS_SELECT, { { &ms_customer, "c" } }, "c.password_hash",
        "FROM customer c WHERE c.email = %s AND c.has_account = 1 AND c.live = 1" },
    { "customer.create", MS_INSERT, { { &ms_customer, NULL } }, NULL, NULL },
    { "customer.rehash", MS_CHANGE, { { NULL, NULL } }, NULL,
        "UPDATE customer SET password_hash = %s WHERE id = %s AND password_hash = %s" },
    { NULL, MS_SELECT, { { NULL, NULL } }, NULL, NULL }
};
