/* SPDX-License-Identifier: Apache-2.0 */
/* Table patterns in Flink CDC's spelling (facts/flink-cdc.md 1.1, 3.5 AT-C1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/engine.h"

static struct pattern_set *make(const char *include, const char *exclude)
{
    struct pattern_set *set = NULL;
    struct error err;
    error_clear(&err);
    enum rc rc = pattern_set_new(include, exclude, &set, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(rc, RC_OK);
    return set;
}

/* The tables of a small world that the patterns take, as one line. */
static void takes(const char *include, const char *exclude, const char *expected)
{
    static const struct {
        const char *db;
        const char *table;
    } world[] = {{"db", "tbl1"},    {"db", "tbl2"},     {"db", "tbl3"},  {"db", "tbl4"},
                 {"db2", "tbl2"},   {"db3", "tbl3"},    {"db4", "tbl4"}, {"app", "order_1"},
                 {"app", "orders"}, {"web", "order_x"}, {"a", "order_9"}};
    struct pattern_set *set = make(include, exclude);
    struct buf found;
    buf_init(&found, 1000);
    for (unsigned i = 0; i < COUNT_OF(world); i++)
        if (pattern_set_match(set, slice_str(world[i].db), slice_str(world[i].table)))
            buf_addf(&found, "%s%s.%s", found.len == 0 ? "" : " ", world[i].db, world[i].table);
    assert_string_equal(buf_cstr(&found), expected);
    buf_deinit(&found);
    pattern_set_free(set);
}

static void flinks_examples(void **state)
{
    (void)state;
    takes("db.\\.*", NULL, "db.tbl1 db.tbl2 db.tbl3 db.tbl4");
    takes("db\\..\\.*", NULL, "db2.tbl2 db3.tbl3 db4.tbl4");
    takes("\\.*.\\.*", "db.tbl3",
          "db.tbl1 db.tbl2 db.tbl4 db2.tbl2 db3.tbl3 db4.tbl4 app.order_1 app.orders web.order_x "
          "a.order_9");
    takes("\\.*.tbl[3-4]", "db.tbl[3-4]", "db3.tbl3 db4.tbl4");
    takes("db.\\.*", "db.tbl4", "db.tbl1 db.tbl2 db.tbl3");
    takes("db\\..\\.*", "db3.\\.*", "db2.tbl2 db4.tbl4");
    takes("db.tbl1,db2.tbl\\.*,db3.tbl3", NULL, "db.tbl1 db2.tbl2 db3.tbl3");
    takes("db.tbl1 , db2.tbl\\.* ,\n db3.tbl3,", "", "db.tbl1 db2.tbl2 db3.tbl3");
    takes("app.order_\\.*", NULL, "app.order_1");
    /* A class of single letters, as Flink reads it; not "app or web". */
    takes("[app|web].order_\\.*", NULL, "a.order_9");
    takes("(app|web).order_\\.*", NULL, "app.order_1 web.order_x");
    takes("app|web.order_1|order_x", NULL, "app.order_1 web.order_x");
}

static void whole_names_only(void **state)
{
    (void)state;
    takes("b.tbl1", NULL, "");
    takes("db.tbl", NULL, "");
    takes("db.tb|tbl1", NULL, "db.tbl1");
}

static void case_does_not_matter(void **state)
{
    (void)state;
    takes("DB.TBL[12]", "dB.Tbl2", "db.tbl1");
}

static void commas_and_dots_of_the_expression(void **state)
{
    (void)state;
    takes("db.tbl[1,2]", NULL, "db.tbl1 db.tbl2");
    takes("db.[tb]{2,3}l1", NULL, "db.tbl1");
    takes("app.order[.s_]\\.*", NULL, "app.order_1 app.orders");
    takes("db.\\w+1", NULL, "db.tbl1");
    takes("app.*", NULL, "app.order_1 app.orders");
    struct pattern_set *set = make("app.a\\,b,app.c[.]d,app.back\\\\slash", NULL);
    assert_true(pattern_set_match(set, SLICE("app"), SLICE("a,b")));
    assert_true(pattern_set_match(set, SLICE("app"), SLICE("c.d")));
    assert_true(pattern_set_match(set, SLICE("app"), SLICE("back\\slash")));
    assert_false(pattern_set_match(set, SLICE("app"), SLICE("a")));
    pattern_set_free(set);
}

