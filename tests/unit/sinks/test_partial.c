/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that lack columns: what is merged, what becomes a part of its own, what is refused. */
#include "load_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NO fixture_absent

static void put(struct fixture *f, enum change_kind kind, const char *const *before,
                const char *const *after)
{
    struct error err;
    error_clear(&err);
    if (fixture_put(f, kind, before, after, &err) != RC_OK)
        fail_msg("%s", err.text);
}

static void expect_part(const struct fixture *f, uint32_t set, const char *wanted)
{
    for (size_t piece = 1; piece < 200; piece = piece * 3 + 1) {
        char *lines = fixture_part(&f->body, set, piece);
        assert_string_equal(lines, wanted);
        free(lines);
    }
    unsigned count = 0;
    for (const char *p = wanted; *p != '\0'; p++)
        count += *p == '\n';
    assert_int_equal(f->body.parts[set].rows, count);
}

static void expect_columns(const struct fixture *f, uint32_t set, const char *wanted)
{
    struct buf header;
    buf_init(&header, 4096);
    column_set_add_header(&header, &f->schema, body_set_bits(&f->body, set));
    assert_string_equal(buf_cstr(&header), wanted);
    buf_deinit(&header);
}

static void test_updates_are_grouped(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, "a", NO, NO));
    put(&f, CHANGE_UPDATE, ROW("2", NO, NO, NO), ROW(NO, NO, NO, NULL));
    put(&f, CHANGE_UPDATE, ROW("3", NO, NO, NO), ROW("3", "c", NO, NO));
    put(&f, CHANGE_INSERT, NULL, ROW("4", "whole", NULL, NULL));
    put(&f, CHANGE_UPDATE, ROW("5", NO, NO, NO), ROW(NO, "\"x\",{", "2024-01-02", NO));
    assert_int_equal(f.body.set_count, 3);
    expect_part(&f, BODY_WHOLE,
                "{\"id\":4,\"name\":\"whole\",\"day\":null,\"note\":null,\"__op\":0}\n");
    expect_columns(&f, 1, "columns: `id`,`name`\n");
    expect_part(&f, 1, "{\"id\":1,\"name\":\"a\"}\n{\"id\":3,\"name\":\"c\"}\n");
    expect_columns(&f, 2, "columns: `id`,`note`\n");
    expect_part(&f, 2, "{\"id\":2,\"note\":null}\n");
    expect_columns(&f, 3, "columns: `id`,`name`,`day`\n");
    expect_part(&f, 3, "{\"id\":5,\"name\":\"\\\"x\\\",{\",\"day\":\"2024-01-02\"}\n");
    assert_int_equal(f.body.live_rows, 5);
    body_reset(&f.body);
    assert_int_equal(f.body.set_count, 0);
    assert_int_equal(f.body.parts[1].rows, 0);
    fixture_deinit(&f);
}

/* What `after` lacks and `before` has did not change: NOBLOB, and FULL_NODUP where all is there. */
static void test_before_fills_after(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_UPDATE, ROW("1", "a", NULL, "old"), ROW(NO, NO, NO, "new"));
    expect_part(&f, BODY_WHOLE,
                "{\"id\":1,\"name\":\"a\",\"day\":null,\"note\":\"new\",\"__op\":0}\n");
    /* The key moves: the row is known, so both lines are. */
    put(&f, CHANGE_UPDATE, ROW("1", "a", NULL, "new"), ROW("2", NO, NO, NO));
    expect_part(&f, BODY_WHOLE,
                "{\"id\":1,\"name\":\"a\",\"day\":null,\"note\":\"new\",\"__op\":1}\n"
                "{\"id\":2,\"name\":\"a\",\"day\":null,\"note\":\"new\",\"__op\":0}\n");
    put(&f, CHANGE_UPDATE, ROW("3", "a", NULL, NO), ROW("3", "b", NULL, NO));
    expect_columns(&f, 1, "columns: `id`,`name`,`day`\n");
    expect_part(&f, 1, "{\"id\":3,\"name\":\"b\",\"day\":null}\n");
    fixture_deinit(&f);
}

