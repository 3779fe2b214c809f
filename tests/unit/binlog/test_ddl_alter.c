/* SPDX-License-Identifier: Apache-2.0 */
/* ALTER TABLE with its clauses, CREATE and DROP INDEX: what they make of a known table. */
#include "ddl_fixture.h"

struct case_of_alter {
    const char *clauses;
    const char *shape;
    const char *origin; /* indexes before, n for new; NULL: not looked at */
};

/* The table that each case begins with. */
static const char start[] =
    "CREATE OR REPLACE TABLE t (a INT NOT NULL, b INT, c VARCHAR(10) CHARSET "
    "latin1 DEFAULT 'x', PRIMARY KEY (a), UNIQUE u (b, c), KEY k (c))";

static const struct case_of_alter cases[] = {
    {"ADD d INT",
     "a int(11) key1; b int(11) null; c varchar(10) null =x latin1_swedish_ci; "
     "d int(11) null | PRIMARY(a) u(b,c)",
     "0 1 2 n"},
    {"ADD COLUMN (d INT, e INT UNIQUE)",
     "a int(11) key1; b int(11) null; c varchar(10) null =x latin1_swedish_ci; d int(11) null; "
     "e int(11) null | PRIMARY(a) u(b,c) e(e)",
     "0 1 2 n n"},
    {"ADD d INT AFTER a, ADD e INT AFTER d, DROP c",
     "a int(11) key1; d int(11) null; e int(11) null; b int(11) null | PRIMARY(a) u(b)", "0 n n 1"},
    {"ADD d INT FIRST, MODIFY b BIGINT FIRST, DROP INDEX u",
     "b bigint(20) null; d int(11) null; a int(11) key1; c varchar(10) null =x latin1_swedish_ci | "
     "PRIMARY(a)",
     "1 n 0 2"},
    {"RENAME COLUMN a TO b, RENAME COLUMN b TO a",
     "b int(11) key1; a int(11) null; c varchar(10) null =x latin1_swedish_ci | PRIMARY(b) u(a,c)",
     "0 1 2"},
    {"CHANGE a b INT, CHANGE b c INT, CHANGE c a INT",
     "b int(11) key1; c int(11) null; a int(11) null | PRIMARY(b) u(c,a)", "0 1 2"},
    {"DROP a, DROP b, ADD d TEXT CHARSET utf8 FIRST",
     "d text null utf8mb3_general_ci; c varchar(10) null =x latin1_swedish_ci | u(c)", "n 2"},
    {"DROP PRIMARY KEY, MODIFY b INT NOT NULL, MODIFY c CHAR(3) ASCII NOT NULL",
     "a int(11); b int(11) key1; c char(3) latin1_swedish_ci key2 | u(b,c)", NULL},
    {"ALTER b SET DEFAULT 5, ALTER COLUMN c DROP DEFAULT",
     "a int(11) key1; b int(11) null =5; c varchar(10) null latin1_swedish_ci | PRIMARY(a) u(b,c)",
     NULL},
    {"ALTER b SET DEFAULT 5, MODIFY b BIGINT FIRST, CHANGE c d INT DEFAULT 7 FIRST, ALTER d DROP "
     "DEFAULT",
     "d int(11) null; b bigint(20) null =5; a int(11) key1 | PRIMARY(a) u(b,d)", "2 1 0"},
    {"CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, ADD d CHAR",
     "a int(11) key1; b int(11) null; c varchar(10) null =x utf8mb4_bin; d char(1) null "
     "utf8mb4_bin | PRIMARY(a) u(b,c)",
     NULL},
    {"DEFAULT CHARSET = ucs2, ADD d CHAR FIRST, MODIFY c CHAR",
     "d char(1) null ucs2_general_ci; a int(11) key1; b int(11) null; c char(1) null "
     "ucs2_general_ci | PRIMARY(a) u(b,c)",
     NULL},
    {"DROP KEY u, ADD UNIQUE KEY (c(4)), ADD UNIQUE (c)",
     "a int(11) key1; b int(11) null; c varchar(10) null =x latin1_swedish_ci | PRIMARY(a) c_2(c) "
     "c(c:4)",
     NULL},
    {"RENAME INDEX u TO w, ADD CONSTRAINT x UNIQUE (b)",
     "a int(11) key1; b int(11) null; c varchar(10) null =x latin1_swedish_ci | PRIMARY(a) w(b,c) "
     "x(b)",
     NULL},
    {"ADD COLUMN IF NOT EXISTS A TEXT, DROP COLUMN IF EXISTS z, MODIFY IF EXISTS y INT, "
     "CHANGE IF EXISTS y z INT, DROP INDEX IF EXISTS n, ADD d INT",
     "a int(11) key1; b int(11) null; c varchar(10) null =x latin1_swedish_ci; d int(11) null | "
     "PRIMARY(a) u(b,c)",
     "0 1 2 n"},
    {"ADD COLUMN IF NOT EXISTS b INT UNIQUE, ADD COLUMN IF NOT EXISTS d INT UNIQUE",
     "a int(11) key1; b int(11) null; c varchar(10) null =x latin1_swedish_ci; d int(11) null | "
     "PRIMARY(a) u(b,c) b(b) d(d)",
     "0 1 2 n"},
    {"ADD COLUMN IF NOT EXISTS b INT PRIMARY KEY, ADD COLUMN IF NOT EXISTS u INT UNIQUE",
     "a int(11) key1; b int(11) null; c varchar(10) null =x latin1_swedish_ci; u int(11) null | "
     "PRIMARY(a) u(b,c)",
     "0 1 2 n"},
    {"CONVERT TO CHARSET ucs2 COLLATE ucs2_unicode_ci, MODIFY c CHAR(3) BINARY, "
     "ADD d CHAR CHARSET latin1 BINARY",
     "a int(11) key1; b int(11) null; c char(3) null ucs2_bin; d char(1) null ucs2_unicode_ci | "
     "PRIMARY(a) u(b,c)",
     NULL},
    {"DROP a, ADD a BIGINT, ADD d INT DEFAULT 1, ALTER d DROP DEFAULT",
     "b int(11) null; c varchar(10) null =x latin1_swedish_ci; a bigint(20) key1; d int(11) null | "
     "PRIMARY(a) u(b,c)",
     "1 2 n n"},
    {"DROP CONSTRAINT PRIMARY KEY, DROP CONSTRAINT u",
     "a int(11); b int(11) null; c varchar(10) null =x latin1_swedish_ci", "0 1 2"},
    {"DROP b, ORDER BY a, c DESC, ENGINE=InnoDB, ALGORITHM=COPY, LOCK NONE, FORCE, ENABLE KEYS",
     "a int(11) key1; c varchar(10) null =x latin1_swedish_ci | PRIMARY(a) u(c)", "0 2"},
};

