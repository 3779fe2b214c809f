/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CloudEvents and the JSON text of values, byte for byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

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

static struct cell value(const char *text)
{
    return (struct cell){
        .ptr = (const uint8_t *)text, .len = (uint32_t)strlen(text), .state = CELL_VALUE};
}

static unsigned put_of_cell(const struct column *column UNUSED, struct slice cell, uint8_t *out)
{
    memcpy(out, cell.ptr, cell.len);
    return (unsigned)cell.len;
}

static void check_cell(enum column_kind kind, const char *text, size_t len, const char *expected)
{
    struct column column = {.name = SLICE("c"), .kind = kind, .text = same_text};
    struct cell cell = {.ptr = (const uint8_t *)text, .len = (uint32_t)len, .state = CELL_VALUE};
    struct buf out, scratch;
    struct error err;
    buf_init(&out, 4096);
    buf_init(&scratch, 4096);
    assert_int_equal(json_add_cell(&out, &column, &cell, &scratch, &err), RC_OK);
    assert_string_equal(buf_cstr(&out), expected);
    if (kind <= COLUMN_TIMESTAMP) { /* short texts: the quick way writes the same */
        uint8_t quick[JSON_PUT_MAX];
        column.put = put_of_cell;
        size_t quick_len = json_put(&column, slice_of(text, len), json_put_form(&column), quick);
        assert_true(slice_equal(slice_of(quick, quick_len), slice_str(expected)));
    }
    buf_deinit(&out);
    buf_deinit(&scratch);
}

static void values_as_the_table_says(void **state UNUSED)
{
    check_cell(COLUMN_INT, "-42", 3, "-42");
    check_cell(COLUMN_UINT, "18446744073709551615", 20, "18446744073709551615");
    check_cell(COLUMN_BIT, "5", 1, "5");
    check_cell(COLUMN_YEAR, "0", 1, "0");
    check_cell(COLUMN_DOUBLE, "1e-7", 4, "1e-7");
    check_cell(COLUMN_DECIMAL, "0.10", 4, "\"0.10\"");
    check_cell(COLUMN_DATE, "2024-00-00", 10, "\"2024-00-00\"");
    check_cell(COLUMN_DATETIME, "2024-05-06 07:08:09.120", 23, "\"2024-05-06 07:08:09.120\"");
    check_cell(COLUMN_TIMESTAMP, "2024-05-06 07:08:09", 19, "\"2024-05-06T07:08:09Z\"");
    check_cell(COLUMN_TIMESTAMP, "2024-05-06 07:08:09.5", 21, "\"2024-05-06T07:08:09.5Z\"");
    check_cell(COLUMN_TIME, "-838:59:59", 10, "\"-838:59:59\"");
    check_cell(COLUMN_BYTES, "\x00\xff\x10", 3, "\"AP8Q\"");
    check_cell(COLUMN_BYTES, "", 0, "\"\"");
    check_cell(COLUMN_BYTES, "a", 1, "\"YQ==\"");
    check_cell(COLUMN_BYTES, "ab", 2, "\"YWI=\"");
    check_cell(COLUMN_JSON, "{\"a\": 1}", 8, "{\"a\": 1}");
    check_cell(COLUMN_VECTOR, "[1,2.5]", 7, "[1,2.5]");
    check_cell(COLUMN_GEOMETRY, "\xe6\x10\x00\x00\x01", 5, "{\"srid\":4326,\"wkb\":\"AQ==\"}");
    check_cell(COLUMN_STRING, "a\"b\\c\n\x01\x1f\x7f\xc3\xa9", 11,
               "\"a\\\"b\\\\c\\n\\u0001\\u001f\x7f\xc3\xa9\"");
}

/* Every byte at every place of a word, against the rule byte by byte. */
static void escapes_wherever_they_stand(void **state UNUSED)
{
    struct buf out, wanted;
    buf_init(&out, 4096);
    buf_init(&wanted, 4096);
    for (unsigned byte = 0; byte < 256; byte++)
        for (unsigned at = 0; at < 24; at++) {
            uint8_t text[24];
            memset(text, at % 2 == 0 ? 'a' : 0xc3, sizeof(text));
            text[at] = (uint8_t)byte;
            buf_reset(&out);
            buf_reset(&wanted);
            json_add_escaped(&out, slice_of(text, sizeof(text)));
            for (unsigned i = 0; i < sizeof(text); i++)
                json_add_escaped(&wanted, slice_of(text + i, 1));
            assert_true(slice_equal(buf_slice(&out), buf_slice(&wanted)));
            bool is_escaped = byte < 0x20 || byte == '"' || byte == '\\';
            assert_true((out.len > sizeof(text)) == is_escaped);
        }
    buf_deinit(&out);
    buf_deinit(&wanted);
}

