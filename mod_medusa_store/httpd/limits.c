/* limits.c: reads the directives about those who try too often, and keeps the memory of who tried over restarts.
 *
 * What is kept beyond one life of the module holds data only. What too often means, account/throttle.c knows. */
#include "httpd/limits.h"
#include "core/setting.h"
#include "httpd/config.h"
#include "httpd/count.h"
#include "httpd/retained.h"

#include <apr_shm.h>
#include <apr_strings.h>
#include <string.h>
#include <unistd.h>

enum { COUNT_MAX = 1000000, PERIOD_MAX = 30 * 86400 /* seconds */ };

static const char kept_as[] = "mod_medusa_store tries";
static const char *const by_words[MS_BY_COUNT] = { "Address", "Account", "Both" };

/* ---- values ---- */

void ms_limits_make(ms_throttle_t *throttle)
{
    int kind, by;

    throttle->mode = MS_UNSET;
    for (kind = 0; kind < MS_TRY_COUNT; kind++) {
        for (by = 0; by < MS_BY_COUNT; by++) {
            throttle->limits[kind][by].count = MS_UNSET;
        }
    }
}

void ms_limits_merge(ms_throttle_t *merged, const ms_throttle_t *base)
{
    int kind, by;

    merged->mode = merged->mode == MS_UNSET ? base->mode : merged->mode;
    merged->exempt = merged->exempt ? merged->exempt : base->exempt;
    for (kind = 0; kind < MS_TRY_COUNT; kind++) {
        for (by = 0; by < MS_BY_COUNT; by++) {
            if (merged->limits[kind][by].count == MS_UNSET) {
                merged->limits[kind][by] = base->limits[kind][by];
            }
        }
    }
}

void ms_limits_fill_in(ms_throttle_t *throttle)
{
    int kind, by;

    throttle->mode = throttle->mode == MS_UNSET ? MS_THROTTLE_ON : throttle->mode;
    for (kind = 0; kind < MS_TRY_COUNT; kind++) {
        for (by = 0; by < MS_BY_COUNT; by++) {
            if (throttle->limits[kind][by].count == MS_UNSET) {
                throttle->limits[kind][by] = ms_throttle_default((ms_try_t)kind, (ms_by_t)by);
            }
        }
    }
}

/* ---- directives ---- */

static ms_throttle_t *throttle_of(cmd_parms *cmd)
{
    return &ms_server_get(cmd->server)->throttle;
}

