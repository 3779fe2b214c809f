/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE TABLE: types with their synonyms, attributes, keys, options, the forms of the statement. */
#include "ddl_fixture.h"

struct case_of_type {
    const char *written;
    const char *maria; /* what MariaDB 10.11 shows; NULL: it has no such type */
    const char *mysql; /* what MySQL 9.7 shows; NULL: as MariaDB */
};

static const struct case_of_type types[] = {
    {"TINYINT", "tinyint(4)", "tinyint"},
    {"BOOL", "tinyint(1)", NULL},
    {"INT1 UNSIGNED", "tinyint(3) unsigned", "tinyint unsigned"},
    {"MIDDLEINT", "mediumint(9)", "mediumint"},
    {"INTEGER(5) ZEROFILL", "int(5) unsigned zerofill", NULL},
    {"INT8", "bigint(20)", "bigint"},
    {"DEC", "decimal(10,0)", NULL},
    {"FIXED(65,30)", "decimal(65,30)", NULL},
    {"NUMERIC(5) UNSIGNED", "decimal(5,0) unsigned", NULL},
    {"REAL", "double", NULL},
    {"DOUBLE PRECISION", "double", NULL},
    {"FLOAT(24)", "float", NULL},
    {"FLOAT(25)", "double", NULL},
    {"FLOAT(7,3)", "float(7,3)", NULL},
    {"BIT", "bit(1)", NULL},
    {"YEAR(4)", "year(4)", "year"},
    {"TIME(3)", "time(3)", NULL},
    {"CHAR", "char(1)", NULL},
    {"CHARACTER VARYING(5)", "varchar(5)", NULL},
    {"NATIONAL CHARACTER VARYING(5)", "varchar(5)", NULL},
    {"NCHAR VARCHAR(5)", "varchar(5)", NULL},
    {"CHAR(4) BYTE", "binary(4)", NULL},
    {"VARCHAR(4) CHARACTER SET binary", "varbinary(4)", NULL},
    {"LONG", "mediumtext", NULL},
    {"LONG VARBINARY", "mediumblob", NULL},
    {"TEXT(63)", "tinytext", NULL},
    {"TEXT(64)", "text", NULL},
    {"TEXT(0)", "text", "tinytext"},
    {"BLOB(65536)", "mediumblob", NULL},
    {"VARCHAR(70000)", "mediumtext", NULL},
    {"ENUM('a','b ','d''e',x'62')", "enum('a','b','d''e','b')", NULL},
    {"SET('x\\ny', \"q\")", "set('x\\ny','q')", NULL},
    {"JSON", "longtext", "json"},
    {"GEOMETRYCOLLECTION", "geometrycollection", "geomcollection"},
    {"UUID", "uuid", NULL},
    {"VECTOR(3)", "vector(3)", NULL},
    {"VARCHAR(9) COMPRESSED", "varchar(9) /*M!100301 COMPRESSED*/", NULL},
};

static void check_type(struct ddl_fixture *fixture, const char *written, const char *shown)
{
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "CREATE OR REPLACE TABLE t (c %s)", written);
    fixture_must(fixture, sql);
    const struct catalog_table *table = fixture->result.effects[1].after;
    struct slice type = table->columns[0].column_type;
    if (!slice_equal(type, slice_str(shown)))
        fail_msg("%s is %.*s and not %s", written, SLICE_ARG(type), shown);
}

static void test_types(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    for (unsigned i = 0; i < COUNT_OF(types); i++)
        check_type(&fixture, types[i].written, types[i].maria);
    fixture_mysql(&fixture, 90704);
    for (unsigned i = 0; i < COUNT_OF(types); i++)
        if (types[i].mysql != NULL)
            check_type(&fixture, types[i].written, types[i].mysql);
    fixture.context.sql_mode = 1; /* REAL_AS_FLOAT */
    check_type(&fixture, "REAL", "float");
    fixture_deinit(&fixture);
}

struct case_of_default {
    const char *written;
    const char *shape;
};

static void check_shapes(struct ddl_fixture *fixture, const struct case_of_default *cases,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char sql[512];
        (void)snprintf(sql, sizeof(sql), "CREATE OR REPLACE TABLE t (%s)", cases[i].written);
        fixture_must(fixture, sql);
        assert_string_equal(fixture_shape(fixture, "t"), cases[i].shape);
    }
}

