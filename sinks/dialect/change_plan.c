/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a step of a schema change needs, given what the target shows: one statement, none, or words
 * that say why there is none. Pure, but for warnings in the log.
 *
 * A table that the target does not have needs no change of columns: it is made with its first row,
 * in the shape of that time. What a step wants and is there already is done, whoever made it.
 *
 * Where a value column goes: behind the column it follows at the source, or the next one before it
 * that the target has, but never among the key columns, which come first (facts/doris.md 6.2, 6.3).
 * The place matters to people only: a load names its columns.
 */
#include "change_int.h"

/* All that the steps share. */
struct planner {
    const struct dialect_changes *changes;
    enum load_zero_dates zero_dates;
    const struct schema_step *step;
    const struct sink_target *target;
    const struct dialect_look *look;
    struct arena *arena;
    struct buf *sql;
    struct error *err;
};

static const char *product(const struct planner *planner)
{
    return planner->changes->traits->product;
}

void dialect_hint_rebuild(const struct schema_step *step, struct error *err)
{
    const struct table *table = step->after != NULL ? step->after : step->before;
    error_hint(err,
               "Take the table anew, beside the old one, whose place it takes when it is whole: "
               "millrace snapshot --tables %.*s.%.*s --rebuild PIPELINE.yaml",
               SLICE_ARG(table->db), SLICE_ARG(table->name));
}

static enum rc cannot_change(const struct planner *planner, struct slice column, const char *why)
{
    error_set(planner->err, RC_UNSUPPORTED,
              "Column '%.*s' of %.*s.%.*s cannot be changed in place at %s: %s.", SLICE_ARG(column),
              SLICE_ARG(planner->target->db), SLICE_ARG(planner->target->table), product(planner),
              why);
    dialect_hint_rebuild(planner->step, planner->err);
    return RC_UNSUPPORTED;
}

static bool is_key(const struct planner *planner, struct slice name)
{
    const struct dialect_create *create = &planner->look->have.create;
    for (unsigned i = 0; i < create->key_count; i++)
        if (slice_equal_nocase(create->keys[i], name))
            return true;
    return false;
}

static const struct dialect_catalog_column *find(const struct planner *planner, struct slice name)
{
    return dialect_catalog_find(&planner->look->have, name);
}

/* The last key column, as the target orders them; empty when it has none. */
static struct slice last_key(const struct planner *planner)
{
    const struct dialect_catalog *have = &planner->look->have;
    struct slice last = SLICE_EMPTY;
    for (uint32_t i = 0; i < have->column_count; i++)
        if (is_key(planner, have->columns[i].name))
            last = have->columns[i].name;
    return last;
}

/* The column behind which an added one goes; empty: at the end. */
static struct slice place_of(const struct planner *planner)
{
    const struct schema_step *step = planner->step;
    int at = step->behind == NULL ? -1 : table_find_column(step->after, step->behind->name);
    for (; at >= 0; at--) {
        const struct dialect_catalog_column *before = find(planner, step->after->columns[at].name);
        if (before != NULL && !is_key(planner, before->name))
            return before->name;
        if (before != NULL)
            break;
    }
    return last_key(planner);
}

/* What the rows that are there already hold in an added column. */
static struct slice default_of(const struct planner *planner, const struct load_column *load,
                               struct buf *text)
{
    const struct schema_step *step = planner->step;
    if (step->default_value.ptr == NULL && step->column->default_known)
        return SLICE_EMPTY;
    if (step->default_value.ptr == NULL) {
        log_warn("sink.ddl",
                 "The rows that are there already hold NULL in an added column, because what they "
                 "hold at the source is not known: the column's default is an expression, or the "
                 "server does not show its value exactly.",
                 LOG_SLICE("db", planner->target->db), LOG_SLICE("table", planner->target->table),
                 LOG_SLICE("column", step->column->name));
        return SLICE_EMPTY;
    }
    if (dialect_default_literal(step->column, load, step->default_value, text) && text->rc == RC_OK)
        return text->len == 0 ? SLICE("") : buf_slice(text);
    log_warn("sink.ddl",
             "The rows that are there already hold NULL in an added column, because the target "
             "cannot give them the source's value by default.",
             LOG_SLICE("db", planner->target->db), LOG_SLICE("table", planner->target->table),
             LOG_SLICE("column", step->column->name), LOG_SLICE("value", step->default_value));
    return SLICE_EMPTY;
}