static void test_merging(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    f.columns[3].encoding = LOAD_JSON_VALUE;
    /* Onto a whole row: whole again, other values kept byte by byte. */
    put(&f, CHANGE_INSERT, NULL, ROW("1", "a,}\"\\", NULL, "{\"x\": [1, {\"y\": \"]},\\\"\"}]}"));
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, NO, "2024-02-29", NO));
    const char *merged = "{\"id\":1,\"name\":\"a,}\\\"\\\\\",\"day\":\"2024-02-29\",\"note\":"
                         "{\"x\": [1, {\"y\": \"]},\\\"\"}]},\"__op\":0}\n";
    expect_part(&f, BODY_WHOLE, merged);
    assert_int_equal(f.body.collapsed, 1);
    /* Onto a part: the columns of both, the later value where both have one. */
    put(&f, CHANGE_UPDATE, ROW("2", NO, NO, NO), ROW(NO, "x", NO, NO));
    put(&f, CHANGE_UPDATE, ROW("2", NO, NO, NO), ROW(NO, NO, NO, "[]"));
    put(&f, CHANGE_UPDATE, ROW("2", NO, NO, NO), ROW(NO, "y", NO, NO));
    expect_part(&f, 1, "");
    expect_columns(&f, 2, "columns: `id`,`name`,`note`\n");
    expect_part(&f, 2, "{\"id\":2,\"name\":\"y\",\"note\":[]}\n");
    /* All columns came together: a whole row, with its mark. */
    put(&f, CHANGE_UPDATE, ROW("2", NO, NO, NO), ROW(NO, NO, NULL, NO));
    expect_part(&f, 2, "");
    /* A whole row and a deletion replace what is there. */
    put(&f, CHANGE_UPDATE, ROW("3", NO, NO, NO), ROW(NO, "part", NO, NO));
    put(&f, CHANGE_DELETE, ROW("3", NO, NO, NO), NULL);
    assert_int_equal(f.body.live_rows, 3);
    f.columns[1].target_nullable = true; /* for the deletion above it was not: a filler */
    char *lines = fixture_lines(&f.body, 64);
    assert_non_null(strstr(lines,
                           "{\"id\":2,\"name\":\"y\",\"day\":null,\"note\":[],\"__op\":0}\n"
                           "{\"id\":3,\"name\":\"\",\"day\":null,\"note\":null,\"__op\":1}\n"));
    free(lines);
    put(&f, CHANGE_INSERT, NULL, ROW("3", "again", NULL, NULL));
    assert_int_equal(f.body.parts[BODY_WHOLE].rows, 3);
    fixture_deinit(&f);
}

/* Names that look like pieces of JSON are found again all the same. */
static void test_merging_under_odd_names(void **state)
{
    (void)state;
    static const char *const names[] = {"id", "a\"b\\", ",\"id\":9", "{[}`"};
    struct fixture f;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    encoder_deinit(&f.encoder);
    for (uint32_t i = 0; i < FIXTURE_COLUMNS; i++)
        f.columns[i].target_name = slice_str(names[i]);
    f.columns[2].encoding = LOAD_STRING;
    assert_int_equal(column_set_rank(&f.schema, &f.arena, &err), RC_OK);
    assert_int_equal(
        encoder_init(&f.encoder, &f.schema, "__op", LOAD_ZERO_DATES_NULL, &f.arena, &err), RC_OK);
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, "},\"{[}`\":", NO, NO));
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, NO, "\\", NO));
    expect_columns(&f, 2, "columns: `id`,`a\"b\\`,`,\"id\":9`\n");
    expect_part(&f, 2,
                "{\"id\":1,\"a\\\"b\\\\\":\"},\\\"{[}`\\\":\",\",\\\"id\\\":9\":\"\\\\\"}\n");
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, NO, NO, NULL));
    expect_part(&f, BODY_WHOLE,
                "{\"id\":1,\"a\\\"b\\\\\":\"},\\\"{[}`\\\":\",\",\\\"id\\\":9\":\"\\\\\","
                "\"{[}`\":null,\"__op\":0}\n");
    fixture_deinit(&f);
}

