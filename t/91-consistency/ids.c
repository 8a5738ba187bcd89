/* ids.c: makes ids of rows in many threads of several processes while the clock is set, and counts those that came twice.
 *
 * usage: ids COUNT. The clock that the threads see is set back and forth all the time, so that most ids share their
 * milliseconds with thousands of others. The processes are forked after start, as httpd's children are. Called by ids.t. */
#include "core/id.h"

#include <apr_general.h>
#include <pthread.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 6, THREADS = 64 };

typedef struct {
    uint64_t high, low;
} ulid_t;

typedef struct {
    ulid_t *ids;
    size_t count;
    int number;
} share_t;

static int digit(char c)
{
    static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    return (int)(strchr(crockford, c) - crockford);
}

/* 26 characters of five bits; the first two are always 0. */
static ulid_t pack(const char *text)
{
    ulid_t id = { 0, 0 };
    int i;

    for (i = 0; i < MS_ULID_LENGTH; i++) {
        id.high = id.high << 5 | id.low >> 59;
        id.low = id.low << 5 | (uint64_t)digit(text[i]);
    }
    return id;
}

/* The clock runs for a while, is set back by a day, forward by an hour, and stands. */
static apr_time_t clock_of(size_t n)
{
    static const apr_time_t steps[] = { 0, -86400, 3600, 0 };
    apr_time_t base = apr_time_from_sec(1790000000);

    return base + apr_time_from_sec(steps[n / 1000 % 4]) + (n / 1000 % 4 == 3 ? 0 : (apr_time_t)(n % 1000) * 10);
}

static void *make(void *baton)
{
    share_t *share = baton;
    apr_pool_t *pool;
    size_t i;

    if (apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        _exit(2);
    }
    for (i = 0; i < share->count; i++) {
        share->ids[i] = pack(ms_id_make(pool, "cus", clock_of(i)) + 4);
        if (i % 1000 == 999) {
            apr_pool_clear(pool);
        }
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void run_process(share_t *shares, int process)
{
    pthread_t threads[THREADS];
    int i;

    for (i = process; i < THREADS; i += PROCESSES) {
        if (pthread_create(&threads[i], NULL, make, &shares[i])) {
            _exit(2);
        }
    }
    for (i = process; i < THREADS; i += PROCESSES) {
        pthread_join(threads[i], NULL);
    }
    _exit(0);
}

static int compare(const void *a, const void *b)
{
    const ulid_t *x = a, *y = b;

    if (x->high != y->high) {
        return x->high < y->high ? -1 : 1;
    }
    return x->low < y->low ? -1 : x->low > y->low;
}

static size_t count_twice(ulid_t *ids, size_t count)
{
    size_t i, twice = 0;

    qsort(ids, count, sizeof *ids, compare);
    for (i = 1; i < count; i++) {
        twice += !compare(&ids[i - 1], &ids[i]);
    }
    return twice;
}

static size_t count_times(const ulid_t *ids, size_t count)
{
    size_t i, times = 1;

    for (i = 1; i < count; i++) {
        times += ids[i].high >> 16 != ids[i - 1].high >> 16;
    }
    return times;
}

int main(int argc, char **argv)
{
    size_t count = argc == 2 ? strtoul(argv[1], NULL, 10) / THREADS * THREADS : 0;
    share_t shares[THREADS];
    size_t twice;
    ulid_t *ids = count ? mmap(NULL, count * sizeof *ids, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    int i, status, bad = 0;

    if (ids == MAP_FAILED || sodium_init() < 0 || apr_initialize() != APR_SUCCESS) {
        fprintf(stderr, "usage: ids COUNT\n");
        return 2;
    }
    for (i = 0; i < THREADS; i++) {
        shares[i] = (share_t){ ids + (size_t)i * (count / THREADS), count / THREADS, i };
    }
    for (i = 0; i < PROCESSES; i++) {
        if (fork() == 0) {
            run_process(shares, i);
        }
    }
    while (wait(&status) > 0) {
        bad += status != 0;
    }
    twice = count_twice(ids, count);
    printf("%zu ids, %zu different times, %zu came twice\n", count, count_times(ids, count), twice);
    return bad ? 2 : twice != 0;
}
