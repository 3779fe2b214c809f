/* SPDX-License-Identifier: Apache-2.0 */
/* What statements do to captured tables: definitions, changes, notes; online schema changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "binlog/schema/history_int.h"
#include "binlog/schema/schema_file_int.h"

/* Tables of `shop` are asked for, but for those that begin with "un". */
static bool wants(void *ctx, struct slice db, struct slice name)
{
    (void)ctx;
    return slice_equal(db, SLICE("shop")) && !slice_starts_nocase(name, SLICE("un"));
}

struct world {
    struct history *history;
    struct history_result result;
    struct error err;
    /* What `resolve` answers, and how often it was asked. */
    const struct catalog_table *answer;
    uint32_t later;
    unsigned asked;
};

static enum rc resolve(void *ctx, struct slice db, struct slice name,
                       const struct catalog_table **table_out, uint32_t *later_out,
                       struct error *err)
{
    struct world *world = ctx;
    (void)db;
    (void)name;
    (void)err;
    *table_out = world->answer;
    *later_out = world->later;
    world->asked++;
    return RC_OK;
}

static int begin(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct history_options options = {
        .wants = wants, .resolve = resolve, .resolve_ctx = world, .follows_ghosts = true};
    *state = world;
    return history_new(&options, &world->history, &world->err) == RC_OK ? 0 : -1;
}

static int end(void **state)
{
    struct world *world = *state;
    history_free(world->history);
    free(world);
    return 0;
}

static unsigned run(struct world *world, const char *text)
{
    struct ddl_context context = {.db = SLICE("shop"),
                                  .version = 80400,
                                  .explicit_defaults_for_timestamp = true,
                                  .db_collation = SLICE("utf8mb4_0900_ai_ci")};
    struct sql_dialect dialect = {.version = context.version};
    struct sql_statement words;
    sql_classify(&dialect, slice_str(text), &words);
    if (history_statement(world->history, &context, slice_str(text), &words,
                          SLICE("binlog.000001:4"), &world->result, &world->err) != RC_OK)
        fail_msg("%s: %s", text, world->err.text);
    return world->result.change_count;
}

/* "a,b,c" of the definition now; "" when there is none. */
static void expect_columns(struct world *world, const char *name, const char *wanted)
{
    const struct catalog_table *table = NULL;
    char found[256] = "";
    if (history_find(world->history, SLICE("shop"), slice_str(name), false, &table, &world->err) ==
        RC_OK)
        for (uint32_t i = 0; i < table->column_count; i++)
            snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%.*s",
                     i == 0 ? "" : ",", SLICE_ARG(table->columns[i].name));
    assert_string_equal(found, wanted);
}

static void expect_change(struct world *world, unsigned index, enum table_change_kind kind,
                          const char *name, bool rows_unknown)
{
    assert_true(index < world->result.change_count);
    const struct history_change *change = &world->result.changes[index];
    assert_int_equal(change->kind, kind);
    if (!slice_equal(change->name, slice_str(name)))
        fail_msg("%s was expected, %.*s came", name, SLICE_ARG(change->name));
    assert_int_equal(change->rows_unknown, rows_unknown);
    assert_int_equal(change->before == NULL, kind == TABLE_CREATED);
    assert_int_equal(change->after == NULL, kind == TABLE_DROPPED);
}

static void test_a_life(void **state)
{
    struct world *world = *state;
    assert_int_equal(run(world, "CREATE TABLE t (id INT PRIMARY KEY, a INT, b INT)"), 1);
    expect_change(world, 0, TABLE_CREATED, "t", false);
    assert_int_equal(run(world, "ALTER TABLE t CHANGE a b INT, CHANGE b a INT"), 1);
    expect_change(world, 0, TABLE_ALTERED, "t", false);
    expect_columns(world, "t", "id,b,a");
    const uint32_t *origin = world->result.changes[0].origin;
    assert_true(origin[0] == 0 && origin[1] == 1 && origin[2] == 2);
    assert_int_equal(run(world, "ALTER TABLE t ADD c INT FIRST, DROP b"), 1);
    origin = world->result.changes[0].origin;
    assert_true(origin[0] == TABLE_CHANGE_NEW_COLUMN && origin[1] == 0 && origin[2] == 2);
    assert_int_equal(run(world, "RENAME TABLE t TO u"), 1);
    expect_change(world, 0, TABLE_ALTERED, "t", false);
    assert_true(slice_equal(world->result.changes[0].after->name, SLICE("u")));
    expect_columns(world, "t", "");
    expect_columns(world, "u", "c,id,a");
    assert_int_equal(run(world, "CREATE TABLE IF NOT EXISTS u (x INT)"), 0);
    assert_int_equal(run(world, "DROP TABLE u"), 1);
    expect_change(world, 0, TABLE_DROPPED, "u", false);
    expect_columns(world, "u", "");
    assert_int_equal(world->asked, 0);
}