static enum rc column_type(const struct planner *planner, const struct column *column, bool key,
                           struct load_column *load_out)
{
    memset(load_out, 0, sizeof(*load_out));
    enum rc rc = planner->changes->type(column, key ? DIALECT_PLACE_KEY : DIALECT_PLACE_VALUE,
                                        planner->arena, load_out, planner->err);
    if (rc != RC_OK)
        error_wrap(planner->err, "Column '%.*s' of %.*s.%.*s", SLICE_ARG(column->name),
                   SLICE_ARG(planner->target->db), SLICE_ARG(planner->target->table));
    return rc;
}

/* A column of the name is there: it must hold what the source's does. */
static enum rc compare_added(const struct planner *planner, const struct load_column *load,
                             const struct dialect_catalog_column *have)
{
    const struct dialect_traits *traits = planner->changes->traits;
    struct dialect_type want_type = dialect_type_parse(traits, load->target_type);
    struct dialect_type have_type = dialect_type_parse(traits, have->type);
    enum load_encoding encoding;
    bool holds =
        dialect_type_holds(traits, planner->step->column, &want_type, &have_type, &encoding);
    if (holds && (have->nullable || !planner->step->column->nullable))
        return RC_OK;
    error_set(planner->err, RC_MISMATCH,
              "Column '%.*s' was added at the source, and %.*s.%.*s of %s has one of that name "
              "already: %.*s%s, where %.*s is needed.",
              SLICE_ARG(have->name), SLICE_ARG(planner->target->db),
              SLICE_ARG(planner->target->table), product(planner), SLICE_ARG(have->type),
              have->nullable ? "" : " NOT NULL", SLICE_ARG(load->target_type));
    error_hint(planner->err, "Drop it or rename it at the target, and start again.");
    return RC_MISMATCH;
}

static enum rc plan_add(struct planner *planner)
{
    const struct schema_step *step = planner->step;
    struct load_column load;
    if (step->column->key_ordinal != 0)
        return cannot_change(planner, step->column->name,
                             "it is part of the source's key now, and a key cannot grow");
    enum rc rc = column_type(planner, step->column, false, &load);
    if (rc != RC_OK)
        return rc;
    const struct dialect_catalog_column *have = find(planner, step->column->name);
    if (have != NULL)
        return compare_added(planner, &load, have);
    bool date_error = planner->zero_dates == LOAD_ZERO_DATES_ERROR && load.encoding == LOAD_DATE;
    if (date_error && step->default_value.ptr != NULL && !encoder_date_is_real(step->default_value))
        return cannot_change(planner, step->column->name,
                             "rows hold a date in it that no calendar has");
    struct buf text;
    buf_init(&text, 64u << 10);
    struct dialect_definition definition = {.name = step->column->name,
                                            .type = load.target_type,
                                            .nullable = true,
                                            .default_value = default_of(planner, &load, &text),
                                            .comment = step->column->comment};
    dialect_add_column_sql(planner->target, &definition, place_of(planner), planner->sql);
    buf_deinit(&text);
    return RC_OK;
}

static enum rc plan_drop(struct planner *planner)
{
    const struct dialect_catalog_column *have = find(planner, planner->step->old_column->name);
    if (have == NULL)
        return RC_OK;
    if (is_key(planner, have->name))
        return cannot_change(planner, have->name,
                             "the table is sorted and distributed by it there, so it cannot be "
                             "dropped");
    dialect_drop_column_sql(planner->target, have->name, planner->sql);
    return RC_OK;
}

static enum rc plan_rename(struct planner *planner)
{
    const struct schema_step *step = planner->step;
    const struct dialect_changes *changes = planner->changes;
    const struct dialect_look *look = planner->look;
    const struct dialect_catalog_column *from = find(planner, step->old_column->name);
    const struct dialect_catalog_column *to = find(planner, step->column->name);
    if (to != NULL && (from == NULL || from == to)) /* names that differ in case are one */
        return RC_OK;
    if (from == NULL || to != NULL) {
        error_set(planner->err, RC_MISMATCH,
                  "Column '%.*s' was renamed to '%.*s' at the source, and %.*s.%.*s of %s has %s.",
                  SLICE_ARG(step->old_column->name), SLICE_ARG(step->column->name),
                  SLICE_ARG(planner->target->db), SLICE_ARG(planner->target->table),
                  product(planner), to == NULL ? "neither of them" : "both of them");
        dialect_hint_rebuild(step, planner->err);
        return RC_MISMATCH;
    }
    bool known = look->version_major != 0 || look->version_minor != 0;
    if (known && (look->version_major < changes->rename_major ||
                  (look->version_major == changes->rename_major &&
                   look->version_minor < changes->rename_minor)))
        return cannot_change(planner, from->name,
                             "this version cannot rename columns; newer ones can");
    dialect_rename_column_sql(changes->rename_word, planner->target, from->name, step->column->name,
                              planner->sql);
    return RC_OK;
}

