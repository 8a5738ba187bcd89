/* memory.c: each operation of the API on a real database, where memory runs out: at the first allocation, at the second, and so on.
 *
 * usage: memory DB-PARAMS SOCKET USER DATABASE POINTS: POINTS of each operation, evenly spread, or all of them (0), once and for good. Each is a
 * process of its own, as a child of httpd is: one whose pools get no memory ends. What it answered is held against what is in the
 * database then: what was done is there as a whole, and whatever is not done is told as a problem of the server. Called by memory.t. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif
#include <apr_general.h>
#include <apr_strings.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <mysql.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account/account.h"
#include "account/password.h"
#include "account/reset.h"
#include "api/api.h"
#include "core/answer.h"
#include "core/json.h"
#include "core/time.h"
#include "core/xml.h"
#include "db/db.h"
#include "resource/resources.h"
#include "../10-unit/scarce.h"

enum { OUTCOME = 16384 };

#define EMAIL "ann@lab.test"
#define PASSWORD "correct horse"
#define ENDED "the process ended"
#define CRASHED "the process crashed in a library"
#define CRASHED_HERE "the process crashed in our code"

typedef enum { NOBODY, BY_COOKIE, BY_TOKEN } by_t;

/* %s of a path is the address, of a body the reset token. */
static const struct {
    const char *name, *method, *path, *body;
    by_t by;
    const char *key, *query;
} operations[] = {
    { "a registration", "POST", "/customers", "{\"email\":\"Ben@lab.test\",\"first_name\":\"B\",\"last_name\":\"C\",\"password\":\"another horse\",\"phone\":\"1\"}", NOBODY, NULL, NULL },
    { "a registration with a key", "POST", "/customers", "{\"email\":\"Ben@lab.test\",\"first_name\":\"B\",\"last_name\":\"C\",\"password\":\"x\"}", NOBODY, "a-key-of-sixteen", NULL },
    { "a registration that is there", "POST", "/customers", "{\"email\":\"" EMAIL "\",\"first_name\":\"B\",\"last_name\":\"C\",\"password\":\"x\"}", NOBODY, NULL, NULL },
    { "a sign-in", "POST", "/auth", "{\"email\":\"" EMAIL "\",\"password\":\"" PASSWORD "\"}", NOBODY, NULL, NULL },
    { "a wrong password", "POST", "/auth", "{\"email\":\"" EMAIL "\",\"password\":\"wrong horse\"}", NOBODY, NULL, NULL },
    { "an unknown e-mail", "POST", "/auth", "{\"email\":\"x" EMAIL "\",\"password\":\"" PASSWORD "\"}", NOBODY, NULL, NULL },
    { "a token", "POST", "/auth/token", "{\"email\":\"" EMAIL "\",\"password\":\"" PASSWORD "\"}", NOBODY, NULL, NULL },
    { "the profile, by cookie", "GET", "/customers/me", NULL, BY_COOKIE, NULL, NULL },
    { "the profile, by token", "GET", "/customers/me", NULL, BY_TOKEN, NULL, NULL },
    { "who it is", "GET", "/auth", NULL, BY_TOKEN, NULL, NULL },
    { "the profile, for nobody", "GET", "/customers/me", NULL, NOBODY, NULL, NULL },
    { "a change", "POST", "/customers/me", "{\"first_name\":\"Anna\",\"phone\":\"+49 30\",\"metadata\":{\"b\":[1.5,{\"c\":null}],\"a\":\"\"}}", BY_COOKIE, NULL, NULL },
    { "a billing address", "POST", "/customers/me", "{\"billing_address\":{\"first_name\":\"Bill\",\"country_code\":\"DE\",\"metadata\":{\"x\":1}}}", BY_TOKEN, NULL, NULL },
    { "a change of password", "POST", "/customers/me", "{\"password\":\"new horse\"}", BY_COOKIE, NULL, NULL },
    { "an address", "POST", "/customers/me/addresses", "{\"address\":{\"first_name\":\"Ann\",\"last_name\":\"Lee\",\"address_1\":\"Street\",\"city\":\"Town\","
      "\"country_code\":\"fr\",\"postal_code\":\"1\",\"metadata\":{\"floor\":2}}}", BY_TOKEN, NULL, NULL },
    { "an address with a key", "POST", "/customers/me/addresses", "{\"address\":{\"first_name\":\"Ann\",\"last_name\":\"Lee\",\"address_1\":\"Street\","
      "\"city\":\"Town\",\"country_code\":\"fr\",\"postal_code\":\"1\"}}", BY_TOKEN, "a-key-of-sixteen", NULL },
    { "a change of an address", "POST", "/customers/me/addresses/%s", "{\"city\":\"Elsewhere\",\"metadata\":{\"y\":[]}}", BY_COOKIE, NULL, NULL },
    { "an address less", "DELETE", "/customers/me/addresses/%s", NULL, BY_TOKEN, NULL, NULL },
    { "the orders", "GET", "/customers/me/orders", NULL, BY_TOKEN, NULL, "status[]=pending,completed&created_at[gt]=2026&fields=id,total&expand=items&limit=3" },
    { "the payment methods", "GET", "/customers/me/payment-methods", NULL, BY_COOKIE, NULL, NULL },
    { "a sign-out, by cookie", "DELETE", "/auth", NULL, BY_COOKIE, NULL, NULL },
    { "a sign-out, by token", "DELETE", "/auth", NULL, BY_TOKEN, NULL, NULL },
    { "a reset token", "POST", "/customers/password-token", "{\"email\":\"" EMAIL "\"}", NOBODY, NULL, NULL },
    { "a reset", "POST", "/customers/password-reset", "{\"email\":\"" EMAIL "\",\"password\":\"reset horse\",\"token\":\"%s\"}", NOBODY, NULL, NULL },
    { "a bad reset", "POST", "/customers/password-reset", "{\"email\":\"" EMAIL "\",\"password\":\"reset horse\",\"token\":\"x%s\"}", NOBODY, NULL, NULL },
    { "whether there is an account", "GET", "/auth/" EMAIL, NULL, NOBODY, NULL, NULL },
};

