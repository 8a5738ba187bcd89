/* client.h: addresses of clients, and networks of them. */
#ifndef MS_CORE_CLIENT_H
#define MS_CORE_CLIENT_H

/** An IPv6 address; one of IPv4 as ::ffff:a.b.c.d. */
typedef struct {
    unsigned char bytes[16];
} ms_client_t;

/** Those whose first `bits` bits are those of `base`. */
typedef struct {
    ms_client_t base;
    int bits;
} ms_network_t;

/** Read "192.0.2.1", "2001:db8::1" or "fe80::1%eth0". 0: the text (or NULL) is no address; then it is all zero. */
int ms_client_parse(ms_client_t *client, const char *text);

/** How many of an IPv6 address's first bits stand for all that one has: who has a network in his home, and who was given the addresses of
 *  many such (RFC 6177). */
typedef enum { MS_CLIENT_HOME = 64, MS_CLIENT_SITE = 48 } ms_client_bits_t;

/** Make it the group that it belongs to: an IPv4 address is one by itself. */
void ms_client_group(ms_client_t *client, ms_client_bits_t bits);

/** Read an address, or "192.0.2.0/24", "2001:db8::/32"; bits behind the prefix must be zero. 0: the text is no network. */
int ms_network_parse(ms_network_t *network, const char *text);

/** 1 if the client is in the network. */
int ms_network_has(const ms_network_t *network, const ms_client_t *client);

#endif
