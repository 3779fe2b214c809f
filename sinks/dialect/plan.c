/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source table's way into a table that we would create: names, types, encodings, nullability.
 * Value columns are nullable always, because a zero date has no other equal at the target; key
 * columns never are. A table without a key is sorted and distributed by one column.
 */
#include "dialect_int.h"

/* A line end in a name would be the end of the `columns` header. */
static bool name_is_clean(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] < 0x20 || name.ptr[i] == 0x7f)
            return false;
    return name.len > 0;
}

static enum rc schema_begin(const struct table *source, const struct sink_target *target,
                            struct arena *arena, struct load_schema *schema_out, struct error *err)
{
    memset(schema_out, 0, sizeof(*schema_out));
    if (!source->has_names || source->column_count == 0)
        return error_set(err, RC_CONFIG,
                         "The source does not tell the column names of %.*s.%.*s. Run on the "
                         "source: SET GLOBAL binlog_row_metadata = 'FULL';",
                         SLICE_ARG(source->db), SLICE_ARG(source->name));
    schema_out->source = source;
    schema_out->db = arena_copy(arena, target->db);
    schema_out->table = arena_copy(arena, target->table);
    schema_out->keyless = source->key_count == 0;
    schema_out->key = source->key;
    schema_out->key_count = source->key_count;
    schema_out->columns = arena_alloc(arena, source->column_count * sizeof(*schema_out->columns));
    if (schema_out->columns == NULL || schema_out->db.ptr == NULL || schema_out->table.ptr == NULL)
        return error_set(err, RC_MEMORY, "There is no memory for a table's way to the target.");
    for (uint32_t i = 0; i < source->column_count; i++) {
        if (!name_is_clean(source->columns[i].name))
            return error_set(err, RC_CONFIG,
                             "Column %u of %.*s.%.*s has a control character in its name, which "
                             "cannot be loaded. Rename the column or leave the table out.",
                             i + 1, SLICE_ARG(source->db), SLICE_ARG(source->name));
        schema_out->columns[i].target_name = arena_copy(arena, source->columns[i].name);
        if (schema_out->columns[i].target_name.ptr == NULL)
            return error_set(err, RC_MEMORY, "There is no memory for a column name.");
    }
    return RC_OK;
}

static bool in_key(const struct table *source, uint32_t index)
{
    for (uint32_t i = 0; i < source->key_count; i++)
        if (source->key[i] == index)
            return true;
    return false;
}

static enum rc plan_columns(dialect_type_fn type, const struct table *source, struct arena *arena,
                            struct load_schema *schema, struct error *err)
{
    for (uint32_t i = 0; i < source->column_count; i++) {
        bool key = in_key(source, i);
        schema->columns[i].target_nullable = !key;
        enum rc rc = type(&source->columns[i], key ? DIALECT_PLACE_KEY : DIALECT_PLACE_VALUE, arena,
                          &schema->columns[i], err);
        if (rc != RC_OK) {
            error_wrap(err, "Column '%.*s' of %.*s.%.*s", SLICE_ARG(source->columns[i].name),
                       SLICE_ARG(source->db), SLICE_ARG(source->name));
            return rc;
        }
    }
    return RC_OK;
}

/* The sort column of a keyless table: one whose type may stay as it is and whose values are not
 * whole documents, else any that can be one. */
static enum rc plan_first(const struct dialect_traits *traits, dialect_type_fn type,
                          const struct table *source, struct arena *arena,
                          struct load_schema *schema, uint32_t *first_out, struct error *err)
{
    for (unsigned round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < source->column_count; i++) {
            struct load_column as_key = schema->columns[i];
            struct error ignored;
            error_clear(&ignored);
            if (type(&source->columns[i], DIALECT_PLACE_KEY, arena, &as_key, &ignored) != RC_OK)
                continue;
            struct dialect_type parsed = dialect_type_parse(traits, as_key.target_type);
            bool same = slice_equal(as_key.target_type, schema->columns[i].target_type);
            if (round == 0 && (!same || parsed.size > DIALECT_SORT_BYTES))
                continue;
            schema->columns[i] = as_key;
            *first_out = i;
            return RC_OK;
        }
    }
    return error_set(err, RC_UNSUPPORTED,
                     "Table %.*s.%.*s has no key and no column by which %s could sort it.",
                     SLICE_ARG(source->db), SLICE_ARG(source->name), traits->product);
}

enum rc dialect_plan(const struct dialect_traits *traits, dialect_type_fn type,
                     const struct table *source, const struct sink_target *target,
                     struct arena *arena, struct load_schema *schema_out, uint32_t *first_out,
                     struct error *err)
{
    enum rc rc = schema_begin(source, target, arena, schema_out, err);
    if (rc == RC_OK)
        rc = plan_columns(type, source, arena, schema_out, err);
    *first_out = 0;
    if (rc == RC_OK && schema_out->keyless)
        rc = plan_first(traits, type, source, arena, schema_out, first_out, err);
    return rc;
}
