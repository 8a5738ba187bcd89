/* registry.c: the one place where a new resource is announced. Data only. */
#include "resource/resources.h"

#include <stddef.h>

const ms_resource_t *const ms_resources[] = { &ms_customer, &ms_address, &ms_session, &ms_outbox, &ms_idempotency_key, NULL };

const ms_stmt_t *const ms_statements[] = {
    ms_customer_stmts, ms_address_stmts, ms_session_stmts, ms_outbox_stmts, ms_idempotency_key_stmts, ms_migration_stmts, NULL
};