static void names_of_all_languages(void **state)
{
    (void)state;
    struct pattern_set *set = make("\xd0\xbc\xd0\xb0\xd0\xb3.\\.\\.", NULL);
    assert_true(
        pattern_set_match(set, SLICE("\xd0\xbc\xd0\xb0\xd0\xb3"), SLICE("\xd1\x8f\xd1\x8e")));
    assert_true(pattern_set_match(set, SLICE("\xd0\x9c\xd0\x90\xd0\x93"), SLICE("ab")));
    assert_false(pattern_set_match(set, SLICE("\xd0\xbc\xd0\xb0\xd0\xb3"), SLICE("\xff\xfe")));
    assert_false(pattern_set_match(set, SLICE_EMPTY, SLICE_EMPTY));
    pattern_set_free(set);
}

static void matching_is_bounded(void **state)
{
    (void)state;
    struct pattern_set *set = make("db.(a+)+(a+)+(a+)+b", NULL);
    struct slice evil = SLICE("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    uint64_t before_us = clock_monotonic_us();
    assert_false(pattern_set_match(set, SLICE("db"), evil));
    assert_true(clock_monotonic_us() - before_us < 60000000);
    pattern_set_free(set);
}

static void whole_databases(void **state)
{
    (void)state;
    struct pattern_set *set = make("app.order_\\.*,web.\\.*,old.\\.*", "old.\\.*,app.order_1");
    assert_false(pattern_set_excludes_db(set, SLICE("app")));
    assert_false(pattern_set_excludes_db(set, SLICE("web")));
    assert_true(pattern_set_excludes_db(set, SLICE("old")));
    assert_true(pattern_set_excludes_db(set, SLICE("mysql")));
    pattern_set_free(set);
}

static void fails(const char *include, const char *exclude, const char *message)
{
    struct pattern_set *set = NULL;
    struct error err;
    error_clear(&err);
    assert_int_equal(pattern_set_new(include, exclude, &set, &err), RC_CONFIG);
    assert_string_equal(err.text, message);
    assert_null(set);
}

static void wrong_expressions_are_named(void **state)
{
    (void)state;
    fails("", NULL, "The table patterns name no table. Write them as in app.orders or app.\\.*");
    fails(NULL, "a.b", "The table patterns name no table. Write them as in app.orders or app.\\.*");
    fails(" , ,", NULL,
          "The table patterns name no table. Write them as in app.orders or app.\\.*");
    fails("a.b, orders", NULL,
          "The table pattern 'orders' needs a database and a table, as in app.orders or app.\\.*");
    fails("app.", NULL,
          "The table pattern 'app.' needs a database and a table, as in app.orders or app.\\.*");
    fails(".t", NULL,
          "The table pattern '.t' needs a database and a table, as in app.orders or app.\\.*");
    fails("app.user_.*", NULL,
          "The table pattern 'app.user_.*' has more than one dot. The first separates database and "
          "table; write a dot of the regular expression as \"\\.\", as in app.order_\\.*");
    fails("app.a", "app.(b",
          "The table pattern 'app.(b' is not a regular expression: missing closing parenthesis in "
          "'(b'.");
    fails("app.[b", NULL,
          "The table pattern 'app.[b' is not a regular expression: missing terminating ] for "
          "character class in '[b'.");
    fails("app.t\\", NULL, "The table pattern 'app.t\\' ends inside an escape.");
    char longest[5001];
    memset(longest, 'a', 5000);
    longest[1] = '.';
    longest[5000] = '\0';
    fails(longest, NULL, "A table pattern is longer than 4096 bytes.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flinks_examples),
        cmocka_unit_test(whole_names_only),
        cmocka_unit_test(case_does_not_matter),
        cmocka_unit_test(commas_and_dots_of_the_expression),
        cmocka_unit_test(names_of_all_languages),
        cmocka_unit_test(matching_is_bounded),
        cmocka_unit_test(whole_databases),
        cmocka_unit_test(wrong_expressions_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
