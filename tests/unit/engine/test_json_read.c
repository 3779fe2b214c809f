/* SPDX-License-Identifier: Apache-2.0 */
/* Members of JSON objects, and the text of JSON strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

static void members_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *object;
        const char *value; /* of the member "a"; NULL: there is none */
    } cases[] = {
        {"{}", NULL},
        {" { } ", NULL},
        {"{\"a\":1}", "1"},
        {"{\"b\":2, \"a\" : 18446744073709551616.50 }", "18446744073709551616.50"},
        {"{\"a\":\"x,}\\\"\"}", "\"x,}\\\"\""},
        {"{\"a\":{\"a\":[1,{\"b\":\"]\"}]},\"c\":null}", "{\"a\":[1,{\"b\":\"]\"}]}"},
        {"{\"b\":{\"a\":1}}", NULL},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct slice value;
        assert_true(json_member(slice_str(cases[i].object), "a", &value));
        if (cases[i].value == NULL)
            assert_null(value.ptr);
        else
            assert_true(slice_equal(value, slice_str(cases[i].value)));
    }
}

/* One after the other; what is left says whether the end was one. */
static void next_ones(void **state)
{
    (void)state;
    struct slice name;
    struct slice value;
    struct slice rest = SLICE(" { \"a,\" : [1,2] ,\"b\":\"}\"}");
    assert_true(json_next_member(&rest, &name, &value));
    assert_true(slice_equal(name, SLICE("\"a,\"")) && slice_equal(value, SLICE("[1,2]")));
    assert_true(json_next_member(&rest, &name, &value));
    assert_true(slice_equal(name, SLICE("\"b\"")) && slice_equal(value, SLICE("\"}\"")));
    assert_false(json_next_member(&rest, &name, &value));
    rest = SLICE("[\"x\", {\"y\":[]} ]");
    assert_true(json_next_element(&rest, &value));
    assert_true(slice_equal(value, SLICE("\"x\"")));
    assert_true(json_next_element(&rest, &value));
    assert_true(slice_equal(value, SLICE("{\"y\":[]}")));
    assert_false(json_next_element(&rest, &value));
    static const char *const cases[] = {"", "{}", "[]", "{\"a\"", "{\"a\":", "{a:1}", "[", "x"};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        rest = slice_str(cases[i]);
        assert_false(json_next_member(&rest, &name, &value));
        rest = slice_str(cases[i]);
        assert_false(json_next_element(&rest, &value));
    }
}

static void what_is_no_object(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",         "[]",          "{",           "{\"a\"}",    "{\"a\":}",    "{\"a\":1",
        "{\"a\":1", "{\"a\":1}}",  "{\"a\":1} 2", "{\"a\":[1}", "{\"a\":\"x}", "{\"a\":1,}",
        "{a:1}",    "{\"a\":\"\\", "{\"a"};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct slice value;
        assert_false(json_member(slice_str(cases[i]), "a", &value));
    }
}

static void texts_of_strings(void **state)
{
    (void)state;
    static const struct {
        const char *written;
        const char *text; /* NULL: it is no string */
    } cases[] = {
        {"\"\"", ""},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e4\\u20AC\\uffff\"", "A\xc3\xa4\xe2\x82\xac\xef\xbf\xbf"},
        {"\"\\ud83d\\uDE00!\"", "\xf0\x9f\x98\x80!"},
        {"\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf"},
        {"\"\\ud800\"", NULL},
        {"\"\\ud800\\u0041\"", NULL},
        {"\"\\ud800\\n12345\"", NULL},
        {"\"\\ud800 \\udc00\"", NULL},
        {"\"\\udc00\\ud800\"", NULL},
        {"\"\\u12\"", NULL},
        {"\"\\u12g4\"", NULL},
        {"\"\\x\"", NULL},
        {"\"\\\"", NULL},
        {"\"", NULL},
        {"a", NULL},
    };
    struct buf out;
    buf_init(&out, SIZE_MAX);
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        buf_reset(&out);
        assert_int_equal(json_string_text(slice_str(cases[i].written), &out),
                         cases[i].text != NULL);
        if (cases[i].text != NULL)
            assert_true(slice_equal(buf_slice(&out), slice_str(cases[i].text)));
    }
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_as_they_are_written),
        cmocka_unit_test(next_ones),
        cmocka_unit_test(what_is_no_object),
        cmocka_unit_test(texts_of_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
