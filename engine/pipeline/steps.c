/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From "the table looked so, and looks so now" to single steps for a target. A pure function of its
 * arguments.
 *
 * The order: columns go, columns get their new names (a swap of names by way of a third one),
 * columns change their types, columns come, each behind one that is there by then, comments last.
 */
#include "steps_int.h"

#define SWAP_SUFFIX "__millrace_swap"

static const char *const step_words[] = {
    [SCHEMA_CREATE_TABLE] = "create.table",     [SCHEMA_DROP_TABLE] = "drop.table",
    [SCHEMA_RENAME_TABLE] = "rename.table",     [SCHEMA_SWAP_TABLE] = "rename.table",
    [SCHEMA_ADD_COLUMN] = "add.column",         [SCHEMA_DROP_COLUMN] = "drop.column",
    [SCHEMA_RENAME_COLUMN] = "rename.column",   [SCHEMA_ALTER_COLUMN] = "alter.column.type",
    [SCHEMA_COMMENT_COLUMN] = "comment.column", [SCHEMA_COMMENT_TABLE] = "comment.table",
};

const char *steps_word(enum schema_step_kind kind)
{
    ASSERT((unsigned)kind < COUNT_OF(step_words));
    return step_words[kind];
}

struct planner {
    struct arena *arena;
    const struct table_change *tc;
    enum steps_style style;
    struct steps *steps;
    bool *settled;             /* columns of `after` that have their name at the target by now */
    const struct column **now; /* how each of them is called there until then; NULL: new */
};

static void add(struct planner *planner, enum schema_step_kind kind,
                const struct column *old_column, const struct column *column,
                const struct column *behind)
{
    struct steps *steps = planner->steps;
    ASSERT(steps->count < steps->cap);
    steps->items[steps->count++] = (struct schema_step){
        .kind = kind,
        .before = planner->tc->before,
        .after = planner->tc->after,
        .old_column = old_column,
        .column = column,
        .behind = behind,
        .default_value = kind == SCHEMA_ADD_COLUMN ? column->default_value : SLICE_EMPTY};
}

/* A copy of a column that may be NULL, under another name where one is given. */
static struct column *copy_of(const struct planner *planner, const struct column *column,
                              struct slice name)
{
    struct column *copy = arena_alloc(planner->arena, sizeof(*copy));
    if (copy == NULL)
        return NULL;
    *copy = *column;
    copy->name = name;
    return copy;
}

static bool same_name(const struct column *a, const struct column *b)
{
    return slice_equal_nocase(a->name, b->name);
}

static bool same_type(const struct column *a, const struct column *b)
{
    if (a->nullable != b->nullable || a->kind != b->kind)
        return false;
    if (a->type.len > 0 && b->type.len > 0 && slice_equal(a->type, b->type) &&
        slice_equal(a->charset, b->charset))
        return true;
    return a->int_bytes == b->int_bytes && a->precision == b->precision && a->scale == b->scale &&
           a->is_fixed_bytes == b->is_fixed_bytes && a->length == b->length &&
           a->label_count == b->label_count;
}

static const struct column *origin_of(const struct table_change *tc, uint32_t index)
{
    uint32_t from = tc->origin == NULL ? TABLE_CHANGE_NEW_COLUMN : tc->origin[index];
    return from == TABLE_CHANGE_NEW_COLUMN ? NULL : &tc->before->columns[from];
}

bool steps_type_changed(const struct column *before, const struct column *after)
{
    return !same_type(before, after);
}

bool steps_key_changed(const struct table_change *tc)
{
    if (tc->before->key_count != tc->after->key_count)
        return true;
    for (uint32_t k = 0; k < tc->after->key_count; k++)
        if (tc->origin[tc->after->key[k]] != tc->before->key[k])
            return true;
    return false;
}

static bool continues(const struct table_change *tc, uint32_t before_index)
{
    for (uint32_t i = 0; i < tc->after->column_count; i++)
        if (tc->origin[i] == before_index)
            return true;
    return false;
}

/* What the target's own column must become when the source has it no longer, but its rows are
 * kept. */
