/* migrate.c: compares the migrations of a folder with those a database has, and applies the rest.
 *
 * Owns the table `migration`. MySQL can't roll back DDL, so a migration that fails midway leaves what it did: it is not
 * recorded, and the message says how far it came. Called by the admin tool only. */
#include "db/migrate.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <sodium.h>

#include "core/time.h"
#include "db/direct.h"
#include "db/script.h"

typedef struct {
    apr_pool_t *pool;
    const ms_migrate_t *wish;
    ms_direct_t *db;
    apr_array_header_t *scripts; /* ms_script_t: those of the folder */
    apr_array_header_t *applied; /* texts version, name, checksum: those of the database */
    apr_array_header_t *pending; /* arrays of statements, of scripts[applied->nelts] and on */
} run_t;

static const ms_script_t *script_get(const run_t *run, int i)
{
    return &APR_ARRAY_IDX(run->scripts, i, ms_script_t);
}

/* The lock is the connection's: whatever ends the run ends it too. Its name is one for the whole server, so that shops of
 * one server wait for each other; that costs seconds a year. */
static const char *lock(run_t *run)
{
    const char *got, *problem = ms_direct_value(&got, run->db, run->pool, "SELECT GET_LOCK('medusa_store_migrate', 30)");

    if (problem || !got) {
        return apr_psprintf(run->pool, "can't lock the schema: %s", problem ? problem : "the server gave no reason");
    }
    return strcmp(got, "1") ? "another migration is running, and was not done within 30 seconds" : NULL;
}

static const char *load_applied(run_t *run, int *has_table)
{
    const char *found, *problem;

    problem = ms_direct_value(&found, run->db, run->pool,
                              "SELECT COUNT(*) FROM information_schema.tables "
                              "WHERE table_schema = DATABASE() AND table_name = 'migration'");
    if (!problem && found && strcmp(found, "0")) {
        *has_table = 1;
        problem = ms_direct_read(&run->applied, run->db, run->pool, 3,
                                 "SELECT version, name, checksum FROM migration ORDER BY version");
    }
    return problem ? apr_psprintf(run->pool, "can't read the table migration: %s", problem) : NULL;
}

static int version_of(const run_t *run)
{
    int n = run->applied->nelts;

    return n ? atoi(APR_ARRAY_IDX(run->applied, n - 1, const char *const *)[0]) : 0;
}

/* What is wrong with the i-th migration that the database has, or NULL. */
static const char *compare(const run_t *run, int i)
{
    const char *const *applied = APR_ARRAY_IDX(run->applied, i, const char *const *);
    const ms_script_t *script = i < run->scripts->nelts ? script_get(run, i) : NULL;
    int version = atoi(applied[0]);

    if (script && script->version < version) {
        return apr_psprintf(run->pool, "%s.sql is older than %s, which the database has, but was never applied: "
                            "give it a number of its own at the end", script->name, applied[1]);
    }
    if (!script || script->version > version) {
        return apr_psprintf(run->pool, "the database has migration %s, which is not in %s", applied[1], run->wish->dir);
    }
    if (strcmp(script->name, applied[1]) || strcmp(script->checksum, applied[2])) {
        return apr_psprintf(run->pool, "%s.sql is not what was applied as %s (its checksum or name differs): restore it, and "
                            "put the change into a migration of its own", script->name, applied[1]);
    }
    return NULL;
}

static const char *check_applied(const run_t *run)
{
    int newest = script_get(run, run->scripts->nelts - 1)->version, i;
    const char *problem = NULL;

    if (version_of(run) > newest) {
        return apr_psprintf(run->pool, "the schema is at %d, but %s knows migrations up to %d only: "
                            "this is an older version of the software", version_of(run), run->wish->dir, newest);
    }
    for (i = 0; !problem && i < run->applied->nelts; i++) {
        problem = compare(run, i);
    }
    return problem;
}

/* All files are read before the first statement runs: a slip in the last must not stop a run midway. */
static const char *split_pending(run_t *run)
{
    const char *problem = NULL;
    int i;

    run->pending = apr_array_make(run->pool, 8, sizeof(apr_array_header_t *));
    for (i = run->applied->nelts; !problem && i < run->scripts->nelts; i++) {
        apr_array_header_t **statements = apr_array_push(run->pending);

        problem = ms_script_split(statements, run->pool, script_get(run, i));
    }
    return problem;
}

