/* address.c: an address: columns and statements. Data only. */
#include "resource/resources.h"

#include <stddef.h>

static const ms_field_t fields[] = {
    { "id",           MS_ID,   MS_SHOW,                     "Identifier, addr_…" },
    { "created_at",   MS_TIME, MS_SHOW,                     "When it was made" },
    { "updated_at",   MS_TIME, MS_SHOW | MS_EDIT,           "When a column of this row last changed" },
    { "deleted_at",   MS_TIME, MS_SHOW | MS_EDIT | MS_NULL, "When it was deleted; null while it lives" },
    { "customer_id",  MS_ID,   MS_SHOW | MS_NULL,           "Whose address book it is in; null for billing addresses made in place" },
    { "company",      MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "Company" },
    { "first_name",   MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "First name" },
    { "last_name",    MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "Last name" },
    { "address_1",    MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "First line" },
    { "address_2",    MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "Second line" },
    { "city",         MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "City" },
    { "country_code", MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "ISO 3166-1 alpha-2, in lower case" },
    { "province",     MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "Province" },
    { "postal_code",  MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "Postal code" },
    { "phone",        MS_TEXT, MS_SHOW | MS_EDIT | MS_NULL, "Phone number" },
    { "metadata",     MS_JSON, MS_SHOW | MS_EDIT | MS_NULL, "Key-value pairs of the shop's own" },
    { NULL, MS_ID, 0, NULL }
};

const ms_resource_t ms_address = { "address", "addr", fields };

const ms_shape_t ms_address_shape = { "Address", "address", &ms_address, NULL, NULL, "An address" };

/* What makes an address; of a new one the first must all be there. */
static const ms_rule_t create_rules[] = {
    MS_RULE("first_name",   MS_CHECK_STRING,   MS_REQUIRED, "First name"),
    MS_RULE("last_name",    MS_CHECK_STRING,   MS_REQUIRED, "Last name"),
    MS_RULE("phone",        MS_CHECK_STRING,   MS_OPTIONAL, "Phone number"),
    MS_RULE("company",      MS_CHECK_STRING,   MS_OPTIONAL, "Company"),
    MS_RULE("address_1",    MS_CHECK_STRING,   MS_REQUIRED, "First line"),
    MS_RULE("address_2",    MS_CHECK_STRING,   MS_OPTIONAL, "Second line"),
    MS_RULE("city",         MS_CHECK_STRING,   MS_REQUIRED, "City"),
    MS_RULE("country_code", MS_CHECK_STRING,   MS_REQUIRED, "ISO 3166-1 alpha-2, in any case"),
    MS_RULE("province",     MS_CHECK_STRING,   MS_OPTIONAL, "Province"),
    MS_RULE("postal_code",  MS_CHECK_STRING,   MS_REQUIRED, "Postal code"),
    MS_RULE("metadata",     MS_CHECK_METADATA, MS_OPTIONAL, "Key-value pairs"),
    MS_RULES_END
};

const ms_rule_t ms_address_edit_rules[] = {
    MS_RULE("first_name",   MS_CHECK_STRING,   MS_OPTIONAL, "First name; null clears it"),
    MS_RULE("last_name",    MS_CHECK_STRING,   MS_OPTIONAL, "Last name; null clears it"),
    MS_RULE("phone",        MS_CHECK_STRING,   MS_OPTIONAL, "Phone number; null clears it"),
    MS_RULE("metadata",     MS_CHECK_METADATA, MS_OPTIONAL, "Key-value pairs; replaces all, null clears it"),
    MS_RULE("company",      MS_CHECK_STRING,   MS_OPTIONAL, "Company; null clears it"),
    MS_RULE("address_1",    MS_CHECK_STRING,   MS_OPTIONAL, "First line; null clears it"),
    MS_RULE("address_2",    MS_CHECK_STRING,   MS_OPTIONAL, "Second line; null clears it"),
    MS_RULE("city",         MS_CHECK_STRING,   MS_OPTIONAL, "City; null clears it"),
    MS_RULE("country_code", MS_CHECK_STRING,   MS_OPTIONAL, "ISO 3166-1 alpha-2, in any case; null changes nothing"),
    MS_RULE("province",     MS_CHECK_STRING,   MS_OPTIONAL, "Province; null clears it"),
    MS_RULE("postal_code",  MS_CHECK_STRING,   MS_OPTIONAL, "Postal code; null clears it"),
    MS_RULES_END
};

static const ms_rule_t add_rules[] = {
    MS_RULE_NESTED("address", MS_CHECK_NESTED, MS_REQUIRED, "The address to add", create_rules, "AddressCreatePayload"),
    MS_RULES_END
};

const ms_body_t ms_address_add_body = { "StorePostCustomersCustomerAddressesReq", "new_address", add_rules };
const ms_body_t ms_address_edit_body = { "StorePostCustomersCustomerAddressesAddressReq", "address_changes", ms_address_edit_rules };

/* None of them sorts: what shows addresses does (api/view.c). */
const ms_stmt_t ms_address_stmts[] = {
    { "address.of_customer", MS_SELECT, { { &ms_address, "a" } }, NULL,
        "FROM address a WHERE a.customer_id = %s AND a.deleted_at IS NULL" },
    /* the address book and the billing address, which need not be in it, in one round trip */
    { "address.of_customer_and_one", MS_SELECT, { { &ms_address, "a" } }, NULL,
        "FROM address a WHERE (a.customer_id = %s OR a.id = %s) AND a.deleted_at IS NULL" },
    { "address.by_id", MS_SELECT, { { &ms_address, "a" } }, NULL, "FROM address a WHERE a.id = %s AND a.deleted_at IS NULL" },
    { "address.lock", MS_SELECT, { { &ms_address, "a" } }, NULL,
        "FROM address a WHERE a.id = %s AND a.deleted_at IS NULL FOR UPDATE" },
    { "address.lock_mine", MS_SELECT, { { &ms_address, "a" } }, NULL,
        "FROM address a WHERE a.id = %s AND a.customer_id = %s AND a.deleted_at IS NULL FOR UPDATE" },
    { "address.delete_mine", MS_CHANGE, { { NULL, NULL } }, NULL,
        "UPDATE address SET deleted_at = %s, updated_at = %s WHERE id = %s AND customer_id = %s AND deleted_at IS NULL" },
    { "address.create", MS_INSERT, { { &ms_address, NULL } }, NULL, NULL },
    { "address.save", MS_UPDATE, { { &ms_address, NULL } }, NULL, NULL },
    { "country.exists", MS_SELECT, { { NULL, NULL } }, "1", "FROM country WHERE iso_2 = %s" },
    { NULL, MS_SELECT, { { NULL, NULL } }, NULL, NULL }
};
