/* secret.c: secrets come from files and commands, never from the configuration's own text.
 *
 * Called while directives are read (directives.c), as the user who starts httpd. */
#include "httpd/secret.h"

#include <httpd.h>
#include <http_config.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <string.h>

enum { SECRET_MAX = 8192 };

static const char *read_file(apr_pool_t *pool, apr_pool_t *temp, const char **text, const char *path)
{
    char line[SECRET_MAX];
    apr_finfo_t info;
    apr_file_t *file;
    apr_status_t rv = apr_file_open(&file, path, APR_READ | APR_BUFFERED, APR_OS_DEFAULT, temp);

    if (rv) {
        return apr_psprintf(pool, "can't open %s: %s", path, apr_strerror(rv, line, sizeof line));
    }
    if (apr_file_info_get(&info, APR_FINFO_PROT | APR_FINFO_TYPE, file) || (info.protection & (APR_WREAD | APR_WWRITE))) {
        apr_file_close(file);
        return apr_psprintf(pool, "%s can be read by others; use chmod 640 and chgrp", path);
    }
    rv = apr_file_gets(line, sizeof line, file);
    apr_file_close(file);
    if (rv && !APR_STATUS_IS_EOF(rv)) {
        return apr_psprintf(pool, "can't read %s", path);
    }
    line[strcspn(line, "\r\n")] = '\0';
    *text = apr_pstrdup(pool, line);
    return NULL;
}

static const char *read_command(apr_pool_t *pool, apr_pool_t *temp, const char **text, const char *command)
{
    char **argv, *line;

    if (apr_tokenize_to_argv(command, &argv, temp) || !argv[0]) {
        return apr_psprintf(pool, "exec:%s is no command", command);
    }
    line = ap_get_exec_line(temp, argv[0], (const char *const *)argv);
    if (!line || !*line) {
        return apr_psprintf(pool, "%s gave no line of output", argv[0]);
    }
    *text = apr_pstrdup(pool, line);
    return NULL;
}

const char *ms_secret_read(apr_pool_t *pool, apr_pool_t *temp, const char **text, const char *source)
{
    if (!strncmp(source, "file:", 5)) {
        return read_file(pool, temp, text, source + 5);
    }
    if (!strncmp(source, "exec:", 5)) {
        return read_command(pool, temp, text, source + 5);
    }
    return "it takes file:PATH or exec:COMMAND, so that no secret stands in the configuration";
}
