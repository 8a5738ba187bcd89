/* handler.h: the handler "medusa-store". Inside httpd/ only. */
#ifndef MS_HTTPD_HANDLER_H
#define MS_HTTPD_HANDLER_H

#include <httpd.h>

/** Answer a request of the Store API. */
int ms_handler_run(request_rec *r);

#endif
