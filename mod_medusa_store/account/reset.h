/* reset.h: tokens that let a customer choose a new password. */
#ifndef MS_ACCOUNT_RESET_H
#define MS_ACCOUNT_RESET_H

#include "core/ctx.h"

/** A token for this customer, good for 15 minutes and as long as the stored hash stays what it is: using it ends it, and nothing
 *  has to be kept. NULL when out of memory. */
const char *ms_reset_sign(ms_ctx_t *c, const char *customer_id, const char *hash);

/** Whose the token says it is, which only ms_reset_check() can tell the truth of; "" where it says nothing. */
const char *ms_reset_customer(ms_ctx_t *c, const char *token);

/** 1 if the token is good for this customer and this hash. */
int ms_reset_check(ms_ctx_t *c, const char *token, const char *customer_id, const char *hash);

#endif
