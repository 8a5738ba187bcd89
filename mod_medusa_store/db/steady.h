/* steady.h: waiting until a time on the clock that nobody sets; APR's conditions go by the one that an administrator, or NTP, may set
 * back by a day. Inside db/ only. */
#ifndef MS_DB_STEADY_H
#define MS_DB_STEADY_H

#include <pthread.h>

#include "core/time.h"

/** Make a condition for ms_steady_wait(). */
static inline void ms_steady_init(pthread_cond_t *changed)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(changed, &attributes);
    pthread_condattr_destroy(&attributes);
}

/** Wait, with the lock held, for a change until a time on the steady clock; 0: that time has come. */
static inline int ms_steady_wait(pthread_cond_t *changed, pthread_mutex_t *lock, apr_time_t until)
{
    struct timespec end = { apr_time_sec(until), apr_time_usec(until) * 1000 };

    return !pthread_cond_timedwait(changed, lock, &end);
}

#endif
