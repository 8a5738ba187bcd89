/* csv.c: cuts a stream of bytes into records and fields.
 *
 * Knows bytes only: UTF-8 has none that could be taken for a comma, quote or line break. Called by the commands import and
 * export of medusa-store-admin. */
#include "core/csv.h"

#include <string.h>

#include <apr_strings.h>

enum { INPUT = 65536, ROOM_MIN = 4096 };

typedef enum { BEGIN, PLAIN, QUOTED, AFTER_QUOTE } state_t; /* of the field being read */

struct ms_csv_t {
    apr_pool_t *pool;
    ms_csv_read_t read;
    void *baton;
    const char *problem;
    long line;

    char *input; /* INPUT bytes */
    size_t at, end;

    char *raw, *text; /* both have `room` bytes: no field is longer than what it was read from */
    size_t raw_length, text_length, room;

    size_t starts[MS_CSV_FIELDS_MAX], lengths[MS_CSV_FIELDS_MAX];
    int is_null[MS_CSV_FIELDS_MAX];
    const char *fields[MS_CSV_FIELDS_MAX];
    int count;
    int quoted; /* the field being read began with a quote */
};

static int fill(ms_csv_t *csv)
{
    long count = csv->read(csv->baton, csv->input, INPUT);

    csv->at = 0;
    csv->end = count > 0 ? (size_t)count : 0;
    if (count < 0) {
        csv->problem = "it can't be read";
    }
    return count > 0;
}

/* The next byte, or -1. */
static int get(ms_csv_t *csv)
{
    if (csv->at == csv->end && !fill(csv)) {
        return -1;
    }
    return (unsigned char)csv->input[csv->at++];
}

/* It may come in pieces, as all else. */
static void skip_mark(ms_csv_t *csv)
{
    static const char mark[] = "\xef\xbb\xbf";
    size_t length = 0;
    long count;

    do {
        count = csv->read(csv->baton, csv->input + length, INPUT - length);
        length += count > 0 ? (size_t)count : 0;
    } while (count > 0 && length < 3 && !memcmp(csv->input, mark, length));
    csv->end = length;
    csv->at = length >= 3 && !memcmp(csv->input, mark, 3) ? 3 : 0;
    if (count < 0) {
        csv->problem = "it can't be read";
    }
}

ms_csv_t *ms_csv_make(apr_pool_t *pool, ms_csv_read_t read, void *baton)
{
    ms_csv_t *csv = apr_pcalloc(pool, sizeof *csv);

    csv->pool = pool;
    csv->read = read;
    csv->baton = baton;
    csv->line = 1;
    csv->input = apr_palloc(pool, INPUT);
    skip_mark(csv);
    return csv;
}

static int fail(ms_csv_t *csv, const char *what)
{
    if (!csv->problem) {
        csv->problem = apr_psprintf(csv->pool, "line %ld: %s", csv->line, what);
    }
    return -1;
}

/* Room for one byte more in both buffers, and a NUL behind each field. They double, so what is left behind in the pool is
 * less than what is used. */
static int make_room(ms_csv_t *csv)
{
    size_t room = csv->room ? csv->room * 2 : ROOM_MIN;
    char *raw, *text;

    if (csv->raw_length >= MS_CSV_RECORD_MAX) {
        return 0;
    }
    if (csv->raw_length + MS_CSV_FIELDS_MAX + 2 < csv->room) {
        return 1;
    }
    raw = apr_palloc(csv->pool, room);
    text = apr_palloc(csv->pool, room);
    if (csv->room) {
        memcpy(raw, csv->raw, csv->raw_length);
        memcpy(text, csv->text, csv->text_length);
    }
    csv->raw = raw;
    csv->text = text;
    csv->room = room;
    return 1;
}

static void begin_field(ms_csv_t *csv)
{
    csv->starts[csv->count] = csv->text_length;
    csv->quoted = 0;
}

static int end_field(ms_csv_t *csv)
{
    size_t length = csv->text_length - csv->starts[csv->count];

    if (csv->count == MS_CSV_FIELDS_MAX - 1) {
        return fail(csv, "too many fields");
    }
    csv->lengths[csv->count] = length;
    csv->is_null[csv->count] = length == 0 && !csv->quoted;
    csv->text[csv->text_length++] = '\0';
    csv->count++;
    begin_field(csv);
    return 1;
}

