/* transfer.c: what a row of Medusa v1 must be to become one of ours, and how one of ours is written down.
 *
 * Owns the columns of both files and their rules; the same rules as the API's, but for what old rows may lack. Knows PostgreSQL's
 * texts, no files and no database. Called by the commands import and export of medusa-store-admin. */
#include "account/transfer.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>
#include <jansson.h>

#include "account/password.h"
#include "core/email.h"
#include "core/id.h"
#include "core/json.h"
#include "core/resource.h"
#include "core/text.h"
#include "core/time.h"

enum { EMAIL_MAX = 320, COUNTRY = 2 };

/* A kind of column: `read` gives the value for the database, or NULL for a text that is none. */
typedef struct {
    const char *(*read)(apr_pool_t *pool, const char *text, size_t length);
    const char *(*write)(apr_pool_t *pool, const char *value); /* NULL: as it is */
    int needed;
} kind_t;

static const char *read_id(apr_pool_t *pool, const char *text, size_t length)
{
    return ms_id_check(text) ? text : NULL;
}

static const char *read_text(apr_pool_t *pool, const char *text, size_t length)
{
    return ms_utf8_length(text, length) <= MS_TEXT_MAX ? text : NULL;
}

static const char *read_email(apr_pool_t *pool, const char *text, size_t length)
{
    const char *lower = ms_email_check(text, length) ? ms_text_lower(pool, text) : NULL;

    return lower && ms_utf8_length(lower, strlen(lower)) <= EMAIL_MAX ? lower : NULL;
}

static const char *read_hash(apr_pool_t *pool, const char *text, size_t length)
{
    return ms_password_known(text) ? text : NULL;
}

static const char *read_bool(apr_pool_t *pool, const char *text, size_t length)
{
    if (!strcmp(text, "t") || !strcmp(text, "true")) {
        return "1";
    }
    return !strcmp(text, "f") || !strcmp(text, "false") ? "0" : NULL;
}

static const char *write_bool(apr_pool_t *pool, const char *value)
{
    return *value == '0' ? "f" : "t";
}

static const char *read_time(apr_pool_t *pool, const char *text, size_t length)
{
    apr_time_t t;

    return ms_time_parse_zoned(&t, text) ? ms_time_sql(pool, t) : NULL;
}

static const char *write_time(apr_pool_t *pool, const char *value)
{
    apr_time_t t;

    return ms_time_parse(&t, value) ? ms_time_zoned(pool, t) : value;
}

/* The text is kept; that it is as good as one of the API's is all there is to know. */
static const char *read_json(apr_pool_t *pool, const char *text, size_t length)
{
    json_t *value = NULL;
    int good;

    if (length <= MS_JSON_MAX) {
        ms_json_parse(&value, apr_pstrmemdup(pool, text, length), length, MS_JSON_DEPTH_MAX, 0);
    }
    good = json_is_object(value) && ms_json_write(pool, value, NULL);

    json_decref(value);
    return good ? text : NULL;
}

static const char *read_country(apr_pool_t *pool, const char *text, size_t length)
{
    char *code = length == COUNTRY ? apr_pstrdup(pool, text) : NULL;

    if (!code || !apr_isalpha(code[0]) || !apr_isalpha(code[1])) {
        return NULL;
    }
    code[0] = (char)apr_tolower(code[0]);
    code[1] = (char)apr_tolower(code[1]);
    return code;
}

static const kind_t id = { read_id, NULL, 1 }, reference = { read_id, NULL, 0 }, text = { read_text, NULL, 0 },
                    email = { read_email, NULL, 1 }, hash = { read_hash, NULL, 0 }, boolean = { read_bool, write_bool, 1 },
                    json = { read_json, NULL, 0 }, when = { read_time, write_time, 1 }, end_time = { read_time, write_time, 0 },
                    country = { read_country, NULL, 0 };

