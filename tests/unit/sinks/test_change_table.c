/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns of a schema step until the target shows it: a scripted dialect, a connection that breaks, a
 * stop, and a target that takes statements and shows nothing. And who may not change a table that
 * others share.
 */
#include "sinks/stream_load/change_table_int.h"

#include "load_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BROKEN ((enum change_state)100)
#define REFUSED ((enum change_state)101)

static struct {
    enum change_state turns[16]; /* what each turn says; the last is said for ever */
    unsigned turn_count;
    unsigned turn;
    unsigned connections;
    unsigned stop_at; /* the turn in which a stop is asked for */
    struct halt *halt;
} script;

/* The query port, in place of libmariadb. */
struct myconn {
    int nothing;
};

enum rc myconn_open(const struct myconn_options *options UNUSED, struct myconn **conn_out,
                    struct error *err UNUSED)
{
    script.connections++;
    *conn_out = calloc(1, sizeof(struct myconn));
    return RC_OK;
}

void myconn_close(struct myconn *conn)
{
    free(conn);
}

void myconn_interrupt(struct myconn *conn UNUSED)
{
}

static enum rc fake_turn(const struct load_settings *settings UNUSED, const void *config UNUSED,
                         struct myconn *conn, const struct schema_step *step UNUSED,
                         const struct sink_target *target UNUSED, struct arena *arena,
                         struct change_progress *progress, enum change_state *state_out,
                         struct error *err)
{
    assert_non_null(conn);
    assert_int_equal(arena->used_bytes, 0);
    assert_non_null(arena_alloc(arena, 100));
    unsigned at = script.turn < script.turn_count ? script.turn : script.turn_count - 1;
    if (++script.turn == script.stop_at)
        halt_stop(script.halt);
    if (script.turns[at] == BROKEN)
        return error_set(err, RC_CONNECT, "The server has gone away.");
    if (script.turns[at] == REFUSED)
        return error_set(err, RC_REJECTED, "No.");
    snprintf(progress->reason, sizeof(progress->reason), "turn %u", script.turn);
    *state_out = script.turns[at];
    return RC_OK;
}

static enum rc run(const enum change_state *turns, unsigned count, unsigned stop_at,
                   struct error *err)
{
    struct load_dialect dialect = stub_dialect;
    dialect.change_turn = fake_turn;
    struct halt halt;
    struct query query;
    struct arena arena;
    struct myconn_options options = {.host = "fe1", .user = "loader"};
    memset(&script, 0, sizeof(script));
    memcpy(script.turns, turns, count * sizeof(*turns));
    script.turn_count = count;
    script.stop_at = stop_at;
    script.halt = &halt;
    error_clear(err);
    arena_init(&arena, "test", 4096);
    assert_int_equal(halt_init(&halt, err), RC_OK);
    assert_int_equal(query_init(&query, &options, &halt, "Stub Warehouse", -1, &arena, err), RC_OK);
    struct change_env env = {
        .dialect = &dialect, .query = &query, .halt = &halt, .unseen_max_ms = 50};
    struct schema_step step = {.kind = SCHEMA_DROP_TABLE};
    struct sink_target target = {SLICE("ods"), SLICE("orders")};
    enum rc rc = change_table_run(&env, &step, &target, err);
    query_deinit(&query);
    halt_deinit(&halt);
    arena_deinit(&arena);
    return rc;
}

static void test_until_it_is_shown(void **state UNUSED)
{
    static const enum change_state at_once[] = {CHANGE_DONE};
    static const enum change_state long_way[] = {CHANGE_WAIT,   CHANGE_SENT, CHANGE_WAIT,
                                                 CHANGE_UNSEEN, CHANGE_SENT, CHANGE_DONE};
    struct error err;
    assert_int_equal(run(at_once, 1, 0, &err), RC_OK);
    assert_int_equal(script.turn, 1);
    assert_int_equal(run(long_way, COUNT_OF(long_way), 0, &err), RC_OK);
    assert_int_equal(script.turn, 6);
}

static void test_a_connection_breaks(void **state UNUSED)
{
    static const enum change_state turns[] = {CHANGE_SENT, BROKEN, CHANGE_DONE};
    struct error err;
    assert_int_equal(run(turns, COUNT_OF(turns), 0, &err), RC_OK);
    assert_int_equal(script.connections, 2);
}

static void test_a_refusal(void **state UNUSED)
{
    static const enum change_state turns[] = {CHANGE_SENT, REFUSED};
    struct error err;
    assert_int_equal(run(turns, COUNT_OF(turns), 0, &err), RC_REJECTED);
    assert_string_equal(err.text, "No.");
}

static void test_a_stop(void **state UNUSED)
{
    static const enum change_state turns[] = {CHANGE_WAIT};
    struct error err;
    assert_int_equal(run(turns, 1, 3, &err), RC_CANCELLED);
    assert_int_equal(script.turn, 3);
}

static void test_it_is_never_shown(void **state UNUSED)
{
    static const enum change_state turns[] = {CHANGE_SENT, CHANGE_UNSEEN};
    struct error err;
    assert_int_equal(run(turns, COUNT_OF(turns), 0, &err), RC_MISMATCH);
    assert_non_null(strstr(err.text, "DROP TABLE on table ods.orders"));
    assert_non_null(strstr(err.text, "turn "));
}

static enum rc check(enum schema_step_kind kind, struct sink_table *ways, const char *column,
                     struct error *err)
{
    struct load_target target = {.db = SLICE("ods"), .table = SLICE("orders"), .tables = ways};
    struct column old_column = {.name = slice_str(column)};
    struct schema_step step = {
        .kind = kind, .before = ways->source, .after = ways->source, .old_column = &old_column};
    error_clear(err);
    return change_table_check(&target, &step, err);
}

static void test_shared_targets(void **state UNUSED)
{
    struct column columns[] = {{.name = SLICE("id")}, {.name = SLICE("name")}};
    struct table own = {
        .db = SLICE("app"), .name = SLICE("orders"), .columns = columns, .column_count = 2};
    struct table older = own;
    struct table other = {
        .db = SLICE("app"), .name = SLICE("orders_2"), .columns = columns, .column_count = 1};
    struct sink_table ways[] = {{.source = &own}, {.source = &older}, {.source = &other}};
    struct error err;
    ways[0].next = &ways[1];
    assert_int_equal(check(SCHEMA_DROP_TABLE, ways, "", &err), RC_OK);
    ways[1].next = &ways[2];
    assert_int_equal(check(SCHEMA_DROP_TABLE, ways, "", &err), RC_UNSUPPORTED);
    assert_non_null(strstr(err.text, "app.orders_2 is routed there too"));
    assert_int_equal(check(SCHEMA_RENAME_TABLE, ways, "", &err), RC_UNSUPPORTED);
    assert_int_equal(check(SCHEMA_DROP_COLUMN, ways, "id", &err), RC_UNSUPPORTED);
    assert_int_equal(check(SCHEMA_RENAME_COLUMN, ways, "id", &err), RC_UNSUPPORTED);
    assert_int_equal(check(SCHEMA_DROP_COLUMN, ways, "name", &err), RC_OK);
    assert_int_equal(check(SCHEMA_ADD_COLUMN, ways, "name", &err), RC_OK);
    ways[2].superseded = true; /* it was dropped */
    assert_int_equal(check(SCHEMA_DROP_TABLE, ways, "", &err), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_until_it_is_shown), cmocka_unit_test(test_a_connection_breaks),
        cmocka_unit_test(test_a_refusal),         cmocka_unit_test(test_a_stop),
        cmocka_unit_test(test_it_is_never_shown), cmocka_unit_test(test_shared_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