static void check_origin(const struct ddl_effect *effect, const char *expected)
{
    char text[256] = "";
    size_t len = 0;
    for (uint32_t i = 0; i < effect->after->column_count; i++) {
        const char *gap = i == 0 ? "" : " ";
        if (effect->origin[i] == DDL_NEW_COLUMN)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%sn", gap);
        else
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u", gap, effect->origin[i]);
    }
    assert_string_equal(text, expected);
}

static void test_clauses(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        char sql[512];
        fixture_must(&fixture, start);
        (void)snprintf(sql, sizeof(sql), "ALTER TABLE t %s", cases[i].clauses);
        fixture_must(&fixture, sql);
        assert_int_equal(fixture.result.effect_count, 1);
        assert_int_equal(fixture.result.effects[0].kind, DDL_TABLE_ALTERED);
        assert_string_equal(fixture_shape(&fixture, "t"), cases[i].shape);
        if (cases[i].origin != NULL)
            check_origin(&fixture.result.effects[0], cases[i].origin);
    }
    fixture_deinit(&fixture);
}

static void test_no_effect(void **state)
{
    static const char *const sql[] = {
        "ALTER TABLE t ENGINE=InnoDB",
        "ALTER TABLE t DISABLE KEYS",
        "ALTER TABLE t",
        "ALTER TABLE t DROP COLUMN IF EXISTS nothing",
        "ALTER TABLE IF EXISTS nowhere ADD a INT",
        "DROP INDEX nothing ON t",
        "ALTER TABLE t ALTER INDEX k INVISIBLE",
        "ALTER TABLE t DROP FOREIGN KEY f, DROP CHECK c",
        "ALTER TABLE t REMOVE PARTITIONING",
        "ALTER TABLE t PARTITION BY HASH(a) PARTITIONS 4",
        "ALTER TABLE t MODIFY b INT",
        "ALTER TABLE t ADD PARTITION (PARTITION p VALUES IN (1, (2)))"};
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture, start);
    for (unsigned i = 0; i < COUNT_OF(sql); i++) {
        fixture_must(&fixture, sql[i]);
        if (fixture.result.effect_count != 0)
            fail_msg("%s", sql[i]);
    }
    fixture_deinit(&fixture);
}

