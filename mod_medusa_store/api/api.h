/* api.h: the operations of the Store API. */
#ifndef MS_API_API_H
#define MS_API_API_H

#include "core/object.h"
#include "core/route.h"

extern const ms_route_t ms_customer_routes[];
extern const ms_route_t ms_address_routes[];
extern const ms_route_t ms_order_routes[];
extern const ms_route_t ms_password_routes[];
extern const ms_route_t ms_auth_routes[];
extern const ms_route_t ms_customer_last_routes[];

/** All route tables; ends with NULL. */
extern const ms_route_t *const ms_routes[];

/** Before the body is read: find the route, if there is one, and refuse a client that has asked too often. MS_TOO_MANY. */
ms_rc_t ms_admit(ms_ctx_t *c);

/** Answer a request: find its route, who asks, hold its body against the rules, act. The body is read already.
 *  MS_OK: c->answer or c->text is the answer, c->session_change what becomes of the cookie; else the failure is recorded. */
ms_rc_t ms_dispatch(ms_ctx_t *c);

/** 1: an operation answers c->method and c->path; else they are answered with 404. Records nothing. */
int ms_serves(ms_ctx_t *c);

/** What the body of a request is to be held against; NULL: it has no route, or the route ignores it. Records nothing. */
const ms_rule_t *ms_body_rules(ms_ctx_t *c);

/** Answer {"customer": …} with the row (NULL: could not be made) and what the route's shape shows beside it; loads the addresses. */
ms_rc_t ms_customer_answer(ms_ctx_t *c, const ms_object_t *row);

/** The same for who is signed in, as they were found. Where the address book came with them (MS_BOOK), loads a billing address alone, if
 *  that is not in it. */
ms_rc_t ms_customer_answer_me(ms_ctx_t *c);

/** The same for a row that this request has made, and so has neither addresses nor orders. */
ms_rc_t ms_customer_answer_new(ms_ctx_t *c, const json_t *row);

#endif
