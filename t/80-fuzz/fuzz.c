/* fuzz.c: the list of targets, and the shop that they work in. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <sodium.h>

#include "account/account.h"
#include "core/xml.h"

static const struct {
    const char *name;
    fuzz_target_t run;
} targets[] = {
    { "config", fuzz_config }, { "cookie", fuzz_cookie }, { "csv", fuzz_csv },     { "email", fuzz_email },
    { "json", fuzz_json },     { "query", fuzz_query },   { "token", fuzz_token }, { "xml", fuzz_xml },
};

static const ms_account_t account = { .secrets = { "a secret of more than thirty-two characters", "the secret that was before that one", NULL } };
static const ms_shop_t shop = { .account = &account };
static apr_pool_t *pool;
static fuzz_target_t run;

/* ---- what is random elsewhere: the same for the same input, so that what was found is found again ---- */

static uint64_t state;

static uint32_t random_number(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

static void random_bytes(void *const bytes, const size_t size)
{
    size_t i;

    for (i = 0; i < size; i++) {
        ((unsigned char *)bytes)[i] = (unsigned char)random_number();
    }
}

static const char *random_name(void)
{
    return "none";
}

static randombytes_implementation predictable = { .implementation_name = random_name, .random = random_number, .buf = random_bytes };

int fuzz_start(const char *target)
{
    size_t i;

    randombytes_set_implementation(&predictable);

    for (i = 0; i < sizeof targets / sizeof *targets; i++) {
        run = target && !strcmp(targets[i].name, target) ? targets[i].run : run;
    }
    if (!run || sodium_init() < 0 || apr_initialize() || apr_pool_create(&pool, NULL)) {
        return 0;
    }
    ms_xml_start();
    return 1;
}

void fuzz_forget(ms_ctx_t *c)
{
    apr_pool_t *own = c->pool;

    *c = (ms_ctx_t){ .pool = own, .shop = &shop, .now = apr_time_from_sec(1800000000), .method = "GET", .mount = "/store", .path = "/" };
}

void fuzz_run(const uint8_t *data, size_t size)
{
    ms_ctx_t c = { .pool = pool };

    state = size;
    fuzz_forget(&c);
    fuzz_pool_begin(pool);
    run(&c, data, size);
    apr_pool_clear(pool);
    fuzz_pool_end();
}

char *fuzz_bytes(ms_ctx_t *c, const void *data, size_t size)
{
    char *bytes = apr_palloc(c->pool, size ? size : 1);

    if (size) {
        memcpy(bytes, data, size);
    }
    return bytes;
}

char *fuzz_text(ms_ctx_t *c, const void *data, size_t size)
{
    char *text = apr_palloc(c->pool, size + 1);

    if (size) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    return text;
}

_Noreturn void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    abort();
}
