/* SPDX-License-Identifier: Apache-2.0 */
/* URLs, the address map, and which redirects are followed. */
#include "sinks/stream_load/redirect_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define PATH "/api/ods/orders/_stream_load"

static const struct cfg_pair pairs[] = {
    {"10.0.0.5:8040", "be.example:18040"},        {"be-0.cluster", "localhost"},
    {"10.0.0.6:8040", "http://be6.example:8040"}, {"10.0.0.7:8040", "https://be7.example:8443"},
    {"10.0.0.8:8040", "not an address"},          {"[fd00::1]:8040", "be8.example:8040"}};
static const struct load_settings plain = {.rewrite = {pairs, COUNT_OF(pairs)}};
static const struct load_settings tls = {.rewrite = {pairs, COUNT_OF(pairs)}, .tls = true};

static void test_followed(void **state)
{
    (void)state;
    static const struct {
        const struct load_settings *settings;
        const char *location;
        const char *url;
    } cases[] = {
        {&plain, "http://be1:8040" PATH, "http://be1:8040" PATH},
        /* Doris bakes user and password in, and may leave a lone question mark. */
        {&plain, "http://root:p%40ss:w@be1:8040" PATH "?", "http://be1:8040" PATH},
        {&plain, "http://ro%40default_cluster:p@ss@be1:8040" PATH, "http://be1:8040" PATH},
        {&plain, "HTTP://be1:8040" PATH "?a=b#c", "http://be1:8040" PATH "?a=b"},
        {&plain, "http://be1:8040/api/ods/%6frders/_stream_load",
         "http://be1:8040/api/ods/%6frders/_stream_load"},
        {&plain, "http://10.0.0.5:8040" PATH, "http://be.example:18040" PATH},
        {&plain, "http://10.0.0.5:8041" PATH, "http://10.0.0.5:8041" PATH},
        {&plain, "http://BE-0.cluster:8040" PATH, "http://localhost:8040" PATH},
        {&plain, "http://u:p@[fd00::1]:8040" PATH, "http://be8.example:8040" PATH},
        {&plain, "http://[fd00::2]:8040" PATH, "http://[fd00::2]:8040" PATH},
        {&plain, "https://be1:8443" PATH, "https://be1:8443" PATH},
        {&tls, "https://be1:8443" PATH, "https://be1:8443" PATH},
        /* Plain HTTP behind TLS only where the map says so. */
        {&tls, "http://10.0.0.6:8040" PATH, "http://be6.example:8040" PATH},
        {&tls, "http://10.0.0.7:8040" PATH, "https://be7.example:8443" PATH},
    };
    struct endpoint from = {.authority = "fe1:8030", .path = PATH}, to;
    char url[ENDPOINT_URL_MAX];
    struct error err;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        error_clear(&err);
        if (redirect_resolve(cases[i].settings, &from, cases[i].location, &to, &err) != RC_OK)
            fail_msg("%s: %s", cases[i].location, err.text);
        endpoint_url(&to, url);
        assert_string_equal(url, cases[i].url);
    }
}

static void test_query_is_kept(void **state)
{
    (void)state;
    struct endpoint from = {.authority = "fe1:8030", .path = "/api/d/get_load_state?label=x"}, to;
    struct error err;
    assert_int_equal(
        redirect_resolve(&plain, &from, "http://fe2:8030/api/d/get_load_state", &to, &err), RC_OK);
    assert_string_equal(to.path, "/api/d/get_load_state?label=x");
    assert_int_equal(
        redirect_resolve(&plain, &from, "http://fe2:8030/api/d/get_load_state?label=x", &to, &err),
        RC_OK);
    assert_string_equal(to.path, "/api/d/get_load_state?label=x");
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const struct load_settings *settings;
        const char *location;
    } cases[] = {
        {&plain, ""},
        {&plain, PATH},
        {&plain, "file:///etc/passwd"},
        {&plain, "ftp://hidden:hidden@be1" PATH},
        {&plain, "http://hidden:hidden@be1:8040/api/ods/orders/_stream_load_forward"},
        {&plain, "http://hidden:hidden@be1:8040/"},
        {&plain, "http://hidden:hidden@be1:8040"},
        {&plain, "http://hidden:hidden@" PATH},
        {&plain, "http://hidden:hidden@be 1:8040" PATH},
        {&plain, "http://hidden:hidden@be1:8040" PATH " x"},
        {&plain, "http://hidden:hidden@be1:8040" PATH "%00x"},
        {&plain, "http://hidden:hidden@10.0.0.8:8040" PATH},
        {&tls, "http://hidden:hidden@be1:8040" PATH},
        {&tls, "http://hidden:hidden@10.0.0.5:8040" PATH},
    };
    struct endpoint from = {.authority = "fe1:8030", .path = PATH}, to;
    struct error err;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        error_clear(&err);
        if (redirect_resolve(cases[i].settings, &from, cases[i].location, &to, &err) == RC_OK)
            fail_msg("followed: %s", cases[i].location);
        assert_true(err.text[0] != '\0');
        assert_int_not_equal(err.class, ERROR_RETRY);
        assert_null(strstr(err.text, "hidden"));
    }
}

static void test_too_long(void **state)
{
    (void)state;
    static char location[ENDPOINT_URL_MAX + 100];
    struct endpoint from = {.authority = "fe1:8030", .path = PATH}, to;
    struct error err;
    memset(location, 'x', sizeof(location) - 1);
    memcpy(location, "http://be1/", 11);
    assert_int_equal(redirect_resolve(&plain, &from, location, &to, &err), RC_PROTOCOL);
    memset(location + 7, 'x', 20);
    assert_int_equal(redirect_resolve(&plain, &from, location, &to, &err), RC_PROTOCOL);
}

static void test_escaping(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    url_add_escaped(&out, SLICE("a-Z_0.~/ ?#%\xc3\xa4"));
    assert_string_equal(buf_cstr(&out), "a-Z_0.~%2F%20%3F%23%25%C3%A4");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_followed), cmocka_unit_test(test_query_is_kept),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_escaping),
    };
    return cmocka_run_group_tests_name("stream_load redirect", tests, NULL, NULL);
}