/* Every byte at every place of texts of all lengths up to a few blocks: what the quick way takes is what
 * the long way writes, and it takes all that is ASCII and needs no escape. The text ends with its memory,
 * so that a sanitizer sees who reads behind it. */
static void plain_text_is_told_from_other_text(void **state UNUSED)
{
    enum { LONGEST = 40 };
    struct buf out, wanted;
    buf_init(&out, 4096);
    buf_init(&wanted, 4096);
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t len = 0; len <= LONGEST; len++)
            for (size_t at = 0; at < len || at == 0; at++) {
                uint8_t *text = malloc(len);
                memset(text, '~', len);
                if (len > 0)
                    text[at] = (uint8_t)byte;
                buf_reset(&out);
                buf_reset(&wanted);
                bool is_plain =
                    len == 0 || (byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\');
                assert_int_equal(json_add_plain(&out, slice_of(text, len)), is_plain);
                if (is_plain)
                    json_add_string(&wanted, slice_of(text, len));
                assert_true(slice_equal(buf_slice(&out), buf_slice(&wanted)));
                free(text);
            }
    buf_deinit(&out);
    buf_deinit(&wanted);
}

static struct column columns[] = {
    {.name = SLICE("id"), .kind = COLUMN_INT, .key_ordinal = 1, .text = same_text},
    {.name = SLICE("na\"me"), .kind = COLUMN_STRING, .text = same_text},
};
static const uint32_t key[] = {0};
static struct table table = {.db = SLICE("shop"),
                             .name = SLICE("orders"),
                             .columns = columns,
                             .column_count = 2,
                             .key = key,
                             .key_count = 1,
                             .has_names = true};
static const struct txn txn = {.gtid = SLICE("0-1-42"),
                               .file = SLICE("binlog.000007"),
                               .offset = 4711,
                               .commit_time_us = UINT64_C(1700000000) * 1000000 + 5,
                               .server_id = 9};

static const char *line_of(const struct change *change, struct buf *out)
{
    struct cloudevent_writer writer;
    struct error err;
    buf_reset(out);
    assert_int_equal(cloudevent_writer_init(&writer, SLICE("my shop"), &err), RC_OK);
    assert_int_equal(cloudevent_add(&writer, out, change, &err), RC_OK);
    cloudevent_writer_deinit(&writer);
    return buf_cstr(out);
}

static void an_update_is_an_event(void **state UNUSED)
{
    struct cell before[] = {value("1"), {.state = CELL_NULL}};
    struct cell after[] = {value("1"), {.state = CELL_ABSENT}};
    struct change change = {.kind = CHANGE_UPDATE,
                            .table = &table,
                            .before = {before, 2},
                            .after = {after, 2},
                            .txn = &txn,
                            .ordinal = 3,
                            .event_offset = 5000};
    struct buf out;
    buf_init(&out, 1 << 16);
    assert_string_equal(
        line_of(&change, &out),
        "{\"specversion\":\"1.0\",\"id\":\"0-1-42:3\",\"source\":\"urn:millrace:mysql:my%20shop\","
        "\"type\":\"io.millrace.mysql.row.updated.v1\",\"subject\":\"shop/orders\","
        "\"time\":\"2023-11-14T22:13:20.000005Z\",\"datacontenttype\":\"application/json\","
        "\"sequence\":\"000000000000000700000000000012670000000000000003\","
        "\"partitionkey\":\"d692fc0c46cd147b\",\"cdcop\":\"u\",\"cdcdb\":\"shop\","
        "\"cdctable\":\"orders\",\"cdcgtid\":\"0-1-42\",\"cdcfile\":\"binlog.000007\","
        "\"cdcpos\":\"5000\",\"cdctxid\":\"0-1-42\","
        "\"data\":{\"before\":{\"id\":1,\"na\\\"me\":null},\"after\":{\"id\":1}}}\n");
    buf_deinit(&out);
}