/* MODIFY COLUMN with all that the column is, but for its type and its nullability. */
static void add_modify(struct planner *planner, const struct dialect_catalog_column *have,
                       struct slice type, bool key)
{
    bool nullable = have->nullable || (!key && planner->step->column->nullable);
    struct dialect_definition definition = {.name = have->name,
                                            .type = type,
                                            .key = key,
                                            .nullable = nullable,
                                            .default_value = have->default_value,
                                            .comment = have->comment};
    dialect_modify_column_sql(planner->target, &definition, planner->sql);
}

static enum rc plan_alter(struct planner *planner)
{
    const struct schema_step *step = planner->step;
    const struct dialect_traits *traits = planner->changes->traits;
    const struct dialect_catalog_column *have = find(planner, step->old_column->name);
    if (have == NULL)
        have = find(planner, step->column->name);
    if (have == NULL) {
        error_set(
            planner->err, RC_MISMATCH,
            "Column '%.*s' was changed at the source, and %.*s.%.*s of %s has no such column.",
            SLICE_ARG(step->old_column->name), SLICE_ARG(planner->target->db),
            SLICE_ARG(planner->target->table), product(planner));
        dialect_hint_rebuild(step, planner->err);
        return RC_MISMATCH;
    }
    bool key = is_key(planner, have->name);
    struct load_column load;
    enum rc rc = column_type(planner, step->column, key, &load);
    if (rc != RC_OK)
        return rc;
    struct dialect_type want_type = dialect_type_parse(traits, load.target_type);
    struct dialect_type have_type = dialect_type_parse(traits, have->type);
    const char *why;
    enum dialect_fit fit = dialect_type_fit(planner->changes, step->old_column, step->column,
                                            &want_type, &have_type, &why);
    bool nulls = have->nullable || key || !step->column->nullable;
    if (fit == DIALECT_FIT_AS_IS && nulls)
        return RC_OK;
    bool text = have_type.family == DIALECT_CHARS && want_type.family == DIALECT_CHARS;
    if (fit == DIALECT_FIT_NOT)
        return cannot_change(planner, have->name, why);
    if (key && !(text && planner->changes->key_text_grows))
        return cannot_change(planner, have->name,
                             "the table is sorted and distributed by it there, and rows find each "
                             "other by it");
    add_modify(planner, have, fit == DIALECT_FIT_MODIFY ? load.target_type : have->type, key);
    return RC_OK;
}

static enum rc plan_comment(struct planner *planner)
{
    const struct schema_step *step = planner->step;
    if (step->kind == SCHEMA_COMMENT_TABLE) {
        if (planner->look->comment.ptr == NULL ||
            !slice_equal(planner->look->comment, step->after->comment))
            dialect_comment_table_sql(planner->target, planner->changes->table_comment,
                                      step->after->comment, planner->sql);
        return RC_OK;
    }
    const struct dialect_catalog_column *have = find(planner, step->column->name);
    if (have != NULL && !slice_equal(have->comment, step->column->comment))
        dialect_comment_column_sql(planner->target, have->name, step->column->comment,
                                   planner->sql);
    return RC_OK;
}

static enum rc both_there(const struct planner *planner)
{
    const struct sink_target *to = &planner->step->new_target;
    error_set(planner->err, RC_MISMATCH,
              "Table %.*s.%.*s is to become %.*s.%.*s at %s, and both are there.",
              SLICE_ARG(planner->target->db), SLICE_ARG(planner->target->table), SLICE_ARG(to->db),
              SLICE_ARG(to->table), product(planner));
    error_hint(planner->err, "Drop or rename the one that is not wanted, and start again.");
    return RC_MISMATCH;
}

static enum rc plan_rename_table(struct planner *planner)
{
    const struct sink_target *to = &planner->step->new_target;
    bool old_there = planner->look->have.column_count > 0;
    bool new_there = planner->look->other.column_count > 0;
    if (!old_there) /* done, or never made: its first row makes it under its new name */
        return RC_OK;
    if (new_there)
        return both_there(planner);
    if (!slice_equal(planner->target->db, to->db)) {
        error_set(planner->err, RC_UNSUPPORTED,
                  "Table %.*s.%.*s cannot become %.*s.%.*s: %s moves no table from one database to "
                  "another.",
                  SLICE_ARG(planner->target->db), SLICE_ARG(planner->target->table),
                  SLICE_ARG(to->db), SLICE_ARG(to->table), product(planner));
        dialect_hint_rebuild(planner->step, planner->err);
        return RC_UNSUPPORTED;
    }
    dialect_rename_table_sql(planner->target, to->table, planner->sql);
    return RC_OK;
}

