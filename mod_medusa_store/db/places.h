/* places.h: who may have a connection, and who has to wait for one. Inside db/ only, but for making the room.
 *
 * A room is one child's: the places of all its pools, and the threads that they may hold. A database that stands still must not take
 * all of them: some are left to requests that need none. */
#ifndef MS_DB_PLACES_H
#define MS_DB_PLACES_H

#include <apr_pools.h>
#include <apr_time.h>
#include <stdatomic.h>

typedef struct ms_room_t ms_room_t;
typedef struct ms_places_t ms_places_t;

/** Make the room of a process with so many threads for requests; one thread only: it may wait. It ends with `pool`. */
ms_room_t *ms_room_make(apr_pool_t *pool, int threads);

/** What the list of places goes by. */
typedef struct {
    int max;                     /* places */
    int keep;                    /* idle ones whose connections stay open */
    apr_interval_time_t exptime; /* those above it are closed after this many microseconds */
    _Atomic(apr_time_t) *served; /* when an open place was last given back, in any process that has places of this kind */
} ms_places_conf_t;

/** Make the list, with one `place` for each of conf->max from the caller; it lives in `pool`. */
ms_places_t *ms_places_make(apr_pool_t *pool, ms_room_t *room, const ms_places_conf_t *conf, void *const *places);

/** Take a place, the one that was used last, waiting for it until a time on the steady clock; NULL: none came free. Who waits does so only
 *  for as long as threads are left for others, or, beyond that, while other requests come to an end. */
void *ms_places_take(ms_places_t *places, apr_time_t until);

/** Give it back; `open`: with a connection. Another place, whose connection has been idle for too long, comes back, or NULL: the caller
 *  closes it, and gives it back in turn as one that is not open. */
void *ms_places_give(ms_places_t *places, void *place, int open);

#endif
