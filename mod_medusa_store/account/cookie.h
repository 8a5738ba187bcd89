/* cookie.h: the text of the session cookie: how it is found, sealed and opened, and what its entries are. */
#ifndef MS_ACCOUNT_COOKIE_H
#define MS_ACCOUNT_COOKIE_H

#include <apr_pools.h>

enum {
    MS_COOKIE_MAX = 4096, /* bytes of a value: what browsers keep */
    MS_COOKIE_KEY = 32    /* bytes of a key */
};

/** What a shop seals with: the first; and opens with: any. */
typedef struct {
    unsigned char key[2][MS_COOKIE_KEY];
    int count;
} ms_cookie_keys_t;

/** Derive the keys from the shop's secrets; that list ends with NULL. Without a secret there are no keys. */
void ms_cookie_keys(ms_cookie_keys_t *keys, const char *const *secrets);

/** Seal a text as the value of a cookie of this name, in `pool`. There must be a key. */
const char *ms_cookie_seal(apr_pool_t *pool, const ms_cookie_keys_t *keys, const char *name, const char *text);

/** What was sealed under this name with one of the keys, in `pool`; NULL: it wasn't. */
const char *ms_cookie_open(apr_pool_t *pool, const ms_cookie_keys_t *keys, const char *name, const char *value);

/** Value of the first cookie of that name in a Cookie field (NULL: no field), in `pool`, or NULL. */
const char *ms_cookie_find(apr_pool_t *pool, const char *field, const char *name);

/** An entry of what mod_session has written (NULL: nothing), in `pool`, or NULL. Its value is not decoded. */
const char *ms_cookie_entry(apr_pool_t *pool, const char *text, const char *key);

#endif
