/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table's note: written, read again, refused when it is of another key or was tampered with.
 */
#include "snapshot/state_int.h"
#include "table_fixture.h"

static const uint32_t by_two[] = {0, 1};
static const uint32_t by_one[] = {1};

#define NOTE                                                                                       \
    "{\"version\":1,\"done\":false,\"keyed\":true,\"chunks\":3,\"rows\":42,\"by\":[\"id\","        \
    "\"word\"],"                                                                                   \
    "\"behind\":[\"-7\",\"_latin1 0x6162\"]}"

static void test_round_trip(void **state)
{
    (void)state;
    struct table table = fixture_table(by_two, 2);
    struct slice literals[] = {SLICE("-7"), SLICE("_latin1 0x6162")};
    struct table_state written = {.chunks = 3, .rows = 42, .behind = bound_new(literals, 2)};
    struct buf out;
    buf_init(&out, STATE_TEXT_MAX);
    state_add(&out, &written, &table);
    assert_string_equal(buf_cstr(&out), NOTE);
    struct table_state read;
    assert_int_equal(state_parse(buf_slice(&out), &table, &read, NULL), RC_OK);
    assert_false(read.done);
    assert_int_equal(read.chunks, 3);
    assert_int_equal(read.rows, 42);
    assert_true(bound_equal(read.behind, written.behind));
    assert_false(state_is_done(buf_slice(&out)));
    state_deinit(&read);
    written.done = true;
    buf_reset(&out);
    state_add(&out, &written, &table);
    assert_true(state_is_done(buf_slice(&out)));
    assert_int_equal(state_parse(buf_slice(&out), &table, &read, NULL), RC_OK);
    assert_true(read.done && read.behind == NULL);
    state_deinit(&read);
    state_deinit(&written);
    buf_deinit(&out);
}

/* A walk that goes down in some columns says so, for the index may be another one when it goes on. */
static void test_mixed_order(void **state)
{
    (void)state;
    struct table table = fixture_table(by_two, 2);
    struct slice literals[] = {SLICE("-7"), SLICE("_latin1 0x6162")};
    struct table_state written = {.descending = 2, .behind = bound_new(literals, 2)};
    struct table_state read;
    struct buf out;
    buf_init(&out, STATE_TEXT_MAX);
    state_add(&out, &written, &table);
    assert_string_equal(buf_cstr(&out),
                        "{\"version\":1,\"done\":false,\"keyed\":true,\"chunks\":0,\"rows\":0,"
                        "\"by\":[\"id\",\"word\"],\"descending\":2,"
                        "\"behind\":[\"-7\",\"_latin1 0x6162\"]}");
    assert_int_equal(state_parse(buf_slice(&out), &table, &read, NULL), RC_OK);
    assert_int_equal(read.descending, 2);
    assert_true(bound_equal(read.behind, written.behind));
    state_deinit(&read);
    static const char *const refused[] = {"0,\"behind\":[\"1\",\"2\"]}",
                                          "4,\"behind\":[\"1\",\"2\"]}",
                                          "\"2\",\"behind\":[\"1\",\"2\"]}", "2}"};
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        buf_reset(&out);
        buf_add_str(&out, "{\"version\":1,\"done\":false,\"keyed\":true,\"chunks\":0,\"rows\":0,"
                          "\"by\":[\"id\",\"word\"],\"descending\":");
        buf_add_str(&out, refused[i]);
        assert_int_equal(state_parse(buf_slice(&out), &table, &read, NULL), RC_CORRUPT);
    }
    state_deinit(&written);
    buf_deinit(&out);
}

static void test_empty_is_the_beginning(void **state)
{
    (void)state;
    struct table table = fixture_table(by_two, 2);
    struct table_state read;
    assert_int_equal(state_parse(SLICE_EMPTY, &table, &read, NULL), RC_OK);
    assert_true(!read.done && read.behind == NULL && read.rows == 0);
    assert_false(state_is_done(SLICE_EMPTY));
}

static void test_another_key(void **state)
{
    (void)state;
    struct table table = fixture_table(by_one, 1);
    struct table keyless = fixture_table(NULL, 0);
    struct table_state read;
    assert_int_equal(state_parse(SLICE(NOTE), &table, &read, NULL), RC_MISMATCH);
    assert_int_equal(state_parse(SLICE(NOTE), &keyless, &read, NULL), RC_MISMATCH);
}

/* Every cut and every changed byte is refused or says the same in other figures; nothing crashes. */
static void test_damaged(void **state)
{
    (void)state;
    struct table table = fixture_table(by_two, 2);
    struct table_state read;
    uint8_t bytes[sizeof(NOTE)];
    for (size_t len = 1; len < sizeof(NOTE) - 1; len++)
        assert_int_not_equal(state_parse(slice_of(NOTE, len), &table, &read, NULL), RC_OK);
    for (size_t i = 0; i < sizeof(NOTE) - 1; i++) {
        memcpy(bytes, NOTE, sizeof(NOTE));
        bytes[i] = '"' == bytes[i] ? '\'' : '"';
        if (state_parse(slice_of(bytes, sizeof(NOTE) - 1), &table, &read, NULL) == RC_OK)
            fail_msg("byte %zu", i);
    }
    static const char injected[] =
        "{\"version\":1,\"done\":false,\"keyed\":true,\"chunks\":3,\"rows\":42,\"by\":[\"id\","
        "\"word\"],\"behind\":[\"1 OR 1=1\",\"2\"]}";
    assert_int_equal(state_parse(slice_str(injected), &table, &read, NULL), RC_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_mixed_order),
        cmocka_unit_test(test_empty_is_the_beginning),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