/* An UPDATE that carries nothing but the key changes nothing, at the target and in the batch. */
static void test_update_without_values(void **state)
{
    (void)state;
    struct fixture f;
    struct body_draft draft;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    assert_int_equal(
        fixture_draft(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW("1", NO, NO, NO), &draft, &err),
        RC_OK);
    assert_int_equal(draft.count, 0);
    assert_int_equal(f.body.keys.len, 0);
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, "a", NO, NO));
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, NO, NO, NO));
    expect_part(&f, 1, "{\"id\":1,\"name\":\"a\"}\n");
    fixture_deinit(&f);
}

/* Source tables that share a target may list its columns in another order. */
static void test_columns_in_another_order(void **state)
{
    (void)state;
    struct fixture f, other;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    fixture_init(&other, LOAD_ZERO_DATES_NULL, false);
    encoder_deinit(&other.encoder);
    other.source_columns[1].name = other.columns[1].target_name = SLICE("note");
    other.source_columns[3].name = other.columns[3].target_name = SLICE("name");
    assert_int_equal(column_set_rank(&other.schema, &other.arena, &err), RC_OK);
    assert_int_equal(encoder_init(&other.encoder, &other.schema, "__op", LOAD_ZERO_DATES_NULL,
                                  &other.arena, &err),
                     RC_OK);
    struct body theirs = other.body;
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, "n", NO, NO));
    put(&f, CHANGE_INSERT, NULL, ROW("2", "n", NULL, "t"));
    other.body = f.body;
    put(&other, CHANGE_UPDATE, ROW("3", NO, NO, NO), ROW(NO, NO, NO, "n3"));
    put(&other, CHANGE_UPDATE, ROW("2", NO, NO, NO), ROW(NO, "t2", NO, NO));
    f.body = other.body;
    other.body = theirs;
    assert_int_equal(f.body.set_count, 1);
    expect_part(&f, 1, "{\"id\":1,\"name\":\"n\"}\n{\"id\":3,\"name\":\"n3\"}\n");
    expect_part(&f, BODY_WHOLE,
                "{\"id\":2,\"note\":\"t2\",\"day\":null,\"name\":\"n\",\"__op\":0}\n");
    assert_int_equal(column_set_hash(&f.schema, body_set_bits(&f.body, 1)),
                     column_set_hash(&other.schema, body_set_bits(&f.body, 1)));
    fixture_deinit(&f);
    fixture_deinit(&other);
}

static void test_fillers_of_deletions(void **state)
{
    (void)state;
    static const struct {
        enum load_encoding encoding;
        const char *type;
        const char *wanted;
    } cases[] = {
        {LOAD_NUMBER, "DECIMAL(10,2)", "0"},    {LOAD_STRING, "VARCHAR(80)", "\"\""},
        {LOAD_BASE64, "STRING", "\"\""},        {LOAD_JSON_VALUE, "JSON", "[]"},
        {LOAD_JSON_STRING, "STRING", "\"[]\""}, {LOAD_DATE, "DATETIME(6)", "\"2000-01-01\""},
        {LOAD_BIT_BOOLEAN, "BOOLEAN", "false"}, {LOAD_GEOMETRY, "STRING", "\"\""},
        {LOAD_STRING, "ipv4", "\"0.0.0.0\""},   {LOAD_STRING, "IPV6", "\"::\""},
    };
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        char wanted[200];
        body_reset(&f.body);
        f.columns[1].encoding = cases[i].encoding;
        f.columns[1].target_type = slice_str(cases[i].type);
        put(&f, CHANGE_DELETE, ROW("1", NO, NO, NO), NULL);
        snprintf(wanted, sizeof(wanted),
                 "{\"id\":1,\"name\":%s,\"day\":null,\"note\":null,\"__op\":1}\n", cases[i].wanted);
        expect_part(&f, BODY_WHOLE, wanted);
    }
    fixture_deinit(&f);
}

