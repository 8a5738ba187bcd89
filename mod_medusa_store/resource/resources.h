/* resources.h: the registry: every entity of the module, its statements, and the bodies that operations accept. */
#ifndef MS_RESOURCE_RESOURCES_H
#define MS_RESOURCE_RESOURCES_H

#include "core/resource.h"
#include "core/statement.h"

extern const ms_resource_t ms_customer;
extern const ms_resource_t ms_address;
extern const ms_resource_t ms_session;
extern const ms_resource_t ms_outbox;

extern const ms_stmt_t ms_customer_stmts[];
extern const ms_stmt_t ms_address_stmts[];
extern const ms_stmt_t ms_session_stmts[];
extern const ms_stmt_t ms_outbox_stmts[];

/** POST /customers. */
extern const ms_rule_t ms_customer_create_body[];
/** POST /auth and POST /auth/token. */
extern const ms_rule_t ms_sign_in_body[];

/** All resources; ends with NULL. */
extern const ms_resource_t *const ms_resources[];
/** All statements, for ms_db_init(); ends with NULL. */
extern const ms_stmt_t *const ms_statements[];

#endif
