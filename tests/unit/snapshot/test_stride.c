/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps over whole-number keys: they never go back, never reach the end, and are given up where they
 * turn out wrong.
 */
#include "snapshot/stride_int.h"
#include "table_fixture.h"

static const uint32_t key_of_id[] = {0};
static const uint32_t key_of_two[] = {0, 1};
static const uint32_t key_of_word[] = {1};

static struct bound *at(const char *digits)
{
    struct slice literal = slice_str(digits);
    return bound_new(&literal, 1);
}

static void learn(struct stride *stride, const struct table *table, const char *low,
                  const char *high, uint64_t rows)
{
    struct bound *from = at(low);
    struct bound *to = at(high);
    stride_learn(stride, table, from, to, rows);
    bound_free(from);
    bound_free(to);
}

static void set_end(struct stride *stride, const struct table *table, const char *end)
{
    struct bound *bound = at(end);
    stride_set_end(stride, table, bound);
    bound_free(bound);
}

/* NULL: no step. */
static void assert_step(const struct stride *stride, const struct table *table, const char *low,
                        uint64_t rows, const char *expected)
{
    struct bound *from = at(low);
    struct bound *step = stride_step(stride, table, from, rows);
    if (expected == NULL) {
        assert_null(step);
    } else {
        assert_non_null(step);
        assert_true(slice_equal(step->literals[0], slice_str(expected)));
    }
    bound_free(from);
    bound_free(step);
}

static void test_a_step_is_as_wide_as_the_range_before(void **state)
{
    (void)state;
    struct table table = fixture_table(key_of_id, 1);
    struct stride stride = {0};
    assert_step(&stride, &table, "10", 100, NULL); /* nothing is known */
    set_end(&stride, &table, "100000");
    assert_step(&stride, &table, "10", 100, NULL);
    learn(&stride, &table, "-50", "150", 100);
    assert_step(&stride, &table, "150", 100, "350");
    assert_step(&stride, &table, "150", 50, "250"); /* rows have become longer */
    assert_step(&stride, &table, "-1000", 100, "-800");
    assert_step(&stride, &table, "99900", 50, NULL); /* the end itself is the server's to name */
    assert_step(&stride, &table, "99900", 49, "99998");
    assert_step(&stride, &table, "100001", 100, NULL);
    assert_null(stride_step(&stride, &table, NULL, 100));
}

static void test_the_ends_of_the_numbers(void **state)
{
    (void)state;
    struct table table = fixture_table(key_of_id, 1);
    struct stride stride = {0};
    set_end(&stride, &table, "9223372036854775807");
    learn(&stride, &table, "-9223372036854775808", "-9223372036854775807", 1);
    assert_step(&stride, &table, "-9223372036854775808", 1, "-9223372036854775807");
    assert_step(&stride, &table, "9223372036854775805", 1, "9223372036854775806");
    assert_step(&stride, &table, "9223372036854775806", 1, NULL);
    assert_step(&stride, &table, "0", UINT64_MAX, NULL);
    learn(&stride, &table, "-9223372036854775808", "9223372036854775807", 10);
    assert_step(&stride, &table, "0", 10, NULL);
    learn(&stride, &table, "0", "1",
          1000); /* unique keys have one value a row: nonsense stays sane */
    assert_step(&stride, &table, "0", 10, "1");

    struct column unsigned_column = {.name = SLICE("u"), .kind = COLUMN_UINT, .text = cell_is_text};
    struct table u = {
        .columns = &unsigned_column, .column_count = 1, .key = key_of_id, .key_count = 1};
    set_end(&stride, &u, "18446744073709551615");
    learn(&stride, &u, "9223372036854775800", "9223372036854775810", 10);
    assert_step(&stride, &u, "18446744073709551600", 10, "18446744073709551610");
    assert_step(&stride, &u, "00018446744073709551600", 10, "18446744073709551610"); /* ZEROFILL */
    assert_step(&stride, &u, "18446744073709551610", 10, NULL);
}

static void test_bad_steps_are_given_up_for_longer_each_time(void **state)
{
    (void)state;
    struct table table = fixture_table(key_of_id, 1);
    struct stride stride = {0};
    set_end(&stride, &table, "1000000");
    unsigned named_before = 0;
    for (unsigned bad = 0; bad < 10; bad++) {
        unsigned named = 0;
        struct bound *low = at("100");
        struct bound *step = NULL;
        while (step == NULL) {
            learn(&stride, &table, "0", "100", 100);
            named++;
            step = stride_step(&stride, &table, low, 100);
        }
        bound_free(low);
        bound_free(step);
        assert_true(named >= named_before && named <= 64);
        named_before = named;
        /* Once too dense, once too sparse. */
        stride_judge(&stride, 100, bad % 2 == 0 ? stride_limit(100) : 24, bad % 2 == 0);
        assert_step(&stride, &table, "100", 100, NULL);
    }
    assert_int_equal(named_before, 64);
    /* Good ones win the trust back. */
    for (unsigned i = 0; i < 64; i++)
        learn(&stride, &table, "0", "100", 100);
    for (unsigned i = 0; i < 8; i++)
        stride_judge(&stride, 100, 25, false);
    assert_step(&stride, &table, "100", 100, "200");
    stride_judge(&stride, 100, 0, false);
    learn(&stride, &table, "0", "100", 100);
    assert_step(&stride, &table, "100", 100, "200");
}

static void test_other_keys_are_the_servers(void **state)
{
    (void)state;
    struct table two = fixture_table(key_of_two, 2);
    struct table word = fixture_table(key_of_word, 1);
    struct table none = fixture_table(NULL, 0);
    assert_false(stride_fits(&two));
    assert_false(stride_fits(&word));
    assert_false(stride_fits(&none));
    struct stride stride = {0};
    set_end(&stride, &word, "9");
    assert_false(stride.has_end);
    learn(&stride, &word, "1", "2", 1);
    assert_int_equal(stride.width, 0);
    assert_int_equal(stride_limit(UINT64_MAX), UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_step_is_as_wide_as_the_range_before),
        cmocka_unit_test(test_the_ends_of_the_numbers),
        cmocka_unit_test(test_bad_steps_are_given_up_for_longer_each_time),
        cmocka_unit_test(test_other_keys_are_the_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
