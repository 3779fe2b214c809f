/* SPDX-License-Identifier: Apache-2.0 */
/* What a schema change means for a target, step by step, and which kinds the settings carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/pipeline/policy_int.h"
#include "engine/pipeline/steps_int.h"

enum { COLUMNS_MAX = 8 };

struct shape_of {
    struct column columns[COLUMNS_MAX];
    struct table table;
};

/* "a b! c:20": columns in order; "!" is NOT NULL, ":n" a length. */
static void make(struct shape_of *shape, const char *text)
{
    *shape = (struct shape_of){0};
    uint32_t count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        struct column *column = &shape->columns[count++];
        size_t name = strcspn(text, " !:");
        column->name = slice_of(text, name);
        column->kind = COLUMN_STRING;
        column->nullable = memchr(text, '!', len) == NULL;
        const char *colon = memchr(text, ':', len);
        column->length = colon == NULL ? 10 : (uint64_t)(colon[1] - '0');
        text += len + (text[len] == ' ' ? 1 : 0);
    }
    shape->table = (struct table){
        .db = SLICE("db"), .name = SLICE("t"), .columns = shape->columns, .column_count = count};
}

/* The steps as one line. */
static const char *plan(const char *before, const char *after, const uint32_t *origin,
                        enum steps_style style)
{
    static char line[1024];
    static struct shape_of from;
    static struct shape_of to;
    struct arena arena;
    struct steps steps;
    struct error err;
    make(&from, before);
    make(&to, after);
    arena_init(&arena, "steps", 1 << 20);
    struct table_change change = {
        .kind = TABLE_ALTERED, .before = &from.table, .after = &to.table, .origin = origin};
    assert_int_equal(steps_plan(&arena, &change, style, &steps, &err), RC_OK);
    size_t len = 0;
    line[0] = '\0';
    for (unsigned i = 0; i < steps.count; i++) {
        const struct schema_step *step = &steps.items[i];
        struct slice old = step->old_column == NULL ? SLICE("-") : step->old_column->name;
        struct slice new = step->column == NULL ? SLICE("-") : step->column->name;
        struct slice behind = step->behind == NULL ? SLICE("-") : step->behind->name;
        len += (size_t)snprintf(line + len, sizeof(line) - len, "%s%s %.*s>%.*s@%.*s%s",
                                i > 0 ? "; " : "", steps_word(step->kind), SLICE_ARG(old),
                                SLICE_ARG(new), SLICE_ARG(behind),
                                step->column != NULL && step->column->nullable ? "?" : "");
    }
    arena_deinit(&arena);
    return line;
}

#define NEW TABLE_CHANGE_NEW_COLUMN

static void columns_come_and_go(void **state)
{
    (void)state;
    assert_string_equal(plan("a b", "a c b", (uint32_t[]){0, NEW, 1}, STEPS_EXACT),
                        "add.column ->c@a?");
    assert_string_equal(plan("a b", "c a b", (uint32_t[]){NEW, 0, 1}, STEPS_EXACT),
                        "add.column ->c@-?");
    assert_string_equal(plan("a b! c", "a c", (uint32_t[]){0, 2}, STEPS_EXACT),
                        "drop.column b>-@-");
    assert_string_equal(plan("a b", "b a", (uint32_t[]){1, 0}, STEPS_EXACT), "");
    assert_string_equal(plan("a b", "A b", (uint32_t[]){0, 1}, STEPS_EXACT), "");
}

static void columns_change(void **state)
{
    (void)state;
    assert_string_equal(plan("a b:5", "a b:9", (uint32_t[]){0, 1}, STEPS_EXACT),
                        "alter.column.type b>b@-?");
    /* A column that gets a name and a type is altered under its new name. */
    assert_string_equal(plan("a b:5", "a c:9", (uint32_t[]){0, 1}, STEPS_EXACT),
                        "rename.column b>c@-?; alter.column.type c>c@-?");
}

