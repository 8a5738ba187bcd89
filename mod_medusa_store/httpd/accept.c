/* accept.c: reads the Accept field, as far as JSON, XML and HTML are concerned.
 *
 * Called by reply.c, where MedusaStoreXML is On, and by refusal.c. */
#include "httpd/accept.h"

#include <string.h>
#include <strings.h>

enum { UNSET = -1, FULL = 1000 };

/* Weights in thousandths; UNSET: not named. */
typedef struct {
    int xml, html, json, application, any;
} weights_t;

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

static int is_range(const char *s, size_t length, const char *range)
{
    return length == strlen(range) && !strncasecmp(s, range, length);
}

static void take(int *weight, int found)
{
    if (found > *weight) {
        *weight = found;
    }
}

static void read_range(weights_t *w, const char *s, const char *end)
{
    size_t length;

    while (s < end && is_blank(*s)) {
        s++;
    }
    for (length = 0; s + length < end && !strchr("; \t", s[length]); length++) {
    }
    if (is_range(s, length, "application/xml") || is_range(s, length, "text/xml")) {
        take(&w->xml, weight_of(s, end));
    }
    else if (is_range(s, length, "text/html")) {
        take(&w->html, weight_of(s, end));
    }
    else if (is_range(s, length, "application/json")) {
        take(&w->json, weight_of(s, end));
    }
    else if (is_range(s, length, "application/*")) {
        take(&w->application, weight_of(s, end));
    }
    else if (is_range(s, length, "*/*")) {
        take(&w->any, weight_of(s, end));
    }
}

static weights_t read_field(const char *accept)
{
    weights_t w = { UNSET, UNSET, UNSET, UNSET, UNSET };

    while (accept && *accept) {
        size_t length = strcspn(accept, ",");

        read_range(&w, accept, accept + length);
        accept += length + (accept[length] == ',');
    }
    return w;
}

static int json_of(const weights_t *w)
{
    return w->json != UNSET ? w->json : w->application != UNSET ? w->application : w->any != UNSET ? w->any : 0;
}

int ms_accept_xml(const char *accept)
{
    weights_t w = read_field(accept);

    return w.xml > json_of(&w);
}

int ms_accept_page(const char *accept)
{
    weights_t w = read_field(accept);

    return w.html > json_of(&w);
}