static void test_refusals(void **state)
{
    (void)state;
    struct fixture f;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_DELETE, ROW("9", NO, NO, NO), NULL);
    size_t data_len = f.body.data.len, keys_len = f.body.keys.len;
    const struct {
        enum change_kind kind;
        const char *const *before;
        const char *const *after;
        const char *words[2];
    } cases[] = {
        {CHANGE_INSERT, NULL, ROW("1", "a", NULL, NO), {"column note of table", "its default"}},
        {CHANGE_UPDATE,
         ROW("1", NO, NO, NO),
         ROW("2", NO, NO, NO),
         {"column name of table", "the key has changed"}},
        {CHANGE_UPDATE,
         ROW(NO, NO, NO, NO),
         ROW(NO, "a", NO, NO),
         {"column id of table", "which row it is"}},
        {CHANGE_DELETE, ROW(NO, "a", NO, NO), NULL, {"column id of table", "which row it is"}},
        {CHANGE_UPDATE,
         ROW("9", NO, NO, NO),
         ROW(NO, "a", NO, NO),
         {"column day of table", "has deleted that row before"}},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct body_draft draft;
        error_clear(&err);
        assert_int_equal(
            fixture_draft(&f, cases[i].kind, cases[i].before, cases[i].after, &draft, &err),
            RC_REJECTED);
        assert_int_equal(err.class, ERROR_REJECT);
        for (unsigned w = 0; w < COUNT_OF(cases[i].words); w++)
            if (strstr(err.text, cases[i].words[w]) == NULL)
                fail_msg("\"%s\" does not say: %s", err.text, cases[i].words[w]);
        assert_non_null(strstr(err.text, "Set binlog_row_image=FULL"));
        assert_int_equal(f.body.data.len, data_len);
        assert_int_equal(f.body.keys.len, keys_len);
        assert_int_equal(f.body.set_count, 0);
    }
    fixture_deinit(&f);
}

/* The one set too many is RC_LIMIT: the sink closes the batch. */
/* An INSERT's columns that are not there hold their defaults, where those are known. */
static void test_defaults_of_an_insert(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    f.source_columns[1].default_value = SLICE("it's \"x\"");
    f.source_columns[2].default_value = SLICE("2024-01-02");
    for (unsigned i = 1; i < FIXTURE_COLUMNS; i++)
        f.source_columns[i].default_known = true;
    put(&f, CHANGE_INSERT, NULL, ROW("1", NO, NO, NO));
    put(&f, CHANGE_INSERT, NULL, ROW("2", "b", NO, "n"));
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, NO, NO, "later"));
    assert_int_equal(f.body.set_count, 0);
    expect_part(&f, BODY_WHOLE,
                "{\"id\":2,\"name\":\"b\",\"day\":\"2024-01-02\",\"note\":\"n\",\"__op\":0}\n"
                "{\"id\":1,\"name\":\"it's \\\"x\\\"\",\"day\":\"2024-01-02\",\"note\":\"later\","
                "\"__op\":0}\n");
    /* An update's missing columns did not change: no default goes there. */
    put(&f, CHANGE_UPDATE, ROW("3", NO, NO, NO), ROW(NO, "c", NO, NO));
    expect_part(&f, 1, "{\"id\":3,\"name\":\"c\"}\n");
    fixture_deinit(&f);
}

