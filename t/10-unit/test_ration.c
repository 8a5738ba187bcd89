/* test_ration.c: core/ration.c: how many are free, when the next one is, who is forgotten; by many processes at once. Time is passed in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ration.h"

enum { SETS = 4, PROCESSES = 4, ROUNDS = 1000000, STEP = 100, ROOM = 5 * STEP };

static void *memory;
static ms_rations_t *rations;

static size_t size(void) { return ms_rations_size(SETS) + 8; }

static int start(void **state)
{
    memory = mmap(NULL, size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    rations = memory == MAP_FAILED ? NULL : ms_rations_make((char *)memory + 8, SETS); /* at an address that fits nothing */
    return rations == NULL;
}

static int clear(void **state)
{
    memset(memory, 0, size());
    rations = ms_rations_make((char *)memory + 8, SETS);
    return 0;
}

static int stop(void **state)
{
    return munmap(memory, size());
}

/* The n-th key of a set: the upper half tells them apart. */
static uint64_t key_of(uint64_t set, uint64_t n)
{
    return (n + 1) << 36 | set;
}

static uint64_t take(uint64_t key, uint64_t now)
{
    return ms_ration_take(rations, key, now, STEP, ROOM);
}

static void five_are_free_and_then_one_each_step(void **state)
{
    uint64_t key = key_of(0, 0);
    int i;

    for (i = 0; i < 5; i++) {
        assert_int_equal(ms_ration_debt(rations, key, 1000), i * STEP);
        assert_int_equal(take(key, 1000), 0);
    }
    assert_int_equal(take(key, 1000), STEP); /* so long to wait */
    assert_int_equal(take(key, 1000), STEP); /* and asking makes it no longer */
    assert_int_equal(take(key, 1099), 1);
    assert_int_equal(take(key, 1100), 0);
    assert_int_equal(take(key, 1100), STEP);
    assert_int_equal(ms_ration_debt(rations, key, 1100), ROOM);
    assert_int_equal(ms_ration_debt(rations, key, 1600), 0);
    for (i = 0; i < 5; i++) {
        assert_int_equal(take(key, 5000), 0); /* all is forgotten, and no more than that */
    }
    assert_int_equal(take(key, 5000), STEP);
}

static void keys_are_apart(void **state)
{
    int i;

    for (i = 0; i < 5; i++) {
        assert_int_equal(take(key_of(1, 0), 1), 0);
    }
    assert_int_equal(take(key_of(1, 0), 1), STEP);
    assert_int_equal(take(key_of(1, 1), 1), 0); /* of the same set */
    assert_int_equal(take(key_of(2, 0), 1), 0); /* with the same upper half */
}

static void what_is_given_back_was_never_there(void **state)
{
    uint64_t key = key_of(0, 3);

    assert_int_equal(take(key, 10), 0);
    assert_int_equal(take(key, 10), 0);
    ms_ration_return(rations, key, STEP);
    assert_int_equal(ms_ration_debt(rations, key, 10), STEP);
    ms_ration_return(rations, key, STEP);
    ms_ration_return(rations, key, STEP);
    assert_int_equal(ms_ration_debt(rations, key, 10), 0);
    ms_ration_return(rations, key_of(0, 4), STEP); /* nobody knows it */
    assert_int_equal(ms_ration_debt(rations, key_of(0, 4), 10), 0);
}

static void a_note_never_makes_it_less(void **state)
{
    uint64_t key = key_of(3, 3);

    ms_ration_note(rations, key, 10, 1000);
    assert_int_equal(ms_ration_debt(rations, key, 10), 1000);
    ms_ration_note(rations, key, 10, 50);
    assert_int_equal(ms_ration_debt(rations, key, 10), 1000);
    ms_ration_note(rations, key, 500, 1000);
    assert_int_equal(ms_ration_debt(rations, key, 500), 1000);
    assert_int_equal(ms_ration_debt(rations, key, 1500), 0);
}

