/* gate.h: the server's hashing slots. */
#ifndef MS_ACCOUNT_GATE_H
#define MS_ACCOUNT_GATE_H

#include <apr_pools.h>
#include <apr_time.h>
#include <unistd.h>

typedef struct ms_gate_t ms_gate_t;

/** What the administrator sets; `slots` and `queue` of 0 mean their defaults: the number of processors, 64. */
typedef struct {
    int slots;                /* hashes at once, over all processes of the server */
    int queue;                /* waiting for one */
    apr_interval_time_t wait; /* longest, microseconds */
} ms_gate_conf_t;

/** The semaphores behind the gate, in memory that restarts leave alone. The caller sets `home`, a pool that ends with the server;
 *  all else is zero at first. */
typedef struct {
    apr_pool_t *home;
    apr_pool_t *pool; /* life of the set; NULL: there is none */
    int id, slots, queue;
    uid_t uid;
} ms_gate_set_t;

/** Make the gate, before any child is started; it is shared by all of them. The set of the last start is used again, with
 *  whoever holds and awaits its slots, unless conf says otherwise now. `uid` may use it (-1: the caller only). */
apr_status_t ms_gate_make(ms_gate_t **gate, apr_pool_t *pool, ms_gate_set_t *set, const ms_gate_conf_t *conf, uid_t uid);

/** Take a slot, waiting for it at most `longest` microseconds, and never longer than the gate's own limit. APR_SUCCESS; APR_TIMEUP: none
 *  came free in time; APR_EAGAIN: too many wait already. */
apr_status_t ms_gate_enter(ms_gate_t *gate, apr_interval_time_t longest);

/** Give the slot back. */
void ms_gate_leave(ms_gate_t *gate);

/** How many hash, and how many wait for that; -1 both, where it can't be told (the server has been restarted meanwhile). */
void ms_gate_look(const ms_gate_t *gate, int *running, int *waiting);

/** Slots of the gate, and places in its queue: for messages. */
int ms_gate_slots(const ms_gate_t *gate);
int ms_gate_queue(const ms_gate_t *gate);

/** Its longest wait, in microseconds. */
apr_interval_time_t ms_gate_wait(const ms_gate_t *gate);

#endif
