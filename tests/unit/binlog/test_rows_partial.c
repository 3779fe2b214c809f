/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updates that hold changes to JSON documents: which columns have a bit, what becomes of the cells,
 * and what is refused. Four columns: a number, three JSON documents.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "binlog/rows_partial_int.h"
#include "event_writer.h"

enum { COLUMNS = 4 };

static const struct event_format format = {.known = true, .version = 80036, .header_len = 19};
static struct value_layout layouts[COLUMNS] = {{.size = 1},
                                               {.prefix = 4, .is_json = true},
                                               {.prefix = 4, .is_json = true},
                                               {.prefix = 4, .is_json = true}};
static struct cell before[COLUMNS];
static struct cell after[COLUMNS];
static struct column columns[COLUMNS] = {
    {.name = SLICE("id")}, {.name = SLICE("j")}, {.name = SLICE("k")}, {.name = SLICE("l")}};
static struct table table = {.columns = columns, .column_count = COLUMNS};
static struct table_shape shape = {
    .table = &table, .layouts = layouts, .before = before, .after = after, .column_count = COLUMNS};
static struct rows_partial partial;
static struct writer w;
static struct error err;

static int begin(void **state UNUSED)
{
    rows_partial_init(&partial);
    return 0;
}

static int end(void **state UNUSED)
{
    rows_partial_deinit(&partial);
    return 0;
}

static void put_head(uint8_t present_before, uint8_t present_after)
{
    w.len = 0;
    put(&w, 90, 6);
    put(&w, 1, 2);
    put(&w, 2, 2);
    put(&w, COLUMNS, 1);
    put(&w, present_before, 1);
    put(&w, present_after, 1);
}

/* [n] */
static void put_array(uint16_t number)
{
    put(&w, 8, 4);
    put(&w, 2, 1);
    put(&w, 1, 2);
    put(&w, 7, 2);
    put(&w, 5, 1);
    put(&w, number, 2);
}

/* $[0] is replaced by a number */
static void put_change(uint16_t number)
{
    put(&w, 10, 4);
    put(&w, 0, 1);
    put(&w, 4, 1);
    put_text(&w, "$[0]");
    put(&w, 3, 1);
    put(&w, 5, 1);
    put(&w, number, 2);
}

/* Options and bits in front of an image, then its null bits. */
static void put_options(uint8_t bits, uint8_t nulls)
{
    put(&w, 1, 1);
    put(&w, bits, 1);
    put(&w, nulls, 1);
}

static enum rc walk_begin(struct rows_walk *walk, const uint8_t *bytes)
{
    struct rows_head head;
    enum rc rc =
        rows_head_parse(slice_of(bytes, w.len), EVENT_PARTIAL_UPDATE_ROWS, &format, &head, &err);
    return rc != RC_OK ? rc : rows_walk_begin(walk, &head, head.rows, &shape, &err);
}

static enum rc next(struct rows_walk *walk)
{
    enum rc rc = rows_walk_next(walk, &err);
    return rc != RC_OK ? rc : rows_partial_complete(&partial, walk, &err);
}

static void assert_array(const struct cell *cell, uint16_t number)
{
    struct json_doc_container container;
    uint8_t type;
    struct slice bytes;
    assert_int_equal(cell->state, CELL_VALUE);
    assert_null(json_doc_open(cell->ptr[0], slice_of(cell->ptr + 1, cell->len - 1), &container));
    assert_int_equal(container.count, 1);
    assert_null(json_doc_element(&container, 0, &type, &bytes));
    assert_int_equal(type, JSON_INT16);
    assert_int_equal(load_u16le(bytes.ptr), number);
}

static void changes_become_documents(void **state UNUSED)
{
    struct rows_walk walk;
    put_head(0xff, 0xff);
    put(&w, 0, 1); /* the first row: j is changed, k whole, l changed */
    put(&w, 1, 1);
    put_array(10);
    put_array(20);
    put_array(30);
    put_options(0x05, 0);
    put(&w, 2, 1);
    put_change(11);
    put_array(21);
    put_change(31);
    put(&w, 0, 1); /* the second: no option, all whole */
    put(&w, 3, 1);
    put_array(1);
    put_array(2);
    put_array(3);
    put(&w, 0, 1);
    put(&w, 0, 1);
    put(&w, 4, 1);
    put_array(4);
    put_array(5);
    put_array(6);
    assert_int_equal(walk_begin(&walk, w.bytes), RC_OK);
    assert_int_equal(next(&walk), RC_OK);
    assert_array(&before[1], 10);
    assert_array(&before[3], 30);
    assert_int_equal(after[0].ptr[0], 2);
    assert_array(&after[1], 11);
    assert_array(&after[2], 21);
    assert_array(&after[3], 31);
    assert_int_equal(next(&walk), RC_OK);
    assert_array(&after[1], 4);
    assert_array(&after[3], 6);
    assert_int_equal(next(&walk), RC_EOF);
    assert_int_equal(walk_begin(&walk, w.bytes), RC_OK);
    assert_int_equal(rows_walk_skip(&walk, &err), RC_OK);
    assert_int_equal(rows_walk_skip(&walk, &err), RC_OK);
    assert_int_equal(rows_walk_skip(&walk, &err), RC_EOF);
}