/* Others may fill the set, but who owes most is forgotten last. */
static void a_full_set_forgets_the_least(void **state)
{
    uint64_t worst = key_of(0, 100), i;

    for (i = 0; i < 5; i++) {
        assert_int_equal(take(worst, 1), 0);
    }
    for (i = 0; i < 1000; i++) {
        assert_int_equal(take(key_of(0, i + 200), 1), 0);
    }
    assert_int_equal(take(worst, 1), STEP);
    assert_int_equal(ms_ration_debt(rations, key_of(0, 1199), 1), STEP); /* the last one is there, too */
    for (i = 0; i < MS_RATION_WAYS; i++) { /* who is to be forgotten needs so many that owe more */
        assert_int_equal(ms_ration_take(rations, key_of(0, i + 2000), 1, ROOM + 1, ROOM + 1), 0);
    }
    assert_int_equal(ms_ration_debt(rations, worst, 1), 0);
    assert_int_equal(take(key_of(1, 7), 1), 0);
    assert_int_equal(take(key_of(0, 1), ROOM + 2), 0); /* debts that are over make room again */
    assert_int_equal(ms_ration_debt(rations, key_of(0, 2001), ROOM + 1), 1);
}

static void the_end_of_time(void **state)
{
    uint64_t key = key_of(0, (1 << 28) - 2);

    assert_int_equal(ms_ration_take(rations, key, MS_TICKS_MAX - 10, 100, 100), 0);
    assert_int_equal(ms_ration_debt(rations, key, MS_TICKS_MAX - 10), 10);
    assert_int_equal(take(0, 1), 0); /* a key of zero is one, too */
    assert_int_equal(ms_ration_debt(rations, 0, 1), STEP);
}

/* What the processes tell: how many of their tries were added. */
typedef struct {
    _Atomic int ready;
    int taken[PROCESSES];
} told_t;

static void hammer(told_t *told, int number)
{
    int i;

    told->ready++;
    while (told->ready < PROCESSES) {
    }
    for (i = 0; i < ROUNDS; i++) {
        assert_int_equal(ms_ration_take(rations, key_of(3, 0), 1, 1, PROCESSES * ROUNDS), 0);     /* room for all */
        told->taken[number] += !ms_ration_take(rations, key_of(1, 0), 1, 1, PROCESSES * ROUNDS / 2); /* for half of them */
        if (!ms_ration_take(rations, key_of(2, 0), 1, 1, PROCESSES)) {                          /* for one of each */
            ms_ration_return(rations, key_of(2, 0), 1);
        }
        ms_ration_take(rations, key_of(1, 1 + (uint64_t)(number * ROUNDS + i)), 1, 1, 1); /* and some who come and go beside */
    }
    _exit(0);
}

static void processes_count_together(void **state)
{
    told_t *told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[PROCESSES];
    int i, status, taken = 0;

    assert_true(told != MAP_FAILED);
    for (i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (!children[i]) {
            hammer(told, i);
        }
        assert_true(children[i] > 0);
    }
    for (i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
        taken += told->taken[i];
    }
    assert_int_equal(ms_ration_debt(rations, key_of(3, 0), 1), PROCESSES * ROUNDS);
    assert_int_equal(ms_ration_debt(rations, key_of(1, 0), 1), PROCESSES * ROUNDS / 2);
    assert_int_equal(taken, PROCESSES * ROUNDS / 2); /* no more got in than there was room for */
    assert_int_equal(ms_ration_debt(rations, key_of(2, 0), 1), 0);
    munmap(told, sizeof *told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(five_are_free_and_then_one_each_step, clear),
        cmocka_unit_test_setup(keys_are_apart, clear),
        cmocka_unit_test_setup(what_is_given_back_was_never_there, clear),
        cmocka_unit_test_setup(a_note_never_makes_it_less, clear),
        cmocka_unit_test_setup(a_full_set_forgets_the_least, clear),
        cmocka_unit_test_setup(the_end_of_time, clear),
        cmocka_unit_test_setup(processes_count_together, clear),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
