/* log.c: from a line of core/log.h to httpd's error log, with the id in front.
 *
 * The only place that knows both. */
#include "httpd/log.h"
#include "httpd/config.h"
#include "httpd/request_id.h"

static int httpd_level(int level)
{
    static const int levels[] = {
        [MS_LOG_ERR] = APLOG_ERR, [MS_LOG_WARN] = APLOG_WARNING, [MS_LOG_NOTICE] = APLOG_NOTICE,
        [MS_LOG_INFO] = APLOG_INFO, [MS_LOG_DEBUG] = APLOG_DEBUG
    };

    return levels[level];
}

static void write_request(void *baton, ms_line_t line, int level, const char *text)
{
    request_rec *r = baton;

    if (APLOG_R_IS_LEVEL(r, httpd_level(level))) {
        ap_log_rerror(APLOG_MARK, httpd_level(level), 0, r, "%s: %s (request %s)", ms_log_line_get(line)->id, text, ms_request_id(r));
    }
}

static void write_server(void *baton, ms_line_t line, int level, const char *text)
{
    server_rec *s = baton;

    ap_log_error(APLOG_MARK, httpd_level(level), 0, s, "%s: %s", ms_log_line_get(line)->id, text);
}

ms_sink_t ms_log_of_request(request_rec *r)
{
    return (ms_sink_t){ write_request, r };
}

ms_sink_t ms_log_of_server(server_rec *s)
{
    return (ms_sink_t){ write_server, s };
}

void ms_log_start_error(server_rec *s, const char *text)
{
    const ms_log_line_t *line = ms_log_line_get(MS_LINE_START_FAILED);

    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s, "%s: mod_medusa_store can't start: %s", line->id, text);
}
