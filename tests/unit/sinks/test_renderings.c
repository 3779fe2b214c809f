/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each kind of column into each warehouse: the type that is created and the value as the load body
 * has it, at the edges of what the kind can hold (docs/types.md).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sinks/doris/doris_int.h"
#include "sinks/starrocks/starrocks_int.h"
#include "sinks/stream_load/encode_int.h"

static enum rc text_of_cell(const struct column *column UNUSED, struct slice cell,
                            struct buf *scratch UNUSED, struct slice *text,
                            struct error *err UNUSED)
{
    *text = cell;
    return RC_OK;
}

static unsigned put_of_cell(const struct column *column UNUSED, struct slice cell, uint8_t *out)
{
    memcpy(out, cell.ptr, cell.len);
    return (unsigned)cell.len;
}

/* One column `v` beside the key `id`, on its way to a target. */
struct way {
    struct column columns[2];
    struct table table;
    uint32_t key[1];
    struct load_column load[2];
    struct load_schema schema;
    struct arena arena;
    struct encoder encoder;
    struct buf out;
    struct error err;
};

static void way_begin(struct way *way, const struct column *column, dialect_type_fn type,
                      enum load_zero_dates zero_dates)
{
    *way = (struct way){.columns = {{.name = SLICE("id"), .text = text_of_cell}, *column}};
    way->columns[1].name = SLICE("v");
    way->columns[1].text = text_of_cell;
    way->table = (struct table){.db = SLICE("shop"),
                                .name = SLICE("t"),
                                .columns = way->columns,
                                .column_count = 2,
                                .key = way->key,
                                .key_count = 1};
    way->load[0] = (struct load_column){
        .target_name = SLICE("id"), .target_type = SLICE("INT"), .encoding = LOAD_NUMBER};
    way->load[1] = (struct load_column){.target_name = SLICE("v"), .target_nullable = true};
    way->schema = (struct load_schema){.source = &way->table,
                                       .db = SLICE("ods"),
                                       .table = SLICE("t"),
                                       .columns = way->load,
                                       .key = way->key,
                                       .key_count = 1};
    arena_init(&way->arena, "test", 1 << 20);
    buf_init(&way->out, 8 << 20);
    assert_int_equal(
        type(&way->columns[1], DIALECT_PLACE_VALUE, &way->arena, &way->load[1], &way->err), RC_OK);
    assert_int_equal(
        encoder_init(&way->encoder, &way->schema, "__op", zero_dates, &way->arena, &way->err),
        RC_OK);
}

static void way_end(struct way *way)
{
    encoder_deinit(&way->encoder);
    buf_deinit(&way->out);
    arena_deinit(&way->arena);
}

/* Lines have quicker ways for short and for plain texts, chosen when an encoder begins: the same bytes, and the
 * same refusals. */
static void expect_same_in_a_line(struct way *way, const struct cell *cell, enum rc wanted)
{
    struct column *column = &way->columns[1];
    const struct cell cells[] = {{.ptr = (const uint8_t *)"1", .len = 1, .state = CELL_VALUE},
                                 *cell};
    const struct row row = {.cells = cells, .count = COUNT_OF(cells)};
    const struct row_image image = {.row = &row};
    struct encoder quick;
    struct buf line, expected;
    struct error err;
    buf_init(&line, 8 << 20);
    buf_init(&expected, 8 << 20);
    bool is_short = column->kind <= COLUMN_TIMESTAMP && cell->len <= COLUMN_PUT_MAX;
    column->put = is_short ? put_of_cell : NULL;
    column->ascii_is_text = column->kind == COLUMN_STRING;
    assert_int_equal(
        encoder_init(&quick, &way->schema, "__op", way->encoder.zero_dates, &way->arena, &err),
        RC_OK);
    assert_int_equal(encoder_add_line(&quick, &image, false, &line, &err), wanted);
    buf_addf(&expected, "{\"id\":1,\"v\":%s,\"__op\":0}\n", buf_cstr(&way->out));
    if (wanted == RC_OK)
        assert_string_equal(buf_cstr(&line), buf_cstr(&expected));
    column->put = NULL;
    column->ascii_is_text = false;
    encoder_deinit(&quick);
    buf_deinit(&line);
    buf_deinit(&expected);
}

static enum rc way_put_cell(struct way *way, const struct cell *cell)
{
    error_clear(&way->err);
    buf_reset(&way->out);
    enum rc rc = encoder_add_cell(&way->encoder, 1, cell, &way->out, &way->err);
    expect_same_in_a_line(way, cell, rc);
    return rc;
}

static enum rc way_put(struct way *way, struct slice text)
{
    return way_put_cell(way, &(struct cell){text.ptr, (uint32_t)text.len, .state = CELL_VALUE});
}

