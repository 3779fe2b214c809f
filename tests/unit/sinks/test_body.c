/* SPDX-License-Identifier: Apache-2.0 */
/* From changes to the lines of a load: encodings, one row a key, what is refused. */
#include "load_fixture.h"
#include "sinks/stream_load/json_check_int.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect_lines(const struct fixture *f, const char *wanted)
{
    for (size_t piece = 1; piece < 200; piece = piece * 3 + 1) {
        char *lines = fixture_lines(&f->body, piece);
        assert_string_equal(lines, wanted);
        free(lines);
    }
    unsigned count = 0;
    for (const char *p = wanted; *p != '\0'; p++)
        count += *p == '\n';
    assert_int_equal(f->body.live_rows, count);
    assert_int_equal(f->body.live_bytes, strlen(wanted));
}

static void put(struct fixture *f, enum change_kind kind, const char *const *before,
                const char *const *after)
{
    struct error err;
    error_clear(&err);
    if (fixture_put(f, kind, before, after, &err) != RC_OK)
        fail_msg("%s", err.text);
}

static void test_each_change(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_READ, NULL, ROW("1", "read", "2024-01-02", NULL));
    put(&f, CHANGE_INSERT, NULL, ROW("2", "in\"se\\rt\n", NULL, "n"));
    put(&f, CHANGE_INSERT, NULL, ROW("3", "gone", NULL, ""));
    put(&f, CHANGE_DELETE, ROW("3", "gone", NULL, ""), NULL);
    put(&f, CHANGE_UPDATE, ROW("1", "read", "2024-01-02", NULL),
        ROW("1", "updated", "2024-02-29", NULL));
    expect_lines(
        &f, "{\"id\":2,\"name\":\"in\\\"se\\\\rt\\n\",\"day\":null,\"note\":\"n\",\"__op\":0}\n"
            "{\"id\":3,\"name\":\"gone\",\"day\":null,\"note\":\"\",\"__op\":1}\n"
            "{\"id\":1,\"name\":\"updated\",\"day\":\"2024-02-29\",\"note\":null,\"__op\":0}\n");
    assert_int_equal(f.body.collapsed, 2);
    fixture_deinit(&f);
}

static void test_key_moves(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_UPDATE, ROW("1", "a", NULL, NULL), ROW("2", "a", NULL, NULL));
    expect_lines(&f, "{\"id\":1,\"name\":\"a\",\"day\":null,\"note\":null,\"__op\":1}\n"
                     "{\"id\":2,\"name\":\"a\",\"day\":null,\"note\":null,\"__op\":0}\n");
    /* Back again: both keys have one line, each its last state. */
    put(&f, CHANGE_UPDATE, ROW("2", "a", NULL, NULL), ROW("1", "b", NULL, NULL));
    expect_lines(&f, "{\"id\":2,\"name\":\"a\",\"day\":null,\"note\":null,\"__op\":1}\n"
                     "{\"id\":1,\"name\":\"b\",\"day\":null,\"note\":null,\"__op\":0}\n");
    fixture_deinit(&f);
}

/* Targets compare keys byte by byte: a change of case alone is another key there. */
static void test_key_is_bytes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    encoder_deinit(&f.encoder);
    f.key[0] = 1;
    struct error err;
    assert_int_equal(
        encoder_init(&f.encoder, &f.schema, "__op", LOAD_ZERO_DATES_NULL, &f.arena, &err), RC_OK);
    put(&f, CHANGE_UPDATE, ROW("1", "anna", NULL, NULL), ROW("1", "Anna", NULL, NULL));
    put(&f, CHANGE_INSERT, NULL, ROW("2", "anna ", NULL, NULL));
    expect_lines(&f, "{\"id\":1,\"name\":\"anna\",\"day\":null,\"note\":null,\"__op\":1}\n"
                     "{\"id\":1,\"name\":\"Anna\",\"day\":null,\"note\":null,\"__op\":0}\n"
                     "{\"id\":2,\"name\":\"anna \",\"day\":null,\"note\":null,\"__op\":0}\n");
    fixture_deinit(&f);
}