static void test_tables_that_are_not_captured(void **state)
{
    struct world *world = *state;
    assert_int_equal(run(world, "CREATE TABLE uncaptured (id INT, x INT)"), 0);
    assert_int_equal(run(world, "ALTER TABLE uncaptured DROP x"), 0);
    assert_int_equal(run(world, "CREATE TABLE t LIKE uncaptured"), 1);
    expect_columns(world, "t", "id");
    /* A table with rows that nobody saw comes under a captured name, and one goes. */
    assert_int_equal(run(world, "RENAME TABLE t TO unt, uncaptured TO t"), 1);
    expect_change(world, 0, TABLE_CREATED, "t", true);
    assert_int_equal(run(world, "RENAME TABLE t TO unt2"), 1);
    expect_change(world, 0, TABLE_DROPPED, "t", false);
    assert_int_equal(run(world, "ALTER TABLE unknown FROBNICATE EVERYTHING"), 0);
    assert_int_equal(world->asked, 0);
}

static void test_databases(void **state)
{
    struct world *world = *state;
    run(world, "CREATE TABLE t2 (id INT)");
    run(world, "CREATE TABLE t1 (id INT)");
    assert_int_equal(run(world, "DROP DATABASE shop"), 2);
    expect_change(world, 0, TABLE_DROPPED, "t1", false);
    expect_change(world, 1, TABLE_DROPPED, "t2", false);
    assert_int_equal(world->result.changes[0].step, 0);
    assert_int_equal(world->result.changes[1].step, 1);
    assert_int_equal(world->result.step_count, 2);
}

static const struct catalog_column answer_columns[] = {
    {.name = SLICE("id"), .data_type = SLICE("int"), .column_type = SLICE("int")},
    {.name = SLICE("z"), .data_type = SLICE("int"), .column_type = SLICE("int")},
};
static const struct catalog_table answer = {.db = SLICE("shop"),
                                            .name = SLICE("t"),
                                            .collation = SLICE("utf8mb4_bin"),
                                            .charset = SLICE("utf8mb4"),
                                            .columns = answer_columns,
                                            .column_count = 2};

static void test_what_cannot_be_read_is_asked(void **state)
{
    struct world *world = *state;
    run(world, "CREATE TABLE t (id INT, a INT)");
    world->answer = &answer;
    assert_int_equal(run(world, "ALTER TABLE t FROBNICATE"), 1);
    assert_int_equal(world->asked, 1);
    expect_change(world, 0, TABLE_ALTERED, "t", true); /* `a` may have become `z` */
    expect_columns(world, "t", "id,z");
}

static void test_what_nobody_can_tell(void **state)
{
    struct world *world = *state;
    run(world, "CREATE TABLE t (id INT, a INT)");
    world->answer = &answer;
    world->later = 2;
    assert_int_equal(run(world, "ALTER TABLE t FROBNICATE"), 0);
    expect_columns(world, "t", "");
    assert_non_null(strstr(world->err.text, "binlog.000001:4"));
    assert_non_null(strstr(world->err.text, "FROBNICATE"));
    assert_int_equal(run(world, "ALTER TABLE un_other ADD x INT"), 0);
    assert_int_equal(run(world, "ALTER TABLE t ADD x INT"), 0);
    expect_columns(world, "t", "");
    assert_int_equal(run(world, "ALTER TABLE t DROP x"), 1);
    expect_change(world, 0, TABLE_ALTERED, "t", true);
    expect_columns(world, "t", "id,z");
    assert_int_equal(world->asked, 1);
}

/* A table goes, or lives on under a name that is not captured; what is in front of the statement does not matter. */
static void test_gone_or_under_another_name(void **state)
{
    static const struct {
        const char *statement;
        bool lives_on;
    } cases[] = {{"DROP TABLE t", false},
                 {"/* app */ DROP DATABASE shop", false},
                 {"CREATE OR REPLACE SEQUENCE t START 9", false},
                 {"RENAME TABLE t TO un_other", true},
                 {"ALTER TABLE t RENAME un_more", true}};
    struct world *world = *state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        run(world, "CREATE TABLE t (id INT)");
        if (run(world, cases[i].statement) != 1)
            fail_msg("%s: %u changes", cases[i].statement, world->result.change_count);
        expect_change(world, 0, TABLE_DROPPED, "t", false);
        assert_int_equal(world->result.changes[0].lives_on, cases[i].lives_on);
        expect_columns(world, "t", "");
    }
}

