/* base64.c: libsodium's decoder, without its blind spot: it takes bytes above 127 for the last letter of the alphabet, so that a text
 * that was tampered with could still stand for what it stood for.
 *
 * Used by cookie.c, jwt.c and scrypt.c. */
#include "account/base64.h"

#include <sodium.h>

int ms_base64_read(unsigned char *out, size_t room, size_t *size, const char *text, size_t length, int variant)
{
    size_t i;

    for (i = 0; i < length; i++) {
        if (text[i] & 0x80) {
            return 0;
        }
    }
    return !sodium_base642bin(out, room, text, length, NULL, size, NULL, variant);
}
