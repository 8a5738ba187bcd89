/* set.c: a hash table of hashes (SipHash under a random key), open addressing.
 *
 * Knows nothing but texts. Called by import, which can't keep all ids of a file. */
#include "core/set.h"

#include <stdint.h>
#include <string.h>

#include <sodium.h>

enum { FIRST_SIZE = 1024 };

struct ms_set_t {
    apr_pool_t *pool, *table_pool;
    unsigned char key[crypto_shorthash_KEYBYTES];
    uint64_t *slots; /* 0: empty */
    size_t size, count; /* size is a power of 2 */
};

static void make_table(ms_set_t *set, size_t size)
{
    apr_pool_create(&set->table_pool, set->pool);
    set->slots = apr_pcalloc(set->table_pool, size * sizeof *set->slots);
    set->size = size;
}

ms_set_t *ms_set_make(apr_pool_t *pool)
{
    ms_set_t *set = apr_pcalloc(pool, sizeof *set);

    set->pool = pool;
    crypto_shorthash_keygen(set->key);
    make_table(set, FIRST_SIZE);
    return set;
}

/* Where it is, or would be. */
static uint64_t *slot_of(const ms_set_t *set, uint64_t hash)
{
    size_t i = hash & (set->size - 1);

    while (set->slots[i] && set->slots[i] != hash) {
        i = (i + 1) & (set->size - 1);
    }
    return &set->slots[i];
}

static uint64_t hash_of(const ms_set_t *set, const char *text)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash;

    crypto_shorthash(out, (const unsigned char *)text, strlen(text), set->key);
    memcpy(&hash, out, sizeof hash);
    return hash ? hash : 1;
}

static void grow(ms_set_t *set)
{
    apr_pool_t *old_pool = set->table_pool;
    const uint64_t *old = set->slots;
    size_t old_size = set->size, i;

    make_table(set, old_size * 2);
    for (i = 0; i < old_size; i++) {
        if (old[i]) {
            *slot_of(set, old[i]) = old[i];
        }
    }
    apr_pool_destroy(old_pool);
}

int ms_set_add(ms_set_t *set, const char *text)
{
    uint64_t hash = hash_of(set, text), *slot = slot_of(set, hash);

    if (*slot) {
        return 0;
    }
    *slot = hash;
    if (++set->count * 4 > set->size * 3) {
        grow(set);
    }
    return 1;
}

int ms_set_has(const ms_set_t *set, const char *text)
{
    return *slot_of(set, hash_of(set, text)) != 0;
}
