/* SPDX-License-Identifier: Apache-2.0 */
/* Routes (facts/flink-cdc.md 1.8, 3.8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/engine.h"

static struct route_set *make(const struct cfg_route *routes, unsigned count, enum route_mode mode)
{
    struct route_set *set = NULL;
    struct error err;
    error_clear(&err);
    enum rc rc = route_set_new(routes, count, mode, &set, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(rc, RC_OK);
    return set;
}

/* The targets of a table, as one line; asked twice, for the second answer is a remembered one. */
static void goes_to(struct route_set *set, const char *db, const char *table, const char *expected)
{
    for (unsigned round = 0; round < 2; round++) {
        struct route_target targets[ROUTE_TARGETS_MAX];
        unsigned count = 0;
        struct error err;
        error_clear(&err);
        enum rc rc = route_apply(set, slice_str(db), slice_str(table), targets, &count, &err);
        assert_string_equal(err.text, "");
        assert_int_equal(rc, RC_OK);
        struct buf found;
        buf_init(&found, 4000);
        for (unsigned i = 0; i < count; i++)
            buf_addf(&found, "%s%.*s.%.*s", i == 0 ? "" : " ", SLICE_ARG(targets[i].db),
                     SLICE_ARG(targets[i].table));
        assert_string_equal(buf_cstr(&found), expected);
        buf_deinit(&found);
    }
}

static void without_a_route_a_table_keeps_its_name(void **state)
{
    (void)state;
    struct route_set *set = make(NULL, 0, ROUTE_ALL_MATCH);
    goes_to(set, "shop", "orders", "shop.orders");
    goes_to(set, "shop", "odd.name", "shop.odd.name");
    route_set_free(set);
    const struct cfg_route routes[] = {{.source_table = "db.t", .sink_table = "ods.t", .line = 1}};
    set = make(routes, 1, ROUTE_ALL_MATCH);
    goes_to(set, "db", "t", "ods.t");
    goes_to(set, "db", "t2", "db.t2");
    goes_to(set, "DB", "T", "DB.T"); /* routes heed case */
    route_set_free(set);
}

static void shards_are_merged(void **state)
{
    (void)state;
    const struct cfg_route routes[] = {
        {.source_table = "db_\\.*.user_[0-9]+, old.users", .sink_table = "ods.users", .line = 9}};
    struct route_set *set = make(routes, 1, ROUTE_ALL_MATCH);
    goes_to(set, "db_1", "user_17", "ods.users");
    goes_to(set, "db_2", "user_1", "ods.users");
    goes_to(set, "old", "users", "ods.users");
    goes_to(set, "db_2", "user_x", "db_2.user_x");
    route_set_free(set);
}

static void symbols_become_the_table(void **state)
{
    (void)state;
    const struct cfg_route routes[] = {{.source_table = "mydb.\\.*",
                                        .sink_table = "ods_db.ods_<>_<>$1",
                                        .replace_symbol = "<>",
                                        .line = 3}};
    struct route_set *set = make(routes, 1, ROUTE_ALL_MATCH);
    goes_to(set, "mydb", "web_order", "ods_db.ods_web_order_web_order$1");
    goes_to(set, "mydb", "a.b", "ods_db.ods_a.b_a.b$1");
    route_set_free(set);
}

static void groups_are_put_in(void **state)
{
    (void)state;
    const struct cfg_route routes[] = {{.source_table = "(\\w+)_(\\d).(\\w+)_(\\d+)(x)?",
                                        .sink_table = "ods_$1.$3_$2_$4$5_$",
                                        .line = 3}};
    struct route_set *set = make(routes, 1, ROUTE_ALL_MATCH);
    goes_to(set, "shop_7", "order_12", "ods_shop.order_7_12_$");
    goes_to(set, "shop_7", "order_12x", "ods_shop.order_7_12x_$");
    route_set_free(set);
}

static const struct cfg_route overlapping[] = {
    {.source_table = "mydb.order_\\.*", .sink_table = "ods_db.ods_orders", .line = 2},
    {.source_table = "mydb.product_\\.*", .sink_table = "ods_db.ods_products", .line = 4},
    {.source_table = "mydb.\\.*", .sink_table = "ods_db.ods_<>", .replace_symbol = "<>", .line = 6},
    {.source_table = "mydb.order_1", .sink_table = "ods_db.ods_orders", .line = 8}};

