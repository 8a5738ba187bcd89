/* test_xml.c: core/xml_read.c and core/xml_write.c: bodies as clients send them and as attackers do, each cut at every byte; answers
 * with what XML can't carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_pools.h>
#include <apr_strings.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/xml.h"
#include "resource/resources.h"
#include "fixture.h"

#define BAD_XML "Request body is not valid XML"
#define BAD_UTF8 "Request body is not valid UTF-8"
#define BAD_DOCTYPE "Request body must not have a document type"
#define BAD_ENTRY "Request body has values that are not of the form <entry key=\"…\" type=\"…\">"
#define TOO_DEEP "Request body is nested deeper than 64 levels"
#define TOO_MANY "Request body has an element with more than 32 attributes"
#define NIL " xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:nil='true'"
#define COUNT(array) (sizeof(array) / sizeof *(array))

static ms_ctx_t context;

static int begin(void **state)
{
    int failed = start(state);

    ms_xml_start();
    context.pool = pool;
    return failed;
}

static int end(void **state)
{
    xmlCleanupParser();
    return stop(state);
}

static int fresh(void **state)
{
    apr_pool_clear(context.pool);
    ms_forgive(&context);
    return 0;
}

/* Read from memory of the exact length and the NUL behind it, so that a sanitizer sees any step too far. */
static ms_rc_t read_bytes(json_t **value, const char *text, size_t length, const ms_body_t *body)
{
    char *exact = malloc(length + 1);
    ms_rc_t rc;

    assert_non_null(exact);
    memcpy(exact, text, length);
    exact[length] = '\0';
    ms_forgive(&context);
    rc = ms_xml_read(&context, value, exact, length, body ? body->rules : NULL);
    free(exact);
    assert_int_equal(rc, context.rc);
    assert_int_equal(rc == MS_OK, *value != NULL);
    return rc;
}

static void becomes(const ms_body_t *body, const char *text, const char *json)
{
    json_t *value;

    if (read_bytes(&value, text, strlen(text), body) != MS_OK) {
        fail_msg("refused (%s): %.200s", context.message, text);
    }
    assert_string_equal(ms_json_write(context.pool, value, NULL), json);
}

static void bad_bytes(const char *text, size_t length, const char *message)
{
    json_t *value;

    if (read_bytes(&value, text, length, &ms_customer_update_body) == MS_OK) {
        fail_msg("not refused: %.200s", text);
    }
    assert_string_equal(context.message, message);
}

static void bad(const char *text, const char *message)
{
    bad_bytes(text, strlen(text), message);
}

static char *repeat(const char *part, size_t times)
{
    size_t i, length = strlen(part);
    char *text = apr_palloc(context.pool, length * times + 1);

    for (i = 0; i < times; i++) {
        memcpy(text + i * length, part, length);
    }
    text[length * times] = '\0';
    return text;
}

/* ---- reading ---- */

static void fields_become_strings(void **state)
{
    const ms_body_t *b = &ms_customer_create_body;

    becomes(b, "<new_customer/>", "{}");
    becomes(b, "<whatever></whatever>", "{}");
    becomes(b, "<c><email>a@b.cd</email><first_name> A&amp;B &lt;&#233;&#x1F600; </first_name></c>",
            "{\"email\":\"a@b.cd\",\"first_name\":\" A&B <é😀 \"}");
    becomes(b, "<?xml version='1.0' encoding='utf-8'?>\n<!-- a --><?pi b?><c>\n  <phone/>\n  <email></email><!-- c -->\n</c>\n<!-- d -->",
            "{\"phone\":\"\",\"email\":\"\"}");
    becomes(b, "\xEF\xBB\xBF<c><phone>1</phone></c>", "{\"phone\":\"1\"}");
    becomes(b, "<c><phone><![CDATA[<&]]>]]&gt;</phone></c>", "{\"phone\":\"<&]]>\"}");
    becomes(b, "<c><phone>a<!-- b -->c<?d e?>f</phone></c>", "{\"phone\":\"acf\"}");
    becomes(b, "<c><phone>a\r\nb\rc&#13;</phone></c>", "{\"phone\":\"a\\nb\\nc\\r\"}");
    becomes(b, "<c><phone>12</phone><first_name>true</first_name></c>", "{\"phone\":\"12\",\"first_name\":\"true\"}");
    becomes(NULL, "<c><phone>12</phone></c>", "{\"phone\":\"12\"}");
}

