/* customer.h: a customer's groups; and changing a customer's row, inside a transaction. */
#ifndef MS_ACCOUNT_CUSTOMER_H
#define MS_ACCOUNT_CUSTOMER_H

#include "core/ctx.h"

/** Find out whether a customer is in the live group of this very name; case counts, and so do blanks. */
ms_rc_t ms_customer_in_group(ms_ctx_t *c, int *member, const char *id, const char *group);

/** Load a live customer's row and lock it; *hash (may be NULL) is the stored one. MS_NOT_FOUND where there is none. */
ms_rc_t ms_customer_lock(ms_ctx_t *c, json_t **row, const char **hash, const char *id);

/** Put a checked body over the row: names, phone, e-mail; metadata key by key, "" taking a key away. Nothing is saved.
 *  MS_INVALID_DATA where the metadata grew too large. */
ms_rc_t ms_customer_edit(ms_ctx_t *c, json_t *row, json_t *body);

/** Save a row if it differs from what it was `before`. MS_DUPLICATE, with its words, where the e-mail has an account,
 *  or another customer is billed at the address. */
ms_rc_t ms_customer_save(ms_ctx_t *c, json_t *row, json_t *before);

/** Set a new password hash, and end all sign-ins but the one of session row `keep` (NULL: all). */
ms_rc_t ms_customer_set_password(ms_ctx_t *c, json_t *row, const char *hash, const char *keep);

/** MS_DUPLICATE in the words for an e-mail that has an account; any failure recorded before is replaced. */
ms_rc_t ms_customer_taken(ms_ctx_t *c);

#endif
