/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dead letters that are loaded again, through the whole pipeline: a file with letters and a request, a sink
 * with a model of a warehouse behind it, a store in memory. The engine dies before and after each of its
 * requests and each of its words to the store, and the next life has to end as if nothing had been.
 */
#include "labels_fixture.h"

#include "../engine/model_store.h"

#include "sinks/stream_load/letter_row_int.h"

#include <sys/stat.h>
#include <unistd.h>

/* ---- the store: words to it are steps like requests ---- */

static enum rc dies_here(bool after, struct error *err)
{
    if (!after)
        world.requests++;
    if (world.requests != world.dies_at || world.dies_after != after)
        return RC_OK;
    return error_set(err, RC_IO, "The engine dies.");
}

#define STEP(name, parameters, call)                                                               \
    static enum rc step_##name parameters                                                          \
    {                                                                                              \
        enum rc rc = dies_here(false, err);                                                        \
        if (rc == RC_OK)                                                                           \
            rc = call;                                                                             \
        return rc == RC_OK ? dies_here(true, err) : rc;                                            \
    }

STEP(intent, (struct store * store, const struct store_intent *intent, struct error *err),
     store_intent(store, intent, err))
STEP(prepared,
     (struct store * store, uint64_t epoch, const struct store_prepared *loads, uint32_t count,
      struct error *err),
     store_prepared(store, epoch, loads, count, err))
STEP(done, (struct store * store, uint64_t epoch, uint32_t entry, bool durable, struct error *err),
     store_done(store, epoch, entry, durable, err))
STEP(advance, (struct store * store, uint64_t epoch, struct error *err),
     store_advance(store, epoch, err))
STEP(move,
     (struct store * store, const struct position *to, const struct store_note *notes,
      uint32_t note_count, struct error *err),
     store_move(store, to, notes, note_count, err))

/* ---- the source: nothing comes ---- */

static void source_identity(const struct source *source UNUSED, struct source_identity *out)
{
    memset(out, 0, sizeof(*out));
}

static enum rc source_tables(struct source *source UNUSED, source_table_fn visit UNUSED,
                             void *ctx UNUSED, struct error *err UNUSED)
{
    return RC_OK;
}

static enum rc source_start(struct source *source UNUSED, const struct position *from UNUSED,
                            struct error *err UNUSED)
{
    return RC_OK;
}

static enum rc source_next(struct source *source UNUSED, struct change *change UNUSED,
                           unsigned wait_ms UNUSED, struct error *err UNUSED)
{
    return RC_EOF;
}

static enum rc source_position(struct source *source UNUSED, struct position *out,
                               struct error *err UNUSED)
{
    snprintf(out->file, sizeof(out->file), "bin.000001");
    out->offset = 4;
    out->rows_done = out->targets_done = 0;
    return RC_OK;
}

static bool source_reached(struct source *source UNUSED, const struct position *to)
{
    return to->offset <= 4;
}

static void source_stats(const struct source *source UNUSED, struct source_stats *out)
{
    memset(out, 0, sizeof(*out));
}

static void source_stop(struct source *source UNUSED)
{
}

static const struct cfg_section no_section = {.block = "source"};
static const struct source_ops source_ops = {.name = "quiet",
                                             .section = &no_section,
                                             .identity = source_identity,
                                             .tables = source_tables,
                                             .start = source_start,
                                             .next = source_next,
                                             .position = source_position,
                                             .reached = source_reached,
                                             .stats = source_stats,
                                             .stop = source_stop};

/* ---- the target's catalog ---- */

static enum rc fake_columns(struct myconn *conn UNUSED, const struct sink_target *target,
                            struct arena *arena, struct slice **names_out, uint32_t *count_out,
                            struct error *err UNUSED)
{
    static const struct slice names[] = {SLICE("id"), SLICE("NAME"), SLICE("quantity"),
                                         SLICE("added")};
    *count_out = slice_equal(target->table, SLICE("gone")) ? 0 : COUNT_OF(names);
    *names_out = arena_alloc(arena, sizeof(names));
    memcpy(*names_out, names, sizeof(names));
    return RC_OK;
}

/* ---- lives ---- */

