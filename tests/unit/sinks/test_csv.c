/* SPDX-License-Identifier: Apache-2.0 */
/* Loads as CSV: which may be, that they say what their JSON says, and when the sink sends them. */
#include "sink_fixture.h"
#include "sinks/stream_load/csv_int.h"

#include <unistd.h>

/* What the bytes of a whole part say, field by field, against its JSON lines as they were: a reader that
 * shares nothing with the writer but the rules of both formats. */
static void expect_same(const struct load_schema *schema, struct slice json, struct slice csv)
{
    struct buf text;
    buf_init(&text, 16u << 20);
    uint32_t wanted = schema->source->column_count + !schema->keyless;
    const uint8_t *at = csv.ptr;
    const uint8_t *end = csv.ptr + csv.len;
    while (json.len > 0) {
        const uint8_t *line_end = memchr(json.ptr, '\n', json.len);
        struct slice rest = slice_of(json.ptr, (size_t)(line_end - json.ptr));
        json = slice_of(line_end + 1, json.len - rest.len - 1);
        struct slice name;
        struct slice value;
        uint32_t fields = 0;
        while (json_next_member(&rest, &name, &value)) {
            const uint8_t *stop = at;
            while (stop < end && *stop != 1 && *stop != 2)
                stop++;
            assert_true(stop < end);
            buf_reset(&text);
            if (slice_equal(value, SLICE("null")))
                buf_add_str(&text, "\\N");
            else if (!json_string_text(value, &text))
                buf_add_slice(&text, value);
            struct slice field = slice_of(at, (size_t)(stop - at));
            if (!slice_equal(field, buf_slice(&text)))
                fail_msg("%.*s became %.*s", SLICE_ARG(value), SLICE_ARG(field));
            bool is_text = value.ptr[0] == '"';
            assert_false(is_text && slice_equal(field, SLICE("\\N")));
            assert_int_equal(*stop, ++fields == wanted ? 2 : 1);
            at = stop + 1;
        }
        assert_int_equal(fields, wanted);
    }
    assert_ptr_equal(at, end);
    buf_deinit(&text);
}

/* Whether the whole rows became CSV; if not, no byte of them changed. */
static bool rewrite(struct fixture *f)
{
    struct body_part before = f->body.parts[BODY_WHOLE];
    uint64_t rest = f->body.live_bytes - before.bytes;
    char *json = fixture_lines(&f->body, 4096);
    csv_rewrite(&f->body, &f->schema, "__op");
    struct body_part after = f->body.parts[BODY_WHOLE];
    char *now = fixture_lines(&f->body, 4096);
    assert_int_equal(after.rows, before.rows);
    assert_int_equal(f->body.live_bytes, rest + after.bytes);
    if (after.csv)
        expect_same(&f->schema, slice_of(json, before.bytes), slice_of(now, after.bytes));
    else
        assert_memory_equal(now, json, before.bytes);
    free(json);
    free(now);
    return after.csv;
}

static void put(struct fixture *f, enum change_kind kind, const char *const *before,
                const char *const *after)
{
    struct error err;
    if (fixture_put(f, kind, before, after, &err) != RC_OK)
        fail_msg("%s", err.text);
}

static void test_rows(void **state UNUSED)
{
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a\"b\\c\n\t\r\b\fd", "2024-02-29", NULL));
    put(&f, CHANGE_INSERT, NULL, ROW("2", "gone", NULL, "x"));
    put(&f, CHANGE_INSERT, NULL, ROW("3", "", NULL, "N\\N, \"\\\\N\" {}[]:"));
    put(&f, CHANGE_DELETE, ROW("2", "gone", NULL, "x"), NULL);
    put(&f, CHANGE_UPDATE, ROW("4", "k", NULL, "\xf0\x9f\x90\xac"),
        ROW("5", "null", NULL, "\x7f\xef\xbb\xbf"));
    assert_true(rewrite(&f));
    char *csv = fixture_lines(&f.body, 7);
    assert_string_equal(csv, "1\1a\"b\\c\n\t\r\b\fd\0012024-02-29\1\\N\0010\2"
                             "3\1\1\\N\1N\\N, \"\\\\N\" {}[]:\0010\2"
                             "2\1gone\1\\N\1x\0011\2"
                             "4\1k\1\\N\1\xf0\x9f\x90\xac\0011\2"
                             "5\1null\1\\N\1\x7f\xef\xbb\xbf\0010\2");
    free(csv);
    body_reset(&f.body);
    assert_false(f.body.parts[BODY_WHOLE].csv);
    fixture_deinit(&f);
}