struct rendering {
    struct column column;
    const char *doris_type;
    const char *starrocks_type;
    const char *text;   /* the canonical text */
    const char *wanted; /* in the load body; NULL: refused */
};

#define KIND(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define BIT_OF(bits) KIND(.kind = COLUMN_BIT, .length = (bits))
#define INT_OF(bytes) KIND(.kind = COLUMN_INT, .int_bytes = (bytes))
#define UINT_OF(bytes) KIND(.kind = COLUMN_UINT, .int_bytes = (bytes))
#define DECIMAL_OF(p, s) KIND(.kind = COLUMN_DECIMAL, .precision = (p), .scale = (s))
#define TIMED(k, s) KIND(.kind = (k), .scale = (s))
#define TEXT_OF(chars) KIND(.kind = COLUMN_STRING, .length = (chars), .length_bytes = 4 * (chars))
#define BYTES_OF(bytes) KIND(.kind = COLUMN_BYTES, .length = (bytes))
#define ANY(k) KIND(.kind = (k))

static const struct rendering renderings[] = {
    {INT_OF(1), "TINYINT", "TINYINT", "-128", "-128"},
    {UINT_OF(1), "SMALLINT", "SMALLINT", "255", "255"},
    {UINT_OF(2), "INT", "INT", "65535", "65535"},
    {INT_OF(3), "INT", "INT", "-8388608", "-8388608"},
    {UINT_OF(3), "INT", "INT", "16777215", "16777215"},
    {UINT_OF(4), "BIGINT", "BIGINT", "4294967295", "4294967295"},
    {INT_OF(8), "BIGINT", "BIGINT", "-9223372036854775808", "-9223372036854775808"},
    {UINT_OF(8), "LARGEINT", "LARGEINT", "18446744073709551615", "\"18446744073709551615\""},
    {BIT_OF(1), "BOOLEAN", "BOOLEAN", "1", "true"},
    {BIT_OF(2), "BIGINT", "BIGINT", "3", "3"},
    {BIT_OF(63), "BIGINT", "BIGINT", "9223372036854775807", "9223372036854775807"},
    {BIT_OF(64), "LARGEINT", "LARGEINT", "18446744073709551615", "\"18446744073709551615\""},
    {ANY(COLUMN_YEAR), "SMALLINT", "SMALLINT", "0", "0"},
    {ANY(COLUMN_YEAR), "SMALLINT", "SMALLINT", "2155", "2155"},
    {DECIMAL_OF(38, 10), "DECIMAL(38, 10)", "DECIMAL(38, 10)",
     "-9999999999999999999999999999.9999999999", "\"-9999999999999999999999999999.9999999999\""},
    {DECIMAL_OF(39, 0), "STRING", "VARCHAR(42)", "-999999999999999999999999999999999999999",
     "\"-999999999999999999999999999999999999999\""},
    {DECIMAL_OF(65, 30), "STRING", "VARCHAR(68)",
     "-99999999999999999999999999999999999.999999999999999999999999999999",
     "\"-99999999999999999999999999999999999.999999999999999999999999999999\""},
    {DECIMAL_OF(30, 30), "DECIMAL(30, 30)", "DECIMAL(30, 30)", "0.000000000000000000000000000001",
     "\"0.000000000000000000000000000001\""},
    {ANY(COLUMN_FLOAT), "FLOAT", "FLOAT", "3.4028235e38", "3.4028235e38"},
    {ANY(COLUMN_DOUBLE), "DOUBLE", "DOUBLE", "5e-324", "5e-324"},
    {ANY(COLUMN_DOUBLE), "DOUBLE", "DOUBLE", "-0", "-0"},
    {ANY(COLUMN_DATE), "DATE", "DATE", "0001-01-01", "\"0001-01-01\""},
    {ANY(COLUMN_DATE), "DATE", "DATE", "9999-12-31", "\"9999-12-31\""},
    {ANY(COLUMN_DATE), "DATE", "DATE", "0000-00-00", "null"},
    {ANY(COLUMN_DATE), "DATE", "DATE", "2024-00-00", "null"},
    {ANY(COLUMN_DATE), "DATE", "DATE", "2024-05-00", "null"},
    {ANY(COLUMN_DATE), "DATE", "DATE", "2023-02-29", "null"},
    {ANY(COLUMN_DATE), "DATE", "DATE", "1900-02-29", "null"},
    {ANY(COLUMN_DATE), "DATE", "DATE", "2000-02-29", "\"2000-02-29\""},
    {TIMED(COLUMN_DATETIME, 6), "DATETIME(6)", "DATETIME", "1000-01-01 00:00:00.000001",
     "\"1000-01-01 00:00:00.000001\""},
    {TIMED(COLUMN_DATETIME, 0), "DATETIME(0)", "DATETIME", "0000-00-00 00:00:00", "null"},
    {TIMED(COLUMN_TIMESTAMP, 3), "DATETIME(3)", "DATETIME", "2038-01-19 03:14:07.999",
     "\"2038-01-19 03:14:07.999\""},
    {TIMED(COLUMN_TIMESTAMP, 0), "DATETIME(0)", "DATETIME", "0000-00-00 00:00:00", "null"},
    {TIMED(COLUMN_TIME, 6), "STRING", "VARCHAR(20)", "-838:59:59.000000", "\"-838:59:59.000000\""},
    {TEXT_OF(20), "VARCHAR(80)", "VARCHAR(80)", "a\"\\\n\t\x01\xf0\x9f\x98\x80",
     "\"a\\\"\\\\\\n\\t\\u0001\xf0\x9f\x98\x80\""},
    {TEXT_OF(16383), "VARCHAR(65532)", "VARCHAR(65532)", "", "\"\""},
    {TEXT_OF(16384), "STRING", "VARCHAR(65536)", "x", "\"x\""},
    {TEXT_OF(UINT32_MAX), "STRING", "VARCHAR(1048576)", "x", "\"x\""},
    {BYTES_OF(3), "STRING", "VARCHAR(4)", "abc", "\"YWJj\""},
    {BYTES_OF(UINT32_MAX), "STRING", "VARCHAR(1048576)", "abc", "\"YWJj\""},
    {ANY(COLUMN_ENUM), "STRING", "VARCHAR(1020)", "", "\"\""},
    {ANY(COLUMN_SET), "STRING", "VARCHAR(65533)", "m0,m63", "\"m0,m63\""},
    {ANY(COLUMN_JSON), "STRING", "VARCHAR(1048576)", "{\"a\": \"\\u0000\"}",
     "\"{\\\"a\\\": \\\"\\\\u0000\\\"}\""},
    {ANY(COLUMN_GEOMETRY), "STRING", "VARCHAR(1048576)", "abcde",
     "\"{\\\"srid\\\":1684234849,\\\"wkb\\\":\\\"ZQ==\\\"}\""},
    {ANY(COLUMN_VECTOR), "ARRAY<FLOAT>", "ARRAY<FLOAT>", "[1,-0.5,3.4028235e38]",
     "[1,-0.5,3.4028235e38]"},
    {ANY(COLUMN_UUID), "VARCHAR(36)", "VARCHAR(36)", "123e4567-e89b-12d3-a456-426655440000",
     "\"123e4567-e89b-12d3-a456-426655440000\""},
    {ANY(COLUMN_INET4), "VARCHAR(15)", "VARCHAR(15)", "255.255.255.255", "\"255.255.255.255\""},
    {ANY(COLUMN_INET6), "VARCHAR(45)", "VARCHAR(45)", "::ffff:192.0.2.1", "\"::ffff:192.0.2.1\""},
};

