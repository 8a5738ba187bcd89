/* billing.c: the second pass of import: customers' billing addresses, once the addresses are in the database.
 *
 * Reads the customers' file again, rather than keep it. A customer who has changed since, or has one, keeps what is there.
 * Called by import.c. */
#include "tools/intake.h"

#include <apr_strings.h>

#include "tools/progress.h"

typedef struct {
    ms_bulk_billing_t billing;
    const char *raw;
    size_t raw_length;
} item_t;

typedef struct {
    intake_t *in;
    const intake_t *addresses;
    apr_pool_t *pool;
    apr_array_header_t *items; /* item_t */
    ms_set_t *customers;       /* ids seen in this pass: of two rows with the same, the first counts */
    ms_set_t *used;            /* addresses that are somebody's already */
} pass_t;

static void take_record(pass_t *pass)
{
    const ms_transfer_t *t = pass->in->transfer;
    const char *values[MS_TRANSFER_COLUMNS_MAX], *address, *raw;
    item_t *item;

    ms_transfer_read(values, pass->pool, t, source_fields(pass->in->source), source_lengths(pass->in->source));
    if (!values[0] || !ms_set_add(pass->customers, values[0]) || !ms_set_has(pass->in->good, values[0])) {
        return;
    }
    if (!(address = values[ms_transfer_column(t, "billing_address_id")])) {
        return;
    }
    item = apr_array_push(pass->items);
    item->billing.customer = apr_pstrdup(pass->pool, values[0]);
    item->billing.address = apr_pstrdup(pass->pool, address);
    item->billing.updated_at = values[ms_transfer_column(t, "updated_at")];
    raw = source_raw(pass->in->source, &item->raw_length);
    item->raw = apr_pmemdup(pass->pool, raw, item->raw_length);
}

static int read_batch(pass_t *pass, const char **problem)
{
    int found = 1, records;

    for (records = 0; records < pass->in->batch && (found = source_next(pass->in->source, problem)) > 0; records++) {
        if (!*problem) {
            take_record(pass);
        }
        *problem = NULL;
    }
    return found;
}

static item_t *item_at(const pass_t *pass, int i)
{
    return &APR_ARRAY_IDX(pass->items, i, item_t);
}

static const char *find_addresses(apr_hash_t **found, pass_t *pass)
{
    apr_array_header_t *ids = apr_array_make(pass->pool, pass->items->nelts, sizeof(const char *));
    int i;

    for (i = 0; i < pass->items->nelts; i++) {
        APR_ARRAY_PUSH(ids, const char *) = item_at(pass, i)->billing.address;
    }
    return ms_bulk_ids(found, pass->in->db, pass->pool, "address", ids);
}

static const char *refuse(pass_t *pass, const item_t *item, const char *reason)
{
    pass->in->unbilled++;
    return reject_row(pass->in->reject, source_header(pass->in->source), item->raw, item->raw_length, reason);
}

/* Of these `billings`, copied out of the items with the index in `from`, some could not be set. */
static const char *settle(pass_t *pass, const ms_bulk_billing_t *billings, const int *from, int count)
{
    const char *problem = NULL;
    int i;

    for (i = 0; i < count && !problem; i++) {
        if (billings[i].refused) {
            problem = refuse(pass, item_at(pass, from[i]), apr_pstrcat(pass->pool, "the customer is in, but ", billings[i].refused, NULL));
        }
        else {
            pass->in->billed += billings[i].set;
        }
    }
    return problem;
}

static const char *take_batch(pass_t *pass)
{
    size_t room = (size_t)pass->items->nelts + 1;
    ms_bulk_billing_t *billings = apr_palloc(pass->pool, sizeof(*billings) * room);
    int *from = apr_palloc(pass->pool, sizeof(*from) * room), count = 0, i;
    apr_hash_t *found;
    const char *problem = find_addresses(&found, pass);

    for (i = 0; i < pass->items->nelts && !problem; i++) {
        item_t *item = item_at(pass, i);
        const char *address = item->billing.address;

        if (!apr_hash_get(found, address, APR_HASH_KEY_STRING) && !ms_set_has(pass->addresses->good, address)) {
            problem = refuse(pass, item, "the customer is in, but billing_address_id is no address");
        }
        else if (!ms_set_add(pass->used, address)) {
            problem = refuse(pass, item, "the customer is in, but billing_address_id is that of another customer");
        }
        else {
            from[count] = i;
            billings[count] = item->billing;
            billings[count].refused = NULL;
            billings[count++].set = pass->in->dry_run;
        }
    }
    if (!problem && !pass->in->dry_run) {
        problem = ms_bulk_bill(pass->in->db, pass->pool, billings, count);
    }
    return problem ? problem : settle(pass, billings, from, count);
}

static const char *take_all(pass_t *pass)
{
    progress_t progress;
    const char *problem = NULL, *unreadable = NULL;
    int more = 1;

    progress_begin(&progress, "billing addresses");
    while (more > 0 && !problem) {
        apr_pool_clear(pass->pool);
        pass->items = apr_array_make(pass->pool, 64, sizeof(item_t));
        more = read_batch(pass, &unreadable);
        problem = more < 0 ? unreadable : take_batch(pass);
        progress_tell(&progress, source_percent(pass->in->source), pass->in->billed + pass->in->unbilled);
    }
    progress_end(&progress, pass->in->billed + pass->in->unbilled);
    return problem ? apr_pstrdup(pass->in->pool, problem) : NULL;
}

const char *intake_bill(intake_t *customers, const intake_t *addresses)
{
    pass_t pass = { .in = customers, .addresses = addresses };
    const char *problem = source_open(&customers->source, customers->pool, customers->path, customers->transfer);

    if (!problem) {
        pass.customers = ms_set_make(customers->pool);
        pass.used = ms_set_make(customers->pool);
        apr_pool_create(&pass.pool, customers->pool);
        problem = take_all(&pass);
        apr_pool_destroy(pass.pool);
        source_close(customers->source);
    }
    return problem;
}
