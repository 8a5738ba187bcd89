/* import.c: medusa-store-admin import: brings customers and addresses over from Medusa v1.
 *
 * Knows the options, the order of things, and the final counts; intake.c and billing.c do the work. What it writes holds no
 * e-mail and no hash. */
#include "tools/tool.h"

#include <stdio.h>

#include <apr_strings.h>
#include <sodium.h>

#include "tools/intake.h"

enum { OPT_HELP = 256, OPT_DRY_RUN, OPT_REJECT, OPT_BATCH };
enum { BATCH = 500, BATCH_MAX = 5000 };

typedef struct {
    call_t *call;
    const char *paths[2], *reject;
    int dry_run, batch;
    ms_direct_t *db;
    apr_hash_t *countries;
    intake_t customers, addresses;
    long before[2], after[2]; /* rows of the tables */
} import_t;

/* ---- before ---- */

static void set_up(import_t *m, intake_t *in, const ms_transfer_t *transfer, const char *what, const char *path)
{
    apr_pool_t *pool = m->call->pool;

    *in = (intake_t){ .pool = pool, .db = m->db, .transfer = transfer, .what = what, .path = path, .batch = m->batch,
                      .dry_run = m->dry_run, .countries = m->countries };
    in->reject = reject_make(pool, m->reject ? apr_pstrcat(pool, m->reject, ".", what, ".csv", NULL) : NULL);
}

/* Both files must be good at the head before the first row of either is written, and none of them a file to write to. */
static const char *check_files(import_t *m)
{
    static const ms_transfer_t *const transfers[] = { &ms_transfer_customer, &ms_transfer_address };
    apr_pool_t *pool = m->call->pool;
    const char *problem = NULL;
    int i;

    for (i = 0; i < 2 && !problem; i++) {
        source_t *source;

        if ((problem = source_open(&source, pool, m->paths[i], transfers[i]))) {
            return problem;
        }
        if (m->reject && (source_is(source, apr_pstrcat(pool, m->reject, ".customers.csv", NULL))
                          || source_is(source, apr_pstrcat(pool, m->reject, ".addresses.csv", NULL)))) {
            problem = apr_psprintf(pool, "%s would be overwritten by refused rows: give another --reject", m->paths[i]);
        }
        source_close(source);
    }
    return problem;
}

static const char *count_tables(import_t *m, long *counts)
{
    const char *problem = ms_bulk_count(&counts[0], m->db, m->call->pool, "customer");

    return problem ? problem : ms_bulk_count(&counts[1], m->db, m->call->pool, "address");
}

static const char *begin(import_t *m, const char *params)
{
    apr_pool_t *pool = m->call->pool;
    const char *problem;

    if ((problem = check_files(m)) || (problem = ms_direct_open(&m->db, pool, params))
        || (problem = ms_bulk_countries(&m->countries, m->db, pool)) || (problem = count_tables(m, m->before))) {
        return problem;
    }
    set_up(m, &m->customers, &ms_transfer_customer, "customers", m->paths[0]);
    set_up(m, &m->addresses, &ms_transfer_address, "addresses", m->paths[1]);
    m->addresses.customers = &m->customers;
    return (problem = reject_start(m->customers.reject)) ? problem : reject_start(m->addresses.reject);
}

/* ---- after ---- */

static void tell_counts(const import_t *m, const intake_t *in)
{
    printf("%s: read %ld, %s %ld, already there %ld, rejected %ld\n", in->what, in->read,
           m->dry_run ? "to be imported" : "imported", in->imported, in->there, in->rejected);
    if (!in->customers) {
        printf("billing addresses: %s %ld, not set %ld\n", m->dry_run ? "to be set" : "set", in->billed, in->unbilled);
    }
    reject_tell(in->reject, in->what);
}

/* Do the tables hold what was counted? Others may write meanwhile, so more rows are no mistake. */
static int compare(const import_t *m, int table, const intake_t *in)
{
    long more = m->after[table] - m->before[table];

    printf("table %s: %ld rows before, %ld now: ", in->transfer->table, m->before[table], m->after[table]);
    if (more == in->imported) {
        puts("as counted");
        return GOOD;
    }
    if (more > in->imported) {
        printf("%ld more than counted, written by others meanwhile\n", more - in->imported);
        return GOOD;
    }
    printf("%ld fewer than counted\n", in->imported - more);
    return complain(FAILED, "rows are missing from table %s: run the command again, and see who deletes", in->transfer->table);
}

static int report(import_t *m)
{
    const char *problem;
    int status = m->customers.rejected || m->addresses.rejected || m->customers.unbilled ? FAILED : GOOD;

    tell_counts(m, &m->customers);
    tell_counts(m, &m->addresses);
    if (m->dry_run) {
        puts("nothing was written (--dry-run)");
        return status;
    }
    if ((problem = count_tables(m, m->after))) {
        return complain(FAILED, "can't count the tables: %s", problem);
    }
    if (compare(m, 0, &m->customers) != GOOD || compare(m, 1, &m->addresses) != GOOD) {
        status = FAILED;
    }
    return status;
}

static int stop(const import_t *m, const char *problem)
{
    long written = m->dry_run ? 0 : m->customers.imported + m->addresses.imported;

    reject_end(m->customers.reject);
    reject_end(m->addresses.reject);
    return complain(FAILED, written ? "%s (%ld rows are in; run the command again to go on)" : "%s", problem, written);
}

static int run(import_t *m)
{
    const char *params, *problem;
    int status = find_params(&params, m->call);

    if (status != GOOD) {
        return status;
    }
    if (sodium_init() < 0) {
        return complain(FAILED, "libsodium does not start");
    }
    if ((problem = begin(m, params))) {
        return complain(FAILED, "%s", problem);
    }
    if ((problem = intake_run(&m->customers)) || (problem = intake_run(&m->addresses))
        || (problem = intake_bill(&m->customers, &m->addresses))) {
        return stop(m, problem);
    }
    if ((problem = reject_end(m->customers.reject)) || (problem = reject_end(m->addresses.reject))) {
        return complain(FAILED, "%s", problem);
    }
    return report(m);
}

/* ---- the command line ---- */

static int take_paths(import_t *m, const apr_getopt_t *os)
{
    if (os->argc - os->ind != 2) {
        return complain(USAGE, "import takes two files: customers, then addresses (see --help)");
    }
    m->paths[0] = os->argv[os->ind];
    m->paths[1] = os->argv[os->ind + 1];
    return GOOD;
}

int run_import(call_t *call)
{
    static const apr_getopt_option_t options[] = {
        { "dry-run", OPT_DRY_RUN, 0, NULL }, { "reject", OPT_REJECT, 1, NULL }, { "batch", OPT_BATCH, 1, NULL },
        { "help", OPT_HELP, 0, NULL },       { NULL, 0, 0, NULL }
    };
    import_t m = { .call = call, .batch = BATCH };
    const char *value;
    apr_getopt_t *os;
    apr_status_t status;
    int option;

    apr_getopt_init(&os, call->pool, call->argc, call->argv);
    os->interleave = 1; /* options may stand behind the files */
    while ((status = apr_getopt_long(os, options, &option, &value)) == APR_SUCCESS) {
        if (option == OPT_HELP) {
            return help();
        }
        if (option == OPT_BATCH && read_number(&m.batch, "--batch", value, 1, BATCH_MAX) != GOOD) {
            return USAGE;
        }
        m.dry_run |= option == OPT_DRY_RUN;
        m.reject = option == OPT_REJECT ? value : m.reject;
    }
    if (status != APR_EOF || take_paths(&m, os) != GOOD) {
        return USAGE;
    }
    return run(&m);
}
