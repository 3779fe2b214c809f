/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows that the target does not take, through the whole sink: found by bisection, put aside in the file,
 * and everything else loaded once. The warehouse is a model that keeps labels and rows; the engine dies
 * before and after each request that it makes, and the next life has to end in the same state.
 */
#include "labels_fixture.h"

#include <unistd.h>

/* One life of a sink, and what the journal would know of its epoch. */
struct journal {
    bool intent;
    bool prepared;
    bool done;
    char token[SINK_TOKEN_MAX];
    uint64_t rows;
};

static void open_life(struct bench *bench, bool keyless, bool recovering)
{
    struct error err;
    if (dead_letters_open(folder, 100, &fixture_letters, &err) != RC_OK)
        fail_msg("%s", err.text);
    fixture_recovering = recovering;
    bench_open(bench, "fe1");
    house.serve = serve;
    bench->dialect.two_phase_check = two_phases;
    if (keyless)
        bench->orders.table.key_count = 0;
    assert_int_equal(add_way(bench, &bench->orders, "orders", &bench->to_orders), RC_OK);
}

static void close_life(struct bench *bench)
{
    bench->sink->ops->close(bench->sink);
    dead_letters_close(fixture_letters);
    fixture_letters = NULL;
    fixture_recovering = false;
}

static bool is_bad(unsigned id)
{
    return id == 3 || id == 4 || id == IDS - 1;
}

static void write_rows(struct bench *bench)
{
    for (unsigned id = 0; id < IDS; id++) {
        char text[16];
        snprintf(text, sizeof(text), "%u", id);
        assert_int_equal(write_row(bench, bench->to_orders, text, is_bad(id) ? "bad" : "good"),
                         RC_OK);
    }
}

/* Sees an epoch through as the pipeline does. RC_OK: it is durable. */
static enum rc see_through(struct bench *bench, struct journal *journal, bool applied)
{
    const struct sink_ops *ops = bench->sink->ops;
    struct manifest manifest = seal(bench, 1);
    assert_int_equal(manifest.count, 1);
    /* The loads of an epoch are the same in every life. */
    if (journal->intent) {
        assert_int_equal(manifest.entries[0].rows, journal->rows);
        assert_true(slice_equal(manifest.entries[0].token, slice_str(journal->token)));
    }
    journal->intent = true;
    journal->rows = manifest.entries[0].rows;
    snprintf(journal->token, sizeof(journal->token), "%.*s", SLICE_ARG(manifest.entries[0].token));
    enum rc rc = ops->submit(bench->sink, &applied, &bench->err);
    bool waits = false;
    while (rc == RC_OK) {
        struct sink_result result = {0};
        rc = poll_one(bench, &result);
        if (rc == RC_OK && result.transaction != 0)
            waits = true;
        if (rc == RC_EOF && !waits)
            return RC_OK;
        if (rc == RC_EOF) {
            waits = false;
            journal->prepared = true;
            rc = ops->commit(bench->sink, &bench->err);
        }
    }
    return rc;
}

static void expect_once(bool keyless)
{
    struct dead_letters *letters;
    struct error err;
    uint64_t from = 0;
    unsigned put_aside[IDS] = {0};
    const struct dead_letter_ref *ref;
    assert_int_equal(dead_letters_open(folder, 100, &letters, &err), RC_OK);
    while ((ref = dead_letters_next(letters, SLICE("ods"), SLICE("orders"), &from)) != NULL) {
        uint64_t id;
        struct slice number = slice_of(ref->id.ptr + 7, ref->id.len - 7); /* behind "0-1-42:" */
        assert_true(text_parse_u64(number, &id) && id < IDS);
        assert_int_equal(ref->key.len == 0, keyless);
        put_aside[id]++;
    }
    dead_letters_close(letters);
    for (unsigned id = 0; id < IDS; id++)
        if (world.copies[id] != !is_bad(id) || put_aside[id] != is_bad(id))
            fail_msg("row %u: %u at the target, %u in the file; the engine died %s request %u", id,
                     world.copies[id], put_aside[id], world.dies_after ? "after" : "before",
                     world.dies_at);
}

