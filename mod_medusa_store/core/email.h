/* email.h: the e-mail rule of the Store API. */
#ifndef MS_CORE_EMAIL_H
#define MS_CORE_EMAIL_H

#include <stddef.h>

/** 1 if the text (valid UTF-8, may hold NUL) is an e-mail address to the API: at most 254 UTF-16 units; local part of at
 *  most 64 bytes, quoted or dot-atom; a domain of two or more labels of 1 to 63 units. */
int ms_email_check(const char *s, size_t length);

#endif
