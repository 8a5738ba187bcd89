/* replay.c: finds and keeps what was answered to a request with an Idempotency-Key.
 *
 * A kept answer is sealed with a key that is made of the shop's secret and the request: who sends another request can't open it, and
 * so learns no more than that it is another one. Knows the table idempotency_key; called by api/. */
#include "account/replay.h"
#include "account/account.h"
#include "account/base64.h"
#include "core/answer.h"
#include "core/json.h"
#include "core/route.h"
#include "core/time.h"
#include "db/db.h"
#include "resource/resources.h"

#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

enum {
    ANSWER_MAX = 65535, /* bytes that are kept of an answer; an address book has no end */
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    SEAL = crypto_aead_xchacha20poly1305_ietf_ABYTES,
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING
};

ms_rc_t ms_replay_check(ms_ctx_t *c)
{
    const char *p = c->idempotency_key;
    size_t length;

    while (*p > ' ' && *p < 127) {
        p++;
    }
    length = (size_t)(p - c->idempotency_key);
    return !*p && length >= MS_KEY_MIN && length <= MS_KEY_MAX ? MS_OK
         : ms_fail(c, MS_INVALID_DATA, "Idempotency-Key must be %d to %d visible ASCII characters without blanks, such as a random UUID",
                   MS_KEY_MIN, MS_KEY_MAX);
}

/* ---- digests ---- */

typedef crypto_auth_hmacsha256_state mac_t;

static int add(const char *data, size_t length, void *mac)
{
    return crypto_auth_hmacsha256_update(mac, (const unsigned char *)data, length);
}

/* A text with its end, so that no two of them can be taken for one. */
static void add_text(mac_t *mac, const char *text)
{
    add(text, strlen(text) + 1, mac);
}

/* Who asks matters where the route does. */
static void begin(mac_t *mac, const ms_ctx_t *c, const char *secret, const char *purpose)
{
    crypto_auth_hmacsha256_init(mac, (const unsigned char *)secret, strlen(secret));
    add_text(mac, purpose);
    add_text(mac, c->route->caller == MS_CUSTOMER ? c->who.id : "");
    add_text(mac, c->idempotency_key);
}

/* The row's id. */
static const char *id_of(const ms_ctx_t *c, const char *secret)
{
    unsigned char digest[crypto_auth_hmacsha256_BYTES];
    char *hex = apr_palloc(c->pool, 2 * sizeof digest + 1);
    mac_t mac;

    begin(&mac, c, secret, "medusa-store idempotency key");
    crypto_auth_hmacsha256_final(&mac, digest);
    return sodium_bin2hex(hex, 2 * sizeof digest + 1, digest, sizeof digest);
}

/* A fast digest of a password would undo its slow hash for those who have the database and the secret. */
static json_t *without_passwords(ms_ctx_t *c)
{
    json_t *body = ms_copy(c->pool, c->body);
    const ms_rule_t *rule;

    for (rule = c->route->body->rules; rule->field; rule++) {
        if (rule->check == MS_CHECK_PASSWORD) {
            json_object_del(body, rule->field);
        }
    }
    return body;
}

/* The key of the seal: made of all that makes it the same request; 0 when out of memory. */
static int make_key(ms_ctx_t *c, unsigned char *key, const char *secret)
{
    json_t *body = without_passwords(c);
    mac_t mac;
    int i;

    begin(&mac, c, secret, "medusa-store idempotent request");
    add_text(&mac, c->route->method);
    add_text(&mac, c->route->path);
    for (i = 0; i < MS_PARAMS_MAX && c->params[i]; i++) {
        add_text(&mac, c->params[i]);
    }
    if (!body || json_dump_callback(body, add, &mac, JSON_COMPACT | JSON_SORT_KEYS)) {
        return 0;
    }
    crypto_auth_hmacsha256_final(&mac, key);
    return 1;
}

/* ---- seals ---- */

static const char *seal(apr_pool_t *pool, const unsigned char *key, const char *text, size_t length)
{
    unsigned char *box = apr_palloc(pool, NONCE + length + SEAL);
    unsigned long long sealed;
    size_t size;

    randombytes_buf(box, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(box + NONCE, &sealed, (const unsigned char *)text, length, NULL, 0, NULL, box, key);
    size = sodium_base64_encoded_len(NONCE + sealed, BASE64);
    return sodium_bin2base64(apr_palloc(pool, size), size, box, NONCE + sealed, BASE64);
}

static char *unseal(apr_pool_t *pool, const unsigned char *key, const char *sealed, size_t *length)
{
    size_t size, most = strlen(sealed);
    unsigned char *box = apr_palloc(pool, most + 1);
    char *text = apr_palloc(pool, most + 1);
    unsigned long long opened;

    if (!ms_base64_read(box, most, &size, sealed, most, BASE64) || size < NONCE + SEAL
        || crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)text, &opened, NULL, box + NONCE, size - NONCE, NULL, 0, box, key)) {
        return NULL;
    }
    text[opened] = '\0';
    *length = (size_t)opened;
    return text;
}

