/* mod_bench.c: what mod_medusa_store is measured against: handlers that do no more than they must.
 *
 *   bench-bare      runs the plan's queries (plan.h), reads every column of every row, and answers with a constant
 *   bench-constant  answers with a constant
 *
 * The answer's length is the number that ends the address: /bench/bare/1234. Each thread keeps one apr_dbd connection for
 * good: no pool, no waiting, no time-outs. Loaded by bench/run only; serves nobody else. */
#include "plan.h"

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>

#include <apr_dbd.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

enum { ANSWER_MAX = 65536, PARAMS_MAX = 1024 };

typedef struct {
    apr_dbd_t *handle;
    apr_dbd_prepared_t *stmts[PLAN_LINES_MAX];
} link_t;

static const apr_dbd_driver_t *driver;
static const char *params;
static plan_t plan;
static char answer[ANSWER_MAX];

static _Thread_local link_t *mine;
static _Thread_local size_t seen; /* bytes of columns: keeps the compiler from leaving out the reading */

/* ---- directives ---- */

static const char *set_plan(cmd_parms *cmd, void *unused, const char *file)
{
    return plan_read(&plan, file);
}

/* The field size is the one that the module asks for (db/pool.c): it is what apr_dbd sets aside for each column. */
static const char *set_params(cmd_parms *cmd, void *unused, const char *name)
{
    char text[PARAMS_MAX + 1];
    apr_size_t length = PARAMS_MAX;
    apr_file_t *file;

    if (apr_file_open(&file, name, APR_READ, 0, cmd->temp_pool) || apr_file_read(file, text, &length)) {
        return "the parameters can't be read";
    }
    text[length] = '\0';
    params = apr_psprintf(cmd->pool, "%.*s,fldsz=65536,reconnect=0", (int)strcspn(text, "\n"), text);
    return NULL;
}

static const command_rec directives[] = {
    AP_INIT_TAKE1("BenchPlan", set_plan, NULL, RSRC_CONF, "file of the queries"),
    AP_INIT_TAKE1("BenchParams", set_params, NULL, RSRC_CONF, "file of apr_dbd parameters"),
    { NULL }
};

/* ---- the database ---- */

static int begin(link_t *l, apr_pool_t *pool)
{
    int i, ignored, rv = 0;

    for (i = 0; i < plan.begins && !rv; i++) {
        rv = apr_dbd_query(driver, l->handle, &ignored, plan.begin[i].sql);
    }
    for (i = 0; i < plan.queries && !rv; i++) {
        rv = apr_dbd_prepare(driver, pool, l->handle, plan.query[i].sql, NULL, &l->stmts[i]);
    }
    return rv;
}

static link_t *connect_thread(request_rec *r)
{
    const char *error = NULL;
    apr_pool_t *pool;
    link_t *l;
    int rv;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL)) {
        return NULL;
    }
    l = apr_pcalloc(pool, sizeof *l);
    if (apr_dbd_open_ex(driver, pool, params, &l->handle, &error)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "bench: can't connect: %s", error ? error : "no reason given");
        return NULL;
    }
    rv = begin(l, pool);
    if (rv) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "bench: can't prepare: %s", apr_dbd_error(driver, l->handle, rv));
        return NULL;
    }
    return l;
}

static void read_columns(apr_dbd_results_t *result, apr_dbd_row_t *row)
{
    int i, n = apr_dbd_num_cols(driver, result);

    for (i = 0; i < n; i++) {
        const char *text = apr_dbd_get_entry(driver, row, i);

        seen += text ? strlen(text) : 0;
    }
}

/* The number of rows, or -1. In a pool of its own, as apr_dbd sets aside the full width of every column. */
static int run_query(request_rec *r, const link_t *l, int i)
{
    apr_dbd_results_t *result = NULL;
    apr_dbd_row_t *row = NULL;
    apr_pool_t *pool;
    int rows = 0, rv;

    apr_pool_create(&pool, r->pool);
    rv = apr_dbd_pselect(driver, pool, l->handle, &result, l->stmts[i], 0, plan.query[i].n, plan.query[i].values);
    if (!rv) {
        while (!(rv = apr_dbd_get_row(driver, pool, result, &row, -1))) {
            read_columns(result, row);
            rows++;
        }
        rv = rv == -1 ? 0 : rv;
    }
    apr_pool_destroy(pool);
    return rv ? -1 : rows;
}

/* The first query must find something: one that finds nothing is not the one to compare with. */
static int run_plan(request_rec *r)
{
    int i, rows;

    mine = mine ? mine : connect_thread(r);
    for (i = 0; mine && i < plan.queries; i++) {
        rows = run_query(r, mine, i);
        if (rows < 0 || (i == 0 && rows == 0)) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "bench: query %d finds no row or fails", i);
            return 0;
        }
    }
    return mine != NULL;
}

/* ---- handlers ---- */

static int answer_constant(request_rec *r)
{
    const char *slash = strrchr(r->uri, '/');
    long length = slash ? strtol(slash + 1, NULL, 10) : 0;

    if (length < 1 || length > ANSWER_MAX) {
        return HTTP_BAD_REQUEST;
    }
    ap_set_content_type(r, "application/json; charset=utf-8");
    ap_set_content_length(r, length);
    ap_rwrite(answer, (int)length, r);
    return OK;
}

static int handle(request_rec *r)
{
    if (!r->handler || strncmp(r->handler, "bench-", 6)) {
        return DECLINED;
    }
    if (!strcmp(r->handler, "bench-bare") && !run_plan(r)) {
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return answer_constant(r);
}

/* Not a file, so that httpd asks the file system nothing. */
static int translate(request_rec *r)
{
    if (strncmp(r->uri, "/bench/", 7)) {
        return DECLINED;
    }
    r->filename = r->uri;
    return OK;
}

static int map(request_rec *r)
{
    return strncmp(r->uri, "/bench/", 7) ? DECLINED : OK;
}

static int start(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    memset(answer, ' ', sizeof answer);
    if (apr_dbd_init(pconf) || apr_dbd_get_driver(pconf, "mysql", &driver)) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s, "bench: apr_dbd has no driver \"mysql\"");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

static void hooks(apr_pool_t *pool)
{
    ap_hook_post_config(start, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_translate_name(translate, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_map_to_storage(map, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_handler(handle, NULL, NULL, APR_HOOK_FIRST);
}

AP_DECLARE_MODULE(bench) = { STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, directives, hooks, 0 };
