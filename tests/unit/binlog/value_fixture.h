/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One column at a time: bound from hand-made facts of a table map, and cells given to it as hex.
 * For tests only; everything lives in static memory that value_fixture_end releases.
 */
#ifndef MILLRACE_TESTS_VALUE_FIXTURE_H
#define MILLRACE_TESTS_VALUE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "binlog/value_codec_int.h"

static struct arena fixture_arena;
static struct buf fixture_scratch;
static struct error fixture_error;
static enum invalid_text fixture_invalid_text; /* stop, unless a test says otherwise */
static struct column fixture_column;
static struct value_layout fixture_layout;

static int UNUSED value_fixture_begin(void **state UNUSED)
{
    arena_init(&fixture_arena, "test", 1 << 20);
    buf_init(&fixture_scratch, 1 << 20);
    return 0;
}

static int UNUSED value_fixture_end(void **state UNUSED)
{
    arena_deinit(&fixture_arena);
    buf_deinit(&fixture_scratch);
    return 0;
}

static enum rc UNUSED try_bind(const struct value_facts *facts,
                               const struct catalog_column *catalog)
{
    error_clear(&fixture_error);
    fixture_column = (struct column){.name = SLICE("c"), .nullable = true};
    return value_bind(&fixture_column, facts, catalog, fixture_invalid_text, &fixture_arena,
                      &fixture_layout, &fixture_error);
}

/* A column of a wire type with up to two metadata bytes; the rest of the facts unknown. */
static enum rc UNUSED try_bind_wire(uint8_t wire, uint8_t meta0, uint8_t meta1,
                                    const struct catalog_column *catalog)
{
    const uint8_t meta[2] = {meta0, meta1};
    return try_bind(&(struct value_facts){.wire_type = wire, .meta = meta, .meta_len = 2}, catalog);
}

static void UNUSED bind_wire(uint8_t wire, uint8_t meta0, uint8_t meta1,
                             const struct catalog_column *catalog)
{
    enum rc rc = try_bind_wire(wire, meta0, meta1, catalog);
    if (rc != RC_OK)
        fail_msg("%s", fixture_error.text);
}

/* A catalog column from its type text alone. */
static struct catalog_column UNUSED declared(const char *column_type)
{
    return (struct catalog_column){.name = SLICE("c"), .column_type = slice_str(column_type)};
}

/* Reads a cell that ends exactly at the end of its own allocation, so that the address sanitizer
 * sees every read behind it. */
static enum rc UNUSED read_cell(const uint8_t *bytes, size_t len, struct slice *text)
{
    static uint8_t *cell;
    free(cell);
    cell = malloc(len == 0 ? 1 : len);
    assert_non_null(cell);
    if (len > 0)
        memcpy(cell, bytes, len);
    error_clear(&fixture_error);
    buf_reset(&fixture_scratch);
    enum rc rc = fixture_column.text(&fixture_column, slice_of(cell, len), &fixture_scratch, text,
                                     &fixture_error);
    if (rc == RC_OK) {
        /* What was read may point into the cell, which goes with the next call: keep the text. */
        static uint8_t kept[1 << 16];
        assert_true(text->len <= sizeof(kept));
        if (text->len > 0)
            memcpy(kept, text->ptr, text->len);
        *text = slice_of(kept, text->len);
    }
    free(cell);
    cell = NULL;
    return rc;
}

static size_t UNUSED from_hex(const char *hex, uint8_t *out)
{
    size_t len = 0;
    for (const char *p = hex; *p != '\0';) {
        if (*p == ' ') {
            p++;
            continue;
        }
        char pair[3] = {p[0], p[1], '\0'};
        out[len++] = (uint8_t)strtoul(pair, NULL, 16);
        p += 2;
    }
    return len;
}

static void UNUSED expect_text(const char *hex, const char *expected)
{
    uint8_t bytes[4096];
    struct slice text;
    size_t len = from_hex(hex, bytes);
    enum rc rc = read_cell(bytes, len, &text);
    if (rc != RC_OK)
        fail_msg("%s: %s", hex, fixture_error.text);
    if (!slice_equal(text, slice_str(expected)))
        fail_msg("%s gave \"%.*s\" and not \"%s\"", hex, SLICE_ARG(text), expected);
}

static void UNUSED expect_rc(const char *hex, enum rc expected)
{
    uint8_t bytes[4096];
    struct slice text;
    size_t len = from_hex(hex, bytes);
    enum rc rc = read_cell(bytes, len, &text);
    if (rc != expected)
        fail_msg("%s gave %s and not %s", hex, rc_name(rc), rc_name(expected));
    assert_true(rc == RC_OK || fixture_error.text_len > 0);
}

/* Every shorter cell of a fixed-size value is damaged, and so is a longer one. */
static void UNUSED expect_exact_size(const char *hex)
{
    uint8_t bytes[4096];
    struct slice text;
    size_t len = from_hex(hex, bytes);
    bytes[len] = 0;
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(read_cell(bytes, cut, &text), RC_CORRUPT);
    assert_int_equal(read_cell(bytes, len + 1, &text), RC_CORRUPT);
    assert_int_equal(read_cell(bytes, len, &text), RC_OK);
}

#define VALUE_TEST(name) cmocka_unit_test(name)
#define RUN_VALUE_TESTS(tests) cmocka_run_group_tests(tests, value_fixture_begin, value_fixture_end)

#endif
