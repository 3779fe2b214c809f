/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink's operations as the pipeline calls them: epochs that overlap, memory bounds, merged
 * tables, truncation, recovery, stop. The warehouse is that of sink_fixture.h.
 */
#include "sink_fixture.h"

#include <unistd.h>

static void test_life_of_an_epoch(void **state)
{
    (void)state;
    struct bench bench;
    bench_open_two(&bench);
    const struct sink_ops *ops = bench.sink->ops;
    assert_int_equal(write_row(&bench, bench.to_items, "1", "a"), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "1", "b"), RC_OK);
    struct sink_pending pending;
    ops->pending(bench.sink, &pending);
    assert_int_equal(pending.rows, 2);
    assert_true(pending.bytes > 0);

    struct manifest manifest = seal(&bench, 1);
    assert_int_equal(manifest.count, 2);
    assert_true(slice_equal(manifest.entries[0].table, SLICE("items")));
    assert_true(slice_equal(manifest.entries[1].table, SLICE("orders")));
    assert_int_equal(manifest.entries[0].rows, 1);
    char label[128];
    snprintf(label, sizeof(label), "%.*s", SLICE_ARG(manifest.entries[0].token));
    assert_non_null(strstr(label, "millrace_0123456789ab_"));
    assert_string_equal(label + strlen(label) - 2, "_1");
    ops->pending(bench.sink, &pending);
    assert_int_equal(pending.rows, 0);
    assert_int_equal(pending.bytes, 0);

    /* The next batch fills before the first epoch is sent at all. */
    assert_int_equal(write_row(&bench, bench.to_items, "9", "later"), RC_OK);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    drain(&bench, 2);
    assert_int_equal(house.loads, 2);
    unsigned items = strcmp(house.labels[0], label) == 0 ? 0 : 1;
    assert_string_equal(house.labels[items], label);
    assert_string_equal(house.bodies[items], "{\"id\":\"1\",\"name\":\"b\",\"__op\":0}\n");

    manifest = seal(&bench, 2);
    assert_int_equal(manifest.count, 1);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    drain(&bench, 1);
    assert_string_equal(house.bodies[2], "{\"id\":\"9\",\"name\":\"later\",\"__op\":0}\n");

    manifest = seal(&bench, 3);
    assert_int_equal(manifest.count, 0);
    drain(&bench, 0);

    struct sink_stats stats;
    ops->stats(bench.sink, &stats);
    assert_int_equal(stats.loads, 3);
    assert_int_equal(stats.rows_loaded, 3);
    assert_int_equal(stats.rows_collapsed, 1);
    assert_int_equal(stats.buffered_bytes, 0);
    ops->close(bench.sink);
}

static unsigned loads_now(void)
{
    pthread_mutex_lock(&house.lock);
    unsigned loads = house.loads;
    pthread_mutex_unlock(&house.lock);
    return loads;
}

/* Polls until an epoch ends; how many loads were told of it and of others. Whenever one is awaited, what
 * waits for it is not sent by then. */
static unsigned results_until_end(struct bench *bench, uint64_t epoch, unsigned *awaited)
{
    struct sink_result result;
    unsigned told = 0;
    enum rc rc;
    while ((rc = poll_one(bench, &result)) == RC_OK) {
        told++;
        if (!result.awaited)
            continue;
        ++*awaited;
        assert_int_equal(result.epoch, epoch);
        assert_true(loads_now() <= epoch + 1);
    }
    assert_int_equal(rc, RC_EOF);
    assert_int_equal(result.epoch, epoch);
    return told;
}

/* The place in the order of their arrival of the body with that text. */
static unsigned arrival_of(const char *text)
{
    unsigned count = loads_now();
    for (unsigned i = 0; i < count; i++)
        if (strstr(house.bodies[i], text) != NULL)
            return i;
    fail_msg("no load has '%s'", text);
    return count;
}

