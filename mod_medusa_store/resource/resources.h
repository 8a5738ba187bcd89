/* resources.h: the registry: every entity of the module, its statements, and what operations accept and answer. */
#ifndef MS_RESOURCE_RESOURCES_H
#define MS_RESOURCE_RESOURCES_H

#include "core/query.h"
#include "core/resource.h"
#include "core/shape.h"
#include "core/statement.h"

extern const ms_resource_t ms_customer;
extern const ms_resource_t ms_address;
extern const ms_resource_t ms_session;
extern const ms_resource_t ms_outbox;
extern const ms_resource_t ms_idempotency_key;

extern const ms_stmt_t ms_customer_stmts[];
extern const ms_stmt_t ms_address_stmts[];
extern const ms_stmt_t ms_session_stmts[];
extern const ms_stmt_t ms_outbox_stmts[];
extern const ms_stmt_t ms_idempotency_key_stmts[];
extern const ms_stmt_t ms_migration_stmts[];

/* What operations accept. */
extern const ms_body_t ms_customer_create_body;  /* POST /customers */
extern const ms_body_t ms_customer_update_body;  /* POST /customers/me */
extern const ms_body_t ms_sign_in_body;          /* POST /auth, POST /auth/token */
extern const ms_body_t ms_password_token_body;   /* POST /customers/password-token */
extern const ms_body_t ms_password_reset_body;   /* POST /customers/password-reset */
extern const ms_body_t ms_address_add_body;      /* POST /customers/me/addresses */
extern const ms_body_t ms_address_edit_body;     /* POST /customers/me/addresses/{address_id} */
extern const ms_rule_t ms_address_edit_rules[];  /* of the last one; also of a billing address */
extern const ms_rule_t ms_order_list_query[];    /* GET /customers/me/orders */
extern const ms_select_conf_t ms_order_select;

/* What operations answer. */
extern const ms_shape_t ms_address_shape;
extern const ms_shape_t ms_customer_row_answer;     /* {"customer": columns} */
extern const ms_shape_t ms_customer_profile_answer; /* … and billing_address, shipping_addresses */
extern const ms_shape_t ms_customer_sign_in_answer; /* … and orders, shipping_addresses */
extern const ms_shape_t ms_order_list_answer;
extern const ms_shape_t ms_payment_methods_answer;
extern const ms_shape_t ms_access_token_answer;
extern const ms_shape_t ms_exists_answer;
extern const ms_shape_t ms_ok_answer;    /* the text OK */
extern const ms_shape_t ms_empty_answer; /* 204 */
extern const ms_shape_t ms_error_answer;

/** All resources; ends with NULL. */
extern const ms_resource_t *const ms_resources[];
/** All statements, for ms_db_init(); ends with NULL. */
extern const ms_stmt_t *const ms_statements[];

#endif
