/* wordlist.h: a list of words, to be asked whether it has one. */
#ifndef MS_CORE_WORDLIST_H
#define MS_CORE_WORDLIST_H

#include <apr_pools.h>
#include <stddef.h>

typedef struct ms_wordlist_t ms_wordlist_t;

/** Make a list of the lines of a text, which end by LF or CRLF; capitals are as good as small letters, and a byte order mark at the
 *  beginning is none of it. Empty lines are left out, and those that are no UTF-8, for nobody can send them. It lives in `pool` and keeps
 *  eight bytes of each; `temp` is for the work. NULL when out of memory. */
const ms_wordlist_t *ms_wordlist_make(apr_pool_t *pool, apr_pool_t *temp, const char *text, size_t length);

/** How many words it has; one that comes twice counts once. */
size_t ms_wordlist_count(const ms_wordlist_t *list);

/** 1: the list has the word, which is valid UTF-8; 0: it has not; -1: out of memory. */
int ms_wordlist_has(const ms_wordlist_t *list, apr_pool_t *temp, const char *word);

#endif
