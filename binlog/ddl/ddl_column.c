/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a column's definition: name, type, and the attributes of both families in any order. What
 * they make of the column is the business of ddl_settle.c.
 */
#include "ddl_table_int.h"

struct ddl_column_def *ddl_add_column_def(struct ddl_parser *parser,
                                          struct ddl_definition *definition)
{
    void *items = definition->columns;
    if (!ddl_grow(parser, &items, definition->column_count, &definition->column_room,
                  sizeof(*definition->columns), DDL_COLUMNS_MAX, "columns"))
        return NULL;
    definition->columns = items;
    struct ddl_column_def *column = &definition->columns[definition->column_count++];
    *column = (struct ddl_column_def){0};
    return column;
}

static void add_column_key(struct ddl_parser *parser, struct ddl_definition *definition,
                           enum ddl_key_kind kind, struct slice column)
{
    struct ddl_key_def *key = ddl_add_key_def(parser, definition);
    if (key == NULL)
        return;
    key->kind = kind;
    key->parts = ddl_alloc(parser, sizeof(*key->parts));
    if (key->parts == NULL)
        return;
    key->parts[0].column = column;
    key->part_count = 1;
}

void ddl_add_column_keys(struct ddl_parser *parser, struct ddl_definition *definition,
                         const struct ddl_column_def *column)
{
    if (column->is_unique && column->unique_is_first)
        add_column_key(parser, definition, DDL_KEY_UNIQUE, column->name);
    if (column->is_primary)
        add_column_key(parser, definition, DDL_KEY_PRIMARY, column->name);
    if (column->is_unique && !column->unique_is_first)
        add_column_key(parser, definition, DDL_KEY_UNIQUE, column->name);
    /* REFERENCES at a column makes an index since these versions; older ones ignore it. */
    const struct ddl_context *context = parser->context;
    if (column->is_referencing && context->version >= (context->is_mariadb ? 100500U : 90000U))
        add_column_key(parser, definition, DDL_KEY_FOREIGN, column->name);
}

static void set_unique(struct ddl_column_def *column)
{
    column->unique_is_first = column->unique_is_first || !column->is_primary;
    column->is_unique = true;
}

/* GENERATED ALWAYS AS ..., and AS ... alone */
static void read_generated(struct ddl_parser *parser, struct ddl_column_def *column)
{
    if (ddl_accept(parser, "ROW")) {
        if (ddl_accept(parser, "START"))
            column->versioning = CATALOG_ROW_START;
        else if (ddl_accept(parser, "END"))
            column->versioning = CATALOG_ROW_END;
        else
            ddl_expected(parser, "START or END");
        column->generated = CATALOG_STORED;
        return;
    }
    column->generated = CATALOG_VIRTUAL;
    ddl_skip_parentheses(parser);
}

static bool accept_generated(struct ddl_parser *parser, struct ddl_column_def *column)
{
    if (ddl_accept(parser, "GENERATED")) {
        ddl_expect(parser, "ALWAYS");
        ddl_expect(parser, "AS");
        read_generated(parser, column);
    } else if (ddl_accept(parser, "AS")) {
        read_generated(parser, column);
    } else if (ddl_accept(parser, "VIRTUAL")) {
        column->generated = CATALOG_VIRTUAL;
    } else if (ddl_accept(parser, "STORED") || ddl_accept(parser, "PERSISTENT")) {
        column->generated = CATALOG_STORED;
    } else {
        return false;
    }
    return true;
}

static bool accept_key_word(struct ddl_parser *parser, struct ddl_column_def *column)
{
    if (ddl_accept(parser, "UNIQUE")) {
        (void)ddl_accept(parser, "KEY");
        set_unique(column);
    } else if (ddl_accept(parser, "PRIMARY")) {
        ddl_expect(parser, "KEY");
        column->is_primary = true;
    } else if (ddl_accept(parser, "KEY")) {
        column->is_primary = true;
    } else {
        return false;
    }
    return true;
}

static void set_nullable(struct ddl_column_def *column, bool nullable)
{
    column->null_said = nullable;
    column->not_null_said = !nullable;
}