static void test_gh_ost(void **state)
{
    struct world *world = *state;
    run(world, "CREATE TABLE t (id INT PRIMARY KEY, a INT)");
    assert_int_equal(run(world, "create /* gh-ost */ table `shop`.`_t_ghc` (id bigint)"), 0);
    assert_int_equal(run(world, "create /* gh-ost */ table `shop`.`_t_gho` like `shop`.`t`"), 0);
    assert_int_equal(run(world, "alter /* gh-ost */ table `shop`.`_t_gho` add c int"), 0);
    assert_false(history_captures(world->history, SLICE("shop"), SLICE("_t_gho")));
    assert_int_equal(run(world, "create table `shop`.`_t_del` (id int primary key)"), 0);
    assert_int_equal(run(world, "DROP TABLE `_t_del`"), 0);
    assert_int_equal(run(world, "rename /* gh-ost */ table `shop`.`t` to `shop`.`_t_del`, "
                                "`shop`.`_t_gho` to `shop`.`t`"),
                     1);
    expect_change(world, 0, TABLE_ALTERED, "t", false);
    assert_int_equal(world->result.changes[0].origin[2], TABLE_CHANGE_NEW_COLUMN);
    assert_int_equal(world->result.changes[0].step, 1);
    expect_columns(world, "t", "id,a,c");
    assert_int_equal(run(world, "DROP TABLE `_t_ghc`"), 0);
    assert_int_equal(run(world, "DROP TABLE `_t_del`"), 0);
    assert_int_equal(world->asked, 0);
}

static void test_gh_ost_in_two_steps(void **state)
{
    struct world *world = *state;
    run(world, "CREATE TABLE t (id INT PRIMARY KEY, a INT)");
    run(world, "CREATE TABLE _t_gho LIKE t");
    run(world, "ALTER TABLE _t_gho DROP a");
    assert_int_equal(run(world, "ALTER TABLE t RENAME _t_del"), 0);
    assert_int_equal(run(world, "ALTER TABLE _t_gho RENAME t"), 1);
    expect_change(world, 0, TABLE_ALTERED, "t", false);
    expect_columns(world, "t", "id");
    /* One that is taken back was nothing. */
    run(world, "CREATE TABLE _t_gho LIKE t");
    assert_int_equal(run(world, "RENAME TABLE t TO _t_20240131120000_del"), 0);
    assert_int_equal(run(world, "RENAME TABLE _t_20240131120000_del TO t"), 0);
    expect_columns(world, "t", "id");
    assert_int_equal(run(world, "DROP TABLE _t_gho"), 0);
    expect_columns(world, "t", "id");
}

static void test_pt_osc_that_drops_first(void **state)
{
    struct world *world = *state;
    run(world, "CREATE TABLE t (id INT PRIMARY KEY, a INT)");
    run(world, "CREATE TABLE `shop`.`__t_new` (id INT PRIMARY KEY, a INT)");
    run(world, "ALTER TABLE `shop`.`__t_new` MODIFY a BIGINT");
    assert_int_equal(run(world, "DROP TABLE t"), 0);
    assert_int_equal(run(world, "RENAME TABLE __t_new TO t"), 1);
    expect_change(world, 0, TABLE_ALTERED, "t", false);
    /* The same, and then it gives up: the table is gone. */
    run(world, "CREATE TABLE _t_new LIKE t");
    assert_int_equal(run(world, "DROP TABLE t"), 0);
    assert_int_equal(run(world, "DROP TABLE _t_new"), 1);
    expect_change(world, 0, TABLE_DROPPED, "t", false);
}

static void test_helpers_without_their_table(void **state)
{
    struct world *world = *state;
    assert_int_equal(run(world, "CREATE TABLE _x_new (id INT)"), 1);
    assert_true(history_captures(world->history, SLICE("shop"), SLICE("_x_new")));
    run(world, "CREATE TABLE x (id INT)");
    assert_true(history_captures(world->history, SLICE("shop"), SLICE("_x_new")));
}

struct notes {
    struct history *to;
    unsigned count;
    unsigned forgotten;
};

static enum rc take_note(void *ctx, struct slice key, struct slice value, struct error *err)
{
    struct notes *notes = ctx;
    notes->count++;
    notes->forgotten += value.len == 0;
    bool taken = false;
    return value.len == 0 ? RC_OK : history_remember(notes->to, key, value, &taken, err);
}

