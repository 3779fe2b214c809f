/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sink's operations for loads in two phases: which tables get them, the two rounds of poll around
 * the commit, what the target has aborted in between, and the loads of an earlier life.
 */
#include "sink_fixture.h"

static bool cannot;

static enum rc fake_two_phase_check(struct myconn *conn, const struct load_schema *schema,
                                    struct error *err)
{
    (void)conn;
    (void)schema;
    return cannot ? error_set(err, RC_UNSUPPORTED, "it is too old") : RC_OK;
}

/* orders has no key, items has one. */
static void open_phases(struct bench *bench, enum load_two_phase wish)
{
    bench_open(bench, "fe1");
    struct stream_load *sink = stream_load_of(bench->sink);
    bench->dialect.two_phase_check = fake_two_phase_check;
    sink->settings.two_phase = wish;
    bench->orders.table.key_count = 0;
    assert_int_equal(add_way(bench, &bench->orders, "orders", &bench->to_orders), RC_OK);
    assert_int_equal(add_way(bench, &bench->items, "items", &bench->to_items), RC_OK);
    assert_int_equal(write_row(bench, bench->to_orders, "1", "a"), RC_OK);
    assert_int_equal(write_row(bench, bench->to_items, "2", "b"), RC_OK);
}

static void test_which_tables(void **state UNUSED)
{
    static const struct {
        enum load_two_phase wish;
        bool cannot;
        bool two_phase[2];
    } cases[] = {
        {LOAD_TWO_PHASE_AUTO, false, {true, false}},   {LOAD_TWO_PHASE_ALWAYS, false, {true, true}},
        {LOAD_TWO_PHASE_NEVER, false, {false, false}}, {LOAD_TWO_PHASE_AUTO, true, {false, false}},
        {LOAD_TWO_PHASE_ALWAYS, true, {false, false}},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct bench bench;
        cannot = cases[i].cannot;
        open_phases(&bench, cases[i].wish);
        struct manifest manifest = seal(&bench, 1);
        assert_int_equal(manifest.count, 2);
        assert_int_equal(manifest.entries[0].two_phase, cases[i].two_phase[0]);
        assert_int_equal(manifest.entries[1].two_phase, cases[i].two_phase[1]);
        bench.sink->ops->close(bench.sink);
    }
    cannot = false;
}

/* Takes results until all are told; how many were prepared. */
static unsigned round_of(struct bench *bench, unsigned expected)
{
    struct sink_result result;
    unsigned prepared = 0;
    for (unsigned i = 0; i < expected; i++) {
        memset(&result, 0, sizeof(result));
        assert_int_equal(poll_one(bench, &result), RC_OK);
        assert_int_equal(result.rows, 1);
        prepared += result.transaction == 7;
    }
    assert_int_equal(poll_one(bench, &result), RC_EOF);
    return prepared;
}

/* A later epoch's loads of a table wait for the commit, and not only until it is prepared. */
static void test_commit_before_the_next_epoch(void **state UNUSED)
{
    struct bench bench;
    open_phases(&bench, LOAD_TWO_PHASE_AUTO);
    const struct sink_ops *ops = bench.sink->ops;
    seal(&bench, 1);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_orders, "1", "later"), RC_OK);
    seal(&bench, 2);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 2), 1);
    assert_int_equal(house.loads, 2);
    assert_int_equal(ops->commit(bench.sink, &bench.err), RC_OK);
    struct sink_result result;
    assert_int_equal(poll_one(&bench, &result), RC_OK);
    assert_true(result.epoch == 1 && result.transaction == 0 && result.awaited);
    assert_int_equal(house.loads, 2);
    assert_int_equal(poll_one(&bench, &result), RC_EOF);
    assert_int_equal(result.epoch, 1);
    assert_int_equal(poll_one(&bench, &result), RC_OK);
    assert_true(result.epoch == 2 && result.transaction == 7);
    assert_int_equal(poll_one(&bench, &result), RC_EOF);
    assert_int_equal(ops->commit(bench.sink, &bench.err), RC_OK);
    assert_int_equal(poll_one(&bench, &result), RC_OK);
    assert_int_equal(poll_one(&bench, &result), RC_EOF);
    assert_int_equal(result.epoch, 2);
    assert_int_equal(house.commits, 2);
    ops->close(bench.sink);
}

