/* cors.h: Cross-Origin Resource Sharing. Inside httpd/ only. */
#ifndef MS_HTTPD_CORS_H
#define MS_HTTPD_CORS_H

#include "httpd/config.h"

/** Set the headers that let an allowed origin's page read the answer (Fetch standard, 3.2), on success and failure alike.
 *  An origin that is not allowed is named in the log. */
void ms_cors_headers(request_rec *r, const ms_place_t *place, const ms_sink_t *log);

/** Answer an OPTIONS request: 204. Call ms_cors_headers() first. */
int ms_cors_preflight(request_rec *r, const ms_place_t *place);

#endif
