/* check.c: what can be said of a configuration before it serves: what is missing, and what does not go together.
 *
 * Knows all directives of a server, and httpd's lists of sections. The values of single directives are judged where they are
 * read (directives.c). */
#include "httpd/check.h"
#include "httpd/config.h"
#include "httpd/log.h"
#include "httpd/session.h"

#include <http_core.h>
#include <mod_session.h>

#include <apr_strings.h>
#include <string.h>

static int session_hooked; /* written while one thread reads the configuration */

int ms_check_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    ms_directives_reset(pconf);
    session_hooked = ms_session_hooks();
    return OK;
}

/* A limit that the administrator set, and that can never be reached. */
static const char *judge_time(apr_pool_t *pool, const ms_server_t *server)
{
    const struct {
        const char *name;
        apr_interval_time_t time;
    } limits[] = { { "MedusaStoreDBWait", server->db.wait }, { "MedusaStoreDBTimeout", server->db.timeout }, { "MedusaStoreHashWait", server->gate.wait } };
    size_t i;

    for (i = 0; i < sizeof limits / sizeof *limits; i++) {
        if (limits[i].time > server->deadline) {
            return apr_psprintf(pool, "%s %" APR_TIME_T_FMT "ms is longer than a request may take: MedusaStoreDeadline %" APR_TIME_T_FMT "ms",
                                limits[i].name, apr_time_as_msec(limits[i].time), apr_time_as_msec(server->deadline));
        }
    }
    return NULL;
}

static const char *judge_shop(apr_pool_t *pool, const ms_server_t *server)
{
    if (!server->db.params) {
        return "MedusaStoreDBParams is missing; it names the database";
    }
    if (!server->account.secrets[0]) {
        return "MedusaStoreSecret is missing; make one with: openssl rand -hex 32";
    }
    if (server->db.keep > server->db.max) {
        return apr_psprintf(pool, "MedusaStoreDBKeep %d is more than MedusaStoreDBMax %d", server->db.keep, server->db.max);
    }
    return judge_time(pool, server);
}

static const char *judge_server(apr_pool_t *pool, const ms_server_t *server)
{
    const char *error = judge_shop(pool, server);

    return error || session_hooked ? error : "mod_session is not loaded (LoadModule session_module …, or a2enmod session)";
}

/* ---- sessions ---- */

/* A section of the configuration, as far as it matters here. */
typedef struct {
    const core_dir_config *core;
    const ms_place_t *place;
    const session_dir_conf *session; /* NULL: it says nothing of sessions */
} section_t;

static section_t section_of(ap_conf_vector_t *vector)
{
    const module *session = ap_find_linked_module("mod_session.c");
    section_t section = { ap_get_core_module_config(vector), ap_get_module_config(vector, &medusa_store_module),
                          ap_get_module_config(vector, session) };

    if (section.session && !section.session->enabled_set) {
        section.session = NULL;
    }
    return section;
}

static int is_plain_location(const section_t *section)
{
    const core_dir_config *core = section->core;

    return core && core->d && *core->d == '/' && !core->r && !core->d_is_fnmatch;
}

static int is_below(const char *path, const char *mount)
{
    size_t n = strlen(mount);

    while (n && mount[n - 1] == '/') {
        n--;
    }
    return !strncmp(path, mount, n) && (!path[n] || path[n] == '/');
}

/* What a section says of sessions, for a place with MedusaStore On. Of two plain <Location> it is known whether the one holds for
 * the other, and later ones count more; elsewhere only an On is believed, and what the very section says. */
static void apply(const section_t *says, const section_t *place, int *on)
{
    int known = place->place->section == MS_IN_LOCATION && is_plain_location(says);

    if (!says->session || (known && !is_below(place->place->path, says->core->d))) {
        return;
    }
    if (says->session->enabled) {
        *on = 1;
    }
    else if (known || says->place == place->place) {
        *on = 0;
    }
}

static void apply_all(const apr_array_header_t *sections, const section_t *place, int *on)
{
    int i;

    for (i = 0; i < sections->nelts; i++) {
        section_t says = section_of(APR_ARRAY_IDX(sections, i, ap_conf_vector_t *));

        apply(&says, place, on);
    }
}

/* <If> and <Files> inside may turn it on as well. */
static int has_inner_sections(const section_t *section)
{
    const core_dir_config *core = section->core;

    return core && ((core->sec_if && core->sec_if->nelts) || (core->sec_file && core->sec_file->nelts));
}

/* What no section can be told to do is believed to be right: a request finds out (MS0302). */
static const char *judge_session(apr_pool_t *pool, server_rec *s, const section_t *section)
{
    const core_server_config *core = ap_get_core_module_config(s->module_config);
    section_t whole = section_of(s->lookup_defaults);
    int on = whole.session && whole.session->enabled;

    apply_all(core->sec_dir, section, &on);
    apply_all(core->sec_url, section, &on);
    return on || has_inner_sections(section) ? NULL : apr_psprintf(pool, "%s: MedusaStore On needs `Session On` beside it", section->place->at);
}

static const char *judge_sessions(apr_pool_t *pool, server_rec *s)
{
    const core_server_config *core = ap_get_core_module_config(s->module_config);
    const apr_array_header_t *lists[] = { core->sec_dir, core->sec_url };
    section_t section = section_of(s->lookup_defaults);
    const char *error = NULL;
    int list, i;

    if (section.place->on == 1) {
        error = judge_session(pool, s, &section);
    }
    for (list = 0; list < 2; list++) {
        for (i = 0; !error && i < lists[list]->nelts; i++) {
            section = section_of(APR_ARRAY_IDX(lists[list], i, ap_conf_vector_t *));
            if (section.place && section.place->on == 1) {
                error = judge_session(pool, s, &section);
            }
        }
    }
    return error;
}

/* ---- all of it ---- */

/* What keeps a server from serving, or NULL. */
static const char *judge(apr_pool_t *pool, server_rec *s)
{
    const ms_server_t *server = ms_server_get(s);
    const char *error = server->used ? judge_server(pool, server) : NULL;

    if (error) {
        return apr_psprintf(pool, "%s: %s", server->used_at, error);
    }
    if (server->guards_at && (error = judge_shop(pool, server))) {
        return apr_psprintf(pool, "%s: Require medusa-customer and medusa-group need a shop: %s", server->guards_at, error);
    }
    if (server->seals_at && !server->account.secrets[0]) {
        return apr_psprintf(pool, "%s: MedusaStoreSessionProvider On needs MedusaStoreSecret", server->seals_at);
    }
    return server->used ? judge_sessions(pool, s) : NULL;
}

int ms_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    const char *pattern = ms_pattern_without_base(), *error;
    int good = 1;

    if (pattern) {
        ms_log_start_error(s, apr_psprintf(ptemp, "%s: MedusaStore On in a section with a pattern needs MedusaStoreBase, "
                                                  "the path where the API begins", pattern));
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    for (; s; s = s->next) {
        ms_server_fill_in(ms_server_get(s));
        error = judge(ptemp, s);
        if (error) {
            ms_log_start_error(s, error);
            good = 0;
        }
    }
    return good ? OK : HTTP_INTERNAL_SERVER_ERROR;
}