/* The engine dies once; false: it had nothing more to ask. */
static bool die_once(bool keyless, unsigned dies_at, bool dies_after)
{
    struct bench bench;
    struct journal journal = {0};
    bool applied = false;
    memset(&world, 0, sizeof(world));
    world.keyed = !keyless;
    world.dies_at = dies_at;
    world.dies_after = dies_after;
    open_life(&bench, keyless, false);
    write_rows(&bench);
    enum rc rc = see_through(&bench, &journal, false);
    close_life(&bench);
    if (rc != RC_OK)
        assert_int_equal(rc, RC_CANCELLED);
    bool died = rc != RC_OK;
    world.dies_at = 0;
    if (died) {
        enum load_state state;
        open_life(&bench, keyless, true);
        const struct manifest_entry entry = {.db = SLICE("ods"),
                                             .table = SLICE("orders"),
                                             .token = slice_str(journal.token),
                                             .keyless = keyless,
                                             .two_phase = keyless,
                                             .transaction = journal.prepared ? 7 : 0};
        assert_int_equal(bench.sink->ops->resolve(bench.sink, &entry, &state, &bench.err), RC_OK);
        applied = state == LOAD_APPLIED;
        write_rows(&bench);
        assert_int_equal(see_through(&bench, &journal, applied), RC_OK);
        close_life(&bench);
    }
    world.dies_at = dies_at;
    expect_once(keyless);
    return died;
}

static void die_everywhere(bool keyless)
{
    char file[100];
    snprintf(file, sizeof(file), "%s/dead-letters.ndjson", folder);
    unsigned worlds = 0;
    for (unsigned after = 0; after < 2; after++)
        for (unsigned at = 1;; at++) {
            unlink(file);
            bool died = die_once(keyless, at, after == 1);
            worlds++;
            if (!died)
                break;
        }
    assert_true(worlds > 40); /* to find three rows of twelve takes many requests */
}

static void test_keyless_dies_everywhere(void **state UNUSED)
{
    die_everywhere(true);
}

static void test_keyed_dies_everywhere(void **state UNUSED)
{
    die_everywhere(false);
}

static void expect_letters(unsigned count)
{
    assert_int_equal(dead_letters_count(fixture_letters), count);
}

static void see_epoch(struct bench *bench, uint64_t epoch, unsigned loads)
{
    struct sink_result result;
    struct manifest manifest = seal(bench, epoch);
    assert_int_equal(manifest.count, loads);
    assert_int_equal(bench->sink->ops->submit(bench->sink, NULL, &bench->err), RC_OK);
    while (poll_one(bench, &result) == RC_OK)
        continue;
}

static void begin_quiet(struct bench *bench, bool keyless)
{
    char file[100];
    snprintf(file, sizeof(file), "%s/dead-letters.ndjson", folder);
    unlink(file);
    memset(&world, 0, sizeof(world));
    world.keyed = !keyless;
    open_life(bench, keyless, false);
}

/* A change of another transaction, which has another event. */
static void change_row(struct bench *bench, enum change_kind kind, const char *gtid, const char *id,
                       const char *name)
{
    const struct txn txn = {.gtid = slice_str(gtid), .file = SLICE("bin.000001")};
    const struct cell cells[] = {{(const uint8_t *)id, (uint32_t)strlen(id), CELL_VALUE},
                                 {(const uint8_t *)name, (uint32_t)strlen(name), CELL_VALUE}};
    struct change change = {.kind = kind, .table = &bench->orders.table, .txn = &txn};
    if (kind == CHANGE_DELETE)
        change.before = (struct row){cells, 2};
    else
        change.after = (struct row){cells, 2};
    if (bench->sink->ops->write(bench->sink, bench->to_orders, &change, &bench->err) != RC_OK)
        fail_msg("%s", bench->err.text);
}

/* Later changes of a key wait behind its letter; other keys go on. */
static void test_key_waits(void **state UNUSED)
{
    struct bench bench;
    begin_quiet(&bench, false);
    change_row(&bench, CHANGE_INSERT, "0-1-1", "1", "bad");
    see_epoch(&bench, 1, 1);
    expect_letters(1);
    change_row(&bench, CHANGE_INSERT, "0-1-2", "1", "good");
    change_row(&bench, CHANGE_INSERT, "0-1-2", "2", "good");
    /* In one batch a later state takes the place of an earlier one, refused or not. */
    change_row(&bench, CHANGE_INSERT, "0-1-3", "3", "bad");
    change_row(&bench, CHANGE_INSERT, "0-1-4", "3", "good");
    see_epoch(&bench, 2, 1);
    expect_letters(2);
    assert_int_equal(world.copies[1], 0);
    assert_int_equal(world.copies[2], 1);
    assert_int_equal(world.copies[3], 1);
    /* A batch in which nothing is left to be sent is an epoch all the same. */
    unsigned requests = world.requests;
    change_row(&bench, CHANGE_DELETE, "0-1-5", "1", "good");
    see_epoch(&bench, 3, 1);
    expect_letters(3);
    assert_int_equal(world.requests, requests);
    close_life(&bench);
}