static void keys_are_attributes(void **state)
{
    becomes(&ms_customer_update_body, "<c><metadata><entry key=\"&amp;&lt;&#38;&amp;#38;&quot;'&#9;&#x1F600;\">x</entry></metadata></c>",
            "{\"metadata\":{\"&<&&#38;\\\"'\\t😀\":\"x\"}}");
}

static void namespaces(void **state)
{
    const ms_body_t *b = &ms_customer_create_body;

    becomes(b, "<c xmlns='urn:medusa-store:v1'><phone>1</phone></c>", "{\"phone\":\"1\"}");
    becomes(b, "<m:c xmlns:m='urn:medusa-store:v1'><m:phone>1</m:phone></m:c>", "{\"phone\":\"1\"}");
    becomes(b, "<c xmlns:x='urn:x'><x:phone>1</x:phone></c>", "{\"{urn:x}phone\":\"1\"}");
    bad("<c xmlns='urn:x'/>", "Request body is not of the namespace urn:medusa-store:v1");
    bad("<c><x:phone>1</x:phone></c>", BAD_XML);
}

static void null_is_nil(void **state)
{
    const ms_body_t *b = &ms_customer_update_body;

    becomes(b, "<c><phone" NIL "/></c>", "{\"phone\":null}");
    becomes(b, "<c><phone" NIL ">\n</phone><metadata" NIL "/><billing_address" NIL "/></c>",
            "{\"phone\":null,\"metadata\":null,\"billing_address\":null}");
    becomes(b, "<c xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'><phone xsi:nil='false'>1</phone><first_name xsi:nil='1'/></c>",
            "{\"phone\":\"1\",\"first_name\":null}");
    becomes(b, "<c><phone nil='true'>1</phone></c>", "{\"phone\":\"1\"}");
    bad("<c><phone" NIL ">1</phone></c>", BAD_XML);
    bad("<c" NIL "/>", BAD_XML);
}

static void objects_by_rule(void **state)
{
    const ms_body_t *b = &ms_customer_update_body;

    becomes(b, "<c><billing_address><city>X</city></billing_address></c>", "{\"billing_address\":{\"city\":\"X\"}}");
    becomes(b, "<c><billing_address>addr_1</billing_address></c>", "{\"billing_address\":\"addr_1\"}");
    becomes(b, "<c><billing_address/></c>", "{\"billing_address\":{}}");
    becomes(&ms_address_add_body, "<c><address/></c>", "{\"address\":{}}");
    becomes(&ms_address_add_body, "<c><address>x</address></c>", "{\"address\":\"x\"}");
    becomes(b, "<c><phone><a>1</a></phone><unknown><b><c/>x</b></unknown></c>", "{\"phone\":{},\"unknown\":{}}");
    becomes(b, "<c><unknown>1</unknown><unknown>2</unknown><unknown>3</unknown></c>", "{\"unknown\":[\"1\",\"2\",\"3\"]}");
    becomes(b, "<c><phone>1</phone><billing_address/><billing_address>x</billing_address></c>",
            "{\"phone\":\"1\",\"billing_address\":[{},\"x\"]}");
    bad("<c>text</c>", BAD_XML);
    bad("<c>text<phone/></c>", BAD_XML);
    bad("<c><phone/>text</c>", BAD_XML);
    bad("<c><billing_address><city/>x</billing_address></c>", BAD_XML);
    bad("<c><phone>x<a/></phone></c>", BAD_XML);
    bad("<c><phone><a/>x</phone></c>", BAD_XML);
}

#define META(entries) "<c><metadata>" entries "</metadata></c>"

