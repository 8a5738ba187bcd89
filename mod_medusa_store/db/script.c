/* script.c: reads migration files: names, checksums, statements.
 *
 * Knows files and where SQL statements end; connects to nothing. Called by migrate.c. */
#include "db/script.h"

#include <stdlib.h>
#include <string.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <sodium.h>

enum { VERSION_DIGITS = 4 };

/* Statements without a result set. Any other is refused before the first one runs: apr_dbd's query leaves rows on the wire
 * and the connection useless. (A RETURNING clause would do the same; MySQL has none, so none is to be written.) */
static const char *const verbs[] = {
    "ALTER", "CREATE", "DELETE", "DROP", "INSERT", "RENAME", "REPLACE", "SET", "TRUNCATE", "UPDATE", NULL
};

static const char *file_problem(apr_pool_t *pool, const char *path, apr_status_t status)
{
    char reason[200];

    return apr_psprintf(pool, "can't read %s: %s", path, apr_strerror(status, reason, sizeof(reason)));
}

static const char *read_file(char **text, apr_size_t *size, apr_pool_t *pool, const char *path)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_OS_DEFAULT, pool);

    if (status != APR_SUCCESS) {
        return file_problem(pool, path, status);
    }
    status = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (status == APR_SUCCESS) {
        *size = (apr_size_t)info.size;
        *text = apr_pcalloc(pool, *size + 1);
        status = *size ? apr_file_read_full(file, *text, *size, size) : APR_SUCCESS;
    }
    apr_file_close(file);
    return status == APR_SUCCESS ? NULL : file_problem(pool, path, status);
}