static void ids_without_gtid_name_server_file_and_offset(void **state UNUSED)
{
    struct cell after[] = {value("7"), value("x")};
    struct txn plain = txn;
    plain.gtid = SLICE_EMPTY;
    struct change change = {
        .kind = CHANGE_INSERT, .table = &table, .after = {after, 2}, .txn = &plain};
    struct buf out;
    buf_init(&out, 1 << 16);
    const char *line = line_of(&change, &out);
    assert_non_null(strstr(line, "\"id\":\"9/binlog.000007:4711:0\""));
    assert_non_null(strstr(line, "\"cdctxid\":\"binlog.000007:4711\""));
    assert_null(strstr(line, "cdcgtid"));
    assert_non_null(strstr(line, "\"before\":null"));
    buf_deinit(&out);
}

static void a_partition_key_is_of_the_key_alone(void **state UNUSED)
{
    struct cell one[] = {value("7"), value("x")};
    struct cell two[] = {value("7"), value("y")};
    struct cell other[] = {value("8"), value("x")};
    struct buf a, b, c;
    buf_init(&a, 1 << 16);
    buf_init(&b, 1 << 16);
    buf_init(&c, 1 << 16);
    struct change insert = {.kind = CHANGE_INSERT, .table = &table, .after = {one, 2}, .txn = &txn};
    struct change delete = {
        .kind = CHANGE_DELETE, .table = &table, .before = {two, 2}, .txn = &txn};
    struct change foreign = {
        .kind = CHANGE_INSERT, .table = &table, .after = {other, 2}, .txn = &txn};
    const char *first = strstr(line_of(&insert, &a), "\"partitionkey\"");
    const char *same = strstr(line_of(&delete, &b), "\"partitionkey\"");
    const char *differs = strstr(line_of(&foreign, &c), "\"partitionkey\"");
    assert_memory_equal(first, same, 33);
    assert_memory_not_equal(first, differs, 33);
    buf_deinit(&a);
    buf_deinit(&b);
    buf_deinit(&c);
}

/* Key and value put down at once are what the long way writes: texts about the longest that goes the quick
 * way, text that needs the long one, NULL, names about the longest that is copied in one step, and keys whose
 * length has one digit and two. */
static void the_quick_way_writes_the_same_event(void **state UNUSED)
{
    enum { COLUMNS = 6 };
    static const struct slice names[] = {SLICE("id"),
                                         SLICE("a_name_of_so_many_letters_29_"),
                                         SLICE("a_name_of_so_many_letters__30_"),
                                         SLICE("note"),
                                         SLICE("at"),
                                         SLICE("price")};
    char longest[JSON_PUT_TEXT_MAX + 2];
    memset(longest, 'x', sizeof(longest));
    longest[JSON_PUT_TEXT_MAX + 1] = '\0';
    const char *notes[] = {longest, longest + 1, longest + 2, "", "caf\xc3\xa9", "a \"b\""};
    const char *ids[] = {"7", "123456789", "1234567890", "-9223372036854775808"};
    struct column own[COLUMNS];
    struct table wide = table;
    wide.columns = own;
    wide.column_count = COLUMNS;
    struct buf quick, slow;
    buf_init(&quick, 1 << 16);
    buf_init(&slow, 1 << 16);
    for (unsigned i = 0; i < COUNT_OF(notes) * COUNT_OF(ids); i++) {
        struct cell cells[COLUMNS] = {value(ids[i % COUNT_OF(ids)]),
                                      value("1"),
                                      value("2"),
                                      value(notes[i / COUNT_OF(ids)]),
                                      value("2024-05-06 07:08:09"),
                                      value("0.10")};
        if (i % 5 == 4)
            cells[1 + i % 4].state = CELL_NULL;
        struct change change = {
            .kind = CHANGE_INSERT, .table = &wide, .after = {cells, COLUMNS}, .txn = &txn};
        for (unsigned k = 0; k < COLUMNS; k++)
            own[k] = (struct column){.name = names[k], .kind = COLUMN_INT, .text = same_text};
        own[3].kind = COLUMN_STRING;
        own[4].kind = COLUMN_TIMESTAMP;
        own[5].kind = COLUMN_DECIMAL;
        line_of(&change, &slow);
        for (unsigned k = 0; k < COLUMNS; k++)
            own[k].put = k == 3 ? NULL : put_of_cell;
        own[3].ascii_is_text = true;
        assert_string_equal(line_of(&change, &quick), buf_cstr(&slow));
    }
    buf_deinit(&quick);
    buf_deinit(&slow);
}

