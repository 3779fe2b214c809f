/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An existing table against a planned load. What differs is told before the first row, with the
 * statement that mends it; a wider table is fine and is taken as it is: the target's own types
 * decide how values are written.
 */
#include "dialect_int.h"

static bool is_key(const struct load_schema *schema, uint32_t index)
{
    for (uint32_t i = 0; i < schema->key_count; i++)
        if (schema->key[i] == index)
            return true;
    return false;
}

/* "ALTER TABLE `db`.`t` ADD COLUMN `c` VARCHAR(80) NULL" behind the error's text. */
static enum rc hint_alter(const struct load_schema *schema, const char *verb, uint32_t index,
                          struct error *err)
{
    const struct load_column *column = &schema->columns[index];
    if (is_key(schema, index)) {
        error_hint(err, "A key column cannot be altered: drop the table and it is created anew, or "
                        "route the source table to another name.");
        return RC_MISMATCH;
    }
    struct buf sql;
    buf_init(&sql, ERROR_TEXT_MAX);
    buf_add_str(&sql, "ALTER TABLE ");
    dialect_add_table_name(&sql, schema->db, schema->table);
    buf_addf(&sql, " %s COLUMN ", verb);
    myconn_add_identifier(&sql, column->target_name);
    buf_addf(&sql, " %.*s NULL", SLICE_ARG(column->target_type));
    error_hint(err, "Run on the target: %s;", buf_cstr(&sql));
    buf_deinit(&sql);
    return RC_MISMATCH;
}

static enum rc compare_column(const struct dialect_traits *traits,
                              const struct dialect_catalog *catalog, struct load_schema *schema,
                              uint32_t index, struct error *err)
{
    const struct column *column = &schema->source->columns[index];
    struct load_column *plan = &schema->columns[index];
    const struct dialect_catalog_column *have = dialect_catalog_find(catalog, plan->target_name);
    if (have == NULL) {
        error_set(err, RC_MISMATCH, "Table %.*s.%.*s of %s has no column '%.*s'.",
                  SLICE_ARG(schema->db), SLICE_ARG(schema->table), traits->product,
                  SLICE_ARG(plan->target_name));
        return hint_alter(schema, "ADD", index, err);
    }
    struct dialect_type want_type = dialect_type_parse(traits, plan->target_type);
    struct dialect_type have_type = dialect_type_parse(traits, have->type);
    enum load_encoding encoding = plan->encoding;
    if (!dialect_type_holds(traits, column, &want_type, &have_type, &encoding)) {
        struct slice source_type =
            column->type.len > 0 ? column->type : slice_str(column_kind_name(column->kind));
        error_set(err, RC_MISMATCH,
                  "Column '%.*s' of %.*s.%.*s is %.*s at %s, which does not hold every value of "
                  "the source's %.*s.",
                  SLICE_ARG(have->name), SLICE_ARG(schema->db), SLICE_ARG(schema->table),
                  SLICE_ARG(have->type), traits->product, SLICE_ARG(source_type));
        return hint_alter(schema, "MODIFY", index, err);
    }
    if (column->nullable && !have->nullable && !is_key(schema, index)) {
        error_set(err, RC_MISMATCH,
                  "Column '%.*s' of %.*s.%.*s is NOT NULL at %s, but the source allows NULL there.",
                  SLICE_ARG(have->name), SLICE_ARG(schema->db), SLICE_ARG(schema->table),
                  traits->product);
        return hint_alter(schema, "MODIFY", index, err);
    }
    if (have_type.family == DIALECT_BOOLEAN && column->kind == COLUMN_INT)
        log_warn("sink.ddl",
                 "A TINYINT(1) column goes into a BOOLEAN: values other than 0 and 1 are not kept.",
                 LOG_SLICE("table", schema->table), LOG_SLICE("column", have->name));
    plan->target_name = have->name;
    plan->target_type = have->type;
    plan->target_nullable = have->nullable;
    plan->encoding = encoding;
    return RC_OK;
}

