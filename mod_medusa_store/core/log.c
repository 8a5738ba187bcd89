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

/* ---- what a flood of requests would repeat ---- */

static ms_log_memory_t own, *remembered = &own;

void ms_log_share(ms_log_memory_t *memory)
{
    remembered = memory ? memory : &own;
}

/* A slot holds what was written, and above that when, in milliseconds. Two that meet in one forget each other: a line too many, never one
 * too few. */
static int is_due(int cause, ms_line_t line)
{
    enum { SLOTS = sizeof remembered->last / sizeof *remembered->last, WHAT = 1 << 20 };
    apr_uint64_t what = ((unsigned)cause * MS_LINE_COUNT + line) % WHAT, now = (apr_uint64_t)apr_time_as_msec(ms_steady_now());
    _Atomic(apr_uint64_t) *slot = &remembered->last[what % SLOTS];
    apr_uint64_t last = *slot;

    if (last && last % WHAT == what && now - last / WHAT < RARELY_SECONDS * 1000) {
        return 0;
    }
    return atomic_compare_exchange_strong(slot, &last, now * WHAT + what); /* else somebody writes it just now */
}

void ms_log_rarely(const ms_sink_t *sink, ms_line_t line, ...)
{
    va_list args;

    if (is_due(0, line)) {
        va_start(args, line);
        write_line(sink, line, lines[line].level, args);
        va_end(args);
    }
}

void ms_log_rarely_for(const ms_sink_t *sink, int cause, ms_line_t line, ...)
{
    va_list args;

    if (is_due(cause, line)) {
        va_start(args, line);
        write_line(sink, line, lines[line].level, args);
        va_end(args);
    }
}