/* Three epochs have rows of items, the second one also of orders, which goes out at once. */
static void test_epochs_overlap(void **state UNUSED)
{
    struct bench bench;
    bench_open_two(&bench);
    const struct sink_ops *ops = bench.sink->ops;
    assert_int_equal(ops->limits(bench.sink).epochs, 2);
    assert_int_equal(write_row(&bench, bench.to_items, "1", "first"), RC_OK);
    seal(&bench, 1);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "1", "second"), RC_OK);
    assert_false(ops->would_begin(bench.sink));
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "longer than that"), RC_OK);
    assert_true(ops->would_begin(bench.sink));
    seal(&bench, 2);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    unsigned awaited = 0;
    unsigned told = results_until_end(&bench, 1, &awaited);
    assert_int_equal(awaited, 1);
    assert_int_equal(write_row(&bench, bench.to_items, "1", "third"), RC_OK);
    seal(&bench, 3);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    told += results_until_end(&bench, 2, &awaited);
    assert_int_equal(awaited, 2);
    told += results_until_end(&bench, 3, &awaited);
    assert_int_equal(told, 4);
    assert_int_equal(loads_now(), 4);
    /* That of the other table may come at any moment. */
    assert_true(arrival_of("first") < arrival_of("second"));
    assert_true(arrival_of("second") < arrival_of("third"));
    struct sink_stats stats;
    ops->stats(bench.sink, &stats);
    assert_int_equal(stats.buffered_bytes, 0);
    ops->close(bench.sink);
}

/* All bodies together keep the bound: a batch beside two epochs gets what they leave. */
static void test_memory_of_epochs(void **state UNUSED)
{
    struct bench bench;
    bench_open_two(&bench);
    const struct sink_ops *ops = bench.sink->ops;
    static char text[12001];
    memset(text, 'x', sizeof(text) - 1);
    house.mute = true;
    for (uint64_t epoch = 1; epoch <= 2; epoch++) {
        assert_int_equal(write_row(&bench, bench.to_items, "1", text), RC_OK);
        assert_int_equal(write_row(&bench, bench.to_orders, "1", text), RC_OK);
        seal(&bench, epoch);
        assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    }
    assert_int_equal(write_row(&bench, bench.to_items, "1", text), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", text), RC_FULL);
    struct sink_stats stats;
    ops->stats(bench.sink, &stats);
    assert_true(stats.buffered_bytes > 60000 && stats.buffered_bytes <= 64u << 10);
    ops->stop(bench.sink);
    ops->close(bench.sink);
}

/* Where it is not known yet what of an epoch is put aside, none goes out beside it. */
static void test_epochs_one_by_one(void **state UNUSED)
{
    struct bench bench;
    struct error err;
    char folder[] = "/tmp/millrace-letters-XXXXXX";
    assert_non_null(mkdtemp(folder));
    assert_int_equal(dead_letters_open(folder, 100, &fixture_letters, &err), RC_OK);
    bench_open(&bench, "fe1");
    assert_int_equal(bench.sink->ops->limits(bench.sink).epochs, 1);
    bench.sink->ops->close(bench.sink);
    dead_letters_close(fixture_letters);
    fixture_letters = NULL;
    (void)rmdir(folder);
}

static void test_recovery(void **state)
{
    (void)state;
    struct bench bench;
    bench_open_two(&bench);
    const struct sink_ops *ops = bench.sink->ops;
    struct manifest_entry entry = {.db = SLICE("ods"), .token = SLICE("old_label")};
    enum load_state load;
    static const struct {
        const char *state;
        enum rc rc;
        enum load_state load;
    } cases[] = {{"COMMITTED", RC_OK, LOAD_APPLIED},
                 {"ABORTED", RC_OK, LOAD_NOT_APPLIED},
                 {"UNKNOWN", RC_OK, LOAD_UNKNOWN},
                 {"PREPARED", RC_MISMATCH, LOAD_UNKNOWN}};
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        house.state = cases[i].state;
        assert_int_equal(ops->resolve(bench.sink, &entry, &load, &bench.err), cases[i].rc);
        if (cases[i].rc == RC_OK)
            assert_int_equal(load, cases[i].load);
    }
    /* The replayed epoch: what was applied is not sent again. */
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "1", "a"), RC_OK);
    seal(&bench, 7);
    const bool applied[] = {true, false};
    assert_int_equal(ops->submit(bench.sink, applied, &bench.err), RC_OK);
    struct sink_result result;
    assert_int_equal(poll_one(&bench, &result), RC_OK);
    assert_int_equal(result.entry, 1);
    assert_int_equal(poll_one(&bench, &result), RC_EOF);
    assert_int_equal(house.loads, 1);
    ops->close(bench.sink);
}