/* Two key columns: ("1","23") is not ("12","3"). */
static void test_key_of_two_columns(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    f.key[1] = 1;
    f.schema.key_count = 2;
    put(&f, CHANGE_INSERT, NULL, ROW("1", "23", NULL, NULL));
    put(&f, CHANGE_INSERT, NULL, ROW("12", "3", NULL, NULL));
    assert_int_equal(f.body.live_rows, 2);
    put(&f, CHANGE_INSERT, NULL, ROW("12", "3", NULL, "later"));
    assert_int_equal(f.body.live_rows, 2);
    fixture_deinit(&f);
}

/* A random stream of changes against a plain array as the model. */
static void test_many_keys(void **state)
{
    (void)state;
    enum { KEYS = 500, CHANGES = 20000 };
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    unsigned last[KEYS] = {0};
    char id[16], name[16];
    uint64_t seed = 42;
    for (unsigned round = 0; round < 2; round++) {
        memset(last, 0, sizeof(last));
        for (unsigned i = 1; i <= CHANGES; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            unsigned key = (unsigned)(seed >> 33) % KEYS;
            snprintf(id, sizeof(id), "%u", key);
            snprintf(name, sizeof(name), "v%u", i);
            put(&f, CHANGE_INSERT, NULL, ROW(id, name, NULL, NULL));
            last[key] = i;
        }
        char *lines = fixture_lines(&f.body, 1000);
        unsigned distinct = 0;
        for (unsigned key = 0; key < KEYS; key++) {
            char line[100];
            if (last[key] == 0)
                continue;
            distinct++;
            snprintf(line, sizeof(line),
                     "{\"id\":%u,\"name\":\"v%u\",\"day\":null,\"note\":null,\"__op\":0}\n", key,
                     last[key]);
            assert_non_null(strstr(lines, line));
        }
        assert_int_equal(f.body.live_rows, distinct);
        assert_int_equal(f.body.collapsed, CHANGES - distinct);
        /* Replaced rows leave no second copy of their keys. */
        assert_true(f.body.keys.len < KEYS * 10);
        free(lines);
        body_reset(&f.body);
        assert_int_equal(body_memory(&f.body), 0);
    }
    fixture_deinit(&f);
}

/* How much a batch may hold must not depend on what its body held before: else an engine that reads an
 * unfinished epoch again has less room for it than the one that began it. */
static void test_memory_is_the_same_in_a_used_body(void **state)
{
    (void)state;
    struct fixture fresh;
    struct fixture used;
    fixture_init(&fresh, LOAD_ZERO_DATES_NULL, false);
    fixture_init(&used, LOAD_ZERO_DATES_NULL, false);
    put(&used, CHANGE_INSERT, NULL, ROW("1", "a", NULL, NULL));
    body_reset(&used.body);
    for (unsigned i = 0; i < 200; i++) {
        char id[16];
        snprintf(id, sizeof(id), "%u", i);
        struct fixture *both[] = {&fresh, &used};
        uint64_t estimated[2];
        for (unsigned f = 0; f < 2; f++) {
            struct error err;
            struct body_draft draft;
            uint64_t before = body_memory(&both[f]->body);
            assert_int_equal(
                fixture_draft(both[f], CHANGE_INSERT, NULL, ROW(id, "x", NULL, NULL), &draft, &err),
                RC_OK);
            estimated[f] = body_draft_memory(&both[f]->body, &draft);
            assert_int_equal(body_draft_keep(&both[f]->body, &draft, true, &err), RC_OK);
            assert_int_equal(body_memory(&both[f]->body), before + estimated[f]);
        }
        assert_int_equal(estimated[0], estimated[1]);
    }
    fixture_deinit(&fresh);
    fixture_deinit(&used);
}

