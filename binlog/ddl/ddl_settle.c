/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a column definition makes of a column: type, nullability and default by the rules of its
 * table and server, and the rules for TIMESTAMP that were the default before MySQL 8.0 and MariaDB
 * 10.10 (explicit_defaults_for_timestamp).
 */
#include "ddl_table_int.h"

struct ddl_type *ddl_column_type(struct ddl_parser *parser, struct ddl_column *column)
{
    if (!column->is_type_read) {
        ddl_type_of_column(parser, &column->shown, &column->type);
        column->is_type_read = true;
    }
    return &column->type;
}

/* A TIMESTAMP that does not say NULL is NOT NULL where defaults are not explicit. */
static bool is_old_timestamp(const struct ddl_parser *parser, const struct ddl_column_def *def)
{
    return def->type.kind == DDL_TIMESTAMP && !parser->context->explicit_defaults_for_timestamp &&
           def->generated == CATALOG_PLAIN;
}

static bool is_nullable(const struct ddl_parser *parser, const struct ddl_column_def *def)
{
    if (def->null_said)
        return true;
    return !(def->not_null_said || def->is_primary || def->versioning != CATALOG_NOT_VERSIONED ||
             is_old_timestamp(parser, def));
}

void ddl_column_settle(struct ddl_parser *parser, const struct ddl_table *table,
                       const struct ddl_column_def *def, struct ddl_column *column)
{
    if (!ddl_ok(parser))
        return;
    struct catalog_column *shown = &column->shown;
    column->type = def->type;
    column->is_type_read = true;
    column->is_defined = true;
    shown->name = def->name;
    shown->comment = def->comment.ptr == NULL ? SLICE("") : def->comment;
    ddl_type_show(parser, &column->type, &table->collation, shown);
    shown->nullable = is_nullable(parser, def);
    shown->is_invisible = def->is_invisible;
    shown->generated = def->generated;
    shown->versioning = def->versioning;
    column->has_own_default = def->value.kind != DDL_NO_DEFAULT || def->on_update_now ||
                              def->generated != CATALOG_PLAIN || def->null_said;
    struct ddl_default value = def->value;
    shown->is_auto_increment = def->is_auto_increment;
    bool is_zero_default = is_old_timestamp(parser, def) && !shown->nullable &&
                           (value.kind == DDL_NO_DEFAULT || value.kind == DDL_DEFAULT_NULL);
    if (is_zero_default)
        value = (struct ddl_default){.kind = DDL_DEFAULT_TEXT, .value = SLICE("0")};
    /* MariaDB gives these the empty text for a default. */
    if (def->type.is_compressed && !shown->nullable && value.kind == DDL_NO_DEFAULT)
        value = (struct ddl_default){.kind = DDL_DEFAULT_TEXT, .value = SLICE("")};
    if (ddl_ok(parser))
        ddl_default_show(parser, &value, &column->type, shown);
}

void ddl_promote_timestamp(struct ddl_parser *parser, struct ddl_table *table)
{
    if (!ddl_ok(parser) || parser->context->explicit_defaults_for_timestamp)
        return;
    for (uint32_t i = 0; i < table->column_count; i++) {
        struct ddl_column *column = table->columns[i];
        if (!slice_equal(column->shown.data_type, SLICE("timestamp")))
            continue;
        if (column->is_defined && !column->has_own_default && !column->shown.nullable) {
            column->shown.default_value = SLICE_EMPTY;
            column->shown.default_is_expression = true;
            column->shown.has_default = true;
        }
        return; /* only the first one counts */
    }
}

void ddl_add_versioning(struct ddl_parser *parser, struct ddl_table *table)
{
    static const struct {
        const char *name;
        enum catalog_versioning versioning;
    } columns[] = {{"row_start", CATALOG_ROW_START}, {"row_end", CATALOG_ROW_END}};
    for (uint32_t i = 0; i < table->column_count; i++)
        if (table->columns[i]->shown.versioning != CATALOG_NOT_VERSIONED)
            return;
    for (unsigned i = 0; i < COUNT_OF(columns); i++) {
        struct ddl_column *column = ddl_alloc(parser, sizeof(*column));
        if (column == NULL)
            return;
        struct ddl_column_def def = {
            .name = slice_str(columns[i].name),
            .type = {.kind = DDL_TIMESTAMP, .length = 6, .has_length = true},
            .not_null_said = true,
            .is_invisible = true,
            .generated = CATALOG_STORED,
            .versioning = columns[i].versioning,
        };
        column->origin = DDL_NEW_COLUMN;
        ddl_column_settle(parser, table, &def, column);
        ddl_table_insert(parser, table, table->column_count, column);
    }
}
