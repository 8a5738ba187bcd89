/* status.h: the handlers that tell of the server itself; any place can have them by SetHandler. Inside httpd/ only. */
#ifndef MS_HTTPD_STATUS_H
#define MS_HTTPD_STATUS_H

#include <httpd.h>

/** Type checker, before mod_negotiation's, and fixups, before mod_dir's: where one of these handlers was set, a folder of that name, a
 *  page of a similar one, and a ProxyPass mean nothing. */
int ms_status_type(request_rec *r);
int ms_status_fixup(request_rec *r);

/** Handler: answer where one of these was set. */
int ms_status_run(request_rec *r);

/** 1 if one of these handlers was set for the request's place: it is no request of the API then, though the API be all around. */
int ms_status_is_set(request_rec *r);

/** Send a short text with a status. */
int ms_status_text(request_rec *r, int status, const char *text);

/** Answer OK as long as the process can (medusa-store-health), or 503 unless the shop can serve, too (medusa-store-ready). */
int ms_health_answer(request_rec *r);
int ms_ready_answer(request_rec *r);

/** Tell all numbers, as text for Prometheus or, to a browser, as a page (medusa-store-metrics). */
int ms_metrics_answer(request_rec *r);

/** The page for a browser, of what ms_checkup_all() has found. */
int ms_page_answer(request_rec *r, const apr_array_header_t *shops);

/** mod_status's hook: a part of its page, or its lines for machines. Does not ask the database. */
int ms_server_status(request_rec *r, int flags);

#endif
