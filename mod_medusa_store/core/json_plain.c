/* json_plain.c: knows JSON text that needs no reading, because writing it again would change nothing.
 *
 * Strict where it says yes, and quick to say no: what is rare is read and written. Called by db/ for JSON columns. */
#include "core/json.h"
#include "core/out.h"
#include "core/text.h"

enum {
    KEYS_MAX = 16,  /* each is compared with all before it: of equal keys the last counts, and only reading finds that out */
    DIGITS_MAX = 18 /* of an integer that surely fits 64 bits */
};

typedef struct {
    const char *s, *end;
} scan_t;

static int take(scan_t *scan, const char *word, size_t length)
{
    if ((size_t)(scan->end - scan->s) < length || memcmp(scan->s, word, length)) {
        return 0;
    }
    scan->s += length;
    return 1;
}

/* A string without escapes. */
static int take_string(scan_t *scan)
{
    const char *end;

    if (!take(scan, "\"", 1)) {
        return 0;
    }
    end = ms_out_plain(scan->s, scan->end);
    scan->s = end;
    return take(scan, "\"", 1);
}

/* "-0" is written as "0". */
static int take_integer(scan_t *scan)
{
    const char *first;

    take(scan, "-", 1);
    first = scan->s;
    while (scan->s < scan->end && *scan->s >= '0' && *scan->s <= '9') {
        scan->s++;
    }
    return scan->s > first && scan->s - first <= DIGITS_MAX && (*first != '0' || (scan->s - first == 1 && first[-1] != '-'));
}

static int take_scalar(scan_t *scan)
{
    switch (scan->s < scan->end ? *scan->s : '\0') {
    case '"': return take_string(scan);
    case 't': return take(scan, "true", 4);
    case 'f': return take(scan, "false", 5);
    case 'n': return take(scan, "null", 4);
    }
    return take_integer(scan);
}

typedef struct {
    const char *text[KEYS_MAX];
    size_t length[KEYS_MAX];
    int count;
} keys_t;

/* A key that none before is equal to. */
static int take_key(scan_t *scan, keys_t *keys)
{
    const char *key = scan->s;
    size_t length;
    int i;

    if (keys->count == KEYS_MAX || !take_string(scan)) {
        return 0;
    }
    length = (size_t)(scan->s - key);
    for (i = 0; i < keys->count; i++) {
        if (keys->length[i] == length && !memcmp(keys->text[i], key, length)) {
            return 0;
        }
    }
    keys->text[keys->count] = key;
    keys->length[keys->count++] = length;
    return 1;
}

int ms_json_is_plain(const char *text, size_t length)
{
    scan_t scan = { text, text + length };
    keys_t keys;

    keys.count = 0;
    if (!take(&scan, "{", 1)) {
        return 0;
    }
    if (take(&scan, "}", 1)) {
        return scan.s == scan.end;
    }
    do {
        if (!take_key(&scan, &keys) || !take(&scan, ":", 1) || !take_scalar(&scan)) {
            return 0;
        }
    } while (take(&scan, ",", 1));
    return take(&scan, "}", 1) && scan.s == scan.end && ms_utf8_valid(text, length);
}