static void test_defaults(void **state)
{
    static const struct case_of_default cases[] = {
        {"a INT DEFAULT '007'", "a int(11) null =7"},
        {"a INT ZEROFILL DEFAULT 5", "a int(10) unsigned zerofill null =0000000005"},
        {"a INT DEFAULT -5 NOT NULL", "a int(11) =-5"},
        {"a INT DEFAULT 0x41", "a int(11) null =65"},
        {"a INT DEFAULT .5", "a int(11) null =1"},
        {"a DECIMAL(5,2) DEFAULT 1.999", "a decimal(5,2) null =2.00"},
        {"a DOUBLE DEFAULT 1e20", "a double null =1e20"},
        {"a DOUBLE DEFAULT 0.1", "a double null =0.1"},
        {"a FLOAT DEFAULT 123456789", "a float null =123457000"},
        {"a BIT(8) DEFAULT b'101'", "a bit(8) null =b'101'"},
        {"a YEAR DEFAULT '5'", "a year(4) null =2005"},
        {"a DATE DEFAULT '2020-1-2'", "a date null =2020-01-02"},
        {"a DATE DEFAULT 20200102", "a date null =2020-01-02"},
        {"a TIME DEFAULT '-1 2:3:4'", "a time null =-26:03:04"},
        {"a DATETIME(1) DEFAULT '2020-01-02 3:4:5.67'",
         "a datetime(1) null =2020-01-02 03:04:05.6"},
        {"a DATETIME DEFAULT NOW() ON UPDATE NOW()", "a datetime null =()"},
        {"a ENUM('x','1') CHARACTER SET latin1 DEFAULT 1",
         "a enum('x','1') null =x latin1_swedish_ci"},
        {"a ENUM('x','1') CHARACTER SET latin1 DEFAULT '1'",
         "a enum('x','1') null =1 latin1_swedish_ci"},
        {"a SET('x','y') COLLATE latin1_bin DEFAULT 'Y,x'", "a set('x','y') null =x,y latin1_bin"},
        {"a VARCHAR(9) COLLATE utf8_bin DEFAULT 'a' 'b''c'", "a varchar(9) null =ab'c utf8mb3_bin"},
        {"a VARCHAR(36) ASCII DEFAULT (uuid())", "a varchar(36) null =() latin1_swedish_ci"},
        {"a INT DEFAULT (5)", "a int(11) null =5"},
        {"a INT DEFAULT CASE WHEN 1 THEN CASE WHEN 2 THEN 3 END END", "a int(11) null =()"},
    };
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    check_shapes(&fixture, cases, COUNT_OF(cases));
    fixture_deinit(&fixture);
}

static void test_attributes(void **state)
{
    static const struct case_of_default cases[] = {
        {"id SERIAL", "id bigint(20) unsigned key1 | id(id)"},
        {"a INT KEY, b INT UNIQUE", "a int(11) key1; b int(11) null | PRIMARY(a) b(b)"},
        {"a INT UNIQUE PRIMARY KEY", "a int(11) key1 | PRIMARY(a) a(a)"},
        {"a INT, v INT GENERATED ALWAYS AS (a + (1)) PERSISTENT INVISIBLE",
         "a int(11) null; v int(11) null stored invisible"},
        {"a INT AS (a) COMMENT 'x''y'", "a int(11) null \"x'y\" virtual"},
        {"a INT CHECK (a > ')'), CONSTRAINT c CHECK (1)", "a int(11) null"},
        {"a INT NOT NULL REFERENCES x (y) ON DELETE SET NULL ON UPDATE NO ACTION, KEY(a)",
         "a int(11)"},
        {"a INT, PRIMARY KEY USING BTREE (a DESC) COMMENT 'c', UNIQUE KEY u (a) KEY_BLOCK_SIZE 1",
         "a int(11) key1 | PRIMARY(a) u(a)"},
        {"a INT NOT NULL, b INT NOT NULL, c INT, UNIQUE (c), UNIQUE(b), UNIQUE(a), UNIQUE(b, c)",
         "a int(11); b int(11) key1; c int(11) null | b(b) a(a) c(c) b_2(b,c)"},
        {"a VARCHAR(5) ASCII NOT NULL, UNIQUE p (a(3)), UNIQUE w (a(5))",
         "a varchar(5) latin1_swedish_ci key1 | w(a) p(a:3)"},
        {"`select` INT, `a``b` INT, 1st INT, CONSTRAINT FOREIGN KEY f (1st) REFERENCES o (i)",
         "select int(11) null; a`b int(11) null; 1st int(11) null"},
        {"s INT, e INT, x DATE, y DATE, PERIOD FOR p (x, y)",
         "s int(11) null; e int(11) null; x date; y date"},
        {"a INT ENGINE_OPTION=5, period INT, value INT, first INT",
         "a int(11) null; period int(11) null; value int(11) null; first int(11) null"},
    };
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    check_shapes(&fixture, cases, COUNT_OF(cases));
    fixture_deinit(&fixture);
}

