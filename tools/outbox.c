/* outbox.c: medusa-store-admin outbox: hands events to a program, at least once, and tells how they stand.
 *
 * Knows the options, the line of JSON, and when to try again; db/outbox.c has the events, runner.c runs the program. What it
 * writes holds no event's data. */
#include "tools/tool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <sodium.h>

#include "core/json.h"
#include "core/time.h"
#include "db/outbox.h"
#include "tools/runner.h"

enum { OPT_HELP = 256, OPT_EXEC, OPT_ONCE, OPT_FOLLOW, OPT_TIMEOUT, OPT_RETRIES, OPT_INTERVAL, OPT_LIST, OPT_RETRY_DEAD };
enum {
    MARGIN = 5,            /* seconds that a claim outlives the program's time: for the words with the database behind it */
    BATCH = 100,           /* events looked up at once */
    DELAY_MAX = 3600,      /* seconds between two attempts */
    RECONNECT_MAX = 30,    /* seconds between two attempts to connect */
    RACES_MAX = 10         /* attempts to get the better of other transactions */
};

typedef struct {
    call_t *call;
    const char *params;
    const char *command; /* as given */
    char **argv;         /* its words */
    int mode;            /* OPT_ONCE, OPT_FOLLOW, OPT_LIST or OPT_RETRY_DEAD; 0: none given */
    int timeout, retries, interval;

    apr_pool_t *connection; /* life of db */
    ms_direct_t *db;        /* NULL: not connected */
    int pause; /* seconds before the next look for a server that can, where the last one could not */
    int delivered, failed, dead;
} worker_t;

static const char stopped[] = "stopped while the database was away";

/* ---- one event ---- */

/* Line breaks in JSON text are blanks: within strings it has none. */
static char *one_line(apr_pool_t *pool, const char *json)
{
    char *line = apr_pstrdup(pool, json), *s;

    for (s = line; (s = strpbrk(s, "\r\n")); s++) {
        *s = ' ';
    }
    return line;
}

/* data stands as it was written, number for number. */
static const char *make_line(apr_pool_t *pool, const ms_event_t *event)
{
    char created_at[MS_TIME_ISO_LENGTH + 1] = "";
    json_t *name = json_string(event->name);
    const char *name_text = ms_json_write(pool, name, NULL);

    json_decref(name);
    ms_time_sql_to_iso(created_at, event->created_at);
    return apr_psprintf(pool, "{\"id\":\"%s\",\"event_name\":%s,\"data\":%s,\"created_at\":\"%s\",\"attempts\":%d}\n", event->id,
                        name_text ? name_text : "\"\"", one_line(pool, event->data), created_at, event->attempts);
}

/* 1 s, 2 s, 4 s, … an hour, each up to a quarter more or less: events that failed together do not come back together. */
static apr_interval_time_t delay_of(int attempts)
{
    apr_interval_time_t seconds = attempts > 12 ? DELAY_MAX : (apr_interval_time_t)1 << (attempts - 1);

    if (seconds > DELAY_MAX) {
        seconds = DELAY_MAX;
    }
    return seconds * (750000 + randombytes_uniform(500000));
}

static const char *note_failure(worker_t *w, apr_pool_t *pool, const ms_event_t *event, const char *error)
{
    int attempts = event->attempts + 1, dead = attempts > w->retries;
    apr_interval_time_t delay = dead ? 0 : delay_of(attempts);
    const char *problem = ms_event_failed(w->db, pool, event, error, delay, dead);

    if (!problem) {
        w->failed++;
        w->dead += dead;
        complain(0, dead ? "event %s (%s) is given up after attempt %d; see outbox --list"
                         : "event %s (%s) was not delivered by attempt %d; it is tried again", event->id, event->name, attempts);
    }
    return problem;
}

static const char *reconnect(worker_t *w, const char *problem);

/* What became of the event must get to the database, through a lost race for a lock and a restart too. */
static const char *settle(worker_t *w, apr_pool_t *pool, const ms_event_t *event, const char *error)
{
    const char *problem;
    int races = 0;

    do {
        problem = error ? note_failure(w, pool, event, error) : ms_event_delivered(w->db, pool, event);
    } while (problem && ((ms_direct_raced(w->db) && ++races < RACES_MAX) || !(problem = reconnect(w, problem))));
    if (problem) {
        return apr_psprintf(w->call->pool, "can't note what became of event %s, so it will be handed on again: %s", event->id,
                            problem);
    }
    w->delivered += !error;
    return NULL;
}

