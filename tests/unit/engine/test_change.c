/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An error about a row names the row.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"

static enum rc same_text(const struct column *column UNUSED, struct slice cell,
                         struct buf *scratch UNUSED, struct slice *text, struct error *err UNUSED)
{
    *text = cell;
    return RC_OK;
}

static enum rc bad_text(const struct column *column, struct slice cell UNUSED,
                        struct buf *scratch UNUSED, struct slice *text UNUSED, struct error *err)
{
    return error_set(err, RC_REJECTED, "Column %.*s is odd.", SLICE_ARG(column->name));
}

static struct column columns[2] = {
    {.name = SLICE("id"), .kind = COLUMN_INT, .text = same_text},
    {.name = SLICE("name"), .kind = COLUMN_STRING, .text = same_text},
};
static const uint32_t key[2] = {0, 1};
static struct table table = {
    .db = SLICE("app"), .name = SLICE("t"), .columns = columns, .column_count = 2, .key = key};
static const struct txn txn = {.gtid = SLICE("0-1-42"), .file = SLICE("binlog.000003")};

static struct cell cell_of(const char *text)
{
    return (struct cell){
        .ptr = (const uint8_t *)text, .len = (uint32_t)strlen(text), .state = CELL_VALUE};
}

static struct error wrapped(enum change_kind kind, const struct cell *cells, uint32_t key_count,
                            enum rc rc)
{
    struct row row = {.cells = cells, .count = 2};
    struct change change = {
        .kind = kind, .table = &table, .txn = &txn, .ordinal = 4, .event_offset = 4711};
    table.key_count = key_count;
    *(kind == CHANGE_INSERT ? &change.after : &change.before) = row;
    struct error err;
    error_set(&err, rc, "Column c is odd.");
    change_wrap_error(&change, &err);
    assert_int_equal(err.rc, rc);
    return err;
}

static void the_row_is_named(void **state UNUSED)
{
    const struct cell cells[2] = {cell_of("7"), cell_of("a\"b")};
    struct error err = wrapped(CHANGE_INSERT, cells, 2, RC_REJECTED);
    assert_string_equal(err.text,
                        "The insert of a row of table app.t with id = 7, name = \"a\\\"b\" (at "
                        "binlog.000003:4711; row 5 of transaction 0-1-42): Column c is odd.");
    err = wrapped(CHANGE_DELETE, cells, 1, RC_CORRUPT);
    assert_string_equal(err.text, "The delete of a row of table app.t with id = 7 (at "
                                  "binlog.000003:4711; row 5 of transaction 0-1-42): Column c is "
                                  "odd.");
    assert_int_equal(err.class, ERROR_FATAL);
}

static void a_key_that_cannot_be_shown_is_left_out(void **state UNUSED)
{
    static const char wanted[] = "The update of a row of table app.t (at binlog.000003:4711; row 5 "
                                 "of transaction 0-1-42): Column c is odd.";
    struct cell cells[2] = {cell_of("7"), cell_of("a")};
    struct error err = wrapped(CHANGE_UPDATE, cells, 0, RC_REJECTED);
    assert_string_equal(err.text, wanted);
    columns[1].text = bad_text;
    err = wrapped(CHANGE_UPDATE, cells, 2, RC_REJECTED);
    assert_string_equal(err.text, wanted);
    columns[1].text = same_text;
    cells[0].state = CELL_ABSENT;
    err = wrapped(CHANGE_UPDATE, cells, 2, RC_REJECTED);
    assert_string_equal(err.text, wanted);
    cells[0].state = CELL_NULL;
    err = wrapped(CHANGE_UPDATE, cells, 1, RC_REJECTED);
    assert_non_null(strstr(err.text, "with id = null (at"));
}

static void a_long_key_is_cut(void **state UNUSED)
{
    static char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    const struct cell cells[2] = {cell_of("7"), cell_of(text)};
    struct error err = wrapped(CHANGE_INSERT, cells, 2, RC_REJECTED);
    assert_non_null(strstr(err.text, "xxx... (at binlog.000003:4711"));
    assert_non_null(strstr(err.text, "Column c is odd."));
}

static void other_errors_stay_as_they_are(void **state UNUSED)
{
    const struct cell cells[2] = {cell_of("7"), cell_of("a")};
    struct error err = wrapped(CHANGE_INSERT, cells, 2, RC_IO);
    assert_string_equal(err.text, "Column c is odd.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_row_is_named),
        cmocka_unit_test(a_key_that_cannot_be_shown_is_left_out),
        cmocka_unit_test(a_long_key_is_cut),
        cmocka_unit_test(other_errors_stay_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
