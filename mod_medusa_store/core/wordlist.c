/* wordlist.c: a list of words as the sorted digests of their lower case.
 *
 * A keyed digest of 64 bits: one word in 10^13 would be taken for one of a million, and nobody can look for it without the key. Used by
 * account/password.c; made for directives. */
#include "core/wordlist.h"
#include "core/text.h"

#include <apr_strings.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char mark[] = "\xef\xbb\xbf"; /* of byte order, as some editors write it before UTF-8 */

struct ms_wordlist_t {
    unsigned char key[crypto_shorthash_KEYBYTES];
    uint64_t *digests; /* ascending */
    size_t n;
};

/* 0: out of memory. */
static int digest(const ms_wordlist_t *list, apr_pool_t *temp, uint64_t *value, const char *word)
{
    const char *lower = ms_text_lower(temp, word);
    unsigned char hash[crypto_shorthash_BYTES];

    if (!lower) {
        return 0;
    }
    crypto_shorthash(hash, (const unsigned char *)lower, strlen(lower), list->key);
    memcpy(value, hash, sizeof *value);
    return 1;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Those that are not empty. */
static size_t count_lines(const char *text, size_t length)
{
    size_t i, n = 0;

    for (i = 0; i < length; i++) {
        n += text[i] != '\n' && (i == 0 || text[i - 1] == '\n');
    }
    return n;
}

static size_t without_doubles(uint64_t *digests, size_t n)
{
    size_t i, kept = 0;

    for (i = 0; i < n; i++) {
        if (!kept || digests[kept - 1] != digests[i]) {
            digests[kept++] = digests[i];
        }
    }
    return kept;
}

/* 0: out of memory. */
static int add_line(ms_wordlist_t *list, apr_pool_t *temp, const char *line, size_t length)
{
    if (length && line[length - 1] == '\r') {
        length--;
    }
    if (!length || memchr(line, '\0', length) || !ms_utf8_valid(line, length)) {
        return 1;
    }
    if (!digest(list, temp, &list->digests[list->n], apr_pstrmemdup(temp, line, length))) {
        return 0;
    }
    list->n++;
    return 1;
}

static int add_lines(ms_wordlist_t *list, apr_pool_t *temp, const char *text, size_t length)
{
    const char *end = text + length, *line, *next;

    for (line = text; line < end; line = next + 1) {
        next = memchr(line, '\n', (size_t)(end - line));
        next = next ? next : end;
        if (!add_line(list, temp, line, (size_t)(next - line))) {
            return 0;
        }
        apr_pool_clear(temp);
    }
    return 1;
}

const ms_wordlist_t *ms_wordlist_make(apr_pool_t *pool, apr_pool_t *temp, const char *text, size_t length)
{
    ms_wordlist_t *list = apr_pcalloc(pool, sizeof *list);
    apr_pool_t *scratch;
    int good;

    if (length >= strlen(mark) && !memcmp(text, mark, strlen(mark))) {
        text += strlen(mark);
        length -= strlen(mark);
    }
    list->digests = apr_palloc(pool, (count_lines(text, length) + 1) * sizeof *list->digests);
    crypto_shorthash_keygen(list->key);
    if (apr_pool_create(&scratch, temp)) {
        return NULL;
    }
    good = add_lines(list, scratch, text, length);
    apr_pool_destroy(scratch);
    qsort(list->digests, list->n, sizeof *list->digests, compare);
    list->n = without_doubles(list->digests, list->n);
    return good ? list : NULL;
}

size_t ms_wordlist_count(const ms_wordlist_t *list)
{
    return list->n;
}

int ms_wordlist_has(const ms_wordlist_t *list, apr_pool_t *temp, const char *word)
{
    uint64_t value;

    if (!list->n) {
        return 0;
    }
    if (!digest(list, temp, &value, word)) {
        return -1;
    }
    return bsearch(&value, list->digests, list->n, sizeof value, compare) != NULL;
}
