/* base64.c: reads base64, where libsodium's decoder falls short: it takes bytes above 127 for the last letter of the alphabet, so that a
 * text that was tampered with could still stand for what it stood for; and it takes the same time for all bytes, which costs 60
 * instructions for each.
 *
 * What clients hold (the URL-safe variant: cookies, tokens) is known to them: it is read faster, here. Stored hashes are left to
 * libsodium. Used by cookie.c, jwt.c and scrypt.c. */
#include "account/base64.h"

#include <sodium.h>
#include <string.h>

static int is_ascii(const char *text, size_t length)
{
    size_t i;

    for (i = 0; i < length; i++) {
        if (text[i] & 0x80) {
            return 0;
        }
    }
    return 1;
}

/* The six bits of each letter from '-' to 'z'; -1: it is none. */
static const signed char bits[] = {
    62, -1, -1, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1, -1, -1,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, 63, -1,
    26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51
};

static int bits_of(char letter)
{
    unsigned i = (unsigned)(unsigned char)letter - '-';

    return i < sizeof bits ? bits[i] : -1;
}

/* Four letters into three bytes. */
static int read_group(unsigned char *out, const char *text)
{
    int a = bits_of(text[0]), b = bits_of(text[1]), c = bits_of(text[2]), d = bits_of(text[3]);

    if ((a | b | c | d) < 0) {
        return 0;
    }
    out[0] = (unsigned char)(a << 2 | b >> 4);
    out[1] = (unsigned char)(b << 4 | c >> 2);
    out[2] = (unsigned char)(c << 6 | d);
    return 1;
}

/* The last two or three letters, as a group that ends in zeros: what is not written of it must be zero, too. */
static int read_last(unsigned char *out, const char *text, size_t letters)
{
    const char group[4] = { text[0], text[1], letters == 3 ? text[2] : 'A', 'A' };
    unsigned char bytes[3];

    if (!read_group(bytes, group) || bytes[2] || (letters == 2 && bytes[1])) {
        return 0;
    }
    memcpy(out, bytes, letters - 1);
    return 1;
}

static int read_url(unsigned char *out, size_t room, size_t *size, const char *text, size_t length)
{
    size_t last = length % 4;

    *size = length / 4 * 3 + (last ? last - 1 : 0);
    if (*size > room || last == 1) {
        return 0;
    }
    for (; length >= 4; length -= 4, text += 4, out += 3) {
        if (!read_group(out, text)) {
            return 0;
        }
    }
    return !last || read_last(out, text, last);
}

int ms_base64_read(unsigned char *out, size_t room, size_t *size, const char *text, size_t length, int variant)
{
    if (variant == sodium_base64_VARIANT_URLSAFE_NO_PADDING) {
        return read_url(out, room, size, text, length);
    }
    return is_ascii(text, length) && !sodium_base642bin(out, room, text, length, NULL, size, NULL, variant);
}
