/* hashrate.c: how many passwords a second the machine's cores hash together, with nothing else to do.
 *
 * usage: hashrate HASH THREADS SECONDS. The parameters are those of HASH, a stored Argon2id string ("$argon2id$v=19$m=19456,
 * t=2,p=1$..."), so that they are the module's own. */
#include "pace.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    unsigned long long passes;
    size_t memory; /* bytes */
} cost_t;

static const char password[] = "correct horse battery staple";

static void *start(const void *baton)
{
    return (void *)baton; /* read only */
}

static int step(void *own, double due)
{
    const cost_t *cost = own;
    char hash[crypto_pwhash_STRBYTES];

    return crypto_pwhash_str(hash, password, strlen(password), cost->passes, cost->memory);
}

static int cost_read(cost_t *cost, const char *hash)
{
    unsigned long kibibytes, passes;

    if (sscanf(hash, "$argon2id$v=19$m=%lu,t=%lu,p=1$", &kibibytes, &passes) != 2) {
        return 0;
    }
    cost->memory = (size_t)kibibytes << 10;
    cost->passes = passes;
    return 1;
}

int main(int argc, char **argv)
{
    cost_t cost;
    pace_t pace = { .start = start, .step = step, .baton = &cost };

    if (argc != 4) {
        fputs("usage: hashrate HASH THREADS SECONDS\n", stderr);
        return 2;
    }
    if (sodium_init() < 0 || !cost_read(&cost, argv[1])) {
        fprintf(stderr, "hashrate: no Argon2id string of one lane: %s\n", argv[1]);
        return 1;
    }
    pace.threads = pace_number("THREADS", argv[2], 1, 1024);
    pace.seconds = pace_number("SECONDS", argv[3], 1, 600);
    return pace_run(&pace);
}