static void path_of(char *path, size_t size, const char *name)
{
    snprintf(path, size, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    char path[200];
    path_of(path, sizeof(path), name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static char *read_letters(void)
{
    static char text[16384];
    char path[200];
    path_of(path, sizeof(path), "dead-letters.ndjson");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    return text;
}

static bool request_is_there(void)
{
    char path[200];
    path_of(path, sizeof(path), "request-1");
    return access(path, F_OK) == 0;
}

/* Chosen by the world. */
static enum load_two_phase phases;

static enum rc live(struct error *err)
{
    static struct pipeline_config config = {.stop_timeout_ms = 1000, .label_trust_ms = 600000};
    struct store_ops steps = store_ops;
    struct source source = {.ops = &source_ops};
    struct route_set *routes;
    struct bench bench;
    struct pipeline *pipeline;
    steps.intent = step_intent;
    steps.prepared = step_prepared;
    steps.done = step_done;
    steps.advance = step_advance;
    steps.move = step_move;
    error_clear(err);
    if (dead_letters_open(folder, 20, &fixture_letters, err) != RC_OK)
        fail_msg("%s", err->text);
    bench_open_as(&bench, "fe1", phases);
    house.serve = serve;
    bench.dialect.two_phase_check = two_phases;
    bench.dialect.target_columns = fake_columns;
    assert_int_equal(route_set_new(NULL, 0, ROUTE_FIRST_MATCH, &routes, err), RC_OK);
    struct pipeline_parts parts = {.source = &source,
                                   .sink = bench.sink,
                                   .store_ops = &steps,
                                   .routes = routes,
                                   .config = &config,
                                   .checkpoint_dir = folder,
                                   .dead_letters = fixture_letters};
    assert_int_equal(pipeline_new(&parts, &pipeline, err), RC_OK);
    enum rc rc = pipeline_run(pipeline, err);
    pipeline_free(pipeline);
    bench.sink->ops->close(bench.sink);
    dead_letters_close(fixture_letters);
    fixture_letters = NULL;
    route_set_free(routes);
    return rc;
}

static void begin_world(const char *letters, const char *request, unsigned dies_at, bool dies_after)
{
    write_file("dead-letters.ndjson", letters);
    write_file("request-1", request);
    store_clear();
    snprintf(stored.state.position.file, sizeof(stored.state.position.file), "bin.000001");
    stored.state.position.offset = 4;
    stored.state.epoch = 8;
    memset(&world, 0, sizeof(world));
    world.dies_at = dies_at;
    world.dies_after = dies_after;
}

/* Dies at that step and lives on, with another setting; false: there is no such step. */
static bool live_and_die_then(enum load_two_phase later)
{
    struct error err;
    enum rc rc = live(&err);
    bool died = world.dies_at > 0 && rc != RC_OK;
    if (!died && rc != RC_OK)
        fail_msg("%s: %s", rc_name(rc), err.text);
    unsigned at = world.dies_at;
    world.dies_at = 0;
    phases = later;
    if (died && (rc = live(&err)) != RC_OK)
        fail_msg("%s step %u: %s: %s", world.dies_after ? "after" : "before", at, rc_name(rc),
                 err.text);
    world.dies_at = at;
    return died;
}

static bool live_and_die(void)
{
    return live_and_die_then(phases);
}

#define FAIL(...)                                                                                  \
    do {                                                                                           \
        print_error("the engine died %s step %u\n%s", world.dies_after ? "after" : "before",       \
                    world.dies_at, read_letters());                                                \
        fail_msg(__VA_ARGS__);                                                                     \
    } while (0)

#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            FAIL("%s", #condition);                                                                \
    } while (0)

#define LETTER(table, key, id, columns, partial, row)                                              \
    "{\"db\":\"ods\",\"table\":\"" table "\"" key ",\"id\":\"0-1-" id ":0\",\"epoch\":3,"          \
    "\"label\":\"L\",\"time\":\"2026-01-31T08:15:00Z\",\"reason\":\"first\",\"columns\":" columns  \
    ",\"partial\":" partial ",\"row\":" row ",\"event\":{\"id\":\"0-1-" id ":0\"}}\n"
#define KEYED(key, id, columns, partial, row)                                                      \
    LETTER("orders", ",\"key\":\"0" key "\"", id, columns, partial, row)
#define TWO "[\"id\",\"name\"]"
#define ALL "[\"id\",\"name\",\"quantity\"]"
#define PART "[\"id\",\"quantity\"]"

static const char keyed_letters[] =
    /* 1 was refused, and is taken now. */
    KEYED("1", "11", ALL, "false", "{\"id\":\"1\",\"name\":\"n1\",\"quantity\":\"5\",\"__op\":0}")
    /* 2 is refused still, whatever came behind it. */
    KEYED("2", "21", ALL, "false", "{\"id\":\"2\",\"name\":\"bad\",\"quantity\":\"5\",\"__op\":0}")
    /* 3 was mended behind. */
    KEYED("3", "31", ALL, "false", "{\"id\":\"3\",\"name\":\"bad\",\"quantity\":\"1\",\"__op\":0}")
        KEYED("3", "32", "[\"id\",\"name\"]", "true", "{\"id\":\"3\",\"name\":\"n3\"}")
    /* 4 is deleted. */
    KEYED("4", "41", ALL, "false", "{\"id\":\"4\",\"name\":\"bad\",\"quantity\":\"1\",\"__op\":0}")
        KEYED("2", "22", PART, "true", "{\"id\":\"2\",\"quantity\":\"6\"}")
            KEYED("4", "42", ALL, "false", "{\"id\":\"4\",\"__op\":1}")
    /* 5 is a part of a row that is there. */
    KEYED("5", "51", PART, "true", "{\"id\":\"5\",\"quantity\":\"8\"}")
        KEYED("5", "52", PART, "true", "{\"id\":\"5\",\"quantity\":\"9\"}")
    /* 6 is of a column that is gone. */
    KEYED("6", "61", "[\"id\",\"old\"]", "false", "{\"id\":\"6\",\"old\":\"o\",\"__op\":0}")
    /* 7 is of the time when the table had two columns. */
    KEYED("7", "71", TWO, "false", "{\"id\":\"7\",\"name\":\"n7\",\"__op\":0}")
    /* 8 is of a table that nobody asked for, 9 of one that is not there. */
    LETTER("items", ",\"key\":\"08\"", "81", TWO, "false",
           "{\"id\":\"8\",\"name\":\"n\",\"__op\":0}")
        LETTER("gone", ",\"key\":\"09\"", "91", TWO, "false",
               "{\"id\":\"9\",\"name\":\"n\",\"__op\":0}")
    /* 10 is a part of a row that is not there. */
    KEYED("a", "101", PART, "true", "{\"id\":\"10\",\"quantity\":\"1\"}");

static void expect_row(unsigned id, const char *name, const char *quantity)
{
    if (world.copies[id] != 1 || strcmp(world.rows[id].name, name) != 0 ||
        strcmp(world.rows[id].quantity, quantity) != 0)
        FAIL("row %u: %u times %s, %s", id, world.copies[id], world.rows[id].name,
             world.rows[id].quantity);
}

/* The letters that are left, by their ids, in the order of the file. */
static void expect_letters(const char *expected)
{
    char left[400] = "";
    struct slice lines = slice_str(read_letters());
    while (lines.len > 0) {
        char id[32];
        struct slice replay;
        struct slice line = slice_next_line(&lines);
        line_text(line, "id", id, sizeof(id));
        assert_true(json_member(line, "replay", &replay));
        EXPECT(replay.ptr == NULL || slice_equal(replay, SLICE("0")));
        snprintf(left + strlen(left), sizeof(left) - strlen(left), "%s%.*s", left[0] ? " " : "",
                 (int)strcspn(id + 4, ":"), id + 4);
    }
    if (strcmp(left, expected) != 0)
        FAIL("left: %s", left);
}

static void expect_keyed(void)
{
    expect_row(1, "n1", "5");
    EXPECT(world.copies[2] == 0);
    expect_row(3, "n3", "1");
    EXPECT(world.copies[4] == 0);
    expect_row(5, "n5", "9");
    EXPECT(world.copies[6] == 0);
    expect_row(7, "n7", "");
    EXPECT(world.copies[8] == 0 && world.copies[9] == 0 && world.copies[10] == 0);
    expect_letters("21 22 61 81 91 101");
    EXPECT(strstr(read_letters(), "has no column old any more") != NULL);
    EXPECT(strstr(read_letters(), "has no table ods.gone") != NULL);
    EXPECT(strstr(read_letters(), "no partition for this tuple") != NULL);
    EXPECT(!request_is_there());
}

static bool die_keyed(unsigned dies_at, bool dies_after)
{
    begin_world(keyed_letters, "replay: yes\ntables: ods.orders,ods.gone\n", dies_at, dies_after);
    world.keyed = true;
    phases = LOAD_TWO_PHASE_AUTO;
    put_row(&(struct house_row){.id = 4, .name = "old"}, false);
    put_row(&(struct house_row){.id = 5, .name = "n5", .quantity = "7"}, false);
    bool died = live_and_die();
    expect_keyed();
    return died;
}

#define VISIT(id, row) LETTER("visits", "", id, TWO, "false", row)

static const char visits[] =
    VISIT("11", "{\"id\":\"1\",\"name\":\"n1\"}") VISIT("21", "{\"id\":\"2\",\"name\":\"bad\"}")
        VISIT("31", "{\"id\":\"3\",\"name\":\"n3\"}") VISIT("41", "{\"id\":\"4\",\"name\":\"n4\"}");

static bool die_keyless(unsigned dies_at, bool dies_after)
{
    begin_world(visits, "replay: yes\n", dies_at, dies_after);
    bool died = live_and_die();
    expect_row(1, "n1", "");
    EXPECT(world.copies[2] == 0);
    expect_row(3, "n3", "");
    expect_row(4, "n4", "");
    expect_letters("21");
    EXPECT(!request_is_there());
    return died;
}

/* Begun in two phases, finished in one: what was one load stays one. */
static bool die_and_change(unsigned dies_at, bool dies_after)
{
    static const char good[] =
        VISIT("11", "{\"id\":\"1\",\"name\":\"n1\"}") VISIT("31", "{\"id\":\"3\",\"name\":\"n3\"}");
    begin_world(good, "replay: yes\n", dies_at, dies_after);
    phases = LOAD_TWO_PHASE_AUTO;
    bool died = live_and_die_then(LOAD_TWO_PHASE_NEVER);
    expect_row(1, "n1", "");
    expect_row(3, "n3", "");
    expect_letters("");
    return died;
}

static unsigned die_everywhere(bool (*die)(unsigned dies_at, bool dies_after))
{
    unsigned worlds = 0;
    for (unsigned after = 0; after < 2; after++)
        for (unsigned at = 1; die(at, after == 1); at++)
            worlds++;
    return worlds;
}

static void test_keyed(void **state UNUSED)
{
    assert_false(die_keyed(0, false));
    assert_true(die_everywhere(die_keyed) > 60);
}

static void test_keyless_in_two_phases(void **state UNUSED)
{
    phases = LOAD_TWO_PHASE_AUTO;
    assert_false(die_keyless(0, false));
    assert_true(die_everywhere(die_keyless) > 30);
}

static void test_phases_change(void **state UNUSED)
{
    assert_true(die_everywhere(die_and_change) > 10);
}

/* What cannot be tried in parts goes row by row. */
static void test_keyless_in_one_phase(void **state UNUSED)
{
    phases = LOAD_TWO_PHASE_NEVER;
    assert_false(die_keyless(0, false));
    assert_true(die_everywhere(die_keyless) > 40);
}

/* The user has taken back a wish, or asks for what is not there. */
static void test_nothing_to_do(void **state UNUSED)
{
    static const char *const requests[] = {"replay: yes\ntables: ods.none\n",
                                           "replay: yes\ntables: (\n"};
    for (unsigned i = 0; i < COUNT_OF(requests); i++) {
        begin_world(visits, requests[i], 0, false);
        assert_false(live_and_die());
        expect_letters("11 21 31 41");
        EXPECT(!request_is_there());
    }
    assert_int_equal(stored.state.epoch, 8);
}

/* Marks of an epoch that was never begun mean nothing, even where the stream has its number later. */
static void test_marks_that_mean_nothing(void **state UNUSED)
{
    static const char marked[] =
        "{\"replay\":9," /* the rest of a letter */
        "\"db\":\"ods\",\"table\":\"visits\",\"id\":\"0-1-11:0\",\"epoch\":3,\"columns\":" TWO
        ",\"partial\":false,\"row\":{\"id\":\"1\",\"name\":\"n1\"},\"event\":{}}\n";
    begin_world(marked, "tables: none.none\n", 0, false);
    assert_false(live_and_die());
    expect_letters("11");
    assert_int_equal(world.copies[1], 0);
}

/* Where the stream goes on inside a transaction the position must not move: a request waits. */
static void test_inside_a_transaction(void **state UNUSED)
{
    begin_world(visits, "replay: yes\n", 0, false);
    stored.state.position.rows_done = 3;
    assert_false(live_and_die());
    assert_true(request_is_there());
    assert_int_equal(stored.state.position.rows_done, 3);
    expect_letters("11 21 31 41");
}

/* A target that refuses a load and none of its rows: they stay, and the pipeline goes on. */
static void test_refused_without_a_reason(void **state UNUSED)
{
    phases = LOAD_TWO_PHASE_AUTO;
    begin_world(visits, "replay: yes\n", 0, false);
    world.refuses_many = true;
    assert_false(live_and_die());
    expect_letters("11 21 31 41");
    EXPECT(strstr(read_letters(), "none of them was refused alone") != NULL);
    EXPECT(world.copies[1] + world.copies[3] + world.copies[4] == 0 && !request_is_there());
}

/* ---- one row out of the letters of a key ---- */

static enum rc merge(const char *const *texts, unsigned count, struct buf *out, struct error *err)
{
    struct slice lines[4];
    struct letter_row row;
    struct arena arena;
    arena_init(&arena, "test", 1u << 20);
    for (unsigned i = 0; i < count; i++)
        lines[i] = slice_str(texts[i]);
    enum rc rc = letter_row_merge(lines, count, "__op", &arena, &row, err);
    buf_reset(out);
    if (rc == RC_OK) {
        letter_row_add(&row, row.partial ? NULL : "__op", out);
        for (uint32_t i = 0; i < row.column_count; i++)
            buf_addf(out, "%.*s ", SLICE_ARG(row.columns[i]));
    }
    arena_deinit(&arena);
    return rc;
}

#define LINE(columns, partial, row)                                                                \
    "{\"columns\":" columns ",\"partial\":" partial ",\"row\":" row "}"

static void test_merge(void **state UNUSED)
{
    static const struct {
        const char *lines[4];
        const char *made; /* NULL: refused */
    } cases[] = {
        {{LINE("[\"a\",\"b\"]", "false", "{\"a\":1,\"b\":[1,{\"x\":2}],\"__op\":0}")},
         "{\"a\":1,\"b\":[1,{\"x\":2}],\"__op\":0}\na b "},
        /* Edited by hand: a row without its mark. */
        {{LINE("[ \"a\" ]", "false", "{ \"a\" : 1.50 }")}, "{\"a\":1.50,\"__op\":0}\na "},
        {{LINE("[\"a\"]", "false", "{\"a\":1,\"__op\":0}"),
          LINE("[\"a\",\"b\"]", "false", "{\"a\":1,\"__op\":1}")},
         "{\"a\":1,\"__op\":1}\na b "},
        {{LINE("[\"a\",\"b\"]", "false", "{\"a\":1,\"b\":\"x\",\"__op\":0}"),
          LINE("[\"a\",\"c\"]", "true", "{\"a\":1,\"c\":3}"),
          LINE("[\"a\",\"B\"]", "true", "{\"a\":1,\"b\":null}")},
         "{\"a\":1,\"b\":null,\"c\":3,\"__op\":0}\na b c "},
        {{LINE("[\"a\",\"b\"]", "true", "{\"a\":1,\"b\":2}"),
          LINE("[\"a\",\"c\"]", "true", "{\"a\":1,\"c\":3}")},
         "{\"a\":1,\"b\":2,\"c\":3}\na b c "},
        {{LINE("[\"a\",\"b\"]", "false", "{\"a\":1,\"__op\":1}"),
          LINE("[\"a\",\"b\"]", "true", "{\"a\":1,\"b\":2}")},
         NULL},
        {{LINE("[]", "false", "{\"a\":1}")}, NULL},
        {{LINE("[1]", "false", "{\"a\":1}")}, NULL},
        {{LINE("[\"a\"]", "false", "{}")}, NULL},
        {{LINE("[\"a\"]", "false", "{\"a\"}")}, NULL},
        {{"{\"row\":{\"a\":1}}"}, NULL},
        {{"{\"columns\":[\"a\"]}"}, NULL},
    };
    struct buf out;
    struct error err;
    buf_init(&out, 4096);
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        unsigned count = 0;
        while (count < COUNT_OF(cases[i].lines) && cases[i].lines[count] != NULL)
            count++;
        enum rc rc = merge(cases[i].lines, count, &out, &err);
        assert_int_equal(rc, cases[i].made == NULL ? RC_REJECTED : RC_OK);
        if (rc == RC_OK)
            assert_string_equal(buf_cstr(&out), cases[i].made);
    }
    buf_deinit(&out);
}

static int remove_folder(void **state UNUSED)
{
    static const char *const names[] = {"dead-letters.ndjson", "request-1", "status"};
    for (unsigned i = 0; i < COUNT_OF(names); i++) {
        char path[200];
        path_of(path, sizeof(path), names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_keyed),
        cmocka_unit_test(test_keyless_in_two_phases),
        cmocka_unit_test(test_keyless_in_one_phase),
        cmocka_unit_test(test_phases_change),
        cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_marks_that_mean_nothing),
        cmocka_unit_test(test_inside_a_transaction),
        cmocka_unit_test(test_refused_without_a_reason),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
