/* places.c: hands out places to threads, with one lock for all pools of a child.
 *
 * apr_reslist begins its wait anew for each thread that is overtaken, knows no deadline of a request's own, and lets all threads of the
 * child wait. Knows no database: a place is a pointer. Called by pool.c. */
#include "db/places.h"
#include "db/steady.h"

#include <apr_strings.h>
#include <string.h>

enum {
    SPARE = 8,        /* one of so many threads is left to others */
    STILL = 75 * 1000 /* microseconds without an end of any request, after which a pool stands still */
};

struct ms_room_t {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int seats;   /* threads that hold a place, or wait for one for as long as they like, in all pools */
    int bound;   /* how many there may be */
    int waiting; /* threads that wait, on a seat or not */
};

typedef struct {
    void *place;
    apr_time_t since; /* idle */
} idle_t;

struct ms_places_t {
    ms_room_t *room;
    ms_places_conf_t conf;
    int taken;
    idle_t *idle; /* those with a connection; the last one was used last */
    void **blank; /* those without */
    int nidle, nblank;
    apr_time_t moved; /* when a request last came to an end, or the first one began */
};

/* Lock and condition are never ended: a child of the prefork MPM may end while its thread waits. */
ms_room_t *ms_room_make(apr_pool_t *pool, int threads)
{
    ms_room_t *room = apr_pcalloc(pool, sizeof *room);

    room->bound = threads - (threads + SPARE - 1) / SPARE;
    if (room->bound < 1) {
        room->bound = 1;
    }
    pthread_mutex_init(&room->lock, NULL);
    ms_steady_init(&room->changed);
    return room;
}

ms_places_t *ms_places_make(apr_pool_t *pool, ms_room_t *room, const ms_places_conf_t *conf, void *const *places)
{
    ms_places_t *made = apr_pcalloc(pool, sizeof *made);
    size_t n = (size_t)conf->max;

    made->room = room;
    made->conf = *conf;
    made->idle = apr_pcalloc(pool, n * sizeof *made->idle);
    made->blank = apr_pmemdup(pool, places, n * sizeof *made->blank);
    made->nblank = conf->max;
    return made;
}

/* A seat for the thread, to hold a place or to wait for one. A pool that has nobody inside always gets one: else one whose database
 * stands still would shut out all others. */
static int sit_down(ms_places_t *p)
{
    if (p->room->seats >= p->room->bound && p->taken) {
        return 0;
    }
    p->room->seats++;
    return 1;
}

static void *take(ms_places_t *p)
{
    if (!p->taken++) {
        p->moved = ms_steady_now();
    }
    return p->nidle ? p->idle[--p->nidle].place : p->blank[--p->nblank];
}

/* Wait for a change; 0: there is no time left. Who has no seat is one of the threads that are left to others. */
static int wait_more(ms_places_t *p, int seated, apr_time_t until)
{
    ms_room_t *room = p->room;

    if (!seated && p->moved + STILL < until) {
        until = p->moved + STILL;
    }
    if (ms_steady_now() >= until) {
        return 0;
    }
    room->waiting++;
    ms_steady_wait(&room->changed, &room->lock, until);
    room->waiting--;
    return 1;
}

void *ms_places_take(ms_places_t *p, apr_time_t until)
{
    ms_room_t *room = p->room;
    void *place = NULL;
    int seated;

    pthread_mutex_lock(&room->lock);
    seated = sit_down(p);
    while ((!seated || p->taken >= p->conf.max) && wait_more(p, seated, until)) {
        seated = seated || sit_down(p);
    }
    if (seated && p->taken < p->conf.max) {
        place = take(p);
    }
    else if (seated) {
        room->seats--;
    }
    pthread_mutex_unlock(&room->lock);
    return place;
}

/* The one that has been idle for longest, if that is too long. */
static void *expired(ms_places_t *p)
{
    void *place = NULL;

    if (p->nidle > p->conf.keep && p->moved - p->idle[0].since > p->conf.exptime) {
        place = p->idle[0].place;
        p->nidle--;
        memmove(p->idle, p->idle + 1, (size_t)p->nidle * sizeof *p->idle);
        p->taken++; /* the caller has it now */
        p->room->seats++;
    }
    return place;
}

void *ms_places_give(ms_places_t *p, void *place, int open)
{
    ms_room_t *room = p->room;
    void *old = NULL;
    int waiting;

    pthread_mutex_lock(&room->lock);
    p->moved = ms_steady_now();
    p->taken--;
    room->seats--;
    if (open) {
        p->idle[p->nidle++] = (idle_t){ place, p->moved };
        old = expired(p);
    }
    else {
        p->blank[p->nblank++] = place;
    }
    waiting = room->waiting;
    pthread_mutex_unlock(&room->lock);
    if (waiting) {
        pthread_cond_broadcast(&room->changed);
    }
    return old;
}
