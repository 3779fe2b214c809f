/* SPDX-License-Identifier: Apache-2.0 */
/* What is read of places and of MySQL's list of transactions that are under way. */
#include "snapshot/watermark_int.h"
#include "table_fixture.h"

#define UUID "3e11fa47-71ca-11e1-9e33-c80aa9429562"

static void expect_owned(const char *text, const uint64_t *numbers, size_t count)
{
    struct slice rest = slice_str(text);
    uint64_t number = 0;
    for (size_t i = 0; i < count; i++) {
        assert_true(watermark_next_owned(&rest, &number));
        assert_int_equal(number, numbers[i]);
    }
    assert_false(watermark_next_owned(&rest, &number));
}

static void test_owned(void **state)
{
    (void)state;
    expect_owned("", NULL, 0);
    expect_owned(UUID ":4#12", (uint64_t[]){4}, 1);
    expect_owned(UUID ":4#12:17#9:18446744073709551615#1",
                 (uint64_t[]){4, 17, UINT64_C(18446744073709551615)}, 3);
    /* The next UUID stands right behind a thread, begins with a digit, and may have a tag. */
    expect_owned(UUID ":4#12" UUID ":7#13", (uint64_t[]){4, 7}, 2);
    expect_owned(UUID ":4#12,\n" UUID ":blue:7#13", (uint64_t[]){4, 7}, 2);
    expect_owned("ANONYMOUS", NULL, 0);
}

static struct position place(const char *file, uint64_t offset)
{
    struct position position = {.offset = offset};
    memcpy(position.file, file, strlen(file) + 1);
    return position;
}

static void test_places(void **state)
{
    (void)state;
    struct position a = place("binlog.000009", 500);
    struct position same = place("binlog.000009", 500);
    struct position before = place("binlog.000009", 499);
    struct position later = place("binlog.000010", 4);
    struct position many = place("binlog.1000000", 4);
    struct position other = place("mysql-bin.000010", 4);
    struct position none = place("binlog", 4);
    assert_true(watermark_is_at_or_behind(&a, &same));
    assert_true(watermark_is_at_or_behind(&a, &before));
    assert_false(watermark_is_at_or_behind(&before, &a));
    assert_true(watermark_is_at_or_behind(&later, &a));
    assert_false(watermark_is_at_or_behind(&a, &later));
    assert_true(watermark_is_at_or_behind(&many, &later));
    assert_false(watermark_is_at_or_behind(&other, &a));
    assert_false(watermark_is_at_or_behind(&none, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owned),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