static void test_rename(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture, start);
    fixture_must(&fixture, "ALTER TABLE t RENAME TO e . u");
    assert_int_equal(fixture.result.effects[0].kind, DDL_TABLE_RENAMED);
    assert_true(slice_equal(fixture.result.effects[0].new_db, SLICE("e")));
    assert_true(slice_equal(fixture.result.effects[0].new_name, SLICE("u")));
    fixture_must(&fixture, "ALTER TABLE e.u RENAME AS .t, DROP b");
    assert_int_equal(fixture.result.effects[0].kind, DDL_TABLE_ALTERED);
    assert_string_equal(
        fixture_shape(&fixture, "t"),
        "a int(11) key1; c varchar(10) null =x latin1_swedish_ci | PRIMARY(a) u(c)");
    /* A table that nobody knows is still renamed. */
    fixture_must(&fixture, "ALTER TABLE x RENAME = y");
    assert_null(fixture.result.effects[0].before);
    assert_true(slice_equal(fixture.result.effects[0].new_name, SLICE("y")));
    fixture_deinit(&fixture);
}

static void test_conversions(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture, "CREATE TABLE t (a TINYTEXT, b TEXT, c MEDIUMTEXT, d VARCHAR(20000), "
                           "e BLOB, f ENUM('x')) CHARSET latin1");
    fixture_must(&fixture, "ALTER TABLE t CONVERT TO CHARSET utf8mb4");
    assert_string_equal(fixture_shape(&fixture, "t"),
                        "a text null utf8mb4_general_ci; b mediumtext null utf8mb4_general_ci; "
                        "c longtext null utf8mb4_general_ci; d mediumtext null utf8mb4_general_ci; "
                        "e blob null; f enum('x') null utf8mb4_general_ci");
    fixture_must(&fixture, "ALTER TABLE t CONVERT TO CHARACTER SET binary");
    assert_string_equal(fixture_shape(&fixture, "t"),
                        "a blob null; b mediumblob null; c longblob null; d mediumblob null; "
                        "e blob null; f enum('x') null binary");
    /* The server itself spoils such labels; what it makes of them is not guessed. */
    fixture_must(&fixture, "CREATE TABLE g (a ENUM('ü') CHARSET latin1)");
    assert_int_equal(fixture_run(&fixture, "ALTER TABLE g CONVERT TO CHARSET utf8mb4"),
                     DDL_UNREADABLE);
    fixture_deinit(&fixture);
}

