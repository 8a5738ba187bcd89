/* policy.h: what a shop asks of passwords and sessions beyond what Medusa does, as directives tell it. Inside httpd/ only. */
#ifndef MS_HTTPD_POLICY_H
#define MS_HTTPD_POLICY_H

#include <httpd.h>
#include <http_config.h>

/** MedusaStorePasswordList: file:PATH, read by the user who starts httpd; or None. */
const char *ms_policy_set_list(cmd_parms *cmd, void *dir, const char *arg);

#endif
