/* session.c: makes, finds and ends sign-ins. The database holds only digests: who reads it can't sign in.
 *
 * Knows the table session and bearer tokens; the cookie itself is httpd/'s. Called by api/. */
#include "account/session.h"
#include "account/account.h"
#include "account/token.h"
#include "core/route.h"
#include "core/time.h"
#include "db/db.h"
#include "resource/resources.h"

#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

enum {
    TOKEN_BYTES = 32,
    TOKEN_LENGTH = 43,      /* of its base64url form */
    EXTEND_FRACTION = 20,   /* an unused twentieth of its life is not worth a write */
    NO_END = 36525          /* days: a century */
};

static const char *make_token(apr_pool_t *pool)
{
    unsigned char random[TOKEN_BYTES];
    char *token = apr_palloc(pool, TOKEN_LENGTH + 1);

    randombytes_buf(random, sizeof random);
    return sodium_bin2base64(token, TOKEN_LENGTH + 1, random, sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* The row's id. */
static const char *digest(apr_pool_t *pool, const char *token)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char *hex = apr_palloc(pool, 2 * sizeof hash + 1);

    crypto_hash_sha256(hash, (const unsigned char *)token, strlen(token));
    return sodium_bin2hex(hex, 2 * sizeof hash + 1, hash, sizeof hash);
}

static int is_token(const char *text)
{
    return text && strlen(text) == TOKEN_LENGTH;
}

/* ---- who is this ---- */

/* Sessions that began before this are over, whatever their row says: the limit may be newer than they are, or another host's be longer. */
static const char *first_beginning(const ms_ctx_t *c, const char *kind)
{
    apr_interval_time_t max = strcmp(kind, "cookie") ? 0 : c->shop->account->session_max;

    return max ? ms_time_sql(c->pool, c->now - max) : "1970-01-01 00:00:00.000"; /* nothing to reckon with each request */
}

/* *book is NULL where it is not asked for, as by guarded pages, which have no route; or was left for a statement of its own. */
static ms_rc_t load(ms_ctx_t *c, ms_row_t **row, ms_slot_t **book, const char *id, const char *kind)
{
    const char *now = ms_time_sql(c->pool, c->now), *since = first_beginning(c, kind);
    ms_rc_t rc;

    *book = NULL;
    if (!c->route || !(c->route->with & MS_BOOK)) {
        return ms_db_find(c, row, "session.who", MS_ARGS(id, kind, now, since));
    }
    *book = apr_palloc(c->pool, sizeof **book);
    rc = ms_db_find_with(c, row, *book, "session.who_with_addresses", MS_ARGS(id, kind, now, since));
    if (*row && (*row)->extra && !strcmp((*row)->extra, "0")) {
        *book = NULL;
    }
    return rc;
}

static ms_rc_t find(ms_ctx_t *c, const ms_object_t **session, const char *token, const char *kind)
{
    const char *id = digest(c->pool, token);
    ms_row_t *row;
    ms_slot_t *book;
    ms_rc_t rc = load(c, &row, &book, id, kind);

    *session = NULL;
    if (rc == MS_OK && row) {
        *session = row->part[0];
        c->who.id = ms_object_text(*session, &ms_session, "customer_id");
        c->who.session = id;
        c->who.row = row->part[1];
        c->who.book = book;
    }
    return rc;
}

/* A session lives on as long as it is used, but not every use is written down. */
static int is_due(const ms_ctx_t *c, const ms_object_t *session)
{
    apr_time_t last_seen = 0;

    ms_time_parse(&last_seen, ms_object_text(session, &ms_session, "last_seen"));
    return c->now - last_seen >= c->shop->account->session_life / EXTEND_FRACTION;
}

/* The longest life of a session from its beginning, in seconds. */
static const char *longest(const ms_ctx_t *c)
{
    apr_interval_time_t max = c->shop->account->session_max;

    return apr_psprintf(c->pool, "%" APR_TIME_T_FMT, max ? apr_time_sec(max) : (apr_time_t)NO_END * 86400);
}

ms_rc_t ms_session_extend(ms_ctx_t *c)
{
    apr_time_t end = c->now + c->shop->account->session_life;

    if (!c->who.due) {
        return MS_OK;
    }
    c->who.due = 0;
    c->session_change = MS_SESSION_EXTEND;
    return ms_db_change(c, NULL, "session.extend", MS_ARGS(ms_time_sql(c->pool, c->now), ms_time_sql(c->pool, end), longest(c),
        c->who.session));
}

static ms_rc_t find_bearer(ms_ctx_t *c)
{
    ms_claims_t claims;
    const ms_object_t *session;
    ms_rc_t rc;

    if (!c->bearer || !ms_token_read(c, &claims, c->bearer) || !is_token(claims.jti)) {
        return c->rc;
    }
    rc = find(c, &session, claims.jti, "bearer");
    if (c->who.id && strcmp(c->who.id, claims.customer_id)) {
        memset(&c->who, 0, sizeof c->who);
    }
    return rc;
}

ms_rc_t ms_session_find(ms_ctx_t *c)
{
    const ms_object_t *session;
    ms_rc_t rc;

    if (is_token(c->session_token)) {
        rc = find(c, &session, c->session_token, "cookie");
        if (rc != MS_OK) {
            return rc;
        }
        if (session) {
            c->who.cookie = 1;
            c->who.due = is_due(c, session);
            return MS_OK;
        }
    }
    return find_bearer(c);
}

ms_rc_t ms_session_identify(ms_ctx_t *c)
{
    ms_rc_t rc = ms_session_find(c);

    return rc == MS_OK ? ms_session_extend(c) : rc;
}

/* ---- begin and end ---- */

/* Written only while the password's hash is the one that was checked: a change of password that came between has ended, or will
 * end, what was signed in by the old one. NULL: nobody can have changed it yet. */
static ms_rc_t insert(ms_ctx_t *c, const char *token, const char *kind, apr_interval_time_t life, const char *customer_id,
                      const char *hash)
{
    const char *now = ms_time_sql(c->pool, c->now), *id = digest(c->pool, token), *end = ms_time_sql(c->pool, c->now + life);
    int inserted = 0;
    ms_rc_t rc = hash ? ms_db_change(c, &inserted, "session.create", MS_ARGS(id, kind, now, now, end, customer_id, hash))
                      : ms_db_change(c, &inserted, "session.create_first", MS_ARGS(id, kind, now, now, end, customer_id));

    if (rc == MS_DUPLICATE) { /* 256 random bits: only our own first try, whose answer was lost, can be there already */
        ms_forgive(c);
        return MS_OK;
    }
    return rc == MS_OK && !inserted ? ms_fail(c, MS_UNAUTHORIZED, NULL) : rc;
}

static ms_rc_t end(ms_ctx_t *c, const char *token)
{
    return is_token(token) ? ms_db_change(c, NULL, "session.end", MS_ARGS(digest(c->pool, token))) : MS_OK;
}

static ms_rc_t start(ms_ctx_t *c, const char *customer_id, const char *hash)
{
    const struct ms_account_t *account = c->shop->account;
    apr_interval_time_t life = account->session_max && account->session_max < account->session_life ? account->session_max : account->session_life;
    const char *token = make_token(c->pool);
    ms_rc_t rc = insert(c, token, "cookie", life, customer_id, hash);

    if (rc == MS_OK) {
        rc = end(c, c->session_token);
    }
    if (rc == MS_OK) {
        c->session_change = MS_SESSION_START;
        c->session_new = token;
    }
    return rc;
}

ms_rc_t ms_session_start(ms_ctx_t *c, const char *customer_id, const char *hash)
{
    return hash ? start(c, customer_id, hash) : ms_fail(c, MS_UNAUTHORIZED, NULL);
}

ms_rc_t ms_session_start_first(ms_ctx_t *c, const char *customer_id)
{
    return start(c, customer_id, NULL);
}

ms_rc_t ms_session_start_bearer(ms_ctx_t *c, const char **token, const char *customer_id, const char *hash)
{
    ms_claims_t claims = { customer_id, make_token(c->pool) };
    apr_interval_time_t life = c->shop->account->token_life;
    ms_rc_t rc = !hash ? ms_fail(c, MS_UNAUTHORIZED, NULL) : insert(c, claims.jti, "bearer", life, customer_id, hash);

    if (rc != MS_OK) {
        return rc;
    }
    *token = ms_token_sign(c, &claims, c->now, c->now + life);
    return *token ? MS_OK : ms_fail(c, MS_UNEXPECTED, NULL);
}

ms_rc_t ms_session_end(ms_ctx_t *c)
{
    ms_claims_t claims;
    ms_rc_t rc = end(c, c->session_token);

    if (rc == MS_OK && c->bearer) {
        rc = ms_token_read(c, &claims, c->bearer) ? end(c, claims.jti) : c->rc;
    }
    c->session_change = MS_SESSION_END;
    return rc;
}

ms_rc_t ms_session_end_others(ms_ctx_t *c, const char *customer_id, const char *keep)
{
    return ms_db_change(c, NULL, "session.end_others", MS_ARGS(customer_id, keep ? keep : ""));
}
