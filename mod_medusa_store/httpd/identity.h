/* identity.h: how other programs are told who the customer is. Inside httpd/ only. */
#ifndef MS_HTTPD_IDENTITY_H
#define MS_HTTPD_IDENTITY_H

#include <httpd.h>

/** What ap_auth_type() and AUTH_TYPE call it. */
#define MS_AUTH_TYPE "Medusa"

/** Post read request: take away what a client sent under a name that is ours. */
int ms_identity_forget(request_rec *r);

/** Tell CGI, logs and proxied applications that customer `id` (which lives as long as r) asks: by MEDUSA_CUSTOMER_ID in the environment,
 *  by the request header Medusa-Customer-Id, and as the user of the request, unless that is somebody already. */
void ms_identity_tell(request_rec *r, const char *id);

#endif
