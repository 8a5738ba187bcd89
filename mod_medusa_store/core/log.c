/* log.c: the table of log lines, and the way from a line to its sink.
 *
 * Knows no httpd: the sink is a function of httpd/log.c or of the admin tool. */
#include "core/log.h"
#include "core/time.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 1000, RARELY_SECONDS = 60 };

static const ms_log_line_t lines[MS_LINE_COUNT] = {
#define X(name, id, level, text) [MS_LINE_##name] = { id, MS_LOG_##level, text },
    MS_LOG_LINES(X)
#undef X
};

const ms_log_line_t *ms_log_line_get(ms_line_t line)
{
    return &lines[line];
}

static void write_line(const ms_sink_t *sink, ms_line_t line, int level, va_list args)
{
    char text[LINE_MAX_BYTES];

    if (!sink || !sink->write) {
        return;
    }
    vsnprintf(text, sizeof text, lines[line].text, args);
    sink->write(sink->baton, line, level, text);
}

void ms_log(const ms_sink_t *sink, ms_line_t line, ...)
{
    va_list args;

    va_start(args, line);
    write_line(sink, line, lines[line].level, args);
    va_end(args);
}

void ms_log_rarely(const ms_sink_t *sink, ms_line_t line, ...)
{
    static _Atomic apr_time_t written[MS_LINE_COUNT];
    apr_time_t now = ms_steady_now(), last = written[line];
    va_list args;

    if ((last && now - last < apr_time_from_sec(RARELY_SECONDS)) || !atomic_compare_exchange_strong(&written[line], &last, now)) {
        return;
    }
    va_start(args, line);
    write_line(sink, line, lines[line].level, args);
    va_end(args);
}
