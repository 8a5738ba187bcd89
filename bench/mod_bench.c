/* mod_bench.c: what mod_medusa_store is measured against: handlers that do no more than they must.
 *
 *   bench-bare      /bench/bare/PLAN/LENGTH/N?customer&email&address&digest: runs the steps of a plan (plan.h), reads every column of every
 *                   row, and answers with a constant
 *   bench-constant  /bench/constant/LENGTH: answers with a constant
 *
 * LENGTH is the answer's. Each thread keeps one apr_dbd connection for good: no pool, no waiting, no time-outs. Loaded by the programs of
 * bench/ only; serves nobody else. */
#include "plan.h"

#include <httpd.h>
#include <http_config.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>

#include <apr_dbd.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

enum { ANSWER_MAX = 1 << 20, PARAMS_MAX = 1024, PLANS_MAX = 32 };

typedef struct {
    char name[32];
    plan_t plan;
} named_t;

typedef struct {
    apr_dbd_t *handle;
    apr_pool_t *pool;
    apr_dbd_prepared_t *stmts[PLANS_MAX][PLAN_LINES_MAX];
    char prepared[PLANS_MAX];
} link_t;

static const apr_dbd_driver_t *driver;
static const char *params, *folder;
static char answer[ANSWER_MAX];

static named_t plans[PLANS_MAX]; /* read when they are first asked for, and never changed */
static int plans_read;
static apr_thread_mutex_t *reading;

static _Thread_local link_t *mine;
static _Thread_local size_t seen; /* bytes of columns: keeps the compiler from leaving out the reading */

/* ---- directives ---- */

static const char *set_folder(cmd_parms *cmd, void *unused, const char *name)
{
    folder = name;
    return NULL;
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
    AP_INIT_TAKE1("BenchPlans", set_folder, NULL, RSRC_CONF, "folder of the plans"),
    AP_INIT_TAKE1("BenchParams", set_params, NULL, RSRC_CONF, "file of apr_dbd parameters"),
    { NULL }
};

/* ---- plans ---- */

/* Its place in `plans`, or -1. */
static int find_plan(request_rec *r, const char *name)
{
    const char *error = "there are too many plans";
    int i;

    apr_thread_mutex_lock(reading);
    for (i = 0; i < plans_read && strcmp(plans[i].name, name); i++) {
    }
    if (i == plans_read && i < PLANS_MAX) {
        error = strlen(name) < sizeof plans[i].name && !strchr(name, '/')
            ? plan_read(&plans[i].plan, apr_pstrcat(r->pool, folder, "/", name, NULL)) : "no such plan";
        if (!error) {
            strcpy(plans[i].name, name);
            plans_read++;
        }
    }
    i = i < plans_read ? i : -1;
    apr_thread_mutex_unlock(reading);
    if (i < 0) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "bench: %s: %s", name, error);
    }
    return i;
}

/* ---- the database ---- */

static link_t *connect_thread(request_rec *r)
{
    const char *error = NULL;
    apr_pool_t *pool;
    link_t *l;

    if (apr_pool_create_unmanaged_ex(&pool, NULL, NULL)) {
        return NULL;
    }
    l = apr_pcalloc(pool, sizeof *l);
    l->pool = pool;
    if (apr_dbd_open_ex(driver, pool, params, &l->handle, &error)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "bench: can't connect: %s", error ? error : "no reason given");
        return NULL;
    }
    return l;
}

static int prepare(request_rec *r, link_t *l, int number)
{
    const plan_t *plan = &plans[number].plan;
    int i, ignored, rv = 0;

    for (i = 0; i < plan->begins && !rv; i++) {
        rv = apr_dbd_query(driver, l->handle, &ignored, plan->begin[i]);
    }
    for (i = 0; i < plan->steps && !rv; i++) {
        if (plan->step[i].kind != PLAN_TEXT) {
            rv = apr_dbd_prepare(driver, l->pool, l->handle, plan->step[i].sql, NULL, &l->stmts[number][i]);
        }
    }
    if (rv) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "bench: can't prepare: %s", apr_dbd_error(driver, l->handle, rv));
    }
    l->prepared[number] = !rv;
    return !rv;
}