static void test_memory_bounds(void **state)
{
    (void)state;
    struct bench bench;
    bench_open_two(&bench);
    const struct sink_ops *ops = bench.sink->ops;
    struct sink_limits limits = ops->limits(bench.sink);
    assert_int_equal(limits.flush_bytes, 32u << 10);
    char text[401]; /* lines that weigh more than their index */
    memset(text, 'y', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    char id[16];
    unsigned rows = 0;
    enum rc rc;
    struct sink_pending pending;
    while ((rc = write_row(&bench, rows % 2 == 0 ? bench.to_orders : bench.to_items,
                           (snprintf(id, sizeof(id), "%u", rows), id), text)) == RC_OK)
        rows++;
    assert_int_equal(rc, RC_FULL);
    ops->pending(bench.sink, &pending);
    assert_int_equal(pending.rows, rows);
    assert_true(pending.bytes <= 32u << 10 && pending.bytes > 16u << 10);
    assert_true(pending.bytes > rows * 400u);
    struct sink_stats stats;
    ops->stats(bench.sink, &stats);
    assert_int_equal(stats.buffered_bytes, pending.bytes);
    seal(&bench, 1);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    /* Nothing of the refused row was taken, and now it fits. */
    assert_int_equal(write_row(&bench, bench.to_orders, id, text), RC_OK);
    ops->pending(bench.sink, &pending);
    assert_int_equal(pending.rows, 1);
    drain(&bench, 2);
    ops->stats(bench.sink, &stats);
    assert_int_equal(stats.buffered_bytes, pending.bytes);

    /* A row larger than the bound waits for an empty batch, then goes alone. */
    char *large = malloc(40001);
    memset(large, 'x', 40000);
    large[40000] = '\0';
    assert_int_equal(write_row(&bench, bench.to_orders, "1", large), RC_FULL);
    seal(&bench, 2);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", large), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "1", "small"), RC_FULL);
    drain(&bench, 1);
    seal(&bench, 3);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    drain(&bench, 1);
    free(large);
    ops->close(bench.sink);
}

static void test_body_bound_of_the_target(void **state)
{
    (void)state;
    struct bench bench;
    bench_open_two(&bench);
    bench.dialect.body_bytes_max = 100;
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "forty bytes of a name and then some"),
                     RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "2", "forty bytes of a name and then some"),
                     RC_FULL);
    assert_int_equal(write_row(&bench, bench.to_items, "2", "forty bytes of a name and then some"),
                     RC_OK);
    bench.sink->ops->close(bench.sink);
}