static ms_account_t account = {
    .secrets = { "a secret of more than thirty-two characters", NULL }, .session_life = 36000 * APR_USEC_PER_SEC,
    .token_life = 36000 * APR_USEC_PER_SEC, .key_life = 36000 * APR_USEC_PER_SEC, .password_passes = 1, .password_memory = 8192
};
static ms_shop_t shop = { .account = &account, .deadline = 60 * APR_USEC_PER_SEC };
static const ms_sink_t sink;
static const ms_db_conf_t *db_conf;
static const char *address, *reset_token, *cookie, *bearer;
static int answer_to = -1; /* where a child says what came of it */

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "memory: %s\n", what);
    exit(2);
}

/* ---- the database, as it is ---- */

static MYSQL *my;
static const char *const tables[] = { "customer", "address", "session", "outbox", "idempotency_key", NULL };

static void sql(const char *text)
{
    if (mysql_query(my, text)) {
        fprintf(stderr, "%s: ", text);
        die(mysql_error(my));
    }
}

/* The first column of all rows, each with a bar behind; in `pool`. */
static const char *look(apr_pool_t *pool, const char *text)
{
    const char *all = "";
    MYSQL_RES *result;
    MYSQL_ROW row;

    sql(text);
    result = mysql_store_result(my);
    while ((row = mysql_fetch_row(result))) {
        all = apr_pstrcat(pool, all, row[0] ? row[0] : "NULL", "|", NULL);
    }
    mysql_free_result(result);
    return all;
}

static const char *columns_of(apr_pool_t *pool, const char *table)
{
    const char *list = look(pool, apr_pstrcat(pool, "SELECT GROUP_CONCAT(column_name) FROM information_schema.columns WHERE table_schema = DATABASE() "
                                              "AND extra NOT LIKE '%GENERATED%' AND table_name = '", table, "'", NULL));

    return apr_pstrmemdup(pool, list, strlen(list) - 1);
}

static void save_tables(apr_pool_t *pool)
{
    int i;

    for (i = 0; tables[i]; i++) {
        sql(apr_pstrcat(pool, "CREATE TABLE base_", tables[i], " AS SELECT ", columns_of(pool, tables[i]), " FROM ", tables[i], NULL));
    }
}

static void restore_tables(apr_pool_t *pool)
{
    static const char *texts[2][sizeof tables / sizeof *tables];
    int i;

    for (i = 0; tables[i]; i++) {
        if (!texts[0][i]) {
            texts[0][i] = strdup(apr_pstrcat(pool, "DELETE FROM ", tables[i], NULL));
            texts[1][i] = strdup(apr_pstrcat(pool, "INSERT INTO ", tables[i], " (", columns_of(pool, tables[i]), ") SELECT * FROM base_", tables[i], NULL));
        }
        sql(texts[0][i]);
        sql(texts[1][i]);
    }
}