/* The key may have a default, too, and the empty text is not NULL. */
static void test_defaults_of_a_key(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    f.source_columns[0].default_value = SLICE("7");
    f.source_columns[0].default_known = true;
    put(&f, CHANGE_INSERT, NULL, ROW(NO, "a", NULL, NULL));
    put(&f, CHANGE_UPDATE, ROW("7", NO, NO, NO), ROW(NO, "b", NO, NO));
    expect_part(&f, BODY_WHOLE,
                "{\"id\":7,\"name\":\"b\",\"day\":null,\"note\":null,\"__op\":0}\n");
    fixture_deinit(&f);
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    f.columns[0].encoding = LOAD_STRING;
    f.source_columns[0].default_value = SLICE("");
    f.source_columns[0].default_known = true;
    put(&f, CHANGE_INSERT, NULL, ROW(NO, "a", NULL, NULL));
    put(&f, CHANGE_INSERT, NULL, ROW("", "b", NULL, NULL));
    expect_part(&f, BODY_WHOLE,
                "{\"id\":\"\",\"name\":\"b\",\"day\":null,\"note\":null,\"__op\":0}\n");
    fixture_deinit(&f);
}

/* What a default cannot be at the target is told as a value's would be. */
static void test_defaults_that_do_not_fit(void **state)
{
    (void)state;
    struct fixture f;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_ERROR, false);
    for (unsigned i = 1; i < FIXTURE_COLUMNS; i++)
        f.source_columns[i].default_known = true;
    error_clear(&err);
    assert_int_equal(fixture_put(&f, CHANGE_INSERT, NULL, ROW("1", NO, NULL, NULL), &err),
                     RC_REJECTED);
    assert_non_null(strstr(err.text, "may not be NULL"));
    f.source_columns[2].default_value = SLICE("0000-00-00");
    error_clear(&err);
    assert_int_equal(fixture_put(&f, CHANGE_INSERT, NULL, ROW("1", "a", NO, NULL), &err),
                     RC_REJECTED);
    assert_non_null(strstr(err.text, "0000-00-00"));
    assert_int_equal(f.body.data.len, 0);
    fixture_deinit(&f);
}

/* MariaDB's VIRTUAL columns: neither the target's value nor the one before is right. */
static void test_unseen_changes(void **state)
{
    (void)state;
    struct fixture f;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    f.source_columns[3].changes_unseen = true;
    f.encoder.has_unseen = true;
    const char *const *const befores[] = {ROW("1", NO, NO, NO), ROW("1", "a", NULL, "old")};
    for (size_t i = 0; i < COUNT_OF(befores); i++) {
        error_clear(&err);
        assert_int_equal(fixture_put(&f, CHANGE_UPDATE, befores[i], ROW(NO, "b", NO, NO), &err),
                         RC_REJECTED);
        assert_non_null(strstr(err.text, "lacks column note"));
        assert_non_null(strstr(err.text, "VIRTUAL"));
        assert_non_null(strstr(err.text, "binlog_row_image=FULL"));
    }
    put(&f, CHANGE_UPDATE, befores[1], ROW("1", "b", NULL, "new"));
    expect_part(&f, BODY_WHOLE,
                "{\"id\":1,\"name\":\"b\",\"day\":null,\"note\":\"new\",\"__op\":0}\n");
    fixture_deinit(&f);
}

static void test_too_many_sets(void **state)
{
    (void)state;
    enum { COLUMNS = 8 };
    struct body body;
    struct error err;
    uint32_t set;
    body_init(&body, 1u << 20);
    for (unsigned i = 1; i <= BODY_SETS_MAX; i++) {
        uint8_t bits = (uint8_t)i;
        assert_int_equal(body_set_number(&body, &bits, COLUMNS / 8, &set, &err), RC_OK);
        assert_int_equal(set, i);
        assert_int_equal(body_set_number(&body, &bits, COLUMNS / 8, &set, &err), RC_OK);
        assert_int_equal(set, i);
    }
    uint8_t bits = BODY_SETS_MAX + 1;
    assert_int_equal(body_set_number(&body, &bits, COLUMNS / 8, &set, &err), RC_LIMIT);
    assert_int_equal(body_memory(&body), 0); /* no row yet: an empty batch takes nothing */
    /* An empty body may get a table of another width. */
    body_reset(&body);
    uint8_t wide[3] = {1, 2, 3};
    for (unsigned i = 1; i <= BODY_SETS_MAX; i++) {
        wide[1] = (uint8_t)i;
        assert_int_equal(body_set_number(&body, wide, sizeof(wide), &set, &err), RC_OK);
        assert_memory_equal(body_set_bits(&body, set), wide, sizeof(wide));
    }
    body_deinit(&body);
}

