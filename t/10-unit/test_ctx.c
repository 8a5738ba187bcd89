/* test_ctx.c: core/ctx.c: how much time a request has left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/ctx.h"
#include "core/time.h"

#define SEC(n) apr_time_from_sec(n)

static void without_a_deadline_the_limit_holds(void **state)
{
    ms_ctx_t c = { 0 };

    assert_int_equal(ms_time_left(&c, SEC(5)), SEC(5));
    assert_int_equal(ms_time_left(&c, 0), 0);
}

static void the_shorter_one_holds(void **state)
{
    ms_ctx_t c = { .deadline = ms_steady_now() + SEC(100) };

    assert_int_equal(ms_time_left(&c, SEC(5)), SEC(5));
    assert_true(ms_time_left(&c, SEC(500)) <= SEC(100));
    assert_true(ms_time_left(&c, SEC(500)) > SEC(50));
}

static void nothing_is_left_and_never_less(void **state)
{
    ms_ctx_t c = { .deadline = ms_steady_now() - SEC(1) };

    assert_int_equal(ms_time_left(&c, SEC(5)), 0);
    c.deadline = 1;
    assert_int_equal(ms_time_left(&c, SEC(5)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_deadline_the_limit_holds),
        cmocka_unit_test(the_shorter_one_holds),
        cmocka_unit_test(nothing_is_left_and_never_less),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
