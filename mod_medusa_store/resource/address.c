/* address.c: an address: columns and statements. Data only. */
#include "resource/resources.h"

#include <stddef.h>

static const ms_field_t fields[] = {
    { "id",           MS_ID,   MS_SHOW, "Identifier, addr_…" },
    { "created_at",   MS_TIME, MS_SHOW, "When it was made" },
    { "updated_at",   MS_TIME, MS_SHOW, "When a column of this row last changed" },
    { "deleted_at",   MS_TIME, MS_SHOW, "When it was deleted; null while it lives" },
    { "customer_id",  MS_ID,   MS_SHOW, "Whose address book it is in; null for billing addresses made in place" },
    { "company",      MS_TEXT, MS_SHOW, "Company" },
    { "first_name",   MS_TEXT, MS_SHOW, "First name" },
    { "last_name",    MS_TEXT, MS_SHOW, "Last name" },
    { "address_1",    MS_TEXT, MS_SHOW, "First line" },
    { "address_2",    MS_TEXT, MS_SHOW, "Second line" },
    { "city",         MS_TEXT, MS_SHOW, "City" },
    { "country_code", MS_TEXT, MS_SHOW, "ISO 3166-1 alpha-2, in lower case" },
    { "province",     MS_TEXT, MS_SHOW, "Province" },
    { "postal_code",  MS_TEXT, MS_SHOW, "Postal code" },
    { "phone",        MS_TEXT, MS_SHOW, "Phone number" },
    { "metadata",     MS_JSON, MS_SHOW, "Key-value pairs of the shop's own" },
    { NULL, MS_ID, 0, NULL }
};

const ms_resource_t ms_address = { "address", "addr", fields };

const ms_stmt_t ms_address_stmts[] = {
    { "address.of_customer", MS_SELECT, { { &ms_address, "a" } }, NULL,
        "FROM address a WHERE a.customer_id = %s AND a.deleted_at IS NULL ORDER BY a.created_at, a.id" },
    /* the address book and the billing address, which need not be in it, in one round trip */
    { "address.of_customer_and_one", MS_SELECT, { { &ms_address, "a" } }, NULL,
        "FROM address a WHERE (a.customer_id = %s OR a.id = %s) AND a.deleted_at IS NULL ORDER BY a.created_at, a.id" },
    { NULL, MS_SELECT, { { NULL, NULL } }, NULL, NULL }
};
