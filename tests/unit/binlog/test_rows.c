/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: present bits, null bits, layouts, exact consumption, and what must not run away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "binlog/inflate_int.h"
#include "binlog/rows_int.h"
#include "event_writer.h"

enum { COLUMNS = 10 };

static const struct event_format format = {.known = true, .version = 80036, .header_len = 19};

/* Nine one-byte columns and one with a length prefix. */
static struct value_layout layouts[COLUMNS] = {{.size = 1}, {.size = 1},  {.size = 1}, {.size = 1},
                                               {.size = 1}, {.size = 1},  {.size = 1}, {.size = 1},
                                               {.size = 1}, {.prefix = 1}};
static struct cell before[COLUMNS];
static struct cell after[COLUMNS];
static struct table_shape shape = {
    .layouts = layouts, .before = before, .after = after, .column_count = COLUMNS};

static enum rc begin(struct rows_walk *walk, uint8_t type, const uint8_t *body, size_t len)
{
    struct rows_head head;
    struct error err;
    enum rc rc = rows_head_parse(slice_of(body, len), type, &format, &head, &err);
    return rc != RC_OK ? rc : rows_walk_begin(walk, &head, head.rows, &shape, &err);
}

/* Columns 0, 8 and 9 are present; 8 is NULL. */
static const uint8_t sparse[] = {90,   0,  0, 0,   0,   0,    1,
                                 0,    2,  0, 10,  1,   0xff, /* bits behind the width are set */
                                 0x02, 42, 2, 'h', 'i', 0x06, 43};

static void test_absent_null_and_value(void **state)
{
    struct rows_walk walk;
    struct error err;
    (void)state;
    assert_int_equal(begin(&walk, EVENT_WRITE_ROWS, sparse, sizeof(sparse)), RC_OK);
    assert_int_equal(rows_walk_next(&walk, &err), RC_OK);
    assert_int_equal(after[0].state, CELL_VALUE);
    assert_int_equal(after[0].ptr[0], 42);
    for (unsigned i = 1; i < 8; i++)
        assert_int_equal(after[i].state, CELL_ABSENT);
    assert_int_equal(after[8].state, CELL_NULL);
    assert_int_equal(after[9].state, CELL_VALUE);
    assert_true(slice_equal(slice_of(after[9].ptr, after[9].len), SLICE("hi")));
    assert_int_equal(rows_walk_next(&walk, &err), RC_OK);
    assert_int_equal(after[0].ptr[0], 43);
    assert_int_equal(after[9].state, CELL_NULL);
    assert_int_equal(rows_walk_next(&walk, &err), RC_EOF);
    assert_int_equal(begin(&walk, EVENT_WRITE_ROWS, sparse, sizeof(sparse)), RC_OK);
    assert_int_equal(rows_walk_skip(&walk, &err), RC_OK);
    assert_int_equal(rows_walk_skip(&walk, &err), RC_OK);
    assert_int_equal(rows_walk_skip(&walk, &err), RC_EOF);
}

/* The last rows of an event have no bytes but those that say which columns are NULL. */
static void test_rows_of_nulls_are_rows(void **state)
{
    static const uint8_t nulls[] = {90, 0,  0,    0,    0,    0,    1,    0,   2,
                                    0,  10, 0xff, 0xff, 0xff, 0x03, 0xff, 0x03};
    struct rows_walk walk;
    struct error err;
    (void)state;
    assert_int_equal(begin(&walk, EVENT_WRITE_ROWS, nulls, sizeof(nulls)), RC_OK);
    for (unsigned row = 0; row < 2; row++) {
        assert_int_equal(rows_walk_next(&walk, &err), RC_OK);
        for (unsigned i = 0; i < COLUMNS; i++)
            assert_int_equal(after[i].state, CELL_NULL);
    }
    assert_int_equal(rows_walk_next(&walk, &err), RC_EOF);
}