static void test_timestamps_of_old(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture.context.explicit_defaults_for_timestamp = false;
    fixture_must(&fixture, "CREATE TABLE t (a TIMESTAMP, b TIMESTAMP(3), c TIMESTAMP NULL)");
    assert_string_equal(
        fixture_shape(&fixture, "t"),
        "a timestamp =(); b timestamp(3) =0000-00-00 00:00:00.000; c timestamp null");
    fixture_must(&fixture, "CREATE TABLE u (a TIMESTAMP NULL, b TIMESTAMP)");
    assert_string_equal(fixture_shape(&fixture, "u"),
                        "a timestamp null; b timestamp =0000-00-00 00:00:00");
    fixture.context.explicit_defaults_for_timestamp = true;
    fixture_must(&fixture, "CREATE TABLE v (a TIMESTAMP)");
    assert_string_equal(fixture_shape(&fixture, "v"), "a timestamp null");
    fixture_deinit(&fixture);
}

static void test_charsets(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture, "CREATE TABLE t (a CHAR, b CHAR CHARSET utf8, c CHAR COLLATE latin1_bin,"
                           " d CHAR BINARY, e CHAR COLLATE uca1400_ai_ci) DEFAULT CHARSET = ucs2");
    assert_string_equal(fixture_shape(&fixture, "t"),
                        "a char(1) null ucs2_general_ci; b char(1) null utf8mb3_general_ci; "
                        "c char(1) null latin1_bin; d char(1) null ucs2_bin; "
                        "e char(1) null ucs2_uca1400_ai_ci");
    fixture.context.version = 110806; /* the default of Unicode charsets from 11.5 on */
    fixture_must(&fixture, "CREATE OR REPLACE TABLE t (a CHAR) CHARSET utf8mb4");
    assert_string_equal(fixture_shape(&fixture, "t"), "a char(1) null utf8mb4_uca1400_ai_ci");
    struct slice said = SLICE("utf8mb4_bin");
    fixture.context.default_collations = &said;
    fixture.context.default_collation_count = 1;
    fixture.context.default_collations_said = true;
    fixture_must(&fixture,
                 "CREATE OR REPLACE TABLE t (a CHAR, b CHAR CHARSET utf16) CHARSET utf8mb4");
    assert_string_equal(fixture_shape(&fixture, "t"),
                        "a char(1) null utf8mb4_bin; b char(1) null utf16_general_ci");
    fixture.context.default_collation_count = 0;
    fixture_mysql(&fixture, 80028); /* between the two renamings of utf8 */
    fixture_must(&fixture,
                 "CREATE OR REPLACE TABLE t (a CHAR CHARSET utf8mb3, b CHAR CHARSET utf8mb4)");
    assert_string_equal(fixture_shape(&fixture, "t"),
                        "a char(1) null utf8_general_ci; b char(1) null utf8mb4_0900_ai_ci");
    /* A text column whose charset nobody said is not guessed. */
    fixture.database_collation = SLICE_EMPTY;
    assert_int_equal(fixture_run(&fixture, "CREATE TABLE n (a CHAR)"), DDL_UNREADABLE);
    assert_int_equal(fixture_run(&fixture, "CREATE TABLE n (a CHAR CHARSET latin1, b INT)"),
                     DDL_UNDERSTOOD);
    fixture_deinit(&fixture);
}

