/* SPDX-License-Identifier: Apache-2.0 */
/* Changes that are kept: given back as they were, also when the buffer has grown since. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"

#include <stdio.h>

static struct table table = {.db = SLICE("shop"), .name = SLICE("orders"), .column_count = 3};

static const struct cell full[] = {{(const uint8_t *)"7", 1, CELL_VALUE},
                                   {NULL, 0, CELL_NULL},
                                   {(const uint8_t *)"a\0b", 3, CELL_VALUE}};
static const struct cell minimal[] = {
    {(const uint8_t *)"", 0, CELL_VALUE}, {NULL, 0, CELL_ABSENT}, {NULL, 0, CELL_ABSENT}};

static void expect_cells(const struct row *row, const struct cell *wanted, unsigned count)
{
    assert_int_equal(row->count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(row->cells[i].state, wanted[i].state);
        assert_int_equal(row->cells[i].len, wanted[i].len);
        if (wanted[i].len > 0)
            assert_memory_equal(row->cells[i].ptr, wanted[i].ptr, wanted[i].len);
    }
}

static void test_round_trip(void **state UNUSED)
{
    enum { MANY = 500 };
    struct change_copies copies;
    struct change_view view = {0};
    struct error err;
    size_t places[MANY];
    change_copies_init(&copies, 1 << 20);
    for (unsigned i = 0; i < MANY; i++) {
        char gtid[20];
        snprintf(gtid, sizeof(gtid), "0-1-%u", i / 3); /* of transactions with three rows */
        const struct txn txn = {.gtid = slice_str(gtid),
                                .file = SLICE("bin.000001"),
                                .offset = i / 3,
                                .commit_time_us = 5,
                                .server_id = 9,
                                .generation = 2};
        struct change change = {.kind = i % 2 == 0 ? CHANGE_UPDATE : CHANGE_DELETE,
                                .table = &table,
                                .before = {minimal, 3},
                                .txn = &txn,
                                .ordinal = i,
                                .event_offset = 1000 + i};
        if (i % 2 == 0)
            change.after = (struct row){full, 3};
        size_t len = copies.bytes.len;
        assert_int_equal(change_copy_add(&copies, &change, &places[i], &err), RC_OK);
        assert_true(copies.bytes.len - len <= change_copy_size(&change));
    }
    for (unsigned i = 0; i < MANY; i++) {
        char gtid[20];
        snprintf(gtid, sizeof(gtid), "0-1-%u", i / 3);
        assert_int_equal(change_copy_get(&copies, places[i], &view, &err), RC_OK);
        assert_true(slice_equal(view.change.txn->gtid, slice_str(gtid)));
        assert_true(slice_equal(view.change.txn->file, SLICE("bin.000001")));
        assert_int_equal(view.change.txn->offset, i / 3);
        assert_int_equal(view.change.txn->server_id, 9);
        assert_int_equal(view.change.txn->generation, 2);
        assert_int_equal(view.change.ordinal, i);
        assert_int_equal(view.change.event_offset, 1000 + i);
        assert_ptr_equal(view.change.table, &table);
        expect_cells(&view.change.before, minimal, 3);
        assert_int_equal(row_exists(&view.change.after), i % 2 == 0);
        if (i % 2 == 0)
            expect_cells(&view.change.after, full, 3);
    }
    change_view_deinit(&view);
    change_copies_deinit(&copies);
}

/* Values that lie as a binlog has them, one behind the other with the prefixes of some lengths between
 * them, and such that do not. */
static void test_neighbours(void **state UNUSED)
{
    enum { CELLS = 5 };
    static const uint8_t event[] = "aaa\5....bbbbb\0\0\0\0ccffffffffd";
    const struct cell rows[][CELLS] = {
        {{event, 3, CELL_VALUE},
         {NULL, 0, CELL_NULL},
         {event + 4, 0, CELL_VALUE},
         {event + 8, 5, CELL_VALUE},
         {event + 17, 2, CELL_VALUE}},
        {{event, 3, CELL_VALUE}, /* too far from the next */
         {event + 8, 5, CELL_VALUE},
         {NULL, 0, CELL_ABSENT},
         {NULL, 0, CELL_NULL},
         {event + 27, 1, CELL_VALUE}},
        {{event + 17, 2, CELL_VALUE}, /* before the one before it */
         {event, 3, CELL_VALUE},
         {event, 3, CELL_VALUE},
         {NULL, 0, CELL_VALUE},
         {event + 8, 5, CELL_VALUE}},
    };
    const struct txn txn = {.file = SLICE("bin.000001")};
    struct change_copies copies;
    struct change_view view = {0};
    struct error err;
    size_t at;
    change_copies_init(&copies, 1 << 20);
    for (unsigned r = 0; r < COUNT_OF(rows); r++) {
        struct change change = {
            .kind = CHANGE_INSERT, .table = &table, .after = {rows[r], CELLS}, .txn = &txn};
        size_t len = copies.bytes.len;
        assert_int_equal(change_copy_add(&copies, &change, &at, &err), RC_OK);
        assert_true(copies.bytes.len - len <= change_copy_size(&change));
        assert_int_equal(change_copy_get(&copies, at, &view, &err), RC_OK);
        expect_cells(&view.change.after, rows[r], CELLS);
    }
    change_view_deinit(&view);
    change_copies_deinit(&copies);
}

/* What does not fit leaves nothing behind, and what was there is there still. */
static void test_full(void **state UNUSED)
{
    struct change_copies copies;
    struct change_view view = {0};
    struct error err;
    size_t first;
    size_t at;
    const struct txn txn = {.gtid = SLICE("0-1-1"), .file = SLICE("bin.000001")};
    const struct txn other = {.gtid = SLICE("0-1-2"), .file = SLICE("bin.000001")};
    struct change change = {
        .kind = CHANGE_INSERT, .table = &table, .after = {full, 3}, .txn = &txn};
    change_copies_init(&copies, change_copy_size(&change));
    assert_int_equal(change_copy_add(&copies, &change, &first, &err), RC_OK);
    size_t len = copies.bytes.len;
    change.txn = &other;
    assert_int_equal(change_copy_add(&copies, &change, &at, &err), RC_LIMIT);
    assert_int_equal(copies.bytes.len, len);
    assert_int_equal(change_copy_get(&copies, first, &view, &err), RC_OK);
    assert_true(slice_equal(view.change.txn->gtid, txn.gtid));
    change_copies_reset(&copies);
    assert_int_equal(change_copy_add(&copies, &change, &first, &err), RC_OK);
    assert_int_equal(change_copy_get(&copies, first, &view, &err), RC_OK);
    assert_true(slice_equal(view.change.txn->gtid, other.gtid));
    change_view_deinit(&view);
    change_copies_deinit(&copies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_neighbours),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
