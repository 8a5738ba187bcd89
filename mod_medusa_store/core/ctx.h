/* ctx.h: one request, as everything below httpd/ sees it.
 *
 * httpd/ fills it from the request, api/ and the layers under it work on it, httpd/ writes its answer. It knows no httpd. */
#ifndef MS_CORE_CTX_H
#define MS_CORE_CTX_H

#include <apr_pools.h>
#include <apr_time.h>
#include <jansson.h>

#include "core/log.h"
#include "core/problem.h"
#include "core/tries.h"

struct ms_db_t;
struct ms_account_t;
struct ms_route_t;

/** One shop: what a virtual host's settings come to. Made at start, read-only afterwards. */
typedef struct {
    struct ms_db_t *db;                 /* pool of this child for the shop's database (db/db.h) */
    const struct ms_account_t *account; /* secrets, lives, hashing costs (account/account.h) */
    apr_interval_time_t deadline;       /* what a request may take, in microseconds */
} ms_shop_t;

enum {
    MS_PARAMS_MAX = 4,
    MS_TIME_FLOOR = 50 * 1000 /* microseconds: with less than this left, nothing is begun that the database has to end */
};

/** Who asks: filled by ms_session_identify() or ms_session_find(). */
typedef struct {
    const char *id;      /* the customer's id; NULL: signed out */
    const struct ms_object_t *row; /* the customer's row; NULL: deleted meanwhile */
    const struct ms_slot_t *book;  /* their address book, in no order, if the route asks for it (MS_BOOK); NULL: not loaded */
    const char *session; /* hex id of the session row that signs the customer in */
    int cookie;          /* 1: by the session cookie, 0: by a bearer token */
    int due;             /* 1: it is time to write down that the session is used */
} ms_who_t;

enum ms_session_change_t { MS_SESSION_KEEP, MS_SESSION_START, MS_SESSION_EXTEND, MS_SESSION_END };

typedef struct ms_ctx_t {
    apr_pool_t *pool;
    const ms_shop_t *shop;
    const ms_sink_t *log;
    apr_time_t now; /* one clock reading a request */
    apr_time_t deadline; /* on the steady clock: all that waits ends by then; 0: there is none */

    /* the request */
    const char *client; /* the address that it came from, as text */
    const char *method;
    const char *mount; /* where the API begins, "/store"; "" at the root */
    const char *path;  /* below the mount point, percent-decoded, valid UTF-8: "/customers/me" */
    const struct ms_route_t *route;
    const char *params[MS_PARAMS_MAX]; /* path parameters, in the order of the route's path */
    const char *query;                 /* as sent, without "?"; NULL: none */
    json_t *asked;                     /* the query, read and checked; NULL where the route has no rules for it */
    json_t *body;                      /* object or array; an absent or unread body is {} */
    const char *session_token;         /* token in the visitor's session, or NULL; not yet looked up */
    const char *forgery;               /* why another site's page could have sent this write, or NULL */
    const char *idempotency_key;       /* as sent, or NULL; NULL as well where the route has no use for it */
    const char *bearer;                /* text behind `Authorization: Bearer`, or NULL */
    int hides_accounts;                /* 1: nobody is told whether an e-mail has an account */
    int asks_password;                 /* 1: who changes e-mail or password must show the password of now */
    ms_who_t who;

    /* the answer */
    const struct ms_object_t *object; /* what is answered, as the route's shape says; or: */
    json_t *answer;   /* the same as a value; or: */
    const char *text; /* plain text; all NULL: 204 */
    int personal;     /* 1: never to be cached */
    int replayed;     /* 1: it is the answer to an earlier request with the same key */
    enum ms_session_change_t session_change; /* what httpd/ does with the cookie */
    const char *session_new;                 /* the token to keep in it (START) */

    /* how often the client may ask, kept by account/throttle.c */
    struct ms_taken_t *taken; /* what is counted against it; NULL: nothing */
    enum ms_throttled_t throttled;

    /* the failure, if any */
    ms_rc_t rc;
    const char *message;
    int retry_after;        /* seconds until it makes sense to come back; 0: as the problem has it */
    const char *request_id; /* for the answer to a failure of ours, to find it in the logs; NULL: not told */

    /* the database's part, kept by db/ */
    struct ms_conn_t *transaction; /* connection of the running transaction, or NULL */
    const char *duplicate_key;     /* name of the unique key behind the last MS_DUPLICATE */
    int hashes;                    /* passwords that were hashed */
    apr_interval_time_t db_time;   /* microseconds spent there, for the log notes */
} ms_ctx_t;

/** Record why a step failed; returns rc, so that callers write `return ms_fail(c, MS_NOT_FOUND, …)`.
 *  A format of NULL takes the problem table's message. The first failure of a request stays. */
ms_rc_t ms_fail(ms_ctx_t *c, ms_rc_t rc, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** How long a step may wait, in microseconds: `limit`, or what is left until the request's deadline where that is less; 0: nothing. */
apr_interval_time_t ms_time_left(const ms_ctx_t *c, apr_interval_time_t limit);

/** Forget a recorded failure, for the few callers that turn one problem into another. */
void ms_forgive(ms_ctx_t *c);

/** Tie a new reference to the pool: it is given back when the pool ends. NULL passes through as NULL. */
json_t *ms_own(apr_pool_t *pool, json_t *value);

/** A copy of an object's members, tied to the pool; NULL when out of memory, for which jansson's own leaves members out. */
json_t *ms_copy(apr_pool_t *pool, json_t *object);

/** Put a value at a key of an object; takes over its reference. MS_UNEXPECTED when out of memory, also for a value of NULL. */
ms_rc_t ms_put(ms_ctx_t *c, json_t *object, const char *key, json_t *value);

/** Answer 200 with {"NAME": value}; takes over the reference of `value`. MS_UNEXPECTED when out of memory. */
ms_rc_t ms_answer(ms_ctx_t *c, const char *name, json_t *value);

/** Answer 200 with a page of a list: {"NAME": rows, "count": all matches, "offset", "limit"}; takes over the reference of `rows`. */
ms_rc_t ms_answer_list(ms_ctx_t *c, const char *name, json_t *rows, json_int_t count, json_int_t offset, json_int_t limit);

/** Forget what has been answered, and what was to become of the cookie: what it tells of was undone. */
void ms_answer_forget(ms_ctx_t *c);

/** Answer 200 with plain text, such as "OK". */
ms_rc_t ms_answer_text(ms_ctx_t *c, const char *text);

/** The error body of the recorded failure: {"code", "type", "message"}; the type of one that JSON answers as plain text is its name in
 *  lower case. The caller owns the reference; NULL when out of memory. */
json_t *ms_problem_body(const ms_ctx_t *c);

#endif
