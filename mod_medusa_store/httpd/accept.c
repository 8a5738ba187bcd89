/* accept.c: reads the Accept field, as far as there is a choice here.
 *
 * Called by reply.c, where MedusaStoreXML is On, by refusal.c and by metrics.c. */
#include "httpd/accept.h"

#include <string.h>
#include <strings.h>

/* Weights are thousandths; UNSET: not named. */
enum { UNSET = -1, FULL = 1000 };

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* "0.25" is 250; what is no weight counts as 0. */
static int read_weight(const char *s, const char *end)
{
    int weight, digit = 100;

    if (s == end || (*s != '0' && *s != '1')) {
        return 0;
    }
    weight = (*s++ - '0') * FULL;
    if (s < end && *s == '.') {
        for (s++; s < end && *s >= '0' && *s <= '9' && digit; s++, digit /= 10) {
            weight += (*s - '0') * digit;
        }
    }
    while (s < end && is_blank(*s)) {
        s++;
    }
    return s == end || *s == ';' ? (weight > FULL ? 0 : weight) : 0;
}

/* The parameter q among those of a media range. */
static int weight_of(const char *s, const char *end)
{
    while ((s = memchr(s, ';', (size_t)(end - s)))) {
        for (s++; s < end && is_blank(*s); s++) {
        }
        if (end - s >= 2 && (*s == 'q' || *s == 'Q') && s[1] == '=') {
            return read_weight(s + 2, end);
        }
    }
    return FULL;
}

static int is_range(const char *s, const char *end, const char *range)
{
    size_t length = 0;

    while (s + length < end && !strchr("; \t", s[length])) {
        length++;
    }
    return length == strlen(range) && !strncasecmp(s, range, length);
}

/* The highest weight that an Accept field gives to a media range, or UNSET. */
static int weight_in(const char *accept, const char *range)
{
    int weight = UNSET, found;

    while (accept && *accept) {
        const char *end = accept + strcspn(accept, ",");

        while (accept < end && is_blank(*accept)) {
            accept++;
        }
        found = is_range(accept, end, range) ? weight_of(accept, end) : UNSET;
        weight = found > weight ? found : weight;
        accept = end + (*end == ',');
    }
    return weight;
}

/* The weight of a type: that of the first range of a list (from its own name to the most general) that the field names. */
static int weight_by(const char *accept, const char *const ranges[])
{
    int weight = UNSET, i;

    for (i = 0; ranges[i] && weight == UNSET; i++) {
        weight = weight_in(accept, ranges[i]);
    }
    return weight == UNSET ? 0 : weight;
}

static const char *const json[] = { "application/json", "application/*", "*/*", NULL };

int ms_accept_xml(const char *accept)
{
    int wanted = weight_by(accept, json);

    return weight_in(accept, "application/xml") > wanted || weight_in(accept, "text/xml") > wanted;
}

int ms_accept_page(const char *accept)
{
    return weight_in(accept, "text/html") > weight_by(accept, json);
}

int ms_accept_html(const char *accept)
{
    static const char *const plain[] = { "text/plain", "text/*", "*/*", NULL };

    return weight_in(accept, "text/html") > weight_by(accept, plain);
}