/* A CR that is the end of a line, or a part of it. */
static int take_cr(ms_csv_t *csv)
{
    int next = get(csv);

    if (next == '\n' || next < 0) {
        return 1;
    }
    return fail(csv, "a carriage return that ends no line stands outside of quotes");
}

static state_t keep(ms_csv_t *csv, int c, state_t state)
{
    csv->text[csv->text_length++] = (char)c;
    return state;
}

/* One byte of a record that goes on. 1: go on, -1: it can't be. */
static int step(ms_csv_t *csv, state_t *state, int c)
{
    switch (*state) {
    case QUOTED:
        *state = c == '"' ? AFTER_QUOTE : keep(csv, c, QUOTED);
        return 1;
    case BEGIN:
        if (c == '"') {
            csv->quoted = 1;
            *state = QUOTED;
            return 1;
        }
        break;
    case AFTER_QUOTE:
        if (c == '"') {
            *state = keep(csv, c, QUOTED);
            return 1;
        }
        if (c != ',') {
            return fail(csv, "something stands behind the closing quote of a field");
        }
        break;
    case PLAIN:
        break;
    }
    if (c == ',') {
        *state = BEGIN;
        return end_field(csv);
    }
    if (c == '"') {
        return fail(csv, "a quote stands within a field that does not begin with one");
    }
    *state = keep(csv, c, PLAIN);
    return 1;
}

/* Read up to the end of the record. 1: the last field is to be ended, 0: nothing is left, -1: it can't be. */
static int scan(ms_csv_t *csv)
{
    state_t state = BEGIN;
    int c;

    while ((c = get(csv)) >= 0) {
        if (state != QUOTED && (c == '\n' || c == '\r')) {
            return c == '\r' ? take_cr(csv) : 1;
        }
        if (!make_room(csv)) {
            return fail(csv, "the record is longer than 4 MiB; is a quote not closed before it?");
        }
        csv->raw[csv->raw_length++] = (char)c;
        if (step(csv, &state, c) < 0) {
            return -1;
        }
    }
    if (csv->problem) {
        return -1;
    }
    return state == QUOTED ? fail(csv, "the file ends within a quoted field that begins in this record") : csv->raw_length > 0;
}

static void hand_out(ms_csv_t *csv, ms_csv_record_t *record)
{
    int i;

    for (i = 0; i < csv->count; i++) {
        csv->fields[i] = csv->is_null[i] ? NULL : csv->text + csv->starts[i];
    }
    record->fields = csv->fields;
    record->lengths = csv->lengths;
    record->count = csv->count;
    record->raw = csv->raw;
    record->raw_length = csv->raw_length;
    record->line = csv->line;
}

static void count_lines(ms_csv_t *csv)
{
    const char *s = csv->raw, *end = s + csv->raw_length;

    for (csv->line++; s && s < end && (s = memchr(s, '\n', (size_t)(end - s))); s++) {
        csv->line++;
    }
}

int ms_csv_next(ms_csv_t *csv, ms_csv_record_t *record)
{
    int more;

    if (csv->problem) {
        return -1;
    }
    if (csv->count || csv->raw_length) {
        count_lines(csv);
    }
    for (;;) {
        csv->raw_length = csv->text_length = 0;
        csv->count = 0;
        begin_field(csv);
        if ((more = scan(csv)) <= 0) {
            return more;
        }
        if (csv->raw_length) {
            break;
        }
        csv->line++; /* an empty line */
    }
    if (end_field(csv) < 0) {
        return -1;
    }
    hand_out(csv, record);
    return 1;
}

const char *ms_csv_problem(const ms_csv_t *csv)
{
    return csv->problem;
}

const char *ms_csv_field(apr_pool_t *pool, const char *value)
{
    const char *s;
    char *field, *out;
    size_t quotes = 0;

    if (!value) {
        return "";
    }
    if (*value && !strpbrk(value, ",\"\r\n")) {
        return value;
    }
    for (s = value; *s; s++) {
        quotes += *s == '"';
    }
    out = field = apr_palloc(pool, strlen(value) + quotes + 3);
    *out++ = '"';
    for (s = value; *s; s++) {
        if (*s == '"') {
            *out++ = '"';
        }
        *out++ = *s;
    }
    memcpy(out, "\"", 2);
    return field;
}