static bool source_has(const struct load_schema *schema, struct slice name)
{
    for (uint32_t i = 0; i < schema->source->column_count; i++)
        if (slice_equal_nocase(schema->columns[i].target_name, name))
            return true;
    return false;
}

/* A NOT NULL column without default that no source column fills would refuse every row. */
static enum rc compare_unfilled(const struct dialect_traits *traits,
                                const struct dialect_catalog *catalog,
                                const struct load_schema *schema, struct error *err)
{
    for (uint32_t i = 0; i < catalog->column_count; i++) {
        const struct dialect_catalog_column *have = &catalog->columns[i];
        if (have->nullable || have->default_value.ptr != NULL || source_has(schema, have->name))
            continue;
        return error_set(err, RC_MISMATCH,
                         "Column '%.*s' of %.*s.%.*s is NOT NULL without a default at %s, and the "
                         "source table has no such column. Give it a default, make it nullable, or "
                         "drop it.",
                         SLICE_ARG(have->name), SLICE_ARG(schema->db), SLICE_ARG(schema->table),
                         traits->product);
    }
    return RC_OK;
}

static void add_names(struct buf *out, const struct slice *names, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        buf_addf(out, "%s%.*s", i == 0 ? "" : ", ", SLICE_ARG(names[i]));
}

static enum rc key_differs(const struct dialect_traits *traits, const struct dialect_create *create,
                           const struct load_schema *schema, struct error *err)
{
    struct buf have;
    struct buf want;
    buf_init(&have, 400);
    buf_init(&want, 400);
    buf_addf(&have, "%s(", dialect_model_name(create->model));
    add_names(&have, create->keys, create->key_count);
    buf_add_str(&have, ")");
    if (schema->keyless)
        buf_add_str(&want, "DUPLICATE KEY, because the source table has no key");
    else
        buf_addf(&want, "%s(", traits->keyed_model);
    for (uint32_t i = 0; i < schema->key_count; i++)
        buf_addf(&want, "%s%.*s", i == 0 ? "" : ", ",
                 SLICE_ARG(schema->columns[schema->key[i]].target_name));
    if (!schema->keyless)
        buf_add_str(&want, "), the source table's key");
    enum rc rc = error_set(err, RC_MISMATCH,
                           "Table %.*s.%.*s of %s is %s; it must be %s. A key cannot be altered: "
                           "drop the table and it is created anew, or route the source table to "
                           "another name.",
                           SLICE_ARG(schema->db), SLICE_ARG(schema->table), traits->product,
                           buf_cstr(&have), buf_cstr(&want));
    buf_deinit(&have);
    buf_deinit(&want);
    return rc;
}

static enum rc compare_key(const struct dialect_traits *traits, const struct dialect_create *create,
                           const struct load_schema *schema, struct error *err)
{
    const char *model = schema->keyless ? "DUPLICATE KEY" : traits->keyed_model;
    if (strcmp(dialect_model_name(create->model), model) != 0) {
        /* A table of today's products without any key clause keeps every row. */
        if (!(schema->keyless && create->model == DIALECT_MODEL_UNKNOWN))
            return key_differs(traits, create, schema, err);
    }
    if (schema->keyless)
        return RC_OK;
    bool equal = create->key_count == schema->key_count;
    for (uint32_t i = 0; equal && i < schema->key_count; i++) {
        bool found = false;
        for (unsigned k = 0; k < create->key_count; k++)
            found = found || slice_equal_nocase(create->keys[k],
                                                schema->columns[schema->key[i]].target_name);
        equal = found;
    }
    return equal ? RC_OK : key_differs(traits, create, schema, err);
}

enum rc dialect_compare(const struct dialect_traits *traits, const struct dialect_catalog *catalog,
                        struct load_schema *schema, struct error *err)
{
    ASSERT(catalog->column_count > 0);
    enum rc rc = compare_key(traits, &catalog->create, schema, err);
    for (uint32_t i = 0; rc == RC_OK && i < schema->source->column_count; i++)
        rc = compare_column(traits, catalog, schema, i, err);
    return rc == RC_OK ? compare_unfilled(traits, catalog, schema, err) : rc;
}