static void schema_changes_carry_the_statement(void **state UNUSED)
{
    struct change change = {.kind = CHANGE_SCHEMA,
                            .txn = &txn,
                            .ddl = SLICE("ALTER TABLE t ADD c INT"),
                            .ddl_db = SLICE("shop")};
    struct buf out;
    buf_init(&out, 1 << 16);
    const char *line = line_of(&change, &out);
    assert_non_null(strstr(line, "io.millrace.mysql.schema.changed.v1"));
    assert_non_null(strstr(line, "\"statement\":\"ALTER TABLE t ADD c INT\""));
    assert_null(strstr(line, "cdcop"));
    buf_deinit(&out);
}

/* A table that nothing defines is named by the statement; where that names none, its database is. */
static void a_truncate_names_a_table_that_is_not_known(void **state UNUSED)
{
    struct change change = {.kind = CHANGE_TRUNCATE,
                            .txn = &txn,
                            .ddl = SLICE("TRUNCATE shop.odd"),
                            .ddl_db = SLICE("elsewhere"),
                            .about_db = SLICE("shop"),
                            .about_table = SLICE("odd")};
    struct buf out;
    buf_init(&out, 1 << 16);
    const char *line = line_of(&change, &out);
    assert_non_null(strstr(line, "io.millrace.mysql.table.truncated.v1"));
    assert_non_null(strstr(line, "\"subject\":\"shop/odd\""));
    assert_non_null(strstr(line, "\"cdcdb\":\"shop\""));
    assert_non_null(strstr(line, "\"cdctable\":\"odd\""));
    assert_non_null(strstr(line, "\"cdcop\":\"t\""));
    change.about_db = SLICE_EMPTY;
    change.about_table = SLICE_EMPTY;
    line = line_of(&change, &out);
    assert_non_null(strstr(line, "\"subject\":\"elsewhere\""));
    assert_null(strstr(line, "cdctable"));
    buf_deinit(&out);
}

static void a_failure_leaves_the_output_as_it_was(void **state UNUSED)
{
    struct cell after[] = {value("7"), value("x")};
    struct change change = {
        .kind = CHANGE_INSERT, .table = &table, .after = {after, 2}, .txn = &txn};
    struct cloudevent_writer writer;
    struct buf out;
    struct error err;
    buf_init(&out, 1 << 16);
    assert_int_equal(cloudevent_writer_init(&writer, SLICE("s"), &err), RC_OK);
    buf_add_str(&out, "before");
    columns[1].text = bad_text;
    assert_int_equal(cloudevent_add(&writer, &out, &change, &err), RC_REJECTED);
    columns[1].text = same_text;
    assert_string_equal(buf_cstr(&out), "before");
    assert_string_equal(err.text, "Column na\"me is odd.");

    struct buf small;
    buf_init(&small, 64);
    assert_int_equal(cloudevent_add(&writer, &small, &change, &err), RC_LIMIT);
    assert_int_equal(small.len, 0);
    buf_deinit(&small);
    buf_deinit(&out);
    cloudevent_writer_deinit(&writer);
}

static void borders_are_no_events(void **state UNUSED)
{
    struct change change = {.kind = CHANGE_COMMIT, .txn = &txn};
    struct buf out;
    buf_init(&out, 1 << 16);
    assert_string_equal(line_of(&change, &out), "");
    change.kind = CHANGE_IDLE;
    assert_string_equal(line_of(&change, &out), "");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_as_the_table_says),
        cmocka_unit_test(escapes_wherever_they_stand),
        cmocka_unit_test(plain_text_is_told_from_other_text),
        cmocka_unit_test(an_update_is_an_event),
        cmocka_unit_test(ids_without_gtid_name_server_file_and_offset),
        cmocka_unit_test(a_partition_key_is_of_the_key_alone),
        cmocka_unit_test(the_quick_way_writes_the_same_event),
        cmocka_unit_test(schema_changes_carry_the_statement),
        cmocka_unit_test(a_truncate_names_a_table_that_is_not_known),
        cmocka_unit_test(a_failure_leaves_the_output_as_it_was),
        cmocka_unit_test(borders_are_no_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