/* Names are given where they are free; a ring of them is opened by a third name. */
static void names_move(void **state)
{
    (void)state;
    assert_string_equal(plan("a b", "b c", (uint32_t[]){0, 1}, STEPS_EXACT),
                        "rename.column b>c@-?; rename.column a>b@-?");
    assert_string_equal(plan("a b", "a", (uint32_t[]){1}, STEPS_EXACT),
                        "drop.column a>-@-; rename.column b>a@-?");
    assert_string_equal(plan("a b", "b a", (uint32_t[]){0, 1}, STEPS_EXACT),
                        "rename.column b>b__millrace_swap@-?; rename.column a>b@-?; "
                        "rename.column b__millrace_swap>a@-?");
    assert_string_equal(plan("a b c", "b c a", (uint32_t[]){0, 1, 2}, STEPS_EXACT),
                        "rename.column c>c__millrace_swap@-?; rename.column b>c@-?; "
                        "rename.column a>b@-?; rename.column c__millrace_swap>a@-?");
}

static void nothing_is_lost(void **state)
{
    (void)state;
    assert_string_equal(plan("a b! c", "a c", (uint32_t[]){0, 2}, STEPS_LENIENT),
                        "alter.column.type b>b@-?");
    assert_string_equal(plan("a b c", "a c", (uint32_t[]){0, 2}, STEPS_LENIENT), "");
    assert_string_equal(plan("a b!", "a n!", (uint32_t[]){0, 1}, STEPS_LENIENT),
                        "alter.column.type b>b@-?; add.column ->n@a?");
    assert_string_equal(plan("a b", "a n! b", (uint32_t[]){0, NEW, 1}, STEPS_LENIENT),
                        "add.column ->n@b?");
    assert_string_equal(plan("a b", "a n! b", (uint32_t[]){0, NEW, 1}, STEPS_KEEPING),
                        "add.column ->n@a?");
}

static void words_of_the_lists(void **state)
{
    (void)state;
    static const char *const drop[] = {"drop"};
    static const char *const column[] = {"column"};
    static const char *const wrong[] = {"add.colum"};
    static const char *const table[] = {"create.table"};
    struct pipeline_config config = {.schema_change_behavior = BEHAVIOR_EVOLVE};
    struct sink_schema_config schema = {.exclude = {drop, 1}};
    static struct pipeline pipeline;
    struct error err;
    pipeline.parts.config = &config;
    pipeline.parts.schema = &schema;
    assert_false(policy_carries(&pipeline, "drop.column"));
    assert_false(policy_carries(&pipeline, "drop.table"));
    assert_true(policy_carries(&pipeline, "add.column"));
    schema = (struct sink_schema_config){.include = {column, 1}};
    assert_true(policy_carries(&pipeline, "alter.column.type"));
    assert_false(policy_carries(&pipeline, "truncate.table"));
    schema = (struct sink_schema_config){.include = {0}};
    config.schema_change_behavior = BEHAVIOR_LENIENT;
    assert_false(policy_carries(&pipeline, "truncate.table"));
    assert_true(policy_carries(&pipeline, "rename.column"));
    schema.exclude = (struct cfg_list){column, 1};
    assert_true(policy_carries(&pipeline, "truncate.table"));
    config.schema_change_behavior = BEHAVIOR_IGNORE;
    assert_false(policy_carries(&pipeline, "truncate.table"));
    assert_true(policy_carries(&pipeline, "create.table"));
    schema.exclude = (struct cfg_list){wrong, 1};
    assert_int_equal(pipeline_schema_check(&schema, &err), RC_CONFIG);
    schema.exclude = (struct cfg_list){table, 1};
    assert_int_equal(pipeline_schema_check(&schema, &err), RC_CONFIG);
    schema.exclude = (struct cfg_list){drop, 1};
    assert_int_equal(pipeline_schema_check(&schema, &err), RC_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_come_and_go), cmocka_unit_test(columns_change),
        cmocka_unit_test(names_move),          cmocka_unit_test(nothing_is_lost),
        cmocka_unit_test(words_of_the_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