static void test_every_truncation(void **state)
{
    struct error err;
    (void)state;
    for (size_t len = 0; len < sizeof(sparse); len++) {
        uint8_t *cut = test_malloc(len + 1);
        struct rows_walk walk;
        memcpy(cut, sparse, len);
        enum rc rc = begin(&walk, EVENT_WRITE_ROWS, cut, len);
        while (rc == RC_OK)
            rc = rows_walk_next(&walk, &err);
        bool between_rows = len == 13 || len == 18;
        assert_int_equal(rc, between_rows ? RC_EOF : RC_CORRUPT);
        test_free(cut);
    }
}

/* Rows that have every column, with every choice of NULLs among them, whole and cut off anywhere. */
static void test_whole_images(void **state)
{
    enum { WIDTH = 11, HEAD = 13, ROW_MAX = 64 };
    static struct value_layout kinds[WIDTH] = {
        {.size = 8}, {.prefix = 1}, {.size = 3}, {.prefix = 2}, {.size = 0}, {.prefix = 3},
        {.size = 1}, {.prefix = 4}, {.size = 5}, {.prefix = 1}, {.size = 2}};
    static struct cell cells[WIDTH];
    static struct table_shape wide = {.layouts = kinds, .after = cells, .column_count = WIDTH};
    static const uint8_t head_bytes[HEAD] = {90, 0, 0, 0, 0, 0, 1, 0, 2, 0, WIDTH, 0xff, 0x07};
    (void)state;
    for (unsigned nulls = 0; nulls < 1u << WIDTH; nulls++) {
        uint8_t row[ROW_MAX] = {(uint8_t)nulls, (uint8_t)(nulls >> 8)};
        size_t places[WIDTH];
        uint32_t sizes[WIDTH];
        size_t len = 2;
        for (unsigned i = 0; i < WIDTH; i++) {
            sizes[i] = kinds[i].prefix == 0 ? kinds[i].size : i % 3;
            if ((nulls >> i & 1) != 0)
                continue;
            if (kinds[i].prefix != 0)
                row[len] = (uint8_t)sizes[i];
            places[i] = len + kinds[i].prefix;
            len = places[i] + sizes[i];
        }
        assert_true(len <= ROW_MAX);
        for (size_t cut = 1; cut <= len; cut++) {
            struct rows_walk walk;
            struct rows_head head;
            struct error err;
            uint8_t *rows = test_malloc(cut);
            memcpy(rows, row, cut);
            assert_int_equal(
                rows_head_parse(slice_of(head_bytes, HEAD), EVENT_WRITE_ROWS, &format, &head, &err),
                RC_OK);
            assert_int_equal(rows_walk_begin(&walk, &head, slice_of(rows, cut), &wide, &err),
                             RC_OK);
            enum rc rc = rows_walk_next(&walk, &err);
            assert_int_equal(rc, cut == len ? RC_OK : RC_CORRUPT);
            for (unsigned i = 0; i < WIDTH && rc == RC_OK; i++) {
                bool is_null = (nulls >> i & 1) != 0;
                assert_int_equal(cells[i].state, is_null ? CELL_NULL : CELL_VALUE);
                if (is_null)
                    continue;
                assert_ptr_equal(cells[i].ptr, rows + places[i]);
                assert_int_equal(cells[i].len, sizes[i]);
            }
            if (rc == RC_OK)
                assert_int_equal(rows_walk_next(&walk, &err), RC_EOF);
            test_free(rows);
        }
    }
}

static void test_rows_without_columns_end(void **state)
{
    static const uint8_t none[] = {90, 0, 0, 0, 0, 0, 1, 0, 2, 0, 10, 0, 0xfc};
    static const uint8_t rest[] = {90, 0, 0, 0, 0, 0, 1, 0, 2, 0, 10, 0, 0, 7};
    struct rows_walk walk;
    struct error err;
    (void)state;
    assert_int_equal(begin(&walk, EVENT_WRITE_ROWS, none, sizeof(none)), RC_OK);
    assert_int_equal(rows_walk_next(&walk, &err), RC_OK);
    assert_int_equal(after[0].state, CELL_ABSENT);
    assert_int_equal(rows_walk_next(&walk, &err), RC_EOF);
    assert_int_equal(begin(&walk, EVENT_WRITE_ROWS, rest, sizeof(rest)), RC_CORRUPT);
}

