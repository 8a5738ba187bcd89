/* route.h: which action answers a method and path. The tables are in api/. */
#ifndef MS_CORE_ROUTE_H
#define MS_CORE_ROUTE_H

#include "core/ctx.h"
#include "core/resource.h"
#include "core/shape.h"
#include "core/tries.h"

typedef enum {
    MS_ANYONE,   /* whoever asks, signed in or not */
    MS_VISITOR,  /* anyone, but it acts upon the session that the request presents */
    MS_CUSTOMER  /* who is signed in */
} ms_caller_t;

/** In `with`: their address book, too, in the same statement unless the customer's row is long. For what shows both as they were found; what changes either reads it after. */
#define MS_BOOK (1u << 0)

typedef ms_rc_t (*ms_action_t)(ms_ctx_t *c);

/** The bit of a problem in `may`. */
#define MS_MAY(problem) (1u << MS_##problem)

/** In `may`: the route heeds an Idempotency-Key (account/replay.h), and so may refuse one. */
#define MS_KEYED MS_MAY(KEY_REUSED)

/** One operation. Rows are tried in order; the first that fits wins. */
typedef struct ms_route_t {
    const char *method;     /* "GET" also answers HEAD; "*" fits any */
    const char *path;       /* "/customers/{id}": braces take one segment; a last segment of "**" takes any rest */
    ms_caller_t caller;     /* who may call; checked before anything is looked up */
    ms_action_t action;     /* NULL: there is no such route (404), once the caller may know */
    const ms_body_t *body;  /* NULL: the body is read and ignored */
    const ms_rule_t *query; /* rules of the query string; NULL: it is ignored */
    const ms_shape_t *answer;
    unsigned with;          /* what is read when the caller is looked up: MS_BOOK; 0: their row alone */
    unsigned may;           /* MS_MAY(DUPLICATE): problems beside those that any operation of its kind can have */
    ms_try_t tries;         /* what it is counted as against those who ask too often; MS_TRY_NONE: nothing */
    const char *name;       /* as Medusa's API document calls the operation */
    const char *doc;
} ms_route_t;

/** The row for c->method and c->path in a list of tables, or NULL; sets c->params. */
const ms_route_t *ms_route_search(ms_ctx_t *c, const ms_route_t *const *tables);

/** Find the row for c->method and c->path in a list of tables (each ends with a NULL method, the list with NULL), set
 *  c->route and c->params. Segments match without regard to case; one trailing slash is ignored.
 *  MS_NOT_FOUND, with "Cannot METHOD path" as its message, where no row fits. */
ms_rc_t ms_route_find(ms_ctx_t *c, const ms_route_t *const *tables);

/** MS_NOT_FOUND, with the method and path in its message. */
ms_rc_t ms_route_missing(ms_ctx_t *c);

#endif
