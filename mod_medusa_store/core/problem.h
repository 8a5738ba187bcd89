/* problem.h: every way a request can fail, in one place.
 *
 * One row a problem; status, error body and documentation are derived from it.
 * All layers return ms_rc_t; the words for the client are kept in ms_ctx_t by ms_fail() (ctx.h). */
#ifndef MS_CORE_PROBLEM_H
#define MS_CORE_PROBLEM_H

/* A message of NULL: ms_fail() must give one. A type of NULL: the answer is plain text, not JSON. */
#define MS_PROBLEMS(X) \
    /* name            http  code                     type                    message */ \
    X(INVALID_DATA,     400, NULL,                    "invalid_data",         NULL) \
    X(WRONG_PASSWORD,   400, NULL,                    "invalid_data",         "old_password must be the password that the account has now") \
    X(UNAUTHORIZED,     401, NULL,                    NULL,                   "Unauthorized") \
    X(BAD_TOKEN,        401, NULL,                    "unauthorized",         NULL) \
    X(FORBIDDEN,        403, NULL,                    "not_allowed",          NULL) \
    X(NOT_FOUND,        404, NULL,                    "not_found",            NULL) \
    X(CONFLICT,         409, "invalid_state_error",   "conflict",             "The request conflicted with another request. You may retry the request with the provided Idempotency-Key.") \
    X(TOO_LARGE,        413, NULL,                    "invalid_data",         "request entity too large") \
    X(UNSUPPORTED,      415, NULL,                    "invalid_data",         NULL) \
    X(DUPLICATE,        422, "invalid_request_error", "duplicate_error",      NULL) \
    X(KEY_REUSED,       422, "invalid_request_error", "idempotency_error",    "This Idempotency-Key came with another request, or its account has changed since. Send a new key with a new request.") \
    X(TOO_MANY,         429, NULL,                    "too_many_requests",    NULL) \
    X(UNEXPECTED,       500, "unknown_error",         "unknown_error",        "An unknown error occurred.") \
    X(MISCONFIGURED,    500, "unknown_error",         "unknown_error",        "An unknown error occurred.") \
    X(DB_FAULT,         500, "api_error",             "database_error",       "The database refused the request. The server's error log says why.") \
    X(DB_DOWN,          503, "api_error",             "database_error",       "The database is not available at the moment. Please try again.") \
    X(DB_SCHEMA,        503, "api_error",             "database_error",       "The server is being updated at the moment. Please try again.") \
    X(BUSY,             503, "api_error",             "database_error",       "The server is busy at the moment. Please try again.")

/** What every step returns: MS_OK, or why it failed (a row of MS_PROBLEMS). */
typedef enum {
    MS_OK = 0,
#define X(name, http, code, type, message) MS_##name,
    MS_PROBLEMS(X)
#undef X
    MS_PROBLEM_COUNT
} ms_rc_t;

typedef struct {
    const char *name;    /* "INVALID_DATA": metric label and log word */
    int http;            /* HTTP status */
    const char *code;    /* `code` of the error body; NULL: left out */
    const char *type;    /* `type` of the error body; NULL: a plain text answer */
    const char *message; /* used where ms_fail() gave none */
} ms_problem_t;

/** The row of a return code; for MS_OK and unknown codes that of MS_UNEXPECTED. Never NULL. */
const ms_problem_t *ms_problem_get(ms_rc_t rc);

#endif
