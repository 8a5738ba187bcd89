/* log.h: the module's lines in httpd's error log. Inside httpd/ only. */
#ifndef MS_HTTPD_LOG_H
#define MS_HTTPD_LOG_H

#include <httpd.h>

#include "core/log.h"

/** A sink into the log of a request; it lives as long as the request. */
ms_sink_t ms_log_of_request(request_rec *r);

/** A sink into the log of a server. */
ms_sink_t ms_log_of_server(server_rec *s);

/** Write an error while starting, where `apachectl -t` shows it. */
void ms_log_start_error(server_rec *s, const char *text);

#endif
