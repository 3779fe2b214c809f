/* SPDX-License-Identifier: Apache-2.0 */
/* GTID sets of both families: text, algebra, binary form, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "binlog/gtid_int.h"

#define U1 "11111111-1111-1111-1111-111111111111"
#define U2 "22222222-2222-2222-2222-222222222222"

static struct gtid_set *parsed(const char *text)
{
    struct gtid_set *set = NULL;
    struct error err;
    assert_int_equal(gtid_set_new(&set, &err), RC_OK);
    if (gtid_set_parse(set, slice_str(text), &err) != RC_OK)
        fail_msg("%s: %s", text, err.text);
    return set;
}

static void assert_text(const struct gtid_set *set, const char *expected)
{
    struct buf buf;
    buf_init(&buf, 1 << 16);
    gtid_set_text(set, &buf);
    assert_string_equal(buf_cstr(&buf), expected);
    buf_deinit(&buf);
}

static void test_text_is_canonical(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {" \n ", ""},
        {U1 ":1-5", U1 ":1-5"},
        {U1 ":7:1-5", U1 ":1-5:7"},
        {U1 ":1-5:6", U1 ":1-6"},
        {U1 ":3-4:1-2:9:5-8", U1 ":1-9"},
        {U1 ":1-10:2-3", U1 ":1-10"},
        {U2 ":1,\n" U1 ":2", U1 ":2," U2 ":1"},
        {U1 ":1:Tag_1:4-5:2", U1 ":1," U1 ":tag_1:2:4-5"},
        {"11111111111111111111111111111111:1", U1 ":1"},
        {"1-2-7, 0-1-42", "0-1-42,1-2-7"},
        {"0-1-42,0-2-43", "0-2-43"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct gtid_set *set = parsed(cases[i][0]);
        assert_text(set, cases[i][1]);
        gtid_set_free(set);
    }
}

static void test_bad_text_is_refused(void **state)
{
    static const char *const cases[] = {
        U1,
        U1 ":",
        U1 ":0",
        U1 ":5-4",
        U1 ":1-",
        U1 ":1:-tag",
        "xyz:1",
        "0-1",
        "0-1-2-3",
        "0-1-x",
        "5000000000-1-1",
        U1 ":1,0-1-2",
        U1 ":9223372036854775807",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct gtid_set *set = NULL;
        struct error err;
        assert_int_equal(gtid_set_new(&set, &err), RC_OK);
        if (gtid_set_parse(set, slice_str(cases[i]), &err) != RC_CONFIG)
            fail_msg("'%s' was taken", cases[i]);
        assert_true(gtid_set_is_empty(set));
        gtid_set_free(set);
    }
}

static void test_adding_joins_and_keeps_holes(void **state)
{
    struct gtid_set *set = parsed("");
    struct gtid gtid = {.family = GTID_MYSQL, .number = 1};
    struct error err;
    (void)state;
    memset(gtid.uuid, 0x11, sizeof(gtid.uuid));
    static const uint64_t numbers[] = {1, 2, 3, 7, 5, 6, 10};
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        gtid.number = numbers[i];
        assert_false(gtid_set_contains(set, &gtid));
        assert_int_equal(gtid_set_add(set, &gtid, &err), RC_OK);
        assert_true(gtid_set_contains(set, &gtid));
    }
    assert_text(set, U1 ":1-3:5-7:10");
    gtid.number = 4;
    assert_false(gtid_set_contains(set, &gtid));
    struct gtid other = {.family = GTID_MARIADB, .number = 1};
    assert_int_equal(gtid_set_add(set, &other, &err), RC_MISMATCH);
    gtid_set_free(set);
}

static void test_containment_and_subtraction(void **state)
{
    static const char *const cases[][3] = {
        /* from, minus, rest */
        {U1 ":1-10", U1 ":3-4", U1 ":1-2:5-10"},
        {U1 ":1-10", U1 ":1-10", ""},
        {U1 ":1-10", U2 ":1-10", U1 ":1-10"},
        {U1 ":1-3:5-7:9", U1 ":2-6", U1 ":1:7:9"},
        {U1 ":5", U1 ":1-4:6-9", U1 ":5"},
        {U1 ":1:t:1-5", U1 ":t:2", U1 ":1," U1 ":t:1:3-5"},
        {U1 ":1-20", U1 ":2-3:5:7-9:15-30", U1 ":1:4:6:10-14"},
        {U1 ":1-3:5-7:9-12", U1 ":2-10", U1 ":1:11-12"},
        {U1 ":1-9," U2 ":1-9", U1 ":1-9," U2 ":9", U2 ":1-8"},
    };
    struct error err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct gtid_set *from = parsed(cases[i][0]);
        struct gtid_set *whole = parsed(cases[i][0]);
        struct gtid_set *minus = parsed(cases[i][1]);
        assert_int_equal(gtid_set_subtract(from, minus, &err), RC_OK);
        assert_text(from, cases[i][2]);
        assert_true(gtid_set_contains_set(whole, from));
        assert_int_equal(gtid_set_is_empty(from), cases[i][2][0] == '\0');
        gtid_set_free(from);
        gtid_set_free(whole);
        gtid_set_free(minus);
    }
    struct gtid_set *a = parsed("0-1-42,1-2-7");
    struct gtid_set *b = parsed("0-9-41");
    assert_true(gtid_set_contains_set(a, b));
    assert_false(gtid_set_contains_set(b, a));
    gtid_set_free(a);
    gtid_set_free(b);
}

static void test_binary_form_goes_and_returns(void **state)
{
    static const char *const cases[] = {"", U1 ":1-5:7", U1 ":1-5," U2 ":9",
                                        U1 ":1-3," U1 ":mytag:1-2:4," U2 ":other:1"};
    struct error err;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct gtid_set *set = parsed(cases[i]);
        struct gtid_set *back = parsed("");
        struct buf buf;
        buf_init(&buf, 1 << 16);
        gtid_set_encode(set, &buf);
        assert_int_equal(gtid_set_decode(back, buf_slice(&buf), &err), RC_OK);
        assert_true(gtid_set_equal(set, back));
        for (size_t len = 0; len < buf.len; len++) {
            uint8_t *cut = test_malloc(len + 1);
            memcpy(cut, buf.ptr, len);
            assert_int_equal(gtid_set_decode(back, slice_of(cut, len), &err), RC_CORRUPT);
            assert_true(gtid_set_is_empty(back));
            test_free(cut);
        }
        buf_deinit(&buf);
        gtid_set_free(set);
        gtid_set_free(back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_canonical),
        cmocka_unit_test(test_bad_text_is_refused),
        cmocka_unit_test(test_adding_joins_and_keeps_holes),
        cmocka_unit_test(test_containment_and_subtraction),
        cmocka_unit_test(test_binary_form_goes_and_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
