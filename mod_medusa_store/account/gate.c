/* gate.c: bounds the memory and processor time that password hashing can take, over all children of the server.
 *
 * Two System V semaphores: free slots and free places in the queue. SEM_UNDO gives back what a child that dies holds;
 * no process-shared lock of another kind does that without help. The set outlives restarts, so that children of the last
 * generation and the new ones share the slots; only when its size changes is it replaced, and who waits at the old one
 * passes freely. Called by password.c; made by httpd/. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* semtimedop */
#endif
#include "account/gate.h"
#include "core/time.h"

#include <apr_portable.h>
#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

enum { SLOTS, QUEUE, SEMAPHORES };
enum { QUEUE_DEFAULT = 64 };

struct ms_gate_t {
    int id;
    int slots, queue;
    apr_interval_time_t wait;
};

union semun { /* the caller defines it: semctl(2) */
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

/* A set is removed by APR, which takes it for a lock of its own: this module may be unloaded when the server ends. In this
 * process only: a child's end must not take the set from the others. */
static apr_status_t remove_with(apr_pool_t *pool, int id)
{
    apr_os_proc_mutex_t native = { .crossproc = id };
    apr_proc_mutex_t *lock = NULL;

    return apr_os_proc_mutex_put_ex(&lock, &native, APR_LOCK_SYSVSEM, 1, pool);
}

static apr_status_t fill(int id, int slots, int queue, uid_t uid)
{
    unsigned short values[SEMAPHORES] = { [SLOTS] = (unsigned short)slots, [QUEUE] = (unsigned short)queue };
    struct semid_ds set;

    if (semctl(id, 0, SETALL, (union semun){ .array = values })) {
        return errno;
    }
    if (uid == (uid_t)-1) {
        return APR_SUCCESS;
    }
    if (semctl(id, 0, IPC_STAT, (union semun){ .buf = &set })) {
        return errno;
    }
    set.sem_perm.uid = uid;
    return semctl(id, 0, IPC_SET, (union semun){ .buf = &set }) ? errno : APR_SUCCESS;
}

static void end_set(ms_gate_set_t *set)
{
    if (set->pool) {
        apr_pool_destroy(set->pool);
        set->pool = NULL;
    }
}

static apr_status_t make_set(ms_gate_set_t *set, int slots, int queue, uid_t uid)
{
    apr_status_t rv = apr_pool_create(&set->pool, set->home);
    int id = rv ? -1 : semget(IPC_PRIVATE, SEMAPHORES, IPC_CREAT | 0600);

    if (id < 0) {
        rv = rv ? rv : errno;
        end_set(set);
        return rv;
    }
    rv = remove_with(set->pool, id);
    if (rv) {
        semctl(id, 0, IPC_RMID);
    }
    rv = rv ? rv : fill(id, slots, queue, uid);
    if (rv) {
        end_set(set);
        return rv;
    }
    set->id = id;
    set->slots = slots;
    set->queue = queue;
    set->uid = uid;
    return APR_SUCCESS;
}

static int is_there(const ms_gate_set_t *set)
{
    return set->pool && semctl(set->id, SLOTS, GETVAL) >= 0; /* an administrator can remove any set */
}

apr_status_t ms_gate_make(ms_gate_t **made, apr_pool_t *pool, ms_gate_set_t *set, const ms_gate_conf_t *conf, uid_t uid)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int slots = conf->slots ? conf->slots : (processors > 0 ? (int)processors : 1);
    int queue = conf->queue ? conf->queue : QUEUE_DEFAULT;
    apr_status_t rv = APR_SUCCESS;

    if (!is_there(set) || set->slots != slots || set->queue != queue || set->uid != uid) {
        end_set(set);
        rv = make_set(set, slots, queue, uid);
    }
    if (rv) {
        return rv;
    }
    *made = apr_pcalloc(pool, sizeof **made);
    **made = (ms_gate_t){ .id = set->id, .slots = slots, .queue = queue, .wait = conf->wait };
    return APR_SUCCESS;
}

static int is_removed(int error)
{
    return error == EIDRM || error == EINVAL;
}

/* Wait for a slot until the deadline, holding a place in the queue; slot and place change hands in one step. */
static apr_status_t wait_for_slot(ms_gate_t *gate, apr_time_t deadline)
{
    struct sembuf step[] = { { SLOTS, -1, SEM_UNDO }, { QUEUE, 1, SEM_UNDO } };
    struct sembuf give_up = { QUEUE, 1, SEM_UNDO };

    for (;;) {
        apr_interval_time_t left = deadline - ms_steady_now();
        struct timespec timeout = { apr_time_sec(left), apr_time_usec(left) * 1000 };

        if (left > 0 && !semtimedop(gate->id, step, 2, &timeout)) {
            return APR_SUCCESS;
        }
        if (left > 0 && is_removed(errno)) {
            return APR_SUCCESS;
        }
        if (left <= 0 || errno != EINTR) {
            int error = left <= 0 || errno == EAGAIN ? APR_TIMEUP : errno;

            semop(gate->id, &give_up, 1);
            return error;
        }
    }
}

apr_status_t ms_gate_enter(ms_gate_t *gate, apr_interval_time_t longest)
{
    struct sembuf take = { SLOTS, -1, IPC_NOWAIT | SEM_UNDO };
    struct sembuf queue = { QUEUE, -1, IPC_NOWAIT | SEM_UNDO };

    if (!semop(gate->id, &take, 1) || is_removed(errno)) {
        return APR_SUCCESS;
    }
    if (errno != EAGAIN) {
        return errno;
    }
    if (semop(gate->id, &queue, 1)) {
        return is_removed(errno) ? APR_SUCCESS : errno;
    }
    return wait_for_slot(gate, ms_steady_now() + (longest < gate->wait ? longest : gate->wait));
}

void ms_gate_leave(ms_gate_t *gate)
{
    struct sembuf give = { SLOTS, 1, SEM_UNDO };

    semop(gate->id, &give, 1);
}

void ms_gate_look(const ms_gate_t *gate, int *running, int *waiting)
{
    int slots = semctl(gate->id, SLOTS, GETVAL), places = semctl(gate->id, QUEUE, GETVAL);

    *running = slots < 0 ? -1 : gate->slots - slots;
    *waiting = places < 0 ? -1 : gate->queue - places;
}

int ms_gate_slots(const ms_gate_t *gate)
{
    return gate->slots;
}

int ms_gate_queue(const ms_gate_t *gate)
{
    return gate->queue;
}

apr_interval_time_t ms_gate_wait(const ms_gate_t *gate)
{
    return gate->wait;
}
