/* test_client.c: core/client.c: which texts are addresses and networks, and who belongs to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "core/client.h"

static int same(const char *a, const char *b, ms_client_bits_t bits)
{
    ms_client_t one, other;

    assert_true(ms_client_parse(&one, a));
    assert_true(ms_client_parse(&other, b));
    ms_client_group(&one, bits);
    ms_client_group(&other, bits);
    return !memcmp(&one, &other, sizeof one);
}

static void addresses_are_read(void **state)
{
    static const char *const good[] = { "192.0.2.1", "0.0.0.0", "::", "::1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0" };
    static const char *const bad[] = { "", "192.0.2", "192.0.2.256", "192.0.2.1.1", "a", ":", "%eth0", "192.0.2.1 ", "2001:db8::1::",
                                       "11111111111111111111111111111111111111111111111111111111111111111111" };
    static const ms_client_t none;
    ms_client_t client;
    size_t i;

    for (i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(ms_client_parse(&client, good[i]));
    }
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ms_client_parse(&client, bad[i]));
        assert_memory_equal(&client, &none, sizeof none);
    }
    assert_false(ms_client_parse(&client, NULL));
    assert_memory_equal(&client, &none, sizeof none);
}

static void an_ipv4_address_is_alone(void **state)
{
    static const ms_client_bits_t all[] = { MS_CLIENT_HOME, MS_CLIENT_SITE };
    size_t i;

    for (i = 0; i < sizeof all / sizeof *all; i++) {
        assert_true(same("192.0.2.1", "192.0.2.1", all[i]));
        assert_true(same("192.0.2.1", "::ffff:192.0.2.1", all[i]));
        assert_false(same("192.0.2.1", "192.0.2.2", all[i]));
    }
}

static void a_home_has_a_64(void **state)
{
    assert_true(same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", MS_CLIENT_HOME));
    assert_true(same("fe80::1%eth0", "fe80::2", MS_CLIENT_HOME));
    assert_false(same("2001:db8:1:2::1", "2001:db8:1:3::1", MS_CLIENT_HOME));
}

static void a_site_has_a_48(void **state)
{
    assert_true(same("2001:db8:1::1", "2001:db8:1:ffff:ffff:ffff:ffff:ffff", MS_CLIENT_SITE));
    assert_false(same("2001:db8:1::1", "2001:db8:2::1", MS_CLIENT_SITE));
    assert_false(same("192.0.2.1", "2001:db8:2::1", MS_CLIENT_SITE));
}

static void a_site_is_no_home(void **state)
{
    ms_client_t home, site;

    assert_true(ms_client_parse(&home, "2001:db8:1::1"));
    site = home;
    ms_client_group(&home, MS_CLIENT_HOME);
    ms_client_group(&site, MS_CLIENT_SITE);
    assert_memory_not_equal(&home, &site, sizeof home);
}

static void networks_have_members(void **state)
{
    static const struct {
        const char *network, *client;
        int has;
    } rows[] = {
        { "192.0.2.1", "192.0.2.1", 1 },         { "192.0.2.1", "192.0.2.0", 0 },
        { "192.0.2.0/24", "192.0.2.255", 1 },    { "192.0.2.0/24", "192.0.3.0", 0 },
        { "192.0.2.128/25", "192.0.2.129", 1 },  { "192.0.2.128/25", "192.0.2.127", 0 },
        { "10.0.0.0/8", "::ffff:10.1.2.3", 1 },  { "0.0.0.0/0", "203.0.113.9", 1 },
        { "0.0.0.0/0", "2001:db8::1", 0 },       { "::/0", "192.0.2.1", 1 },
        { "2001:db8::/32", "2001:db8:ffff::1", 1 }, { "2001:db8::/32", "2001:db9::", 0 },
        { "2001:db8:8000::/33", "2001:db8:8000::1", 1 }, { "2001:db8:8000::/33", "2001:db8:7fff::1", 0 },
        { "::1", "::1", 1 },                     { "::1/128", "::2", 0 },
    };
    ms_network_t network;
    ms_client_t client;
    size_t i;

    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(ms_network_parse(&network, rows[i].network));
        assert_true(ms_client_parse(&client, rows[i].client));
        assert_int_equal(ms_network_has(&network, &client), rows[i].has);
    }
}

static void what_is_no_network(void **state)
{
    static const char *const bad[] = {
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8", "10.0.0.0/0008", "10.0.0.1/8", "::/129", "2001:db8::1/64",
        "fe80::1%eth0", "fe80::%eth0/64", "localhost", "10.0.0.0/8/8", "11111111111111111111111111111111111111111111111111111111111111111111/8"
    };
    ms_network_t network;
    size_t i;

    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(ms_network_parse(&network, bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_read),
        cmocka_unit_test(an_ipv4_address_is_alone),
        cmocka_unit_test(a_home_has_a_64),
        cmocka_unit_test(a_site_has_a_48),
        cmocka_unit_test(a_site_is_no_home),
        cmocka_unit_test(networks_have_members),
        cmocka_unit_test(what_is_no_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