static void test_cursor_seeks(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NULL, NULL));
    put(&f, CHANGE_INSERT, NULL, ROW("2", "b", NULL, NULL));
    put(&f, CHANGE_INSERT, NULL, ROW("1", "c", NULL, NULL));
    char *lines = fixture_lines(&f.body, 7);
    struct body_cursor cursor;
    body_cursor_init(&cursor, &f.body, BODY_WHOLE);
    for (uint64_t at = 0; at <= f.body.live_bytes; at++) {
        uint8_t rest[256];
        assert_true(body_cursor_seek(&cursor, at));
        size_t len = body_cursor_read(&cursor, rest, sizeof(rest));
        assert_int_equal(len, f.body.live_bytes - at);
        assert_memory_equal(rest, lines + at, len);
    }
    assert_false(body_cursor_seek(&cursor, f.body.live_bytes + 1));
    free(lines);
    fixture_deinit(&f);
}

static void test_keyless(void **state)
{
    (void)state;
    struct fixture f;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, true);
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NULL, NULL));
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NULL, NULL));
    /* No delete mark: a table without a key has no such column. */
    expect_lines(&f, "{\"id\":1,\"name\":\"a\",\"day\":null,\"note\":null}\n"
                     "{\"id\":1,\"name\":\"a\",\"day\":null,\"note\":null}\n");
    assert_int_equal(fixture_put(&f, CHANGE_DELETE, ROW("1", "a", NULL, NULL), NULL, &err),
                     RC_UNSUPPORTED);
    assert_int_equal(err.class, ERROR_FATAL);
    assert_non_null(strstr(err.text, "shop.orders has no key"));
    assert_int_equal(
        fixture_put(&f, CHANGE_UPDATE, ROW("1", "a", NULL, NULL), ROW("1", "b", NULL, NULL), &err),
        RC_UNSUPPORTED);
    assert_int_equal(f.body.live_rows, 2);
    fixture_deinit(&f);
}

static void test_refused_rows_leave_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NULL, NULL));
    size_t data_len = f.body.data.len, keys_len = f.body.keys.len;
    const struct {
        const char *const *before;
        const char *const *after;
        enum rc rc;
        const char *text;
    } cases[] = {
        {NULL, ROW("2", "a", fixture_absent, NULL), RC_REJECTED, "binlog_row_image=FULL"},
        {NULL, ROW(fixture_absent, "a", NULL, NULL), RC_REJECTED, "column id"},
        {ROW("2", "a", fixture_absent, NULL), ROW("3", "a", fixture_absent, NULL), RC_REJECTED,
         "column day"},
        {NULL, ROW("2", NULL, NULL, NULL), RC_REJECTED, "name"},
        {NULL, ROW("2", "(broken)", NULL, NULL), RC_CORRUPT, "Column name of table shop.orders"},
        {NULL, ROW("(broken)", "a", NULL, NULL), RC_CORRUPT, "Column id"},
        /* The old row is fine and drafted already when the new one fails. */
        {ROW("2", "a", NULL, NULL), ROW("3", "a", NULL, "(broken)"), RC_CORRUPT, "note"},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        enum change_kind kind = cases[i].before == NULL ? CHANGE_INSERT : CHANGE_UPDATE;
        error_clear(&err);
        assert_int_equal(fixture_put(&f, kind, cases[i].before, cases[i].after, &err), cases[i].rc);
        assert_non_null(strstr(err.text, cases[i].text));
        assert_int_equal(f.body.data.len, data_len);
        assert_int_equal(f.body.keys.len, keys_len);
    }
    put(&f, CHANGE_INSERT, NULL, ROW("2", "b", NULL, NULL));
    assert_int_equal(f.body.live_rows, 2);
    fixture_deinit(&f);
}