static void test_rows_that_vanish(void **state)
{
    static const char *const sql[] = {
        "ALTER TABLE t DROP PARTITION p1, p2", "ALTER TABLE t TRUNCATE PARTITION ALL",
        "ALTER TABLE t DISCARD TABLESPACE", "ALTER TABLE t IMPORT TABLESPACE",
        "ALTER TABLE t IMPORT PARTITION p TABLESPACE"};
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture, start);
    for (unsigned i = 0; i < COUNT_OF(sql); i++) {
        fixture_must(&fixture, sql[i]);
        assert_int_equal(fixture.result.effect_count, 1);
        assert_true(fixture.result.effects[0].drops_rows);
        assert_non_null(fixture.result.effects[0].after);
    }
    fixture_must(&fixture,
                 "ALTER TABLE t EXCHANGE PARTITION p WITH TABLE d.other WITHOUT VALIDATION");
    assert_int_equal(fixture.result.effect_count, 2);
    assert_true(slice_equal(fixture.result.effects[1].name, SLICE("other")));
    fixture_must(&fixture, "ALTER TABLE t CONVERT PARTITION p TO TABLE made");
    assert_int_equal(fixture.result.effects[1].kind, DDL_TABLE_CREATED);
    assert_non_null(fixture.result.effects[1].after);
    fixture_must(&fixture, "ALTER TABLE t CONVERT TABLE made TO PARTITION p VALUES LESS THAN (9)");
    assert_int_equal(fixture.result.effects[1].kind, DDL_TABLE_DROPPED);
    fixture_deinit(&fixture);
}

static void test_indexes(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture, "CREATE TABLE t (a INT NOT NULL, b INT NOT NULL)");
    fixture_must(&fixture,
                 "CREATE UNIQUE INDEX x USING BTREE ON t (b) COMMENT 'c' ALGORITHM=INPLACE");
    assert_string_equal(fixture_shape(&fixture, "t"), "a int(11); b int(11) key1 | x(b)");
    fixture_must(&fixture, "CREATE INDEX n ON t (a)");
    fixture_must(&fixture, "ALTER TABLE t ADD UNIQUE (a)");
    fixture_must(&fixture, "ALTER TABLE t ADD UNIQUE (a)");
    fixture_must(&fixture, "DROP INDEX X ON t");
    assert_string_equal(fixture_shape(&fixture, "t"), "a int(11) key1; b int(11) | a(a) a_2(a)");
    fixture_must(&fixture, "ALTER TABLE t ADD PRIMARY KEY (b, a)");
    fixture_must(&fixture, "DROP INDEX `PRIMARY` ON t");
    assert_string_equal(fixture_shape(&fixture, "t"), "a int(11) key1; b int(11) | a(a) a_2(a)");
    /* A name that an index which is not unique has already is not free. */
    fixture_must(&fixture, "CREATE TABLE w (a INT, KEY a (a), UNIQUE (a))");
    assert_string_equal(fixture_shape(&fixture, "w"), "a int(11) null | a_2(a)");
    fixture_must(&fixture, "ALTER TABLE w ADD UNIQUE (a)");
    assert_string_equal(fixture_shape(&fixture, "w"), "a int(11) null | a_2(a) a_3(a)");
    /* An index goes with the last of its columns, and its name is free again. */
    fixture_must(&fixture, "CREATE TABLE v (a INT, b INT, c INT, KEY c (a, b))");
    fixture_must(&fixture, "ALTER TABLE v DROP a");
    fixture_must(&fixture, "ALTER TABLE v ADD UNIQUE (c)");
    fixture_must(&fixture, "ALTER TABLE v DROP b");
    fixture_must(&fixture, "ALTER TABLE v ADD UNIQUE (c)");
    assert_string_equal(fixture_shape(&fixture, "v"), "c int(11) null | c_2(c) c(c)");
    /* A foreign key takes a name for an index only where no other key serves. */
    fixture_must(&fixture, "CREATE TABLE x (b INT, FOREIGN KEY (b) REFERENCES y (a), KEY (b))");
    fixture_must(&fixture, "ALTER TABLE x ADD UNIQUE (b)");
    fixture_must(&fixture, "ALTER TABLE x DROP CONSTRAINT b, ADD FOREIGN KEY (b) REFERENCES z (a)");
    fixture_must(&fixture, "ALTER TABLE x DROP CONSTRAINT b_2, ADD UNIQUE (b)");
    assert_string_equal(fixture_shape(&fixture, "x"), "b int(11) null | b_2(b)");
    fixture_must(&fixture, "CREATE TABLE z (b INT, c INT, FOREIGN KEY (b) REFERENCES y (a), "
                           "FOREIGN KEY (b, c) REFERENCES y (a, d))");
    fixture_must(&fixture, "ALTER TABLE z ADD UNIQUE (b)");
    assert_string_equal(fixture_shape(&fixture, "z"), "b int(11) null; c int(11) null | b_2(b)");
    fixture_deinit(&fixture);
}

