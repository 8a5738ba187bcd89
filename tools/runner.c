/* runner.c: runs a program with a text on its standard input, for so long and no longer.
 *
 * Knows processes, pipes and signals. APR's own can neither end a program's children with it nor wait for an end and a pipe at
 * once. Called by outbox.c; knows nothing of events. */
#include "tools/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

#include "core/text.h"
#include "tools/tool.h"

enum { FILES_MAX = 256 }; /* more than this tool ever has open */

typedef struct {
    pid_t pid;
    int in, err; /* our ends of its pipes; -1: closed */
    const char *left;
    size_t left_length; /* of the input, not yet taken */
    char error[RUNNER_ERROR_MAX];
    size_t error_length;
    int status; /* as waitpid() tells it */
} child_t;

static volatile sig_atomic_t stopping;
static sigset_t usual; /* without SIGCHLD blocked */

static void note_stop(int number)
{
    stopping = 1;
}

static void note_child(int number)
{
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* Pipes must not take the places of the standard files, should we have been started without these. */
static void open_standard_files(void)
{
    int file;

    do {
        file = open("/dev/null", O_RDWR);
    } while (file >= 0 && file <= 2);
    if (file > 2) {
        close(file);
    }
}

/* SIGCHLD is let through only while we wait: none can get lost between a look and the wait. */
void runner_start(void)
{
    sigset_t child;

    open_standard_files();
    handle(SIGTERM, note_stop, (int)(SA_RESTART | SA_RESETHAND));
    handle(SIGINT, note_stop, (int)(SA_RESTART | SA_RESETHAND));
    handle(SIGCHLD, note_child, SA_RESTART);
    handle(SIGPIPE, SIG_IGN, 0);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &usual);
    sigdelset(&usual, SIGCHLD);
}

int runner_stopping(void)
{
    return stopping;
}

static struct timespec to_timespec(apr_interval_time_t time)
{
    return (struct timespec){ .tv_sec = (time_t)apr_time_sec(time), .tv_nsec = (long)apr_time_usec(time) * 1000 };
}

void runner_pause(apr_interval_time_t time)
{
    struct timespec wait = to_timespec(time);
    sigset_t stops, before;

    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    sigprocmask(SIG_BLOCK, &stops, &before);
    if (!stopping) {
        ppoll(NULL, 0, &wait, &usual);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

const char *runner_find(apr_pool_t *pool, const char *program)
{
    const char *path = getenv("PATH"), *folder;
    char *rest;

    if (strchr(program, '/')) {
        return access(program, X_OK) == 0 ? program : NULL;
    }
    rest = apr_pstrdup(pool, path ? path : "/usr/bin:/bin");
    while ((folder = apr_strtok(rest, ":", &rest))) {
        const char *full = apr_pstrcat(pool, folder, "/", program, NULL);

        if (access(full, X_OK) == 0) {
            return full;
        }
    }
    return NULL;
}

static apr_time_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return apr_time_from_sec(t.tv_sec) + t.tv_nsec / 1000;
}

/* ---- the child's side ---- */

static void become(const char *const *argv, int in, int err) __attribute__((noreturn));

static void become(const char *const *argv, int in, int err)
{
    const char *reason;
    int file;

    setpgid(0, 0);
    handle(SIGTERM, SIG_DFL, 0);
    handle(SIGINT, SIG_DFL, 0);
    handle(SIGCHLD, SIG_DFL, 0);
    handle(SIGPIPE, SIG_DFL, 0);
    sigprocmask(SIG_SETMASK, &usual, NULL);
    if (dup2(in, 0) < 0 || dup2(err, 2) < 0) {
        _exit(127);
    }
    for (file = 3; file < FILES_MAX; file++) {
        close(file); /* the database's connection above all */
    }
    unsetenv(PARAMS_VARIABLE);
    execvp(argv[0], (char *const *)(size_t)argv);
    reason = strerror(errno);
    if (write(2, "can't be executed: ", 19) < 0 || write(2, reason, strlen(reason)) < 0) {
        _exit(126);
    }
    _exit(127);
}

/* ---- our side ---- */

static void close_end(int *file)
{
    if (*file >= 0) {
        close(*file);
        *file = -1;
    }
}

static void feed(child_t *child)
{
    ssize_t count = child->left_length ? write(child->in, child->left, child->left_length) : 0;

    if (count > 0) {
        child->left += count;
        child->left_length -= (size_t)count;
    }
    if (child->left_length == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
        close_end(&child->in); /* it has all, or wants no more */
    }
}

/* NULL: it runs. */
static const char *spawn(child_t *child, const char *const *argv)
{
    int in[2] = { -1, -1 }, err[2] = { -1, -1 };

    if (pipe(in) == 0) {
        child->in = in[1];
    }
    if (child->in >= 0 && pipe(err) == 0) {
        child->err = err[0];
        fcntl(child->in, F_SETFL, O_NONBLOCK);
        fcntl(child->err, F_SETFL, O_NONBLOCK);
        feed(child); /* what a pipe holds is all there before the program is, even if we are killed in between */
        child->pid = fork();
    }
    if (child->pid < 0) {
        const char *reason = strerror(errno);

        close_end(&in[0]);
        close_end(&err[1]);
        close_end(&child->in);
        close_end(&child->err);
        return reason;
    }
    if (child->pid == 0) {
        become(argv, in[0], err[1]);
    }
    setpgid(child->pid, child->pid); /* whoever of both comes first */
    close(in[0]);
    close(err[1]);
    return NULL;
}

/* Keep the beginning, throw the rest away: a full pipe would stop the program. */
static void listen_to(child_t *child)
{
    char buffer[4096];
    ssize_t count;

    while ((count = read(child->err, buffer, sizeof(buffer))) > 0) {
        size_t room = sizeof(child->error) - child->error_length;
        size_t kept = (size_t)count < room ? (size_t)count : room;

        memcpy(child->error + child->error_length, buffer, kept);
        child->error_length += kept;
    }
    if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        close_end(&child->err);
    }
}