const char *ms_limits_set_mode(cmd_parms *cmd, void *dir, const char *arg)
{
    static const char *const words[] = { [MS_THROTTLE_ON] = "On", [MS_THROTTLE_DRY_RUN] = "DryRun", [MS_THROTTLE_OFF] = "Off" };
    int mode;

    for (mode = 0; mode <= MS_THROTTLE_OFF; mode++) {
        if (!strcasecmp(arg, words[mode])) {
            throttle_of(cmd)->mode = mode;
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool, "%s: \"%s\" is none of On, DryRun and Off", cmd->cmd->name, arg);
}

static int find_kind(const char *word)
{
    int kind;

    for (kind = MS_TRY_NONE + 1; kind < MS_TRY_COUNT && strcasecmp(word, ms_try_get((ms_try_t)kind)->word); kind++) {
    }
    return kind;
}

static const char *list_kinds(apr_pool_t *pool)
{
    const char *list = "";
    int kind;

    for (kind = MS_TRY_NONE + 1; kind < MS_TRY_COUNT; kind++) {
        list = apr_pstrcat(pool, list, kind == MS_TRY_NONE + 1 ? "" : kind == MS_TRY_COUNT - 1 ? " or " : ", ", ms_try_get((ms_try_t)kind)->word, NULL);
    }
    return list;
}

static int find_by(const char *word)
{
    int by;

    for (by = 0; by < MS_BY_COUNT && strcasecmp(word, by_words[by]); by++) {
    }
    return by;
}

/* "10/5mi" or "Off". 0: it is neither. */
static int parse_limit(ms_limit_t *limit, const char *text)
{
    apr_int64_t count;

    *limit = (ms_limit_t){ 0, 0 };
    if (!strcasecmp(text, "Off")) {
        return 1;
    }
    if (!ms_setting_rate(&count, &limit->period, text) || count < 1 || count > COUNT_MAX) {
        return 0;
    }
    limit->count = (int)count;
    return limit->period >= apr_time_from_sec(1) && limit->period <= apr_time_from_sec(PERIOD_MAX)
        && limit->count <= limit->period / (APR_USEC_PER_SEC / MS_THROTTLE_RATE_MAX);
}

const char *ms_limits_set(cmd_parms *cmd, void *dir, const char *kind_word, const char *by_word, const char *text)
{
    const char *name = cmd->cmd->name;
    int kind = find_kind(kind_word), by = find_by(by_word);

    if (kind == MS_TRY_COUNT) {
        return apr_psprintf(cmd->pool, "%s: \"%s\" is none of %s", name, kind_word, list_kinds(cmd->pool));
    }
    if (by == MS_BY_COUNT) {
        return apr_psprintf(cmd->pool, "%s: \"%s\" is none of Address, Account or Both", name, by_word);
    }
    if (!ms_throttle_counts((ms_try_t)kind, (ms_by_t)by)) {
        return apr_psprintf(cmd->pool, "%s: %s is counted by Address alone", name, ms_try_get((ms_try_t)kind)->word);
    }
    if (!parse_limit(&throttle_of(cmd)->limits[kind][by], text)) {
        return apr_psprintf(cmd->pool, "%s: \"%s\" is no limit; write 10/5mi (a number from 1 to %d, and a time from 1s to %d days, "
                                       "at most %d a second) or Off", name, text, COUNT_MAX, PERIOD_MAX / 86400, MS_THROTTLE_RATE_MAX);
    }
    return NULL;
}

const char *ms_limits_add_exempt(cmd_parms *cmd, void *dir, const char *arg)
{
    ms_throttle_t *throttle = throttle_of(cmd);
    ms_network_t network;

    if (!throttle->exempt) {
        throttle->exempt = apr_array_make(cmd->pool, 4, sizeof(ms_network_t));
    }
    if (!strcasecmp(arg, "None")) {
        apr_array_clear(throttle->exempt);
        return NULL;
    }
    if (!ms_network_parse(&network, arg)) {
        return apr_psprintf(cmd->pool, "%s: \"%s\" is no address or network; write 192.0.2.1, 192.0.2.0/24, 2001:db8::/32, or None",
                            cmd->cmd->name, arg);
    }
    APR_ARRAY_PUSH(throttle->exempt, ms_network_t) = network;
    return NULL;
}

/* ---- the memory ---- */

/* In the memory of the process, which no restart clears. */
typedef struct {
    apr_pool_t *pool; /* of the block; NULL: there is none */
    int layout;
    ms_ledger_t *ledger;
} kept_t;

static int processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);

    return n > 0 ? (int)n : 1;
}

static apr_status_t renew(kept_t *kept, apr_pool_t *process)
{
    int n = processors();
    apr_shm_t *memory;
    apr_status_t rv = ms_retained_renew(&kept->pool, process);

    rv = rv ? rv : apr_shm_create(&memory, ms_ledger_size(n), NULL, kept->pool);
    kept->ledger = rv ? NULL : ms_ledger_make(apr_shm_baseaddr_get(memory), n);
    kept->layout = rv ? 0 : MS_LEDGER_LAYOUT;
    return rv;
}

const char *ms_limits_start(server_rec *main_server)
{
    kept_t *kept = ms_retained_get(kept_as, sizeof *kept);
    server_rec *s;

    if (kept->layout != MS_LEDGER_LAYOUT && renew(kept, main_server->process->pool)) {
        return "no shared memory can be had for those who try too often (MedusaStoreThrottle)";
    }
    for (s = ms_count_next_shop(NULL, NULL); s; s = ms_count_next_shop(NULL, s)) {
        ms_server_t *server = ms_server_get(s);

        server->throttle.ledger = kept->ledger;
        server->throttle.shop = server->label;
        server->account.throttle = &server->throttle;
    }
    return NULL;
}