/* A value that has no place in the target's column is known before anything is sent. */
static void test_known_before_it_is_sent(void **state UNUSED)
{
    struct bench bench;
    begin_quiet(&bench, false);
    source_init(&bench.items, "items", "name", "VARCHAR(5)");
    assert_int_equal(add_way(&bench, &bench.items, "items", &bench.to_items), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "1", "too long"), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "2", "fits"), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "3", "too long"), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "3", "short"), RC_OK);
    expect_letters(0); /* which rows the epoch has is not settled yet */
    struct manifest manifest = seal(&bench, 1);
    assert_int_equal(manifest.entries[0].rows, 3);
    expect_letters(0);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    expect_letters(1);
    drain(&bench, 1);
    assert_int_equal(world.copies[1], 0);
    assert_int_equal(world.copies[2] + world.copies[3], 2);
    close_life(&bench);
}

static void test_too_many(void **state UNUSED)
{
    struct bench bench;
    struct error err;
    struct sink_result result;
    begin_quiet(&bench, false);
    close_life(&bench);
    assert_int_equal(dead_letters_open(folder, 2, &fixture_letters, &err), RC_OK);
    bench_open(&bench, "fe1");
    house.serve = serve;
    assert_int_equal(add_way(&bench, &bench.orders, "orders", &bench.to_orders), RC_OK);
    for (unsigned id = 0; id < 5; id++) {
        const char text[] = {(char)('0' + id), '\0'};
        assert_int_equal(write_row(&bench, bench.to_orders, text, "bad"), RC_OK);
    }
    seal(&bench, 1);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(poll_one(&bench, &result), RC_LIMIT);
    assert_non_null(strstr(bench.err.text, "dead-letter.max-rows"));
    assert_int_equal(poll_one(&bench, &result), RC_LIMIT); /* and says so again */
    expect_letters(0);
    close_life(&bench);
}

/* A table without a key that is loaded in one step cannot be tried in parts. */
static void test_keyless_in_one_step(void **state UNUSED)
{
    struct bench bench;
    struct sink_result result;
    begin_quiet(&bench, true);
    stream_load_of(bench.sink)->targets->two_phase = false;
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "bad"), RC_OK);
    seal(&bench, 1);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(poll_one(&bench, &result), RC_REJECTED);
    assert_non_null(strstr(bench.err.text, "in two phases"));
    expect_letters(0);
    close_life(&bench);
}

/* What becomes of the target becomes of its letters. */
static void test_letters_follow_their_table(void **state UNUSED)
{
    struct bench bench;
    begin_quiet(&bench, false);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "bad"), RC_OK);
    see_epoch(&bench, 1, 1);
    expect_letters(1);
    struct change truncate = {.kind = CHANGE_TRUNCATE, .table = &bench.orders.table};
    assert_int_equal(bench.sink->ops->write(bench.sink, bench.to_orders, &truncate, &bench.err),
                     RC_OK);
    expect_letters(0);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "good"), RC_OK);
    see_epoch(&bench, 2, 1);
    expect_letters(0);
    assert_int_equal(world.copies[1], 1);
    close_life(&bench);
}

/* The letters of a rebuilt table would lose their rows when it takes the old one's name. */
static void test_no_swap_over_letters(void **state UNUSED)
{
    struct bench bench;
    begin_quiet(&bench, false);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "bad"), RC_OK);
    see_epoch(&bench, 1, 1);
    struct schema_step step = {.kind = SCHEMA_SWAP_TABLE,
                               .new_target = {SLICE("ods"), SLICE("orders")}};
    const struct sink_target names = {SLICE("ods"), SLICE("older")};
    assert_int_equal(bench.sink->ops->change_table(bench.sink, &step, &names, &bench.err),
                     RC_UNSUPPORTED);
    assert_non_null(strstr(bench.err.text, "dead letters"));
    expect_letters(1);
    close_life(&bench);
}

static int remove_folder(void **state UNUSED)
{
    char file[100];
    snprintf(file, sizeof(file), "%s/dead-letters.ndjson", folder);
    unlink(file);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyless_dies_everywhere),
        cmocka_unit_test(test_keyed_dies_everywhere),
        cmocka_unit_test(test_key_waits),
        cmocka_unit_test(test_known_before_it_is_sent),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_keyless_in_one_step),
        cmocka_unit_test(test_letters_follow_their_table),
        cmocka_unit_test(test_no_swap_over_letters),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