static enum rc keep_old(struct planner *planner, const struct column *old, struct error *err)
{
    if (old->nullable)
        return RC_OK;
    struct column *nullable = copy_of(planner, old, old->name);
    if (nullable == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the steps of a schema change.");
    nullable->nullable = true;
    add(planner, SCHEMA_ALTER_COLUMN, old, nullable, NULL);
    return RC_OK;
}

static enum rc plan_drops(struct planner *planner, struct error *err)
{
    const struct table_change *tc = planner->tc;
    enum rc rc = RC_OK;
    for (uint32_t i = 0; rc == RC_OK && i < tc->before->column_count; i++) {
        if (continues(tc, i))
            continue;
        if (planner->style == STEPS_EXACT)
            add(planner, SCHEMA_DROP_COLUMN, &tc->before->columns[i], NULL, NULL);
        else
            rc = keep_old(planner, &tc->before->columns[i], err);
    }
    return rc;
}

/* True when a column that has yet to get its name has the one that this one wants. */
static bool is_taken(const struct planner *planner, uint32_t wanting)
{
    const struct table *after = planner->tc->after;
    for (uint32_t i = 0; i < after->column_count; i++)
        if (i != wanting && !planner->settled[i] &&
            same_name(planner->now[i], &after->columns[wanting]))
            return true;
    return false;
}

/* The next column that can have its name, or any that cannot when there is none such; the count of
 * columns when all have theirs. */
static uint32_t next_rename(const struct planner *planner, bool *taken_out)
{
    uint32_t count = planner->tc->after->column_count;
    uint32_t blocked = count;
    *taken_out = false;
    for (uint32_t i = 0; i < count; i++) {
        if (planner->settled[i])
            continue;
        if (!is_taken(planner, i))
            return i;
        blocked = i;
    }
    *taken_out = blocked < count;
    return blocked;
}

/* Names are given where they are free; what is left then is a ring, which is opened by a name of our
 * own. */
static enum rc plan_renames(struct planner *planner, struct error *err)
{
    const struct table_change *tc = planner->tc;
    uint32_t count = tc->after->column_count;
    for (uint32_t i = 0; i < count; i++) {
        planner->now[i] = origin_of(tc, i);
        planner->settled[i] =
            planner->now[i] == NULL || same_name(planner->now[i], &tc->after->columns[i]);
    }
    bool taken;
    for (uint32_t i = next_rename(planner, &taken); i < count; i = next_rename(planner, &taken)) {
        struct slice name = tc->after->columns[i].name;
        struct buf third;
        buf_init(&third, 1024);
        buf_addf(&third, "%.*s" SWAP_SUFFIX, SLICE_ARG(planner->now[i]->name));
        if (taken)
            name = arena_copy(planner->arena, buf_slice(&third));
        buf_deinit(&third);
        const struct column *named =
            name.ptr == NULL ? NULL : copy_of(planner, planner->now[i], name);
        if (named == NULL)
            return error_set(err, RC_MEMORY,
                             "There is no memory for the steps of a schema change.");
        add(planner, SCHEMA_RENAME_COLUMN, planner->now[i], named, NULL);
        planner->now[i] = named;
        planner->settled[i] = !taken;
    }
    return RC_OK;
}

static enum rc plan_add(struct planner *planner, uint32_t index, struct error *err)
{
    const struct table *after = planner->tc->after;
    const struct column *column = &after->columns[index];
    const struct column *behind = index == 0 ? NULL : &after->columns[index - 1];
    if (planner->style == STEPS_EXACT) {
        add(planner, SCHEMA_ADD_COLUMN, NULL, column, behind);
        return RC_OK;
    }
    struct column *nullable = copy_of(planner, column, column->name);
    if (nullable == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the steps of a schema change.");
    nullable->nullable = true;
    /* A new column of another name for what was renamed has no value in the rows that are there. */
    if (origin_of(planner->tc, index) != NULL)
        nullable->default_value = SLICE_EMPTY;
    if (planner->style == STEPS_LENIENT && index + 1 < after->column_count)
        behind = &after->columns[after->column_count - 1];
    if (behind != NULL && same_name(behind, column))
        behind = index == 0 ? NULL : &after->columns[index - 1];
    add(planner, SCHEMA_ADD_COLUMN, NULL, nullable, behind);
    return RC_OK;
}

/* A column that is renamed while the old one is kept: the old one stays, the new one is added. */
static bool is_split(const struct planner *planner, uint32_t index)
{
    const struct column *old = origin_of(planner->tc, index);
    return planner->style != STEPS_EXACT && old != NULL &&
           !same_name(old, &planner->tc->after->columns[index]);
}

/* By then the column has its new name. */
static enum rc plan_alter(struct planner *planner, const struct column *old,
                          const struct column *column, struct error *err)
{
    const struct column *named = copy_of(planner, old, column->name);
    if (named == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the steps of a schema change.");
    add(planner, SCHEMA_ALTER_COLUMN, named, column, NULL);
    return RC_OK;
}

static enum rc plan_columns(struct planner *planner, struct error *err)
{
    const struct table_change *tc = planner->tc;
    enum rc rc = RC_OK;
    for (uint32_t i = 0; rc == RC_OK && i < tc->after->column_count; i++) {
        const struct column *old = origin_of(tc, i);
        const struct column *column = &tc->after->columns[i];
        if (is_split(planner, i))
            rc = keep_old(planner, old, err);
        else if (old != NULL && !same_type(old, column))
            rc = plan_alter(planner, old, column, err);
    }
    for (uint32_t i = 0; rc == RC_OK && i < tc->after->column_count; i++)
        if (origin_of(tc, i) == NULL || is_split(planner, i))
            rc = plan_add(planner, i, err);
    for (uint32_t i = 0; rc == RC_OK && i < tc->after->column_count; i++) {
        const struct column *old = origin_of(tc, i);
        if (old != NULL && !is_split(planner, i) &&
            !slice_equal(old->comment, tc->after->columns[i].comment))
            add(planner, SCHEMA_COMMENT_COLUMN, old, &tc->after->columns[i], NULL);
    }
    return rc;
}

enum rc steps_plan(struct arena *arena, const struct table_change *tc, enum steps_style style,
                   struct steps *steps_out, struct error *err)
{
    ASSERT(tc->before != NULL && tc->after != NULL && tc->origin != NULL);
    /* Of each column at most: kept, renamed twice, altered, added, commented. */
    unsigned cap = 4 * (tc->before->column_count + tc->after->column_count) + 1;
    *steps_out =
        (struct steps){.items = arena_alloc(arena, cap * sizeof(*steps_out->items)), .cap = cap};
    struct planner planner = {.arena = arena, .tc = tc, .style = style, .steps = steps_out};
    planner.settled = arena_alloc(arena, tc->after->column_count * sizeof(*planner.settled));
    planner.now = arena_alloc(arena, tc->after->column_count * sizeof(struct column *));
    if (steps_out->items == NULL || planner.settled == NULL || planner.now == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for the steps of a schema change.");
    enum rc rc = plan_drops(&planner, err);
    if (rc == RC_OK && style == STEPS_EXACT)
        rc = plan_renames(&planner, err);
    if (rc == RC_OK)
        rc = plan_columns(&planner, err);
    if (rc == RC_OK && !slice_equal(tc->before->comment, tc->after->comment))
        add(&planner, SCHEMA_COMMENT_TABLE, NULL, NULL, NULL);
    return rc;
}