static void test_forms(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture,
                 "CREATE TABLE t (a INT PRIMARY KEY, b INT) COMMENT='c' ENGINE InnoDB,"
                 " UNION=(x,y) PARTITION BY RANGE (a) (PARTITION p VALUES LESS THAN (5))");
    fixture_must(&fixture, "CREATE TABLE IF NOT EXISTS t (z INT)");
    assert_int_equal(fixture.result.effect_count, 0);
    fixture_must(&fixture, "CREATE TABLE u LIKE t");
    assert_string_equal(fixture_shape(&fixture, "u"),
                        "a int(11) key1; b int(11) null | PRIMARY(a)");
    fixture_must(&fixture, "CREATE OR REPLACE TABLE t (LIKE d.u)");
    assert_int_equal(fixture.result.effects[0].kind, DDL_TABLE_DROPPED);
    assert_int_equal(fixture.result.effects[1].kind, DDL_TABLE_CREATED);
    assert_int_equal(fixture_run(&fixture, "CREATE TABLE v LIKE unknown"), DDL_UNREADABLE);
    assert_int_equal(fixture.result.effect_count, 1);
    assert_null(fixture.result.effects[0].after);
    static const char *const queries[] = {"CREATE TABLE q SELECT 1",
                                          "CREATE TABLE q (a INT) AS SELECT 1",
                                          "CREATE TABLE q (SELECT 1)",
                                          "CREATE TABLE q IGNORE SELECT 1",
                                          "CREATE TABLE q PARTITION BY HASH(a) (SELECT 1)",
                                          "CREATE TABLE q WITH x AS (SELECT 1) SELECT * FROM x"};
    for (unsigned i = 0; i < COUNT_OF(queries); i++) {
        assert_int_equal(fixture_run(&fixture, queries[i]), DDL_UNREADABLE);
        assert_true(fixture.result.effects[0].has_select);
        assert_true(slice_equal(fixture.result.effects[0].name, SLICE("q")));
    }
    fixture_mysql(&fixture, 80021);
    fixture_must(&fixture,
                 "CREATE TABLE `w` (\n  `one` int NOT NULL DEFAULT '0'\n) START TRANSACTION");
    assert_true(fixture.result.effects[0].has_select);
    assert_non_null(fixture.result.effects[0].after);
    fixture_deinit(&fixture);
}

static void test_a_failed_replacement_drops(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture, "CREATE TABLE t (a INT)");
    fixture.context.error_code = 1113;
    fixture_must(&fixture, "CREATE OR REPLACE TABLE t (a INT INVISIBLE)");
    assert_int_equal(fixture.result.effect_count, 1);
    assert_int_equal(fixture.result.effects[0].kind, DDL_TABLE_DROPPED);
    fixture_deinit(&fixture);
}

static void test_versioned_tables(void **state)
{
    (void)state;
    struct ddl_fixture fixture;
    fixture_init(&fixture);
    fixture_must(&fixture, "CREATE TABLE t (a INT) WITH SYSTEM VERSIONING");
    assert_string_equal(fixture_shape(&fixture, "t"),
                        "a int(11) null; row_start timestamp(6) stored invisible; "
                        "row_end timestamp(6) stored invisible");
    fixture_must(&fixture, "ALTER TABLE t ADD b INT");
    assert_true(slice_equal(fixture.result.effects[0].after->columns[1].name, SLICE("b")));
    fixture_must(&fixture, "ALTER TABLE t DROP SYSTEM VERSIONING");
    assert_string_equal(fixture_shape(&fixture, "t"), "a int(11) null; b int(11) null");
    fixture_must(
        &fixture,
        "CREATE TABLE u (a INT, s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, "
        "e TIMESTAMP(6) AS ROW END, PERIOD FOR SYSTEM_TIME (s, e)) WITH SYSTEM VERSIONING");
    assert_int_equal(fixture.result.effects[0].after->column_count, 3);
    assert_int_equal(fixture.result.effects[0].after->columns[2].versioning, CATALOG_ROW_END);
    fixture_deinit(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_timestamps_of_old),
        cmocka_unit_test(test_charsets),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_a_failed_replacement_drops),
        cmocka_unit_test(test_versioned_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
