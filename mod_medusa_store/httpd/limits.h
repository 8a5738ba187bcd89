/* limits.h: how often clients may try, as directives tell it, and the memory of who tried. Inside httpd/ only. */
#ifndef MS_HTTPD_LIMITS_H
#define MS_HTTPD_LIMITS_H

#include <httpd.h>
#include <http_config.h>

#include "account/throttle.h"

/** Values that are unset, of a server's settings that are made. */
void ms_limits_make(ms_throttle_t *throttle);

/** Those of `base` where `merged` has none. */
void ms_limits_merge(ms_throttle_t *merged, const ms_throttle_t *base);

/** Defaults where nothing is set. */
void ms_limits_fill_in(ms_throttle_t *throttle);

/** MedusaStoreThrottle, MedusaStoreThrottleLimit and MedusaStoreThrottleExempt. */
const char *ms_limits_set_mode(cmd_parms *cmd, void *dir, const char *arg);
const char *ms_limits_set(cmd_parms *cmd, void *dir, const char *kind, const char *by, const char *limit);
const char *ms_limits_add_exempt(cmd_parms *cmd, void *dir, const char *arg);

/** Give the shops, which have been named, the memory of who tried, in post_config. It goes on over restarts. The text says what is wrong;
 *  NULL: all is well. */
const char *ms_limits_start(server_rec *main_server);

#endif
