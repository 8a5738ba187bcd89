/* id.c: ids of rows.
 *
 * Owns the form of ids (prefix_ULID, contract 1.5). Knows libsodium's random numbers, which are safe across forks and
 * threads once sodium_init() ran at start. Called wherever a row is made or an id comes from outside. */
#include "core/id.h"

#include <sodium.h>
#include <stdint.h>
#include <string.h>

enum { TIME_LENGTH = 10, RANDOM_BYTES = 10, ID_MAX = 64 };

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Five bytes are eight characters. */
static void encode_five(char *out, const unsigned char *in)
{
    uint64_t bits = 0;
    int i;

    for (i = 0; i < 5; i++) {
        bits = bits << 8 | in[i];
    }
    for (i = 7; i >= 0; i--, bits >>= 5) {
        out[i] = crockford[bits & 31];
    }
}

static void encode_time(char *out, apr_time_t now)
{
    uint64_t ms = now > 0 ? (uint64_t)now / 1000 : 0;
    int i;

    for (i = TIME_LENGTH - 1; i >= 0; i--, ms >>= 5) {
        out[i] = crockford[ms & 31];
    }
}

const char *ms_id_make(apr_pool_t *pool, const char *prefix, apr_time_t now)
{
    size_t length = strlen(prefix);
    unsigned char random[RANDOM_BYTES];
    char *id = apr_palloc(pool, length + 1 + MS_ULID_LENGTH + 1), *ulid;

    if (!id) {
        return NULL;
    }
    memcpy(id, prefix, length);
    id[length] = '_';
    ulid = id + length + 1;
    encode_time(ulid, now);
    randombytes_buf(random, sizeof random);
    encode_five(ulid + TIME_LENGTH, random);
    encode_five(ulid + TIME_LENGTH + 8, random + 5);
    ulid[MS_ULID_LENGTH] = '\0';
    return id;
}

int ms_id_check(const char *s)
{
    int n;

    for (n = 0; s[n]; n++) {
        char c = s[n];

        if (n == ID_MAX || !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_')) {
            return 0;
        }
    }
    return n > 0;
}
