/* body.c: reads, bounds and inflates a request body.
 *
 * Knows httpd's filters and zlib; what JSON and XML are, core/ knows. Called by handler.c before the operation is looked up. */
#include "httpd/body.h"
#include "api/api.h"
#include "core/json.h"
#include "core/xml.h"
#include "httpd/config.h"

#include <http_protocol.h>
#include <zlib.h>

#include <apr_strings.h>
#include <string.h>

enum { READ_AWAY = 1 << 20 }; /* bytes of a body that is too large */

typedef enum { PLAIN, GZIP, DEFLATE } encoding_t;
typedef enum { NEITHER, JSON, XML } format_t;

/* ---- headers ---- */

static const char *skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* Value of a parameter of a header field (RFC 9110, 5.6.6), unquoted; "" where there is none; NULL: the field is malformed. */
static const char *parameter(apr_pool_t *pool, const char *s, const char *name)
{
    const char *found = "";

    for (s = skip_blanks(s); *s == ';'; s = skip_blanks(s)) {
        size_t length, value;
        int quoted;

        s = skip_blanks(s + 1);
        length = strcspn(s, "=; \t");
        if (!length || s[length] != '=') {
            return NULL;
        }
        quoted = s[length + 1] == '"';
        value = strcspn(s + length + 1 + quoted, quoted ? "\"" : "; \t");
        if (!quoted && !value) {
            return NULL;
        }
        if (length == strlen(name) && !strncasecmp(s, name, length) && !*found) {
            found = apr_pstrmemdup(pool, s + length + 1 + quoted, value);
        }
        s += length + 1 + quoted + value;
        if (quoted && *s++ != '"') {
            return NULL;
        }
    }
    return *s ? NULL : found;
}

/* What the body is; its charset is judged. */
static format_t find_format(request_rec *r, ms_ctx_t *c, int xml_taken)
{
    static const char json[] = "application/json", xml[] = "application/xml";
    const char *type = apr_table_get(r->headers_in, "Content-Type"), *charset;
    format_t format = NEITHER;

    if (type && !strncasecmp(type = skip_blanks(type), json, strlen(json))) {
        format = JSON;
    }
    else if (type && xml_taken && !strncasecmp(type, xml, strlen(xml))) {
        format = XML;
    }
    charset = format == NEITHER ? NULL : parameter(r->pool, type + strlen(format == JSON ? json : xml), "charset");
    if (!charset) {
        return NEITHER;
    }
    if (*charset && strcasecmp(charset, "utf-8")) {
        char *upper = apr_pstrdup(r->pool, charset);

        ap_str_toupper(upper);
        ms_fail(c, MS_UNSUPPORTED, "unsupported charset \"%s\"", upper);
    }
    return format;
}

static ms_rc_t find_encoding(request_rec *r, ms_ctx_t *c, encoding_t *encoding)
{
    const char *name = apr_table_get(r->headers_in, "Content-Encoding");

    *encoding = PLAIN;
    if (!name || !strcasecmp(name, "identity")) {
        return MS_OK;
    }
    if (!strcasecmp(name, "gzip") || !strcasecmp(name, "x-gzip")) {
        *encoding = GZIP;
        return MS_OK;
    }
    if (!strcasecmp(name, "deflate")) {
        *encoding = DEFLATE;
        return MS_OK;
    }
    return ms_fail(c, MS_UNSUPPORTED, "unsupported content encoding \"%s\"", name);
}

static int has_body(request_rec *r)
{
    return apr_table_get(r->headers_in, "Transfer-Encoding") || apr_table_get(r->headers_in, "Content-Length");
}

/* ---- bytes ---- */

typedef struct {
    char *data;
    size_t length;
    size_t limit;
    size_t size;
} buffer_t;

static int append(apr_pool_t *pool, buffer_t *b, const char *data, size_t length)
{
    if (length > b->limit - b->length) {
        return 0;
    }
    if (b->length + length >= b->size) {
        size_t size = 2 * (b->length + length) + 1024;
        char *grown = apr_palloc(pool, size);

        memcpy(grown, b->data ? b->data : "", b->length);
        b->data = grown;
        b->size = size;
    }
    memcpy(b->data + b->length, data, length);
    b->length += length;
    return 1;
}