static void all_that_match(void **state)
{
    (void)state;
    struct route_set *set = make(overlapping, COUNT_OF(overlapping), ROUTE_ALL_MATCH);
    goes_to(set, "mydb", "order_1", "ods_db.ods_orders ods_db.ods_order_1");
    goes_to(set, "mydb", "product_1", "ods_db.ods_products ods_db.ods_product_1");
    goes_to(set, "mydb", "else", "ods_db.ods_else");
    route_set_free(set);
}

static void the_first_that_matches(void **state)
{
    (void)state;
    struct route_set *set = make(overlapping, COUNT_OF(overlapping), ROUTE_FIRST_MATCH);
    goes_to(set, "mydb", "order_1", "ods_db.ods_orders");
    goes_to(set, "mydb", "product_1", "ods_db.ods_products");
    goes_to(set, "mydb", "else", "ods_db.ods_else");
    goes_to(set, "other", "else", "other.else");
    route_set_free(set);
}

static void fails(const char *source, const char *sink, const char *message)
{
    const struct cfg_route route = {.source_table = source, .sink_table = sink, .line = 12};
    struct route_set *set = NULL;
    struct error err;
    error_clear(&err);
    assert_int_equal(route_set_new(&route, 1, ROUTE_ALL_MATCH, &set, &err), RC_CONFIG);
    assert_string_equal(err.text, message);
    assert_null(set);
}

static void wrong_routes_are_named(void **state)
{
    (void)state;
    fails("a.b", "target",
          "The sink-table 'target' of the route in line 12 must be a database, a dot and a table.");
    fails("a.b", "a.b.c",
          "The sink-table 'a.b.c' of the route in line 12 must be a database, a dot and a table.");
    fails("a.b", ".t",
          "The sink-table '.t' of the route in line 12 must be a database, a dot and a table.");
    fails("a.b", "t.",
          "The sink-table 't.' of the route in line 12 must be a database, a dot and a table.");
    fails("a.(b)", "x.$2",
          "The sink-table 'x.$2' of the route in line 12 names a group that its source-table does "
          "not have; a group is made with ( and ).");
    fails("a.(b),a.c", "x.$1",
          "The sink-table 'x.$1' of the route in line 12 names a group that its source-table does "
          "not have; a group is made with ( and ).");
    fails("a.(b)", "x.$0",
          "The sink-table 'x.$0' of the route in line 12 holds $0; the groups are $1 to $9.");
    fails("", "x.y", "The route in line 12 needs 1 to 1000 source tables.");
    fails("a", "x.y",
          "The route in line 12: The table pattern 'a' needs a database and a table, as in "
          "app.orders or app.\\.*");
}

static void apply_fails(struct route_set *set, const char *table, const char *message)
{
    struct route_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    struct error err;
    error_clear(&err);
    assert_int_equal(route_apply(set, SLICE("db"), slice_str(table), targets, &count, &err),
                     RC_CONFIG);
    assert_string_equal(err.text, message);
}

static void wrong_targets_are_named(void **state)
{
    (void)state;
    const struct cfg_route empty = {.source_table = "db.(x)?t", .sink_table = "ods.$1", .line = 5};
    struct route_set *set = make(&empty, 1, ROUTE_ALL_MATCH);
    goes_to(set, "db", "xt", "ods.x");
    apply_fails(set, "t", "The route in line 5 gives the table db.t a target with an empty name.");
    route_set_free(set);
    struct cfg_route many[ROUTE_TARGETS_MAX + 1];
    char names[ROUTE_TARGETS_MAX + 1][16];
    for (unsigned i = 0; i <= ROUTE_TARGETS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "ods.t%u", i);
        many[i] = (struct cfg_route){.source_table = "db.t", .sink_table = names[i], .line = i};
    }
    set = make(many, ROUTE_TARGETS_MAX + 1, ROUTE_ALL_MATCH);
    apply_fails(set, "t",
                "The table db.t has more than 16 targets; take routes out, or set route-mode to "
                "FIRST_MATCH.");
    route_set_free(set);
    set = make(many, ROUTE_TARGETS_MAX, ROUTE_ALL_MATCH);
    struct route_target targets[ROUTE_TARGETS_MAX];
    unsigned count = 0;
    assert_int_equal(route_apply(set, SLICE("db"), SLICE("t"), targets, &count, NULL), RC_OK);
    assert_int_equal(count, ROUTE_TARGETS_MAX);
    route_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_route_a_table_keeps_its_name),
        cmocka_unit_test(shards_are_merged),
        cmocka_unit_test(symbols_become_the_table),
        cmocka_unit_test(groups_are_put_in),
        cmocka_unit_test(all_that_match),
        cmocka_unit_test(the_first_that_matches),
        cmocka_unit_test(wrong_routes_are_named),
        cmocka_unit_test(wrong_targets_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
