/* tries.c: the table of kinds of tries, made from MS_TRIES.
 *
 * Knows nothing but its own header. Asked by directives, metrics and log lines. */
#include "core/tries.h"

#include <stddef.h>

static const ms_try_words_t kinds[MS_TRY_COUNT] = {
    [MS_TRY_NONE] = { NULL, "", "" },
#define X(name, word, label, words) [MS_TRY_##name] = { word, label, words },
    MS_TRIES(X)
#undef X
};

const ms_try_words_t *ms_try_get(ms_try_t kind)
{
    return &kinds[kind];
}