/* A single value keeps all rows in JSON, and only one of a row that is sent. */
static void test_values_that_keep_json(void **state UNUSED)
{
    static const char *const odd[] = {"\1", "\2", "x\37", "\\N", "\033[1m", "a\1b\2", "said \"\\N"};
    struct fixture f;
    for (unsigned i = 0; i < COUNT_OF(odd); i++) {
        fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
        put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NULL, NULL));
        put(&f, CHANGE_INSERT, NULL, ROW("2", odd[i], NULL, NULL));
        assert_false(rewrite(&f));
        put(&f, CHANGE_UPDATE, ROW("2", odd[i], NULL, NULL), ROW("2", "even", NULL, NULL));
        assert_true(rewrite(&f));
        fixture_deinit(&f);
    }
}

/* It would be taken for the mark of the whole body where it comes first, and nowhere else. */
static void test_byte_order_mark(void **state UNUSED)
{
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    f.columns[0].encoding = LOAD_STRING;
    put(&f, CHANGE_INSERT, NULL, ROW("\xef\xbb\xbf", "a", NULL, NULL));
    put(&f, CHANGE_INSERT, NULL, ROW("2", "a", NULL, NULL));
    assert_false(rewrite(&f));
    put(&f, CHANGE_DELETE, ROW("\xef\xbb\xbf", "a", NULL, NULL), NULL);
    assert_true(rewrite(&f));
    fixture_deinit(&f);
}

static void test_long_row(void **state UNUSED)
{
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, true);
    char *text = malloc(CSV_ROW_MAX + 1);
    memset(text, 'x', CSV_ROW_MAX);
    for (unsigned beside = 0; beside < 2; beside++) {
        size_t names = strlen("{\"id\":1,\"name\":null,\"day\":null,\"note\":\"\"}\n");
        f.columns[1].target_nullable = true;
        f.encoder.text_max[3] = UINT64_MAX;
        text[CSV_ROW_MAX - names + beside] = '\0';
        put(&f, CHANGE_INSERT, NULL, ROW("1", NULL, NULL, text));
        text[CSV_ROW_MAX - names + beside] = 'x';
        assert_int_equal(rewrite(&f), beside == 0);
        body_reset(&f.body);
    }
    free(text);
    fixture_deinit(&f);
}

/* Without a key the last column is the row's end. */
static void test_keyless(void **state UNUSED)
{
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, true);
    put(&f, CHANGE_INSERT, NULL, ROW("1", "\r", NULL, "a\rb"));
    put(&f, CHANGE_INSERT, NULL, ROW("1", "\r", NULL, ""));
    assert_true(rewrite(&f));
    body_reset(&f.body);
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NULL, "a\r"));
    assert_false(rewrite(&f));
    fixture_deinit(&f);
}

static void test_tables(void **state UNUSED)
{
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    assert_true(csv_takes_table(&f.schema));
    f.columns[2].encoding = LOAD_JSON_VALUE;
    assert_false(csv_takes_table(&f.schema));
    f.table.column_count = 1;
    assert_true(csv_takes_table(&f.schema));
    f.schema.keyless = true;
    assert_false(csv_takes_table(&f.schema));
    f.table.column_count = FIXTURE_COLUMNS;
    fixture_deinit(&f);
}

/* Names need escapes, too. */
static void test_names(void **state UNUSED)
{
    static const char *const names[] = {"\"", "a\\\n", "\303\244:,{\"x\":1}", "n"};
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    encoder_deinit(&f.encoder);
    for (unsigned i = 0; i < FIXTURE_COLUMNS; i++)
        f.columns[i].target_name = slice_str(names[i]);
    struct error err;
    assert_int_equal(
        encoder_init(&f.encoder, &f.schema, "__op", LOAD_ZERO_DATES_NULL, &f.arena, &err), RC_OK);
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a", "2024-01-01", "\\\\"));
    assert_true(rewrite(&f));
    fixture_deinit(&f);
}