/* The rebuilt table is not there: it has taken its place, if what stands there looks like it. */
static enum rc compare_swapped(const struct planner *planner)
{
    const struct dialect_traits *traits = planner->changes->traits;
    const struct sink_target *with = &planner->step->new_target;
    struct load_schema schema;
    uint32_t first = 0;
    enum rc rc = dialect_plan(traits, planner->changes->type, planner->step->after, planner->target,
                              planner->arena, &schema, &first, planner->err);
    if (rc == RC_OK)
        rc = dialect_compare(traits, &planner->look->have, &schema, planner->err);
    if (rc == RC_MISMATCH)
        error_wrap(planner->err,
                   "Table %.*s.%.*s, which was to take the place of %.*s.%.*s, is not there",
                   SLICE_ARG(with->db), SLICE_ARG(with->table), SLICE_ARG(planner->target->db),
                   SLICE_ARG(planner->target->table));
    return rc;
}

/*
 * A table that was rebuilt beside takes the place of the old one. Doris does it in one statement.
 * StarRocks exchanges the names, and the old table is dropped then; between the two, what lies under
 * the other name is the old table, and exchanging again would undo it all. Which of the two tables
 * was made later tells them apart: that is the rebuilt one.
 */
static enum rc plan_swap(struct planner *planner)
{
    const struct sink_target *with = &planner->step->new_target;
    bool old_there = planner->look->have.column_count > 0;
    bool new_there = planner->look->other.column_count > 0;
    if (!new_there && old_there)
        return compare_swapped(planner);
    if (!new_there)
        return error_set(planner->err, RC_MISMATCH,
                         "Table %.*s.%.*s was to take the place of %.*s.%.*s at %s, and neither is "
                         "there. Take the table anew with: millrace snapshot --tables %.*s.%.*s "
                         "PIPELINE.yaml",
                         SLICE_ARG(with->db), SLICE_ARG(with->table),
                         SLICE_ARG(planner->target->db), SLICE_ARG(planner->target->table),
                         product(planner), SLICE_ARG(planner->step->after->db),
                         SLICE_ARG(planner->step->after->name));
    if (!slice_equal(planner->target->db, with->db))
        return error_set(
            planner->err, RC_UNSUPPORTED,
            "Table %.*s.%.*s cannot take the place of %.*s.%.*s: %s moves no table from "
            "one database to another.",
            SLICE_ARG(with->db), SLICE_ARG(with->table), SLICE_ARG(planner->target->db),
            SLICE_ARG(planner->target->table), product(planner));
    if (!old_there)
        dialect_rename_table_sql(with, planner->target->table, planner->sql);
    else if (planner->changes->swap == DIALECT_SWAP_EXCHANGE && planner->look->target_is_newer)
        dialect_drop_table_sql(with, planner->sql);
    else
        dialect_swap_sql(planner->changes->swap, planner->target, with->table, planner->sql);
    return RC_OK;
}

enum rc dialect_change_plan(const struct dialect_changes *changes, enum load_zero_dates zero_dates,
                            const struct schema_step *step, const struct sink_target *target,
                            const struct dialect_look *look, struct arena *arena, struct buf *sql,
                            struct error *err)
{
    struct planner planner = {changes, zero_dates, step, target, look, arena, sql, err};
    bool there = look->have.column_count > 0;
    switch (step->kind) {
    case SCHEMA_DROP_TABLE:
        if (there)
            dialect_drop_table_sql(target, sql);
        return RC_OK;
    case SCHEMA_RENAME_TABLE:
        return plan_rename_table(&planner);
    case SCHEMA_SWAP_TABLE:
        return plan_swap(&planner);
    case SCHEMA_ADD_COLUMN:
        return there ? plan_add(&planner) : RC_OK;
    case SCHEMA_DROP_COLUMN:
        return there ? plan_drop(&planner) : RC_OK;
    case SCHEMA_RENAME_COLUMN:
        return there ? plan_rename(&planner) : RC_OK;
    case SCHEMA_ALTER_COLUMN:
        return there ? plan_alter(&planner) : RC_OK;
    case SCHEMA_COMMENT_COLUMN:
    case SCHEMA_COMMENT_TABLE:
        return there ? plan_comment(&planner) : RC_OK;
    case SCHEMA_CREATE_TABLE: /* the turn does it by the product's own way to a table */
    default:
        break;
    }
    ASSERT(step->kind == SCHEMA_CREATE_TABLE);
    return RC_OK;
}
