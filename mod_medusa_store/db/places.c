/* places.c: hands out places to threads, with one lock for all pools of a child.
 *
 * apr_reslist begins its wait anew for each thread that is overtaken, knows no deadline of a request's own, wakes all who wait for what one
 * can have, and lets all threads of the child wait. Here who waits stands in line, and is handed his place. Knows no database: a place is
 * a pointer. Called by pool.c. */
#include "db/places.h"
#include "db/steady.h"

#include <apr_strings.h>
#include <string.h>

enum {
    SPARE = 8,         /* one of so many threads is left to others */
    STILL = 75 * 1000, /* microseconds without an end of any request, after which all stands still */
    STUCK = 500 * 1000 /* and after which this pool does, whatever goes on in other processes */
};

/* A thread that waits; on its stack. */
typedef struct waiter_t {
    struct waiter_t *next, **link; /* in line; link: what points here */
    ms_places_t *places;
    pthread_cond_t served;
    int seated;  /* 1: it waits for as long as it likes */
    void *place; /* what it was handed */
} waiter_t;

struct ms_room_t {
    pthread_mutex_t lock;
    int seats; /* threads that hold a place, or wait for one for as long as they like, in all pools */
    int bound; /* how many there may be */
    waiter_t *first, **end; /* the line, over all pools; end: where the next one is put */
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

/* The lock is never ended: a child of the prefork MPM may end while its thread waits. */
ms_room_t *ms_room_make(apr_pool_t *pool, int threads)
{
    ms_room_t *room = apr_pcalloc(pool, sizeof *room);

    room->bound = threads - (threads + SPARE - 1) / SPARE;
    if (room->bound < 1) {
        room->bound = 1;
    }
    room->end = &room->first;
    pthread_mutex_init(&room->lock, NULL);
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

/* A seat for a thread, to hold a place or to wait for one. A pool that has nobody inside always gets one: else one whose database
 * stands still would shut out all others. */
static int sit_down(ms_places_t *p)
{
    if (p->room->seats >= p->room->bound && p->taken) {
        return 0;
    }
    p->room->seats++;
    return 1;
}

/* For a thread that has a seat; NULL: all are taken. */
static void *take(ms_places_t *p)
{
    if (p->taken >= p->conf.max) {
        return NULL;
    }
    if (!p->taken++) {
        p->moved = ms_steady_now();
    }
    return p->nidle ? p->idle[--p->nidle].place : p->blank[--p->nblank];
}

/* ---- the line ---- */

/* A seat, if it has none, and a place; 1: it has both. */
static int try_to_serve(waiter_t *w)
{
    w->seated = w->seated || sit_down(w->places);
    w->place = w->seated ? take(w->places) : NULL;
    return w->place != NULL;
}

static void join(waiter_t *w)
{
    ms_room_t *room = w->places->room;

    w->link = room->end;
    *room->end = w;
    room->end = &w->next;
}

static void leave(waiter_t *w)
{
    *w->link = w->next;
    if (w->next) {
        w->next->link = w->link;
    }
    else {
        w->places->room->end = w->link;
    }
}

/* Something came free: who has waited for longest gets it. They are told under the lock, for after it they may be gone. */
static void serve(ms_room_t *room)
{
    waiter_t *w, *next;

    for (w = room->first; w; w = next) {
        next = w->next;
        if (try_to_serve(w)) {
            leave(w);
            pthread_cond_signal(&w->served);
        }
    }
}

static apr_time_t earlier(apr_time_t a, apr_time_t b) { return a < b ? a : b; }
static apr_time_t later(apr_time_t a, apr_time_t b) { return a > b ? a : b; }

/* Until when; who has no seat is one of the threads that are left to others. A pool may stand still for want of processors, which a
 * database that serves other processes shows. */
static apr_time_t end_of_wait(const waiter_t *w, apr_time_t until)
{
    const ms_places_t *p = w->places;
    apr_time_t served = earlier(atomic_load_explicit(p->conf.served, memory_order_relaxed), p->moved + STUCK - STILL);

    return w->seated ? until : earlier(until, later(p->moved, served) + STILL);
}

/* Stand in line until that time. */
static void wait_in_line(waiter_t *w, apr_time_t until)
{
    ms_room_t *room = w->places->room;
    apr_time_t end;

    ms_steady_init(&w->served);
    join(w);
    while (!w->place && ms_steady_now() < (end = end_of_wait(w, until))) {
        ms_steady_wait(&w->served, &room->lock, end);
    }
    if (!w->place) {
        leave(w);
    }
    pthread_cond_destroy(&w->served);
}

void *ms_places_take(ms_places_t *p, apr_time_t until)
{
    ms_room_t *room = p->room;
    waiter_t w = { .places = p };

    pthread_mutex_lock(&room->lock);
    if (!try_to_serve(&w)) {
        wait_in_line(&w, until);
    }
    if (!w.place && w.seated) {
        room->seats--;
        serve(room);
    }
    pthread_mutex_unlock(&room->lock);
    return w.place;
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
    void *old;

    pthread_mutex_lock(&room->lock);
    p->moved = ms_steady_now();
    p->taken--;
    room->seats--;
    if (open) {
        p->idle[p->nidle++] = (idle_t){ place, p->moved };
        atomic_store_explicit(p->conf.served, p->moved, memory_order_relaxed);
    }
    else {
        p->blank[p->nblank++] = place;
    }
    if (room->first) {
        serve(room);
    }
    old = open ? expired(p) : NULL;
    pthread_mutex_unlock(&room->lock);
    return old;
}
