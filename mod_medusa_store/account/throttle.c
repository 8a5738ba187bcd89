/* throttle.c: how often is too often, for whom, and what counts.
 *
 * Tries are counted before they are made, so that many at once are no way around, and taken back where they turn out not to count. Three rules:
 * an address may fail so often, whatever account; with one account less often; and an account may be failed with so often, whatever address.
 * The last must not lock its owner out: beyond it, an address from which the account was opened lately goes on by the second rule, and any
 * other one may fail once in a while, until a reserve is used up. IPv6 addresses count by homes; strangers' by sites, for who has one has
 * 65,536 homes. Called by api/dispatch.c. */
#include "account/throttle.h"
#include "account/account.h"
#include "core/ration.h"
#include "core/route.h"
#include "core/time.h"

#include <apr_strings.h>
#include <sodium.h>
#include <stdatomic.h>
#include <string.h>

enum {
    TICK = 1000 * 1000 / MS_THROTTLE_RATE_MAX, /* microseconds */
    SECOND = MS_THROTTLE_RATE_MAX,             /* ticks */
    LOG_EVERY = 60 * SECOND,
    KNOWN_FOR = 30 * 86400,                    /* seconds */
    SETS_PER_PROCESSOR = 1 << 13,              /* 64 KiB entries: three a failed sign-in, 50 hashes a second, over 7 minutes */
    PROCESSORS_MAX = 1 << 7,
    AT_ONCE = 3                                /* counts of a try */
};

#define LIMIT(count, seconds) { count, apr_time_from_sec(seconds) }
#define OFF { 0, 0 }
#define BIT(problem) (1u << MS_##problem)

static const struct {
    unsigned counts;  /* bits of the ends that count */
    int names;        /* 1: an account */
    int opens;        /* 1: who succeeds has shown that the account is his */
    unsigned reserve; /* an account's limit times this is the most that strangers may fail with it */
    ms_limit_t limits[MS_BY_COUNT];
} rules[MS_TRY_COUNT] = {
    /* A registration that is sent again with its key tries a password, too. A change names no account, but a session that guesses.
     *                                                                                   address           account           both */
    [MS_TRY_SIGN_IN]      = { BIT(UNAUTHORIZED),                       1, 1, 10, { LIMIT(100, 600),  LIMIT(100, 3600), LIMIT(10, 600) } },
    [MS_TRY_REGISTRATION] = { BIT(OK) | BIT(DUPLICATE) | BIT(KEY_REUSED), 1, 1, 10, { LIMIT(100, 3600), LIMIT(100, 3600), LIMIT(10, 600) } },
    [MS_TRY_RESET_MAIL]   = { BIT(OK),                                 1, 0, 1,  { LIMIT(30, 3600),  LIMIT(10, 3600),  LIMIT(5, 3600) } },
    [MS_TRY_RESET]        = { BIT(BAD_TOKEN),                          1, 1, 10, { LIMIT(30, 600),   LIMIT(100, 3600), LIMIT(10, 600) } },
    [MS_TRY_EXISTENCE]    = { BIT(OK),                                 0, 0, 1,  { LIMIT(300, 600),  OFF,              OFF } },
    [MS_TRY_CHANGE]       = { BIT(DUPLICATE) | BIT(WRONG_PASSWORD),    1, 0, 1,  { LIMIT(30, 3600),  LIMIT(10, 3600),  OFF } },
};

int ms_throttle_counts(ms_try_t kind, ms_by_t by)
{
    return by == MS_BY_ADDRESS || rules[kind].names;
}

ms_limit_t ms_throttle_default(ms_try_t kind, ms_by_t by)
{
    return rules[kind].limits[by];
}

/* ---- the ledger ---- */

struct ms_ledger_t {
    unsigned char key[crypto_shorthash_KEYBYTES]; /* of this server, until it stops */
    apr_time_t since;
    _Atomic(uint64_t) logged[MS_TRY_COUNT]; /* when */
    size_t tries, known;                    /* where the tables are: bytes from here */
};

static uint32_t sets_for(int processors)
{
    uint32_t n = 1;

    while (n < PROCESSORS_MAX && (int)n < processors) {
        n *= 2;
    }
    return n * SETS_PER_PROCESSOR;
}

/* Behind the head, at the next address that suits whatever comes. */
static const size_t head_size = (sizeof(ms_ledger_t) + 15) / 16 * 16;

size_t ms_ledger_size(int processors)
{
    return head_size + 2 * ms_rations_size(sets_for(processors)) + 16;
}

ms_ledger_t *ms_ledger_make(void *memory, int processors)
{
    ms_ledger_t *ledger = (ms_ledger_t *)(((uintptr_t)memory + 15) / 16 * 16);
    char *at = (char *)ledger + head_size;
    uint32_t sets = sets_for(processors);

    crypto_shorthash_keygen(ledger->key);
    ledger->since = ms_steady_now();
    ledger->tries = (size_t)((char *)ms_rations_make(at, sets) - (char *)ledger);
    ledger->known = (size_t)((char *)ms_rations_make(at + ms_rations_size(sets), sets) - (char *)ledger);
    return ledger;
}