/* ---- find, save, answer ---- */

static ms_rc_t open_answer(ms_ctx_t *c, json_t **answer, const char *secret, const char *sealed)
{
    unsigned char key[crypto_auth_hmacsha256_BYTES];
    size_t length;
    char *text;

    if (!make_key(c, key, secret)) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    text = unseal(c->pool, key, sealed, &length);
    sodium_memzero(key, sizeof key);
    if (!text) {
        return ms_fail(c, MS_KEY_REUSED, NULL);
    }
    /* it was written by us, and is deeper than a body may be, which it shows */
    if (length && ms_json_parse(answer, text, length, MS_JSON_WRITE_MAX, 1) != MS_JSON_GOOD) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    ms_own(c->pool, *answer);
    return MS_OK;
}

static int is_over(const ms_ctx_t *c, const char *expires)
{
    apr_time_t end = 0;

    return !expires || !ms_time_parse(&end, expires) || end <= c->now;
}

ms_rc_t ms_replay_find(ms_ctx_t *c, ms_replay_t *first)
{
    const char *const *secrets = c->shop->account->secrets;
    const char *ids[2] = { "", "" }, *id;
    ms_row_t *row;
    ms_rc_t rc;
    int i;

    memset(first, 0, sizeof *first);
    if (!c->idempotency_key) {
        return MS_OK;
    }
    for (i = 0; i < 2 && secrets[i]; i++) {
        ids[i] = id_of(c, secrets[i]);
    }
    rc = ms_db_find(c, &row, "idempotency_key.find", MS_ARGS(ids[0], ids[1]));
    if (rc != MS_OK || !row) {
        return rc;
    }
    id = ms_object_text(row->part[0], &ms_idempotency_key, "id");
    if (is_over(c, ms_object_text(row->part[0], &ms_idempotency_key, "expires_at"))) {
        first->expired = id;
        return MS_OK;
    }
    if (!row->part[1]) {
        return ms_fail(c, MS_KEY_REUSED, NULL);
    }
    first->customer = row->part[1];
    first->hash = row->extra;
    return open_answer(c, &first->answer, secrets[strcmp(id, ids[0]) ? 1 : 0], ms_object_text(row->part[0], &ms_idempotency_key, "answer"));
}

static json_t *make_row(ms_ctx_t *c, const char *customer_id)
{
    const char *secret = c->shop->account->secrets[0], *text, *sealed;
    unsigned char key[crypto_auth_hmacsha256_BYTES];
    size_t length;

    text = ms_answer_write(c, &length);
    if (!text || !make_key(c, key, secret)) {
        return NULL;
    }
    sealed = seal(c->pool, key, text, length <= ANSWER_MAX ? length : 0);
    sodium_memzero(key, sizeof key);
    return ms_own(c->pool, json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id_of(c, secret), "customer_id", customer_id, "answer", sealed,
        "created_at", ms_time_iso(c->pool, c->now), "expires_at", ms_time_iso(c->pool, c->now + c->shop->account->key_life)));
}

ms_rc_t ms_replay_save(ms_ctx_t *c, const ms_replay_t *first, const char *customer_id)
{
    ms_rc_t rc = MS_OK;
    json_t *row;

    if (!c->idempotency_key) {
        return MS_OK;
    }
    row = make_row(c, customer_id);
    if (!row) {
        return ms_fail(c, MS_UNEXPECTED, NULL);
    }
    if (first->expired) {
        rc = ms_db_change(c, NULL, "idempotency_key.drop", MS_ARGS(first->expired, ms_time_sql(c->pool, c->now)));
    }
    if (rc == MS_OK) {
        rc = ms_db_insert(c, "idempotency_key.create", row);
    }
    if (rc == MS_DUPLICATE) {
        ms_forgive(c);
        rc = ms_fail(c, MS_CONFLICT, NULL);
    }
    return rc;
}

int ms_replay_answer(ms_ctx_t *c, const ms_replay_t *first)
{
    ms_log(c->log, MS_LINE_REPLAYED, c->method, c->route->path);
    c->replayed = 1;
    c->personal = 1;
    c->answer = first->answer;
    return first->answer != NULL;
}