static void test_two_rounds(void **state UNUSED)
{
    struct bench bench;
    open_phases(&bench, LOAD_TWO_PHASE_AUTO);
    const struct sink_ops *ops = bench.sink->ops;
    seal(&bench, 1);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 2), 1); /* items is applied, orders prepared */
    assert_int_equal(house.commits, 0);
    struct sink_stats stats;
    ops->stats(bench.sink, &stats);
    assert_int_equal(stats.rows_loaded, 1);
    assert_true(stats.buffered_bytes > 0); /* kept until the commit */
    assert_int_equal(ops->commit(bench.sink, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 1), 0);
    assert_int_equal(house.commits, 1);
    ops->stats(bench.sink, &stats);
    assert_int_equal(stats.rows_loaded, 2);
    assert_int_equal(stats.buffered_bytes, 0);
    /* The next epoch as ever. */
    assert_int_equal(write_row(&bench, bench.to_items, "3", "c"), RC_OK);
    seal(&bench, 2);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 1), 0);
    ops->close(bench.sink);
}

static struct manifest seal_part(struct bench *bench, uint64_t epoch)
{
    struct manifest manifest = {0};
    assert_int_equal(bench->sink->ops->seal_part(bench->sink, epoch, &manifest, &bench->err),
                     RC_OK);
    assert_int_equal(bench->sink->ops->submit(bench->sink, NULL, &bench->err), RC_OK);
    return manifest;
}

static uint64_t buffered_bytes(const struct bench *bench)
{
    struct sink_stats stats;
    bench->sink->ops->stats(bench->sink, &stats);
    return stats.buffered_bytes;
}

/* Three parts of an epoch: their memory is free as soon as they are prepared, and one commit shows all. */
static void test_parts(void **state UNUSED)
{
    struct bench bench;
    open_phases(&bench, LOAD_TWO_PHASE_ALWAYS);
    const struct sink_ops *ops = bench.sink->ops;
    struct manifest manifest = seal_part(&bench, 5);
    assert_int_equal(manifest.count, 2);
    assert_int_equal(round_of(&bench, 2), 2);
    assert_int_equal(buffered_bytes(&bench), 0);
    assert_int_equal(write_row(&bench, bench.to_orders, "3", "c"), RC_OK);
    manifest = seal_part(&bench, 5);
    assert_int_equal(manifest.count, 3);
    assert_int_equal(round_of(&bench, 1), 1);
    assert_int_equal(buffered_bytes(&bench), 0);
    assert_int_equal(write_row(&bench, bench.to_orders, "4", "d"), RC_OK);
    manifest = seal(&bench, 5);
    assert_int_equal(manifest.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(manifest.entries[i].in_parts && manifest.entries[i].two_phase);
        for (unsigned j = 0; j < i; j++)
            assert_false(slice_equal(manifest.entries[i].token, manifest.entries[j].token));
    }
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 1), 1);
    assert_int_equal(house.commits, 0);
    assert_int_equal(ops->commit(bench.sink, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 4), 0);
    assert_int_equal(house.commits, 4);
    assert_int_equal(buffered_bytes(&bench), 0);
    /* The next epoch comes as a whole, and begins its list anew. */
    assert_int_equal(write_row(&bench, bench.to_items, "5", "e"), RC_OK);
    manifest = seal(&bench, 6);
    assert_int_equal(manifest.count, 1);
    assert_false(manifest.entries[0].in_parts);
    ops->close(bench.sink);
}

/* The time of what is prepared is over: that shows at the oldest, before another is committed. */
static void test_a_part_is_gone(void **state UNUSED)
{
    struct bench bench;
    struct sink_result result;
    open_phases(&bench, LOAD_TWO_PHASE_ALWAYS);
    const struct sink_ops *ops = bench.sink->ops;
    seal_part(&bench, 1);
    assert_int_equal(round_of(&bench, 2), 2);
    seal(&bench, 1);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 0), 0);
    house.commit_says = "GONE";
    assert_int_equal(ops->commit(bench.sink, &bench.err), RC_OK);
    assert_int_equal(poll_one(&bench, &result), RC_TIMEOUT);
    assert_non_null(strstr(bench.err.text, "aborted the prepared load"));
    assert_int_equal(house.commits, 1);
    ops->close(bench.sink);
}

/* A batch of which some tables cannot wait for a commit is left as it is. */
static void test_no_parts(void **state UNUSED)
{
    struct bench bench;
    struct manifest manifest;
    open_phases(&bench, LOAD_TWO_PHASE_AUTO);
    assert_int_equal(bench.sink->ops->seal_part(bench.sink, 1, &manifest, &bench.err),
                     RC_UNSUPPORTED);
    assert_non_null(strstr(bench.err.text, "items"));
    assert_int_equal(seal(&bench, 1).count, 2);
    bench.sink->ops->close(bench.sink);
}

/* The target has aborted one of two before its commit: that one is prepared anew, and told so; the
 * other is applied. */
