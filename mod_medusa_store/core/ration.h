/* ration.h: how much each of very many may do in a time, kept in memory of a fixed size that all processes share.
 *
 * An entry is a debt that goes down by itself: each try adds `step`, the time that one try is worth, and none may make it more than `room`. So
 * `room / step` tries are free at once, and then one each `step`. Times are ticks of the caller's clock (GCRA, ITU-T I.371). */
#ifndef MS_CORE_RATION_H
#define MS_CORE_RATION_H

#include <stddef.h>
#include <stdint.h>

enum { MS_RATION_WAYS = 8 }; /* entries of a set: a cache line */

/** Ticks that the clock may reach, and that a debt may come to. */
#define MS_TICKS_MAX ((UINT64_C(1) << 36) - 1)

/** The entries. Every process that has the memory may use them at any time; a process that is killed in here leaves nothing half done. */
typedef struct ms_rations_t ms_rations_t;

/** How many bytes a table of so many sets (a power of 2, at most 2^24) takes. */
size_t ms_rations_size(uint32_t sets);

/** Make a table of zeroed memory of that size, at any address. It is never freed by itself. */
ms_rations_t *ms_rations_make(void *memory, uint32_t sets);

/** Add a try of `key` (all 64 bits as good as random) at the time `now`. 0: it is added; else nothing is, and so many ticks must go by
 *  until it would be. Where a set is full of others, the least of their debts is forgotten. */
uint64_t ms_ration_take(ms_rations_t *rations, uint64_t key, uint64_t now, uint64_t step, uint64_t room);

/** Take back a try that was added: it does not count after all. */
void ms_ration_return(ms_rations_t *rations, uint64_t key, uint64_t step);

/** What a key owes, in ticks; 0: it is not known, or nothing. */
uint64_t ms_ration_debt(const ms_rations_t *rations, uint64_t key, uint64_t now);

/** Make a key owe `debt` from now on, unless it owes more. */
void ms_ration_note(ms_rations_t *rations, uint64_t key, uint64_t now, uint64_t debt);

#endif