static const char *deliver(worker_t *w, apr_pool_t *pool, const char *seq)
{
    ms_event_t *event;
    const char *error, *problem;
    int races = 0;

    do {
        problem = ms_event_claim(&event, w->db, pool, seq, w->timeout + MARGIN);
    } while (problem && ms_direct_raced(w->db) && ++races < RACES_MAX);
    if (problem || !event) {
        return problem;
    }
    error = runner_run(pool, (const char *const *)w->argv, make_line(pool, event), apr_time_from_sec(w->timeout));
    return settle(w, pool, event, error);
}

/* ---- all that are due ---- */

/* *count: how many were looked at. */
static const char *deliver_batch(worker_t *w, apr_pool_t *pool, int *count)
{
    apr_array_header_t *seqs;
    apr_pool_t *each;
    const char *problem = ms_event_due(&seqs, w->db, pool, BATCH);
    int i;

    *count = problem ? 0 : seqs->nelts;
    apr_pool_create(&each, pool);
    for (i = 0; i < *count && !problem && !runner_stopping(); i++) {
        apr_pool_clear(each);
        if ((problem = deliver(w, each, APR_ARRAY_IDX(seqs, i, const char *)))) {
            problem = apr_pstrdup(pool, problem);
        }
    }
    return problem;
}

static const char *connect_once(worker_t *w)
{
    const char *problem;

    apr_pool_clear(w->connection);
    w->db = NULL;
    if ((problem = ms_direct_open(&w->db, w->connection, w->params))) {
        w->db = NULL;
    }
    return problem;
}

/* A proxy may lead to another server soon, or this one be well again: it is asked at ever longer intervals. */
static void pause_unable(worker_t *w)
{
    runner_pause(apr_time_from_sec(w->pause));
    w->pause = w->pause * 2 < RECONNECT_MAX ? w->pause * 2 : RECONNECT_MAX;
}

/* With --follow a connection that was lost, or is to a server that can't just now, is made anew, however long that takes; else,
 * and for any other problem, that's it. A node of a cluster that waits in vain for what the others wrote can't, either: it says
 * that as a race for a lock, at any statement. */
static const char *reconnect(worker_t *w, const char *problem)
{
    int unable = w->db && (ms_direct_unable(w->db) || ms_direct_raced(w->db)), wait = 1;

    if (w->mode != OPT_FOLLOW || !w->db || !(unable || ms_direct_lost(w->db))) {
        return problem;
    }
    complain(0, "lost the database; trying again until it answers");
    if (unable) {
        pause_unable(w);
        if (runner_stopping()) {
            return stopped;
        }
    }
    while (connect_once(w)) {
        if (runner_stopping()) {
            return stopped;
        }
        runner_pause(apr_time_from_sec(wait) / 2 + randombytes_uniform((uint32_t)apr_time_from_sec(1)));
        wait = wait < RECONNECT_MAX ? wait * 2 : RECONNECT_MAX;
    }
    complain(0, "the database answers again");
    return NULL;
}

static const char *work(worker_t *w)
{
    apr_pool_t *pool;
    const char *problem = NULL;
    int count;

    apr_pool_create(&pool, w->call->pool);
    while (!problem && !runner_stopping()) {
        apr_pool_clear(pool);
        problem = deliver_batch(w, pool, &count);
        w->pause = problem ? w->pause : 1;
        if (problem) {
            problem = reconnect(w, apr_pstrdup(w->call->pool, problem));
            problem = problem == stopped ? NULL : problem; /* nothing is in hand */
        }
        else if (count == 0 && w->mode != OPT_FOLLOW) {
            break;
        }
        else if (count < BATCH && w->mode == OPT_FOLLOW) {
            runner_pause(apr_time_from_sec(w->interval));
        }
    }
    return problem;
}

static int run_worker(worker_t *w)
{
    const char *problem;

    runner_start();
    problem = work(w);
    printf("delivered %d, failed %d, given up %d\n", w->delivered, w->failed, w->dead);
    if (problem) {
        return complain(FAILED, "%s", problem);
    }
    return w->dead ? FAILED : GOOD;
}

/* ---- how things stand ---- */

