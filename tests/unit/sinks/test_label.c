/* SPDX-License-Identifier: Apache-2.0 */
#include "sinks/stream_load/label_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char pipeline_id[] = "0123456789abcdef0123456789abcdef";

static const char *make(struct buf *out, const char *prefix, const char *db, const char *table,
                        uint64_t epoch)
{
    buf_reset(out);
    label_add(out, prefix, slice_str(pipeline_id), slice_str(db), slice_str(table), 0, epoch, 0);
    assert_int_equal(out->rc, RC_OK);
    return buf_cstr(out);
}

static void test_form(void **state)
{
    (void)state;
    struct buf a, b;
    buf_init(&a, 256);
    buf_init(&b, 256);
    /* Golden: a label in a journal must be found again by every later version. */
    assert_string_equal(make(&a, NULL, "shop", "orders", 7),
                        "millrace_0123456789ab_dbbf9ff6f22550cd_7");
    assert_string_equal(make(&b, NULL, "shop", "orders", 7), buf_cstr(&a));
    assert_string_not_equal(make(&b, NULL, "shop", "orders", 8), buf_cstr(&a));
    assert_string_not_equal(make(&b, NULL, "shop", "order", 7), buf_cstr(&a));
    assert_string_not_equal(make(&b, "other", "shop", "orders", 7), buf_cstr(&a));
    /* The border between database and table counts. */
    make(&a, NULL, "a.b", "c", 1);
    assert_string_not_equal(make(&b, NULL, "a", "b.c", 1), buf_cstr(&a));
    /* The names themselves never show: they may hold any character. */
    make(&a, "p", "d\xc3\xb6ner/", "t able", UINT64_MAX);
    for (size_t i = 0; i < a.len; i++)
        assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789_", a.ptr[i]));
    buf_deinit(&a);
    buf_deinit(&b);
}

/* Rows that lack columns have loads of their own, so labels of their own. */
static void test_column_sets(void **state)
{
    (void)state;
    struct buf label;
    buf_init(&label, 256);
    label_add(&label, NULL, slice_str(pipeline_id), SLICE("shop"), SLICE("orders"), 0x1234, 7, 0);
    assert_string_equal(buf_cstr(&label), "millrace_0123456789ab_19e9878ffe74ff05_7");
    buf_reset(&label);
    label_add(&label, NULL, slice_str(pipeline_id), SLICE("shop"), SLICE("orders"), 0x1235, 7, 0);
    assert_string_not_equal(buf_cstr(&label), "millrace_0123456789ab_19e9878ffe74ff05_7");
    buf_deinit(&label);
}

static void test_parts(void **state)
{
    (void)state;
    struct buf label;
    buf_init(&label, 256);
    label_add(&label, "p", slice_str(pipeline_id), SLICE("shop"), SLICE("orders"), 0, 7, 12);
    assert_non_null(strstr(buf_cstr(&label), "_7_12"));
    buf_deinit(&label);
}

/* A piece of a load is called like it and cannot be taken for it. */
static void test_pieces(void **state)
{
    (void)state;
    char out[LABEL_BYTES];
    char other[LABEL_BYTES];
    struct slice label = SLICE("my_prefix_0123456789ab_19e9878ffe74ff05_12");
    struct slice piece = label_of_piece(label, 1, out);
    assert_int_equal(piece.len, label.len);
    assert_memory_equal(piece.ptr, "my_prefix_0123456789ab_", 23);
    assert_string_equal(out + 39, "_12");
    assert_false(slice_equal(piece, label));
    assert_false(slice_equal(piece, label_of_piece(label, 2, other)));
    assert_true(slice_equal(piece, label_of_piece(label, 1, other)));
}

static void test_longest_fits(void **state)
{
    (void)state;
    struct error err;
    char prefix[128];
    memset(prefix, 'p', sizeof(prefix));
    size_t longest = 0;
    for (size_t len = 1; len < sizeof(prefix); len++) {
        prefix[len] = '\0';
        if (label_check_prefix(prefix, 128, &err) == RC_OK)
            longest = len;
        prefix[len] = 'p';
    }
    prefix[longest] = '\0';
    struct buf label;
    buf_init(&label, 256);
    label_add(&label, prefix, slice_str(pipeline_id), SLICE("d"), SLICE("t"), 0, UINT64_MAX,
              UINT32_MAX);
    assert_int_equal(label.len, 127);
    char attempt[LABEL_BYTES];
    buf_reset(&label);
    label_add_joint(&label, prefix, slice_str(pipeline_id), SLICE("d"), UINT64_MAX);
    assert_int_equal(label_of_attempt(buf_slice(&label), UINT32_MAX, attempt).len, 128);
    buf_deinit(&label);
}

/* A transaction's name has its epoch in it and is no load's; each attempt has a label of its own. */
static void test_joint(void **state)
{
    (void)state;
    char first[LABEL_BYTES];
    char second[LABEL_BYTES];
    struct buf token;
    buf_init(&token, 256);
    label_add_joint(&token, "p", slice_str(pipeline_id), SLICE("shop"), 41);
    assert_int_equal(label_joint_epoch(buf_slice(&token)), 41);
    struct slice label = label_of_attempt(buf_slice(&token), 1, first);
    assert_non_null(strstr(first, "_41_t1"));
    assert_false(slice_equal(label, label_of_attempt(buf_slice(&token), 11, second)));
    assert_int_equal(label_joint_epoch(label), 0);
    buf_reset(&token);
    label_add(&token, "p_t", slice_str(pipeline_id), SLICE("shop"), SLICE("t"), 0, 41, 7);
    assert_int_equal(label_joint_epoch(buf_slice(&token)), 0);
    assert_int_equal(label_joint_epoch(SLICE("_t")), 0);
    assert_int_equal(label_joint_epoch(SLICE("x_t")), 0);
    buf_deinit(&token);
}

static void test_prefix_characters(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "a.b", "a/b", "a:b", "\xc3\xa4", "a\n"};
    struct error err;
    assert_int_equal(label_check_prefix(NULL, 128, &err), RC_OK);
    assert_int_equal(label_check_prefix("Az09_-", 128, &err), RC_OK);
    for (unsigned i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(label_check_prefix(bad[i], 128, &err), RC_CONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),         cmocka_unit_test(test_column_sets),
        cmocka_unit_test(test_parts),        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_longest_fits), cmocka_unit_test(test_prefix_characters),
        cmocka_unit_test(test_joint),
    };
    return cmocka_run_group_tests_name("stream_load label", tests, NULL, NULL);
}