static void check(const struct rendering *rendering, dialect_type_fn type, const char *wanted_type)
{
    struct way way;
    way_begin(&way, &rendering->column, type, LOAD_ZERO_DATES_NULL);
    if (!slice_equal(way.load[1].target_type, slice_str(wanted_type)))
        fail_msg("%s: the type is %.*s and not %s", rendering->text,
                 SLICE_ARG(way.load[1].target_type), wanted_type);
    enum rc rc = way_put(&way, slice_str(rendering->text));
    if (rc != RC_OK)
        fail_msg("%s: %s", rendering->text, way.err.text);
    assert_string_equal(buf_cstr(&way.out), rendering->wanted);
    way_end(&way);
}

static void every_kind_into_both(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(renderings); i++) {
        check(&renderings[i], doris_type, renderings[i].doris_type);
        check(&renderings[i], starrocks_type, renderings[i].starrocks_type);
    }
}

/* NUL is a character like others. */
static void zero_bytes_in_text(void **state UNUSED)
{
    const struct column column = TEXT_OF(20);
    struct way way;
    way_begin(&way, &column, starrocks_type, LOAD_ZERO_DATES_NULL);
    assert_int_equal(way_put(&way, slice_of("a\0b", 3)), RC_OK);
    assert_string_equal(buf_cstr(&way.out), "\"a\\u0000b\"");
    way_end(&way);
}

static void zero_dates_by_choice(void **state UNUSED)
{
    const struct column column = TIMED(COLUMN_DATETIME, 0);
    struct way way;
    way_begin(&way, &column, doris_type, LOAD_ZERO_DATES_ERROR);
    assert_int_equal(way_put(&way, SLICE("2024-00-00 00:00:00")), RC_REJECTED);
    assert_non_null(strstr(way.err.text, "2024-00-00 00:00:00"));
    way_end(&way);
}