/* The order in which the server keeps unique keys, after one ALTER of a table with some. */
static void check_order(struct ddl_fixture *fixture, const char *body, const char *clauses,
                        const char *keys)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "CREATE OR REPLACE TABLE o (%s)", body);
    fixture_must(fixture, sql);
    (void)snprintf(sql, sizeof(sql), "ALTER TABLE o %s", clauses);
    fixture_must(fixture, sql);
    const char *shape = strchr(fixture_shape(fixture, "o"), '|');
    if (shape == NULL || strcmp(shape + 2, keys) != 0)
        fail_msg("%s: %s", clauses, shape);
}

/* Seen on MariaDB 10.5, 10.11, 11.8 and MySQL 9.7. */
static void test_order_of_keys(void **state)
{
    static const char nulls[] = "b INT, c INT, UNIQUE kb (b), UNIQUE kc (c)";
    static const char whole[] = "b INT NOT NULL, c INT NOT NULL, UNIQUE kb (b), UNIQUE kc (c)";
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    assert_true(fixture.context.is_mariadb);
    check_order(&fixture, nulls, "MODIFY c INT NOT NULL", "kb(b) kc(c)");
    check_order(&fixture, nulls, "MODIFY c INT NOT NULL, ADD KEY (b)", "kc(c) kb(b)");
    check_order(&fixture, whole, "MODIFY b INT", "kc(c) kb(b)");
    check_order(&fixture, whole, "MODIFY c INT", "kb(b) kc(c)");
    check_order(&fixture, "a INT PRIMARY KEY, b INT, c INT, UNIQUE kb (b), UNIQUE kc (c)",
                "MODIFY c INT NOT NULL, DROP PRIMARY KEY", "kb(b) kc(c)");
    check_order(&fixture, "a INT PRIMARY KEY, b INT, c INT, UNIQUE kb (b), UNIQUE kc (c)",
                "MODIFY c INT NOT NULL, DROP a", "kc(c) kb(b)");
    /* The primary key makes its columns NOT NULL for the keys behind it alone. */
    check_order(&fixture, nulls, "ADD PRIMARY KEY (c)", "PRIMARY(c) kb(b) kc(c)");
    check_order(&fixture, "b INT, c INT, PRIMARY KEY (c), UNIQUE kb (b), UNIQUE kc (c)", "FORCE",
                "PRIMARY(c) kc(c) kb(b)");
    fixture.context.is_mariadb = false;
    fixture.context.version = 90704;
    check_order(&fixture, nulls, "MODIFY c INT NOT NULL", "kc(c) kb(b)");
    check_order(&fixture, nulls, "ADD PRIMARY KEY (c)", "PRIMARY(c) kb(b) kc(c)");
    fixture_deinit(&fixture);
}

