/* guard.h: Require medusa-customer and Require medusa-group. Inside httpd/ only. */
#ifndef MS_HTTPD_GUARD_H
#define MS_HTTPD_GUARD_H

#include <httpd.h>

/** Make both known to mod_authz_core, and the filters to httpd; while hooks are registered. */
void ms_guard_register(apr_pool_t *pool);

/** Check access, and check authz: around those of mod_authz_core, whose 500 becomes 503 where the database is away. */
int ms_guard_access(request_rec *r);
int ms_guard_authorize(request_rec *r);

/** Check authn: who asks, with `AuthType Medusa` or without any AuthType, where that is all that is missing. */
int ms_guard_authenticate(request_rec *r);

/** Fixups: tell the rest of the server who was let in. */
int ms_guard_tell(request_rec *r);

#endif