static void metadata_is_typed(void **state)
{
    const ms_body_t *b = &ms_customer_update_body;

    becomes(b, META(""), "{\"metadata\":{}}");
    becomes(b, META("<entry key='a'>x</entry><entry key='b' type='string'/><entry key='c' type='null'/>"),
            "{\"metadata\":{\"a\":\"x\",\"b\":\"\",\"c\":null}}");
    becomes(b, META("<entry key='n' type='number'> -1.50e+2 </entry><entry key='i' type='number'>12</entry>"),
            "{\"metadata\":{\"n\":-150.0,\"i\":12}}");
    becomes(b, META("<entry key='t' type='boolean'>true</entry><entry key='f' type='boolean'>\nfalse </entry>"),
            "{\"metadata\":{\"t\":true,\"f\":false}}");
    becomes(b, META("<entry key='o' type='object'> <entry key='p'>q</entry> </entry><entry key='' type='array'><entry>1</entry>"
                    "<entry type='array'/><entry type='object'/></entry>"), "{\"metadata\":{\"o\":{\"p\":\"q\"},\"\":[\"1\",[],{}]}}");
    becomes(b, META("<entry key='a'>1</entry><entry key='a'>2</entry>"), "{\"metadata\":{\"a\":\"2\"}}");
    becomes(b, META("<entry key='a' type='number'>123456789012345678901234567890</entry>"), "{\"metadata\":{\"a\":1.2345678901234568e29}}");
    becomes(b, META("text"), "{\"metadata\":\"text\"}");
    bad(META("<entry>x</entry>"), BAD_ENTRY);
    bad(META("<color>red</color>"), BAD_ENTRY);
    bad(META("<entry key='a' type='text'>x</entry>"), BAD_ENTRY);
    bad(META("<entry key='a' type='array'><entry key='b'/></entry>"), BAD_ENTRY);
    bad(META("<entry key='a' type='object'>x</entry>"), BAD_XML);
    bad(META("<entry key='a'>x</entry>y"), BAD_XML);
    bad(META("<entry key='a'>x<entry key='b'/></entry>"), BAD_XML);
    bad(META("<entry key='a'><entry key='b'/></entry>"), BAD_XML);
    bad(META("<entry key='a' type='boolean'>1</entry>"), "Request body has an entry that is no boolean");
    bad(META("<entry key='a' type='null'>1</entry>"), "Request body has an entry that is no null");
}

static void numbers_are_those_of_json(void **state)
{
    static const char *const wrong[] = {
        "", "-", "01", "1.", ".5", "1e", "1e+", "+1", "0x10", "1 2", "NaN", "Infinity", "1,2", "1]", "--1", "1.5.5", "1e5e5", "[1", "\"1\"",
    };
    size_t i;

    for (i = 0; i < COUNT(wrong); i++) {
        bad(apr_psprintf(context.pool, META("<entry key='a' type='number'>%s</entry>"), wrong[i]), "Request body has an entry that is no number");
    }
}

/* ---- hostile bodies ---- */

static void no_document_type(void **state)
{
    bad("<!DOCTYPE c><c/>", BAD_DOCTYPE);
    bad("<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE c [<!ENTITY a 'b'>]><c><phone>&a;</phone></c>", BAD_DOCTYPE);
    bad("<!DOCTYPE c SYSTEM 'http://127.0.0.1:1/x.dtd'><c/>", BAD_DOCTYPE);
    bad("<!DOCTYPE c PUBLIC 'a' 'file:///etc/passwd'><c/>", BAD_DOCTYPE);
    bad("<!DOCTYPE c [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><c><phone>&x;</phone></c>", BAD_DOCTYPE);
    bad("<!DOCTYPE c [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><c/>", BAD_DOCTYPE);
    bad("<!DOCTYPE c [<!ENTITY a '0123456789'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>"
        "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'><!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'>]><c><phone>&e;&e;</phone></c>", BAD_DOCTYPE);
    bad("<!DOCTYPE c [<!ATTLIST c xmlns CDATA 'urn:x'>]><c/>", BAD_DOCTYPE);
    bad("<!doctype c><c/>", BAD_XML);
    bad("<c><phone>&nbsp;</phone></c>", BAD_XML);
    bad("<c><phone>&lt</phone></c>", BAD_XML);
    becomes(&ms_customer_update_body, "<c><phone>&amp;&lt;&gt;&quot;&apos;</phone></c>", "{\"phone\":\"&<>\\\"'\"}");
    becomes(&ms_customer_update_body, "<c xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='file:///etc/passwd'/></c>",
            "{\"{http://www.w3.org/2001/XInclude}include\":\"\"}");
}

static char *nested(size_t depth)
{
    return apr_pstrcat(context.pool, repeat("<a>", depth), repeat("</a>", depth), NULL);
}

static void depth_is_bounded(void **state)
{
    char *entries = apr_pstrcat(context.pool, "<c><metadata>", "<entry key='a' type='array'>", repeat("<entry type='array'>", 61), NULL);

    becomes(&ms_customer_update_body, nested(64), "{\"a\":{}}");
    bad(nested(65), TOO_DEEP);
    bad(repeat("<a>", 65), TOO_DEEP);
    bad(repeat("<a>", 100000), TOO_DEEP);
    bad(apr_pstrcat(context.pool, entries, "<entry/>", repeat("</entry>", 62), "</metadata></c>", NULL), TOO_DEEP);
}

