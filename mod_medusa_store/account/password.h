/* password.h: hashing and checking passwords, through the server's gate. */
#ifndef MS_ACCOUNT_PASSWORD_H
#define MS_ACCOUNT_PASSWORD_H

#include "core/ctx.h"

struct ms_account_t;

/** Bounds of a hash's costs: whoever can write one into the table must not be able to stop the server by them. Memory in KiB. */
enum {
    MS_HASH_MEMORY_MIN = 8, /* libsodium computes nothing below */
    MS_HASH_MEMORY_MAX = 4 << 20,
    MS_HASH_PASSES_MAX = 1000,
    MS_HASH_WORK_MAX = 24 << 20 /* memory times passes: some 15 seconds */
};

/** May a password be chosen in this shop? MS_INVALID_DATA: it is too short, or too common; MS_BUSY: no memory. What was chosen before stays
 *  good. */
ms_rc_t ms_password_judge(ms_ctx_t *c, const char *password);

/** Hash a password with the shop's costs; *hash is an Argon2id string in c->pool.
 *  MS_BUSY: no slot came free, or no memory. Hold no database connection while calling. */
ms_rc_t ms_password_hash(ms_ctx_t *c, const char **hash, const char *password, size_t length);

/** Check a password against a stored hash: Argon2id, or scrypt as Medusa v1 stores it. A hash of NULL (nobody has that
 *  e-mail) takes as long and fits nobody. *good is 1 or 0; *weak (may be NULL) is 1 where a good one should be hashed anew.
 *  MS_BUSY: no slot came free, or no memory; then neither is to be relied upon. */
ms_rc_t ms_password_check(ms_ctx_t *c, int *good, int *weak, const char *hash, const char *password, size_t length);

/** A hash of these costs that no password fits, for ms_account_t.decoy_hash; NULL when out of memory. */
const char *ms_password_decoy(apr_pool_t *pool, unsigned long long passes, size_t memory);

/** Check against an Argon2id string: 1 fits; 0 does not, as none fits a broken string or one whose costs can't be computed; -1: could
 *  not be found out, for want of memory. */
int ms_argon2_check(const char *stored, const char *password, size_t length);

/** Check against a scrypt-kdf text (base64 of 96 bytes) that is known: 1 fits, 0 does not, -1: out of memory. */
int ms_scrypt_check(const char *stored, const char *password, size_t length);

/** 1 if the text is in that format and its costs are bearable; costs nothing. */
int ms_scrypt_known(const char *stored);

/** 1 if a password can be checked against the text: scrypt as above, or an Argon2id string of at most 1 GiB and 24 passes. */
int ms_password_known(const char *stored);

#endif
