/* fixture.h: what most unit tests begin and end with: APR, libsodium, and one pool for all tests of a program. */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include <apr_general.h>
#include <apr_pools.h>
#include <sodium.h>

static apr_pool_t *pool;

static int start(void **state)
{
    return sodium_init() < 0 || apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS;
}

static int stop(void **state)
{
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}

#endif
