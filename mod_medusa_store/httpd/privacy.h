/* privacy.h: keeps shared caches from handing what was guarded to others. Inside httpd/ only. */
#ifndef MS_HTTPD_PRIVACY_H
#define MS_HTTPD_PRIVACY_H

#include <httpd.h>

/** Note that what r is answered with depends on who asks. */
void ms_privacy_note(request_rec *r);

/** Insert filter, and insert error filter: say so on the answer. */
void ms_privacy_add(request_rec *r);

/** Make the filter known to httpd, while hooks are registered. */
void ms_privacy_register(void);

#endif