/* A draft that is dropped takes its column set with it: nothing is left that nobody counts. */
static void test_a_dropped_draft_leaves_no_set(void **state)
{
    (void)state;
    struct fixture f;
    struct body_draft draft;
    struct error err;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    put(&f, CHANGE_UPDATE, ROW("1", NO, NO, NO), ROW(NO, "a", NO, NO));
    uint64_t memory = body_memory(&f.body);
    assert_int_equal(
        fixture_draft(&f, CHANGE_UPDATE, ROW("2", NO, NO, NO), ROW(NO, NO, NULL, NO), &draft, &err),
        RC_OK);
    assert_int_equal(f.body.set_count, 2);
    assert_true(body_draft_memory(&f.body, &draft) > sizeof(struct body_row));
    body_draft_drop(&f.body, &draft);
    assert_int_equal(f.body.set_count, 1);
    assert_int_equal(body_memory(&f.body), memory);
    put(&f, CHANGE_UPDATE, ROW("3", NO, NO, NO), ROW(NO, NO, NO, NULL));
    expect_columns(&f, 2, "columns: `id`,`note`\n");
    assert_int_equal(body_memory(&f.body) - memory,
                     strlen("{\"id\":3,\"note\":null}\n") + 5 + sizeof(struct body_row) + 1);
    fixture_deinit(&f);
}

/* The rows that the target has, as a plain table: apply the parts of each batch to it, in any order,
 * and it must equal the table that took every change by itself. */
enum { KEYS = 40, VALUES = 3 };
struct model {
    bool there[KEYS];
    char values[KEYS][VALUES][12];
};

static void apply_line(struct model *model, const char *line)
{
    static const char *const names[VALUES] = {"\"name\":", "\"day\":", "\"note\":"};
    unsigned key = (unsigned)strtoul(strstr(line, "\"id\":") + 5, NULL, 10);
    bool whole = strstr(line, "\"__op\":") != NULL;
    model->there[key] = strstr(line, "\"__op\":1") == NULL;
    for (unsigned v = 0; v < VALUES; v++) {
        const char *value = strstr(line, names[v]);
        assert_true(value != NULL || !whole);
        if (value != NULL)
            snprintf(model->values[key][v], sizeof(model->values[key][v]), "%.*s",
                     (int)strcspn(value + strlen(names[v]), ",}"), value + strlen(names[v]));
    }
}

static void apply_part(struct model *model, const struct body *body, uint32_t set)
{
    char *lines = fixture_part(body, set, 4096);
    for (char *line = lines; *line != '\0';) {
        char *end = strchr(line, '\n');
        *end = '\0';
        apply_line(model, line);
        line = end + 1;
    }
    free(lines);
}

static void random_change(struct fixture *f, struct model *model, uint64_t *seed, unsigned number)
{
    char id[12], texts[VALUES][12];
    const char *values[VALUES];
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    unsigned dice = (unsigned)(*seed >> 33);
    unsigned key = dice % KEYS;
    bool inserts = !model->there[key];
    snprintf(id, sizeof(id), "%u", key);
    if (!inserts && dice / KEYS % 8 == 0) {
        put(f, CHANGE_DELETE, ROW(id, NO, NO, NO), NULL);
        model->there[key] = false;
        return;
    }
    for (unsigned v = 0; v < VALUES; v++) {
        values[v] = NO;
        if (!inserts && (dice >> (10 + v) & 1) == 0)
            continue;
        snprintf(texts[v], sizeof(texts[v]), "%u", number);
        values[v] = texts[v];
        snprintf(model->values[key][v], sizeof(model->values[key][v]), "%u", number);
    }
    if (inserts)
        put(f, CHANGE_INSERT, NULL, ROW(id, values[0], values[1], values[2]));
    else
        put(f, CHANGE_UPDATE, ROW(id, NO, NO, NO), ROW(NO, values[0], values[1], values[2]));
    model->there[key] = true;
}