static void test_line_too_long_for_the_buffer(void **state)
{
    (void)state;
    struct fixture f;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    body_deinit(&f.body);
    body_init(&f.body, 100);
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NULL, NULL));
    assert_int_equal(fixture_put(&f, CHANGE_INSERT, NULL, ROW("2", "b", NULL, NULL), &err),
                     RC_LIMIT);
    expect_lines(&f, "{\"id\":1,\"name\":\"a\",\"day\":null,\"note\":null,\"__op\":0}\n");
    body_reset(&f.body);
    put(&f, CHANGE_INSERT, NULL, ROW("2", "b", NULL, NULL));
    fixture_deinit(&f);
}

static void test_dates(void **state)
{
    (void)state;
    static const char *const unreal[] = {"0000-00-00",          "2024-00-00", "2024-01-00",
                                         "2023-02-29",          "1900-02-29", "2024-13-01",
                                         "0000-00-00 00:00:00", "2024-04-31", "2024-02-30"};
    static const char *const real[] = {"2024-02-29", "2000-02-29", "0001-01-01",
                                       "9999-12-31 23:59:59.999999", "0000-02-29"};
    struct fixture f;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    char wanted[200];
    for (unsigned i = 0; i < COUNT_OF(unreal); i++) {
        body_reset(&f.body);
        put(&f, CHANGE_INSERT, NULL, ROW("1", "a", unreal[i], NULL));
        expect_lines(&f, "{\"id\":1,\"name\":\"a\",\"day\":null,\"note\":null,\"__op\":0}\n");
    }
    for (unsigned i = 0; i < COUNT_OF(real); i++) {
        body_reset(&f.body);
        put(&f, CHANGE_INSERT, NULL, ROW("1", "a", real[i], NULL));
        snprintf(wanted, sizeof(wanted),
                 "{\"id\":1,\"name\":\"a\",\"day\":\"%s\",\"note\":null,\"__op\":0}\n", real[i]);
        expect_lines(&f, wanted);
    }
    /* Into a column that may not be NULL: an error that names the column. */
    f.columns[2].target_nullable = false;
    assert_int_equal(fixture_put(&f, CHANGE_INSERT, NULL, ROW("1", "a", "0000-00-00", NULL), &err),
                     RC_REJECTED);
    assert_non_null(strstr(err.text, "column day"));
    fixture_deinit(&f);

    fixture_init(&f, LOAD_ZERO_DATES_ERROR, false);
    assert_int_equal(fixture_put(&f, CHANGE_INSERT, NULL, ROW("1", "a", "0000-00-00", NULL), &err),
                     RC_REJECTED);
    assert_non_null(strstr(err.text, "0000-00-00 in column day"));
    fixture_deinit(&f);
}

static void test_encodings(void **state)
{
    (void)state;
    static const struct {
        enum load_encoding encoding;
        const char *text;
        unsigned len; /* 0: up to the NUL */
        const char *wanted;
    } cases[] = {
        {LOAD_NUMBER, "18446744073709551615", 0, "18446744073709551615"},
        {LOAD_STRING, "\xc3\xa4\"", 0, "\"\xc3\xa4\\\"\""},
        {LOAD_BASE64, "\x00\x01\xff", 3, "\"AAH/\""},
        {LOAD_JSON_VALUE, "{\"a\":\n [1,\r\n2]}", 0, "{\"a\":  [1,  2]}"},
        {LOAD_JSON_VALUE, "1,\"other\":2", 0, NULL},
        {LOAD_JSON_STRING, "{\"a\": 1}", 0, "\"{\\\"a\\\": 1}\""},
        {LOAD_BIT_BOOLEAN, "0", 0, "false"},
        {LOAD_BIT_BOOLEAN, "1", 0, "true"},
        {LOAD_BIT_BOOLEAN, "2", 0, NULL},
        {LOAD_GEOMETRY, "\xe6\x10\x00\x00\x01\x02", 6,
         "\"{\\\"srid\\\":4326,\\\"wkb\\\":\\\"AQI=\\\"}\""},
        {LOAD_GEOMETRY, "\xe6\x10", 2, NULL},
    };
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, true);
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct cell cells[FIXTURE_COLUMNS];
        fixture_cells(cells, ROW("1", "a", NULL, cases[i].text));
        if (cases[i].len > 0)
            cells[3].len = cases[i].len;
        f.columns[3].encoding = cases[i].encoding;
        struct change change = {
            .kind = CHANGE_INSERT, .table = &f.table, .after = {cells, FIXTURE_COLUMNS}};
        struct body_draft draft;
        struct error err;
        body_reset(&f.body);
        enum rc rc = encoder_draft(&f.encoder, &f.body, &draft, &change, &err);
        if (cases[i].wanted == NULL) {
            assert_int_not_equal(rc, RC_OK);
            continue;
        }
        assert_int_equal(rc, RC_OK);
        assert_int_equal(body_draft_keep(&f.body, &draft, false, &err), RC_OK);
        char wanted[200];
        snprintf(wanted, sizeof(wanted), "{\"id\":1,\"name\":\"a\",\"day\":null,\"note\":%s}\n",
                 cases[i].wanted);
        expect_lines(&f, wanted);
    }
    fixture_deinit(&f);
}

