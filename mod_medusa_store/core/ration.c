/* ration.c: a table of debts, one word an entry, changed by compare-and-swap alone: no lock, and nothing that could be half written.
 *
 * A word holds 28 bits of the key and the time when its debt is gone; 0 is a free place. A key has its place in one set only. Two keys of
 * a set are taken for one with a chance of 8 in 2^28. Knows nothing else; called by account/throttle.c. */
#include "core/ration.h"

#include <stdatomic.h>

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock inside of an atomic would not be shared by processes");

enum { LINE = 64, TIME_BITS = 36 };

typedef _Atomic(uint64_t) cell_t;

struct ms_rations_t {
    _Alignas(LINE) uint32_t sets;
    _Alignas(LINE) cell_t cells[];
};

_Static_assert(MS_RATION_WAYS * sizeof(cell_t) == LINE, "a set is a cache line");

size_t ms_rations_size(uint32_t sets)
{
    return LINE + sizeof(ms_rations_t) + (size_t)sets * LINE;
}

ms_rations_t *ms_rations_make(void *memory, uint32_t sets)
{
    ms_rations_t *rations = (ms_rations_t *)(((uintptr_t)memory + LINE - 1) / LINE * LINE);

    rations->sets = sets;
    return rations;
}

/* ---- words ---- */

static uint64_t tag_of(uint64_t key) { return key >> TIME_BITS ? key >> TIME_BITS : 1; }
static uint64_t tag_in(uint64_t word) { return word >> TIME_BITS; }
static uint64_t end_in(uint64_t word) { return word & MS_TICKS_MAX; }
static uint64_t get(const cell_t *cell) { return atomic_load_explicit((cell_t *)(uintptr_t)cell, memory_order_relaxed); }

static uint64_t word_of(uint64_t key, uint64_t end)
{
    return tag_of(key) << TIME_BITS | (end < MS_TICKS_MAX ? end : MS_TICKS_MAX);
}

static int swap(cell_t *cell, uint64_t *seen, uint64_t word)
{
    return atomic_compare_exchange_strong_explicit(cell, seen, word, memory_order_relaxed, memory_order_relaxed);
}

static cell_t *set_of(const ms_rations_t *rations, uint64_t key)
{
    return (cell_t *)(uintptr_t)&rations->cells[(key & (rations->sets - 1)) * MS_RATION_WAYS];
}

/* ---- places ---- */

/* The key's place and what it holds; NULL: it has none. */
static cell_t *find(const ms_rations_t *rations, uint64_t key, uint64_t *word)
{
    cell_t *set = set_of(rations, key);
    int i;

    for (i = 0; i < MS_RATION_WAYS; i++) {
        *word = get(&set[i]);
        if (tag_in(*word) == tag_of(key)) {
            return &set[i];
        }
    }
    return NULL;
}

/* The place of a key that has none yet: that of the debt that ends first, which may be over, or may never have been. All look in the same order: who
 * comes second finds the place changed, and looks again. Whoever wants a debt of his own forgotten must bring seven keys of the same set
 * that owe more, and cannot tell which keys those are. */
static cell_t *find_room(const ms_rations_t *rations, uint64_t key, uint64_t now, uint64_t *word)
{
    cell_t *set = set_of(rations, key), *least = NULL;
    int i;

    for (i = 0; i < MS_RATION_WAYS; i++) {
        uint64_t seen = get(&set[i]);

        if (!least || end_in(seen) < end_in(*word)) {
            least = &set[i];
            *word = seen;
        }
        if (end_in(seen) <= now) {
            break;
        }
    }
    return least;
}

static cell_t *find_or_make(const ms_rations_t *rations, uint64_t key, uint64_t now, uint64_t *word, uint64_t *end)
{
    cell_t *cell = find(rations, key, word);

    *end = cell && end_in(*word) > now ? end_in(*word) : now;
    return cell ? cell : find_room(rations, key, now, word);
}

/* ---- what is done with them ---- */

uint64_t ms_ration_take(ms_rations_t *rations, uint64_t key, uint64_t now, uint64_t step, uint64_t room)
{
    for (;;) { /* who is overtaken looks again: somebody has got on */
        uint64_t word, end;
        cell_t *cell = find_or_make(rations, key, now, &word, &end);

        if (end - now + step > room) {
            return end - now + step - room;
        }
        if (swap(cell, &word, word_of(key, end + step))) {
            return 0;
        }
    }
}

/* What is left may be nothing, and is a free place then. */
void ms_ration_return(ms_rations_t *rations, uint64_t key, uint64_t step)
{
    uint64_t word;
    cell_t *cell = find(rations, key, &word);

    while (cell && tag_in(word) == tag_of(key)) {
        if (swap(cell, &word, word_of(key, end_in(word) > step ? end_in(word) - step : 0))) {
            return;
        }
    }
}

uint64_t ms_ration_debt(const ms_rations_t *rations, uint64_t key, uint64_t now)
{
    uint64_t word;

    return find(rations, key, &word) && end_in(word) > now ? end_in(word) - now : 0;
}

void ms_ration_note(ms_rations_t *rations, uint64_t key, uint64_t now, uint64_t debt)
{
    for (;;) {
        uint64_t word, end;
        cell_t *cell = find_or_make(rations, key, now, &word, &end);

        if (end - now >= debt || swap(cell, &word, word_of(key, now + debt))) {
            return;
        }
    }
}