/* Seen on MySQL 9.7 and MariaDB 10.11. */
static void test_order_of_keys_over_virtual_columns(void **state)
{
    static const char nulls[] = "a INT AS (1) VIRTUAL, b VARCHAR(9), UNIQUE ka (a)";
    static const char both[] = "a INT AS (1) VIRTUAL, b VARCHAR(9), UNIQUE ka (b, a)";
    static const char whole[] = "a INT AS (1) VIRTUAL NOT NULL, b INT NOT NULL, UNIQUE ka (a)";
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    check_order(&fixture, nulls, "ADD UNIQUE kb (b)", "ka(a) kb(b)");
    fixture.context.is_mariadb = false;
    fixture.context.version = 90704;
    check_order(&fixture, nulls, "ADD UNIQUE kb (b)", "kb(b) ka(a)");
    check_order(&fixture, nulls, "ADD UNIQUE kb (b(3))", "ka(a) kb(b:3)");
    check_order(&fixture, both, "ADD UNIQUE kb (b)", "kb(b) ka(b,a)");
    check_order(&fixture, "a INT AS (1) STORED, b VARCHAR(9), UNIQUE ka (a)", "ADD UNIQUE kb (b)",
                "ka(a) kb(b)");
    check_order(&fixture, whole, "ADD UNIQUE kb (b)", "kb(b) ka(a)");
    check_order(&fixture, whole, "MODIFY b INT, ADD UNIQUE kb (b)", "ka(a) kb(b)");
    fixture_deinit(&fixture);
}

/* Of MySQL 9.7; 5.6 and MariaDB forget it. */
static void test_dropped_now(void **state)
{
    static const char create[] = "CREATE TABLE n (c TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, "
                                 "d INT DEFAULT (1 + 2))";
    static const char drop[] = "ALTER TABLE n ALTER c DROP DEFAULT, ALTER d DROP DEFAULT";
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture, create);
    fixture_must(&fixture, drop);
    assert_string_equal(fixture_shape(&fixture, "n"), "c timestamp; d int(11) null");
    fixture_forget(&fixture, SLICE("d"), SLICE("n"));
    fixture_mysql(&fixture, 90704);
    fixture_must(&fixture, create);
    fixture_must(&fixture, drop);
    assert_string_equal(fixture_shape(&fixture, "n"), "c timestamp =(); d int null");
    fixture_deinit(&fixture);
}

static void test_unreadable(void **state)
{
    static const char *const sql[] = {"ALTER TABLE t FROBNICATE",
                                      "ALTER TABLE t ADD x NOTYPE",
                                      "ALTER TABLE t DROP z",
                                      "ALTER TABLE t ADD d INT AFTER z",
                                      "ALTER TABLE t ADD d INT 'oops'",
                                      "ALTER TABLE t ADD UNIQUE (z)",
                                      "ALTER TABLE t MODIFY z INT",
                                      "ALTER TABLE t ADD d INT DEFAULT",
                                      "ALTER TABLE t ADD d CHAR COLLATE nonsense_ci",
                                      "ALTER TABLE t ADD d ENUM('x",
                                      "ALTER TABLE t COMMENT = 'x' NEWOPTION 5"};
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    for (unsigned i = 0; i < COUNT_OF(sql); i++) {
        fixture_must(&fixture, start);
        if (fixture_run(&fixture, sql[i]) != DDL_UNREADABLE)
            fail_msg("%s was read", sql[i]);
        assert_true(fixture.result.reason.len > 20);
        assert_int_equal(fixture.result.effect_count, 1);
        assert_true(slice_equal(fixture.result.effects[0].name, SLICE("t")));
        assert_null(fixture.result.effects[0].after);
    }
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clauses),
        cmocka_unit_test(test_no_effect),
        cmocka_unit_test(test_rename),
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_rows_that_vanish),
        cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_dropped_now),
        cmocka_unit_test(test_order_of_keys),
        cmocka_unit_test(test_order_of_keys_over_virtual_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
