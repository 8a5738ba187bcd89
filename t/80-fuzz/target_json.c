/* target_json.c: a JSON body: what is read can be written, and is then the same; rules judge it the same twice; and jansson reads the
 * same, wherever it can. */
#include "fuzz.h"

#include <string.h>

#include "core/json.h"
#include "core/validate.h"
#include "resource/resources.h"

static const ms_body_t *const bodies[] = {
    &ms_customer_create_body, &ms_customer_update_body, &ms_sign_in_body, &ms_address_add_body, &ms_address_edit_body,
    &ms_password_reset_body, &ms_password_token_body
};

static json_t *read_body(ms_ctx_t *c, const void *data, size_t size)
{
    json_t *value;
    ms_rc_t rc;

    fuzz_forget(c);
    rc = ms_json_read(c, &value, fuzz_text(c, data, size), size);
    MUST(rc == MS_OK || rc == MS_INVALID_DATA);
    MUST((rc == MS_OK) == (value != NULL) && rc == c->rc && (rc == MS_OK || c->message));
    MUST(rc != MS_OK || json_is_object(value) || json_is_array(value));
    return value;
}

static void check_round_trip(ms_ctx_t *c, const json_t *value)
{
    size_t length, again_length;
    const char *text = ms_json_write(c->pool, value, &length), *again_text;
    json_t *again = text ? read_body(c, text, length) : NULL;

    MUST(again && json_equal(again, value));
    again_text = ms_json_write(c->pool, again, &again_length);
    MUST(again_text && again_length == length && !memcmp(again_text, text, length));
}

/* What need not be read to be shown is what would be written of it. */
static void check_plain(ms_ctx_t *c, const char *data, size_t size)
{
    const char *text = fuzz_bytes(c, data, size), *written;
    json_t *value;
    size_t length;

    if (ms_json_is_plain(text, size)) {
        MUST(ms_json_parse(&value, fuzz_text(c, data, size), size, MS_JSON_DEPTH_MAX, 0) == MS_JSON_GOOD);
        written = ms_json_write(c->pool, ms_own(c->pool, value), &length);
        MUST(written && length == size && !memcmp(written, data, size));
    }
}

/* jansson refuses numbers that we take, takes what is too deep for us, and may overlook a NUL behind a number; but of what both take
 * it makes the same. */
static void compare(ms_ctx_t *c, const json_t *value, const char *data, size_t size)
{
    json_error_t error = { 0 };
    json_t *other = ms_own(c->pool, json_loadb(data, size, JSON_ALLOW_NUL, &error));

    if (value && other) {
        MUST(json_equal(value, other));
    }
    if (value && !other && (size < 3 || memcmp(data, "\xEF\xBB\xBF", 3))) {
        MUST(json_error_code(&error) == json_error_numeric_overflow);
    }
    if (other && !value) {
        MUST(strstr(c->message, "deeper") || memchr(data, '\0', size));
    }
}

static void check_rules(ms_ctx_t *c, json_t *value, const ms_rule_t *rules)
{
    json_t *once;
    ms_rc_t rc;

    fuzz_forget(c);
    c->body = value;
    rc = ms_validate(c, rules);
    MUST(rc == MS_OK || rc == MS_INVALID_DATA);
    if (rc == MS_OK) {
        once = ms_own(c->pool, json_deep_copy(value));
        MUST(ms_validate(c, rules) == MS_OK && json_equal(value, once));
    }
}

void fuzz_json(ms_ctx_t *c, const uint8_t *data, size_t size)
{
    json_t *value = read_body(c, data, size);

    check_plain(c, (const char *)data, size);
    compare(c, value, (const char *)data, size);
    if (value) {
        check_round_trip(c, value);
        check_rules(c, value, bodies[size % (sizeof bodies / sizeof *bodies)]->rules);
    }
}