static void test_tables_and_versions(void **state)
{
    (void)state;
    struct bench bench;
    bench_open_two(&bench);
    struct sink_table *again, *merged, *altered;
    assert_int_equal(add_way(&bench, &bench.orders, "orders", &again), RC_OK);
    assert_ptr_equal(again, bench.to_orders);

    /* A merged table of the same columns shares the body. */
    struct source_table other, spelled, wrong, next;
    source_init(&other, "orders_2", "name", "TEXT");
    assert_int_equal(add_way(&bench, &other, "orders", &merged), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    assert_int_equal(write_row(&bench, merged, "2", "b"), RC_OK);
    assert_int_equal(write_row(&bench, merged, "1", "c"), RC_OK);

    /* Whether a type fits the target is the dialect's to say; a server spells it in its own way. */
    source_init(&spelled, "orders_4", "name", "text");
    assert_int_equal(add_way(&bench, &spelled, "orders", &again), RC_OK);

    /* A table with another key is refused, with all the names. */
    source_init(&wrong, "orders_3", "title", "TEXT");
    wrong.key[0] = 1;
    assert_int_equal(add_way(&bench, &wrong, "orders", &again), RC_MISMATCH);
    assert_non_null(strstr(bench.err.text, "shop.orders_3"));
    assert_non_null(strstr(bench.err.text, "shop.orders_4"));
    assert_non_null(strstr(bench.err.text, "key column title"));

    struct manifest manifest = seal(&bench, 1);
    assert_int_equal(manifest.count, 1);
    assert_int_equal(manifest.entries[0].rows, 2);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    drain(&bench, 1);

    /* An altered table has another column list: one load never has two. */
    source_init(&next, "items", "title", "TEXT");
    assert_int_equal(write_row(&bench, bench.to_items, "1", "a"), RC_OK);
    assert_int_equal(add_way(&bench, &next, "items", &altered), RC_OK);
    assert_int_equal(write_row(&bench, altered, "2", "b"), RC_FULL);
    seal(&bench, 2);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(write_row(&bench, altered, "2", "b"), RC_OK);
    drain(&bench, 1);
    bench.sink->ops->close(bench.sink);
}

static enum rc truncate_table(struct bench *bench, struct sink_table *table)
{
    struct change change = {.kind = CHANGE_TRUNCATE};
    return bench->sink->ops->write(bench->sink, table, &change, &bench->err);
}

static void test_truncate(void **state)
{
    (void)state;
    struct bench bench;
    bench_open_two(&bench);
    assert_int_equal(truncate_table(&bench, bench.to_items), RC_OK);
    assert_string_equal(house.statements[0], "TRUNCATE TABLE ods.items");
    /* A connection that breaks is opened again, and the statement sent again. */
    house.broken_connections = 2;
    assert_int_equal(truncate_table(&bench, bench.to_items), RC_OK);
    assert_int_equal(house.statement_count, 2);
    assert_int_equal(house.connections, 3);
    /* A version that is told ahead of the stream, and the one that the stream has: one table. */
    struct source_table ahead;
    struct sink_table *to_ahead;
    source_init(&ahead, "items", "note", "TEXT");
    assert_int_equal(add_way(&bench, &ahead, "items", &to_ahead), RC_OK);
    assert_int_equal(add_way(&bench, &bench.items, "items", &bench.to_items), RC_OK);
    assert_int_equal(truncate_table(&bench, bench.to_items), RC_OK);
    /* A merged target holds rows of others. */
    struct source_table other;
    struct sink_table *merged;
    source_init(&other, "items_2", "name", "TEXT");
    assert_int_equal(add_way(&bench, &other, "items", &merged), RC_OK);
    assert_int_equal(truncate_table(&bench, bench.to_items), RC_UNSUPPORTED);
    assert_int_equal(house.statement_count, 3);
    bench.sink->ops->close(bench.sink);
}

static void test_short_of_breath(void **state)
{
    (void)state;
    struct bench bench;
    bench_open_two(&bench);
    const struct sink_ops *ops = bench.sink->ops;
    static const uint64_t intervals[] = {200, 400, 800, 800};
    uint64_t epoch = 1;
    house.publish_timeout = true;
    for (unsigned i = 0; i < COUNT_OF(intervals); i++) {
        assert_int_equal(write_row(&bench, bench.to_items, "1", "a"), RC_OK);
        seal(&bench, epoch++);
        assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
        drain(&bench, 1);
        assert_int_equal(ops->limits(bench.sink).flush_interval_ms, intervals[i]);
    }
    house.publish_timeout = false;
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(write_row(&bench, bench.to_items, "1", "a"), RC_OK);
        seal(&bench, epoch++);
        assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
        drain(&bench, 1);
    }
    assert_int_equal(ops->limits(bench.sink).flush_interval_ms, 100);
    ops->close(bench.sink);
}

static void test_retries_are_counted(void **state)
{
    (void)state;
    struct bench bench;
    bench_open_two(&bench);
    house.busy = 1;
    assert_int_equal(write_row(&bench, bench.to_items, "1", "a"), RC_OK);
    seal(&bench, 1);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    drain(&bench, 1);
    struct sink_stats stats;
    bench.sink->ops->stats(bench.sink, &stats);
    assert_int_equal(stats.retries, 1);
    bench.sink->ops->close(bench.sink);
}