static void attributes_are_bounded(void **state)
{
    becomes(&ms_customer_update_body, "<c a='' b='' c='' d='>' e=\"'\"><phone f='/'/></c>", "{\"phone\":\"\"}");
    bad(apr_pstrcat(context.pool, "<c", repeat(" a=''", 33), "/>", NULL), TOO_MANY);
    bad(apr_pstrcat(context.pool, "<c", repeat(" xmlns:a='b'", 50000), "/>", NULL), TOO_MANY);
    bad(apr_pstrcat(context.pool, "<c><!-- ' --><?x '?><![CDATA[ ' ]]><a", repeat(" a=\"'\"", 33), "/></c>", NULL), TOO_MANY);
    bad("<c a='1' a='2'/>", BAD_XML);
    bad("<c a=1/>", BAD_XML);
    bad("<c a='", BAD_XML);
    bad("<c a='<'/>", BAD_XML);
    becomes(&ms_customer_update_body, apr_pstrcat(context.pool, "<c><!--", repeat(" a=''", 99), "--><phone><![CDATA[", "<x", repeat("''", 99),
            "]]></phone></c>", NULL), apr_pstrcat(context.pool, "{\"phone\":\"<x", repeat("''", 99), "\"}", NULL));
}

static void only_utf8(void **state)
{
    static const char nul[] = "<c><phone>\0</phone></c>", utf16[] = "\xFF\xFE<\0c\0/\0>\0", utf16_bare[] = "<\0c\0/\0>";
    json_t *value;
    size_t i;

    bad("<c><phone>\xFF</phone></c>", BAD_UTF8);
    bad("<c><phone>\xC0\x80</phone></c>", BAD_UTF8);
    bad("<c><phone>\xED\xA0\x80</phone></c>", BAD_UTF8);
    bad_bytes(utf16, sizeof utf16 - 1, BAD_UTF8);
    bad_bytes(utf16_bare, sizeof utf16_bare, BAD_XML);
    bad_bytes(nul, sizeof nul - 1, BAD_XML);
    for (i = 0; i < 2; i++) {
        const char *names[] = { "UTF-16", "ISO-8859-1" };
        const char *text = apr_psprintf(context.pool, "<?xml version=\"1.0\" encoding=\"%s\"?><c/>", names[i]);

        assert_int_equal(read_bytes(&value, text, strlen(text), NULL), MS_UNSUPPORTED);
        assert_string_equal(context.message, apr_psprintf(context.pool, "unsupported charset \"%s\"", names[i]));
    }
    bad("<c><phone>&#0;</phone></c>", BAD_XML);
    bad("<c><phone>&#1;</phone></c>", BAD_XML);
    bad("<c><phone>&#xD800;</phone></c>", BAD_XML);
    bad("<c><phone>&#x110000;</phone></c>", BAD_XML);
    bad("<c><phone>\x01</phone></c>", BAD_XML);
    bad("<c><phone>\xEF\xBF\xBF</phone></c>", BAD_XML);
}

static void not_well_formed(void **state)
{
    static const char *const wrong[] = {
        "", " ", "x", "{}", "<", "<c", "<c>", "</c>", "<c></d>", "<c/><c/>", "<c/>x", "x<c/>", "<c><phone></c></phone>", "<1/>", "<c:/>",
        "<c>&</c>", "<c>]]></c>", "<?xml version='1.0'?>", " <?xml version='1.0'?><c/>", "<c><!-- -- --></c>", "<c><![CDATA[x</c>",
        "<c><?xml version='1.0'?></c>", "<c", "<c/", "<c ", "<!", "<!-", "<![", "<?", "<c a", "<c a=", "\xEF\xBB\xBF",
    };
    size_t i;

    for (i = 0; i < COUNT(wrong); i++) {
        bad(wrong[i], BAD_XML);
    }
}

