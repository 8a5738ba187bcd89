/* target_cookie.c: the session cookie. The first byte chooses: a Cookie field, which can't open; a text, which opens as what it was,
 * and no more once a bit is another; a session as mod_session writes it. */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "account/account.h"
#include "account/cookie.h"

static const char name[] = "connect.sid";

static void check_field(ms_ctx_t *c, const ms_cookie_keys_t *keys, const char *field)
{
    const char *value = ms_cookie_find(c->pool, field, name);

    if (value) {
        MUST(!strpbrk(value, "; \t") && strstr(field, apr_pstrcat(c->pool, name, "=", value, NULL)));
        MUST(!ms_cookie_open(c->pool, keys, name, value));
    }
}

static void check_flipped(ms_ctx_t *c, const ms_cookie_keys_t *keys, const char *value, unsigned at)
{
    char *flipped = apr_pstrdup(c->pool, value);

    flipped[at / 8 % strlen(flipped)] ^= (char)(1 << at % 8);
    MUST(!ms_cookie_open(c->pool, keys, name, flipped));
}

static void check_seal(ms_ctx_t *c, const ms_cookie_keys_t *keys, const char *text, unsigned at)
{
    const ms_cookie_keys_t old = { { { 0 } }, 1 }, rotated = { { { 1 } }, 2 };
    ms_cookie_keys_t later = rotated;
    const char *value = ms_cookie_seal(c->pool, keys, name, text), *opened;

    memcpy(later.key[1], keys->key[0], MS_COOKIE_KEY);
    opened = ms_cookie_open(c->pool, keys, name, value);
    MUST(strlen(value) > MS_COOKIE_MAX ? !opened : opened && !strcmp(opened, text));
    if (!opened) {
        return;
    }
    opened = ms_cookie_open(c->pool, &later, name, value);
    MUST(opened && !strcmp(opened, text));
    MUST(!ms_cookie_open(c->pool, &old, name, value));
    MUST(!ms_cookie_open(c->pool, keys, "connect.sic", value));
    check_flipped(c, keys, value, at);
    opened = ms_cookie_find(c->pool, apr_pstrcat(c->pool, "a=", name, "; x", name, "=1; ", name, "=", value, "; z=2", NULL), name);
    MUST(opened && !strcmp(opened, value));
}

/* By another way: cut at each &, then at the first =. */
static const char *entry_by_cutting(ms_ctx_t *c, const char *text, const char *key)
{
    char *copy = apr_pstrdup(c->pool, text), *last, *pair;

    for (pair = apr_strtok(copy, "&", &last); pair; pair = apr_strtok(NULL, "&", &last)) {
        char *equals = strchr(pair, '=');

        if (equals && (size_t)(equals - pair) == strlen(key) && !strncmp(pair, key, strlen(key))) {
            return equals + 1;
        }
    }
    return NULL;
}

static void check_entries(ms_ctx_t *c, const char *text)
{
    static const char *const keys[] = { "medusa-session", "expiry", "" };
    size_t i;

    for (i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *entry = ms_cookie_entry(c->pool, text, keys[i]), *want = entry_by_cutting(c, text, keys[i]);

        MUST(!entry == !want && (!entry || !strcmp(entry, want)));
    }
}

void fuzz_cookie(ms_ctx_t *c, const uint8_t *data, size_t size)
{
    ms_cookie_keys_t keys;
    const char *text;

    if (size < 3) {
        return;
    }
    ms_cookie_keys(&keys, c->shop->account->secrets);
    MUST(keys.count == 2);
    text = fuzz_text(c, data + 3, size - 3);
    switch (data[0] % 3) {
    case 0: check_field(c, &keys, text); break;
    case 1: check_seal(c, &keys, text, (unsigned)data[1] << 8 | data[2]); break;
    case 2: check_entries(c, text); break;
    }
}
