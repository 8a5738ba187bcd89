/* policy.c: reads the list of passwords that nobody may choose.
 *
 * Called while directives are read (directives.c), as the user who starts httpd. */
#include "httpd/policy.h"
#include "core/wordlist.h"
#include "httpd/config.h"

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <sodium.h>
#include <string.h>

enum { LIST_MAX = 64 << 20 }; /* bytes: some millions of passwords */

static const char *read_all(cmd_parms *cmd, const char *path, const char **text, apr_size_t *length)
{
    char why[200];
    apr_finfo_t info;
    apr_file_t *file;
    apr_status_t rv = apr_stat(&info, path, APR_FINFO_SIZE | APR_FINFO_TYPE, cmd->temp_pool);
    char *bytes;

    if (!rv && (info.filetype != APR_REG || info.size > LIST_MAX)) { /* before it is opened: a pipe would wait for who writes to it */
        return apr_psprintf(cmd->pool, "%s is no file of at most %d MiB", path, LIST_MAX >> 20);
    }
    rv = rv ? rv : apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, cmd->temp_pool);
    if (rv) {
        return apr_psprintf(cmd->pool, "can't open %s: %s", path, apr_strerror(rv, why, sizeof why));
    }
    *length = (apr_size_t)info.size;
    *text = bytes = apr_palloc(cmd->temp_pool, *length + 1);
    rv = *length ? apr_file_read_full(file, bytes, *length, NULL) : APR_SUCCESS;
    apr_file_close(file);
    return rv ? apr_psprintf(cmd->pool, "can't read %s: %s", path, apr_strerror(rv, why, sizeof why)) : NULL;
}

static const char *read_list(cmd_parms *cmd, const ms_wordlist_t **list, const char *path)
{
    const char *full = ap_server_root_relative(cmd->temp_pool, path), *text, *error;
    apr_size_t length;

    if (!full) {
        return apr_psprintf(cmd->pool, "%s is no path", path);
    }
    error = read_all(cmd, full, &text, &length);
    if (error) {
        return error;
    }
    if (sodium_init() < 0 || !(*list = ms_wordlist_make(cmd->pool, cmd->temp_pool, text, length))) {
        return "no memory for the list";
    }
    return ms_wordlist_count(*list) ? NULL : apr_psprintf(cmd->pool, "%s has no passwords; it takes one a line", full);
}

const char *ms_policy_set_list(cmd_parms *cmd, void *dir, const char *arg)
{
    ms_account_t *account = &ms_server_get(cmd->server)->account;
    const char *error = NULL;

    if (!strncmp(arg, "file:", 5)) {
        error = read_list(cmd, &account->common_passwords, arg + 5);
    }
    else if (strcasecmp(arg, "None")) {
        error = "it takes file:PATH of a list with one password a line, or None";
    }
    else if (!(account->common_passwords = ms_wordlist_make(cmd->pool, cmd->temp_pool, "", 0))) { /* other than unset: a host may say so */
        error = "no memory for the list";
    }
    return error ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", error, NULL) : NULL;
}