/* What a target can hold of this length passes, one byte more is refused with the numbers. */
static void expect_limit(const struct column *column, dialect_type_fn type, size_t fits,
                         const char *told)
{
    char *text = malloc(fits + 1);
    struct way way;
    assert_non_null(text);
    memset(text, 'x', fits + 1);
    way_begin(&way, column, type, LOAD_ZERO_DATES_NULL);
    assert_int_equal(way_put(&way, slice_of(text, fits)), RC_OK);
    assert_int_equal(way_put(&way, slice_of(text, fits + 1)), RC_REJECTED);
    assert_non_null(strstr(way.err.text, "Table shop.t holds a value of"));
    if (strstr(way.err.text, told) == NULL)
        fail_msg("%s", way.err.text);
    way_end(&way);
    free(text);
}

static void values_that_the_target_is_too_short_for(void **state UNUSED)
{
    enum { STARROCKS_MAX = 1048576, WRAPPING = 28 };
    const struct column text = TEXT_OF(UINT32_MAX);
    const struct column bytes = BYTES_OF(UINT32_MAX);
    const struct column json = ANY(COLUMN_JSON);
    const struct column geometry = ANY(COLUMN_GEOMETRY);
    expect_limit(&text, starrocks_type, STARROCKS_MAX,
                 "1048577 bytes in column v, but column v of ods.t is VARCHAR(1048576) and takes "
                 "1048576 bytes");
    expect_limit(&bytes, starrocks_type, STARROCKS_MAX / 4 * 3, "1048580 bytes");
    expect_limit(&json, starrocks_type, STARROCKS_MAX, "1048577 bytes");
    expect_limit(&geometry, starrocks_type, (STARROCKS_MAX - WRAPPING) / 4 * 3 + 4, "bytes in");
    /* Text that was mended or kept as base64 may outgrow what its characters need. */
    const struct column word = TEXT_OF(2);
    expect_limit(&word, doris_type, 8, "is VARCHAR(8) and takes 8 bytes");
}

/* A row that could not be carried can still be deleted, which may be how its source was mended. */
static void what_does_not_fit_can_be_deleted(void **state UNUSED)
{
    const struct column column = TEXT_OF(2);
    struct way way;
    way_begin(&way, &column, doris_type, LOAD_ZERO_DATES_ERROR);
    static const uint8_t texts[] = "7xxxxxxxxx";
    struct cell cells[2] = {{.ptr = texts, .len = 1, .state = CELL_VALUE},
                            {.ptr = texts + 1, .len = 9, .state = CELL_VALUE}};
    struct row row = {.cells = cells, .count = 2};
    const struct row_image image = {.row = &row};
    buf_reset(&way.out);
    assert_int_equal(encoder_add_line(&way.encoder, &image, false, &way.out, &way.err),
                     RC_REJECTED);
    buf_reset(&way.out);
    assert_int_equal(encoder_add_line(&way.encoder, &image, true, &way.out, &way.err), RC_OK);
    assert_string_equal(buf_cstr(&way.out), "{\"id\":7,\"v\":null,\"__op\":1}\n");
    way.load[1].target_nullable = false;
    buf_reset(&way.out);
    assert_int_equal(encoder_add_line(&way.encoder, &image, true, &way.out, &way.err), RC_OK);
    assert_string_equal(buf_cstr(&way.out), "{\"id\":7,\"v\":\"\",\"__op\":1}\n");
    /* The key itself must be carried. */
    way.encoder.text_max[0] = 0;
    way.load[0].encoding = LOAD_STRING;
    buf_reset(&way.out);
    assert_int_equal(encoder_add_line(&way.encoder, &image, true, &way.out, &way.err), RC_REJECTED);
    way_end(&way);
}

static void nulls_where_the_target_takes_them(void **state UNUSED)
{
    const struct column columns[] = {INT_OF(4), KIND(.kind = COLUMN_STRING, .length = 40),
                                     KIND(.kind = COLUMN_DATE)};
    const struct cell null = {.state = CELL_NULL};
    for (unsigned i = 0; i < COUNT_OF(columns); i++) {
        struct way way;
        way_begin(&way, &columns[i], doris_type, LOAD_ZERO_DATES_NULL);
        assert_int_equal(way_put_cell(&way, &null), RC_OK);
        assert_string_equal(buf_cstr(&way.out), "null");
        way.load[1].target_nullable = false;
        assert_int_equal(way_put_cell(&way, &null), RC_REJECTED);
        way_end(&way);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_into_both),
        cmocka_unit_test(zero_bytes_in_text),
        cmocka_unit_test(zero_dates_by_choice),
        cmocka_unit_test(values_that_the_target_is_too_short_for),
        cmocka_unit_test(what_does_not_fit_can_be_deleted),
        cmocka_unit_test(nulls_where_the_target_takes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