/* All that an operation can change, but for ids, times and what is random. */
static const char *state_of(apr_pool_t *pool)
{
    return apr_pstrcat(pool,
        look(pool, "SELECT CONCAT_WS(',', c.email, c.first_name, c.last_name, c.phone, c.has_account, c.metadata, c.deleted_at IS NULL, "
                   "c.password_hash = b.password_hash, c.billing_address_id = b.billing_address_id, c.billing_address_id IS NULL) "
                   "FROM customer c LEFT JOIN base_customer b ON b.id = c.id ORDER BY c.email"), " ",
        look(pool, "SELECT CONCAT_WS(',', first_name, last_name, address_1, city, country_code, metadata, deleted_at IS NULL, customer_id IS NULL) "
                   "FROM address ORDER BY first_name, city"), " ",
        look(pool, "SELECT CONCAT_WS(',', kind, COUNT(*)) FROM session GROUP BY kind ORDER BY kind"), " ",
        look(pool, "SELECT event_name FROM outbox ORDER BY event_name"), " ",
        look(pool, "SELECT COUNT(*) FROM idempotency_key"), NULL);
}

/* ---- one request ---- */

static void put(const char *text)
{
    size_t length = strlen(text);

    while (length) {
        ssize_t written = write(answer_to, text, length);

        if (written <= 0) {
            _exit(3);
        }
        text += written;
        length -= (size_t)written;
    }
}

static int end_process(int status)
{
    scarce_end();
    put("1 " ENDED);
    _exit(0);
}

/* libmariadb and apr_dbd_mysql don't look whether they got memory. The process ends by that, too; but it must not be us. The frames are
 * this function, the C library's for signals, and what crashed, or what gave the C library something bad. */
static void crash(int signal)
{
    void *frames[20];
    int count = backtrace(frames, 20), i;
    Dl_info here, there;

    scarce_end();
    dladdr((void *)(uintptr_t)crash, &here);
    for (i = 2; i < count && dladdr(frames[i], &there) && strstr(there.dli_fname, "/libc.so"); i++) {
    }
    put(i < count && there.dli_fbase == here.dli_fbase ? "1 " CRASHED_HERE : "1 " CRASHED);
    _exit(0);
}

static void set_up(ms_ctx_t *c, apr_pool_t *pool, size_t i)
{
    *c = (ms_ctx_t){ .pool = pool, .shop = &shop, .log = &sink, .now = apr_time_now(), .client = "127.0.0.1", .mount = "/store" };
    c->deadline = ms_steady_now() + shop.deadline;
    c->method = operations[i].method;
    c->path = apr_psprintf(pool, operations[i].path, address);
    c->query = operations[i].query;
    c->idempotency_key = operations[i].key;
    c->session_token = operations[i].by == BY_COOKIE ? cookie : NULL;
    c->bearer = operations[i].by == BY_TOKEN ? bearer : NULL;
}

/* What httpd/ does of it: read the body, answer. */
static const char *answer(ms_ctx_t *c, const char *body)
{
    size_t length;
    const char *text;

    c->body = ms_own(c->pool, json_object());
    if (body && ms_admit(c) == MS_OK) {
        ms_json_read(c, &c->body, apr_pstrdup(c->pool, body), strlen(body));
    }
    if (c->rc == MS_OK) {
        ms_dispatch(c);
    }
    if (c->rc != MS_OK) {
        return ms_problem_get(c->rc)->name;
    }
    if (!c->object && !c->answer) {
        return c->text ? c->text : "nothing";
    }
    text = ms_answer_write(c, &length);
    return text ? text : "UNEXPECTED";
}

/* Connect, and have a thread that watches; memory is plenty. */
static void open_pool(apr_pool_t *pool)
{
    static ms_breaker_t breaker;
    ms_db_share_t share = { ms_room_make(pool, 1), &breaker };
    ms_ctx_t c = { .pool = pool, .shop = &shop, .log = &sink, .now = apr_time_now() };
    ms_row_t *row;

    c.deadline = ms_steady_now() + shop.deadline;
    if (ms_db_make(&shop.db, pool, db_conf, &share, &sink) || ms_db_find(&c, &row, "customer.account_exists", MS_ARGS("nobody@lab.test")) != MS_OK) {
        die("no database");
    }
}