static enum rc take_name(void *ctx, const struct catalog_table *table, struct error *err)
{
    struct slice *name = ctx;
    (void)err;
    assert_int_equal(name->len, 0);
    *name = table->name;
    return RC_OK;
}

static void test_notes_carry_everything(void **state)
{
    struct world *world = *state;
    struct world other = {0};
    struct history_options options = {
        .wants = wants, .resolve = resolve, .resolve_ctx = &other, .follows_ghosts = true};
    assert_int_equal(history_new(&options, &other.history, &other.err), RC_OK);
    run(world, "CREATE TABLE t (id INT PRIMARY KEY, a INT)");
    run(world, "CREATE TABLE `d.o%t/ \xc3\xa4` (id INT)");
    run(world, "CREATE TABLE gone (id INT)");
    run(world, "CREATE TABLE _gone_gho LIKE gone");
    run(world, "ALTER TABLE _gone_gho ADD x INT");
    run(world, "RENAME TABLE gone TO _gone_del");
    run(world, "CREATE TABLE dropped (id INT)");
    run(world, "DROP TABLE dropped");
    struct catalog_table then = answer;
    then.name = SLICE("lost");
    assert_int_equal(history_lose(world->history, SLICE("shop"), SLICE("lost"), SLICE("reasons"), 1,
                                  &then, &world->err),
                     RC_OK);
    struct notes notes = {.to = other.history};
    assert_int_equal(history_notes(world->history, take_note, &notes, &world->err), RC_OK);
    assert_int_equal(notes.forgotten, 1);
    unsigned count = notes.count;
    assert_int_equal(history_notes(world->history, take_note, &notes, &world->err), RC_OK);
    assert_int_equal(notes.count, count);
    expect_columns(&other, "t", "id,a");
    expect_columns(&other, "d.o%t/ \xc3\xa4", "id");
    assert_int_equal(run(&other, "RENAME TABLE _gone_gho TO gone"), 1);
    expect_change(&other, 0, TABLE_ALTERED, "gone", false);
    expect_columns(&other, "gone", "id,x");
    expect_columns(&other, "lost", "");
    struct slice later = SLICE_EMPTY;
    assert_int_equal(history_each_later(other.history, take_name, &later, &other.err), RC_OK);
    assert_true(slice_equal(later, SLICE("lost")));
    run(&other, "ALTER TABLE lost DROP b");
    expect_columns(&other, "lost", "id,z");
    later = SLICE_EMPTY;
    assert_int_equal(history_each_later(other.history, take_name, &later, &other.err), RC_OK);
    assert_int_equal(later.len, 0);
    assert_int_equal(other.asked, 0);
    history_free(other.history);
}

static void test_notes_that_are_damaged(void **state)
{
    struct world *world = *state;
    bool taken = false;
    static const char *const bad[][2] = {
        {"schema/shop", "{}"},
        {"schema/shop.t%2", "{}"},
        {"schema/shop.t", "{\"is\":\"table\"}"},
        {"schema/shop.t", "{\"is\":\"table\",\"definition\":{}}"},
        {"schema/shop.t", "{"},
        {"schema/shop.t", "{\"is\":\"table\",\"definition\":{\"db\":\"shop\",\"name\":\"u\","
                          "\"columns\":[{\"name\":\"a\",\"type\":\"int\"}]}}"},
    };
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(history_remember(world->history, slice_str(bad[i][0]),
                                          slice_str(bad[i][1]), &taken, &world->err),
                         RC_CORRUPT);
        assert_non_null(strstr(world->err.text, bad[i][0]));
    }
    assert_int_equal(
        history_remember(world->history, SLICE("xa/1"), SLICE("x"), &taken, &world->err), RC_OK);
    assert_false(taken);
}

static void expect_file(struct world *world, const char *text, enum rc rc, const char *words)
{
    enum rc got = schema_text_read("a.sql", slice_str(text), world->history, &world->err);
    if (got != rc || (words != NULL && strstr(world->err.text, words) == NULL))
        fail_msg("%s: %s", text, world->err.text);
}