static const char *create_table(run_t *run)
{
    const char *problem = ms_direct_run(run->db, NULL,
                                        "CREATE TABLE migration ("
                                        " version INT NOT NULL PRIMARY KEY,"
                                        " name VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
                                        " checksum CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
                                        " applied_at DATETIME(3) NOT NULL"
                                        ") ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");

    return problem ? apr_psprintf(run->pool, "can't create the table migration: %s", problem) : NULL;
}

/* `done` statements ran, then one failed. */
static const char *failed(const run_t *run, const ms_script_t *script, int done, int count, const char *problem)
{
    const char *before = done == 0   ? "no statement before it has run"
                         : done == 1 ? "statement 1 has run and stays: undo it by hand before the next run"
                                     : apr_psprintf(run->pool, "statements 1 to %d have run and stay: undo them by hand before "
                                                    "the next run", done);

    return apr_psprintf(run->pool, "%s.sql: statement %d of %d failed: %s. The migration is not recorded, and the server can't "
                        "roll back changes of the schema; %s.%s", script->name, done + 1, count, problem, before,
                        ms_direct_lost(run->db) ? " The connection broke: the failed statement may have taken effect." : "");
}

/* A script's name and checksum are of letters, digits and '_' only: nothing to quote. */
static const char *record(run_t *run, const ms_script_t *script, int count)
{
    const char *sql = apr_psprintf(run->pool, "INSERT INTO migration (version, name, checksum, applied_at) "
                                   "VALUES (%d, '%s', '%s', UTC_TIMESTAMP(3))", script->version, script->name, script->checksum);
    const char *problem = ms_direct_run(run->db, NULL, sql);

    return problem ? apr_psprintf(run->pool, "%s.sql: all its %d statements have run, but it can't be recorded: %s",
                                  script->name, count, problem)
                   : NULL;
}

static const char *apply(run_t *run, const ms_script_t *script, const apr_array_header_t *statements)
{
    apr_time_t start = ms_steady_now();
    const char *problem;
    int i;

    for (i = 0; i < statements->nelts; i++) {
        if ((problem = ms_direct_run(run->db, NULL, APR_ARRAY_IDX(statements, i, const char *)))) {
            return failed(run, script, i, statements->nelts, problem);
        }
    }
    if (!(problem = record(run, script, statements->nelts))) {
        run->wish->tell(run->wish->baton, script->name, ms_steady_now() - start);
    }
    return problem;
}

static const char *apply_pending(run_t *run, int *version, int has_table)
{
    const char *problem = run->pending->nelts && !has_table && !run->wish->plan ? create_table(run) : NULL;
    int i;

    for (i = 0; !problem && i < run->pending->nelts; i++) {
        const ms_script_t *script = script_get(run, run->applied->nelts + i);

        if (run->wish->plan) {
            run->wish->tell(run->wish->baton, script->name, MS_MIGRATE_PLANNED);
        }
        else if (!(problem = apply(run, script, APR_ARRAY_IDX(run->pending, i, apr_array_header_t *)))) {
            *version = script->version;
        }
    }
    return problem;
}

const char *ms_migrate_run(int *version, apr_pool_t *pool, const ms_migrate_t *wish)
{
    run_t run = { .pool = pool, .wish = wish };
    const char *problem;
    int has_table = 0;

    *version = 0;
    run.applied = apr_array_make(pool, 0, sizeof(const char *const *));
    if (sodium_init() < 0) {
        return "libsodium does not start";
    }
    if ((problem = ms_script_list(&run.scripts, pool, wish->dir)) || (problem = ms_direct_open(&run.db, pool, wish->params))
        || (problem = lock(&run)) || (problem = load_applied(&run, &has_table)) || (problem = check_applied(&run))
        || (problem = split_pending(&run))) {
        return problem;
    }
    *version = version_of(&run);
    return apply_pending(&run, version, has_table);
}
