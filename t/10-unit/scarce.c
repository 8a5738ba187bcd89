/* scarce.c: malloc() and its kin, and mmap(), which the test's program has instead of the C library's.
 *
 * A sanitizer has them already: there, what asks for memory by hooks (jansson, libxml2) is refused, and nothing else. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "scarce.h"

#include <apr_allocator.h>
#include <errno.h>
#include <jansson.h>
#include <libxml/xmlmemory.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of one thread: those that watch or connect in the background have memory. */
static __thread long left; /* until one fails; 0: none does */
static __thread int all_behind;
static __thread long failed, used;

static int refuse(void)
{
    used += left != 0;
    if (!left || --left > 0) {
        return 0;
    }
    left = all_behind ? 1 : 0;
    failed++;
    errno = ENOMEM;
    return 1;
}

#if defined(__SANITIZE_ADDRESS__) || !defined(__GLIBC__)

static void *hook_malloc(size_t size)
{
    return refuse() ? NULL : malloc(size);
}

static void *hook_realloc(void *block, size_t size)
{
    return refuse() ? NULL : realloc(block, size);
}

static char *hook_strdup(const char *text)
{
    return refuse() ? NULL : strdup(text);
}

static void hook(void)
{
    static int hooked;

    if (!hooked) {
        json_set_alloc_funcs(hook_malloc, free);
        xmlMemSetup(free, hook_malloc, hook_realloc, hook_strdup);
        hooked = 1;
    }
}

#else

#define EVERYWHERE __attribute__((visibility("default")))

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t size);
EVERYWHERE void *malloc(size_t size);
EVERYWHERE void *calloc(size_t n, size_t size);
EVERYWHERE void *realloc(void *block, size_t size);
EVERYWHERE void *mmap(void *at, size_t length, int protection, int flags, int file, off_t offset);

void *malloc(size_t size)
{
    return refuse() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return refuse() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *block, size_t size)
{
    return refuse() ? NULL : __libc_realloc(block, size);
}

void *mmap(void *at, size_t length, int protection, int flags, int file, off_t offset)
{
    return refuse() ? MAP_FAILED : (void *)syscall(SYS_mmap, at, length, protection, flags, file, offset);
}

static void hook(void)
{
}

#endif

void scarce_begin(long n, int for_good)
{
    hook();
    failed = used = 0;
    all_behind = for_good;
    left = n;
}

long scarce_end(void)
{
    left = 0;
    return failed;
}

long scarce_used(void)
{
    return used;
}

apr_pool_t *scarce_pool(apr_abortfunc_t abort_function)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) || apr_pool_create_ex(&pool, NULL, abort_function, allocator)) {
        abort();
    }
    apr_allocator_owner_set(allocator, pool);
    return pool;
}
