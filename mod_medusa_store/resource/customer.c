/* customer.c: a customer: columns, what operations accept, statements. Data only.
 *
 * A new field of the customer is added here (and as a column in a new file of sql/); answers, inserts and checks follow. */
#include "resource/resources.h"

#include <stddef.h>

static const ms_field_t fields[] = {
    { "id",                 MS_ID,   MS_SHOW,           "Identifier, cus_…" },
    { "created_at",         MS_TIME, MS_SHOW,           "When it was registered" },
    { "updated_at",         MS_TIME, MS_SHOW | MS_EDIT, "When a column of this row last changed" },
    { "deleted_at",         MS_TIME, MS_SHOW,           "When it was deleted; null while it lives" },
    { "email",              MS_TEXT, MS_SHOW | MS_EDIT, "E-mail address in lower case; unique among live accounts" },
    { "first_name",         MS_TEXT, MS_SHOW | MS_EDIT, "First name" },
    { "last_name",          MS_TEXT, MS_SHOW | MS_EDIT, "Last name" },
    { "billing_address_id", MS_ID,   MS_SHOW | MS_EDIT, "Address to bill" },
    { "password_hash",      MS_TEXT, MS_HIDDEN,         "Argon2id string, or scrypt as Medusa stores it" },
    { "phone",              MS_TEXT, MS_SHOW | MS_EDIT, "Phone number, in any form" },
    { "has_account",        MS_BOOL, MS_SHOW,           "true: registered; false: a guest" },
    { "metadata",           MS_JSON, MS_SHOW | MS_EDIT, "Key-value pairs of the shop's own" },
    { NULL, MS_ID, 0, NULL }
};

const ms_resource_t ms_customer = { "customer", "cus", fields };

const ms_rule_t ms_customer_create_body[] = {
    MS_RULE("first_name", MS_CHECK_STRING,   MS_REQUIRED, "First name"),
    MS_RULE("last_name",  MS_CHECK_STRING,   MS_REQUIRED, "Last name"),
    MS_RULE("email",      MS_CHECK_EMAIL,    MS_REQUIRED, "E-mail address; stored in lower case"),
    MS_RULE("password",   MS_CHECK_PASSWORD, MS_REQUIRED, "Password, of any length"),
    MS_RULE("phone",      MS_CHECK_STRING,   MS_OPTIONAL, "Phone number"),
    MS_RULES_END
};

const ms_rule_t ms_customer_update_body[] = {
    MS_RULE_NESTED("billing_address", MS_CHECK_NESTED_OR_ID, MS_OPTIONAL, "Address to bill, or the id of one of mine; null: none",
                   ms_address_edit_body, "AddressPayload"),
    MS_RULE("first_name", MS_CHECK_STRING,   MS_OPTIONAL, "First name; null clears it"),
    MS_RULE("last_name",  MS_CHECK_STRING,   MS_OPTIONAL, "Last name; null clears it"),
    MS_RULE("password",   MS_CHECK_PASSWORD, MS_OPTIONAL, "New password; ends all other sessions"),
    MS_RULE("phone",      MS_CHECK_STRING,   MS_OPTIONAL, "Phone number; null clears it"),
    MS_RULE("email",      MS_CHECK_EMAIL,    MS_NOT_NULL, "New e-mail address; stored in lower case"),
    MS_RULE("metadata",   MS_CHECK_METADATA, MS_OPTIONAL, "Merged key by key; \"\" removes a key"),
    MS_RULES_END
};

const ms_rule_t ms_sign_in_body[] = {
    MS_RULE("email",    MS_CHECK_EMAIL,     MS_REQUIRED, "E-mail address"),
    MS_RULE("password", MS_CHECK_NOT_EMPTY, MS_REQUIRED, "Password; what is no string is a wrong one"),
    MS_RULES_END
};

const ms_rule_t ms_password_token_body[] = {
    MS_RULE("email", MS_CHECK_EMAIL, MS_REQUIRED, "E-mail address"),
    MS_RULES_END
};

const ms_rule_t ms_password_reset_body[] = {
    MS_RULE("email",    MS_CHECK_EMAIL,    MS_REQUIRED, "E-mail address"),
    MS_RULE("token",    MS_CHECK_STRING,   MS_REQUIRED, "Token out of the event customer.password_reset"),
    MS_RULE("password", MS_CHECK_PASSWORD, MS_REQUIRED, "New password"),
    MS_RULES_END
};

/* An account is what can sign in: registered and alive. Guests of the same e-mail are other rows. */
const ms_stmt_t ms_customer_stmts[] = {
    { "customer.account_exists", MS_SELECT, { { NULL, NULL } }, "1",
        "FROM customer WHERE email = %s AND has_account = 1 AND live = 1" },
    { "customer.account_by_email", MS_SELECT, { { &ms_customer, "c" } }, "c.password_hash",
        "FROM customer c WHERE c.email = %s AND c.has_account = 1 AND c.live = 1" },
    { "customer.lock", MS_SELECT, { { &ms_customer, "c" } }, "c.password_hash",
        "FROM customer c WHERE c.id = %s AND c.deleted_at IS NULL FOR UPDATE" },
    { "customer.save", MS_UPDATE, { { &ms_customer, NULL } }, NULL, NULL },
    { "customer.set_password", MS_CHANGE, { { NULL, NULL } }, NULL,
        "UPDATE customer SET password_hash = %s, updated_at = %s WHERE id = %s" },
    { "customer.unbill", MS_CHANGE, { { NULL, NULL } }, NULL,
        "UPDATE customer SET billing_address_id = NULL, updated_at = %s WHERE id = %s AND billing_address_id = %s" },
    { "customer.create", MS_INSERT, { { &ms_customer, NULL } }, NULL, NULL },
    { "customer.rehash", MS_CHANGE, { { NULL, NULL } }, NULL,
        "UPDATE customer SET password_hash = %s WHERE id = %s AND password_hash = %s" },
    { NULL, MS_SELECT, { { NULL, NULL } }, NULL, NULL }
};