/* 1: it has ended; 0: the time is over. */
static int attend(child_t *child, apr_time_t deadline)
{
    while (waitpid(child->pid, &child->status, WNOHANG) == 0) {
        struct pollfd files[2] = { { child->in, POLLOUT, 0 }, { child->err, POLLIN, 0 } }; /* -1 is passed over */
        apr_interval_time_t left = deadline - now();
        struct timespec wait = to_timespec(left);

        if (left <= 0) {
            return 0;
        }
        if (ppoll(files, 2, &wait, &usual) > 0) {
            if (files[0].revents) {
                feed(child);
            }
            if (files[1].revents) {
                listen_to(child);
            }
        }
    }
    return 1;
}

/* The first line of what it said, as text that any terminal and column can take. */
static const char *first_line(apr_pool_t *pool, const child_t *child)
{
    char *line = apr_palloc(pool, child->error_length + 1), *out = line;
    const char *s = child->error, *end = s + child->error_length, *next;

    while (s < end && *s != '\n') {
        int32_t c;

        next = s;
        c = ms_utf8_next(&next, end);
        if (c < 0 && child->error_length == sizeof(child->error) && end - s < 4) {
            break; /* cut in the middle of a character */
        }
        if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            *out++ = c < 0 ? '?' : ' ';
            s = c < 0 ? s + 1 : next;
            continue;
        }
        memcpy(out, s, (size_t)(next - s));
        out += next - s;
        s = next;
    }
    *out = '\0';
    return line;
}

static const char *describe(apr_pool_t *pool, const child_t *child, int in_time, apr_interval_time_t timeout)
{
    const char *line = first_line(pool, child), *how;

    if (!in_time) {
        how = apr_psprintf(pool, "killed after %d s", (int)apr_time_sec(timeout));
    }
    else if (WIFSIGNALED(child->status)) {
        how = apr_psprintf(pool, "ended by signal %d", WTERMSIG(child->status));
    }
    else if (WEXITSTATUS(child->status)) {
        how = apr_psprintf(pool, "exit status %d", WEXITSTATUS(child->status));
    }
    else {
        return NULL;
    }
    return *line ? apr_pstrcat(pool, how, ": ", line, NULL) : how;
}

const char *runner_run(apr_pool_t *pool, const char *const *argv, const char *input, apr_interval_time_t timeout)
{
    child_t child = { .pid = -1, .in = -1, .err = -1, .left = input, .left_length = strlen(input) };
    const char *problem = spawn(&child, argv);
    int in_time;

    if (problem) {
        return apr_psprintf(pool, "can't be started: %s", problem);
    }
    in_time = attend(&child, now() + timeout);
    if (!in_time) {
        kill(-child.pid, SIGKILL);
        while (waitpid(child.pid, &child.status, 0) < 0 && errno == EINTR) {
        }
    }
    if (child.err >= 0) {
        listen_to(&child); /* what it said last; whoever else holds the pipe is not waited for */
    }
    close_end(&child.in);
    close_end(&child.err);
    return describe(pool, &child, in_time, timeout);
}
