/* account.h: the shop's settings for everything about signing in. */
#ifndef MS_ACCOUNT_ACCOUNT_H
#define MS_ACCOUNT_ACCOUNT_H

#include <stddef.h>
#include <apr_time.h>

struct ms_gate_t;
struct ms_jwt_keys_t;
struct ms_wordlist_t;
struct ms_throttle_t;

enum { MS_SECRET_MIN = 32 }; /* bytes */

typedef struct ms_account_t {
    const char *secrets[3];             /* the one to sign with, the one before it (or NULL), NULL */
    const struct ms_jwt_keys_t *token_keys; /* made of them; NULL: not yet */
    apr_interval_time_t session_life;   /* of a cookie's session, from its last use */
    apr_interval_time_t session_max;    /* and from its beginning, however much it is used; 0: no end */
    apr_interval_time_t token_life;     /* of a bearer token, from its issue */
    apr_interval_time_t key_life;       /* of what an Idempotency-Key was answered */
    unsigned long long password_passes; /* Argon2id t */
    size_t password_memory;             /* Argon2id m, bytes */
    int password_length;                /* characters that a new one must have */
    int confirm;                        /* 1: a change of e-mail or password asks for the password of now */
    const struct ms_wordlist_t *common_passwords; /* which nobody may choose; NULL: none */
    const char *decoy_hash;             /* a hash of these costs that nobody's password has */
    struct ms_gate_t *gate;             /* the server's hashing slots; NULL: no bound */
    const struct ms_throttle_t *throttle; /* how often is too often; NULL: never */
} ms_account_t;

#endif
