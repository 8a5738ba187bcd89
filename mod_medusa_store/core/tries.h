/* tries.h: what is counted against those who try too often: the kinds of tries, and by whom each is counted.
 *
 * One row a kind. Routes name theirs; how many are too many, account/throttle.c knows. */
#ifndef MS_CORE_TRIES_H
#define MS_CORE_TRIES_H

#define MS_TRIES(X) \
    /* name         word            label           in a sentence */ \
    X(SIGN_IN,      "SignIn",       "sign-in",      "failed sign-ins") \
    X(REGISTRATION, "Registration", "registration", "registrations") \
    X(RESET_MAIL,   "ResetMail",    "reset-mail",   "requests for a reset token") \
    X(RESET,        "Reset",        "reset",        "failed password resets") \
    X(EXISTENCE,    "Existence",    "existence",    "questions for an account") \
    X(CHANGE,       "Change",       "change",       "failed changes of e-mail or password")

typedef enum {
    MS_TRY_NONE, /* may be done as often as anybody likes */
#define X(name, word, label, words) MS_TRY_##name,
    MS_TRIES(X)
#undef X
    MS_TRY_COUNT
} ms_try_t;

/** By whom tries are counted. */
typedef enum {
    MS_BY_ADDRESS, /* one address, whatever account */
    MS_BY_ACCOUNT, /* one account, whatever address */
    MS_BY_BOTH,    /* one account from one address */
    MS_BY_COUNT
} ms_by_t;

typedef struct {
    const char *word;  /* of directives; NULL for MS_TRY_NONE */
    const char *label; /* of metrics */
    const char *words; /* of log lines */
} ms_try_words_t;

/** What became of a request that was one try too many. */
enum ms_throttled_t { MS_THROTTLED_NOT, MS_THROTTLED, MS_THROTTLED_DRY /* only counted */, MS_THROTTLED_COUNT };

/** The row of a kind. Never NULL for a value of the enum. */
const ms_try_words_t *ms_try_get(ms_try_t kind);

#endif
