/* base64.h: reads base64, in its strict form. */
#ifndef MS_ACCOUNT_BASE64_H
#define MS_ACCOUNT_BASE64_H

#include <stddef.h>

/** Decode all of a text into `out`, of `room` bytes; *size: how many there are. `variant` is one of libsodium's. 0: the text is none of
 *  that variant, or too long; one and only one text of a variant stands for the same bytes. */
int ms_base64_read(unsigned char *out, size_t room, size_t *size, const char *text, size_t length, int variant);

#endif
