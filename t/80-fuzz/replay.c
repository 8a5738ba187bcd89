/* replay.c: gives kept inputs to a target: replay TARGET FILE-OR-FOLDER…
 *
 * Names each of them, and tells how many there were; one that finds something is the last that is named. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>

static long inputs;

static int replay_file(apr_pool_t *pool, const char *path, apr_size_t size)
{
    char *data = malloc(size ? size : 1);
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, 0, pool);

    if (status == APR_SUCCESS) {
        status = size ? apr_file_read_full(file, data, size, NULL) : APR_SUCCESS;
        apr_file_close(file);
    }
    if (status != APR_SUCCESS) {
        fprintf(stderr, "can't read %s\n", path);
        free(data);
        return 0;
    }
    printf("- %s\n", path);
    fflush(stdout);
    fuzz_run((const uint8_t *)data, size);
    free(data);
    inputs++;
    return 1;
}

static int replay(apr_pool_t *parent, const char *path)
{
    apr_pool_t *pool;
    apr_finfo_t info;
    apr_dir_t *folder;
    int good = 1;

    apr_pool_create(&pool, parent);
    if (apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_SIZE, pool)) {
        fprintf(stderr, "no such file: %s\n", path);
        good = 0;
    }
    else if (info.filetype != APR_DIR) {
        good = replay_file(pool, path, (apr_size_t)info.size);
    }
    else if (apr_dir_open(&folder, path, pool) == APR_SUCCESS) {
        while (good && apr_dir_read(&info, APR_FINFO_NAME, folder) == APR_SUCCESS) {
            good = *info.name == '.' || replay(pool, apr_pstrcat(pool, path, "/", info.name, NULL));
        }
        apr_dir_close(folder);
    }
    apr_pool_destroy(pool);
    return good;
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    int i, good = 1;

    if (argc < 3 || !fuzz_start(argv[1])) {
        fprintf(stderr, "usage: replay TARGET FILE-OR-FOLDER…\n");
        return 2;
    }
    apr_pool_create(&pool, NULL);
    for (i = 2; i < argc && good; i++) {
        good = replay(pool, argv[i]);
    }
    apr_pool_destroy(pool);
    printf("%ld\n", inputs);
    return !good;
}