static void test_json_check(void **state)
{
    (void)state;
    static const char *const good[] = {"null",
                                       " true ",
                                       "false",
                                       "0",
                                       "-0.5e-3",
                                       "12E+4",
                                       "\"\"",
                                       "\"a\\u00e4\\n\\\"\"",
                                       "[]",
                                       "{}",
                                       "[[],{}]",
                                       "[1, [2, {\"a\": [3]}], \"x\"]",
                                       "{\"a\":{\"b\":[]},\"c\":\n1}",
                                       "\r\n[1\t,2]"};
    static const char *const bad[] = {
        "",      " ",         "nul", "truex",   "01",          "1.",         ".5",    "-",
        "1e",    "+1",        "\"",  "\"\\x\"", "\"\\u12g4\"", "\"a\nb\"",   "[",     "[1,]",
        "[1 2]", "]",         "{",   "{\"a\"}", "{\"a\":}",    "{\"a\":1,}", "{a:1}", "{1:1}",
        "[1}",   "{\"a\":1]", "1 2", "[],1",    "1,\"b\":2",   "\"\\"};
    for (unsigned i = 0; i < COUNT_OF(good); i++)
        if (!json_check_value(slice_str(good[i])))
            fail_msg("refused: %s", good[i]);
    for (unsigned i = 0; i < COUNT_OF(bad); i++)
        if (json_check_value(slice_str(bad[i])))
            fail_msg("taken: %s", bad[i]);
    assert_false(json_check_value(SLICE("1\0")));

    char deep[2 * JSON_CHECK_DEPTH_MAX + 4];
    unsigned levels = JSON_CHECK_DEPTH_MAX + 1; /* the innermost is empty and needs no place */
    memset(deep, '[', levels);
    memset(deep + levels, ']', levels);
    assert_true(json_check_value(slice_of(deep, 2 * (size_t)levels)));
    assert_false(json_check_value(slice_of(deep, 2 * (size_t)levels - 1)));
    memset(deep, '[', levels + 1);
    memset(deep + levels + 1, ']', levels + 1);
    assert_false(json_check_value(slice_of(deep, 2 * (size_t)levels + 2)));
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_change),
        cmocka_unit_test(test_key_moves),
        cmocka_unit_test(test_key_is_bytes),
        cmocka_unit_test(test_key_of_two_columns),
        cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_memory_is_the_same_in_a_used_body),
        cmocka_unit_test(test_cursor_seeks),
        cmocka_unit_test(test_keyless),
        cmocka_unit_test(test_refused_rows_leave_nothing),
        cmocka_unit_test(test_line_too_long_for_the_buffer),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_json_check),
    };
    return cmocka_run_group_tests_name("stream_load body", tests, NULL, NULL);
}
