/* mod_medusa_store.c: the module record and its hooks, nothing else. */
#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_status.h>

#include "httpd/check.h"
#include "httpd/claim.h"
#include "httpd/config.h"
#include "httpd/guard.h"
#include "httpd/handler.h"
#include "httpd/identity.h"
#include "httpd/privacy.h"
#include "httpd/refusal.h"
#include "httpd/start.h"
#include "httpd/status.h"

static void register_hooks(apr_pool_t *pool)
{
    static const char *const before_rewriting[] = { "mod_rewrite.c", "mod_proxy.c", NULL };

    ap_hook_pre_config(ms_check_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(ms_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(ms_start_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(ms_start_child, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_read_request(ms_identity_forget, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_translate_name(ms_claim_translate, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_map_to_storage(ms_claim_map, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_check_access_ex(ms_guard_access, NULL, NULL, APR_HOOK_REALLY_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(ms_guard_authenticate, NULL, NULL, APR_HOOK_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authz(ms_guard_authorize, NULL, NULL, APR_HOOK_REALLY_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_note_auth_failure(ms_refusal_challenge, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_fixups(ms_guard_tell, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_type_checker(ms_claim, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(ms_claim, NULL, before_rewriting, APR_HOOK_REALLY_FIRST + 1); /* and behind SetHandler */
    ap_hook_type_checker(ms_status_type, NULL, NULL, APR_HOOK_REALLY_FIRST);
    ap_hook_fixups(ms_status_fixup, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_filter(ms_privacy_add, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(ms_privacy_add, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_insert_error_filter(ms_refusal_add_words, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(ms_handler_run, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(ms_status_run, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, ms_server_status, NULL, NULL, APR_HOOK_MIDDLE);
    ms_guard_register(pool);
}

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default"))) medusa_store_module = {
    STANDARD20_MODULE_STUFF,
    ms_place_make,
    ms_place_merge,
    ms_server_make,
    ms_server_merge,
    ms_directives,
    register_hooks,
    AP_MODULE_FLAG_NONE
};
