/* tokens.c: signs customers in without asking for their passwords: the rows of their sessions, and the tokens that stand for them.
 *
 * usage: tokens SECRET_FILE PASSWORD_HASH < lines that begin with a customer's id and a tab
 * Prints each line again with more columns: id of the session row (hex), bearer token, token to reset the password.
 * Linked with the module's own library, so that what it makes can't drift from what the module takes. */
#include "account/account.h"
#include "account/reset.h"
#include "account/token.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_time.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 1024, TOKEN_BYTES = 32, DAYS = 30 };

static int read_secret(char *secret, int size, const char *file)
{
    FILE *in = fopen(file, "r");

    if (!in || !fgets(secret, size, in)) {
        fprintf(stderr, "tokens: can't read %s\n", file);
        return 0;
    }
    fclose(in);
    secret[strcspn(secret, "\r\n")] = '\0';
    return 1;
}

static void print_more(ms_ctx_t *c, char *line, const char *hash)
{
    unsigned char random[TOKEN_BYTES], digest[crypto_hash_sha256_BYTES];
    char jti[64], hex[2 * sizeof digest + 1];
    ms_claims_t claims = { NULL, jti };

    line[strcspn(line, "\n")] = '\0';
    randombytes_buf(random, sizeof random);
    sodium_bin2base64(jti, sizeof jti, random, sizeof random, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    crypto_hash_sha256(digest, (const unsigned char *)jti, strlen(jti));
    sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
    claims.customer_id = apr_pstrmemdup(c->pool, line, strcspn(line, "\t"));
    printf("%s\t%s\t%s\t%s\n", line, hex, ms_token_sign(c, &claims, c->now, c->now + apr_time_from_sec(DAYS * 86400)),
        ms_reset_sign(c, claims.customer_id, hash));
}

int main(int argc, char **argv)
{
    char secret[LINE_BYTES], line[LINE_BYTES];
    ms_account_t account = { .secrets = { secret } };
    ms_shop_t shop = { .account = &account };
    ms_ctx_t c = { .shop = &shop };
    apr_pool_t *pool;

    if (argc != 3) {
        fputs("usage: tokens SECRET_FILE PASSWORD_HASH\n", stderr);
        return 2;
    }
    if (sodium_init() < 0 || !read_secret(secret, sizeof secret, argv[1])) {
        return 1;
    }
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&pool, NULL);
    apr_pool_create(&c.pool, pool);
    c.now = apr_time_now();
    while (fgets(line, sizeof line, stdin)) {
        print_more(&c, line, argv[2]);
        apr_pool_clear(c.pool);
    }
    return fflush(stdout) ? 1 : 0;
}
