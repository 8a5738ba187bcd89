/* claim.h: which requests are the API's, whatever else is configured for their address. Inside httpd/ only. */
#ifndef MS_HTTPD_CLAIM_H
#define MS_HTTPD_CLAIM_H

#include <httpd.h>

/** The name of the handler, as SetHandler and mod_status show it. */
extern const char ms_handler_name[];

/** Translate name, and map to storage: keep requests of an API that is no directory, and of a status handler in a section that is
 *  none, away from the file system; their paths are no file names, and may be longer than those can be. */
int ms_claim_translate(request_rec *r);
int ms_claim_map(request_rec *r);

/** Type checker, and fixups: give a request below the mount point of a place with `MedusaStore On` to the handler. */
int ms_claim(request_rec *r);

#endif