static void read_columns(apr_dbd_results_t *result, apr_dbd_row_t *row)
{
    int i, n = apr_dbd_num_cols(driver, result);

    for (i = 0; i < n; i++) {
        const char *text = apr_dbd_get_entry(driver, row, i);

        seen += text ? strlen(text) : 0;
    }
}

static int run_query(apr_pool_t *pool, const link_t *l, apr_dbd_prepared_t *stmt, int n, const char **values)
{
    apr_dbd_results_t *result = NULL;
    apr_dbd_row_t *row = NULL;
    int rows = 0, rv = apr_dbd_pselect(driver, pool, l->handle, &result, stmt, 0, n, values);

    if (!rv) {
        while (!(rv = apr_dbd_get_row(driver, pool, result, &row, -1))) {
            read_columns(result, row);
            rows++;
        }
        rv = rv == -1 ? 0 : rv;
    }
    return rv ? -1 : rows;
}

/* The number of rows, or -1. In a pool of its own, as apr_dbd sets aside the full width of every column. */
static int run_step(request_rec *r, const link_t *l, int number, int i, const plan_target_t *target)
{
    const plan_line_t *step = &plans[number].plan.step[i];
    plan_values_t values;
    apr_pool_t *pool;
    int rows = 0, failed = 0;

    if (step->kind == PLAN_TEXT) {
        return apr_dbd_query(driver, l->handle, &rows, step->sql) ? -1 : rows;
    }
    apr_pool_create(&pool, r->pool);
    plan_fill(&values, step, target);
    if (step->kind == PLAN_QUERY) {
        rows = run_query(pool, l, l->stmts[number][i], step->n, values.value);
    }
    else {
        failed = apr_dbd_pquery(driver, pool, l->handle, &rows, l->stmts[number][i], step->n, values.value);
    }
    apr_pool_destroy(pool);
    return failed ? -1 : rows;
}

static void read_target(request_rec *r, plan_target_t *target, const char *number)
{
    const char **parts[] = { &target->customer, &target->email, &target->address, &target->digest };
    char *text = apr_pstrdup(r->pool, r->args ? r->args : "");
    size_t i;

    memset(target, 0, sizeof *target);
    target->n = strtol(number, NULL, 10);
    for (i = 0; i < sizeof parts / sizeof *parts && text; i++) {
        *parts[i] = strsep(&text, "&");
    }
}

/* A query at the begin must find something, and of all changes one must change something: a plan that finds its customers gone is not the
 * one to compare with. */
static int run_plan(request_rec *r, const char *name, const char *number)
{
    int i, rows, changed = 0, at = find_plan(r, name);
    const plan_t *plan = &plans[at < 0 ? 0 : at].plan;
    plan_target_t target;

    mine = mine ? mine : connect_thread(r);
    if (at < 0 || !mine || (!mine->prepared[at] && !prepare(r, mine, at))) {
        return 0;
    }
    read_target(r, &target, number);
    for (i = 0; i < plan->steps; i++) {
        rows = run_step(r, mine, at, i, &target);
        if (rows < 0 || (i == 0 && rows == 0 && plan->step[i].kind == PLAN_QUERY)) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "bench: %s: step %d finds no row or fails", name, i);
            return 0;
        }
        changed += plan->step[i].kind == PLAN_CHANGE ? rows : 0;
    }
    if (plan->changes && !changed) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "bench: %s changes nothing", name);
    }
    return !plan->changes || changed;
}

/* ---- handlers ---- */

static int answer_constant(request_rec *r, const char *number)
{
    long length = strtol(number, NULL, 10);

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
    char *path, *name, *length;

    if (!r->handler || strncmp(r->handler, "bench-", 6)) {
        return DECLINED;
    }
    path = apr_pstrdup(r->pool, r->uri + (strcmp(r->handler, "bench-bare") ? strlen("/bench/constant/") : strlen("/bench/bare/")));
    if (!strcmp(r->handler, "bench-constant")) {
        return answer_constant(r, path);
    }
    name = strsep(&path, "/");
    length = strsep(&path, "/");
    if (!path) {
        return HTTP_BAD_REQUEST;
    }
    ap_discard_request_body(r);
    return run_plan(r, name, path) ? answer_constant(r, length) : HTTP_INTERNAL_SERVER_ERROR;
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
    apr_thread_mutex_create(&reading, APR_THREAD_MUTEX_DEFAULT, pconf);
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