static void test_aborted_before_its_commit(void **state UNUSED)
{
    struct bench bench;
    open_phases(&bench, LOAD_TWO_PHASE_ALWAYS);
    const struct sink_ops *ops = bench.sink->ops;
    seal(&bench, 1);
    assert_int_equal(ops->submit(bench.sink, NULL, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 2), 2);
    house.commit_says = "GONE";
    assert_int_equal(ops->commit(bench.sink, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 2), 1);
    assert_int_equal(house.loads, 3);
    assert_int_equal(ops->commit(bench.sink, &bench.err), RC_OK);
    assert_int_equal(round_of(&bench, 1), 0);
    assert_int_equal(house.commits, 3);
    struct sink_stats stats;
    ops->stats(bench.sink, &stats);
    assert_int_equal(stats.buffered_bytes, 0);
    ops->close(bench.sink);
}

static void test_earlier_life(void **state UNUSED)
{
    static const struct {
        uint64_t transaction;
        const char *commit_says;
        const char *state;
        bool keyed;
        enum load_state want;
        unsigned commits;
        unsigned aborts;
    } cases[] = {
        {7, "DONE", "UNKNOWN", false, LOAD_APPLIED, 1, 0},
        {7, "GONE", "UNKNOWN", false, LOAD_NOT_APPLIED, 1, 0},
        {7, "ABSENT", "COMMITTED", false, LOAD_APPLIED, 1, 0},
        {7, "ABSENT", "UNKNOWN", false, LOAD_UNKNOWN, 1, 0},
        {7, "ABSENT", "UNKNOWN", true, LOAD_NOT_APPLIED, 1, 0},
        {0, "DONE", "UNKNOWN", false, LOAD_NOT_APPLIED, 0, 0},
        {0, "DONE", "ABORTED", false, LOAD_NOT_APPLIED, 0, 0},
        {0, "DONE", "COMMITTED", false, LOAD_APPLIED, 0, 0},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct bench bench;
        bench_open(&bench, "fe1");
        house.commit_says = cases[i].commit_says;
        house.state = cases[i].state;
        const struct manifest_entry entry = {.db = SLICE("ods"),
                                             .table = SLICE("orders"),
                                             .token = SLICE("L-1"),
                                             .keyless = !cases[i].keyed,
                                             .two_phase = true,
                                             .transaction = cases[i].transaction};
        enum load_state state_now = LOAD_UNKNOWN;
        enum rc rc = bench.sink->ops->resolve(bench.sink, &entry, &state_now, &bench.err);
        if (rc != RC_OK || state_now != cases[i].want)
            fail_msg("case %u: %s, %d", i, rc_name(rc), (int)state_now);
        assert_int_equal(house.commits, cases[i].commits);
        assert_int_equal(house.aborts, cases[i].aborts);
        bench.sink->ops->close(bench.sink);
    }
}

static void test_together(void **state UNUSED)
{
    struct bench bench;
    bench_open(&bench, "fe1");
    bench.sink->ops->close(bench.sink);
    struct myconn_options query = {.host = "fe1", .port = 9030, .user = "loader"};
    struct sink_options options = {
        .pipeline = SLICE("p"), .pipeline_id = slice_str(pipeline_id), .visible_together = true};
    bench.settings.two_phase = LOAD_TWO_PHASE_NEVER;
    assert_int_equal(stream_load_open(&bench.dialect, &bench.settings, &query, &options,
                                      &bench.sink, &bench.err),
                     RC_CONFIG);
    assert_non_null(strstr(bench.err.text, "delivery.visibility"));
    bench.settings.two_phase = LOAD_TWO_PHASE_AUTO;
    assert_int_equal(stream_load_open(&bench.dialect, &bench.settings, &query, &options,
                                      &bench.sink, &bench.err),
                     RC_OK);
    bench.dialect.two_phase_check = fake_two_phase_check;
    assert_int_equal(add_way(&bench, &bench.items, "items", &bench.to_items), RC_OK);
    assert_int_equal(write_row(&bench, bench.to_items, "2", "b"), RC_OK);
    assert_true(seal(&bench, 1).entries[0].two_phase); /* though it has a key */
    bench.sink->ops->close(bench.sink);
}

int main(void)
{
    log_setup(2, LOG_FORMAT_TEXT, LOG_OFF);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_tables),
        cmocka_unit_test(test_two_rounds),
        cmocka_unit_test(test_commit_before_the_next_epoch),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_a_part_is_gone),
        cmocka_unit_test(test_no_parts),
        cmocka_unit_test(test_aborted_before_its_commit),
        cmocka_unit_test(test_earlier_life),
        cmocka_unit_test(test_together),
    };
    return cmocka_run_group_tests_name("stream_load sink, two phases", tests, NULL, NULL);
}
