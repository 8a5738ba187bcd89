/* request_id.h: how logs and answers call a request. Inside httpd/ only. */
#ifndef MS_HTTPD_REQUEST_ID_H
#define MS_HTTPD_REQUEST_ID_H

#include <httpd.h>

/** The name of a request: what the peer calls it by X-Request-Id, if that is 8 to 64 letters, digits and dashes; else what
 *  mod_unique_id does; else httpd's own log id (%L). Made at first use; then also the note medusa-request-id. Never NULL. */
const char *ms_request_id(request_rec *r);

#endif
