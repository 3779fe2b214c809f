/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notes of a table: what is written is read, what a later version may write is passed over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

#include "engine/pipeline/table_note.h"

static void expect(struct slice *rest, enum table_note_word wanted, const char *wanted_column)
{
    enum table_note_word word;
    struct slice column;
    assert_true(table_note_next(rest, &word, &column));
    assert_int_equal(word, wanted);
    assert_true(slice_equal(column, slice_str(wanted_column)));
}

static void test_every_word(void **state UNUSED)
{
    struct buf note;
    buf_init(&note, 1024);
    table_note_add_names(&note, SLICE("a.b"));
    table_note_add(&note, TABLE_NOTE_STREAM, SLICE_EMPTY);
    table_note_add(&note, TABLE_NOTE_SNAPSHOT, SLICE_EMPTY);
    table_note_add(&note, TABLE_NOTE_REBUILD, SLICE_EMPTY);
    table_note_add(&note, TABLE_NOTE_AWAY, SLICE_EMPTY);
    table_note_add(&note, TABLE_NOTE_SKIP, SLICE("a column"));
    table_note_add(&note, TABLE_NOTE_KEPT, SLICE("skip"));
    assert_string_equal(buf_cstr(&note),
                        "3\nstream\nsnapshot\nrebuild\naway\nskip a column\nkept skip\n");
    struct slice rest = buf_slice(&note);
    struct slice db;
    struct slice name;
    assert_true(table_note_next_names(&rest, SLICE("a.b.c.d"), &db, &name));
    assert_true(slice_equal(db, SLICE("a.b")) && slice_equal(name, SLICE("c.d")));
    expect(&rest, TABLE_NOTE_STREAM, "");
    expect(&rest, TABLE_NOTE_SNAPSHOT, "");
    expect(&rest, TABLE_NOTE_REBUILD, "");
    expect(&rest, TABLE_NOTE_AWAY, "");
    expect(&rest, TABLE_NOTE_SKIP, "a column");
    expect(&rest, TABLE_NOTE_KEPT, "skip");
    enum table_note_word word;
    struct slice column;
    assert_false(table_note_next(&rest, &word, &column));
    buf_deinit(&note);
}

static void test_what_is_not_known(void **state UNUSED)
{
    struct slice rest = SLICE("snapshots\n\nskipped x\n");
    expect(&rest, TABLE_NOTE_OTHER, "");
    expect(&rest, TABLE_NOTE_OTHER, "");
    expect(&rest, TABLE_NOTE_OTHER, "x");
    static const char *const bad[] = {"", "x\n", "3\n", "4\n", "99999999999999999999\n"};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        struct slice db;
        struct slice name;
        rest = slice_str(bad[i]);
        assert_false(table_note_next_names(&rest, SLICE("a.b"), &db, &name));
    }
    rest = SLICE("dreaming\nsince\n");
    assert_int_equal(table_note_next_unknown(&rest), UNKNOWN_NONE);
    assert_true(slice_equal(rest, SLICE("since\n")));
}

static void test_states(void **state UNUSED)
{
    for (unsigned i = UNKNOWN_MARKED; i <= UNKNOWN_LEFT; i++) {
        struct buf note;
        buf_init(&note, 64);
        table_note_add_unknown(&note, (enum unknown_state)i);
        struct slice rest = buf_slice(&note);
        assert_int_equal(table_note_next_unknown(&rest), i);
        assert_int_equal(rest.len, 0);
        buf_deinit(&note);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_word),
        cmocka_unit_test(test_what_is_not_known),
        cmocka_unit_test(test_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