static ms_rations_t *tries_of(ms_ledger_t *ledger) { return (ms_rations_t *)((char *)ledger + ledger->tries); }
static ms_rations_t *known_of(ms_ledger_t *ledger) { return (ms_rations_t *)((char *)ledger + ledger->known); }

static uint64_t ticks_of(apr_interval_time_t time)
{
    return (uint64_t)time / TICK;
}

static uint64_t now_of(const ms_ledger_t *ledger)
{
    return ticks_of(ms_steady_now() - ledger->since) + 1;
}

/* ---- a try ---- */

struct ms_taken_t {
    const char *account;
    int n;
    struct {
        uint64_t key, step;
    } count[AT_ONCE];
};

/* What is known of who tries, while it is judged. */
typedef struct {
    ms_ctx_t *c;
    const ms_throttle_t *throttle;
    ms_try_t kind;
    ms_client_t client; /* the group that it belongs to */
    int exempt;
    const char *account; /* its name; NULL: none is named */
    uint64_t now;
    ms_by_t by;         /* what refused it */
} trier_t;

static const ms_throttle_t *throttle_of(const ms_ctx_t *c)
{
    const ms_throttle_t *throttle = c->shop->account->throttle;

    return throttle && throttle->mode != MS_THROTTLE_OFF ? throttle : NULL;
}

static int is_exempt(const ms_throttle_t *throttle, const ms_client_t *client)
{
    int i;

    for (i = 0; throttle->exempt && i < throttle->exempt->nelts; i++) {
        if (ms_network_has(&APR_ARRAY_IDX(throttle->exempt, i, ms_network_t), client)) {
            return 1;
        }
    }
    return 0;
}

/* 0: nothing is counted here. Who is told nothing of accounts may ask for them. */
static int find_trier(trier_t *t, ms_ctx_t *c, const char *account)
{
    t->kind = c->route ? c->route->tries : MS_TRY_NONE;
    if (t->kind == MS_TRY_NONE || !(t->throttle = throttle_of(c)) || (t->kind == MS_TRY_EXISTENCE && c->hides_accounts)) {
        return 0;
    }
    t->c = c;
    ms_client_parse(&t->client, c->client); /* those without an address are one */
    t->exempt = is_exempt(t->throttle, &t->client);
    ms_client_group(&t->client, MS_CLIENT_HOME);
    t->account = rules[t->kind].names ? account : NULL;
    t->now = now_of(t->throttle->ledger);
    return 1;
}

static const ms_limit_t *limit_of(const trier_t *t, ms_by_t by)
{
    return &t->throttle->limits[t->kind][by];
}

/* Of a limit that is set: what a try is worth, and what all free ones are. */
static uint64_t step_of(const ms_limit_t *limit) { return ticks_of(limit->period) / (uint64_t)limit->count; }
static uint64_t room_of(const ms_limit_t *limit) { return step_of(limit) * (uint64_t)limit->count; }

/* A digest under the server's key: nobody who sees the memory finds an e-mail in it, and nobody can choose what shares a place. */
static uint64_t key_of(const trier_t *t, ms_try_t kind, ms_by_t by, const ms_client_t *client, const char *account)
{
    static const ms_client_t any;
    struct {
        unsigned char kind, by;
        ms_client_t client;
    } head = { (unsigned char)kind, (unsigned char)by, client ? *client : any };
    size_t shop = strlen(t->throttle->shop) + 1, rest = account ? strlen(account) : 0; /* with the zero that parts the two */
    unsigned char *text = apr_palloc(t->c->pool, sizeof head + shop + rest), digest[crypto_shorthash_BYTES];
    uint64_t key;

    memcpy(text, &head, sizeof head);
    memcpy(text + sizeof head, t->throttle->shop, shop);
    memcpy(text + sizeof head + shop, account ? account : "", rest);
    crypto_shorthash(digest, text, sizeof head + shop + rest, t->throttle->ledger->key);
    memcpy(&key, digest, sizeof key);
    return key;
}

static uint64_t key_by(const trier_t *t, ms_by_t by)
{
    return key_of(t, t->kind, by, by == MS_BY_ACCOUNT ? NULL : &t->client, by == MS_BY_ADDRESS ? NULL : t->account);
}

/* One key whatever the kind: the account was opened from there. */
static uint64_t key_known(const trier_t *t)
{
    return key_of(t, MS_TRY_NONE, MS_BY_BOTH, &t->client, t->account);
}

/* 0: counted, and written down to be taken back; else how many ticks it is too early. */
static uint64_t take(trier_t *t, ms_by_t by, uint64_t step, uint64_t room)
{
    struct ms_taken_t *taken = t->c->taken;
    uint64_t key = key_by(t, by), wait = ms_ration_take(tries_of(t->throttle->ledger), key, t->now, step, room);

    t->by = by;
    if (!wait) {
        taken->count[taken->n].key = key;
        taken->count[taken->n++].step = step;
    }
    return wait;
}