static _Noreturn void be_child(size_t i, long n, int for_good)
{
    apr_pool_t *pool = scarce_pool(end_process);
    const char *body = operations[i].body, *text;
    void *frame;
    ms_ctx_t c;

    backtrace(&frame, 1); /* what it needs is loaded now */
    signal(SIGSEGV, crash);
    signal(SIGABRT, crash);
    alarm(120); /* one that waits for ever counts as a crash of ours */
    open_pool(pool);
    set_up(&c, pool, i);
    body = body ? apr_psprintf(pool, body, reset_token) : NULL;
    scarce_begin(n, for_good);
    text = answer(&c, body);
    put(scarce_end() ? "1 " : apr_psprintf(pool, "0 %ld ", scarce_used()));
    put(text);
    _exit(0);
}

/* What a child said: 1: memory failed; `outcome` is what came of it. *used: the allocations of one that was spared. */
static int run(char *outcome, long *used, size_t i, long n, int for_good)
{
    char said[OUTCOME], *text = said;
    size_t length = 0;
    int ends[2], status, failed;
    ssize_t count;
    pid_t pid;

    if (pipe(ends) || (pid = fork()) < 0) {
        die("can't fork");
    }
    if (!pid) {
        close(ends[0]);
        answer_to = ends[1];
        be_child(i, n, for_good);
    }
    close(ends[1]);
    while (length < sizeof said - 1 && (count = read(ends[0], said + length, sizeof said - 1 - length)) > 0) {
        length += (size_t)count;
    }
    close(ends[0]);
    said[length] = '\0';
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) || !length) {
        strcpy(outcome, CRASHED_HERE);
        return 1;
    }
    failed = *said == '1';
    text += 2;
    if (!failed) {
        *used = strtol(text, &text, 10);
        text++;
    }
    strcpy(outcome, text);
    return failed;
}

/* ---- verdicts ---- */

