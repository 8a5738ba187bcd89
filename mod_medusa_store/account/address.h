/* address.h: the rules of the address book. All but the first are for use inside a transaction that has locked the customer. */
#ifndef MS_ACCOUNT_ADDRESS_H
#define MS_ACCOUNT_ADDRESS_H

#include "core/ctx.h"
#include "core/object.h"

/** Lower-case the country code of a checked address and look it up: MS_NOT_FOUND where there is no such country. A null one is
 *  taken out: it changes nothing. `address` may be NULL. */
ms_rc_t ms_address_check_country(ms_ctx_t *c, json_t *address);

/** Make an address of a checked body; *row is in c->pool. `customer_id` of NULL: it is in nobody's address book. */
ms_rc_t ms_address_create(ms_ctx_t *c, json_t **row, json_t *body, const char *customer_id);

/** Change a loaded and locked row by a checked body; nothing is written where nothing changes. */
ms_rc_t ms_address_edit(ms_ctx_t *c, json_t *row, json_t *body);

/** 1 if a list has an address that is the same to a parcel service: all but company and metadata; absent is null. */
int ms_address_is_known(const ms_slot_t *list, json_t *body);

/** The row of a loaded address, for changing it; in c->pool. */
ms_rc_t ms_address_row(ms_ctx_t *c, json_t **row, const ms_object_t *address);

/** Do what `value` (a checked billing_address: null, an id or an object) says to the customer's row, which is not saved here.
 *  *created is the address row that was made, or NULL. MS_NOT_FOUND for an id that is not the customer's. */
ms_rc_t ms_address_bill(ms_ctx_t *c, json_t **created, json_t *customer, json_t *value);

#endif
