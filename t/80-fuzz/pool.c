/* pool.c: makes a pool's allocations blocks of their own, so that a sanitizer sees where each one ends.
 *
 * Stands before APR's own function, also for calls from within APR, where the linker lets it (as it does on Debian). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include "fuzz.h"

#include <dlfcn.h>
#include <stdlib.h>

typedef void *(*palloc_t)(apr_pool_t *, apr_size_t);

static apr_pool_t *watched;
static void **blocks;
static size_t used, room;

void fuzz_pool_begin(apr_pool_t *pool)
{
    watched = pool;
}

void fuzz_pool_end(void)
{
    watched = NULL;
    while (used) {
        free(blocks[--used]);
    }
}

static void keep(void *block)
{
    if (used == room) {
        room = room ? 2 * room : 1024;
        blocks = realloc(blocks, room * sizeof *blocks);
        MUST(blocks);
    }
    blocks[used++] = block;
}

__attribute__((visibility("default"))) void *apr_palloc(apr_pool_t *pool, apr_size_t size)
{
    static palloc_t original;
    void *block;

    if (!original) {
        *(void **)&original = dlsym(RTLD_NEXT, "apr_palloc");
    }
    if (pool != watched) {
        return original(pool, size);
    }
    block = malloc(size ? size : 1);
    MUST(block);
    keep(block);
    return block;
}