/* NULL, NOT NULL, DEFAULT, ON UPDATE, AUTO_INCREMENT, SERIAL DEFAULT VALUE */
static bool accept_value(struct ddl_parser *parser, struct ddl_column_def *column)
{
    if (ddl_accept(parser, "NULL")) {
        set_nullable(column, true);
    } else if (ddl_accept_pair(parser, "NOT", "NULL")) {
        set_nullable(column, false);
    } else if (ddl_accept(parser, "DEFAULT")) {
        ddl_read_default(parser, &column->value);
    } else if (ddl_accept_pair(parser, "ON", "UPDATE")) {
        ddl_skip_expression(parser);
        column->on_update_now = true;
    } else if (ddl_accept(parser, "AUTO_INCREMENT")) {
        column->is_auto_increment = true;
        set_nullable(column, false);
    } else if (ddl_accept_pair(parser, "SERIAL", "DEFAULT")) {
        ddl_expect(parser, "VALUE");
        column->is_auto_increment = true;
        set_nullable(column, false);
        set_unique(column);
    } else {
        return false;
    }
    return true;
}

/* [CONSTRAINT [name]] CHECK (...) [[NOT] ENFORCED] */
static bool accept_check(struct ddl_parser *parser)
{
    if (ddl_accept(parser, "CONSTRAINT") && !ddl_at(parser, "CHECK"))
        (void)ddl_read_name(parser);
    if (!ddl_accept(parser, "CHECK"))
        return false;
    ddl_skip_parentheses(parser);
    if (!ddl_accept_pair(parser, "NOT", "ENFORCED"))
        (void)ddl_accept(parser, "ENFORCED");
    return true;
}

static void skip_value(struct ddl_parser *parser)
{
    if (ddl_at_mark(parser, '('))
        ddl_skip_parentheses(parser);
    else if (ddl_at_end(parser))
        ddl_expected(parser, "a value");
    else
        ddl_next(parser);
}

/* Words that say nothing about what a row means. */
static bool accept_harmless(struct ddl_parser *parser)
{
    static const char *const with_value[] = {
        "COLUMN_FORMAT", "STORAGE", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE", "SRID",
        "REF_SYSTEM_ID", NULL};
    if (ddl_at_any(parser, with_value)) {
        ddl_next(parser);
        (void)ddl_accept_mark(parser, '=');
        skip_value(parser);
        return true;
    }
    if (ddl_accept_pair(parser, "NOT", "SECONDARY") ||
        ddl_accept_pair(parser, "WITHOUT", "SYSTEM") || ddl_accept_pair(parser, "WITH", "SYSTEM")) {
        (void)ddl_accept(parser, "VERSIONING");
        return true;
    }
    /* MariaDB: any attribute of the engine's own, name=value. */
    struct ddl_token following = ddl_peek(parser);
    if (!ddl_at_name(parser) || !ddl_token_is_mark(&following, '='))
        return false;
    ddl_next(parser);
    ddl_next(parser);
    skip_value(parser);
    return true;
}

static bool accept_attribute(struct ddl_parser *parser, struct ddl_column_def *column)
{
    if (accept_value(parser, column) || accept_key_word(parser, column) ||
        accept_generated(parser, column))
        return true;
    if (ddl_accept(parser, "COMMENT")) {
        column->comment = ddl_read_string(parser);
    } else if (ddl_accept(parser, "INVISIBLE")) {
        column->is_invisible = true;
    } else if (ddl_accept(parser, "VISIBLE")) {
        column->is_invisible = false;
    } else if (ddl_accept(parser, "COMPRESSED")) {
        column->type.is_compressed = true;
        if (ddl_accept_mark(parser, '='))
            skip_value(parser);
    } else if (ddl_accept(parser, "REFERENCES")) {
        ddl_skip_references(parser);
        column->is_referencing = true;
    } else {
        return ddl_accept_collate(parser, &column->type.charset) || accept_check(parser) ||
               accept_harmless(parser);
    }
    return true;
}

/* Where a column's definition ends: what stands there belongs to the list or to ALTER TABLE. */
static bool at_column_end(const struct ddl_parser *parser)
{
    static const char *const words[] = {"FIRST", "AFTER", "PARTITION", "REMOVE", NULL};
    return ddl_at_mark(parser, ',') || ddl_at_mark(parser, ')') || ddl_at_end(parser) ||
           ddl_at_any(parser, words);
}

void ddl_read_column_body(struct ddl_parser *parser, struct ddl_column_def *column)
{
    ddl_read_type(parser, &column->type);
    if (column->type.is_serial) {
        column->is_auto_increment = true;
        set_nullable(column, false);
        set_unique(column);
    }
    while (ddl_ok(parser) && !at_column_end(parser))
        if (!accept_attribute(parser, column))
            ddl_expected(parser, "an attribute of a column");
}

void ddl_read_column(struct ddl_parser *parser, struct ddl_column_def *column)
{
    column->name = ddl_read_column_name(parser);
    ddl_read_column_body(parser, column);
}
