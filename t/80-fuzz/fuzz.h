/* fuzz.h: what the targets share: each takes any bytes, and asserts what must be true of all of them.
 *
 * One program replays kept inputs (replay.c, any compiler), another looks for new ones (clang's libFuzzer). Both call fuzz_run(). */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "core/ctx.h"

typedef void (*fuzz_target_t)(ms_ctx_t *c, const uint8_t *data, size_t size);

void fuzz_config(ms_ctx_t *c, const uint8_t *data, size_t size);
void fuzz_cookie(ms_ctx_t *c, const uint8_t *data, size_t size);
void fuzz_csv(ms_ctx_t *c, const uint8_t *data, size_t size);
void fuzz_email(ms_ctx_t *c, const uint8_t *data, size_t size);
void fuzz_json(ms_ctx_t *c, const uint8_t *data, size_t size);
void fuzz_query(ms_ctx_t *c, const uint8_t *data, size_t size);
void fuzz_token(ms_ctx_t *c, const uint8_t *data, size_t size);
void fuzz_xml(ms_ctx_t *c, const uint8_t *data, size_t size);

/** Start libraries, and choose a target by its name; 0 if there is none of that name. */
int fuzz_start(const char *target);

/** Give the target one input; it and all that came of it is freed again. */
void fuzz_run(const uint8_t *data, size_t size);

/** A copy of bytes with a NUL behind it, in a block of that very length: a sanitizer sees each step too far. */
char *fuzz_text(ms_ctx_t *c, const void *data, size_t size);

/** The same, without the NUL. */
char *fuzz_bytes(ms_ctx_t *c, const void *data, size_t size);

/** Do the next steps with an empty context, as another request would have it. */
void fuzz_forget(ms_ctx_t *c);

/** Say what isn't so, and die of it. */
_Noreturn void fuzz_fail(const char *file, int line, const char *what);

#define MUST(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

/* pool.c: allocations of this pool are blocks of their own, from begin to end. */
void fuzz_pool_begin(apr_pool_t *pool);
void fuzz_pool_end(void);

#endif