static int is_name(const char *file)
{
    static const char tail[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

    return strspn(file, "0123456789") == VERSION_DIGITS && file[VERSION_DIGITS] == '_' && atoi(file) > 0
           && !strcmp(file + strspn(file, tail), ".sql");
}

static const char *read_script(ms_script_t *script, apr_pool_t *pool, const char *dir, const char *file)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    char *hex = apr_palloc(pool, 2 * sizeof(digest) + 1);
    const char *path = apr_pstrcat(pool, dir, "/", file, NULL), *problem;
    apr_size_t size = 0;
    char *text = NULL;

    if (!is_name(file)) {
        return apr_psprintf(pool, "%s is not named as a migration: four digits (from 0001), '_', lower-case words, \".sql\"",
                            path);
    }
    if ((problem = read_file(&text, &size, pool, path))) {
        return problem;
    }
    if (strlen(text) != size) {
        return apr_psprintf(pool, "%s holds a NUL byte", path);
    }
    crypto_hash_sha256(digest, (const unsigned char *)text, size);
    sodium_bin2hex(hex, 2 * sizeof(digest) + 1, digest, sizeof(digest));
    script->version = atoi(file);
    script->name = apr_pstrndup(pool, file, strlen(file) - strlen(".sql"));
    script->checksum = hex;
    script->text = text;
    return NULL;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of all *.sql, sorted; hidden ones are an editor's. */
static const char *list_files(apr_array_header_t **files, apr_pool_t *pool, const char *path)
{
    apr_dir_t *dir;
    apr_finfo_t info;
    apr_status_t status = apr_dir_open(&dir, path, pool);

    *files = apr_array_make(pool, 16, sizeof(const char *));
    if (status != APR_SUCCESS) {
        return file_problem(pool, path, status);
    }
    /* APR_INCOMPLETE: the entry is there, but something about it that was not asked for is not known */
    while ((status = apr_dir_read(&info, APR_FINFO_NAME, dir)) == APR_SUCCESS || status == APR_INCOMPLETE) {
        const char *dot = strrchr(info.name, '.');

        if (info.name[0] != '.' && dot && !strcmp(dot, ".sql")) {
            APR_ARRAY_PUSH(*files, const char *) = apr_pstrdup(pool, info.name);
        }
    }
    apr_dir_close(dir);
    qsort((*files)->elts, (size_t)(*files)->nelts, sizeof(const char *), by_name);
    return APR_STATUS_IS_ENOENT(status) ? NULL : file_problem(pool, path, status);
}

const char *ms_script_list(apr_array_header_t **scripts, apr_pool_t *pool, const char *dir)
{
    apr_array_header_t *files;
    const char *problem = list_files(&files, pool, dir);
    int i, last = 0;

    *scripts = apr_array_make(pool, 16, sizeof(ms_script_t));
    for (i = 0; !problem && i < files->nelts; i++) {
        ms_script_t *script = apr_array_push(*scripts);

        problem = read_script(script, pool, dir, APR_ARRAY_IDX(files, i, const char *));
        if (!problem && script->version == last) {
            problem = apr_psprintf(pool, "%s holds two migrations of number %04d", dir, last);
        }
        last = script->version;
    }
    if (!problem && (*scripts)->nelts == 0) {
        problem = apr_psprintf(pool, "there is no migration in %s", dir);
    }
    return problem;
}

static int at_comment(const char *s)
{
    return s[0] == '-' && s[1] == '-' && (!s[2] || apr_isspace(s[2])); /* "--1" is arithmetic to MySQL */
}

/* Is this the ';' that ends a statement, with nothing but blanks or a comment behind it? */
static int at_end(const char *s)
{
    if (*s != ';') {
        return 0;
    }
    s++;
    s += strspn(s, " \t\r");
    return !*s || *s == '\n' || at_comment(s);
}

/* One past the quote that closes the one at s, or NULL. A doubled quote reads as the end of one text and the start of the
 * next, which comes to the same here. */
static const char *past_quotes(const char *s)
{
    char quote = *s;

    for (s++; *s; s++) {
        if (*s == '\\' && quote != '`' && s[1]) {
            s++;
        }
        else if (*s == quote) {
            return s + 1;
        }
    }
    return NULL;
}

/* How many bytes at s belong together: a quoted text or one byte. 0: they can't be taken; *problem says why. */
static apr_size_t take(const char *s, const char **problem)
{
    const char *end = s + 1;

    if (*s == '#' || (s[0] == '/' && s[1] == '*')) {
        *problem = "has a comment that does not begin with \"-- \"";
        return 0;
    }
    if (strchr("'\"`", *s) && !(end = past_quotes(s))) {
        *problem = "has a quote that is not closed";
        return 0;
    }
    return (apr_size_t)(end - s);
}

/* What is wrong with a whole statement, or NULL. */
static const char *judge(const char *statement)
{
    apr_size_t length = strspn(statement, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    const char *const *verb;

    if (!*statement) {
        return "is empty";
    }
    for (verb = verbs; *verb; verb++) {
        if (strlen(*verb) == length && !strncasecmp(*verb, statement, length)) {
            return NULL;
        }
    }
    return "does not begin with one of ALTER, CREATE, DELETE, DROP, INSERT, RENAME, REPLACE, SET, TRUNCATE, UPDATE";
}

static char *skip_blanks(char *s)
{
    while (apr_isspace(*s)) {
        s++;
    }
    return s;
}

const char *ms_script_split(apr_array_header_t **statements, apr_pool_t *pool, const ms_script_t *script)
{
    char *start = apr_palloc(pool, strlen(script->text) + 1), *out = start; /* the statement being read, and its end */
    const char *s = script->text, *problem = NULL;

    *statements = apr_array_make(pool, 8, sizeof(const char *));
    while (*s && !problem) {
        if (at_comment(s)) {
            s += strcspn(s, "\n");
        }
        else if (at_end(s)) {
            *out++ = '\0';
            start = skip_blanks(start);
            if (!(problem = judge(start))) {
                APR_ARRAY_PUSH(*statements, const char *) = start;
            }
            start = out;
            s++;
        }
        else {
            apr_size_t length = take(s, &problem);

            memcpy(out, s, length);
            out += length;
            s += length;
        }
    }
    *out = '\0';
    if (!problem && *skip_blanks(start)) {
        problem = "does not end with ';' at the end of a line";
    }
    return problem ? apr_psprintf(pool, "%s.sql: statement %d %s", script->name, (*statements)->nelts + 1, problem) : NULL;
}