static void test_definitions_out_of_a_file(void **state)
{
    struct world *world = *state;
    expect_file(
        world,
        "-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB\n-- Server version\t10.11.19-MariaDB\n"
        "/*!40101 SET NAMES utf8mb4 */;\n\nUSE `shop`;\n"
        "DROP TABLE IF EXISTS `t`; -- a ; here\n"
        "/*!40101 SET @saved_cs_client     = @@character_set_client */;\n"
        "CREATE TABLE `t` (\n  `id` int(11) NOT NULL,\n  `a;b` varchar(10) DEFAULT ';',\n"
        "  PRIMARY KEY (`id`)\n) ENGINE=InnoDB DEFAULT CHARSET=latin1;\n"
        "/*!50001 CREATE VIEW `v` AS SELECT 1 AS `x` */;\nINSERT INTO t VALUES (1,'\\';');\n"
        "CREATE DATABASE /*!32312 IF NOT EXISTS*/ `other`;\nUSE other;\n"
        "CREATE TABLE shop.w (x INT) CHARSET=utf8mb4",
        RC_OK, NULL);
    expect_columns(world, "t", "id,a;b");
    expect_columns(world, "w", "x");
    assert_non_null(
        strstr((const char *)history_origin(world->history, SLICE("shop"), SLICE("t")).ptr,
               "in a.sql, line 8"));
    expect_file(world, "CREATE TABLE t (x INT);", RC_CONFIG, "a.sql, line 1: No USE says");
    expect_file(world, "USE shop;\n\nCREATE TABLE t (x FROB);", RC_CONFIG, "a.sql, line 3:");
    expect_file(world, "SELECT 1;", RC_CONFIG, "holds no CREATE TABLE");
    assert_int_equal(schema_file_read("/nowhere/x.sql", world->history, &world->err), RC_IO);
}

/* A statement of a kind that nobody knows leaves nothing as known that it names. */
static void test_unknown_kind(void **state)
{
    struct world *world = *state;
    run(world, "CREATE TABLE a (x INT)");
    run(world, "CREATE TABLE b (x INT)");
    assert_int_equal(run(world, "FROBNICATE TABLE `a` WITH shop.c"), 0);
    expect_columns(world, "a", "");
    expect_columns(world, "b", "x");
    run(world, "CREATE TABLE c (x INT)");
    run(world, "CREATE USER b");
    expect_columns(world, "b", "x");
    run(world, "ALTER FROB shop.b");
    expect_columns(world, "b", "");
    expect_columns(world, "c", "x");
}

static void test_touching(void **state)
{
    (void)state;
    struct sql_dialect dialect = {.version = 80400};
    struct sql_statement words;
    sql_classify(&dialect, SLICE("RENAME TABLE a TO b, other.c TO d"), &words);
    assert_true(history_touches(&words, SLICE("shop"), SLICE("shop"), SLICE("B")));
    assert_true(history_touches(&words, SLICE("shop"), SLICE("other"), SLICE("c")));
    assert_false(history_touches(&words, SLICE("shop"), SLICE("shop"), SLICE("c")));
    sql_classify(&dialect, SLICE("DROP DATABASE shop"), &words);
    assert_true(history_touches(&words, SLICE("x"), SLICE("shop"), SLICE("any")));
    sql_classify(&dialect, SLICE("CREATE DATABASE shop"), &words);
    assert_false(history_touches(&words, SLICE("x"), SLICE("shop"), SLICE("any")));
    sql_classify(&dialect, SLICE("TRUNCATE a"), &words);
    assert_false(history_touches(&words, SLICE("shop"), SLICE("shop"), SLICE("a")));
    bool creates = false;
    struct ddl_context context = {.db = SLICE("shop"), .version = 80400};
    assert_int_equal(history_creates(&context, SLICE("RENAME TABLE x TO t"), SLICE("shop"),
                                     SLICE("t"), &creates, NULL),
                     RC_OK);
    assert_true(creates);
    assert_int_equal(history_creates(&context, SLICE("ALTER TABLE t ADD x INT"), SLICE("shop"),
                                     SLICE("t"), &creates, NULL),
                     RC_OK);
    assert_false(creates);
}

int main(void)
{
#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, begin, end)
    const struct CMUnitTest tests[] = {
        IN_A_WORLD(test_a_life),
        IN_A_WORLD(test_tables_that_are_not_captured),
        IN_A_WORLD(test_databases),
        IN_A_WORLD(test_what_cannot_be_read_is_asked),
        IN_A_WORLD(test_what_nobody_can_tell),
        IN_A_WORLD(test_gone_or_under_another_name),
        IN_A_WORLD(test_gh_ost),
        IN_A_WORLD(test_gh_ost_in_two_steps),
        IN_A_WORLD(test_pt_osc_that_drops_first),
        IN_A_WORLD(test_helpers_without_their_table),
        IN_A_WORLD(test_notes_carry_everything),
        IN_A_WORLD(test_notes_that_are_damaged),
        IN_A_WORLD(test_definitions_out_of_a_file),
        IN_A_WORLD(test_unknown_kind),
        cmocka_unit_test(test_touching),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
