/* log.h: every line that the module can write to the error log.
 *
 * Ids are never reused. No line carries a password, a token, a cookie, a hash or an e-mail address; a test greps for them.
 * core/ and db/ know no httpd: lines go through the context's or pool's sink, which httpd/log.c provides. */
#ifndef MS_CORE_LOG_H
#define MS_CORE_LOG_H

#include <apr_time.h>


enum { MS_LOG_ERR, MS_LOG_WARN, MS_LOG_NOTICE, MS_LOG_INFO, MS_LOG_DEBUG };

#define MS_LOG_LINES(X) \
    /* name           id        level   text */ \
    X(PROBLEM,        "MS0001", INFO,   "%s %s answered %d (%s)") \
    X(ORIGIN_REFUSED, "MS0002", INFO,   "origin %s is not one of MedusaStoreAllowOrigin; the answer carries no CORS permission") \
    X(NO_MOUNT,       "MS0003", ERR,    "can't tell where the API begins for this address: set MedusaStoreBase in the section with MedusaStore On") \
    X(NOT_CONFIGURED, "MS0004", ERR,    "MedusaStore is On, but this virtual host has no %s") \
    X(BODY_LOST,      "MS0005", INFO,   "the request body could not be read: %s") \
    X(FORGERY,        "MS0006", INFO,   "a write by the session cookie alone was refused: %s (MedusaStoreCSRF)") \
    X(UNEXPECTED,     "MS0007", ERR,    "no memory for the answer to %s %s") \
    X(REPLAYED,       "MS0008", INFO,   "%s %s was done before; its first answer is sent again (Idempotency-Key)") \
    X(TOO_MANY,       "MS0009", WARN,   "too many %s %s: refused (MedusaStoreThrottleLimit); those of the next minute are not logged") \
    X(TOO_MANY_DRY,   "MS0010", NOTICE, "too many %s %s: would be refused without MedusaStoreThrottle DryRun; those of the next minute are not logged") \
    X(DB_CONNECT,     "MS0101", ERR,    "can't connect to the database: %s") \
    X(DB_CONNECTED,   "MS0102", NOTICE, "the database answers again") \
    X(DB_LOST,        "MS0104", INFO,   "a database connection was lost (error %d); it is replaced") \
    X(DB_STATEMENT,   "MS0105", ERR,    "statement %s failed with error %d: %s%s") \
    X(DB_POOL,        "MS0107", WARN,   "no database connection came free within %d ms (MedusaStoreDBMax, or a database that stands still)") \
    X(DB_RETRY,       "MS0108", INFO,   "transaction lost a race for a lock or its connection; try %d of %d") \
    X(DB_CUT,         "MS0109", WARN,   "a statement ran longer than %d ms; its connection is cut (MedusaStoreDBTimeout, MedusaStoreDeadline)") \
    X(DB_VALUE,       "MS0110", ERR,    "column %s of %s holds a value that can't be read") \
    X(DB_COMMIT,      "MS0111", ERR,    "COMMIT failed with error %d; the outcome is unknown") \
    X(DB_ARGS,        "MS0112", ERR,    "statement %s takes %d values, got %d") \
    X(DB_LOCKED,      "MS0113", WARN,   "statement %s waited too long for a lock; who holds its table?") \
    X(SCHEMA_NEWER,   "MS0114", ERR,    "the database's schema is at migration %d, this module knows %d and no newer one: update the module; %s") \
    X(SCHEMA_OLDER,   "MS0115", WARN,   "the database's schema is at migration %d, this module needs %d: run medusa-store-admin migrate") \
    X(SCHEMA_UNKNOWN, "MS0116", INFO,   "the database could not be asked for its schema: %s; the server starts without it") \
    X(DB_SILENT,      "MS0117", ERR,    "the database does not answer: %d statements in a row were cut; requests are refused at once until it does") \
    X(DEADLINE,       "MS0118", WARN,   "too little was left of a request's %d ms to ask the database (MedusaStoreDeadline)") \
    X(HASH_BUSY,      "MS0201", WARN,   "no hashing slot came free within %d ms (MedusaStoreHashSlots, MedusaStoreHashQueue)") \
    X(HASH_FAILED,    "MS0202", ERR,    "hashing failed: not enough memory for %d KiB (MedusaStorePasswordCost)") \
    X(HASH_BROKEN,    "MS0203", ERR,    "a stored password hash is in no known format; its customer can't sign in before a reset") \
    X(SIGNED_IN,      "MS0204", INFO,   "customer %s signed in by %s") \
    X(NOT_LET_IN,     "MS0205", INFO,   "not let in: %s (customer %s)") \
    X(NEW_PASSWORD,   "MS0206", INFO,   "customer %s has a new password, by %s") \
    X(NEW_EMAIL,      "MS0207", INFO,   "customer %s has another e-mail address") \
    X(SESSION_SAVE,   "MS0301", ERR,    "the session could not be saved; is `Session On` in force here?") \
    X(SESSION_OFF,    "MS0302", ERR,    "no session can be had here: MedusaStore needs mod_session and `Session On`") \
    X(SESSION_BAD,    "MS0303", DEBUG,  "a session cookie is no work of this server; it counts as none") \
    X(GUARD_NO_SHOP,  "MS0304", ERR,    "a Require medusa-customer or medusa-group stands here, but this virtual host has no %s") \
    X(GUARD_NOBODY,   "MS0305", INFO,   "a guarded place was asked for, and nobody is signed in; answered %d") \
    X(GUARD_FAILED,   "MS0306", INFO,   "a guarded place was asked for, and it can't be told by whom (%s); answered %d") \
    X(STARTED,        "MS0901", INFO,   "%d shops, %d hashing slots") \
    X(START_FAILED,   "MS0902", ERR,    "can't start: %s")

typedef enum {
#define X(name, id, level, text) MS_LINE_##name,
    MS_LOG_LINES(X)
#undef X
    MS_LINE_COUNT
} ms_line_t;

typedef struct {
    const char *id;
    int level;
    const char *text; /* printf format */
} ms_log_line_t;

/** The row of a line. Never NULL for a value of the enum. */
const ms_log_line_t *ms_log_line_get(ms_line_t line);

/** Where lines go: the baton is the sink's own (a request or a server in httpd, NULL in the admin tool). */
typedef struct {
    void (*write)(void *baton, ms_line_t line, int level, const char *text);
    void *baton;
} ms_sink_t;

/** Format a line and hand it to the sink (a NULL sink, or one without a writer, drops it). Cut at 1,000 bytes. */
void ms_log(const ms_sink_t *sink, ms_line_t line, ...);

/** When lines of a kind, and of a cause, were last written: in memory that processes share, zeroed at first. */
typedef struct {
    _Atomic(apr_uint64_t) last[256];
} ms_log_memory_t;

/** Remember there from now on; NULL: in this process, as at first. */
void ms_log_share(ms_log_memory_t *memory);

/** The same as ms_log(), but at most once a minute for all who share the memory: for what a flood of requests would repeat. */
void ms_log_rarely(const ms_sink_t *sink, ms_line_t line, ...);
/** The same for each cause, which is any number. */
void ms_log_rarely_for(const ms_sink_t *sink, int cause, ms_line_t line, ...);

#endif