/* No cut of a document is one, nor does any step beyond its end. */
static void each_cut_is_refused(void **state)
{
    static const char whole[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><m:c xmlns:m='urn:medusa-store:v1' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>"
        "<m:phone xsi:nil='true'/><!-- é --><m:first_name>&amp;&#233;<![CDATA[<>]]>\xC3\xA9</m:first_name><m:metadata><m:entry key='a&lt;' "
        "type='number'>1.5e3</m:entry><m:entry key='b' type='array'><m:entry/></m:entry></m:metadata>"
        "<m:billing_address><m:city>X</m:city></m:billing_address></m:c>";
    json_t *value;
    size_t i;

    for (i = 0; i < sizeof whole - 1; i++) {
        assert_int_equal(read_bytes(&value, whole, i, &ms_customer_update_body), MS_INVALID_DATA);
    }
    becomes(&ms_customer_update_body, whole,
            "{\"phone\":null,\"first_name\":\"&é<>é\",\"metadata\":{\"a<\":1500.0,\"b\":[\"\"]},\"billing_address\":{\"city\":\"X\"}}");
}

/* Any one byte changed to any other: refused or read, but nothing else. */
static void each_byte_changed(void **state)
{
    static const char whole[] = "<c a='b'><phone>&amp;x</phone><metadata><entry key='k' type='number'>12</entry></metadata><!--y--></c>";
    char text[sizeof whole];
    json_t *value;
    size_t i;
    int byte;

    for (i = 0; i < sizeof whole - 1; i++) {
        for (byte = 0; byte < 256; byte++) {
            memcpy(text, whole, sizeof whole);
            text[i] = (char)byte;
            read_bytes(&value, text, sizeof whole - 1, &ms_customer_update_body);
            fresh(NULL);
        }
    }
}

static void many_elements(void **state)
{
    json_t *value;
    const char *text = apr_pstrcat(context.pool, "<c>", repeat("<a/>", 100000), "</c>", NULL);

    assert_int_equal(read_bytes(&value, text, strlen(text), &ms_customer_update_body), MS_OK);
    assert_int_equal(json_array_size(json_object_get(value, "a")), 100000);
    text = apr_pstrcat(context.pool, "<c><metadata><entry key='a' type='array'>", repeat("<entry/>", 100000), "</entry></metadata></c>", NULL);
    assert_int_equal(read_bytes(&value, text, strlen(text), &ms_customer_update_body), MS_OK);
}

/* ---- writing ---- */

static const char *written(const ms_shape_t *shape, const char *json)
{
    json_t *value = ms_own(context.pool, json_loads(json, JSON_ALLOW_NUL, NULL));
    static const char head[] = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    size_t length = 0;
    const char *text = ms_xml_write(context.pool, shape, value, &length);
    xmlDocPtr document;

    assert_non_null(text);
    assert_int_equal(strlen(text), length);
    document = xmlReadMemory(text, (int)length, NULL, NULL, XML_PARSE_NONET);
    assert_non_null(document);
    xmlFreeDoc(document);
    assert_memory_equal(text, head, sizeof head - 1);
    return text + sizeof head - 1;
}

#define SPACES " xmlns=\"urn:medusa-store:v1\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""

static void answers_by_shape(void **state)
{
    assert_string_equal(written(&ms_exists_answer, "{\"exists\":true}"), "<exists" SPACES ">true</exists>");
    assert_string_equal(written(&ms_access_token_answer, "{\"access_token\":\"a.b\"}"), "<access_token" SPACES ">a.b</access_token>");
    assert_string_equal(written(&ms_payment_methods_answer, "{\"payment_methods\":[]}"), "<payment_methods" SPACES "></payment_methods>");
    assert_string_equal(written(&ms_payment_methods_answer, "{\"payment_methods\":[{\"provider_id\":\"p\",\"data\":{\"a\":[1,null]}}]}"),
        "<payment_methods" SPACES "><payment_method><provider_id>p</provider_id><data><entry key=\"a\" type=\"array\"><entry type=\"number\">1"
        "</entry><entry type=\"null\"></entry></entry></data></payment_method></payment_methods>");
    assert_string_equal(written(&ms_order_list_answer, "{\"orders\":[],\"count\":0,\"offset\":5,\"limit\":10}"),
        "<orders" SPACES " count=\"0\" offset=\"5\" limit=\"10\"></orders>");
    assert_string_equal(written(&ms_ok_answer, "{}"), "<result" SPACES ">OK</result>");
    assert_string_equal(written(&ms_error_answer, "{\"type\":\"t\",\"message\":\"<m>\"}"),
        "<error" SPACES "><type>t</type><message>&lt;m&gt;</message></error>");
    assert_string_equal(written(&ms_error_answer, "{\"code\":\"c\",\"type\":\"t\",\"message\":\"\"}"),
        "<error" SPACES "><code>c</code><type>t</type><message></message></error>");
}

static void columns_in_order(void **state)
{
    const char *text = written(&ms_customer_row_answer,
        "{\"customer\":{\"metadata\":{\"a\":1.5,\"b\":{\"c\":false}},\"id\":\"cus_1\",\"has_account\":true,\"password_hash\":\"secret\"}}");

    assert_string_equal(text, "<customer" SPACES "><id>cus_1</id><created_at xsi:nil=\"true\"/><updated_at xsi:nil=\"true\"/>"
        "<deleted_at xsi:nil=\"true\"/><email xsi:nil=\"true\"/><first_name xsi:nil=\"true\"/><last_name xsi:nil=\"true\"/>"
        "<billing_address_id xsi:nil=\"true\"/><phone xsi:nil=\"true\"/><has_account>true</has_account><metadata>"
        "<entry key=\"a\" type=\"number\">1.5</entry><entry key=\"b\" type=\"object\"><entry key=\"c\" type=\"boolean\">false</entry></entry>"
        "</metadata></customer>");
}

static void what_xml_cant_carry(void **state)
{
    assert_string_equal(written(&ms_access_token_answer, "{\"access_token\":\"\\u0000\\u0001\\u000b\\u001f\\t\\n\\r\\u007f\\uffff\\ufffe\\ufffd&<>\\\"'é😀\"}"),
        "<access_token" SPACES ">\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD&#9;&#10;&#13;\x7F\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
        "&amp;&lt;&gt;&quot;'é😀</access_token>");
    assert_string_equal(written(&ms_payment_methods_answer, "{\"payment_methods\":[{\"provider_id\":\"\",\"data\":{\"\\u0002\\\"<\\n\":\"\"}}]}"),
        "<payment_methods" SPACES "><payment_method><provider_id></provider_id><data><entry key=\"\xEF\xBF\xBD&quot;&lt;&#10;\" type=\"string\">"
        "</entry></data></payment_method></payment_methods>");
}

static void depth_of_answers(void **state)
{
    json_t *value = ms_own(context.pool, json_pack("{s:[{s:s}]}", "payment_methods", "provider_id", ""));
    json_t *inner = json_array_get(json_object_get(value, "payment_methods"), 0), *next = json_array();
    size_t length;
    int i;

    json_object_set_new(inner, "data", next);
    for (i = 0; i < 128; i++) {
        json_array_append_new(next, json_array());
        next = json_array_get(next, 0);
    }
    assert_non_null(ms_xml_write(context.pool, &ms_payment_methods_answer, value, &length));
    json_array_append_new(next, json_array());
    assert_null(ms_xml_write(context.pool, &ms_payment_methods_answer, value, &length));
}

/* What was written is read as what it was. */
static void there_and_back(void **state)
{
    static const char json[] = "{\"metadata\":{\"a\":[1,-2.5,true,null,\"x y\",{\"b\":{}}],\"\":\"\\t\\r\\n\",\"z\":[]}}";
    json_t *read;
    const char *text = written(&ms_customer_row_answer, apr_psprintf(context.pool, "{\"customer\":%s}", json));

    assert_int_equal(read_bytes(&read, text, strlen(text), &ms_customer_update_body), MS_OK);
    assert_string_equal(ms_json_write(context.pool, json_object_get(read, "metadata"), NULL),
                        "{\"a\":[1,-2.5,true,null,\"x y\",{\"b\":{}}],\"\":\"\\t\\r\\n\",\"z\":[]}");
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fields_become_strings),
        TEST(keys_are_attributes),
        TEST(namespaces),
        TEST(null_is_nil),
        TEST(objects_by_rule),
        TEST(metadata_is_typed),
        TEST(numbers_are_those_of_json),
        TEST(no_document_type),
        TEST(depth_is_bounded),
        TEST(attributes_are_bounded),
        TEST(only_utf8),
        TEST(not_well_formed),
        TEST(each_cut_is_refused),
        TEST(each_byte_changed),
        TEST(many_elements),
        TEST(answers_by_shape),
        TEST(columns_in_order),
        TEST(what_xml_cant_carry),
        TEST(depth_of_answers),
        TEST(there_and_back),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, begin, end);
}
