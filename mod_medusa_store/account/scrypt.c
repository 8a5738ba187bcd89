/* scrypt.c: passwords of customers who come from Medusa v1.
 *
 * The 96 bytes are the header of the scrypt file format: "scrypt", version 0, log2(N), r and p (big-endian), 32 bytes of
 * salt; 16 bytes of SHA-256 over those 48; 32 bytes of HMAC-SHA256 over those 64, keyed with the second half of the
 * derived key. Medusa's costs are the lowest there are: such hashes are replaced at the next sign-in. Used by password.c. */
#include "account/password.h"
#include "account/base64.h"

#include <sodium.h>
#include <string.h>

enum {
    HEADER = 96, SALT_AT = 16, SALT = 32, SUM_AT = 48, SUM = 16, MAC_AT = 64, MAC = 32, KEY = 64,
    LANES_MAX = 16
};
static const uint64_t memory_max = 128u << 20;

static uint32_t big_endian(const unsigned char *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Whoever can write a hash into the table must not be able to stop the server by its costs. */
static int bounded(unsigned log_n, uint32_t r, uint32_t p)
{
    return log_n >= 1 && log_n <= 20 && r >= 1 && r <= 64 && p >= 1 && p <= LANES_MAX
        && ((uint64_t)128 << log_n) * r <= memory_max;
}

static int parse(unsigned char *header, const char *stored)
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    size_t length;

    if (!ms_base64_read(header, HEADER, &length, stored, strlen(stored), sodium_base64_VARIANT_ORIGINAL)
        || length != HEADER || memcmp(header, "scrypt", 7)) { /* the 7th byte is the version, 0 */
        return 0;
    }
    crypto_hash_sha256(sum, header, SUM_AT);
    return !memcmp(sum, header + SUM_AT, SUM) && bounded(header[7], big_endian(header + 8), big_endian(header + 12));
}

int ms_scrypt_known(const char *stored)
{
    unsigned char header[HEADER];

    return parse(header, stored);
}

int ms_scrypt_check(const char *stored, const char *password, size_t length)
{
    unsigned char header[HEADER], key[KEY], mac[MAC];
    crypto_auth_hmacsha256_state state;
    int good;

    if (!parse(header, stored)) {
        return 0;
    }
    if (crypto_pwhash_scryptsalsa208sha256_ll((const unsigned char *)password, length, header + SALT_AT, SALT,
                                              (uint64_t)1 << header[7], big_endian(header + 8), big_endian(header + 12),
                                              key, KEY)) {
        return -1;
    }
    crypto_auth_hmacsha256_init(&state, key + KEY / 2, KEY / 2);
    crypto_auth_hmacsha256_update(&state, header, MAC_AT);
    crypto_auth_hmacsha256_final(&state, mac);
    good = !sodium_memcmp(mac, header + MAC_AT, MAC);
    sodium_memzero(key, sizeof key);
    return good;
}
