/* gate.c: bounds the memory and processor time that password hashing can take, over all children of the server.
 *
 * Two System V semaphores: free slots and free places in the queue. SEM_UNDO gives back what a child that dies holds;
 * no process-shared lock of another kind does that without help. A restart removes the set and makes a new one: children of
 * the last generation, which still have a few requests to end, then pass freely. Called by password.c; made by httpd/. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* semtimedop */
#endif
#include "account/gate.h"

#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

enum { SLOTS, QUEUE, SEMAPHORES };
enum { QUEUE_DEFAULT = 64 };

struct ms_gate_t {
    int id;
    int slots;
    apr_interval_time_t wait;
};

union semun { /* the caller defines it: semctl(2) */
    int val;
    struct semid_ds *buf;
    unsigned short *array;
};

static apr_status_t remove_set(void *data)
{
    ms_gate_t *gate = data;

    semctl(gate->id, 0, IPC_RMID);
    return APR_SUCCESS;
}

apr_status_t ms_gate_make(ms_gate_t **made, apr_pool_t *pool, const ms_gate_conf_t *conf, uid_t uid)
{
    ms_gate_t *gate = apr_pcalloc(pool, sizeof *gate);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned short values[SEMAPHORES];
    struct semid_ds set;

    gate->slots = conf->slots ? conf->slots : (processors > 0 ? (int)processors : 1);
    gate->wait = conf->wait;
    gate->id = semget(IPC_PRIVATE, SEMAPHORES, IPC_CREAT | 0600);
    if (gate->id < 0) {
        return errno;
    }
    /* in this process only: a child's end must not take the set from the others */
    apr_pool_cleanup_register(pool, gate, remove_set, apr_pool_cleanup_null);
    values[SLOTS] = (unsigned short)gate->slots;
    values[QUEUE] = (unsigned short)(conf->queue ? conf->queue : QUEUE_DEFAULT);
    if (semctl(gate->id, 0, SETALL, (union semun){ .array = values })) {
        return errno;
    }
    if (uid != (uid_t)-1) {
        if (semctl(gate->id, 0, IPC_STAT, (union semun){ .buf = &set })) {
            return errno;
        }
        set.sem_perm.uid = uid;
        if (semctl(gate->id, 0, IPC_SET, (union semun){ .buf = &set })) {
            return errno;
        }
    }
    *made = gate;
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
        apr_interval_time_t left = deadline - apr_time_now();
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

apr_status_t ms_gate_enter(ms_gate_t *gate)
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
    return wait_for_slot(gate, apr_time_now() + gate->wait);
}

void ms_gate_leave(ms_gate_t *gate)
{
    struct sembuf give = { SLOTS, 1, SEM_UNDO };

    semop(gate->id, &give, 1);
}

int ms_gate_slots(const ms_gate_t *gate)
{
    return gate->slots;
}

int ms_gate_wait_ms(const ms_gate_t *gate)
{
    return (int)apr_time_as_msec(gate->wait);
}
