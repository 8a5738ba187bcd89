/* throttle.h: what becomes of those who try too often: to sign in, to register, to reset a password, to find out who has an account. */
#ifndef MS_ACCOUNT_THROTTLE_H
#define MS_ACCOUNT_THROTTLE_H

#include <apr_tables.h>
#include <apr_time.h>

#include "core/client.h"
#include "core/ctx.h"
#include "core/tries.h"

enum ms_throttle_mode_t { MS_THROTTLE_ON, MS_THROTTLE_DRY_RUN, MS_THROTTLE_OFF };

/** So many tries are free in a time; 0: any number. */
typedef struct {
    int count;
    apr_interval_time_t period;
} ms_limit_t;

/** What is remembered of all who try: keyed digests and times, in memory that all processes share. */
typedef struct ms_ledger_t ms_ledger_t;

/** A shop's rules. */
typedef struct ms_throttle_t {
    int mode; /* enum ms_throttle_mode_t */
    ms_limit_t limits[MS_TRY_COUNT][MS_BY_COUNT];
    apr_array_header_t *exempt; /* ms_network_t: addresses that many customers share; NULL: none */
    const char *shop;           /* its name: shops are counted apart */
    ms_ledger_t *ledger;
} ms_throttle_t;

/** 1: tries of this kind are counted by that: the kinds that name no account are not counted by one. */
int ms_throttle_counts(ms_try_t kind, ms_by_t by);

/** What holds for a kind where nothing is said. */
ms_limit_t ms_throttle_default(ms_try_t kind, ms_by_t by);

/** The quickest rate that can be kept, in tries a second. */
enum { MS_THROTTLE_RATE_MAX = 100 };

/** How many bytes a ledger takes that is enough for the passwords that so many processors can hash. */
size_t ms_ledger_size(int processors);

/** Make a ledger of zeroed memory of that size, at any address; never freed by itself. It holds data only. */
ms_ledger_t *ms_ledger_make(void *memory, int processors);

/** A number that is another one where the layout of ledgers is. */
enum { MS_LEDGER_LAYOUT = 1 };

/** Before the body is read: MS_TOO_MANY if the client's address has used up its tries of the kind that c->route is. Changes nothing. */
ms_rc_t ms_throttle_look(ms_ctx_t *c);

/** Before the action: count the try, for the client and for the account of that name (an e-mail address in lower case; of a change, the
 *  session that tries; NULL: none is named), as if it had failed.
 *  MS_TOO_MANY, with c->retry_after, where that is one too many; then nothing is counted. */
ms_rc_t ms_throttle_begin(ms_ctx_t *c, const char *account);

/** After the action: take the count back unless c->rc is an end that counts. */
void ms_throttle_end(ms_ctx_t *c);

#endif