/* Rows without all columns are JSON beside those that have them. */
static void test_partial_rows_stay(void **state UNUSED)
{
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NULL, NULL));
    put(&f, CHANGE_UPDATE, ROW("2", fixture_absent, fixture_absent, fixture_absent),
        ROW(fixture_absent, "b", fixture_absent, fixture_absent));
    assert_true(rewrite(&f));
    char *partial = fixture_part(&f.body, 1, 64);
    assert_string_equal(partial, "{\"id\":2,\"name\":\"b\"}\n");
    assert_false(f.body.parts[1].csv);
    free(partial);
    fixture_deinit(&f);
}

/* xorshift: the same rows in every run. */
static uint32_t draw(uint64_t *seed, uint32_t below)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return (uint32_t)(*seed >> 33) % below;
}

static void test_random_rows(void **state UNUSED)
{
    static const char *const pieces[] = {"\\", "N", "\"",  "\r", "\n", "\t",           ",",
                                         "a",  "é", "{",   "}",  ":",  "\xef\xbb\xbf", "\b",
                                         " ",  "0", "\\N", "\1", "\2", "\37"};
    const uint32_t even = COUNT_OF(pieces) - 3; /* the last three are never CSV */
    uint64_t seed = 0x1d872b41c0ffee;
    unsigned csv = 0;
    for (unsigned round = 0; round < 400; round++) {
        struct fixture f;
        fixture_init(&f, LOAD_ZERO_DATES_NULL, round % 4 == 0);
        uint32_t rows = 1 + draw(&seed, 8);
        for (uint32_t i = 0; i < rows; i++) {
            char texts[2][64] = {"", ""};
            char id[12];
            snprintf(id, sizeof(id), "%u", draw(&seed, 6));
            for (unsigned t = 0; t < 2; t++)
                for (uint32_t n = draw(&seed, 6); n > 0; n--)
                    strncat(texts[t], pieces[draw(&seed, round % 2 == 0 ? even : COUNT_OF(pieces))],
                            sizeof(texts[t]) - 1 - strlen(texts[t]));
            put(&f, CHANGE_INSERT, NULL,
                ROW(id, texts[0], draw(&seed, 2) == 0 ? NULL : "2024-01-01",
                    draw(&seed, 4) == 0 ? NULL : texts[1]));
        }
        csv += rewrite(&f);
        fixture_deinit(&f);
    }
    assert_true(csv > 100 && csv < 390);
}

/* --- the sink --- */

static void one_epoch(struct bench *bench, uint64_t epoch, const char *wanted)
{
    house.loads = 0;
    struct manifest manifest = seal(bench, epoch);
    assert_int_equal(manifest.count, 1);
    assert_int_equal(bench->sink->ops->submit(bench->sink, NULL, &bench->err), RC_OK);
    drain(bench, 1);
    assert_string_equal(house.bodies[0], wanted);
}

static void test_sink_sends_csv(void **state UNUSED)
{
    struct bench bench;
    fixture_csv = true;
    bench_open_two(&bench);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    house.busy = 2; /* the same bytes come again */
    one_epoch(&bench, 1, "1\1a\0010\2");
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "\\N"), RC_OK);
    one_epoch(&bench, 2, "{\"id\":\"1\",\"name\":\"\\\\N\",\"__op\":0}\n");
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "b"), RC_OK);
    one_epoch(&bench, 3, "1\1b\0010\2");
    bench.sink->ops->close(bench.sink);

    fixture_csv = false;
    bench_open_two(&bench);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    one_epoch(&bench, 1, "{\"id\":\"1\",\"name\":\"a\",\"__op\":0}\n");
    bench.sink->ops->close(bench.sink);
}

static enum rc two_phases(struct myconn *conn UNUSED, const struct load_schema *schema UNUSED,
                          struct error *err UNUSED)
{
    return RC_OK;
}

