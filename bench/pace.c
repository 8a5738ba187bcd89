/* pace.c: threads, a clock and percentiles. Called by rawloop.c, hashrate.c and volley.c. */
#include "pace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SAMPLES_MAX = 4 * 1024 * 1024 }; /* of one thread; later ones are counted, but not looked at */

typedef struct {
    const pace_t *pace;
    pthread_barrier_t *ready;
    pthread_t thread;
    void *own;
    uint32_t *samples; /* microseconds */
    size_t kept, size;
    long done, errors;
    double elapsed;
} worker_t;

static atomic_long taken; /* pieces of work, at a rate */

double pace_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void keep(worker_t *w, double seconds)
{
    if (w->kept == w->size && w->size < SAMPLES_MAX) {
        size_t size = w->size ? w->size * 2 : 4096;
        uint32_t *more = realloc(w->samples, size * sizeof *more);

        if (!more) {
            return;
        }
        w->samples = more;
        w->size = size;
    }
    if (w->kept < w->size) {
        w->samples[w->kept++] = (uint32_t)(seconds * 1e6);
    }
}

/* Threads take the next piece of work in turns, and wait until it is due. */
static double next_due(const pace_t *pace, double begin, double now)
{
    struct timespec pause;
    double due, wait;

    if (!pace->rate) {
        return now;
    }
    due = begin + (double)atomic_fetch_add(&taken, 1) / pace->rate;
    wait = due - pace_now();
    if (wait > 0) {
        pause.tv_sec = (time_t)wait;
        pause.tv_nsec = (long)((wait - (double)pause.tv_sec) * 1e9);
        nanosleep(&pause, NULL);
    }
    return due;
}

static void *work(void *data)
{
    worker_t *w = data;
    double begin, end, due, after;

    w->own = w->pace->start(w->pace->baton);
    pthread_barrier_wait(w->ready);
    begin = after = pace_now();
    end = begin + w->pace->seconds;
    while (w->own && after < end) {
        due = next_due(w->pace, begin, after);
        if (due >= end) {
            break;
        }
        if (w->pace->step(w->own, due)) {
            w->errors++;
        }
        else {
            w->done++;
        }
        after = pace_now();
        keep(w, after - due);
    }
    w->elapsed = after - begin;
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint32_t percentile(const uint32_t *sorted, size_t n, double p)
{
    return n ? sorted[(size_t)(p * (double)(n - 1))] : 0;
}

/* All threads' samples in one sorted array; the caller frees it. */
static uint32_t *gather(const worker_t *workers, int n, size_t *total)
{
    uint32_t *all;
    size_t k;
    int i;

    *total = 0;
    for (i = 0; i < n; i++) {
        *total += workers[i].kept;
    }
    all = malloc((*total + 1) * sizeof *all);
    for (i = 0, *total = 0; all && i < n; i++) {
        for (k = 0; k < workers[i].kept; k++) {
            all[(*total)++] = workers[i].samples[k];
        }
    }
    if (all) {
        qsort(all, *total, sizeof *all, compare);
    }
    return all;
}

static int report(const worker_t *workers, int n)
{
    double rate = 0;
    long errors = 0, done = 0;
    size_t total;
    uint32_t *all = gather(workers, n, &total);
    int i, idle = 0;

    for (i = 0; i < n; i++) {
        rate += workers[i].elapsed > 0 ? (double)workers[i].done / workers[i].elapsed : 0;
        errors += workers[i].errors;
        done += workers[i].done;
        idle += !workers[i].own;
    }
    if (!all || idle) {
        return 1;
    }
    printf("RESULT %.2f %u %u %ld %ld\n", rate, percentile(all, total, 0.5), percentile(all, total, 0.99), errors, done);
    free(all);
    return 0;
}

int pace_run(const pace_t *pace)
{
    worker_t *workers = calloc((size_t)pace->threads, sizeof *workers);
    pthread_barrier_t ready;
    int i;

    if (!workers || pthread_barrier_init(&ready, NULL, (unsigned)pace->threads)) {
        fputs("no memory\n", stderr);
        return 1;
    }
    for (i = 0; i < pace->threads; i++) {
        workers[i].pace = pace;
        workers[i].ready = &ready;
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
            fputs("no more threads\n", stderr);
            exit(1);
        }
    }
    for (i = 0; i < pace->threads; i++) {
        pthread_join(workers[i].thread, NULL);
    }
    return report(workers, pace->threads);
}

int pace_number(const char *name, const char *text, int from, int to)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (!*text || *end || n < from || n > to) {
        fprintf(stderr, "%s must be a number from %d to %d\n", name, from, to);
        exit(2);
    }
    return (int)n;
}