static void give_back(const trier_t *t)
{
    struct ms_taken_t *taken = t->c->taken;

    while (taken->n) {
        taken->n--;
        ms_ration_return(tries_of(t->throttle->ledger), taken->count[taken->n].key, taken->count[taken->n].step);
    }
}

/* ---- the rules ---- */

static uint64_t take_by_address(trier_t *t)
{
    const ms_limit_t *limit = limit_of(t, MS_BY_ADDRESS);

    return limit->count && !t->exempt ? take(t, MS_BY_ADDRESS, step_of(limit), room_of(limit)) : 0;
}

/* One free failure in the whole time of the limit, or, where there is none, in that of the account's; for all of a site together. */
static uint64_t take_once(trier_t *t)
{
    uint64_t whole = ticks_of(limit_of(t, limit_of(t, MS_BY_BOTH)->count ? MS_BY_BOTH : MS_BY_ACCOUNT)->period);

    ms_client_group(&t->client, MS_CLIENT_SITE);
    return take(t, MS_BY_BOTH, whole, whole);
}

static uint64_t take_by_both(trier_t *t)
{
    const ms_limit_t *limit = limit_of(t, MS_BY_BOTH);

    return limit->count ? take(t, MS_BY_BOTH, step_of(limit), room_of(limit)) : 0;
}

static uint64_t take_by_account(trier_t *t)
{
    const ms_limit_t *limit = limit_of(t, MS_BY_ACCOUNT);
    ms_ledger_t *ledger = t->throttle->ledger;
    uint64_t wait;
    int besieged;

    if (!limit->count || ms_ration_debt(known_of(ledger), key_known(t), t->now)) {
        return take_by_both(t);
    }
    besieged = ms_ration_debt(tries_of(ledger), key_by(t, MS_BY_ACCOUNT), t->now) + step_of(limit) > room_of(limit);
    wait = besieged ? take_once(t) : take_by_both(t);
    return wait ? wait : take(t, MS_BY_ACCOUNT, step_of(limit), room_of(limit) * rules[t->kind].reserve);
}

/* ---- refusing ---- */

static const char *const by_words[MS_BY_COUNT] = { "by one address", "with one account", "with one account by one address" };

/* Once a minute and kind, whatever the process. */
static void log_too_many(const trier_t *t, int dry)
{
    _Atomic(uint64_t) *logged = &t->throttle->ledger->logged[t->kind];
    uint64_t last = atomic_load_explicit(logged, memory_order_relaxed);

    if ((!last || t->now > last + LOG_EVERY) && atomic_compare_exchange_strong(logged, &last, t->now)) {
        ms_log(t->c->log, dry ? MS_LINE_TOO_MANY_DRY : MS_LINE_TOO_MANY, ms_try_get(t->kind)->words, by_words[t->by]);
    }
}

static ms_rc_t refuse(const trier_t *t, uint64_t wait)
{
    ms_ctx_t *c = t->c;
    int dry = t->throttle->mode == MS_THROTTLE_DRY_RUN;

    log_too_many(t, dry);
    c->throttled = dry ? MS_THROTTLED_DRY : MS_THROTTLED;
    if (dry) {
        return MS_OK;
    }
    c->retry_after = (int)((wait + SECOND - 1) / SECOND);
    return ms_fail(c, MS_TOO_MANY, "Too many tries. Please try again in %d second%s.", c->retry_after, c->retry_after == 1 ? "" : "s");
}

ms_rc_t ms_throttle_look(ms_ctx_t *c)
{
    trier_t t = { .by = MS_BY_ADDRESS };
    const ms_limit_t *limit;
    uint64_t after;

    if (!find_trier(&t, c, NULL) || t.exempt || !(limit = limit_of(&t, MS_BY_ADDRESS))->count) {
        return MS_OK;
    }
    after = ms_ration_debt(tries_of(t.throttle->ledger), key_by(&t, MS_BY_ADDRESS), t.now) + step_of(limit);
    return after > room_of(limit) ? refuse(&t, after - room_of(limit)) : MS_OK;
}

ms_rc_t ms_throttle_begin(ms_ctx_t *c, const char *account)
{
    uint64_t wait;
    trier_t t;

    if (c->throttled || !find_trier(&t, c, account)) { /* one that is only to be told of was told of */
        return MS_OK;
    }
    c->taken = apr_pcalloc(c->pool, sizeof *c->taken);
    c->taken->account = t.account;
    wait = take_by_address(&t);
    if (!wait && t.account) {
        wait = take_by_account(&t);
    }
    if (!wait) {
        return MS_OK;
    }
    give_back(&t);
    return refuse(&t, wait);
}

void ms_throttle_end(ms_ctx_t *c)
{
    trier_t t;

    if (!c->taken || !find_trier(&t, c, c->taken->account)) {
        return;
    }
    if (!(rules[t.kind].counts & 1u << c->rc)) {
        give_back(&t);
    }
    if (c->rc == MS_OK && rules[t.kind].opens && t.account) {
        ms_ration_note(known_of(t.throttle->ledger), key_known(&t), t.now, (uint64_t)KNOWN_FOR * SECOND);
    }
}
