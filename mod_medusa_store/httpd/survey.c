/* survey.c: asks the databases for their schema while the server starts, each by a process of its own.
 *
 * Nothing can cut a connect, and a thread that hangs in one would outlive a restart, or the module itself; a process can be killed. It
 * gives up root's rights as httpd's children do: a database that knows its client by the socket sees the same user. */
#include "httpd/survey.h"
#include "db/schema.h"
#include "core/time.h"
#include "httpd/config.h"
#include "httpd/retained.h"

#include <http_core.h>
#include <mpm_common.h>

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT_ONCE = 64, UNKNOWN = -1, FIRST = 1 /* generation of the configuration that httpd starts with */ };

static const char served_as[] = "mod_medusa_store databases";

/* Digests of the parameters of the databases that are served. */
typedef struct {
    apr_pool_t *pool;
    int count;
    unsigned char (*digests)[crypto_hash_sha256_BYTES];
} served_t;

/* What a process says: written at once, and so read whole. */
typedef struct {
    int version; /* UNKNOWN: the text says why */
    char why[240];
} reply_t;

typedef struct {
    server_rec *s; /* the first shop with this database */
    pid_t pid;
    int pipe;      /* to read from */
    int asked;
    reply_t reply;
} question_t;

static void set_reply(reply_t *reply, int version, const char *why)
{
    reply->version = version;
    apr_cpystrn(reply->why, why, sizeof reply->why);
}

/* ---- in the process that asks ---- */

/* httpd's own handlers only set flags, for a loop that this process does not have. */
static void reset_signals(void)
{
    static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGWINCH, SIGCHLD, SIGALRM };
    sigset_t none;
    size_t i;

    for (i = 0; i < sizeof caught / sizeof *caught; i++) {
        signal(caught[i], SIG_DFL);
    }
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Ends without the clean-ups of the process that it is a copy of. */
static void ask(apr_pool_t *pool, server_rec *main_server, const ms_server_t *server, int pipe)
{
    reply_t reply = { UNKNOWN, "" };
    const char *problem = NULL;
    int version = UNKNOWN;

    reset_signals();
    alarm((unsigned)apr_time_sec(server->db.wait) + 2); /* if nobody is left to kill it */
    if (ap_run_drop_privileges(pool, main_server)) {
        problem = "the rights of httpd's children can't be had";
    }
    else {
        problem = ms_schema_ask(&version, pool, server->db.params);
    }
    set_reply(&reply, problem ? UNKNOWN : version, problem ? problem : "");
    _exit(write(pipe, &reply, sizeof reply) != sizeof reply);
}

/* ---- in httpd ---- */

static void start(apr_pool_t *pool, server_rec *main_server, question_t *q)
{
    int ends[2];

    q->asked = 1;
    set_reply(&q->reply, UNKNOWN, "no process can be had");
    if (pipe(ends)) {
        return;
    }
    q->pid = fork();
    if (q->pid == 0) {
        ask(pool, main_server, ms_server_get(q->s), ends[1]);
    }
    close(ends[1]);
    if (q->pid < 0) {
        close(ends[0]);
        q->pid = 0;
        return;
    }
    q->pipe = ends[0];
    fcntl(q->pipe, F_SETFD, FD_CLOEXEC);
}

