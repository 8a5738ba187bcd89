/* argon2.c: checks a password against an Argon2id string.
 *
 * libsodium's own check takes a hash that could not be computed, for want of memory, for one that does not fit: a right password
 * would be refused. So the string is taken apart here, and the hash computed by the function that does tell. Used by password.c. */
#include "account/password.h"
#include "account/base64.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { HASH_MAX = 64, BASE64 = sodium_base64_VARIANT_ORIGINAL_NO_PADDING };

typedef struct {
    unsigned memory, passes, lanes; /* memory in KiB */
    unsigned char salt[crypto_pwhash_SALTBYTES], hash[HASH_MAX];
    size_t salt_length, hash_length;
} parts_t;

/* 0: it is not of the form that libsodium writes, though its check may know it. */
static int take_apart(parts_t *parts, const char *text)
{
    int start = 0;
    size_t salt;

    if (sscanf(text, crypto_pwhash_STRPREFIX "v=19$m=%9u,t=%9u,p=%9u$%n", &parts->memory, &parts->passes, &parts->lanes, &start) != 3 || !start) {
        return 0;
    }
    text += start;
    salt = strcspn(text, "$");
    return text[salt] && parts->lanes == 1 && ms_base64_read(parts->salt, sizeof parts->salt, &parts->salt_length, text, salt, BASE64)
        && parts->salt_length == sizeof parts->salt
        && ms_base64_read(parts->hash, sizeof parts->hash, &parts->hash_length, text + salt + 1, strlen(text + salt + 1), BASE64);
}

/* After it was said that a password does not fit: could its memory be had at all? */
static int had_memory(const char *text)
{
    unsigned memory;
    void *block;

    if (sscanf(text, crypto_pwhash_STRPREFIX "v=19$m=%9u,", &memory) != 1) {
        return 1;
    }
    block = mmap(NULL, (size_t)memory << 10, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    return block != MAP_FAILED && !munmap(block, (size_t)memory << 10);
}

/* Strings of other makers: more lanes, other lengths; or broken ones, which no password fits. libsodium tells want of memory by errno
 * alone, and not always. One that found no memory, which is there again a moment later, remains a wrong password; the next sign-in is
 * better off. */
static int check_foreign(const char *text, const char *password, size_t length)
{
    errno = 0;
    if (!crypto_pwhash_str_verify(text, password, length)) {
        return 1;
    }
    return !errno || (errno == EINVAL && had_memory(text)) ? 0 : -1; /* 0: it can't be read */
}

int ms_argon2_check(const char *stored, const char *password, size_t length)
{
    unsigned char hash[HASH_MAX];
    parts_t parts;
    int fits;

    if (!take_apart(&parts, stored) || parts.hash_length < crypto_pwhash_BYTES_MIN) {
        return check_foreign(stored, password, length);
    }
    errno = 0;
    if (crypto_pwhash(hash, parts.hash_length, password, length, parts.salt, parts.passes, (size_t)parts.memory << 10,
                      crypto_pwhash_ALG_ARGON2ID13)) {
        return errno == EINVAL || errno == EFBIG ? 0 : -1; /* the costs themselves are refused */
    }
    fits = !sodium_memcmp(hash, parts.hash, parts.hash_length);
    sodium_memzero(hash, sizeof hash);
    return fits;
}
