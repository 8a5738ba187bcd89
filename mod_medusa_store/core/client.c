/* client.c: reads addresses and networks, and compares them.
 *
 * IPv4 lives inside of IPv6, as ::ffff:0:0/96, so that a client is the same whichever socket it came by. Called by account/throttle.c and for
 * directives. */
#include "core/client.h"

#include <arpa/inet.h>
#include <string.h>

enum { V4_OFFSET = 12, V4_BITS = 96, V6_BITS = 128, TEXT_MAX = 63 };

static const unsigned char v4_prefix[V4_OFFSET] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static int is_v4(const ms_client_t *client)
{
    return !memcmp(client->bytes, v4_prefix, V4_OFFSET);
}

int ms_client_parse(ms_client_t *client, const char *text)
{
    char address[TEXT_MAX + 1];
    size_t length = text ? strcspn(text, "%") : 0;

    memset(client, 0, sizeof *client);
    if (!length || length > TEXT_MAX) {
        return 0;
    }
    memcpy(address, text, length);
    address[length] = '\0';
    if (inet_pton(AF_INET6, address, client->bytes) == 1) {
        return 1;
    }
    memcpy(client->bytes, v4_prefix, V4_OFFSET);
    if (inet_pton(AF_INET, address, client->bytes + V4_OFFSET) == 1) {
        return 1;
    }
    memset(client, 0, sizeof *client);
    return 0;
}

void ms_client_group(ms_client_t *client, ms_client_bits_t bits)
{
    if (!is_v4(client)) {
        memset(client->bytes + bits / 8, 0, sizeof client->bytes - bits / 8);
        client->bytes[sizeof client->bytes - 1] = (unsigned char)bits; /* a site is not the first of its homes */
    }
}

/* The bits of a byte that belong to a prefix. */
static unsigned char mask_of(int bits, int byte)
{
    int left = bits - 8 * byte;

    return left >= 8 ? 0xff : left <= 0 ? 0 : (unsigned char)(0xff << (8 - left));
}

static int parse_bits(const char *text, int most)
{
    int bits = 0;

    if (!*text || strlen(text) > 3) {
        return -1;
    }
    for (; *text >= '0' && *text <= '9'; text++) {
        bits = 10 * bits + *text - '0';
    }
    return *text || bits > most ? -1 : bits;
}

int ms_network_parse(ms_network_t *network, const char *text)
{
    const char *slash = strchr(text, '/');
    char address[TEXT_MAX + 1] = "";
    int v4, i;

    if (strcspn(text, "/%") > TEXT_MAX || strchr(text, '%')) {
        return 0;
    }
    memcpy(address, text, strcspn(text, "/"));
    if (!ms_client_parse(&network->base, address)) {
        return 0;
    }
    v4 = strchr(address, ':') == NULL;
    network->bits = slash ? parse_bits(slash + 1, v4 ? V6_BITS - V4_BITS : V6_BITS) : V6_BITS;
    if (network->bits < 0) {
        return 0;
    }
    network->bits += slash && v4 ? V4_BITS : 0;
    for (i = 0; i < (int)sizeof network->base.bytes; i++) {
        if (network->base.bytes[i] & ~mask_of(network->bits, i)) {
            return 0;
        }
    }
    return 1;
}

int ms_network_has(const ms_network_t *network, const ms_client_t *client)
{
    int i;

    for (i = 0; i < (int)sizeof client->bytes; i++) {
        if ((network->base.bytes[i] ^ client->bytes[i]) & mask_of(network->bits, i)) {
            return 0;
        }
    }
    return 1;
}
