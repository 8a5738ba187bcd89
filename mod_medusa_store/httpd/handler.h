/* handler.h: the handler "medusa-store". Inside httpd/ only. */
#ifndef MS_HTTPD_HANDLER_H
#define MS_HTTPD_HANDLER_H

#include <httpd.h>

/** Translate name, and map to storage: keep requests of an API that is no directory away from the file system; its paths are
 *  no file names, and may be longer than those can be. */
int ms_handler_translate(request_rec *r);
int ms_handler_map(request_rec *r);

/** Fixups: give a request below the mount point of a place with `MedusaStore On` to the handler. */
int ms_handler_claim(request_rec *r);

/** Answer a request of the Store API. */
int ms_handler_run(request_rec *r);

#endif