/* What a target prepared and lost is prepared once more, in the form that it has by then. */
static void test_sink_prepares_csv_anew(void **state UNUSED)
{
    struct bench bench;
    struct sink_result result;
    fixture_csv = true;
    bench_open_as(&bench, "fe1", LOAD_TWO_PHASE_AUTO);
    bench.dialect.two_phase_check = two_phases;
    bench.orders.table.key_count = 0;
    assert_int_equal(add_way(&bench, &bench.orders, "orders", &bench.to_orders), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    one_epoch(&bench, 1, "1\1a\2");
    house.commit_says = "GONE";
    assert_int_equal(bench.sink->ops->commit(bench.sink, &bench.err), RC_OK);
    assert_int_equal(poll_one(&bench, &result), RC_OK);
    assert_int_not_equal(result.transaction, 0);
    assert_int_equal(poll_one(&bench, &result), RC_EOF);
    assert_int_equal(bench.sink->ops->commit(bench.sink, &bench.err), RC_OK);
    drain(&bench, 1);
    assert_int_equal(house.loads, 2);
    assert_string_equal(house.bodies[1], "1\1a\2");
    bench.sink->ops->close(bench.sink);
    fixture_csv = false;
}

/* Letters are told as the lines of their loads, so those are JSON from the beginning. */
static void test_sink_with_letters(void **state UNUSED)
{
    char folder[] = "/tmp/millrace_csv_XXXXXX";
    struct bench bench;
    struct error err;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(dead_letters_open(folder, 100, &fixture_letters, &err), RC_OK);
    fixture_csv = true;
    bench_open_two(&bench);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    one_epoch(&bench, 1, "{\"id\":\"1\",\"name\":\"a\",\"__op\":0}\n");
    bench.sink->ops->close(bench.sink);
    fixture_csv = false;
    dead_letters_close(fixture_letters);
    fixture_letters = NULL;
    (void)rmdir(folder);
}

/* Source tables that share a target and do not list its columns alike: a header has one order. */
static void test_sink_with_mixed_orders(void **state UNUSED)
{
    struct bench bench;
    fixture_csv = true;
    bench_open(&bench, "fe1");
    assert_int_equal(add_way(&bench, &bench.orders, "all", &bench.to_orders), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    one_epoch(&bench, 1, "1\1a\0010\2");
    struct column first = bench.items.columns[0];
    bench.items.columns[0] = bench.items.columns[1];
    bench.items.columns[1] = first;
    bench.items.key[0] = 1;
    assert_int_equal(add_way(&bench, &bench.items, "all", &bench.to_items), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "b", "2"), RC_OK);
    one_epoch(
        &bench, 2,
        "{\"id\":\"1\",\"name\":\"a\",\"__op\":0}\n{\"name\":\"b\",\"id\":\"2\",\"__op\":0}\n");
    bench.sink->ops->close(bench.sink);
    fixture_csv = false;
}

/* Where the target takes compressed CSV, and where it takes none. */
static void test_sink_with_compression(void **state UNUSED)
{
    static const enum load_compression tried[] = {LOAD_COMPRESSION_LZ4, LOAD_COMPRESSION_GZIP};
    for (unsigned takes = 0; takes < COUNT_OF(tried); takes++) {
        struct bench bench;
        fixture_csv = true;
        bench_open_two(&bench);
        stream_load_of(bench.sink)->settings.compression = tried[takes];
        assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
        one_epoch(&bench, 1,
                  takes == 1 ? "1\1a\0010\2" : "{\"id\":\"1\",\"name\":\"a\",\"__op\":0}\n");
        bench.sink->ops->close(bench.sink);
    }
    fixture_csv = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_values_that_keep_json),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_long_row),
        cmocka_unit_test(test_keyless),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_partial_rows_stay),
        cmocka_unit_test(test_random_rows),
        cmocka_unit_test(test_sink_sends_csv),
        cmocka_unit_test(test_sink_prepares_csv_anew),
        cmocka_unit_test(test_sink_with_letters),
        cmocka_unit_test(test_sink_with_mixed_orders),
        cmocka_unit_test(test_sink_with_compression),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