static void test_a_failed_load_is_told_for_ever(void **state)
{
    (void)state;
    struct bench bench;
    struct sink_result result;
    bench_open_two(&bench);
    house.denied = true;
    assert_int_equal(write_row(&bench, bench.to_items, "1", "a"), RC_OK);
    seal(&bench, 1);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(poll_one(&bench, &result), RC_PROTOCOL);
        assert_non_null(strstr(bench.err.text, "ods.items"));
    }
    bench.sink->ops->close(bench.sink);
}

static void test_stop_and_close_under_way(void **state)
{
    (void)state;
    struct bench bench;
    struct sink_result result;
    bench_open_two(&bench);
    house.mute = true;
    assert_int_equal(write_row(&bench, bench.to_items, "1", "a"), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
    seal(&bench, 1);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(bench.sink->ops->poll(bench.sink, 20, &result, &bench.err), RC_AGAIN);
    bench.sink->ops->stop(bench.sink);
    assert_int_equal(poll_one(&bench, &result), RC_CANCELLED);
    assert_int_equal(add_way(&bench, &(struct source_table){0}, "t", &bench.to_items),
                     RC_CANCELLED);
    bench.sink->ops->close(bench.sink);

    /* Closing alone ends the loads, too. */
    bench_open_two(&bench);
    house.mute = true;
    assert_int_equal(write_row(&bench, bench.to_items, "1", "a"), RC_OK);
    seal(&bench, 1);
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    bench.sink->ops->close(bench.sink);
    stream_load_close(NULL);
}

struct findings {
    unsigned count;
    char last[400];
};

static void note_finding(void *ctx, enum report_verdict verdict, struct slice what,
                         struct slice remedy)
{
    (void)verdict;
    (void)remedy;
    struct findings *findings = ctx;
    findings->count++;
    snprintf(findings->last, sizeof(findings->last), "%.*s", SLICE_ARG(what));
}

static void test_check(void **state)
{
    (void)state;
    struct bench bench;
    struct findings findings = {0};
    struct report report = {.line = note_finding, .ctx = &findings};
    bench_open(&bench, "fe1");
    assert_int_equal(bench.sink->ops->check(bench.sink, &report, &bench.err), RC_OK);
    assert_int_equal(findings.count, 3);
    assert_int_equal(report.failed, 0);
    assert_string_equal(findings.last, "The dialect looked, too.");
    bench.sink->ops->close(bench.sink);

    bench_open(&bench, "nowhere");
    assert_int_equal(bench.sink->ops->check(bench.sink, &report, &bench.err), RC_OK);
    assert_int_equal(report.failed, 1);
    assert_non_null(strstr(findings.last, "nowhere:9030"));
    /* The first connection must succeed: nothing is tried for ever. */
    assert_int_equal(add_way(&bench, &bench.orders, "orders", &bench.to_orders), RC_CONNECT);
    assert_int_equal(bench.err.class, ERROR_FATAL);
    bench.sink->ops->close(bench.sink);
}

static void test_open_refuses(void **state)
{
    (void)state;
    struct error err;
    struct sink *sink = NULL;
    static const char *const frontends[] = {"fe1:8030"};
    struct load_settings settings = {.flush_bytes = 1u << 20, .threads = 1};
    struct myconn_options query = {.host = "fe1", .port = 9030};
    struct sink_options options = {.pipeline_id = slice_str(pipeline_id)};
    assert_int_equal(stream_load_open(&stub_dialect, &settings, &query, &options, &sink, &err),
                     RC_CONFIG);
    settings.frontends = (struct cfg_list){frontends, 1};
    settings.label_prefix = "not.allowed";
    assert_int_equal(stream_load_open(&stub_dialect, &settings, &query, &options, &sink, &err),
                     RC_CONFIG);
}

/* An UPDATE of the wide table below that gives some columns; the others are not in the image. */
enum { WIDE = 9 };

struct wide_table {
    struct column columns[WIDE];
    char names[WIDE][4];
    uint32_t key[1];
    struct table table;
};

static void wide_init(struct wide_table *wide)
{
    *wide = (struct wide_table){0};
    for (unsigned i = 0; i < WIDE; i++) {
        snprintf(wide->names[i], sizeof(wide->names[i]), "c%u", i);
        wide->columns[i] = (struct column){
            .name = slice_str(wide->names[i]), .type = SLICE("TEXT"), .text = fixture_text};
    }
    wide->table = (struct table){.db = SLICE("shop"),
                                 .name = SLICE("wide"),
                                 .columns = wide->columns,
                                 .column_count = WIDE,
                                 .key = wide->key,
                                 .key_count = 1,
                                 .has_names = true};
}

static enum rc write_update(struct bench *bench, struct sink_table *table, const char *id,
                            unsigned mask)
{
    struct cell before[WIDE] = {{0}};
    struct cell after[WIDE] = {{0}};
    before[0] = (struct cell){(const uint8_t *)id, (uint32_t)strlen(id), CELL_VALUE};
    for (unsigned i = 1; i < WIDE; i++)
        if ((mask >> (i - 1) & 1) != 0)
            after[i] = (struct cell){(const uint8_t *)"v", 1, CELL_VALUE};
    struct change change = {
        .kind = CHANGE_UPDATE, .before = {before, WIDE}, .after = {after, WIDE}};
    return bench->sink->ops->write(bench->sink, table, &change, &bench->err);
}

static unsigned partial_checks;
static enum rc partial_answer;

static enum rc fake_partial_check(struct myconn *conn, const struct load_schema *schema,
                                  struct error *err)
{
    assert_non_null(conn);
    assert_true(slice_equal(schema->table, SLICE("wide")));
    partial_checks++;
    return partial_answer == RC_OK ? RC_OK : error_set(err, partial_answer, "It cannot do that.");
}

static struct sink_table *open_wide(struct bench *bench, struct wide_table *wide)
{
    struct sink_table *table = NULL;
    struct sink_target names = {SLICE("ods"), SLICE("wide")};
    bench_open_two(bench);
    partial_checks = 0;
    partial_answer = RC_OK;
    bench->dialect.partial_check = fake_partial_check;
    wide_init(wide);
    assert_int_equal(
        bench->sink->ops->table(bench->sink, &wide->table, &names, &table, &bench->err), RC_OK);
    return table;
}

/* One load a column set, each under its own label; the same rows again give the same labels. */
static void test_rows_without_columns(void **state)
{
    (void)state;
    struct bench bench;
    struct wide_table wide;
    struct sink_table *table = open_wide(&bench, &wide);
    const struct sink_ops *ops = bench.sink->ops;
    char labels[2][4][64] = {{{0}}};
    for (unsigned life = 0; life < 2; life++) {
        assert_int_equal(write_row(&bench, bench.to_orders, "1", "a"), RC_OK);
        assert_int_equal(write_update(&bench, table, "1", 1u), RC_OK);
        assert_int_equal(write_update(&bench, table, "2", 2u), RC_OK);
        assert_int_equal(write_update(&bench, table, "3", 1u), RC_OK);
        /* Row 2 goes over to another set; its first one has no row any more and is no load. */
        assert_int_equal(write_update(&bench, table, "2", 4u), RC_OK);
        assert_int_equal(write_update(&bench, table, "4", 0u), RC_OK); /* says nothing */
        struct sink_pending pending;
        ops->pending(bench.sink, &pending);
        assert_int_equal(pending.rows, 4);
        struct manifest manifest = seal(&bench, 1);
        assert_int_equal(manifest.count, 3);
        assert_true(slice_equal(manifest.entries[0].table, SLICE("orders")));
        assert_int_equal(manifest.entries[1].rows, 2);
        assert_int_equal(manifest.entries[2].rows, 1);
        for (unsigned i = 0; i < manifest.count; i++)
            snprintf(labels[life][i], sizeof(labels[life][i]), "%.*s",
                     SLICE_ARG(manifest.entries[i].token));
        house.loads = 0;
        /* The second life finds the first of the two parts applied: only the other one is sent. */
        const bool applied[] = {false, life == 1, false};
        assert_int_equal(ops->submit(bench.sink, applied, &bench.err), RC_OK);
        drain(&bench, life == 0 ? 3 : 2);
        assert_int_equal(house.loads, life == 0 ? 3 : 2);
        unsigned parts = 0;
        unsigned first_part = UINT_MAX;
        for (unsigned i = 0; i < house.loads; i++) {
            if (strcmp(house.labels[i], labels[life][1]) == 0)
                assert_string_equal(house.bodies[i], "{\"c0\":\"1\",\"c1\":\"v\"}\n"
                                                     "{\"c0\":\"3\",\"c1\":\"v\"}\n");
            else if (strcmp(house.labels[i], labels[life][2]) == 0)
                assert_string_equal(house.bodies[i], "{\"c0\":\"2\",\"c2\":\"v\",\"c3\":\"v\"}\n");
            else
                continue;
            if (strcmp(house.labels[i], labels[life][1]) == 0)
                first_part = i;
            else if (life == 0) /* one load a table at a time */
                assert_true(i > first_part && first_part != UINT_MAX);
            parts++;
        }
        assert_int_equal(parts, life == 0 ? 2 : 1);
        struct sink_stats stats;
        ops->stats(bench.sink, &stats);
        assert_int_equal(stats.buffered_bytes, 0);
    }
    assert_memory_equal(labels[0], labels[1], 3 * sizeof(labels[0][0]));
    assert_string_not_equal(labels[0][1], labels[0][2]);
    assert_int_equal(partial_checks, 1); /* asked once a table */
    ops->close(bench.sink);
}

static void test_a_target_without_partial_updates(void **state)
{
    (void)state;
    struct bench bench;
    struct wide_table wide;
    struct sink_table *table = open_wide(&bench, &wide);
    partial_answer = RC_UNSUPPORTED;
    assert_int_equal(write_update(&bench, table, "1", 1u), RC_UNSUPPORTED);
    assert_string_equal(bench.err.text, "It cannot do that.");
    struct sink_pending pending;
    bench.sink->ops->pending(bench.sink, &pending);
    assert_int_equal(pending.rows, 0);
    /* A row that has all columns in the end is no partial update. */
    error_clear(&bench.err);
    assert_int_equal(write_update(&bench, table, "1", 255u), RC_OK);
    bench.sink->ops->close(bench.sink);
}

/* More column sets than a batch may hold close it; in the next one there is room. */
static void test_many_column_sets(void **state)
{
    (void)state;
    struct bench bench;
    struct wide_table wide;
    struct sink_table *table = open_wide(&bench, &wide);
    char id[12];
    for (unsigned mask = 1; mask <= BODY_SETS_MAX; mask++) {
        snprintf(id, sizeof(id), "%u", mask);
        assert_int_equal(write_update(&bench, table, id, mask), RC_OK);
    }
    assert_int_equal(write_update(&bench, table, "many", BODY_SETS_MAX + 1), RC_FULL);
    assert_int_equal(write_update(&bench, table, "known", 5), RC_OK);
    struct manifest manifest = seal(&bench, 1);
    assert_int_equal(manifest.count, BODY_SETS_MAX);
    house.loads = 0;
    assert_int_equal(bench.sink->ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(write_update(&bench, table, "many", BODY_SETS_MAX + 1), RC_OK);
    drain(&bench, BODY_SETS_MAX);
    assert_int_equal(house.loads, BODY_SETS_MAX);
    struct sink_pending pending;
    struct sink_stats stats;
    bench.sink->ops->pending(bench.sink, &pending);
    bench.sink->ops->stats(bench.sink, &stats);
    assert_int_equal(stats.buffered_bytes, pending.bytes);
    bench.sink->ops->close(bench.sink);
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_of_an_epoch),
        cmocka_unit_test(test_epochs_overlap),
        cmocka_unit_test(test_memory_of_epochs),
        cmocka_unit_test(test_epochs_one_by_one),
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_memory_bounds),
        cmocka_unit_test(test_body_bound_of_the_target),
        cmocka_unit_test(test_tables_and_versions),
        cmocka_unit_test(test_truncate),
        cmocka_unit_test(test_short_of_breath),
        cmocka_unit_test(test_retries_are_counted),
        cmocka_unit_test(test_a_failed_load_is_told_for_ever),
        cmocka_unit_test(test_stop_and_close_under_way),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_open_refuses),
        cmocka_unit_test(test_rows_without_columns),
        cmocka_unit_test(test_a_target_without_partial_updates),
        cmocka_unit_test(test_many_column_sets),
    };
    return cmocka_run_group_tests_name("stream_load sink", tests, NULL, NULL);
}