static void test_heads(void **state)
{
    static const uint8_t dummy[] = {0xff, 0xff, 0xff, 0, 0, 0, 1, 0};
    static const uint8_t no_dummy[] = {0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 2, 0, 10, 1, 0, 0, 42};
    static const uint8_t v1[] = {90, 0, 0, 0, 0, 0, 1, 0, 10, 1, 0, 0, 42};
    static const uint8_t extra[] = {90, 0, 0, 0, 0, 0, 1, 0, 5, 0, 1, 9, 9, 10, 1, 0, 0, 42};
    static const uint8_t bad_extra[] = {90, 0, 0, 0, 0, 0, 1, 0, 1, 0, 10, 1, 0};
    static const uint8_t narrow[] = {90, 0, 0, 0, 0, 0, 1, 0, 2, 0, 9, 1, 0, 0, 42};
    struct rows_walk walk;
    struct rows_head head;
    struct error err;
    (void)state;
    assert_int_equal(
        rows_head_parse(slice_of(dummy, sizeof(dummy)), EVENT_WRITE_ROWS, &format, &head, &err),
        RC_OK);
    assert_true(rows_head_is_dummy(&head, NULL) && rows_head_is_dummy(&head, &shape));
    assert_int_equal(begin(&walk, EVENT_WRITE_ROWS, no_dummy, sizeof(no_dummy)), RC_OK);
    assert_false(rows_head_is_dummy(&walk.head, NULL) || rows_head_is_dummy(&walk.head, &shape));
    assert_int_equal(rows_walk_next(&walk, &err), RC_OK);
    assert_int_equal(after[0].ptr[0], 42);
    assert_int_equal(begin(&walk, EVENT_DELETE_ROWS_V1, v1, sizeof(v1)), RC_OK);
    assert_int_equal(rows_walk_next(&walk, &err), RC_OK);
    assert_int_equal(before[0].ptr[0], 42);
    assert_int_equal(begin(&walk, EVENT_WRITE_ROWS, extra, sizeof(extra)), RC_OK);
    assert_int_equal(rows_walk_next(&walk, &err), RC_OK);
    assert_int_equal(begin(&walk, EVENT_WRITE_ROWS, bad_extra, sizeof(bad_extra)), RC_CORRUPT);
    assert_int_equal(begin(&walk, EVENT_WRITE_ROWS, narrow, sizeof(narrow)), RC_CORRUPT);
}

static void test_compressed_record(void **state)
{
    uint8_t text[300];
    uint8_t record[400];
    uLongf len = sizeof(record) - 3;
    struct buf out;
    struct error err;
    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(compress(record + 3, &len, text, sizeof(text)), Z_OK);
    record[0] = 0x82;
    record[1] = sizeof(text) >> 8;
    record[2] = sizeof(text) & 0xff;
    buf_init(&out, 1 << 20);
    struct slice whole = slice_of(record, len + 3);
    assert_int_equal(inflate_record(whole, &out, &err), RC_OK);
    assert_true(slice_equal(buf_slice(&out), slice_of(text, sizeof(text))));
    for (size_t cut = 0; cut < whole.len; cut++)
        assert_int_equal(inflate_record(slice_of(record, cut), &out, &err), RC_CORRUPT);
    record[2]++;
    assert_int_equal(inflate_record(whole, &out, &err), RC_CORRUPT);
    record[0] = 0x92;
    assert_int_equal(inflate_record(whole, &out, &err), RC_UNSUPPORTED);
    static const uint8_t bomb[] = {0x84, 0x7f, 0xff, 0xff, 0xff, 1, 2, 3};
    assert_int_equal(inflate_record(slice_of(bomb, sizeof(bomb)), &out, &err), RC_CORRUPT);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_null_and_value),
        cmocka_unit_test(test_rows_of_nulls_are_rows),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_whole_images),
        cmocka_unit_test(test_rows_without_columns_end),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_compressed_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