/* A bit stands for every JSON column of the table: j is NULL, k absent, l has a change. */
static void bits_count_absent_and_null_columns(void **state UNUSED)
{
    struct rows_walk walk;
    put_head(0x0f, 0x0b);
    put(&w, 0x02, 1);
    put(&w, 1, 1);
    put_array(20);
    put_array(30);
    put_options(0x07, 0x02);
    put(&w, 2, 1);
    put_change(31);
    assert_int_equal(walk_begin(&walk, w.bytes), RC_OK);
    assert_int_equal(next(&walk), RC_OK);
    assert_int_equal(after[1].state, CELL_NULL);
    assert_int_equal(after[2].state, CELL_ABSENT);
    assert_array(&after[3], 31);
    assert_int_equal(next(&walk), RC_EOF);
}

static void no_change_is_the_old_value(void **state UNUSED)
{
    struct rows_walk walk;
    put_head(0x0f, 0x0f);
    put(&w, 0, 1);
    put(&w, 1, 1);
    put_array(10);
    put_array(20);
    put_array(30);
    put_options(0x03, 0);
    put(&w, 2, 1);
    put(&w, 0, 4);
    put_change(21);
    put_array(31);
    assert_int_equal(walk_begin(&walk, w.bytes), RC_OK);
    assert_int_equal(next(&walk), RC_OK);
    assert_array(&after[1], 10);
    assert_array(&after[2], 21);
    assert_array(&after[3], 31);
}

/* A row of j alone behind its options; j's before image as `present` and `nulls` say. */
static enum rc only_j(uint8_t present, uint8_t nulls, uint8_t options)
{
    struct rows_walk walk;
    put_head(present, 0x03);
    put(&w, nulls, 1);
    put(&w, 1, 1);
    if ((present & 2) != 0 && nulls == 0)
        put_array(10);
    put(&w, options, 1);
    put(&w, 1, 1);
    put(&w, 0, 1);
    put(&w, 1, 1);
    put_change(11);
    enum rc rc = walk_begin(&walk, w.bytes);
    return rc != RC_OK ? rc : next(&walk);
}

static void refusals(void **state UNUSED)
{
    assert_int_equal(only_j(0x03, 0, 1), RC_OK);
    assert_int_equal(only_j(0x01, 0, 1), RC_UNSUPPORTED);
    assert_non_null(strstr(err.text, "column j"));
    assert_non_null(strstr(err.text, "binlog_row_image = 'FULL'"));
    assert_int_equal(only_j(0x03, 2, 1), RC_CORRUPT);
    assert_non_null(strstr(err.text, "NULL"));
    assert_int_equal(only_j(0x03, 0, 2), RC_CORRUPT);
    assert_int_equal(only_j(0x03, 0, 3), RC_CORRUPT);
    assert_int_equal(only_j(0x03, 0, 0xff), RC_CORRUPT);
}

static void cut_anywhere(void **state UNUSED)
{
    assert_int_equal(only_j(0x03, 0, 1), RC_OK);
    size_t whole = w.len;
    size_t head = 13;
    for (size_t cut = head + 1; cut < whole; cut++) {
        struct rows_walk walk;
        w.len = cut;
        uint8_t *bytes = malloc(cut);
        assert_non_null(bytes);
        memcpy(bytes, w.bytes, cut);
        assert_int_equal(walk_begin(&walk, bytes), RC_OK);
        assert_int_equal(next(&walk), RC_CORRUPT);
        assert_int_equal(walk_begin(&walk, bytes), RC_OK);
        assert_int_equal(rows_walk_skip(&walk, &err), RC_CORRUPT);
        free(bytes);
    }
}

static void lengths_of_other_sizes(void **state UNUSED)
{
    layouts[2].prefix = 3;
    assert_int_equal(only_j(0x03, 0, 1), RC_CORRUPT);
    assert_non_null(strstr(err.text, "column 3"));
    layouts[2].prefix = 4;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_become_documents),
        cmocka_unit_test(bits_count_absent_and_null_columns),
        cmocka_unit_test(no_change_is_the_old_value),
        cmocka_unit_test(refusals),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(lengths_of_other_sizes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
