/* scarce.h: memory that runs out when a test wants it to. */
#ifndef SCARCE_H
#define SCARCE_H

#include <apr_pools.h>

/** From now on this thread's n-th allocation (from 1) fails; and, where `for_good` is 1, all behind it. */
void scarce_begin(long n, int for_good);

/** Memory is plenty again. How many allocations failed. */
long scarce_end(void);

/** How many allocations there were from the begin to the one that failed, or to the end. */
long scarce_used(void);

/** A pool with memory of its own, whose failure calls `abort_function`, as httpd's does. */
apr_pool_t *scarce_pool(apr_abortfunc_t abort_function);

#endif