static int list(worker_t *w)
{
    ms_event_summary_t s;
    const char *problem = ms_event_summary(&s, w->db, w->call->pool);
    int i;

    if (problem) {
        return complain(FAILED, "can't read the outbox: %s", problem);
    }
    printf("waiting %s, of these due %s; dead %s\n", s.waiting, s.due, s.dead);
    if (s.oldest) {
        printf("the oldest waits for %s s\n", s.oldest);
    }
    for (i = 0; i < s.errors->nelts; i++) {
        const char *const *e = APR_ARRAY_IDX(s.errors, i, const char *const *);

        printf("%s %s %s, attempts %s: %s\n", e[0], e[1], e[2], e[3], e[4]);
    }
    return GOOD;
}

static int retry_dead(worker_t *w)
{
    int count;
    const char *problem = ms_event_revive(&count, w->db);

    if (problem) {
        return complain(FAILED, "can't revive dead events: %s", problem);
    }
    printf("%d dead event%s due again\n", count, count == 1 ? " is" : "s are");
    return GOOD;
}

/* ---- the command line ---- */

static int set_mode(worker_t *w, int mode)
{
    if (w->mode && w->mode != mode) {
        return complain(USAGE, "only one of --once, --follow, --list and --retry-dead can be done at a time");
    }
    w->mode = mode;
    return GOOD;
}

static int take_option(worker_t *w, int option, const char *value)
{
    switch (option) {
    case OPT_EXEC:
        w->command = value;
        return GOOD;
    case OPT_TIMEOUT:
        return read_seconds(&w->timeout, "--timeout", value, 1, 3600);
    case OPT_INTERVAL:
        return read_seconds(&w->interval, "--interval", value, 1, 3600);
    case OPT_RETRIES:
        return read_number(&w->retries, "--retries", value, 0, 1000);
    default:
        return set_mode(w, option);
    }
}

static int check_command(worker_t *w)
{
    apr_pool_t *pool = w->call->pool;
    int runs = w->mode == 0 || w->mode == OPT_ONCE || w->mode == OPT_FOLLOW;

    if (!runs) {
        return w->command ? complain(USAGE, "--exec goes with --once or --follow only") : GOOD;
    }
    if (!w->command) {
        return complain(USAGE, "outbox needs --exec COMMAND, --list or --retry-dead (see --help)");
    }
    if (apr_tokenize_to_argv(w->command, &w->argv, pool) != APR_SUCCESS || !w->argv[0]) {
        return complain(USAGE, "--exec takes a program and its arguments");
    }
    if (!runner_find(pool, w->argv[0])) {
        return complain(USAGE, "--exec: there is no program %s", w->argv[0]);
    }
    return GOOD;
}

static int start(worker_t *w)
{
    const char *problem;
    int status = check_command(w);

    if (status != GOOD || (status = find_params(&w->params, w->call)) != GOOD) {
        return status;
    }
    if (sodium_init() < 0) {
        return complain(FAILED, "libsodium does not start");
    }
    apr_pool_create(&w->connection, w->call->pool);
    if ((problem = connect_once(w))) {
        return complain(FAILED, "%s", problem);
    }
    return w->mode == OPT_LIST ? list(w) : w->mode == OPT_RETRY_DEAD ? retry_dead(w) : run_worker(w);
}

int run_outbox(call_t *call)
{
    static const apr_getopt_option_t options[] = {
        { "exec", OPT_EXEC, 1, NULL },         { "once", OPT_ONCE, 0, NULL },       { "follow", OPT_FOLLOW, 0, NULL },
        { "timeout", OPT_TIMEOUT, 1, NULL },   { "retries", OPT_RETRIES, 1, NULL }, { "interval", OPT_INTERVAL, 1, NULL },
        { "list", OPT_LIST, 0, NULL },         { "retry-dead", OPT_RETRY_DEAD, 0, NULL },
        { "help", OPT_HELP, 0, NULL },         { NULL, 0, 0, NULL }
    };
    worker_t w = { .call = call, .timeout = 30, .retries = 12, .interval = 1, .pause = 1 };
    const char *value;
    apr_getopt_t *os;
    apr_status_t status;
    int option;

    apr_getopt_init(&os, call->pool, call->argc, call->argv);
    while ((status = apr_getopt_long(os, options, &option, &value)) == APR_SUCCESS) {
        if (option == OPT_HELP) {
            return help();
        }
        if (take_option(&w, option, value) != GOOD) {
            return USAGE;
        }
    }
    if (status != APR_EOF || has_more(os) != GOOD) {
        return USAGE;
    }
    return start(&w);
}
