/* target_xml.c: an XML body: what is read is what JSON could have said; metadata that is written as XML reads back the same. The first
 * byte chooses the operation. */
#include "fuzz.h"

#include <string.h>

#include "core/json.h"
#include "core/validate.h"
#include "core/xml.h"
#include "resource/resources.h"

static const ms_body_t *const bodies[] = {
    &ms_customer_create_body, &ms_customer_update_body, &ms_sign_in_body, &ms_address_add_body, &ms_address_edit_body,
    &ms_password_reset_body, &ms_password_token_body, NULL
};

static json_t *read_body(ms_ctx_t *c, const void *data, size_t size, const ms_rule_t *rules)
{
    json_t *value;
    ms_rc_t rc;

    fuzz_forget(c);
    rc = ms_xml_read(c, &value, fuzz_text(c, data, size), size, rules);
    MUST(rc == MS_OK || rc == MS_INVALID_DATA || rc == MS_UNSUPPORTED);
    MUST((rc == MS_OK) == json_is_object(value) && rc == c->rc);
    return value;
}

static void check_json(ms_ctx_t *c, const json_t *value)
{
    size_t length;
    const char *text = ms_json_write(c->pool, value, &length);
    json_t *again;

    fuzz_forget(c);
    MUST(text && ms_json_read(c, &again, fuzz_text(c, text, length), length) == MS_OK && json_equal(again, value));
}

/* As an answer shows it, and a body of the same operation can bring it. */
static void check_metadata(ms_ctx_t *c, json_t *metadata)
{
    json_t *answer = ms_own(c->pool, json_pack("{s:{s:O}}", "customer", "metadata", metadata)), *again;
    const char *text;
    size_t length;

    text = ms_xml_write(c->pool, &ms_customer_row_answer, answer, &length);
    MUST(text);
    again = read_body(c, text, length, ms_customer_update_body.rules);
    MUST(again && json_equal(json_object_get(again, "metadata"), metadata));
}

void fuzz_xml(ms_ctx_t *c, const uint8_t *data, size_t size)
{
    const ms_body_t *body = size ? bodies[*data & 7] : NULL;
    json_t *value = size ? read_body(c, data + 1, size - 1, body ? body->rules : NULL) : NULL;

    if (!value) {
        return;
    }
    check_json(c, value);
    if (json_is_object(json_object_get(value, "metadata"))) {
        check_metadata(c, json_object_get(value, "metadata"));
    }
    fuzz_forget(c);
    c->body = value;
    MUST(!body || ms_validate(c, body->rules) == MS_OK || c->rc == MS_INVALID_DATA);
}