/* By its own id only: httpd has other children. */
static void end(question_t *q, const char *why)
{
    if (why || read(q->pipe, &q->reply, sizeof q->reply) != sizeof q->reply) {
        set_reply(&q->reply, UNKNOWN, why ? why : "the process that asked has died");
    }
    kill(q->pid, SIGKILL);
    while (waitpid(q->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    close(q->pipe);
    q->pid = 0;
}

/* Start what has not been asked, as far as there is room, and list who is still to answer. */
static int gather(apr_pool_t *pool, server_rec *main_server, apr_array_header_t *questions, struct pollfd *waiting, question_t **who)
{
    int i, n = 0;

    for (i = 0; i < questions->nelts && n < AT_ONCE; i++) {
        question_t *q = &APR_ARRAY_IDX(questions, i, question_t);

        if (!q->asked) {
            start(pool, main_server, q);
        }
        if (q->pid) {
            waiting[n] = (struct pollfd){ .fd = q->pipe, .events = POLLIN };
            who[n++] = q;
        }
    }
    return n;
}

static void ask_all(apr_pool_t *pool, server_rec *main_server, apr_array_header_t *questions, apr_interval_time_t wait)
{
    apr_time_t end_at = ms_steady_now() + wait, left;
    struct pollfd waiting[AT_ONCE];
    question_t *who[AT_ONCE];
    int i, n;

    while ((n = gather(pool, main_server, questions, waiting, who)) > 0) {
        left = end_at - ms_steady_now();
        if (left <= 0) {
            break;
        }
        if (poll(waiting, (nfds_t)n, (int)apr_time_as_msec(left) + 1) < 0) {
            continue; /* a signal: it is for later */
        }
        for (i = 0; i < n; i++) {
            if (waiting[i].revents) {
                end(who[i], NULL);
            }
        }
    }
    for (i = 0; i < n; i++) {
        end(who[i], "it does not answer in time (MedusaStoreDBWait)");
    }
}

static int same_database(const server_rec *a, const server_rec *b)
{
    return !strcmp(ms_server_get(a)->db.params, ms_server_get(b)->db.params);
}

static apr_array_header_t *list_questions(apr_pool_t *pool, server_rec *s, apr_interval_time_t *wait)
{
    apr_array_header_t *questions = apr_array_make(pool, 8, sizeof(question_t));
    int i;

    for (; s; s = s->next) {
        const ms_server_t *server = ms_server_get(s);

        if (server->number < 0) {
            continue;
        }
        for (i = 0; i < questions->nelts && !same_database(APR_ARRAY_IDX(questions, i, question_t).s, s); i++) {
        }
        if (i == questions->nelts) {
            *(question_t *)apr_array_push(questions) = (question_t){ .s = s, .reply = { .version = UNKNOWN, .why = "there were too many to ask" } };
            *wait = server->db.wait > *wait ? server->db.wait : *wait;
        }
    }
    return questions;
}

/* ---- who was served before a restart ---- */

static void digest_of(unsigned char *digest, const server_rec *s)
{
    const char *params = ms_server_get(s)->db.params;

    crypto_hash_sha256(digest, (const unsigned char *)params, strlen(params));
}

static served_t *served_get(void)
{
    return ms_retained_get(served_as, sizeof(served_t));
}

static int was_served(const server_rec *s)
{
    const served_t *served = served_get();
    unsigned char digest[crypto_hash_sha256_BYTES];
    int i;

    digest_of(digest, s);
    for (i = 0; i < served->count && memcmp(served->digests[i], digest, sizeof digest); i++) {
    }
    return i < served->count;
}

static void note_served(apr_pool_t *process, const apr_array_header_t *questions)
{
    served_t *served = served_get();
    int i;

    served->count = 0;
    if (ms_retained_renew(&served->pool, process)) {
        return;
    }
    served->digests = apr_palloc(served->pool, sizeof *served->digests * (size_t)(questions->nelts + 1));
    for (i = 0; i < questions->nelts; i++) {
        const server_rec *s = APR_ARRAY_IDX(questions, i, question_t).s;

        if (!ms_server_get(s)->newer) {
            digest_of(served->digests[served->count++], s);
        }
    }
}

/* ---- the judgement ---- */

/* A restart goes on with what was served before it: migrations leave what the version before them needs. A shop that comes with the
 * restart is refused alone: it is no reason to end the other sites. */
static const char *judge_newer(apr_pool_t *pool, server_rec *main_server, const question_t *q)
{
    const ms_server_t *server = ms_server_get(q->s);
    int goes_on = was_served(q->s);
    server_rec *s;

    if (ap_state_query(AP_SQ_CONFIG_GEN) <= FIRST) {
        return apr_psprintf(pool, "the schema of %s's database is at migration %d, this module knows %d and no newer one: update the module",
                            server->label, q->reply.version, MS_SCHEMA);
    }
    for (s = main_server; s && !goes_on; s = s->next) {
        if (ms_server_get(s)->number >= 0 && same_database(s, q->s)) {
            ms_server_get(s)->newer = q->reply.version;
        }
    }
    ms_log(&server->sink, MS_LINE_SCHEMA_NEWER, q->reply.version, MS_SCHEMA, goes_on ? "it goes on as before" : "until then it answers 503");
    return NULL;
}

static const char *judge(apr_pool_t *pool, server_rec *main_server, const question_t *q)
{
    const ms_sink_t *log = &ms_server_get(q->s)->sink;

    if (q->reply.version == UNKNOWN) {
        ms_log(log, MS_LINE_SCHEMA_UNKNOWN, q->reply.why);
    }
    else if (q->reply.version < MS_SCHEMA) {
        ms_log(log, MS_LINE_SCHEMA_OLDER, q->reply.version, MS_SCHEMA);
    }
    return q->reply.version > MS_SCHEMA ? judge_newer(pool, main_server, q) : NULL;
}

const char *ms_survey(apr_pool_t *ptemp, server_rec *main_server)
{
    apr_interval_time_t wait = 0;
    apr_array_header_t *questions = list_questions(ptemp, main_server, &wait);
    const char *error = NULL, *found;
    int i;

    ask_all(ptemp, main_server, questions, wait);
    for (i = 0; i < questions->nelts; i++) {
        found = judge(ptemp, main_server, &APR_ARRAY_IDX(questions, i, question_t));
        error = error ? error : found;
    }
    note_served(main_server->process->pool, questions);
    return error;
}