static void test_random_changes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    for (unsigned v = 1; v <= VALUES; v++)
        f.columns[v].encoding = LOAD_NUMBER;
    static struct model source, target;
    uint64_t seed = 7;
    for (unsigned batch = 0; batch < 300; batch++) {
        for (unsigned i = 0; i < 1 + batch % 97; i++)
            random_change(&f, &source, &seed, batch * 100 + i);
        for (uint32_t n = 0; n <= f.body.set_count; n++)
            apply_part(&target, &f.body, batch % 2 == 0 ? n : f.body.set_count - n);
        for (unsigned key = 0; key < KEYS; key++) {
            assert_int_equal(target.there[key], source.there[key]);
            for (unsigned v = 0; v < VALUES && source.there[key]; v++)
                assert_string_equal(target.values[key][v], source.values[key][v]);
        }
        body_reset(&f.body);
    }
    fixture_deinit(&f);
}

static void test_seeking_in_a_part(void **state)
{
    (void)state;
    struct fixture f;
    char id[12];
    fixture_init(&f, LOAD_ZERO_DATES_NULL, false);
    for (unsigned i = 0; i < 30; i++) {
        snprintf(id, sizeof(id), "%u", i % 20);
        if (i % 3 == 0)
            put(&f, CHANGE_INSERT, NULL, ROW(id, "whole", NULL, NULL));
        else if (i % 3 == 1)
            put(&f, CHANGE_UPDATE, ROW(id, NO, NO, NO), ROW(NO, "a", NO, NO));
        else
            put(&f, CHANGE_UPDATE, ROW(id, NO, NO, NO), ROW(NO, NO, NO, "b"));
    }
    uint64_t bytes = 0;
    for (uint32_t set = 0; set <= f.body.set_count; set++) {
        char *lines = fixture_part(&f.body, set, 50);
        struct body_cursor cursor;
        body_cursor_init(&cursor, &f.body, set);
        bytes += f.body.parts[set].bytes;
        for (uint64_t at = 0; at <= f.body.parts[set].bytes; at++) {
            uint8_t rest[4096];
            assert_true(body_cursor_seek(&cursor, at));
            size_t len = body_cursor_read(&cursor, rest, sizeof(rest));
            assert_int_equal(len, f.body.parts[set].bytes - at);
            assert_memory_equal(rest, lines + at, len);
        }
        assert_false(body_cursor_seek(&cursor, f.body.parts[set].bytes + 1));
        free(lines);
    }
    assert_int_equal(bytes, f.body.live_bytes);
    fixture_deinit(&f);
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates_are_grouped),
        cmocka_unit_test(test_before_fills_after),
        cmocka_unit_test(test_merging),
        cmocka_unit_test(test_merging_under_odd_names),
        cmocka_unit_test(test_update_without_values),
        cmocka_unit_test(test_columns_in_another_order),
        cmocka_unit_test(test_fillers_of_deletions),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_defaults_of_an_insert),
        cmocka_unit_test(test_defaults_of_a_key),
        cmocka_unit_test(test_defaults_that_do_not_fit),
        cmocka_unit_test(test_unseen_changes),
        cmocka_unit_test(test_too_many_sets),
        cmocka_unit_test(test_a_dropped_draft_leaves_no_set),
        cmocka_unit_test(test_random_changes),
        cmocka_unit_test(test_seeking_in_a_part),
    };
    return cmocka_run_group_tests_name("stream_load partial rows", tests, NULL, NULL);
}