/* Ids, times and tokens are others each time. */
static void blur(char *text)
{
    char *p;
    size_t i;

    for (p = text; *p; p++) {
        i = strspn(p, "0123456789ABCDEFGHJKMNPQRSTVWXYZ");
        if (i == 26 || (i == 4 && p[4] == '-' && p[7] == '-' && p[10] == 'T')) {
            memset(p, 'x', i == 26 ? 26 : 24);
        }
        if (!strncmp(p, "eyJ", 3)) {
            memset(p, 'x', strspn(p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."));
        }
    }
}

static int is_told(const char *outcome)
{
    int rc;

    for (rc = 1; rc < MS_PROBLEM_COUNT; rc++) {
        if (!strcmp(outcome, ms_problem_get((ms_rc_t)rc)->name)) {
            return ms_problem_get((ms_rc_t)rc)->http >= 500 || rc == MS_CONFLICT;
        }
    }
    return 0;
}

static long points, told, ended, crashed, done, late, wrong;

/* `before` and `after` are the states without and with the whole operation. */
static void judge(apr_pool_t *pool, size_t i, long n, int for_good, char *outcome, const char *want, const char *before, const char *after)
{
    const char *state = state_of(pool), *why = NULL;

    blur(outcome);
    points++;
    told += is_told(outcome);
    ended += !strcmp(outcome, ENDED);
    crashed += !strcmp(outcome, CRASHED);
    done += !strcmp(outcome, want);
    if (!strcmp(outcome, want)) {
        why = strcmp(state, after) ? "it was answered as done, and is not" : NULL;
    }
    else if (!is_told(outcome) && strcmp(outcome, ENDED) && strcmp(outcome, CRASHED)) {
        why = "that is no problem of the server";
    }
    else if (strcmp(state, before) && strcmp(state, after)) {
        why = "it was done by half";
    }
    else {
        late += strcmp(state, before) != 0; /* done, and then no memory to say so */
    }
    if (why) {
        wrong++;
        printf("# %s, allocation %ld%s: %s: %.300s\n#   %.600s\n#   %.600s\n", operations[i].name, n, for_good ? " and all behind it" : "", why, outcome, state, after);
    }
    if (strcmp(state, before)) {
        restore_tables(pool);
    }
}

static void try_operation(apr_pool_t *pool, size_t i, long spread)
{
    char want[OUTCOME], outcome[OUTCOME];
    const char *before = state_of(pool), *after;
    long used = 0, step, n, unused;
    int for_good;

    if (run(want, &used, i, 1L << 40, 0) || !used) {
        die("it does not work with memory either");
    }
    blur(want);
    after = state_of(pool);
    restore_tables(pool);
    if (getenv("MEMORY_VERBOSE")) {
        printf("# %s: %ld allocations: %.200s\n", operations[i].name, used, want);
    }
    step = spread && used > spread ? used / spread : 1;
    for (for_good = 0; for_good < 2; for_good++) {
        for (n = 1 + (long)i % step; run(outcome, &unused, i, n, for_good); n += step) {
            judge(pool, i, n, for_good, outcome, want, before, after);
        }
        restore_tables(pool);
    }
}

/* ---- a customer with an address, signed in twice ---- */

static void make_customer(apr_pool_t *pool)
{
    static const char address_body[] = "{\"address\":{\"first_name\":\"Zoe\",\"last_name\":\"Lee\",\"address_1\":\"Road\",\"city\":\"Town\","
                                       "\"country_code\":\"de\",\"postal_code\":\"1\",\"metadata\":{\"k\":\"v\"}}}";
    ms_ctx_t c;

    set_up(&c, pool, 0);
    c.path = "/customers";
    answer(&c, "{\"email\":\"" EMAIL "\",\"first_name\":\"Ann\",\"last_name\":\"Lee\",\"password\":\"" PASSWORD "\"}");
    cookie = c.session_new;
    set_up(&c, pool, 0);
    c.path = "/auth/token";
    answer(&c, "{\"email\":\"" EMAIL "\",\"password\":\"" PASSWORD "\"}");
    bearer = ms_json_text(c.answer, "access_token");
    if (!cookie || !bearer) {
        die("nobody is signed in");
    }
    set_up(&c, pool, 0);
    c.path = "/customers/me/addresses";
    c.bearer = bearer;
    answer(&c, address_body);
    set_up(&c, pool, 0);
    c.path = "/customers/me";
    c.bearer = bearer;
    answer(&c, "{\"metadata\":{\"a\":1,\"z\":[true]}}");
}

int main(int argc, char **argv)
{
    apr_pool_t *pool, *each;
    const char *hash, *id;
    ms_ctx_t c;
    size_t i;

    if (argc != 6 || apr_initialize() || apr_pool_create(&pool, NULL) || sodium_init() < 0) {
        die("usage: memory DB-PARAMS SOCKET USER DATABASE POINTS");
    }
    db_conf = &(ms_db_conf_t){ .params = argv[1], .max = 1, .keep = 1, .exptime = APR_USEC_PER_SEC * 300, .wait = APR_USEC_PER_SEC * 20, .timeout = APR_USEC_PER_SEC * 20 };
    account.decoy_hash = ms_password_decoy(pool, 1, 8192);
    my = mysql_init(NULL);
    ms_xml_start();
    if (ms_db_init(pool, ms_statements) || !mysql_real_connect(my, NULL, argv[3], NULL, argv[4], 0, argv[2], 0)) {
        die("no database");
    }
    sql("SET foreign_key_checks = 0, group_concat_max_len = 100000");
    open_pool(pool);
    make_customer(pool);
    id = look(pool, "SELECT id FROM customer");
    hash = look(pool, "SELECT password_hash FROM customer");
    address = look(pool, "SELECT id FROM address");
    address = apr_pstrmemdup(pool, address, strlen(address) - 1);
    set_up(&c, pool, 0);
    reset_token = ms_reset_sign(&c, apr_pstrmemdup(pool, id, strlen(id) - 1), apr_pstrmemdup(pool, hash, strlen(hash) - 1));
    sql("UPDATE session SET last_seen = last_seen - INTERVAL 2 HOUR");
    save_tables(pool);
    for (i = 0; i < sizeof operations / sizeof *operations; i++) {
        apr_pool_create(&each, pool);
        try_operation(each, i, atol(argv[5]));
        apr_pool_destroy(each);
    }
    printf("%zu operations, %ld points: %ld told, %ld ended, %ld crashed, %ld done, %ld done and not told, %ld wrong\n",
           i, points, told, ended, crashed, done, late, wrong);
    return wrong != 0;
}
