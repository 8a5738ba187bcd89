/* test_log.c: core/log.c: what is written rarely: once for each line and cause, by all processes that share the memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/log.h"

enum { PROCESSES = 4, ROUNDS = 1000 };

typedef struct {
    ms_log_memory_t memory;
    atomic_int written;
    char text[200];
} shared_t;

static shared_t *shared;

static void write_it(void *baton, ms_line_t line, int level, const char *text)
{
    atomic_fetch_add(&shared->written, 1);
    strncpy(shared->text, text, sizeof shared->text - 1);
}

static const ms_sink_t sink = { write_it, NULL };

static int fresh(void **state)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        return 1;
    }
    ms_log_share(&shared->memory);
    return 0;
}

static int stop(void **state)
{
    ms_log_share(NULL);
    return munmap(shared, sizeof *shared);
}

static void once_for_a_line_and_a_cause(void **state)
{
    int i;

    for (i = 0; i < ROUNDS; i++) {
        ms_log_rarely(&sink, MS_LINE_DB_POOL, i + 1);
    }
    assert_int_equal(shared->written, 1);
    assert_string_equal(shared->text, "no database connection came free within 1 ms (MedusaStoreDBMax, or a database that stands still)");
    for (i = 0; i < ROUNDS; i++) {
        ms_log_rarely_for(&sink, 1114 + i % 2, MS_LINE_DB_STATEMENT, "label", 1114 + i % 2, "text", "");
    }
    assert_int_equal(shared->written, 3);
    ms_log_rarely(&sink, MS_LINE_DB_LOCKED, "label");
    assert_int_equal(shared->written, 4);
}

/* As if all lines had been written so many seconds earlier: the time stands above the lowest 20 bits, in milliseconds. */
static void age(int seconds)
{
    size_t i;

    for (i = 0; i < sizeof shared->memory.last / sizeof *shared->memory.last; i++) {
        shared->memory.last[i] -= shared->memory.last[i] ? (apr_uint64_t)seconds * 1000 << 20 : 0;
    }
}

static void once_a_minute(void **state)
{
    ms_log_rarely(&sink, MS_LINE_DB_POOL, 1);
    age(59);
    ms_log_rarely(&sink, MS_LINE_DB_POOL, 1);
    assert_int_equal(shared->written, 1);
    age(2);
    ms_log_rarely(&sink, MS_LINE_DB_POOL, 1);
    assert_int_equal(shared->written, 2);
}

static void once_for_all_processes(void **state)
{
    int i, n;

    for (i = 0; i < PROCESSES; i++) {
        if (!fork()) {
            for (n = 0; n < ROUNDS; n++) {
                ms_log_rarely(&sink, MS_LINE_HASH_BUSY, n);
            }
            _exit(0);
        }
    }
    while (wait(&n) > 0) {
    }
    assert_int_equal(shared->written, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(once_for_a_line_and_a_cause, fresh, stop),
        cmocka_unit_test_setup_teardown(once_a_minute, fresh, stop),
        cmocka_unit_test_setup_teardown(once_for_all_processes, fresh, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