/* name, kind, and why a value is refused */
#define CUSTOMER_COLUMNS(X) \
    X("id", id, "id is missing, or not 1 to 64 of A-Z, a-z, 0-9 and _") \
    X("email", email, "email is missing or no e-mail address") \
    X("first_name", text, "first_name is longer than 16383 characters") \
    X("last_name", text, "last_name is longer than 16383 characters") \
    X("billing_address_id", reference, "billing_address_id is not 1 to 64 of A-Z, a-z, 0-9 and _") \
    X("password_hash", hash, "password_hash is neither Medusa's scrypt nor Argon2id, or its costs are too high") \
    X("phone", text, "phone is longer than 16383 characters") \
    X("has_account", boolean, "has_account is none of t, f, true, false") \
    X("metadata", json, "metadata is no JSON object of at most 65535 bytes and 64 levels") \
    X("created_at", when, "created_at is no time with an offset from UTC, from 1970 to 9999") \
    X("updated_at", when, "updated_at is no time with an offset from UTC, from 1970 to 9999") \
    X("deleted_at", end_time, "deleted_at is no time with an offset from UTC, from 1970 to 9999")

#define ADDRESS_COLUMNS(X) \
    X("id", id, "id is missing, or not 1 to 64 of A-Z, a-z, 0-9 and _") \
    X("customer_id", reference, "customer_id is not 1 to 64 of A-Z, a-z, 0-9 and _") \
    X("company", text, "company is longer than 16383 characters") \
    X("first_name", text, "first_name is longer than 16383 characters") \
    X("last_name", text, "last_name is longer than 16383 characters") \
    X("address_1", text, "address_1 is longer than 16383 characters") \
    X("address_2", text, "address_2 is longer than 16383 characters") \
    X("city", text, "city is longer than 16383 characters") \
    X("country_code", country, "country_code is no country") \
    X("province", text, "province is longer than 16383 characters") \
    X("postal_code", text, "postal_code is longer than 16383 characters") \
    X("phone", text, "phone is longer than 16383 characters") \
    X("metadata", json, "metadata is no JSON object of at most 65535 bytes and 64 levels") \
    X("created_at", when, "created_at is no time with an offset from UTC, from 1970 to 9999") \
    X("updated_at", when, "updated_at is no time with an offset from UTC, from 1970 to 9999") \
    X("deleted_at", end_time, "deleted_at is no time with an offset from UTC, from 1970 to 9999")

#define NAME(name, kind, why) name,
#define KIND(name, kind, why) &kind,
#define WHY(name, kind, why) why,
static const char *const customer_names[] = { CUSTOMER_COLUMNS(NAME) };
static const kind_t *const customer_kinds[] = { CUSTOMER_COLUMNS(KIND) };
static const char *const customer_whys[] = { CUSTOMER_COLUMNS(WHY) };
static const char *const address_names[] = { ADDRESS_COLUMNS(NAME) };
static const kind_t *const address_kinds[] = { ADDRESS_COLUMNS(KIND) };
static const char *const address_whys[] = { ADDRESS_COLUMNS(WHY) };

const ms_transfer_t ms_transfer_customer = { "customer", customer_names, sizeof customer_names / sizeof *customer_names };
const ms_transfer_t ms_transfer_address = { "address", address_names, sizeof address_names / sizeof *address_names };

static const kind_t *kind_of(const ms_transfer_t *transfer, int column)
{
    return transfer == &ms_transfer_customer ? customer_kinds[column] : address_kinds[column];
}

int ms_transfer_column(const ms_transfer_t *transfer, const char *name)
{
    int i;

    for (i = 0; i < transfer->count; i++) {
        if (!strcmp(transfer->columns[i], name)) {
            return i;
        }
    }
    return -1;
}

const char *ms_transfer_read(const char **values, apr_pool_t *pool, const ms_transfer_t *transfer, const char *const *fields,
                             const size_t *lengths)
{
    const char *const *whys = transfer == &ms_transfer_customer ? customer_whys : address_whys;
    int i;

    for (i = 0; i < transfer->count; i++) {
        const kind_t *kind = kind_of(transfer, i);

        values[i] = NULL;
        if (fields[i] && strlen(fields[i]) != lengths[i]) {
            return "a field holds a NUL byte";
        }
        if (fields[i] && !ms_utf8_valid(fields[i], lengths[i])) {
            return "a field is not valid UTF-8";
        }
        if (fields[i]) {
            values[i] = kind->read(pool, fields[i], lengths[i]);
        }
        if (!values[i] && (fields[i] || kind->needed)) {
            return whys[i];
        }
    }
    return NULL;
}

const char *ms_transfer_write(apr_pool_t *pool, const ms_transfer_t *transfer, int column, const char *value)
{
    const kind_t *kind = kind_of(transfer, column);

    return value && kind->write ? kind->write(pool, value) : value;
}
