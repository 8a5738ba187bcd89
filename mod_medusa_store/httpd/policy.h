/* policy.h: which passwords nobody may choose in a shop. Inside httpd/ only. */
#ifndef MS_HTTPD_POLICY_H
#define MS_HTTPD_POLICY_H

#include <httpd.h>
#include <http_config.h>

/** MedusaStorePasswordList: file:PATH, read by the user who starts httpd; or None. */
const char *ms_policy_set_list(cmd_parms *cmd, void *dir, const char *arg);

#endif