/* Append what a brigade holds. APR_EOF: that was all; APR_ENOSPC: more than the limit. */
static apr_status_t take(request_rec *r, apr_bucket_brigade *bb, buffer_t *b)
{
    apr_bucket *e;

    for (e = APR_BRIGADE_FIRST(bb); e != APR_BRIGADE_SENTINEL(bb); e = APR_BUCKET_NEXT(e)) {
        const char *data;
        apr_size_t length;
        apr_status_t rv;

        if (APR_BUCKET_IS_EOS(e)) {
            return APR_EOF;
        }
        if (APR_BUCKET_IS_METADATA(e)) {
            continue;
        }
        rv = apr_bucket_read(e, &data, &length, APR_BLOCK_READ);
        if (rv) {
            return rv;
        }
        if (!append(r->pool, b, data, length)) {
            return APR_ENOSPC;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t read_all(request_rec *r, buffer_t *b)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_status_t rv = APR_SUCCESS;

    while (rv == APR_SUCCESS) {
        rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, HUGE_STRING_LEN);
        if (rv == APR_SUCCESS) {
            rv = take(r, bb, b);
        }
        apr_brigade_cleanup(bb);
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

/* A bomb is stopped at the limit, however small it was sent. */
static ms_rc_t inflate_body(ms_ctx_t *c, buffer_t *b, encoding_t encoding)
{
    buffer_t out = { .limit = b->limit };
    z_stream z = { .next_in = (Bytef *)b->data, .avail_in = (uInt)b->length };
    char chunk[8192];
    int rv = inflateInit2(&z, encoding == GZIP ? MAX_WBITS + 16 : MAX_WBITS);

    while (rv == Z_OK) {
        z.next_out = (Bytef *)chunk;
        z.avail_out = sizeof chunk;
        rv = inflate(&z, Z_NO_FLUSH);
        if ((rv == Z_OK || rv == Z_STREAM_END) && !append(c->pool, &out, chunk, sizeof chunk - z.avail_out)) {
            inflateEnd(&z);
            return ms_fail(c, MS_TOO_LARGE, NULL);
        }
    }
    inflateEnd(&z);
    if (rv != Z_STREAM_END) {
        return ms_fail(c, MS_INVALID_DATA, "Request body can't be inflated");
    }
    *b = out;
    return MS_OK;
}

/* ---- together ---- */

/* Read on for a while without keeping anything. */
static void read_away(request_rec *r)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    apr_off_t length = 0, sum = 0;
    int over = 0;

    while (!over && sum < READ_AWAY) {
        over = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, HUGE_STRING_LEN)
            || APR_BRIGADE_EMPTY(bb) || APR_BUCKET_IS_EOS(APR_BRIGADE_LAST(bb)) || apr_brigade_length(bb, 1, &length);
        sum += length;
        apr_brigade_cleanup(bb);
    }
}

void ms_body_skip(request_rec *r)
{
    if (r->proto_num >= HTTP_VERSION(2, 0)) {
        read_away(r);
    }
}

static void refuse_too_large(request_rec *r, ms_ctx_t *c)
{
    ms_fail(c, MS_TOO_LARGE, NULL);
    ms_body_skip(r);
    if (r->proto_num < HTTP_VERSION(2, 0)) {
        r->connection->keepalive = AP_CONN_CLOSE; /* the rest is not worth reading; httpd lingers */
    }
}

static int declared_too_large(request_rec *r, int limit)
{
    const char *length = apr_table_get(r->headers_in, "Content-Length");

    return length && apr_atoi64(length) > limit;
}

static int parse(ms_ctx_t *c, buffer_t *b, encoding_t encoding, format_t format)
{
    if (!b->length || (encoding != PLAIN && inflate_body(c, b, encoding) != MS_OK) || !b->length) {
        return OK;
    }
    b->data[b->length] = '\0';
    if (format == XML) {
        ms_xml_read(c, &c->body, b->data, b->length, ms_body_rules(c));
    }
    else {
        ms_json_read(c, &c->body, b->data, b->length);
    }
    return OK;
}

int ms_body_read(request_rec *r, ms_ctx_t *c, int limit, int xml_taken)
{
    buffer_t b = { .limit = (size_t)limit };
    format_t format = has_body(r) ? find_format(r, c, xml_taken) : NEITHER;
    encoding_t encoding;
    apr_status_t rv;

    if (format == NEITHER || c->rc != MS_OK || find_encoding(r, c, &encoding) != MS_OK) {
        return OK;
    }
    if (declared_too_large(r, limit)) {
        refuse_too_large(r, c);
        return OK;
    }
    rv = read_all(r, &b);
    if (rv == APR_ENOSPC) {
        refuse_too_large(r, c);
        return OK;
    }
    if (rv) {
        char text[120];

        ms_log(c->log, MS_LINE_BODY_LOST, apr_strerror(rv, text, sizeof text));
        return ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
    }
    if (!apr_table_get(r->headers_in, "Content-Encoding")) {
        encoding = PLAIN; /* an input filter has inflated it meanwhile */
    }
    return parse(c, &b, encoding, format);
}
