/* customer.c: a customer: columns, what operations accept, statements. Data only.
 *
 * A new field of the customer is added here, to the columns and to the bodies that may carry it, and as a column in a new file
 * of sql/; answers, inserts, updates, checks and documents follow. */
#include "resource/resources.h"

#include <stddef.h>

static const ms_field_t fields[] = {
    { "id",                 MS_ID,   MS_SHOW,                     "Identifier, cus_…" },
    { "created_at",         MS_TIME, MS_SHOW,                     "When it was registered" },
    { "updated_at",         MS_TIME, MS_SHOW | MS_EDIT,           "When a column of this row last changed" },
    { "deleted_at",         MS_TIME, MS_SHOW | MS_NULL,           "When it was deleted; null while it lives" },
    { "email",              MS_TEXT, MS_SHOW | MS_EDIT,           "E-mail address in lower case; unique among live accounts" },
    { "first_name",         MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "First name" },
    { "last_name",          MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "Last name" },
    { "billing_address_id", MS_ID,   MS_SHOW | MS_EDIT | MS_NULL, "Address to bill" },
    { "password_hash",      MS_TEXT, MS_HIDDEN | MS_NULL,         "Argon2id string, or scrypt as Medusa stores it" },
    { "phone",              MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "Phone number, in any form" },
    { "has_account",        MS_BOOL, MS_SHOW,                     "true: registered; false: a guest" },
    { "metadata",           MS_JSON, MS_SHOW | MS_EDIT | MS_NULL, "Key-value pairs of the shop's own" },
    { NULL, MS_ID, 0, NULL }
};

const ms_resource_t ms_customer = { "customer", "cus", fields };

static const ms_member_t profile_members[] = {
    MS_MEMBER_ONE("billing_address", &ms_address_shape, MS_NULL, "Address to bill"),
    MS_MEMBER_MANY("shipping_addresses", &ms_address_shape, "Address book, oldest first"),
    MS_MEMBERS_END
};
static const ms_member_t sign_in_members[] = {
    MS_MEMBER_MANY("orders", NULL, "Orders; there are none before there are carts"),
    MS_MEMBER_MANY("shipping_addresses", &ms_address_shape, "Address book, oldest first"),
    MS_MEMBERS_END
};
static const ms_shape_t row = { "Customer", "customer", &ms_customer, NULL, NULL, "A customer" };
static const ms_shape_t profile = { "CustomerProfile", "customer", &ms_customer, profile_members, NULL, "A customer, and their addresses" };
static const ms_shape_t signed_in = { "CustomerSignedIn", "customer", &ms_customer, sign_in_members, NULL,
                                      "A customer, and what a storefront shows after sign-in" };

static const ms_member_t row_answer[] = { MS_MEMBER_ONE("customer", &row, 0, "The customer"), MS_MEMBERS_END };
static const ms_member_t profile_answer[] = { MS_MEMBER_ONE("customer", &profile, 0, "The customer"), MS_MEMBERS_END };
static const ms_member_t sign_in_answer[] = { MS_MEMBER_ONE("customer", &signed_in, 0, "The customer"), MS_MEMBERS_END };

const ms_shape_t ms_customer_row_answer = { "StoreCustomersResetPasswordRes", NULL, NULL, row_answer, NULL, "The customer, without relations" };
const ms_shape_t ms_customer_profile_answer = { "StoreCustomersRes", NULL, NULL, profile_answer, NULL, "The customer" };
const ms_shape_t ms_customer_sign_in_answer = { "StoreAuthRes", NULL, NULL, sign_in_answer, NULL, "Who is signed in" };

static const ms_rule_t create_rules[] = {
    MS_RULE("first_name", MS_CHECK_STRING,   MS_REQUIRED, "First name"),
    MS_RULE("last_name",  MS_CHECK_STRING,   MS_REQUIRED, "Last name"),
    MS_RULE("email",      MS_CHECK_EMAIL,    MS_REQUIRED, "E-mail address; stored in lower case"),
    MS_RULE("password",   MS_CHECK_PASSWORD, MS_REQUIRED, "Password; a shop may ask for a length, and refuse common ones"),
    MS_RULE("phone",      MS_CHECK_STRING,   MS_OPTIONAL, "Phone number"),
    MS_RULES_END
};

