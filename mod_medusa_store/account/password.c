/* password.c: Argon2id through the gate; a wrong password, an unknown e-mail and a hash of Medusa's all take as long.
 *
 * Knows libsodium and the shop's costs. Called by api/; never while a database connection is held. */
#include "account/password.h"
#include "account/account.h"
#include "account/gate.h"
#include "core/text.h"
#include "core/wordlist.h"

#include <apr_strings.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* What is hashed too late for what comes after it is hashed for nothing: some of the time is left for that. */
static ms_rc_t enter(ms_ctx_t *c)
{
    struct ms_gate_t *gate = c->shop->account->gate;
    apr_interval_time_t wait = gate ? ms_time_left(c, ms_gate_wait(gate) + MS_TIME_FLOOR) - MS_TIME_FLOOR : 0;

    wait = wait > 0 ? wait : 0;
    if (gate && ms_gate_enter(gate, wait)) {
        ms_log_rarely(c->log, MS_LINE_HASH_BUSY, (int)apr_time_as_msec(wait));
        return ms_fail(c, MS_BUSY, NULL);
    }
    return MS_OK;
}

static void leave(ms_ctx_t *c)
{
    if (c->shop->account->gate) {
        ms_gate_leave(c->shop->account->gate);
    }
}

static ms_rc_t no_memory(ms_ctx_t *c)
{
    ms_log_rarely(c->log, MS_LINE_HASH_FAILED, (int)(c->shop->account->password_memory >> 10));
    return ms_fail(c, MS_BUSY, NULL);
}

const char *ms_password_decoy(apr_pool_t *pool, unsigned long long passes, size_t memory)
{
    char *hash = apr_palloc(pool, crypto_pwhash_STRBYTES);
    unsigned char password[32];

    randombytes_buf(password, sizeof password); /* known to nobody from here on */
    return crypto_pwhash_str(hash, (const char *)password, sizeof password, passes, memory) ? NULL : hash;
}

ms_rc_t ms_password_judge(ms_ctx_t *c, const char *password)
{
    const struct ms_account_t *account = c->shop->account;
    int common;

    if (ms_utf8_length(password, strlen(password)) < (size_t)account->password_length) {
        return ms_fail(c, MS_INVALID_DATA, "password must be longer than or equal to %d characters", account->password_length);
    }
    common = account->common_passwords ? ms_wordlist_has(account->common_passwords, c->pool, password) : 0;
    if (common) {
        return common < 0 ? ms_fail(c, MS_BUSY, NULL) : ms_fail(c, MS_INVALID_DATA, "password must not be one that many others have");
    }
    return MS_OK;
}

ms_rc_t ms_password_hash(ms_ctx_t *c, const char **hash, const char *password, size_t length)
{
    const struct ms_account_t *account = c->shop->account;
    char *made = apr_palloc(c->pool, crypto_pwhash_STRBYTES);
    ms_rc_t rc = enter(c);
    int rv;

    if (rc != MS_OK) {
        return rc;
    }
    c->hashes++;
    rv = crypto_pwhash_str(made, password, length, account->password_passes, account->password_memory);
    leave(c);
    *hash = made;
    return rv ? no_memory(c) : MS_OK;
}

static int is_argon2(const char *hash)
{
    return !strncmp(hash, crypto_pwhash_STRPREFIX, strlen(crypto_pwhash_STRPREFIX));
}

typedef struct {
    unsigned memory, passes; /* memory in KiB */
} cost_t;

static int read_cost(cost_t *cost, const char *hash)
{
    return sscanf(hash, crypto_pwhash_STRPREFIX "v=19$m=%7u,t=%4u,", &cost->memory, &cost->passes) == 2;
}

static int is_bearable(const char *hash, unsigned memory_max, unsigned passes_max)
{
    cost_t cost;

    return read_cost(&cost, hash) && cost.memory >= MS_HASH_MEMORY_MIN && cost.memory <= memory_max && cost.passes >= 1
        && cost.passes <= passes_max && (unsigned long long)cost.memory * cost.passes <= MS_HASH_WORK_MAX;
}

/* Cut, or garbled: no password fits. libsodium tells that from want of memory by errno; longer strings, of others, it only checks. */
static int is_broken(const char *hash)
{
    errno = 0;
    return strlen(hash) < crypto_pwhash_STRBYTES
        && crypto_pwhash_str_needs_rehash(hash, crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN) < 0 && errno == EINVAL;
}

static int is_known(const char *hash)
{
    return is_argon2(hash) ? is_bearable(hash, MS_HASH_MEMORY_MAX, MS_HASH_PASSES_MAX) && !is_broken(hash) : ms_scrypt_known(hash);
}

/* What was dearer stays: costs may be lowered, or differ among servers, without undoing anybody's protection. */
static int is_cheaper(const char *hash, const struct ms_account_t *account)
{
    cost_t cost;

    return !read_cost(&cost, hash) || cost.memory < account->password_memory >> 10 || cost.passes < account->password_passes;
}

static int check_any(ms_ctx_t *c, int *weak, const char *hash, const char *password, size_t length)
{
    const struct ms_account_t *account = c->shop->account;
    int fits;

    *weak = 0;
    if (hash && !is_known(hash)) {
        ms_log(c->log, MS_LINE_HASH_BROKEN);
        hash = NULL;
    }
    if (hash && is_argon2(hash)) {
        *weak = is_cheaper(hash, account);
        return ms_argon2_check(hash, password, length);
    }
    fits = hash ? ms_scrypt_check(hash, password, length) : 0;
    if (fits) {
        *weak = 1; /* and the new hash takes the time that the decoy takes otherwise */
        return fits;
    }
    return ms_argon2_check(account->decoy_hash, password, length) < 0 ? -1 : 0;
}

ms_rc_t ms_password_check(ms_ctx_t *c, int *good, int *weak, const char *hash, const char *password, size_t length)
{
    ms_rc_t rc = enter(c);
    int fits, old;

    *good = 0;
    if (rc != MS_OK) {
        return rc;
    }
    c->hashes++;
    fits = check_any(c, &old, hash, password, length);
    leave(c);
    if (fits < 0) {
        return no_memory(c);
    }
    *good = fits;
    if (weak) {
        *weak = old;
    }
    return MS_OK;
}

int ms_password_known(const char *stored)
{
    enum { MEMORY_MAX = 1 << 20, PASSES_MAX = 24 }; /* of what others have made */

    if (!is_argon2(stored)) {
        return ms_scrypt_known(stored);
    }
    return strlen(stored) < crypto_pwhash_STRBYTES && is_bearable(stored, MEMORY_MAX, PASSES_MAX)
        && crypto_pwhash_str_needs_rehash(stored, crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN) >= 0;
}
