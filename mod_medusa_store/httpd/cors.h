/* cors.h: Cross-Origin Resource Sharing. Inside httpd/ only. */
#ifndef MS_HTTPD_CORS_H
#define MS_HTTPD_CORS_H

#include "httpd/config.h"

/** Set the headers that let an allowed origin's page read the answer (Fetch standard, 3.2), on success and failure alike.
 *  An origin that is not allowed is named in the log. */
void ms_cors_headers(request_rec *r, const ms_place_t *place, const ms_sink_t *log);

/** Why a page of another site could have sent this write in the name of its visitor, or NULL (reads change nothing): an Origin
 *  that is neither allowed nor our own, a Sec-Fetch-Site that says so, or a body that a plain form can send. */
const char *ms_cors_forgery(request_rec *r, const ms_place_t *place);

/** Answer an OPTIONS request: 204. Call ms_cors_headers() first. */
int ms_cors_preflight(request_rec *r, const ms_place_t *place);

#endif