static const ms_rule_t update_rules[] = {
    MS_RULE_NESTED("billing_address", MS_CHECK_NESTED_OR_ID, MS_OPTIONAL, "Address to bill, or the id of one of mine; null: none",
                   ms_address_edit_rules, "AddressPayload"),
    MS_RULE("first_name", MS_CHECK_STRING,   MS_OPTIONAL, "First name; null clears it"),
    MS_RULE("last_name",  MS_CHECK_STRING,   MS_OPTIONAL, "Last name; null clears it"),
    MS_RULE("password",   MS_CHECK_PASSWORD, MS_OPTIONAL, "New password; ends all other sessions"),
    MS_RULE("phone",      MS_CHECK_STRING,   MS_OPTIONAL, "Phone number; null clears it"),
    MS_RULE("email",      MS_CHECK_EMAIL,    MS_NOT_NULL, "New e-mail address; stored in lower case"),
    MS_RULE("metadata",   MS_CHECK_METADATA, MS_OPTIONAL, "Merged key by key; \"\" removes a key"),
    MS_RULE("old_password", MS_CHECK_PASSWORD, MS_OPTIONAL | MS_CONFIRMS,
            "Password of now, for a new one or a new e-mail address; only with MedusaStoreConfirmPassword On"),
    MS_RULES_END
};

static const ms_rule_t sign_in_rules[] = {
    MS_RULE("email",    MS_CHECK_EMAIL,     MS_REQUIRED, "E-mail address"),
    MS_RULE("password", MS_CHECK_NOT_EMPTY, MS_REQUIRED, "Password; what is no string is a wrong one"),
    MS_RULES_END
};

static const ms_rule_t token_rules[] = {
    MS_RULE("email", MS_CHECK_EMAIL, MS_REQUIRED, "E-mail address"),
    MS_RULES_END
};

static const ms_rule_t reset_rules[] = {
    MS_RULE("email",    MS_CHECK_EMAIL,    MS_REQUIRED, "E-mail address"),
    MS_RULE("token",    MS_CHECK_STRING,   MS_REQUIRED, "Token out of the event customer.password_reset"),
    MS_RULE("password", MS_CHECK_PASSWORD, MS_REQUIRED, "New password"),
    MS_RULES_END
};

const ms_body_t ms_customer_create_body = { "StorePostCustomersReq", "new_customer", create_rules };
const ms_body_t ms_customer_update_body = { "StorePostCustomersCustomerReq", "customer_changes", update_rules };
const ms_body_t ms_sign_in_body = { "StorePostAuthReq", "credentials", sign_in_rules };
const ms_body_t ms_password_token_body = { "StorePostCustomersCustomerPasswordTokenReq", "password_token", token_rules };
const ms_body_t ms_password_reset_body = { "StorePostCustomersResetPasswordReq", "password_reset", reset_rules };

/* An account is what can sign in: registered and alive. Guests of the same e-mail are other rows. */
const ms_stmt_t ms_customer_stmts[] = {
    { "customer.account_exists", MS_SELECT, { { NULL, NULL } }, "1",
        "FROM customer WHERE email = %s AND has_account = 1 AND live = 1" },
    { "customer.account_by_email", MS_SELECT, { { &ms_customer, "c" } }, "c.password_hash",
        "FROM customer c WHERE c.email = %s AND c.has_account = 1 AND c.live = 1" },
    { "customer.account_by_id", MS_SELECT, { { &ms_customer, "c" } }, "c.password_hash",
        "FROM customer c WHERE c.id = %s AND c.has_account = 1 AND c.live = 1" },
    { "customer.lock", MS_SELECT, { { &ms_customer, "c" } }, "c.password_hash",
        "FROM customer c WHERE c.id = %s AND c.deleted_at IS NULL FOR UPDATE" },
    { "customer.group", MS_SELECT, { { NULL, NULL } }, "g.name",
        "FROM customer_group g JOIN customer_group_customers m ON m.customer_group_id = g.id "
        "WHERE g.name = %s AND g.live = 1 AND m.customer_id = %s" },
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
