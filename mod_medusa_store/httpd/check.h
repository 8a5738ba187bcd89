/* check.h: judges what several directives come to, while the configuration is read. Inside httpd/ only. */
#ifndef MS_HTTPD_CHECK_H
#define MS_HTTPD_CHECK_H

#include <httpd.h>

/** Before the directives are read, when all modules are loaded: forget the last configuration, and hook into mod_session. */
int ms_check_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/** After it, also at `apachectl -t`: fill in what servers leave unset, and say what can't work, with its place. */
int ms_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

#endif
