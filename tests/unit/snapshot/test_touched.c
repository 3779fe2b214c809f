/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Touched keys against a plain list of the same, over seeded random marks, questions and forgetting;
 * and the keys of rows.
 */
#include <stdio.h>

#include "snapshot/key_int.h"
#include "snapshot/touched_int.h"
#include "table_fixture.h"

enum { KEYS = 700, STEPS = 20000 };

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static struct slice name(char *out, uint32_t number)
{
    return slice_of(out, (size_t)snprintf(out, 32, "%*u", (int)(number % 17), number));
}

static void test_against_a_list(void **state)
{
    (void)state;
    uint64_t seed = 20261121;
    uint64_t rounds[KEYS] = {0};
    enum touched_kind kinds[KEYS] = {TOUCHED_NOT};
    uint64_t round = 1;
    char text[32];
    struct touched touched;
    touched_init(&touched);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t key = next_random(&seed) % KEYS;
        uint32_t what = next_random(&seed) % 100;
        if (what < 50) {
            enum touched_kind kind = what < 10 ? TOUCHED_PARTLY : TOUCHED_WHOLE;
            assert_int_equal(touched_mark(&touched, name(text, key), round, kind, NULL), RC_OK);
            rounds[key] = round;
            if (kind > kinds[key])
                kinds[key] = kind;
        } else if (what < 97) {
            uint64_t since = next_random(&seed) % (round + 2);
            enum touched_kind expected = rounds[key] >= since ? kinds[key] : TOUCHED_NOT;
            assert_int_equal(touched_find(&touched, name(text, key), since), expected);
        } else if (what < 99) {
            round++;
        } else {
            uint64_t before = round > 3 ? round - next_random(&seed) % 4 : 0;
            touched_forget(&touched, before);
            for (uint32_t i = 0; i < KEYS; i++)
                if (rounds[i] < before)
                    kinds[i] = TOUCHED_NOT;
        }
    }
    assert_true(touched_bytes(&touched) > 0);
    touched_forget(&touched, UINT64_MAX);
    assert_int_equal(touched_find(&touched, name(text, 1), 0), TOUCHED_NOT);
    touched_deinit(&touched);
}

static const uint32_t by_two[] = {1, 0};

static struct cell value(const char *text)
{
    return (struct cell){
        .ptr = (const uint8_t *)text, .len = (uint32_t)strlen(text), .state = CELL_VALUE};
}

static void test_key_of_row(void **state)
{
    (void)state;
    struct table table = fixture_table(by_two, 2);
    struct cell cells[COUNT_OF(fixture_columns)] = {{0}};
    struct cell others[COUNT_OF(fixture_columns)] = {{0}};
    struct row row = {.cells = cells, .count = COUNT_OF(cells)};
    struct row other = {.cells = others, .count = COUNT_OF(others)};
    struct buf scratch;
    struct buf key;
    struct error err;
    buf_init(&scratch, 4096);
    buf_init(&key, 4096);
    cells[1] = value("ab");
    others[0] = value("-12");
    others[1] = value("not this");
    assert_int_equal(key_of_row(&table, &row, &other, &scratch, &key, &err), RC_OK);
    assert_true(slice_equal(buf_slice(&key), slice_of("\2\0\0\0ab\3\0\0\0-12", 13)));
    struct bound *bound = NULL;
    assert_int_equal(key_bound(&table, buf_slice(&key), &bound, &err), RC_OK);
    assert_true(slice_equal(bound->literals[0], SLICE("_utf8mb4 0x6162")));
    assert_true(slice_equal(bound->literals[1], SLICE("-12")));
    bound_free(bound);
    assert_int_equal(key_of_row(&table, &row, NULL, &scratch, &key, &err), RC_MISMATCH);
    others[0].state = CELL_NULL;
    assert_int_equal(key_of_row(&table, &row, &other, &scratch, &key, &err), RC_MISMATCH);
    buf_deinit(&scratch);
    buf_deinit(&key);
}

static const uint32_t by_id[] = {0};

static void compare(const char *text, const char *literal, bool is_behind)
{
    struct table table = fixture_table(by_id, 1);
    struct slice bound_literal = slice_str(literal);
    struct bound *bound = bound_new(&bound_literal, 1);
    uint8_t key[64] = {(uint8_t)strlen(text)};
    bool answer = !is_behind;
    memcpy(key + 4, text, strlen(text));
    assert_true(key_compare_numbers(&table, 0, slice_of(key, 4 + strlen(text)), bound, &answer));
    assert_int_equal(answer, is_behind);
    assert_true(key_compare_numbers(&table, 1, slice_of(key, 4 + strlen(text)), bound, &answer));
    assert_int_equal(answer, !is_behind && strcmp(text, literal) != 0);
    bound_free(bound);
}

static void test_numbers_are_compared_here(void **state)
{
    (void)state;
    compare("5", "5", false);
    compare("6", "5", true);
    compare("10", "9", true);
    compare("9", "10", false);
    compare("-10", "-9", false);
    compare("-9", "-10", true);
    compare("-1", "0", false);
    compare("0", "-1", true);
    compare("7", "00006", true);
    compare("18446744073709551615", "18446744073709551614", true);
    struct table table = fixture_table(by_two, 2);
    struct slice literals[] = {SLICE("_latin1 0x61"), SLICE("1")};
    struct bound *bound = bound_new(literals, 2);
    bool answer;
    assert_false(key_compare_numbers(&table, 0,
                                     slice_of("\1\0\0\0a\1\0\0\0"
                                              "2",
                                              10),
                                     bound, &answer));
    bound_free(bound);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_list),
        cmocka_unit_test(test_key_of_row),
        cmocka_unit_test(test_numbers_are_compared_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
